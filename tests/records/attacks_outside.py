"""Attacks on what others say of a home: a witness's lines and an authority's time stamps, and on compressed records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import zstandard

from estim.records.anchor import read_anchors, signed
from estim.records.home import Home
from estim.records.keys import seeded_signer, station_signer
from estim.records.signed_chain import append_signed
from estim.records.station import begin_station
from tests.records.attacks import ANCHOR, WITNESS, attack, master, real, record, sessions, station
from tests.records.attacks_more import sealed_anew
from tests.records.build import session

# What an auditor types who has the witness's lines and key; and who has the authority's certificate.
BY_WITNESS = ("--anchor", "{}/witness.txt", "--witness-key", "{witness}")
BY_STAMPS = ("--stamp-roots", "{}/authority/root.pem")
BY_COPY = ("--anchor", "{}/copy.stamp", *BY_STAMPS)


def lines_of(home: Home) -> Path:
    return home.root.with_name("witness.txt")


def stamps(home: Home) -> list[Path]:
    return sorted((home.root / "stamps").glob("*.stamp"))


def kept_elsewhere(home: Home) -> Path:
    return home.root.with_name("copy.stamp")


def back_to(home: Home, copy: Path) -> None:
    shutil.rmtree(home.root)
    shutil.copytree(copy, home.root)


# -- a witness --------------------------------------------------------------------------------------------------------


@attack("witness", "the home put back to a copy of before its last look", told=BY_WITNESS)
def _(home: Home, copy: Path) -> None:
    back_to(home, copy)


@attack("witness", "the number of lines changed in its line", told=BY_WITNESS)
def _(home: Home, _copy: Path) -> None:
    text = lines_of(home).read_text(encoding="utf-8")
    number = read_anchors(text)[-1].heads["real"][0]
    lines_of(home).write_text(text.replace(f"real={number}:", f"real={number - 2}:"), encoding="utf-8")


def forged(home: Home, by: int) -> str:
    """A line about the home as it is now, by somebody who is no witness."""
    of = read_anchors(lines_of(home).read_text(encoding="utf-8"))[0].of
    return f"{signed(seeded_signer(by), home.root, of=of)}\n"


@attack("witness", "the home put back, and a line about it signed by a stranger", told=BY_WITNESS)
def _(home: Home, copy: Path) -> None:
    text = lines_of(home).read_text(encoding="utf-8")
    back_to(home, copy)
    lines_of(home).write_text(forged(home, 99), encoding="utf-8")
    assert text != lines_of(home).read_text(encoding="utf-8")


@attack("witness", "the home put back, and a line about it signed with the station's own key",
        told=("--anchor", "{}/witness.txt"))  # fmt: skip
def _(home: Home, copy: Path) -> None:
    back_to(home, copy)
    signer = station_signer(home.root)
    lines_of(home).write_text(f"{signed(signer, home.root, of=signer.public_hex)}\n", encoding="utf-8")


@attack("witness", "its line about another station in the file", told=BY_WITNESS)
def _(home: Home, _copy: Path) -> None:
    signer = seeded_signer(99)
    lines_of(home).write_text(
        f"{signed(station_signer(home.root.with_name('witness')), home.root, of=signer.public_hex)}\n", encoding="utf-8"
    )


@attack("witness", "its lines taken out of the file, an anchor of the station left", told=BY_WITNESS)
def _(home: Home, _copy: Path) -> None:
    lines_of(home).write_text(f"{signed(station_signer(home.root), home.root)}\n", encoding="utf-8")


@attack("witness", "the home put back, and its younger line taken out of the file", WITNESS, told=BY_WITNESS)
def _(home: Home, copy: Path) -> None:
    back_to(home, copy)
    lines = lines_of(home).read_text(encoding="utf-8").splitlines(keepends=True)
    lines_of(home).write_text(lines[0], encoding="utf-8")


# -- time stamps ------------------------------------------------------------------------------------------------------


@attack("time stamps", "one removed")
def _(home: Home, _copy: Path) -> None:
    stamps(home)[0].unlink()


@attack("time stamps", "two exchanged")
def _(home: Home, _copy: Path) -> None:
    first, last = stamps(home)[0], stamps(home)[-1]
    one, other = first.read_bytes(), last.read_bytes()
    first.write_bytes(other)
    last.write_bytes(one)


@attack("time stamps", "a byte of the authority's answer changed")
def _(home: Home, _copy: Path) -> None:
    data = stamps(home)[0].read_bytes()
    at = data.index(b"STAMP-----\n") + 400
    stamps(home)[0].write_bytes(data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :])


@attack("time stamps", "one of a forged authority put among them")
def _(home: Home, _copy: Path) -> None:
    shutil.copy(home.root.with_name("forged.stamp"), home.root / "stamps" / "20200101T000000Z.stamp")


@attack("time stamps", "the copy kept elsewhere replaced by one of a forged authority of the same name", told=BY_COPY)
def _(home: Home, _copy: Path) -> None:
    shutil.copy(home.root.with_name("forged.stamp"), kept_elsewhere(home))


@attack("time stamps", "the anchor in the copy kept elsewhere replaced by one of today", told=BY_COPY)
def _(home: Home, _copy: Path) -> None:
    _, block = kept_elsewhere(home).read_text(encoding="ascii").split("\n", maxsplit=1)
    text = f"{signed(station_signer(home.root), home.root)}\n{block}"
    kept_elsewhere(home).write_text(text, encoding="ascii")


@attack("time stamps", "the home put back to before the stamp that is kept elsewhere", told=BY_COPY)
def _(home: Home, copy: Path) -> None:
    back_to(home, copy)


@attack("time stamps", "the home put back, its stamps with it, no copy kept elsewhere", ANCHOR, told=BY_STAMPS)
def _(home: Home, copy: Path) -> None:
    back_to(home, copy)


# -- keys that a person brings in --------------------------------------------------------------------------------------


@attack("keys", "a stranger's key brought in as after a lost one, the last session forged and sealed with it", ANCHOR,
        says="was introduced by T1")  # fmt: skip
def _(home: Home, copy: Path) -> None:
    stranger = seeded_signer(99)
    sealed_anew(home, stranger)
    folder, forged = sessions(home)[-1].name, record(home).read_bytes()
    back_to(home, copy)  # nothing that is left saw the session
    with (home.root / "keys" / "station-keys.txt").open("a", encoding="ascii") as file:
        file.write(f"{stranger.key_id} {stranger.public_hex}\n")
    key = {"event": "key", "public_key": stranger.public_hex, "operator": "T1", "reason": "the old one was lost"}
    append_signed(station(home), stranger, key)
    (real(home) / folder).mkdir()
    record(home).write_bytes(forged)
    lines = forged.splitlines()
    said = {"session": folder, "head": str(json.loads(lines[-1])["hash"]), "lines": len(lines)}
    append_signed(master(home), stranger, {"event": "sealed", **said})


@attack("whole home", "made anew with a stranger's key", ANCHOR)
def _(home: Home, _copy: Path) -> None:
    shutil.rmtree(home.root)
    home.root.mkdir()
    begin_station(home.root)
    session(home, "K-1", simulated=False)


# -- compressed records -----------------------------------------------------------------------------------------------


def pack(home: Home, change: bytes | None = None) -> Path:
    """The last record compressed in its place."""
    data = record(home).read_bytes() if change is None else change
    packed = record(home).with_name("record.jsonl.zst")
    packed.write_bytes(zstandard.ZstdCompressor().compress(data))
    record(home).unlink()
    return packed


@attack("compressed records", "cut short", says="it was cut")
def _(home: Home, _copy: Path) -> None:
    packed = pack(home)
    packed.write_bytes(packed.read_bytes()[:-20])


@attack("compressed records", "cut to nothing", says="it was cut")
def _(home: Home, _copy: Path) -> None:
    pack(home).write_bytes(b"")


@attack("compressed records", "a byte changed")
def _(home: Home, _copy: Path) -> None:
    packed = pack(home)
    data = packed.read_bytes()
    packed.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])


@attack("compressed records", "the end of what is compressed cut off, its frame whole")
def _(home: Home, _copy: Path) -> None:
    lines = record(home).read_bytes().splitlines(keepends=True)
    pack(home, b"".join(lines[:-1]))


@attack("compressed records", "another session's compressed file in its place")
def _(home: Home, _copy: Path) -> None:
    packed = pack(home)
    packed.write_bytes(zstandard.ZstdCompressor().compress(record(home, 0).read_bytes()))


@attack("compressed records", "one made of what unpacks to a hundred times as much")
def _(home: Home, _copy: Path) -> None:
    packed = pack(home)
    packed.write_bytes(zstandard.ZstdCompressor().compress(b"\0" * 20_000_000))
