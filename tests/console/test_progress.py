"""A patient's progress: plots in text from the records, what changed since last time; nothing is set from there."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from estim.console.home_view import EmptyHome, PastPatient, RecordsHome
from estim.console.language import load
from estim.console.progress import HELD, change_lines, fact_lines, progress_lines
from estim.console.textplot import MARKS, SEVERAL, side_by_side, text_plot
from estim.records.course import Course, Point, changes
from estim.records.home import Home
from estim.records.past_course import courses, plan_of
from estim.records.plots import Series
from tests.records.build import NOON, session

DAY = datetime.timedelta(days=1)
RISING = (18_000, 20_000, 23_000, 26_000, 30_000, 31_000)


def point(number: int, level_ua: int, *, verified: bool = True, **outcomes: str) -> Point:
    return Point(
        number=number, began_ms=number * 86_400_000, utc=f"2026-11-{number:02}T10:00:00+00:00", week=1 + number // 4,
        outcome="completed", verified=verified, contractions=14 + number % 2, planned=15, therapy_us=900_000_000,
        levels_ua={"quadriceps": level_ua, "hamstrings": level_ua // 2}, tolerated_ua={},
        on_us={"quadriceps": 225_000_000, "hamstrings": 200_000_000}, discomfort=float(number % 5),
        outcomes={"pain": f"{7 - number}", "skin": "0 normal", **outcomes}, session=f"s{number}",
    )  # fmt: skip


def made(levels: tuple[int, ...] = RISING) -> Course:
    points = tuple(point(number, level, knee=f"{60 + 5 * number}") for number, level in enumerate(levels, 1))
    return Course(
        patient="P-017", protocol="p", title="Quadriceps strength", simulated=True, points=points,
        delivered=len(points), planned=(8, 12), contractions=(87, 90),
        last_levels_ua={"quadriceps": (levels[-1], "2026-11-06")}, due=tuple(range(1, len(points) + 1)),
    )  # fmt: skip


# -- the plots ---------------------------------------------------------------------------------------------------------


def test_a_rising_line_rises_and_its_marks_lie_where_the_values_do() -> None:
    drawn = text_plot("Level", [Series("", [(1, 0), (2, 10), (3, 20)])], columns=40, rows=10)
    assert len(drawn) == 10
    assert {len(line) <= 40 for line in drawn} == {True}
    places = sorted(
        (column, row) for row, line in enumerate(drawn) for column, glyph in enumerate(line) if glyph == "●"
    )
    assert [row for _, row in places] == sorted((row for _, row in places), reverse=True)
    assert len(places) == 3
    assert drawn[1].split("┤")[0].strip() == "20"
    assert drawn[-2].split("┤")[0].strip() == "0"
    assert drawn[-1].endswith("3")


def test_lines_are_told_apart_by_marks_and_named() -> None:
    drawn = text_plot(
        "Level", [Series("a", [(1, 1), (2, 5)]), Series("b", [(1, 3), (2, 5)])], columns=60, rows=8
    )  # fmt: skip
    assert drawn[1] == f"{MARKS[0]} a  {MARKS[1]} b"
    many = [Series(f"m{number}", [(1, number)]) for number in range(1, 9)]
    assert "8 m8" in text_plot("Level", many, columns=80, rows=8)[1]
    assert sum(line.count(SEVERAL) for line in drawn) == 1  # both end at 5


@pytest.mark.parametrize("points", [[(1.0, 0.0)], [(1.0, 5.0), (2.0, 5.0)], [(1.0, -2.0), (4.0, 3.0)], [(9.0, 1e6)]])
def test_a_plot_of_anything_fits_its_room(points: list[tuple[float, float]]) -> None:
    drawn = text_plot("x" * 99, [Series("", points)], columns=38, rows=7)
    assert len(drawn) == 7
    assert max(map(len, drawn)) <= 38
    assert sum(line.count("●") for line in drawn) == len(points)


def test_nothing_is_no_plot() -> None:
    assert text_plot("x", [Series("", [])], columns=40, rows=8) == ()
    assert side_by_side([["a"], ["b", "c"]], columns=3, across=2) == ["a   b", "    c"]


# -- the words ---------------------------------------------------------------------------------------------------------


def test_facts_say_delivered_against_planned_and_that_levels_are_a_suggestion() -> None:
    said = "\n".join(fact_lines(made()))
    assert "6 sessions of 8-12 due by today (75 %)" in said
    assert "87 of 90 planned" in said
    assert "quadriceps 31 mA" in said
    assert "nothing here sets one" in said
    unverified = replace(made(), points=(point(1, 1_000, verified=False),))
    assert "records of session 1 are not verified" in "\n".join(fact_lines(unverified))
    assert "75 %" in "\n".join(fact_lines(made(), load("de")))


def test_what_changed_since_last_time_is_listed() -> None:
    found = changes(made())
    assert found is not None
    before, after, changed = found
    assert (before, after) == (5, 6)
    assert {(one.what, one.name, one.before, one.after) for one in changed} == {
        ("level", "quadriceps", "30 mA", "31 mA"), ("level", "hamstrings", "15 mA", "15.5 mA"),
        ("contractions", "", "15/15", "14/15"), ("discomfort", "", "0", "1"),
        ("measure", "pain", "2", "1"), ("measure", "knee", "85", "90"),
    }  # fmt: skip
    said = change_lines(made())
    assert said[0] == "Since last time (session 5 → 6):"
    assert "level quadriceps: 30 mA → 31 mA · level hamstrings: 15 mA → 15.5 mA" in said[1].replace(HELD, " ")
    assert change_lines(made(RISING[:1])) == ["There is no second session yet that could be compared."]
    same = made((20_000, 20_000))
    same = replace(same, points=(same.points[0], replace(same.points[0], number=2)))
    assert change_lines(same) == ["Since last time (session 1 → 2): nothing has changed"]


@pytest.mark.parametrize(("columns", "across"), [(78, 2), (118, 3), (198, 5)])
def test_plots_use_the_width(columns: int, across: int) -> None:
    lines = progress_lines(made(), columns=columns, rows=50)
    assert max(map(len, lines)) <= columns
    titles = next(line for line in lines if line.startswith("Level at the end"))
    named = ("Level at the end", "Time with current", "Contractions", "Sessions delivered", "Discomfort")
    assert [name for name in named if name in titles] == list(named[:across])


# -- from the records --------------------------------------------------------------------------------------------------


def test_courses_come_from_the_records_of_this_patient_and_kind_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for day in range(3):
        session(home, "K-1", at=NOON + day * DAY)
    session(home, "X-K-1")
    session(home, "K-1", simulated=False)
    now_ms = int((NOON + 4 * DAY).timestamp() * 1_000)
    (one,) = courses(home, "K-1", simulated=True, now_ms=now_ms)
    assert (one.patient, one.delivered, one.simulated) == ("K-1", 3, True)
    assert courses(home, "nobody", simulated=True, now_ms=now_ms) == ()
    assert plan_of("no-such-protocol", own=None) is None
    plan = plan_of("knee-replacement-quadriceps-early", own=None)
    assert plan is not None
    assert plan.weeks >= 1
    view = RecordsHome(tmp_path)
    assert view.courses("K-1", simulated=True) is None or view.courses("K-1", simulated=True) == (one,)
    view._reading["K-1", True].join()
    assert [one.delivered for one in view.courses("K-1", simulated=True) or ()] == [3]


# -- the screen --------------------------------------------------------------------------------------------------------

HOME = EmptyHome(known=(PastPatient(id="P-017", sessions=6),), past=(made(), replace(made(), title="Another one")))
