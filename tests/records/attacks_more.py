"""The rest of the table of attacks: seals, chains, keys, whole homes, and what lies beside the records."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from estim.care.plan import new_plan
from estim.records.canonical import canonical
from estim.records.chain import GENESIS, Chain
from estim.records.home import Home
from estim.records.keys import Signer, seeded_signer, station_signer
from estim.records.signed_chain import append_signed
from tests.records.attacks import (
    ANCHOR,
    NOTHING,
    attack,
    cut,
    edit,
    master,
    real,
    record,
    replace,
    sessions,
    station,
)  # fmt: skip
from tests.records.build import NOON, session

# -- seals ------------------------------------------------------------------------------------------------------------


def sealed_anew(home: Home, signer: Signer) -> None:
    """The last record written anew with one line changed, every checkpoint signed by `signer`."""
    chain, made = Chain(simulated=False), []
    for line in record(home).read_bytes().splitlines():
        entry = json.loads(line)
        fields: dict[str, Any] = entry["fields"]
        if entry["kind"] == "end":
            fields = {**fields, "outcome": "stopped"}
        if "signature" in fields:
            said = {key: fields[key] for key in fields if key not in {"signature", "key_id", "segments"}}
            said["public_key"] = signer.public_hex
            made.append(chain.checkpoint(signer.sign, signer.key_id, entry["t_us"], said, kind=entry["kind"]))
        else:
            made.append(chain.line(entry["kind"], fields, entry["t_us"]))
    record(home).write_bytes(b"".join(made))


@attack("seals", "the record made anew and sealed with a stranger's key")
def _(home: Home, _copy: Path) -> None:
    sealed_anew(home, seeded_signer(99))


@attack("seals", "the same, and the stranger's key put among the published ones")
def _(home: Home, _copy: Path) -> None:
    stranger = seeded_signer(99)
    sealed_anew(home, stranger)
    with (home.root / "keys" / "station-keys.txt").open("a", encoding="ascii") as file:
        file.write(f"{stranger.key_id} {stranger.public_hex}\n")


@attack("seals", "the record made anew with the station's own key, the chain left")
def _(home: Home, _copy: Path) -> None:
    sealed_anew(home, station_signer(home.root))


@attack("seals", "its digests of the files changed")
def _(home: Home, _copy: Path) -> None:
    replace(record(home), b'"segments":[{"bytes":', b'"segments":[{"bytes":1')


@attack("seals", "its signature replaced by another checkpoint's")
def _(home: Home, _copy: Path) -> None:
    lines = [json.loads(line) for line in record(home).read_bytes().splitlines()]
    signatures = [line["fields"]["signature"] for line in lines if "key_id" in line["fields"]]
    replace(record(home), signatures[-1].encode(), signatures[0].encode())


@attack("seals", "a second one behind it")
def _(home: Home, _copy: Path) -> None:
    lines = record(home).read_bytes().splitlines(keepends=True)
    record(home).write_bytes(b"".join([*lines, lines[-1]]))


@attack("seals", "a further segment behind a sealed record")
def _(home: Home, _copy: Path) -> None:
    (sessions(home)[-1] / "record.1.jsonl").write_bytes(record(home).read_bytes().splitlines(keepends=True)[-1])


# -- the chains of sessions and of the station ------------------------------------------------------------------------


def without(path: Path, what: bytes) -> None:
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(keepends=True) if what not in line))


def chained_anew(path: Path, signer: Signer, *, drop: bytes = b"\0") -> None:
    """A chain written anew without the lines that hold `drop`, signed by `signer`."""
    prev, made, number = GENESIS, b"", 0
    for line in path.read_bytes().splitlines():
        if drop in line:
            continue
        body = {key: value for key, value in json.loads(line).items() if key not in {"hash", "signature"}}
        body |= {"n": number, "prev": prev, "key_id": signer.key_id}
        prev = hashlib.sha256(canonical(body)).hexdigest()
        made += canonical({**body, "hash": prev, "signature": signer.sign(bytes.fromhex(prev)).hex()}) + b"\n"
        number += 1
    path.write_bytes(made)


@attack("chain of sessions", "removed")
def _(home: Home, _copy: Path) -> None:
    master(home).unlink()


@attack("chain of sessions", "a byte changed")
def _(home: Home, _copy: Path) -> None:
    replace(master(home), b'"lines":', b'"lines":1')


@attack("chain of sessions", "its last line cut off")
def _(home: Home, _copy: Path) -> None:
    cut(master(home))


@attack("chain of sessions", "a session and its lines removed")
def _(home: Home, _copy: Path) -> None:
    name = sessions(home)[0].name
    shutil.rmtree(sessions(home)[0])
    without(master(home), name.encode())


@attack("chain of sessions", "the last session and its lines removed, the station's chain left")
def _(home: Home, _copy: Path) -> None:
    name = sessions(home)[-1].name
    shutil.rmtree(sessions(home)[-1])
    without(master(home), name.encode())


@attack("chain of sessions", "written anew without a session, with a stranger's key")
def _(home: Home, _copy: Path) -> None:
    name = sessions(home)[-1].name
    shutil.rmtree(sessions(home)[-1])
    chained_anew(master(home), seeded_signer(99), drop=name.encode())


@attack("chain of sessions", "written anew without a session, with the station's own key")
def _(home: Home, _copy: Path) -> None:
    name = sessions(home)[-1].name
    shutil.rmtree(sessions(home)[-1])
    chained_anew(master(home), station_signer(home.root), drop=name.encode())


@attack("chain of sessions", "an older one put back, the younger session removed")
def _(home: Home, copy: Path) -> None:
    shutil.rmtree(sessions(home)[-1])
    shutil.copy(copy / "records/real/master.jsonl", master(home))


def after_a_power_cut(home: Home) -> Path:
    """A line that was cut within, the next session's that names it, and the file that keeps it."""
    with master(home).open("ab") as file:
        file.write(b'{"event":"opened","head')
    session(home, "K-7", at=NOON.replace(hour=20), simulated=False)
    (kept,) = real(home).glob("master.torn.*")
    return kept


