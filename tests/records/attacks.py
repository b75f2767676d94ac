"""Attacks on a home, each with what must come of it. docs/attacks.md is made from this table by `python -m` this file.

Who attacks can write every file of the home, and does not have the station's private key unless the row says so.
"""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.home import Home
from estim.records.operators import hash_pin

FOUND, NOTHING, ANCHOR, SAID = "found", "changes nothing", "not without an anchor", "refused"
WITNESS = "not without the witness"


@dataclass(frozen=True, slots=True)
class Attack:
    """One row.

    Attributes:
        area: what is attacked.
        act: what is done, in words.
        do: does it; told the home and a copy of it as it was before its last session.
        comes: FOUND (verify names it), NOTHING (verify is content, and everything read is as before) or ANCHOR (verify
            is content and says that nothing outside vouches for the home; with an anchor it is found) or SAID (a
            list is refused, and how to go on is said; nothing is lost) or WITNESS (verify is content with what it is
            given, and the witness refuses at its next look).
        told: what `records verify` is told beside the home; {} is the folder of what is kept elsewhere.
        says: what verify says among other things.
    """

    area: str
    act: str
    do: Callable[[Home, Path], None]
    comes: str
    told: tuple[str, ...] = ()
    says: str = ""


TABLE: list[Attack] = []
Act = Callable[[Home, Path], None]


def attack(
    area: str, act: str, comes: str = FOUND, *, told: tuple[str, ...] = (), says: str = ""
) -> Callable[[Act], Act]:
    def keep(do: Act) -> Act:
        TABLE.append(Attack(area, act, do, comes, told, says))
        return do

    return keep


# -- hands ------------------------------------------------------------------------------------------------------------


def real(home: Home) -> Path:
    return home.records(simulated=False)


def sessions(home: Home) -> list[Path]:
    return sorted(path for path in real(home).iterdir() if path.is_dir())


def record(home: Home, which: int = -1) -> Path:
    return sessions(home)[which] / "record.jsonl"


def replace(path: Path, old: bytes, new: bytes, count: int = 1) -> None:
    data = path.read_bytes()
    assert old in data, path
    path.write_bytes(data.replace(old, new, count))


def cut(path: Path, lines: int = 1) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-lines]))


def edit(path: Path, change: Callable[[Any], None]) -> None:
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def by_a_stranger(home: Home, register: str) -> None:
    """Takes a register as it is, with the PIN that this person has."""
    told = ["records", "accept", register, "--operator", "EVE", "--reason", "x", "--home", str(home.root)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("654321\n"))
        assert main(told) == 1


def master(home: Home) -> Path:
    return real(home) / "master.jsonl"


def station(home: Home) -> Path:
    return home.root / "station.jsonl"


# -- the index --------------------------------------------------------------------------------------------------------


def in_index(home: Home, *statements: str) -> None:
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        for statement in statements:
            database.execute(statement)


@attack("index", "every motor-on time set to 0, inside the summaries", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "UPDATE summary SET summary = replace(summary, '\"motor_on_us\": 9', '\"motor_on_us\": 0')")
    in_index(home, "UPDATE summary SET summary = replace(summary, '\"motor_on_us\":9', '\"motor_on_us\":0')")


@attack("index", "outcome forged, in the columns and inside the summaries", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "UPDATE session SET outcome = 'fault'")
    in_index(home, "UPDATE summary SET summary = replace(summary, 'completed', 'fault')")


@attack("index", "two rows swapped", NOTHING)
def _(home: Home, _copy: Path) -> None:
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        rows = database.execute("SELECT path, summary FROM summary").fetchall()
        for (path, _), (_, text) in zip(rows, reversed(rows), strict=True):
            database.execute("UPDATE summary SET summary = ? WHERE path = ?", (text, path))


@attack("index", "a session's row removed", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "DELETE FROM summary WHERE rowid = 1", "DELETE FROM session WHERE rowid = 1")


@attack("index", "emptied", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "DELETE FROM summary", "DELETE FROM session")


@attack("index", "removed", NOTHING)
def _(home: Home, _copy: Path) -> None:
    (home.root / "index.sqlite3").unlink()


@attack("index", "overwritten with nonsense", SAID)
def _(home: Home, _copy: Path) -> None:
    (home.root / "index.sqlite3").write_bytes(b"x" * 5_000)


@attack("index", "yesterday's put back", NOTHING)
def _(home: Home, copy: Path) -> None:
    shutil.copy(copy / "index.sqlite3", home.root / "index.sqlite3")


@attack("index", "one row's outcome forged, so that a filter passes it by", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "UPDATE session SET outcome = 'fault' WHERE rowid = 1")


@attack("index", "one row's patient, protocol and words taken away", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "UPDATE session SET patient = 'K-9', protocol = '', words = '' WHERE rowid = 1")


@attack("index", "a row put among the simulated ones", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "UPDATE session SET simulated = 1 WHERE rowid = 1")


@attack("index", "rows doubled under paths that are not there", NOTHING)
def _(home: Home, _copy: Path) -> None:
    rest = "size, simulated, began_ms, patient, operator, protocol, outcome, ending, verified, words, looked, mac"
    in_index(
        home,
        f"INSERT INTO session SELECT path || 'x', {rest} FROM session",  # noqa: S608
        "INSERT INTO summary SELECT path || 'x', summary FROM summary",
    )


