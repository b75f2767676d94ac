"""What the console knows of past sessions, from records as the writer leaves them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from estim.console.due import title_of
from estim.console.home_reading import read_sessions, unfinished
from estim.console.language import ENGLISH, load
from estim.console.past import PastPatient
from estim.console.stages.glance import glance_lines, how_words, unfinished_lines
from estim.desk.care import CareDesk
from estim.records.home import Home
from estim.records.patients import Patient, save_patient
from estim.records.personal import Cover

from .conftest import make_bench, read_home

TODAY = "2026-11-28"


def read_patients(records: Path) -> tuple[PastPatient, ...]:
    return read_sessions(records, TODAY)[0]


def session(
    records: Path,
    name: str,
    patient: str,
    *,
    skin: str = "0 normal",
    contractions: int = 12,
    torn: bool = False,
    signed: bool = True,
    more: Sequence[tuple[str, dict[str, object]]] = (),
) -> None:
    folder = records / name
    folder.mkdir(parents=True)
    lines = [
        ("header", {"patient": patient, "utc": "2026-11-19T08:00:00.000+00:00", "operator": "PT1"}),
        ("screening", {"answers": {"S01": False, "S12": True, "S12.reason": name}, "scripted": False}),
        ("setup", {"schedule": {"protocol_title": "Quadriceps", "purpose": "therapy"}}),
        ("command", {"channels": []}),
        ("outcome", {"skin": skin}),
        *more,
        *((("signature", {"operator": "PT1"}),) if signed else ()),
        ("end", {"outcome": "completed", "contractions": contractions}),
    ]
    text = "".join(
        json.dumps({"kind": kind, "fields": fields}, separators=(",", ":"), sort_keys=True) + "\n"
        for kind, fields in lines
    )
    (folder / "record.jsonl").write_text(text[:-20] if torn else text)


def test_sessions_are_counted_where_there_was_treatment(tmp_path: Path) -> None:
    session(tmp_path, "20261101T0800", "P-1")
    session(tmp_path, "20261102T0800", "P-2")
    session(tmp_path, "20261103T0800", "P-1", contractions=0)
    session(tmp_path, "20261104T0800", "P-1", skin="2 redness that stays")
    first, second = read_patients(tmp_path)
    assert (first.id, first.sessions, first.last_protocol) == ("P-1", 2, "Quadriceps")
    assert first.answers["S12.reason"] == "20261104T0800"
    assert first.skin_blocked == "2 redness that stays (Quadriceps)"
    assert (second.id, second.sessions, second.skin_blocked) == ("P-2", 1, "")


@pytest.mark.parametrize("told", ["", " (today)", " (2026-11-01)", " (today) (2026-11-02) (today)"])
def test_why_warnings_were_accepted_stays_a_word_of_the_screen_over_all_visits(tmp_path: Path, told: str) -> None:
    """With each visit the record's word grew by a day, and the second visit showed it as a code."""
    said: tuple[str, dict[str, object]] = ("accepted", {"what": "warnings", "value": f"needed-tolerated{told}"})
    session(tmp_path, "20261101T0800", "P-1", more=[said])
    assert read_patients(tmp_path)[0].warnings_reason == "needed-tolerated"


def test_an_adverse_event_is_read_by_whoever_treats_next(tmp_path: Path) -> None:
    """It stood in the record alone: the next visit named stops, discomfort and skin."""
    records = Home(tmp_path).records(simulated=True)
    told = Cover(tmp_path, "P-1").value("fainted, lay down, well after 10 min")
    assert "fainted" not in told, "as it stands in the file"
    said: tuple[str, dict[str, object]] = ("note", {"adverse_event": told})
    session(records, "20261101T0800", "P-1", more=[said])
    (patient,) = read_patients(records)
    for language in ("en", "de"):
        assert "fainted, lay down, well after 10 min" in " ".join(glance_lines(patient, load(language)))
    session(records, "20261103T0800", "P-1")
    assert "fainted" not in " ".join(glance_lines(read_patients(records)[0], ENGLISH)), "of the last session alone"