@attack("chain of sessions", "what a power cut left of a line removed")
def _(home: Home, _copy: Path) -> None:
    after_a_power_cut(home).unlink()


@attack("chain of sessions", "what a power cut left of a line changed")
def _(home: Home, _copy: Path) -> None:
    after_a_power_cut(home).write_bytes(b"{}")


@attack("station's chain", "removed")
def _(home: Home, _copy: Path) -> None:
    station(home).unlink()


@attack("station's chain", "its end cut off behind what sessions saw")
def _(home: Home, _copy: Path) -> None:
    station(home).write_bytes(b"".join(station(home).read_bytes().splitlines(keepends=True)[:2]))


@attack("station's chain", "a reason changed")
def _(home: Home, _copy: Path) -> None:
    replace(station(home), b"the same person", b"not the same person")


@attack("station's chain", "written anew with a stranger's key")
def _(home: Home, _copy: Path) -> None:
    chained_anew(station(home), seeded_signer(99))


@attack("station's chain", "an older one put back, with the registers of that time")
def _(home: Home, copy: Path) -> None:
    for name in ("station.jsonl", "operators.json", "patients.json", "site.toml"):
        shutil.copy(copy / name, home.root / name)


@attack("station's chain", "a line of a late signature moved to another session")
def _(home: Home, _copy: Path) -> None:
    replace(station(home), sessions(home)[0].name.encode(), sessions(home)[-1].name.encode())


@attack("station's chain", "a line that a stranger signed added: today's session cleared")
def _(home: Home, _copy: Path) -> None:
    said = {"event": "cleared", "session": sessions(home)[-1].name, "operator": "T1", "reason": "x"}
    append_signed(station(home), seeded_signer(99), said)


# -- keys -------------------------------------------------------------------------------------------------------------


@attack("keys", "a stranger's key put among the published ones")
def _(home: Home, _copy: Path) -> None:
    stranger = seeded_signer(99)
    with (home.root / "keys" / "station-keys.txt").open("a", encoding="ascii") as file:
        file.write(f"{stranger.key_id} {stranger.public_hex}\n")


@attack("keys", "the published keys removed")
def _(home: Home, _copy: Path) -> None:
    (home.root / "keys" / "station-keys.txt").unlink()


@attack("keys", "the published key replaced by a stranger's under the same id")
def _(home: Home, _copy: Path) -> None:
    path = home.root / "keys" / "station-keys.txt"
    path.write_text(f"{path.read_text().split()[0]} {seeded_signer(99).public_hex}\n", encoding="ascii")


# -- whole homes ------------------------------------------------------------------------------------------------------


@attack("whole home", "yesterday's copy of everything put back", ANCHOR)
def _(home: Home, copy: Path) -> None:
    shutil.rmtree(home.root)
    shutil.copytree(copy, home.root)


@attack("whole home", "the last session, its lines and every later line of both chains removed", ANCHOR)
def _(home: Home, copy: Path) -> None:
    shutil.rmtree(sessions(home)[-1])
    for name in ("station.jsonl", "records/real/master.jsonl", "operators.json", "patients.json", "site.toml"):
        shutil.copy(copy / name, home.root / name)
    for name in ("care", "trials", "qualifications", "stamps"):
        if not (copy / name).exists():
            continue
        shutil.rmtree(home.root / name)
        shutil.copytree(copy / name, home.root / name)


