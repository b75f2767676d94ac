"""Somebody who can write the home, and has no key: each act is found, or changes nothing."""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from estim.api.inline import Inline
from estim.cli import main
from estim.records import operators
from estim.records.anchor import against, make_anchor, read_anchors
from estim.records.care_log import enter
from estim.records.clocks import Clock
from estim.records.door import InTheRoom, here, in_session, open_door
from estim.records.home import Home
from estim.records.index import Filter, Index
from estim.records.keys import seeded_signer
from estim.records.operators import Operator, hash_pin, save_operator
from estim.records.patients import Patient, load_patients, save_patient
from estim.records.site import add_lead
from estim.records.station import begin_station, enter_station, station_lines
from estim.records.today import minutes_today
from estim.records.verify_home import verify_home
from estim.safety.errors import RecordError
from tests.records.build import NOON, session
from tests.support import linked

LATER = NOON + datetime.timedelta(hours=2)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "MEMORY_KIB", 64)
    monkeypatch.setattr(operators, "PASSES", 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with registers, two real sessions and an index that has seen them."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    begin_station(home.root)
    save_operator(home.operators, Operator(id="T1", name="T One", role="therapist", pin=hash_pin("123456")))
    save_patient(home.patients, Patient(id="K-1", flags=("fragile_bone",)))
    session(home, "K-1", at=NOON - datetime.timedelta(days=3), simulated=False)
    session(home, "K-1", at=NOON, simulated=False)
    with Index(home) as index:
        index.refresh()
    return home


def today(home: Home) -> dict[str, int]:
    return dict(minutes_today(home, "K-1", simulated=False, now=LATER))


def last(home: Home) -> Path:
    return sorted((home.root / "records" / "real").glob("2*"))[-1]


def sign_in(home: Home) -> None:
    """What a controller does before a session."""
    operators.load_operators(home.operators)
    open_door(home, "K-1", simulated=False)


def outcomes(home: Home) -> list[str]:
    with Index(home) as index:
        return [row["outcome"] for row in index.sessions(Filter(simulated=False))]


def edit(path: Path, change: Callable[[Any], None]) -> None:
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def cut_lines(path: Path, count: int) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-count]))


# -- each act, and where it is found -----------------------------------------------------------------------------------


def zero_the_index(home: Home) -> None:
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        (text,) = database.execute("SELECT summary FROM summary ORDER BY path DESC").fetchone()
        whole = json.loads(text)
        for channel in whole["channels"]:
            channel["motor_on_us"] = 0
        database.execute("UPDATE summary SET summary = ?", (json.dumps(whole),))


def forge_the_outcome(home: Home) -> None:
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        for path, text in database.execute("SELECT path, summary FROM summary").fetchall():
            forged = json.dumps({**json.loads(text), "outcome": "fault"})
            database.execute("UPDATE summary SET summary = ? WHERE path = ?", (forged, path))
        database.execute("UPDATE session SET outcome = 'fault'")


def swap_two_rows(home: Home) -> None:
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        rows = database.execute("SELECT path, summary FROM summary").fetchall()
        for (path, _), (_, text) in zip(rows, reversed(rows), strict=True):
            database.execute("UPDATE summary SET summary = ? WHERE path = ?", (text, path))


@pytest.mark.parametrize("act", [zero_the_index, forge_the_outcome, swap_two_rows])
def test_what_the_index_is_made_to_say_changes_nothing(home: Home, act: Callable[[Home], None]) -> None:
    act(home)
    assert today(home) == {"quadriceps-femoris/left": 2}
    assert outcomes(home) == ["completed", "completed"]


def test_a_record_that_was_changed_after_it_was_listed_is_no_longer_ok(home: Home) -> None:
    path = last(home) / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"pulses":4500', b'"pulses":4501'))
    with Index(home) as index:
        assert [row["verified"] for row in index.sessions(Filter(simulated=False))] == [False, True]


