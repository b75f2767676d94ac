"""What is asked before the first pulse of a session of a course, and what may be left out."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from estim.desk.care import CareDesk
from estim.desk.care_entries import CONSENT_POINTS
from estim.desk.course_session import CourseSession, Given, GivenChannel, sealed_elsewhere
from estim.protocols.catalogue import load_runnable
from estim.records import care_log
from estim.records.home import Home
from estim.safety.errors import SetupError, UsageError

DAY = datetime.date(2026, 3, 2)


@pytest.fixture
def session(tmp_path: Path) -> CourseSession:
    desk = CareDesk(Home(tmp_path), "K-7", simulated=True, who="lena")
    desk.begin("knee-replacement", "right", day=DAY)
    return CourseSession(desk, DAY)


def consent(session: CourseSession) -> None:
    points = dict.fromkeys(CONSENT_POINTS[:-1], True)
    session.desk.note("consent", {"points": points, "capacity": "able"}, day=DAY)


def test_consent_is_never_left_out(session: CourseSession) -> None:
    with pytest.raises(SetupError) as caught:
        session.due("due", reason="in a hurry")
    assert [problem.key for problem in caught.value.problems] == ["consent"]
    consent(session)
    assert session.due("due") == "knee-replacement-quadriceps-early"


def test_each_missing_measure_is_asked_with_its_unit_and_a_wrong_answer_again(session: CourseSession) -> None:
    consent(session)
    protocol, _ = load_runnable("knee-replacement-quadriceps-early")
    wanted = session.planned(protocol, sessions_before=0).wanted
    assert {(each.measure, each.side) for each in wanted} >= {("mvic", "left"), ("mvic", "right"), ("tug", "")}
    asked: list[str] = []
    answers = {"Timed Up and Go": ["fast", "", "16"], "MVIC torque or force, left": ["110"],
               "MVIC torque or force, right": ["40"]}  # fmt: skip

    def ask(question: str) -> str:
        asked.append(question)
        told = next((said for name, said in answers.items() if question.startswith(name)), None)
        if told is not None:
            return told.pop(0) if told else ""
        return "" if "again" in question else "- not today"

    answers["Timed Up and Go"] = ["fast", "16"]
    session.answer(wanted, ask)
    assert any("[s] (baseline of the course)" in question for question in asked)
    assert any("tug: a number of s; again" in question for question in asked)
    planned = session.planned(protocol, sessions_before=0)
    assert planned.wanted == ()
    assert planned.known == {"quadriceps-index": pytest.approx(36.4)}
    assert (planned.side, planned.week, planned.session) == ("right", 1, 1)
    reasons = [e for e in care_log.read(session.desk.home, "K-7", simulated=True) if e.kind == "not-possible"]
    assert {entry.fields["reason"] for entry in reasons} == {"not today"}


def test_what_stays_open_without_a_reason_stops_the_session(session: CourseSession) -> None:
    consent(session)
    protocol, _ = load_runnable("knee-replacement-quadriceps-early")
    wanted = session.planned(protocol, sessions_before=0).wanted
    with pytest.raises(SetupError) as caught:
        session.answer(wanted, lambda _question: "")
    assert len(caught.value.problems) == len(wanted)


def test_a_measure_that_is_too_old_is_asked_again(session: CourseSession) -> None:
    consent(session)
    for side, value in (("left", 110), ("right", 40)):
        session.desk.note("assessment", {"measure": "mvic", "value": str(value), "side": side}, day=DAY)
    protocol, _ = load_runnable("knee-replacement-quadriceps-early")
    for days, known in ((14, True), (15, False)):
        later = CourseSession(session.desk, DAY + datetime.timedelta(days=days))
        planned = later.planned(protocol, sessions_before=1)
        assert ("quadriceps-index" in planned.known) is known
        assert any(each.measure == "mvic" for each in planned.wanted) is not known


@pytest.mark.parametrize("day", [datetime.date(2026, 3, 1), datetime.date(2020, 1, 1)])
def test_nothing_is_entered_for_a_day_before_the_course(session: CourseSession, day: datetime.date) -> None:
    with pytest.raises(UsageError, match="began on 2026-03-02"):
        session.desk.note("visit", {}, day=day)
    with pytest.raises(UsageError, match="had begun"):
        session.desk.status(day)


def test_a_real_person_s_entry_is_never_of_a_day_to_come(tmp_path: Path) -> None:
    desk = CareDesk(Home(tmp_path), "K-7", simulated=False, who="lena")
    desk.begin("knee-replacement", "right")
    with pytest.raises(UsageError, match="is to come"):
        desk.note("visit", {}, day=datetime.date.today() + datetime.timedelta(days=1))


def test_what_was_given_in_the_console_is_a_visit_of_the_course_once(session: CourseSession) -> None:
    consent(session)
    protocol, _ = load_runnable("knee-replacement-quadriceps-early")
    other, _ = load_runnable("low-back-pain-multifidus")
    channel = GivenChannel("quadriceps", reached=12, on_s=240.0, peak_ma=31.0)
    told = Given(outcome="completed", contractions=15, channels=(channel,), record="20260302T090000Z-K-7")
    assert not sealed_elsewhere(session.desk, other, told, day=DAY)  # no part of this phase
    assert sealed_elsewhere(session.desk, protocol, told, day=DAY)
    assert not sealed_elsewhere(session.desk, protocol, told, day=DAY)
    entries = session.desk.entries()
    assert [each.kind for each in entries] == ["begin", "consent", "visit", "session"]
    assert entries[-1].fields["reached"] == 12
    assert entries[-1].fields["levels"] == {"quadriceps": "31"}
    assert not any(due.kind == "visit" for due in session.desk.status(DAY).due)
    session.desk.note("end", {"reason": "moved away", "advice": "none"}, day=DAY)
    assert not sealed_elsewhere(
        session.desk, protocol, dataclasses.replace(told, record="20260302T110000Z-K-7"), day=DAY
    )