@attack("whole home", "made anew with the station's key (which the attacker has)", ANCHOR)
def _(home: Home, _copy: Path) -> None:
    from estim.records.station import begin_station

    key = (home.root / "keys" / "station.key").read_bytes()
    shutil.rmtree(home.root)
    (home.root / "keys").mkdir(parents=True)
    (home.root / "keys" / "station.key").write_bytes(key)
    os.chmod(home.root / "keys" / "station.key", 0o600)
    begin_station(home.root)
    session(home, "K-1", simulated=False)


@attack("whole home", "cloned; the clone went on without the last session", ANCHOR)
def _(home: Home, copy: Path) -> None:
    shutil.rmtree(home.root)
    shutil.copytree(copy, home.root)
    session(home, "K-7", at=NOON.replace(hour=20), simulated=False)


# -- what lies beside the records -------------------------------------------------------------------------------------


def plan(home: Home) -> Path:
    return home.root / "plans" / "ours.toml"


@attack("plans", "a gate of a plan that a course goes by made lower")
def _(home: Home, _copy: Path) -> None:
    replace(plan(home), b"review_every_days = ", b"review_every_days = 1")


@attack("plans", "the file removed")
def _(home: Home, _copy: Path) -> None:
    plan(home).unlink()


@attack("plans", "another plan put in its place")
def _(home: Home, _copy: Path) -> None:
    plan(home).write_text(new_plan("knee-replacement", "ours", "Ours"), encoding="utf-8")


def course(home: Home) -> Path:
    return home.root / "care" / "real" / "k-1.jsonl"


@attack("course of care", "a value changed")
def _(home: Home, _copy: Path) -> None:
    replace(course(home), b'"7"', b'"2"')


@attack("course of care", "its last entry cut off")
def _(home: Home, _copy: Path) -> None:
    cut(course(home))


@attack("course of care", "removed")
def _(home: Home, _copy: Path) -> None:
    course(home).unlink()


@attack("course of care", "written anew with a stranger's key")
def _(home: Home, _copy: Path) -> None:
    chained_anew(course(home), seeded_signer(99))


@attack("course of care", "written anew with the station's own key, an entry left out")
def _(home: Home, _copy: Path) -> None:
    chained_anew(course(home), station_signer(home.root), drop=b'"7"')


@attack("course of care", "copied to another patient")
def _(home: Home, _copy: Path) -> None:
    shutil.copy(course(home), course(home).with_name("k-2.jsonl"))


@attack("course of care", "practice put among what was done with people")
def _(home: Home, _copy: Path) -> None:
    shutil.copy(home.root / "care" / "simulated" / "k-3.jsonl", course(home).with_name("k-3.jsonl"))


@attack("trials", "the sealed list changed: one patient's kit holds another arm")
def _(home: Home, _copy: Path) -> None:
    edit(home.root / "trials" / "short" / "sealed.json", lambda data: data["slots"].reverse())


@attack("trials", "the trial's file changed")
def _(home: Home, _copy: Path) -> None:
    replace(home.root / "trials" / "short" / "trial.toml", b"sessions = 1", b"sessions = 2")


@attack("trials", "an enrolment cut off, to draw again")
def _(home: Home, _copy: Path) -> None:
    cut(home.root / "trials" / "short" / "trial.jsonl")


@attack("trials", "the trial removed, to see what was blinded")
def _(home: Home, _copy: Path) -> None:
    shutil.rmtree(home.root / "trials")


@attack("qualifications", "a device's failure made a pass")
def _(home: Home, _copy: Path) -> None:
    replace(next((home.root / "qualifications").glob("*.json")), b'"fail"', b'"pass"')


@attack("qualifications", "a device's failure removed")
def _(home: Home, _copy: Path) -> None:
    next((home.root / "qualifications").glob("*.json")).unlink()


@attack("qualifications", "an older pass put back")
def _(home: Home, copy: Path) -> None:
    (old,) = (copy / "qualifications").glob("*.json")
    shutil.copy(old, home.root / "qualifications" / old.name)


@attack("qualifications", "another device's pass under this device's name")
def _(home: Home, copy: Path) -> None:
    (mine,) = (home.root / "qualifications").glob("*.json")
    (old,) = (copy / "qualifications").glob("*.json")
    mine.write_bytes(old.read_bytes().replace(b"P240000001", b"P240000002"))


@attack("records", "an unknown file laid beside them", NOTHING)
def _(home: Home, _copy: Path) -> None:
    (real(home) / "notes.txt").write_text("x", encoding="utf-8")