def move_today_away(home: Home) -> None:
    shutil.move(last(home), home.root / "elsewhere")


def cut_today(home: Home) -> None:
    cut_lines(last(home) / "record.jsonl", 3)


def change_today(home: Home) -> None:
    path = last(home) / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"amplitude_ua":20000', b'"amplitude_ua":00000'[:20], 1))


def empty_today(home: Home) -> None:
    (last(home) / "record.jsonl").write_bytes(b"")


def remove_the_file(home: Home) -> None:
    (last(home) / "record.jsonl").unlink()


def put_an_older_session_in_its_place(home: Home) -> None:
    first = sorted((home.root / "records" / "real").glob("2*"))[0]
    shutil.copy(first / "record.jsonl", last(home) / "record.jsonl")


TODAY = [move_today_away, cut_today, change_today, empty_today, remove_the_file, put_an_older_session_in_its_place]


@pytest.mark.parametrize("act", TODAY)
def test_today_counts_as_used_up_until_a_person_clears_it(home: Home, act: Callable[[Home], None]) -> None:
    name = last(home).name
    act(home)
    with pytest.raises(RecordError, match="unknown") as refused:
        today(home)
    assert name in str(refused.value)
    assert "records clear" in str(refused.value)
    assert dict(minutes_today(home, "K-2", simulated=False, now=LATER)) == {}  # nobody else is kept out
    enter_station(home.root, "cleared", session=name, operator="T1", reason="seen on paper")
    assert today(home) == {}
    assert any(not verdict.ok for verdict in verify_home(home.root))  # an auditor still sees it


def forget_operators(home: Home) -> None:
    home.operators.unlink()


def promote(home: Home) -> None:
    edit(home.operators, lambda data: data["operators"][0].update(role="auditor"))


def older_operators(home: Home) -> None:
    old = home.operators.read_bytes()
    save_operator(home.operators, Operator(id="T2", name="T Two", role="observer", pin=hash_pin("123456")))
    home.operators.write_bytes(old)


def unflag(home: Home) -> None:
    edit(home.patients, lambda data: data["patients"][0].update(flags=[]))


def forget_patients(home: Home) -> None:
    home.patients.unlink()


def forget_the_sites_limits(home: Home) -> None:
    home.site_file.write_text("schema = 1\n", encoding="utf-8")
    with pytest.raises(RecordError):  # unsigned: no real session begins on it
        open_door(home, "K-1", simulated=False)
    home.site_file.unlink()


def forget_the_chain(home: Home) -> None:
    (home.root / "station.jsonl").unlink()


def cut_the_chain(home: Home) -> None:
    cut_lines(home.root / "station.jsonl", 1)


def change_the_chain(home: Home) -> None:
    path = home.root / "station.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a patient's row", b"no patient's row"))


def lose_the_key(home: Home) -> None:
    (home.root / "keys" / "station.key").unlink()


REGISTERS = [
    forget_operators, promote, older_operators, unflag, forget_patients, forget_the_sites_limits, forget_the_chain,
    cut_the_chain, change_the_chain, lose_the_key,
]  # fmt: skip


@pytest.mark.parametrize("act", REGISTERS)
def test_a_register_that_does_not_fit_its_chain_closes_the_door(home: Home, act: Callable[[Home], None]) -> None:
    act(home)
    with pytest.raises(RecordError) as refused:
        sign_in(home)
    assert "records accept" in str(refused.value) or "records new-key" in str(refused.value)


@pytest.mark.parametrize("act", [one for one in REGISTERS if one is not lose_the_key])
def test_verify_names_it(home: Home, act: Callable[[Home], None]) -> None:
    act(home)
    found = [verdict for verdict in verify_home(home.root) if not verdict.ok]
    assert found
    assert all(Path(verdict.path).name for verdict in found)


PIN = "123456\n"


