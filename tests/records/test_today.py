"""L27: what a muscle had today is known at sign-in, from the records, and holds the limit."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from estim.controller.signing_in import Reception
from estim.records.clocks import Clock
from estim.records.home import Home
from estim.records.index import Index
from estim.records.patients import Patient, save_patient
from estim.records.recent_chain import clock_notes
from estim.records.today import minutes_today, recent_sessions
from estim.safety.errors import RecordError
from estim.session.events import SignIn
from tests.records.build import NOON, session

KEY = "quadriceps-femoris/left"  # the records say "quadriceps femoris", as those before the vocabulary did
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def minutes(
    home: Home, *, at: datetime.datetime = NOON, patient: str = "K-1", simulated: bool = True
) -> dict[str, int]:
    return dict(minutes_today(home, patient, simulated=simulated, now=at))


@pytest.mark.parametrize("indexed", [False, True])
def test_minutes_of_a_muscle_add_up_over_the_day_and_are_rounded_up(home: Home, *, indexed: bool) -> None:
    session(home)
    session(home, at=NOON + 3 * HOUR)
    session(home, at=NOON - 21 * HOUR)
    session(home, "K-2")
    session(home, "b-K-1")
    if indexed:
        with Index(home) as index:
            index.refresh()
    assert minutes(home) == {KEY: 3}
    assert minutes(home, simulated=False) == {}
    assert minutes(home, at=NOON - 21 * HOUR) == {KEY: 5}  # a clock set back: more, never less
    assert minutes(home, at=NOON + 24 * HOUR) == {}


def test_a_session_ends_when_it_ended_however_long_the_console_had_run(home: Home) -> None:
    """The pause until the next began when the session had lasted from the console's start on: hours in the future."""
    session(home, began_us=8 * 3_600_000_000)
    clock = Clock(now=NOON + HOUR, boot_us=0, boot_id="")
    (past,) = recent_sessions(home, "K-1", simulated=True, clock=clock)
    assert past.ended == NOON + datetime.timedelta(seconds=93)
    assert past.began == NOON
    assert minutes(home, at=NOON + 24 * HOUR) == {}, "nothing reaches into the next day"


def test_the_day_is_the_stations_own(home: Home) -> None:
    session(home, at=NOON)
    east = datetime.timezone(datetime.timedelta(hours=13))  # there it is 1 h after midnight
    assert minutes(home, at=(NOON + HOUR).astimezone(east)) == {KEY: 2}
    west = datetime.timezone(datetime.timedelta(hours=-11))
    assert minutes(home, at=(NOON + HOUR).astimezone(west)) == {KEY: 2}
    assert minutes(home, at=(NOON + 23 * HOUR).astimezone(west)) == {}
    assert minutes(home, at=(NOON + 22 * HOUR).astimezone(west)) == {KEY: 2}


def test_a_clock_that_was_wrong_for_one_boot_gives_no_fresh_day_after_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock's battery is empty: the station began in 2020, was begun anew, and then had the right time."""

    def stamped(patient: str, at: datetime.datetime, boot: str) -> None:
        stamp = {"utc": at.isoformat(), "boot_us": 60_000_000, "boot_id": boot, "zone": "+0000"}
        monkeypatch.setattr("estim.records.writer.now_stamp", lambda: stamp)
        session(home, patient, at=at, simulated=False)

    stamped("K-0", NOON + datetime.timedelta(days=2_000), "before")  # a clock that ran ahead says nothing of later ones
    stamped("K-3", NOON - 30 * HOUR, "before")
    stamped("K-2", NOON - 3 * HOUR, "before")
    stamped("K-1", datetime.datetime(2020, 1, 1, 0, 3, tzinfo=datetime.UTC), "wrong")
    today = Clock(now=NOON, boot_us=60_000_000, boot_id="right")

    def given(patient: str, clock: Clock) -> dict[str, int]:
        return dict(minutes_today(home, patient, simulated=False, clock=clock))

    assert given("K-1", today) == {KEY: 2}
    assert given("K-3", today) == {}
    assert any("said 2020-01-01 00:03 UTC" in note for note in clock_notes(home, today))
    later = replace(today, now=NOON + 48 * HOUR)
    assert given("K-1", later) == {}
    assert not any("2020" in note for note in clock_notes(home, later))


@pytest.mark.parametrize("hours", [14, 12, -12, 9, 5])
def test_another_time_zone_gives_no_fresh_day(home: Home, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    stamp = {"utc": NOON.isoformat(), "boot_us": 60_000_000, "boot_id": "b", "zone": "+0000"}
    monkeypatch.setattr("estim.records.writer.now_stamp", lambda: stamp)
    session(home, simulated=False)
    elsewhere = datetime.timezone(datetime.timedelta(hours=hours))

    def given(after: datetime.timedelta, clock_zone: datetime.tzinfo = elsewhere) -> dict[str, int]:
        clock = Clock(now=(NOON + after).astimezone(clock_zone), boot_us=0, boot_id="other")
        return dict(minutes_today(home, "K-1", simulated=False, clock=clock))

    for after in range(1, 12):
        assert given(after * HOUR) == {KEY: 2}
    assert given(37 * HOUR) == {}
    there = Clock(now=(NOON + HOUR).astimezone(elsewhere), boot_us=0, boot_id="other")
    assert any("time zone was changed" in note for note in clock_notes(home, there))
    summer = datetime.timezone(datetime.timedelta(hours=1))
    assert clock_notes(home, replace(there, now=there.now.astimezone(summer))) == ()


def test_a_session_over_midnight_counts_whole(home: Home) -> None:
    midnight = NOON.replace(hour=0)
    session(home, at=midnight - datetime.timedelta(seconds=80))
    assert minutes(home, at=midnight + HOUR) == {KEY: 2}


def test_a_fault_and_a_record_that_broke_off_count(home: Home) -> None:
    session(home, end="fault")
    assert minutes(home) == {KEY: 2}
    session(home, at=NOON + HOUR, end="broken")  # 90 s, then its lag and the device's timer: 94 s
    assert minutes(home) == {KEY: 4}


def test_a_damaged_index_changes_nothing(home: Home) -> None:
    session(home)
    (home.root / "index.sqlite3").write_bytes(b"x" * 5_000)
    assert minutes(home) == {KEY: 2}


@pytest.mark.parametrize("line", [0, 6])
def test_a_record_that_was_changed_leaves_today_unknown(home: Home, line: int) -> None:
    path = session(home) / "record.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"n":', b'"n":9')
    path.write_bytes(b"".join(lines))
    with pytest.raises(RecordError, match="unknown"):
        minutes(home)


def test_signing_in_brings_what_is_known_and_nothing_that_a_front_claims(home: Home) -> None:
    save_patient(home.patients, Patient(id="K-1", flags=("fragile_bone",)))
    session(home, at=datetime.datetime.now(datetime.UTC))
    asked = SignIn(id=1, operator="o", patient_id=" K-1 ", minutes_today={KEY: -50}, utc="1999")
    known = Reception(home, simulated=True).sign_in(asked)
    assert known.minutes_today == {KEY: 2}
    assert known.patient_flags == ("fragile_bone",)
    assert known.utc > "2026"
    home.patients.write_text("{", encoding="utf-8")
    with pytest.raises(RecordError):
        Reception(home, simulated=True).sign_in(asked)
