"""A sign-in looks only at what is new in the chain of sessions, and believes no mark that the bytes do not bear out."""

from __future__ import annotations

import datetime
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from estim.records import master_seen, signed_chain
from estim.records.canonical import canonical
from estim.records.chain import GENESIS
from estim.records.clocks import Clock, as_of_now, moment_of
from estim.records.folders import folder_name
from estim.records.home import Home
from estim.records.keys import Signer
from estim.records.master import MASTER, read_master
from estim.records.master_seen import MARKS, seen_master
from estim.records.recent_chain import EARLIEST, LONGEST, chained_recently, clock_notes
from estim.records.station import begin_station
from estim.records.today import minutes_today
from estim.safety.errors import RecordError
from tests.records.build import NOON, session

DAY = datetime.timedelta(days=1)
SESSIONS = 12
LINES = 2 * SESSIONS  # opened, sealed


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Home(tmp_path_factory.mktemp("filled"))
    for back in range(SESSIONS, 0, -1):
        session(made, f"K-{back % 3}", at=NOON - back * DAY / 8, simulated=False)
    return made.root


@pytest.fixture
def home(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(master_seen, "_WORTH", 1)
    shutil.copytree(filled, tmp_path / "home")
    return Home(tmp_path / "home")


def another_process() -> None:
    master_seen._KNOWN.clear()


def given(home: Home, patient: str = "K-1") -> dict[str, int]:
    another_process()
    return dict(minutes_today(home, patient, simulated=False, now=NOON))


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the lines that are taken apart from now on."""
    numbers: list[int] = []
    good_line = signed_chain.good_line

    def counted(raw: bytes, number: int, prev: str) -> dict[str, Any] | None:
        numbers.append(number)
        return good_line(raw, number, prev)

    monkeypatch.setattr(master_seen, "good_line", counted)
    return numbers


def test_the_next_sign_in_looks_at_new_lines_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = given(home)
    numbers = looked_at(monkeypatch)
    assert given(home) == before
    assert not numbers
    session(home, "K-1", at=NOON, simulated=False)
    after = given(home)
    assert sorted(set(numbers)) == [LINES, LINES + 1]
    assert sum(after.values()) > sum(before.values())


def forged(home: Home, change: Callable[[dict[str, Any]], object]) -> None:
    said = json.loads((home.root / MARKS).read_text())
    change(said["real"])
    (home.root / MARKS).write_text(json.dumps(said))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one["seen"].update(lines=LINES - 1),
        lambda one: one["seen"].update(size=0),
        lambda one: one["seen"].update(station=[0, ""]),
        lambda one: one.update(sha256="0" * 64),
        lambda one: one.update(mac="0" * 64),
        lambda one: one.update(mac=None),
        lambda one: one.update(mac="é"),
        lambda one: one.pop("seen"),
        lambda one: one.update(seen=[]),
        lambda one: one["seen"].update(size=True),
    ],
)
def test_a_forged_mark_changes_nothing(home: Home, change: Callable[[dict[str, Any]], object]) -> None:
    before = given(home)
    forged(home, change)
    assert given(home) == before


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "7", '{"real":[]}', '{"real":7}', "[" * 100_000, "\ud800", "\0" * 9]
)
def test_a_mark_that_is_no_mark_changes_nothing(home: Home, text: str) -> None:
    before = given(home)
    (home.root / MARKS).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert given(home) == before


def test_a_mark_of_another_station_is_not_believed(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = given(home)
    kept = (home.root / MARKS).read_bytes()
    other = Home(tmp_path / "other")
    begin_station(other.root)
    (other.root / "records").mkdir(exist_ok=True)
    (home.root / "records" / "real").rename(other.root / "records" / "real")
    (other.root / MARKS).write_bytes(kept)
    numbers = looked_at(monkeypatch)
    another_process()
    seen = seen_master(other.root / "records" / "real")
    assert seen is not None
    assert seen.lines == len(numbers) == LINES
    assert before


@pytest.mark.parametrize("at", [0, 10, 13, LINES - 1])
def test_a_line_that_was_changed_behind_the_mark_is_found(home: Home, at: int) -> None:
    given(home)
    path = home.root / "records" / "real" / MASTER
    lines = path.read_bytes().splitlines(keepends=True)
    lines[at] = lines[at].replace(b'"lines":', b'"lines":1', 1)
    path.write_bytes(b"".join(lines))
    with pytest.raises(RecordError, match=f"line {at} of the master chain was changed"):
        given(home)


@pytest.mark.parametrize("left", [0, 1, 12, LINES - 1])
def test_a_chain_that_is_shorter_than_its_mark_is_read_anew(home: Home, left: int) -> None:
    given(home)
    path = home.root / "records" / "real" / MASTER
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
    another_process()
    seen = seen_master(path.parent)
    assert seen is not None
    assert (seen.lines, seen.reason) == (left, "")


def test_without_a_key_or_a_place_to_write_there_is_no_mark(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    (home.root / MARKS).unlink(missing_ok=True)
    monkeypatch.setattr(master_seen, "replace_whole", full)
    before = given(home)
    assert not (home.root / MARKS).exists()
    (home.root / "keys" / "station.key").rename(home.root / "key")
    another_process()
    assert seen_master(home.root / "records" / "real") is not None
    assert not (home.root / "keys" / "station.key").exists()
    assert before


# -- the pass against the plain reading of every line ------------------------------------------------------------------


def chain(signer: Signer, rows: list[Mapping[str, object]]) -> bytes:
    made, prev = [], GENESIS
    for n, row in enumerate(rows):
        line = {"head": GENESIS, "lines": 0, "key_id": signer.key_id, "n": n, "prev": prev, **row}
        prev = hashlib.sha256(canonical(line)).hexdigest()
        made.append(canonical({**line, "hash": prev, "signature": signer.sign(bytes.fromhex(prev)).hex()}) + b"\n")
    return b"".join(made)


def drawn(chance: random.Random) -> list[Mapping[str, object]]:
    """Sessions under clocks that jump, in zones, with and without a boot, of odd names."""
    rows: list[Mapping[str, object]] = []
    at, boot, boot_us = NOON - 60 * DAY, "a", 10**12
    opened: list[str] = []
    for _ in range(60):
        at += DAY * chance.choice([0.01, 0.1, 1.0, 1.0, 3.0])
        if chance.random() < 0.1:
            at += DAY * chance.choice([-400, -30, -2, 2, 30])
        if chance.random() < 0.1:
            boot = chance.choice("abcd")
        boot_us += 60_000_000
        name = chance.choice([folder_name(at, chance.choice(["K-1", "K-2", "ä-1"])), 'x"y', "20270101", *opened[-3:]])
        utc = chance.choice(
            [
                at.isoformat(timespec="milliseconds"),
                at.isoformat(timespec="milliseconds"),
                at.isoformat(),
                at.astimezone(datetime.timezone(datetime.timedelta(hours=13))).isoformat(timespec="milliseconds"),
                "no time",
            ]
        )
        stamp = {"utc": utc, "boot_us": boot_us, "boot_id": boot * 8} if chance.random() < 0.9 else {}
        nested = {"more": {"session": "z", "utc": "2026-01-01T00:00:00.000+00:00"}} if chance.random() < 0.05 else {}
        event = chance.choice(["opened", "opened", "sealed"])
        rows.append({"event": event, "session": name, **stamp, **nested})
        opened.append(name)
    return rows


def plainly(records: Path, when: Clock) -> dict[str, tuple[object, object, object]]:
    """The same from every line, as it is said."""
    reading = read_master(records)
    assert reading is not None
    assert reading.first_bad is None
    found: dict[str, tuple[Mapping[str, Any], Mapping[str, Any] | None, datetime.datetime]] = {}
    after = EARLIEST
    for entry in reading.entries:
        name = str(entry["session"])
        before = found.get(name)
        sealed = entry if entry["event"] == "sealed" else before[1] if before else None
        found[name] = (before[0] if before else entry, sealed, before[2] if before else after)
        said = moment_of(entry)
        if said is not None and after < said <= when.now:
            after = said
    earliest, threshold = folder_name(when.midnight - LONGEST, "")[:8], when.midnight - LONGEST

    def recent(name: str) -> bool:
        opened, _, behind = found[name]
        at = as_of_now(opened, when.now, now_boot_us=when.boot_us, now_boot_id=when.boot_id)
        return name[:8] >= earliest or max(at or EARLIEST, behind) >= threshold

    return {name: row for name, row in found.items() if recent(name)}


@pytest.mark.parametrize("seed", range(30))
def test_one_pass_finds_what_every_line_says(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    home = Home(tmp_path)
    signer = begin_station(home.root)
    records = home.records(simulated=False)
    records.mkdir(parents=True)
    (records / MASTER).write_bytes(chain(signer, drawn(chance)))
    when = Clock(now=NOON + DAY * chance.choice([0, 0, 1, 20]), boot_us=2 * 10**12, boot_id=chance.choice("abc") * 8)
    found = chained_recently(records, set(), when)
    assert {name: (one.opened, one.sealed, one.after) for name, one in found.items()} == plainly(records, when)
    reading = read_master(records)
    assert reading is not None
    last = max(reading.entries, key=lambda entry: str(entry.get("utc", "")))
    notes = clock_notes(home, when)
    said = moment_of(last)
    if said is not None and said > when.now + datetime.timedelta(minutes=5):
        assert any("the clock went back" in note for note in notes)