def test_a_later_session_of_a_console_ends_when_it_ended(tmp_path: Path) -> None:
    """The pause until the next was counted as if it had lasted from the console's start on."""
    folder = tmp_path / "20261102T1620"
    folder.mkdir()
    hours_us = 5 * 3_600_000_000
    rows = [
        (0, "header", {"patient": "P-2", "utc": "2026-11-02T16:20:00+00:00", "operator": "PT2"}),
        (0, "setup", {"schedule": {"protocol_id": "q", "protocol_title": "Q", "purpose": "therapy", "phases": []}}),
        (60_000_000, "dose", {"purpose": "therapy", "channels": [{"pulses": 5}]}),
        (90_000_000, "end", {"outcome": "completed", "contractions": 3, "output": "OFF"}),
    ]
    text = (json.dumps({"kind": k, "fields": f, "t_us": t + hours_us}, separators=(",", ":")) for t, k, f in rows)
    (folder / "record.jsonl").write_text("\n".join(text) + "\n")
    (patient,) = read_patients(tmp_path)
    (past,) = patient.recent
    assert (past.ended - past.began).total_seconds() == 90


def test_skin_that_has_healed_blocks_no_more(tmp_path: Path) -> None:
    session(tmp_path, "20261101T0800", "P-1", skin="3 blister or burn")
    session(tmp_path, "20261102T0800", "P-1")
    assert read_patients(tmp_path)[0].skin_blocked == ""


def test_a_torn_record_takes_nothing_else_with_it(tmp_path: Path) -> None:
    session(tmp_path, "20261101T0800", "P-1")
    session(tmp_path, "20261102T0800", "P-1", torn=True)
    assert [(patient.id, patient.sessions) for patient in read_patients(tmp_path)] == [("P-1", 1)]


@pytest.mark.hazard("H42")
def test_simulated_and_real_never_mix(tmp_path: Path) -> None:
    session(tmp_path / "records" / "simulated", "20261101T0800", "SIM-P")
    session(tmp_path / "records" / "real", "20261101T0800", "REAL-P")
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "own.toml").write_text("")
    home = read_home(tmp_path)
    assert [patient.id for patient in home.patients(simulated=True)] == ["SIM-P"]
    assert [patient.id for patient in home.patients(simulated=False)] == ["REAL-P"]
    assert home.own_protocols() == (str(tmp_path / "protocols" / "own.toml"),)


def test_an_empty_home_knows_nobody(tmp_path: Path) -> None:
    home = read_home(tmp_path / "nothing")
    assert home.patients(simulated=True) == ()
    assert home.own_protocols() == ()


def test_the_patients_file_stands_beside_the_records(tmp_path: Path) -> None:
    session(tmp_path / "records" / "simulated", "20261101T0800", "P-1")
    save_patient(tmp_path / "patients.json", Patient(id="P-1", condition="stroke", side="left", protocol="x", week=3))
    save_patient(tmp_path / "patients.json", Patient(id="P-2", condition="knee-replacement"))
    home = read_home(tmp_path)
    first, second = home.patients(simulated=True)
    assert (first.id, first.sessions, first.condition, first.side) == ("P-1", 1, "stroke", "left")
    assert (first.assigned, first.assigned_week) == ("x", 3)
    assert (second.id, second.sessions, second.condition) == ("P-2", 0, "knee-replacement")


def test_a_broken_patients_file_hides_nobody(tmp_path: Path) -> None:
    session(tmp_path / "records" / "simulated", "20261101T0800", "P-1")
    (tmp_path / "patients.json").write_text("{")
    home = read_home(tmp_path)
    assert [patient.id for patient in home.patients(simulated=True)] == ["P-1"]


def test_what_was_played_last_and_the_pads_uses_are_kept(tmp_path: Path) -> None:
    for day in (1, 2):
        folder = tmp_path / f"2026110{day}T0800"
        folder.mkdir()
        schedule = {"protocol_title": "Q", "protocol_id": "q", "protocol_version": "1.1.0", "week": day, "session": day}
        lines: list[tuple[str, dict[str, object]]] = [
            ("header", {"patient": "P-1", "utc": f"2026-11-0{day}T08:00:00", "operator": "PT1"}),
            ("setup", {"schedule": schedule}),
            ("note", {"pads": {"a": "A1", "b": "B1"} if day == 1 else {"a": "A1"}}),
            ("note", {"text": "fine"}),
            ("end", {"outcome": "completed", "contractions": 4}),
        ]
        (folder / "record.jsonl").write_text(
            "".join(
                json.dumps({"kind": kind, "fields": fields}, separators=(",", ":")) + "\n" for kind, fields in lines
            )
        )
    (patient,) = read_patients(tmp_path)
    assert (patient.last_protocol_id, patient.last_version, patient.last_week, patient.last_session) == (
        "q",
        "1.1.0",
        2,
        2,
    )
    assert patient.pad_uses == {"A1": 2, "B1": 1}