@attack("index", "how far the chain of sessions was read set back, and a row removed", NOTHING)
def _(home: Home, _copy: Path) -> None:
    in_index(
        home, "PRAGMA foreign_keys = ON", "UPDATE seen SET bytes = bytes - 1", "DELETE FROM session WHERE rowid = 2"
    )


@attack("index", "a row removed, and its mark taken from a copy", NOTHING)
def _(home: Home, copy: Path) -> None:
    in_index(home, "DELETE FROM summary WHERE rowid = 1", "DELETE FROM session WHERE rowid = 1")
    shutil.copy(copy / "index.mark", home.root / "index.mark")


@attack("index", "a trigger put in that forges what is written next", SAID)
def _(home: Home, _copy: Path) -> None:
    in_index(home, "CREATE TRIGGER t AFTER INSERT ON session BEGIN UPDATE session SET outcome = 'fault'; END")


@attack("index", "another home's put here", NOTHING)
def _(home: Home, copy: Path) -> None:
    with closing(sqlite3.connect(copy / "index.sqlite3")) as database, database:
        database.execute("UPDATE summary SET summary = replace(summary, 'completed', 'stopped')")
    shutil.copy(copy / "index.sqlite3", home.root / "index.sqlite3")


# -- registers --------------------------------------------------------------------------------------------------------


@attack("operators", "the file removed")
def _(home: Home, _copy: Path) -> None:
    home.operators.unlink()


@attack("operators", "an observer made a therapist")
def _(home: Home, _copy: Path) -> None:
    edit(home.operators, lambda data: data["operators"][0].update(role="therapist"))


@attack("operators", "a disabled one let in again")
def _(home: Home, _copy: Path) -> None:
    edit(home.operators, lambda data: data["operators"][2].update(active=True))


@attack("operators", "one made an administrator")
def _(home: Home, _copy: Path) -> None:
    edit(home.operators, lambda data: data["operators"][0].update(administrator=True))


@attack("operators", "one person's PIN given to another row")
def _(home: Home, _copy: Path) -> None:
    edit(home.operators, lambda data: data["operators"][1].update(pin=data["operators"][0]["pin"]))


@attack("operators", "a row added")
def _(home: Home, _copy: Path) -> None:
    edit(home.operators, lambda data: data["operators"].append({**data["operators"][0], "id": "X"}))


@attack("operators", "the file removed, and its absence taken as it is by who knows no administrator's PIN")
def _(home: Home, _copy: Path) -> None:
    (home.root / "operators.json").unlink()
    by_a_stranger(home, "operators")


@attack("operators", "oneself put in as administrator, and the file taken as it is with one's own PIN")
def _(home: Home, _copy: Path) -> None:
    mine = {"id": "EVE", "name": "Eve", "role": "therapist", "pin": hash_pin("654321"), "administrator": True}
    edit(home.root / "operators.json", lambda data: data["operators"].append(mine))
    by_a_stranger(home, "operators")


@attack("operators", "an older file put back")
def _(home: Home, copy: Path) -> None:
    shutil.copy(copy / "operators.json", home.operators)


@attack("operators", "refused sign-ins taken out of the station's chain")
def _(home: Home, _copy: Path) -> None:
    lines = station(home).read_bytes().splitlines(keepends=True)
    station(home).write_bytes(b"".join(line for line in lines if b"sign-in-refused" not in line))


@attack("patients", "a flag that tightens limits taken out")
def _(home: Home, _copy: Path) -> None:
    edit(home.patients, lambda data: data["patients"][0].update(flags=[]))


@attack("patients", "the file removed")
def _(home: Home, _copy: Path) -> None:
    home.patients.unlink()


@attack("patients", "a row removed")
def _(home: Home, _copy: Path) -> None:
    edit(home.patients, lambda data: data["patients"].pop(0))


@attack("patients", "an older file put back")
def _(home: Home, copy: Path) -> None:
    shutil.copy(copy / "patients.json", home.patients)


@attack("patients", "a line that joins two pseudonyms taken out of the station's chain")
def _(home: Home, _copy: Path) -> None:
    lines = station(home).read_bytes().splitlines(keepends=True)
    station(home).write_bytes(b"".join(line for line in lines if b'"joined"' not in line))


@attack("site limits", "the file removed")
def _(home: Home, _copy: Path) -> None:
    home.site_file.unlink()


@attack("site limits", "a wider value written into it")
def _(home: Home, _copy: Path) -> None:
    replace(home.site_file, b"20", b"90")


@attack("site limits", "an older file put back")
def _(home: Home, copy: Path) -> None:
    shutil.copy(copy / "site.toml", home.site_file)


@attack("site limits", "a lead's key added, and a file signed with it")
def _(home: Home, _copy: Path) -> None:
    from estim.records.keys import seeded_signer

    path = home.root / "keys" / "lead-keys.txt"
    path.write_text(f"Eve {seeded_signer(99).public_hex}\n", encoding="utf-8")
    home.site_file.write_text("schema = 1\n", encoding="utf-8")
