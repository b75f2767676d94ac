"""The course of care on the course page: what a therapist reads of goals, gate, exercises and work by hand."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from estim.care.course import of_kind
from estim.care.measures import measures
from estim.care.words import drill_title, measure_name, plan_words
from estim.console.care_words import care_lines
from estim.console.draft import Stage
from estim.console.due import courses_today, due_lines
from estim.console.home_view import EmptyHome, RecordsHome
from estim.console.language import ENGLISH, load
from estim.desk.care import CareDesk
from estim.desk.signed_later import signed_later
from estim.records.home import Home

from .by_screen import Reader
from .conftest import Make, read_home
from .simulated import SimulatedSession

TODAY = datetime.date.today()
BEGAN = TODAY - datetime.timedelta(days=20)


def _course(root: Path, *, last: str) -> CareDesk:
    desk = CareDesk(Home(root), "P-042", simulated=True, who="PT1")
    desk.begin("stroke-leg", "right", day=BEGAN)
    desk.note("assessment", {"measure": "walk-10m", "value": "0.52"}, day=BEGAN)
    by = (TODAY + datetime.timedelta(days=60)).isoformat()
    desk.note("goal", {"id": "g1", "words": "walk to the shop", "by": by, "measure": "walk-10m", "baseline": "0.52",
                       "target": "0.80", "signed_by": "PT1"}, day=BEGAN)  # fmt: skip
    desk.note("assessment", {"measure": "walk-10m", "value": last}, day=TODAY)
    treated = {"technique": "joint mobilisation", "region": "ankle", "minutes": 8, "response": "easier"}
    desk.note("treatment", treated, day=TODAY)
    drill = desk.status(TODAY).plan.phase[0].drills[0]
    desk.note("drill", {"drill": drill, "repetitions": 12, "pain": 2, "exertion": 4}, day=TODAY)
    return desk


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("language", ["en", "de"])
async def test_goals_gate_exercises_and_work_by_hand_stand_on_the_course_page(
    bench: Make, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    desk, say = _course(tmp_path, last="0.66"), load(language)
    view = read_home(tmp_path)
    async with bench(size=size, home_view=view, say=say) as b:
        await b.sign_in()
        await b.look(0.2)
        await b.press("enter", "y", "f5")
        await b.look(0.2)
        panel = b.app.on_top().query_one("#care")
        shown = re.sub(r"\s+", " ", str(panel.query_one(".text").render()))
        name = measure_name(measures()["walk-10m"], language)
        assert "“walk to the shop”" in shown, b.text
        assert f"{name} 0.52 → 0.66 m/s" in shown
        assert "50 %" in shown  # half of the way from 0.52 to 0.80
        status = desk.status(TODAY)
        assert say("care.gate", k=sum(one.state == "met" for one in status.gates), n=len(status.gates)) in shown
        assert f"{say('care.score.repetitions')} 12" in shown
        assert "joint mobilisation, ankle, 8 min: easier" in shown
        assert "“walk to the shop”" in b.text  # in sight without a key
        if size != (80, 24):
            assert "joint mobilisation, ankle, 8 min: easier" in b.text, b.text


@pytest.mark.parametrize(("last", "word"), [("0.53", "within the error"), ("0.80", "better"), ("0.30", "worse")])
async def test_nothing_is_called_better_within_the_measures_own_error(
    bench: Make, tmp_path: Path, last: str, word: str
) -> None:
    _course(tmp_path, last=last)
    view = read_home(tmp_path)
    (patient,) = view.patients(simulated=True)
    assert patient.course is not None
    async with bench(size=(120, 40), home_view=view) as b:
        await b.sign_in()
        await b.look(0.2)
        await b.press("enter", "y", "f5")
        await b.look(0.2)
        assert f"{word}" in b.text, b.text
        if word != "better":
            assert "better," not in b.text


async def test_without_a_goal_the_page_says_so_and_without_a_course_it_has_no_such_part(
    bench: Make, tmp_path: Path
) -> None:
    desk = CareDesk(Home(tmp_path), "P-042", simulated=True, who="PT1")
    desk.begin("stroke-leg", "right", day=TODAY)
    assert not of_kind(desk.entries(), "goal")
    view = read_home(tmp_path)
    async with bench(size=(120, 40), home_view=view) as b:
        await b.sign_in()
        await b.look(0.2)
        await b.press("enter", "y", "f5")
        await b.look(0.2)
        assert ENGLISH("care.no-goal") in b.text, b.text
        assert b.app.on_top().query_one("#care").display


async def test_a_treatment_that_was_sealed_is_handed_to_the_course(bench: Make) -> None:
    home = EmptyHome()
    async with bench(home_view=home) as b:
        await b.running(20.0)
        await b.send("space", " ")
        await b.look(1.0)
        assert home.visits == {}, "what nobody signed yet is no visit"
        await b.press("enter")
        await b.follow(lambda: bool(b._view().word_head))
        await b.look(0.5)
        (visit,) = home.visits.values()
        assert (visit.patient, visit.operator, visit.simulated) == ("P-042", "PT1", True)
        assert visit.given.contractions == b._view().given > 0
        assert visit.given.channels[0].peak_ma > 0


async def test_a_treatment_that_is_signed_late_is_the_visit_of_its_own_day(bench: Make, tmp_path: Path) -> None:
    began = datetime.datetime(2026, 11, 20, 9, tzinfo=datetime.UTC)
    day = began.astimezone().date()
    desk = CareDesk(Home(tmp_path), "P-042", simulated=True, who="PT1")
    desk.begin("stroke-leg", "right", day=day - datetime.timedelta(days=9))
    for _ in range(2):  # to the phase that walks with current
        desk.pass_gate(reason="walks", day=day - datetime.timedelta(days=3))
    folder = tmp_path / "records" / "simulated" / "20261120T0900-P-042"
    session = SimulatedSession(folder=folder, utc=began.isoformat())
    async with bench(session=session, home_view=RecordsHome(tmp_path)) as b:
        await b.jump(Stage.TREAT)
        b.app.draft.drill = "sit-to-stand"
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        session.room(type="walk", walks=True)
        await b.look(8.0)
        given = b._view().given
        session.killed()
    home = read_home(tmp_path)
    assert not of_kind(desk.entries(), "visit"), "what nobody signed yet is no visit"
    async with bench(home_view=home) as b:
        reader = Reader(b)
        await reader.sign_in()
        await reader.follow("Signed: the session of P-042")
    home.wait()
    (visit,) = of_kind(desk.entries(), "visit")
    (entered,) = of_kind(desk.entries(), "session")
    assert (visit.day, entered.day, entered.who) == (day, day, "PT1")
    assert entered.fields["contractions"] == given > 0
    assert entered.fields["record"] == folder.name
    assert [float(level) > 0 for level in entered.fields["levels"].values()] == [True]
    (drilled,) = of_kind(desk.entries(), "drill")
    assert (drilled.day, drilled.fields["drill"], drilled.fields["repetitions"]) == (day, "sit-to-stand", given)
    assert not signed_later(Home(tmp_path), folder.name, simulated=True, operator="PT1"), "once"


def test_a_german_screen_has_its_templates_questions_and_exercises_in_german(tmp_path: Path) -> None:
    desk, german = _course(tmp_path, last="0.66"), load("de")
    phase = desk.plan().phase[0]
    asked = [str(gate.check) for gate in phase.gate]
    desk.note("check", {"check": asked[0], "yes": "yes", "phase": phase.name}, day=TODAY)
    (course,) = courses_today(desk.home, simulated=True, today=TODAY + datetime.timedelta(days=7)).values()
    said = "\n".join(str(line) for line in [*due_lines(course, german), *care_lines(course.care, german)])
    for text in (course.plan, course.phase, *asked):
        assert text not in said
        assert plan_words("stroke-leg", text, "de") in said, text
    for name in phase.drills:
        assert said.count(drill_title(name, "de")) == 2, "due, and with its last scores"
    assert ": ja, PT1" in said
    english = "\n".join(str(line) for line in [*due_lines(course, ENGLISH), *care_lines(course.care, ENGLISH)])
    assert f"{asked[0]}: yes, PT1" in english
    for name in phase.drills:
        assert english.count(drill_title(name, "en")) == 2
        assert name not in english, "no name of a file"