def test_what_nobody_signed_is_not_finished(tmp_path: Path) -> None:
    session(tmp_path, "20261101T0800", "P-1")
    session(tmp_path, "20261102T0800", "P-2", signed=False)
    _, sessions = read_sessions(tmp_path, TODAY)
    (one,) = unfinished(sessions)
    assert (one.patient_id, one.how, one.ending, one.contractions) == ("P-2", "left", "completed", 12)


def broken_off(folder: Path, *lines: tuple[int, str, dict[str, object]]) -> None:
    """A treatment of 2 × 48 contractions with current on, and what came then: (time in µs, kind, fields)."""
    plan = {
        "purpose": "therapy",
        "protocol_title": "Q",
        "phases": [{"cycles": 48, "sets": 2}, {"cycles": 0, "sets": 1}],
    }
    before: list[tuple[int, str, dict[str, object]]] = [
        (0, "header", {"patient": "P-2", "utc": "2026-11-02T16:20:00", "operator": "PT2"}),
        (0, "setup", {"schedule": plan}),
        (1_000_000, "output", {"state": "ON"}),
        *((n * 1_000_000, "contraction", {"n": n, "whole": True, "purpose": "therapy"}) for n in range(2, 14)),
    ]
    folder.mkdir(parents=True)
    rows = [
        json.dumps({"kind": kind, "fields": fields, "t_us": t_us}, separators=(",", ":"))
        for t_us, kind, fields in [*before, *lines]
    ]
    (folder / "record.jsonl").write_text("\n".join(rows) + "\n")


def test_a_console_that_was_killed_is_met_with_n_of_m_and_how_soon_the_device_was_off(tmp_path: Path) -> None:
    broken_off(
        tmp_path / "20261102T1620",
        (14_000_000, "request", {"what": "leave", "source": "console-gone"}),
        (14_021_400, "output", {"state": "OFF"}),
        (14_030_000, "end", {"outcome": "stopped", "contractions": 12, "output": "OFF"}),
    )
    (one,) = unfinished(read_sessions(tmp_path, TODAY)[1])
    assert (one.how, one.contractions, one.planned, one.stopped_ms) == ("killed", 12, 96, 21)
    told = " ".join(unfinished_lines((one,), ENGLISH, 78))
    assert "P-2 2026-11-02 16:20" in told
    assert "12 of 96 contractions given, not signed" in told
    assert "(off 21 ms later)" in told


def test_a_controller_that_was_lost_says_how_soon_the_console_had_the_device_off(tmp_path: Path) -> None:
    taken = {"cause": "eof", "output": "OFF", "text": "", "took_ms": 73, "last_phase": "RUNNING", "last_snapshot_us": 1}
    broken_off(
        tmp_path / "20261102T1620", (14_000_000, "take-over", dict(taken)), (14_000_001, "output", {"state": "OFF"})
    )
    (one,) = unfinished(read_sessions(tmp_path, TODAY)[1])
    assert (one.how, one.planned, one.stopped_ms) == ("taken-over", 96, 73)
    assert "off 73 ms later" in how_words(one, ENGLISH)


@pytest.mark.parametrize("taken_over", [False, True])
def test_of_an_output_that_nobody_saw_off_it_is_never_said_that_it_was_stopped(
    tmp_path: Path, taken_over: bool
) -> None:
    """A console was closed after its stimulator had been unplugged: home said that the output was stopped."""
    taken = {
        "cause": "eof",
        "output": "UNCERTAIN",
        "text": "",
        "took_ms": 1_200,
        "last_phase": "",
        "last_snapshot_us": 1,
    }
    broken_off(
        tmp_path / "20261102T1620",
        *(((14_000_000, "take-over", dict(taken)),) if taken_over else ()),
        (14_000_001, "output", {"state": "UNCERTAIN"}),
        (15_000_000, "request", {"what": "leave", "source": "console-gone"}),
        (15_000_001, "end", {"outcome": "uncertain", "contractions": 3, "output": "UNCERTAIN"}),
    )
    (one,) = unfinished(read_sessions(tmp_path, TODAY)[1])
    assert one.how == ("taken-over" if taken_over else "killed")
    for language, word in (("en", "OUTPUT UNCERTAIN"), ("de", "AUSGANG UNGEWISS")):
        told = " ".join(unfinished_lines((one,), load(language), 78))
        assert word in told
        assert not re.search(r"was stopped|stopped the device|wurde gestoppt|stoppte das Gerät", told)


def test_where_nothing_flowed_no_time_until_off_is_said(tmp_path: Path) -> None:
    broken_off(
        tmp_path / "20261102T1620",
        (14_000_000, "output", {"state": "OFF"}),
        (15_000_000, "request", {"what": "leave", "source": "console-gone"}),
        (15_000_001, "output", {"state": "OFF"}),
    )
    (one,) = unfinished(read_sessions(tmp_path, TODAY)[1])
    assert one.stopped_ms is None
    assert "off " not in how_words(one, ENGLISH)