def test_an_administrator_opens_the_door_again_and_the_chain_keeps_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    unflag(home)
    told = ["records", "accept", "patients", "--reason", "the copy from Monday", "--home", str(home.root)]
    home.operators.unlink()
    monkeypatch.setattr("sys.stdin", io.StringIO(PIN))
    assert main([*told[:2], "operators", *told[3:], "--operator", "T1"]) == 0
    assert main([*told, "--operator", "T1"]) == 0
    assert open_door(home, "K-1", simulated=True).flags == ()
    last_two = [(entry["register"], entry["operator"]) for entry in station_lines(home.root)[-2:]]
    assert last_two == [("operators", "T1"), ("patients", "T1")]


def gone(path: Path) -> None:
    path.unlink()


def replaced_by_my_own(path: Path) -> None:
    mine = {"id": "EVE", "name": "Eve", "role": "therapist", "pin": hash_pin("654321"), "administrator": True}
    path.write_text(json.dumps({"operators": [mine]}), encoding="utf-8")


@pytest.mark.parametrize("act", [gone, replaced_by_my_own])
@pytest.mark.parametrize(("who", "pin"), [("EVE", "654321\n"), ("T1", "654321\n"), ("T1", ""), ("", "")])
def test_who_is_no_administrator_opens_no_register_of_operators(
    home: Home, act: Callable[[Path], None], who: str, pin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(home.operators)
    monkeypatch.setattr("sys.stdin", io.StringIO(pin))
    told = ["records", "accept", "operators", "--operator", who, "--reason", "x", "--home", str(home.root)]
    assert main(told) == 1
    refused = station_lines(home.root)[-1]
    assert (refused["event"], refused["what"]) == ("sign-in-refused", "accept")
    with pytest.raises(RecordError):
        sign_in(home)


def test_a_guess_at_the_door_waits_like_every_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.operators.unlink()
    told = ["records", "accept", "operators", "--operator", "T1", "--reason", "x", "--home", str(home.root)]
    for pin in [*("000000\n" for _ in range(5)), PIN]:
        monkeypatch.setattr("sys.stdin", io.StringIO(pin))
        assert main(told) == 1


def test_pins_open_the_door_after_a_new_key_and_after_the_file_was_taken(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ["--operator", "T1", "--reason", "x", "--home", str(home.root)]
    monkeypatch.setattr("sys.stdin", io.StringIO(PIN))
    assert main(["records", "new-key", *at]) == 0
    edit(home.operators, lambda data: data["operators"][0].update(name="T Two"))
    monkeypatch.setattr("sys.stdin", io.StringIO(PIN))
    assert main(["records", "accept", "operators", *at]) == 0
    home.operators.unlink()
    for pin, code in (("", 1), (PIN, 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(pin))
        assert main(["records", "accept", "operators", *at]) == code


def test_the_chain_lets_nobody_try_out_pins_who_lacks_the_key(home: Home) -> None:
    phc = operators.load_operators(home.operators)["T1"].pin
    chain = (home.root / "station.jsonl").read_text(encoding="utf-8")
    assert phc.rpartition("$")[0] in chain
    assert phc.rpartition("$")[2] not in chain


def test_a_key_that_nobody_introduced_is_not_trusted(home: Home) -> None:
    folder = session(home, "K-9", at=NOON, simulated=False)
    shutil.rmtree(folder)
    stranger = seeded_signer(7)
    with (home.root / "keys" / "station-keys.txt").open("a", encoding="ascii") as file:
        file.write(f"{stranger.key_id} {stranger.public_hex}\n")
    reasons = [verdict.reason for verdict in verify_home(home.root) if not verdict.ok]
    assert any(stranger.key_id in reason and "not trusted" in reason for reason in reasons)


def test_a_new_key_that_a_person_introduces_leaves_old_records_good(tmp_path: Path) -> None:
    home = Home(tmp_path)
    session(home, "K-1", at=NOON, simulated=False)
    before = begin_station(home.root).key_id
    lose_the_key(home)
    assert main(["records", "new-key", "--operator", "T1", "--reason", "the disk died", "--home", str(home.root)]) == 0
    assert begin_station(home.root).key_id != before
    session(home, "K-1", at=LATER, simulated=False)
    assert [verdict.reason for verdict in verify_home(home.root) if not verdict.ok] == []
    assert [entry.get("reason") for entry in station_lines(home.root)] == [None, "the disk died"]


def test_two_spellings_are_one_person(home: Home) -> None:
    for typed in ("k-1", " K-1 ", "K\u20111", "K\u22121", "\uff2b-1"):
        known = open_door(home, typed, simulated=False, now=LATER)
        assert known.patient == "K-1"
        assert known.flags == ("fragile_bone",)
        assert dict(known.minutes_today) == {"quadriceps-femoris/left": 2}
    for typed in ("K-1\u200b", "K-1\x1b[2J", "K-1\u202e", "K 1", "", "Müller"):
        with pytest.raises(RecordError, match="pseudonym") as refused:
            open_door(home, typed, simulated=False, now=LATER)
        assert "\x1b" not in str(refused.value)


def test_a_wrong_pseudonym_is_joined_by_a_person(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    session(home, "X-7", at=NOON, simulated=False)
    save_patient(home.patients, Patient(id="X-7", flags=("child",)))
    told = ["records", "join", "X-7", "K-1", "--reason", "typed wrong", "--home", str(home.root)]
    home.operators.unlink()
    monkeypatch.setattr("sys.stdin", io.StringIO(PIN))
    opened = ["records", "accept", "operators", "--operator", "T1", "--reason", "x", "--home", str(home.root)]
    assert main(opened) == 0
    assert main(told) == 0
    known = open_door(home, "X-7", simulated=False, now=LATER)
    assert known.flags == ("child", "fragile_bone")
    assert dict(known.minutes_today) == {"quadriceps-femoris/left": 3}  # 90 s twice
    assert list(load_patients(home.patients)) == ["K-1"]


def test_one_patient_is_in_one_session(home: Home) -> None:
    person = open_door(home, "K-1", simulated=True).person
    first, second = InTheRoom(home), InTheRoom(home)
    first.enter(person, "on /dev/ttyUSB0, process 7")
    with pytest.raises(RecordError, match="in a session already: on /dev/ttyUSB0, process 7"):
        second.enter(person, "on /dev/ttyUSB1")
    first.leave()
    second.enter(person, "on /dev/ttyUSB1")


def test_who_looks_is_told_where_a_session_runs_and_takes_no_place(home: Home) -> None:
    assert in_session(home, "K-1") is None
    room = InTheRoom(home)
    room.enter(frozenset({"k-1"}), here("/dev/ttyUSB0"))
    seen = in_session(home, "K-1")
    assert seen is not None
    assert (seen.device, seen.process) == ("/dev/ttyUSB0", os.getpid())
    assert in_session(home, "K-2") is None
    room.leave()
    assert in_session(home, "K-1") is None, "its words stand there, its lock is gone"
    InTheRoom(home).enter(frozenset({"k-1"}), here("/dev/ttyUSB1"))


def test_one_patient_is_in_one_session_from_two_homes_with_the_same_records(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.root.mkdir()
    linked(other.root / "records", home.root / "records")
    first, second = InTheRoom(home), InTheRoom(other)
    first.enter(frozenset({"k-1"}), here("/dev/ttyUSB0"))
    with pytest.raises(RecordError, match=rf"on /dev/ttyUSB0, since .*, process {os.getpid()} of \S+"):
        second.enter(frozenset({"k-1"}), "on /dev/ttyUSB1")
    first.leave()
    second.enter(frozenset({"k-1"}), "on /dev/ttyUSB1")


def test_names_that_are_joined_while_a_session_runs_open_no_second_one(home: Home) -> None:
    first, second, third = InTheRoom(home), InTheRoom(home), InTheRoom(home)
    first.enter(frozenset({"k-1"}), "on /dev/ttyUSB0")
    with pytest.raises(RecordError, match="in a session already: on /dev/ttyUSB0"):
        second.enter(frozenset({"a-1", "k-1"}), "on /dev/ttyUSB1")
    third.enter(frozenset({"a-1"}), "on /dev/ttyUSB1")  # what was not got is not kept


def test_a_place_whose_holder_died_is_free(home: Home) -> None:
    place = home.root / "records" / "open" / "of-k-1.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("on /dev/ttyUSB0, since yesterday, process 1 of another machine", encoding="utf-8")
    one, two = InTheRoom(home), InTheRoom(home)
    one.enter(frozenset({"k-1"}), "on /dev/ttyUSB1")
    with pytest.raises(RecordError, match="on /dev/ttyUSB1"):
        two.enter(frozenset({"k-1"}), "on /dev/ttyUSB2")


def test_a_clock_that_was_put_right_gives_no_fresh_day(home: Home) -> None:
    stamp = json.loads((home.root / "records/real/master.jsonl").read_bytes().splitlines()[-1])
    right = NOON + datetime.timedelta(days=3)  # the same boot, ten minutes after the session
    clock = Clock(now=right, boot_us=stamp["boot_us"] + 600_000_000, boot_id=stamp["boot_id"])
    assert dict(minutes_today(home, "K-1", simulated=False, clock=clock)) == {"quadriceps-femoris/left": 3}
    other = Clock(now=right, boot_us=600_000_000, boot_id="another boot")
    assert dict(minutes_today(home, "K-1", simulated=False, clock=other)) == {}


# -- completeness -----------------------------------------------------------------------------------------------------


def test_an_untouched_home_continues_its_anchors(home: Home) -> None:
    first = str(make_anchor(home.root))
    session(home, "K-3", at=LATER, simulated=False)
    (anchor,) = read_anchors(f"printed page\n{first}\n")
    for handed_on in (f"\ufeff{first}\r\n", f"> {first}\n", f"  * {first}\n", f"page\n>> {first}\n"):
        assert read_anchors(f"{first}\n{handed_on}") == [anchor, anchor]  # passed over, nobody would have asked it
    assert against(home.root, anchor) == ""
    assert [verdict.reason for verdict in verify_home(home.root) if not verdict.ok] == []


def roll_back(home: Home, copy: Path) -> None:
    shutil.rmtree(home.root)
    shutil.copytree(copy, home.root)


def remove_the_last_session(home: Home, _copy: Path) -> None:
    name = last(home).name
    shutil.rmtree(last(home))
    path = home.root / "records" / "real" / "master.jsonl"
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if name.encode() not in line))


def make_it_anew(home: Home, _copy: Path) -> None:
    shutil.rmtree(home.root)
    home.root.mkdir()
    begin_station(home.root)
    session(home, "K-1", at=NOON, simulated=False)


def cut_every_chain(home: Home, _copy: Path) -> None:
    cut_lines(home.root / "station.jsonl", 1)
    cut_lines(home.root / "records" / "real" / "master.jsonl", 1)


@pytest.mark.parametrize("act", [roll_back, remove_the_last_session, make_it_anew, cut_every_chain])
def test_an_anchor_finds_what_is_gone(
    home: Home, tmp_path: Path, act: Callable[[Home, Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home.root, copy)
    session(home, "K-3", at=LATER, simulated=False)
    kept = tmp_path / "anchors.txt"
    assert main(["records", "anchor", "-o", str(kept), "--home", str(home.root)]) == 0
    assert main(["records", "verify", "--anchor", str(kept), "--home", str(home.root)]) == 0
    act(home, copy)
    assert main(["records", "verify", "--anchor", str(kept), "--home", str(home.root)]) == 1
    assert "gone" in (said := capsys.readouterr().out) or "another station" in said or "anew" in said


def test_without_an_anchor_verify_says_what_nothing_vouches_for(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", "verify", "--home", str(home.root)]) == 0
    assert "Nothing outside this home vouches for it" in capsys.readouterr().out
    assert main(["records", "verify", "--json", "--home", str(home.root)]) == 0
    assert "Nothing outside" in json.loads(capsys.readouterr().out)["unvouched"]


def test_who_was_given_one_session_is_told_whose_key_to_ask_for(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = shutil.copytree(last(home), tmp_path / "given")
    elsewhere = ["records", "verify", str(given), "--home", str(tmp_path / "elsewhere")]
    assert main(elsewhere) == 0
    said = capsys.readouterr().out
    assert "signer unknown" in said
    assert "ask the station for its public key by another way" in said
    assert "this home" not in said
    (key,) = (line.split()[1] for line in (home.root / "keys" / "station-keys.txt").read_text("utf-8").splitlines())
    assert main([*elsewhere, "--key", key]) == 0
    said = capsys.readouterr().out
    assert "signer unknown" not in said
    assert "by another way" not in said
    assert "other sessions are missing" in said
    assert main([*elsewhere, "--key", "0" * 64]) == 1


@pytest.mark.parametrize("wrong", ["", "hello", "estim anchor 1 station=1", "digit"])
def test_an_anchor_that_is_none_fails(home: Home, tmp_path: Path, wrong: str) -> None:
    text = str(make_anchor(home.root))
    if wrong == "digit":
        wrong = text.replace("utc=2", "utc=3")
    kept = tmp_path / "anchors.txt"
    kept.write_text(wrong, encoding="utf-8")
    assert main(["records", "verify", "--anchor", str(kept), "--home", str(home.root)]) == 1


def test_a_tail_that_is_cut_from_one_chain_is_missed_by_the_other(home: Home) -> None:
    enter_station(home.root, "looked", what="report", sessions=1, patient="K-1", operator="T1", reason="")
    cut_lines(home.root / "records" / "real" / "master.jsonl", 2)
    shutil.rmtree(last(home))
    reasons = [verdict.reason for verdict in verify_home(home.root) if not verdict.ok]
    assert any("its end was cut off" in reason for reason in reasons)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's; there the profile's own access list protects")
def test_whatever_a_home_gets_is_its_owners_alone(tmp_path: Path) -> None:
    """Without the command line, which takes everybody else's bits for the whole process."""
    before = os.umask(0o022)
    try:
        home = Home(tmp_path / "new" / "home")
        session(home, "K-1", simulated=False)
        session(home, "K-2", simulated=True)
        save_operator(home.operators, Operator(id="T1", name="T One", role="therapist", pin=hash_pin("123456")))
        save_patient(home.patients, Patient(id="K-1"))
        add_lead(home, "Anna", seeded_signer(3))
        enter(home, "K-1", "diary", {"pain": "5"}, who="T1", simulated=False)
        InTheRoom(home).enter(open_door(home, "K-1", simulated=True).person, "here")
        Inline("x").write(home)
        with Index(home) as index:
            index.refresh()
    finally:
        os.umask(before)
    open_ones = [path for path in (home.root, *home.root.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_ones == []


def test_each_page_that_leaves_the_home_says_how_far_its_chains_had_come(home: Home, tmp_path: Path) -> None:
    text, page = tmp_path / "report.txt", tmp_path / "report.html"
    told = ["records", "report", str(last(home)), "--home", str(home.root)]
    assert main([*told, "--text", "-o", str(text)]) == 0
    assert main([*told, "--html", "-o", str(page)]) == 0
    (anchor,) = read_anchors(text.read_text(encoding="utf-8"))
    assert against(home.root, anchor) == ""
    number, head = anchor.heads["real"]
    assert f"{number} lines, head {head}" in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").count("<svg") >= 3  # a plot, the record's code, the anchor's
    shutil.rmtree(last(home))
    cut_lines(home.root / "records" / "real" / "master.jsonl", 2)
    assert main(["records", "verify", "--anchor", str(text), "--home", str(home.root)]) == 1
