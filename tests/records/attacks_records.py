"""Attacks on records and their folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
import zstandard

from estim.records.canonical import canonical
from estim.records.home import Home
from estim.records.keys import seeded_signer
from estim.records.signed_chain import append_signed
from tests.records.attacks import NOTHING, attack, cut, real, record, replace, sessions, station
from tests.records.build import forged, session
from tests.support import linked


@attack("records", "a digit changed")
def _(home: Home, _copy: Path) -> None:
    replace(record(home), b'"pulses":4500', b'"pulses":4501')


@attack("records", "a digit changed in an older session, its times put back")
def _(home: Home, _copy: Path) -> None:
    look = record(home, 0).stat()
    replace(record(home, 0), b'"pulses":4500', b'"pulses":4501')
    os.utime(record(home, 0), ns=(look.st_atime_ns, look.st_mtime_ns))


@attack("records", "the seal cut off")
def _(home: Home, _copy: Path) -> None:
    cut(record(home))


@attack("records", "the end cut off at an earlier checkpoint")
def _(home: Home, _copy: Path) -> None:
    lines = record(home).read_bytes().splitlines(keepends=True)
    last = max(at for at, line in enumerate(lines[:-1]) if b'"kind":"checkpoint"' in line)
    record(home).write_bytes(b"".join(lines[: last + 1]))


@attack("records", "a byte cut off")
def _(home: Home, _copy: Path) -> None:
    record(home).write_bytes(record(home).read_bytes()[:-1])


@attack("records", "a blank line added at the end")
def _(home: Home, _copy: Path) -> None:
    record(home).write_bytes(record(home).read_bytes() + b"\n")


@attack("records", "emptied")
def _(home: Home, _copy: Path) -> None:
    record(home).write_bytes(b"")


@attack("records", "the file removed, the folder left")
def _(home: Home, _copy: Path) -> None:
    record(home).unlink()


@attack("records", "the session's folder removed")
def _(home: Home, _copy: Path) -> None:
    shutil.rmtree(sessions(home)[-1])


@attack("records", "the session's folder removed, and a stranger's line that its time was over")
def _(home: Home, _copy: Path) -> None:
    seal = json.loads(record(home).read_bytes().splitlines()[-1])
    said = {"session": sessions(home)[-1].name, "kind": "real", "head": seal["hash"], "lines": seal["n"] + 1}
    append_signed(station(home), seeded_signer(99), {"event": "removed", **said, "until": "2026-01-01"})
    shutil.rmtree(sessions(home)[-1])


@attack("records", "the folder renamed")
def _(home: Home, _copy: Path) -> None:
    sessions(home)[-1].rename(real(home) / "20261121T120000.000000Z-K-9")


@attack("records", "a session copied under another name")
def _(home: Home, _copy: Path) -> None:
    shutil.copytree(sessions(home)[-1], real(home) / "20261122T120000.000000Z-K-1")


@attack("records", "an older session in its place")
def _(home: Home, _copy: Path) -> None:
    shutil.copy(record(home, 0), record(home))


@attack("records", "two sessions swapped")
def _(home: Home, _copy: Path) -> None:
    first, last = record(home, 0).read_bytes(), record(home).read_bytes()
    record(home, 0).write_bytes(last)
    record(home).write_bytes(first)


@attack("records", "a session moved among the simulated ones")
def _(home: Home, _copy: Path) -> None:
    home.records(simulated=True).mkdir(parents=True, exist_ok=True)
    sessions(home)[-1].rename(home.records(simulated=True) / sessions(home)[-1].name)


@attack("records", "a simulated session put among the real ones")
def _(home: Home, _copy: Path) -> None:
    made = session(home, "K-8", simulated=True)
    made.rename(real(home) / made.name)


@attack("records", "a forged plain file beside a compressed one")
def _(home: Home, _copy: Path) -> None:
    data = record(home).read_bytes()
    record(home).with_name("record.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(data))
    record(home).write_bytes(data.replace(b'"pulses":4500', b'"pulses":4501'))


@attack("records", "replaced by a compressed file with one digit changed")
def _(home: Home, _copy: Path) -> None:
    data = record(home).read_bytes().replace(b'"pulses":4500', b'"pulses":4501')
    record(home).with_name("record.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(data))
    record(home).unlink()


@attack("records", "a compressed file with bytes behind its end")
def _(home: Home, _copy: Path) -> None:
    data = zstandard.ZstdCompressor().compress(record(home).read_bytes())
    more = zstandard.ZstdCompressor().compress(b'{"kind":"note"}\n')
    record(home).with_name("record.jsonl.zst").write_bytes(data + more)
    record(home).unlink()


@attack("records", "the seal's signature written in capital digits, its hash made anew")
def _(home: Home, _copy: Path) -> None:
    lines = record(home).read_bytes().splitlines(keepends=True)
    seal = json.loads(lines[-1])
    seal["fields"]["signature"] = seal["fields"]["signature"].upper()
    seal["hash"] = hashlib.sha256(canonical({key: seal[key] for key in seal if key != "hash"})).hexdigest()
    record(home).write_bytes(b"".join([*lines[:-1], canonical(seal) + b"\n"]))


@attack("records", "a folder in the record's place")
def _(home: Home, _copy: Path) -> None:
    record(home).unlink()
    record(home).mkdir()


@attack("records", "a link to nowhere in the record's place")
def _(home: Home, _copy: Path) -> None:
    record(home).unlink()
    linked(record(home), home.root / "nowhere")


@attack("records", "a pipe in the record's place")
def _(home: Home, _copy: Path) -> None:
    piped(record(home))


@attack("patients", "a link to a device that never ends in the file's place")
def _(home: Home, _copy: Path) -> None:
    home.patients.unlink()
    linked(home.patients, Path("/dev/zero"))


@attack("records", "a forged compressed file beside the plain one", NOTHING)
def _(home: Home, _copy: Path) -> None:
    data = record(home).read_bytes().replace(b'"pulses":4500', b'"pulses":4501')
    record(home).with_name("record.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(data))


@attack("records", "a segment behind a gap in their numbers", NOTHING)
def _(home: Home, _copy: Path) -> None:
    record(home).with_name("record.2.jsonl").write_bytes(b'{"kind":"take-over"}\n')


@attack("records", "a folder without a record, named as a session", NOTHING)
def _(home: Home, _copy: Path) -> None:
    (real(home) / "20261121T130000.000000Z-K-9").mkdir()


@attack("keys", "the station's private key replaced by a stranger's")
def _(home: Home, _copy: Path) -> None:
    (home.root / "keys" / "station.key").write_bytes(seeded_signer(99).key.private_bytes_raw())


@attack("keys", "the same, and the stranger's key put among the published ones")
def _(home: Home, _copy: Path) -> None:
    stranger = seeded_signer(99)
    (home.root / "keys" / "station.key").write_bytes(stranger.key.private_bytes_raw())
    with (home.root / "keys" / "station-keys.txt").open("a", encoding="ascii") as file:
        file.write(f"{stranger.key_id} {stranger.public_hex}\n")


@attack(
    "keys", "a person's key removed by hand", NOTHING, says="no line of the station's chain says that it was erased"
)
def _(home: Home, _copy: Path) -> None:
    for path in (home.root / "keys" / "people").iterdir():
        path.unlink()


@attack(
    "keys", "a person's key damaged", NOTHING, says="gone, damaged or another one, and no line of the station's chain"
)
def _(home: Home, _copy: Path) -> None:
    for path in (home.root / "keys" / "people").iterdir():
        path.write_bytes(path.read_bytes()[:-1])


@attack(
    "records", "a file of holes, larger than any memory, in the record's place", says="more than this program writes"
)
def _(home: Home, _copy: Path) -> None:
    os.truncate(record(home), 1 << 43)


@attack("records", "a session copied under a name whose line end forges a line that says verified", says="<U+000A>")
def _(home: Home, _copy: Path) -> None:
    if os.name != "posix":
        pytest.skip("this system has no such names")
    folder = sessions(home)[0]
    shutil.copytree(folder, folder.with_name(f"{folder.name}\n{folder.name}: verified, 20 records, complete"))


@attack("station's chain", "a line without what its event says, its hash and all behind it made to fit")
def _(home: Home, _copy: Path) -> None:
    forged(station(home), 1, lambda entry: [entry.pop(key) for key in list(entry) if key in {"register", "public_key"}])


def piped(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no such pipes")
    path.unlink()
    os.mkfifo(path)