def test_an_end_by_hand_after_all_was_given_is_completed(tmp_path: Path) -> None:
    asked: dict[str, object] = {"what": "end-early", "reason": "goal-reached"}
    for name, given in (("20261102T1620", 92), ("20261103T1620", 90)):
        broken_off(
            tmp_path / name,
            (14_000_000, "request", asked),
            (15_000_000, "end", {"outcome": "completed", "contractions": given}),
        )
    assert [one.ending for one in read_sessions(tmp_path, TODAY)[1]] == ["early", "completed"]


def test_a_session_without_a_contraction_is_no_visit(tmp_path: Path) -> None:
    session(tmp_path, "20261101T0800", "P-1", contractions=0)
    patients, sessions = read_sessions(tmp_path, TODAY)
    assert patients[0].sessions == 0
    assert sessions[0].ending == "before-first"


def test_what_was_signed_later_in_another_record_is_signed(tmp_path: Path) -> None:
    session(tmp_path, "20261102T0800", "P-2", signed=False)
    folder = tmp_path / "20261103T0800"
    folder.mkdir()
    lines = [("header", {"patient": "P-2", "utc": "2026-11-03T08:00:00", "operator": "PT2"}),
             ("note", {"signs_session": "20261102T0800"}), ("signature", {"operator": "PT2"}), ("end", {})]  # fmt: skip
    rows = [json.dumps({"kind": kind, "fields": fields}, separators=(",", ":")) for kind, fields in lines]
    (folder / "record.jsonl").write_text("\n".join(rows) + "\n")
    _, sessions = read_sessions(tmp_path, TODAY)
    assert [(one.folder, one.signed_by) for one in sessions] == [("20261102T0800", "PT2")]
    assert unfinished(sessions) == ()


def test_what_a_course_has_due_today_comes_first_and_is_what_opens(tmp_path: Path) -> None:
    home = Home(tmp_path)
    desk = CareDesk(home, "P-777", simulated=True, who="PT1")
    desk.begin("stroke-leg", "right")
    view = read_home(tmp_path)
    (patient,) = view.patients(simulated=True)
    assert patient.id == "P-777"
    assert patient.course is not None
    assert patient.side == "right"
    kinds = [kind for kind, _ in patient.course.due]
    assert kinds[0] == "consent"
    assert "visit" in kinds
    assert patient.assigned == patient.course.protocol != ""
    lines = glance_lines(patient, ENGLISH)
    assert lines[1] == "▸ consent to the course"
    assert any(title_of(patient.course.protocol) in line for line in lines)
    assert title_of(patient.course.protocol).startswith("Four-muscle"), "no name of a file"
    assert not any(patient.course.protocol in line for line in lines)
    assert view.patients(simulated=False) == ()


@pytest.mark.parametrize(
    ("language", "one", "many"), [("en", "1 contraction", "1 contractions"), ("de", "1 Kontraktion", "1 Kontraktionen")]
)
def test_one_contraction_is_one(tmp_path: Path, language: str, one: str, many: str) -> None:
    session(tmp_path, "20261101T0800", "P-1", contractions=1)
    session(tmp_path, "20261102T0800", "P-2", contractions=1, signed=False)
    say = load(language)
    patients, sessions = read_sessions(tmp_path, TODAY)
    told = glance_lines(patients[-1], say) + unfinished_lines(unfinished(sessions), say, 78)
    assert sum(one in line for line in told) == 2
    assert not any(many in line for line in told)


def test_a_course_that_begins_ends_or_is_told_something_elsewhere_is_seen_without_a_restart(tmp_path: Path) -> None:
    session(tmp_path / "records" / "simulated", "20261101T0800", "P-1")
    view = read_home(tmp_path)

    def seen() -> list[tuple[str, bool]]:
        view.look_at_courses()
        view.wait()
        return [(one.id, one.course is not None) for one in view.patients(simulated=True)]

    assert seen() == [("P-1", False)]
    desk = CareDesk(Home(tmp_path), "P-777", simulated=True, who="PT1")
    desk.begin("stroke-leg", "right")
    assert seen() == [("P-777", True), ("P-1", False)]
    desk.note("end", {"reason": "moved"})
    assert seen() == [("P-1", False)]


