"""A course: progress over sessions, delivered against planned."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from estim.records.course import Prescribed, course, number
from estim.records.course_report import course_html, course_text
from estim.records.home import Home
from estim.records.index import Filter, Index
from tests.records.build import NOON, session

DAY = datetime.timedelta(days=1)
PLAN = Prescribed(sessions_per_day=1, days_per_week=(2, 3), weeks=4)


@pytest.fixture
def sessions(tmp_path: Path) -> list[dict[str, Any]]:
    home = Home(tmp_path)
    session(home)
    session(home, at=NOON + 2 * DAY, end="fault")
    session(home, at=NOON + 4 * DAY, end="broken")
    session(home, at=NOON + 5 * DAY, end="none")
    session(home, "K-2")
    with Index(home) as index:
        index.refresh()
        return index.sessions(Filter(simulated=True))


def at(days: float) -> int:
    return int((NOON + days * DAY).timestamp() * 1_000)


def test_delivered_is_held_against_planned(sessions: list[dict[str, Any]]) -> None:
    done = course(sessions, "K-1", "p", plan=PLAN, now_ms=at(13.5))
    assert [point.outcome for point in done.points] == ["completed", "fault", "incomplete"]
    assert done.delivered == 3
    assert done.planned == (4, 6)  # two whole weeks
    assert done.adherence_percent == 75
    assert done.delivered_by() == (1, 2, 3)
    assert done.due == (0, 0, 1)  # the fewest by each session's day
    assert "Sessions" in course_html(done)
    assert done.contractions == (12, 18)
    assert done.last_levels_ua == {"quadriceps": (20_000, "2026-11-21")}
    assert done.measures() == ("discomfort", "mvic", "pain")


@pytest.mark.parametrize(("days", "due"), [(0, (0, 1)), (1, (0, 2)), (6, (2, 3)), (7, (2, 4)), (400, (8, 12))])
def test_what_is_due_grows_with_the_days_and_ends_with_the_course(
    sessions: list[dict[str, Any]], days: int, due: tuple[int, int]
) -> None:
    assert course(sessions, "K-1", "p", plan=PLAN, now_ms=at(days)).planned == due


def test_other_patients_and_protocols_stay_out(sessions: list[dict[str, Any]]) -> None:
    assert len(course(sessions, "K-2", "p", now_ms=at(1)).points) == 1
    none = course(sessions, "K-1", "q", plan=PLAN, now_ms=at(1))
    assert (none.points, none.planned, none.adherence_percent) == ((), None, None)
    assert "Sessions delivered: 0" in course_text(none)


@pytest.mark.parametrize("write", [course_text, course_html])
def test_the_report_of_a_course(sessions: list[dict[str, Any]], write: Any) -> None:
    said = write(course(sessions, "K-1", "p", plan=PLAN, now_ms=at(13.5)))
    for word in ("SIMULATED", "The records of session 3 are not verified", "3 of 4 to 6 due (75 %)", "2026-11-23"):
        assert word in said
    for word in ("12 of 18 planned (66 %)", "never a setting", "mvic 120", "fault", "K-1"):
        assert word in said
    assert "<script" not in said


def test_progress_is_drawn(sessions: list[dict[str, Any]]) -> None:
    said = course_html(course(sessions, "K-1", "p", plan=PLAN, now_ms=at(13.5)))
    assert said.count("<svg") == 7  # level, time, contractions, sessions, discomfort, pain, MVIC
    assert "Pain of the condition" in said


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3.0), ("3.5", 3.5), ("4+", None), ("", None), ("nan", None), ("inf", None)]
)
def test_only_numbers_are_drawn(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(("said", "shown"), [("0", 3.0), ("5", 5.0), ("", 3.0)])
def test_the_discomfort_of_a_visit_is_the_most_that_was_entered(
    sessions: list[dict[str, Any]], said: str, shown: float
) -> None:
    rows = [row | {"outcomes": row["outcomes"] | {"discomfort": said}} for row in sessions]
    assert course(rows, "K-1", "p", now_ms=at(1)).points[0].discomfort == shown


def test_what_was_measured_before_each_session_is_a_measure_of_the_course(sessions: list[dict[str, Any]]) -> None:
    both = [{"name": "mvic", "value": value, "side": side} for side, value in (("left", "90"), ("right", "110"))]
    index = {"name": "quadriceps-index", "value": "60", "unit": "%", "side": "left"}
    rows = [row | {"measured": [index, *both], "outcomes": {"pain": "2"}} for row in sessions]
    done = course(rows, "K-1", "p", now_ms=at(1))
    assert done.points[0].outcomes == {"quadriceps-index": "60", "mvic left": "90", "mvic right": "110", "pain": "2"}
    assert "quadriceps-index 60" in course_text(done)
    assert "quadriceps-index" in done.measures()


def test_rehearsals_have_no_day_from_which_anything_could_be_due(sessions: list[dict[str, Any]]) -> None:
    """Four rehearsals were 4 of 84 due: their first day was taken for one in 1970."""
    rows = [row | {"began_ms": 0, "utc": ""} for row in sessions]
    done = course(rows, "K-1", "p", plan=PLAN, now_ms=at(1))
    assert (done.planned, done.due) == (None, ())
    assert " due" not in course_text(done)
    assert "quadriceps 20 mA: a place to begin" in course_text(done)