async def test_home_looks_for_them_and_the_mark_stays_with_its_patient(tmp_path: Path) -> None:
    """Somebody who comes in above never gets the Enter that was meant for who was named."""
    session(tmp_path / "records" / "simulated", "20261101T0800", "P-1")
    session(tmp_path / "records" / "simulated", "20261102T0800", "P-2")
    view = read_home(tmp_path)
    async with make_bench(home_view=view) as b:
        await b.sign_in()
        await b.look(1.0)
        assert "opens P-2" in b.next
        CareDesk(Home(tmp_path), "P-777", simulated=True, who="PT1").begin("stroke-leg", "right")
        await b.look(3.0)
        view.wait()
        await b.look(1.0)
        assert "P-777" in b.text
        assert "opens P-2" in b.next
        await b.press("up")
        assert "opens P-777" in b.next
        await b.press("down", "down")
        assert "opens P-1" in b.next


@pytest.mark.parametrize(
    ("said", "met"),
    [
        ([("note", {"discomfort": 10}), ("reason", {"ended_for": "patient-asked"})], ("10", (), "")),
        ([("reason", {"stopped": "pain"})], ("", ("pain",), "")),
        ([("note", {"adverse_event": "fainted on the plinth"})], ("", (), "fainted on the plinth")),
        ([("reason", {"ended_for": "opened-wrongly"})], ("4", ("skin",), "a blister")),
        ([("outcome", {"discomfort": "0"})], ("4", ("skin",), "a blister")),
    ],
)
def test_what_was_said_in_a_visit_without_treatment_is_met_at_the_next(
    tmp_path: Path, said: list[tuple[str, dict[str, object]]], met: tuple[str, tuple[str, ...], str]
) -> None:
    """A pain of 10 while levels were found, and a faint, were in the record alone; nothing said hides nothing."""
    before: list[tuple[str, dict[str, object]]] = [
        ("note", {"discomfort": 4}),
        ("reason", {"stopped": "skin"}),
        ("note", {"adverse_event": "a blister"}),
    ]
    session(tmp_path, "20261101T0800", "P-1", more=before)
    session(tmp_path, "20261102T0800", "P-1", contractions=0, more=said)
    (known,) = read_patients(tmp_path)
    assert (known.last_discomfort, known.last_stops, known.last_event) == met
    assert known.sessions == 1


@pytest.mark.parametrize(
    ("what", "stops"), [("end-early", ("pain",)), ("pause", ("pain",)), ("reset-fault", ()), ("skip-phase", ())]
)
def test_what_ended_or_paused_for_pain_is_met_as_a_stop_for_it(
    tmp_path: Path, what: str, stops: tuple[str, ...]
) -> None:
    session(tmp_path, "20261101T0800", "P-1", more=[("request", {"what": what, "reason": "pain"})])
    assert read_patients(tmp_path)[0].last_stops == stops


@pytest.mark.parametrize(
    "odd",
    [
        ("note", {"pads": ["A"]}),
        ("note", {"discomfort": "1" * 5_000}),
        ("reason", ["pain"]),
        ("contraction", {"purpose": "therapy", "whole": {}}),
        ("levels", {"channel": "one"}),
    ],
)
def test_one_odd_line_hides_none_of_those_behind_it(tmp_path: Path, odd: tuple[str, Any]) -> None:
    """A front may note what it likes; a session that was signed stood there as torn, its last pain unread."""
    session(tmp_path, "20261101T0800", "P-1", more=[odd, ("reason", {"stopped": "pain"})])
    patients, (one,) = read_sessions(tmp_path, TODAY)
    assert (one.signed_by, one.how, one.stops) == ("PT1", "", ("pain",))
    assert patients[0].last_stops == ("pain",)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_next_visit_meets_the_most_that_was_entered_and_why_it_was_stopped(tmp_path: Path, language: str) -> None:
    more: list[tuple[str, dict[str, object]]] = [
        ("note", {"discomfort": 3}),
        ("note", {"discomfort": 10}),
        ("reason", {"stopped": "pain"}),
        ("note", {"discomfort": 2}),
        ("outcome", {"skin": "0 normal", "discomfort": "0"}),
    ]
    session(tmp_path, "20261101T0800", "P-1", more=more)
    (known,) = read_patients(tmp_path)
    assert (known.last_discomfort, known.last_stops) == ("10", ("pain",))
    say = load(language)
    said = "\n".join(glance_lines(known, say))
    assert say("ending.discomfort", value=10) in said
    assert say.of("reason", "pain") in said
    session(tmp_path, "20261102T0800", "P-1", more=[("outcome", {"discomfort": "0"})])
    assert read_patients(tmp_path)[0].last_discomfort == "0", "another session, another discomfort"
