"""What a course is told at the console: exercises scored and ticked off, the diary's lines, treatment by hand."""

from __future__ import annotations

import datetime
import random
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from estim.care import words
from estim.care.course import of_kind
from estim.care.drills import drills
from estim.care.exercised import proposed
from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, RecordsHome
from estim.console.language import load
from estim.console.stages.exercises import ByHandPane, DiaryPane, EntriesPane, ExercisesPane
from estim.desk.care import CareDesk
from estim.records.home import Home
from estim.session.events import Note

from .conftest import Bench, Make, read_home
from .every_stage import SIZES, resize

TODAY = datetime.date.today()
BEGAN = TODAY - datetime.timedelta(days=20)


def _course(root: Path) -> tuple[CareDesk, RecordsHome]:
    desk = CareDesk(Home(root), "P-042", simulated=True, who="PT1")
    desk.begin("stroke-leg", "right", day=BEGAN)
    view = read_home(root)
    return desk, view


async def _open(b: Bench, *keys: str) -> None:
    await b.sign_in()
    await b.look(0.2)
    await b.press("enter", "y", "f5", *keys)


async def _fill(b: Bench, *lines: str) -> None:
    for text in lines:
        await b.type(text)
        await b.press("enter")


def _noted(b: Bench) -> list[Mapping[str, object]]:
    return [one.fields for one in b.session.requests if isinstance(one, Note)]


def _panel(b: Bench, name: str) -> str:
    """A panel's text, as if it were as wide as it likes."""
    return " ".join(str(b.app.on_top().query_one(f"#{name} .text").render()).split())


def _shown(b: Bench) -> str:
    return " ".join(b.text.split())


@pytest.mark.parametrize("language", ["en", "de"])
async def test_an_exercise_is_read_ticked_off_and_scored(bench: Make, tmp_path: Path, language: str) -> None:
    (desk, view), say = _course(tmp_path), load(language)
    names = desk.plan().phase[0].drills
    first, second = (drills()[name] for name in names[:2])
    said = words.drill_words(first, language)
    async with bench(size=SIZES[0], home_view=view, say=say) as b:
        await _open(b, "e")
        for size in SIZES:
            await resize(b, size)
            shown = _shown(b)
            assert said["name"] in shown, b.text
            assert first.dose.words(language) in shown, b.text
            if size != SIZES[0]:  # there F4 shows the rest
                for key in ("start", "cue", "stop", "harder", "harder-to", "easier", "easier-to", "sync"):
                    assert said[key].split(",")[0][:30] in shown, (key, b.text)
        await b.press("y")
        view.wait()
        await b.look(0.1)
        assert say("form.entered") in _shown(b), b.text
        (ticked,) = of_kind(desk.entries(), "drill")
        assert ticked.fields["drill"] == first.id
        assert ticked.fields["repetitions"] == first.dose.sets * (first.dose.reps or 0)
        await b.press("y")
        assert say("exercises.ticked") in b.said, "once a day; Enter scores it once more"
        await b.press("down", "enter")
        await _fill(b, "3", "30", "2,5", "", "11")
        assert say("care.score.pain") in b.said, "0 to 10"
        assert not of_kind(desk.entries(), "drill")[1:]
        await b.press("backspace", "enter")
        await _fill(b, "4", "ja")
        await b.press("f8")
        view.wait()
        await b.look(0.1)
        scored = of_kind(desk.entries(), "drill")[-1]
        assert dict(scored.fields) == {
            "drill": second.id, "sets": "3", "repetitions": "30", "hold_s": "2.5", "pain": "1", "exertion": "4",
            "clean": True,
        }  # fmt: skip
        assert f"{say('care.score.pain')} 1" in _shown(b), b.text
        assert [note["drill"] for note in _noted(b) if "drill" in note] == [first.id, second.id], "in the record"


@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_diarys_lines_are_typed_and_a_line_that_is_there_is_refused(
    bench: Make, tmp_path: Path, language: str
) -> None:
    (desk, view), say = _course(tmp_path), load(language)
    name = desk.plan().home_drills(0)[0]
    day = TODAY - datetime.timedelta(days=3)
    async with bench(size=SIZES[0], home_view=view, say=say) as b:
        await _open(b, "d", "enter")
        await b.send("ctrl+u")
        await _fill(b, "12/13/2026")
        assert say("diary.day-hint") in b.said
        await b.send("ctrl+u")
        await _fill(b, words.day_words(TODAY + datetime.timedelta(days=1), language))
        assert say("diary.to-come") in b.said
        await b.send("ctrl+u")
        await _fill(b, words.day_words(day, language), "3x10", "", "2", "1", "1", "", "")
        await b.press("enter")  # the last row enters all of it
        view.wait()
        await b.look(0.1)
        (line,) = of_kind(desk.entries(), "diary")
        assert (line.day, line.who) == (day, "PT1")
        assert dict(line.fields) == {"drill": name, "done": True, "done_words": "3x10", "pain": "2",
                                     "pain_next_morning": "1", "falls": "1"}  # fmt: skip
        shown = f"{words.day_words(day, language)} {words.drill_title(name, language)}: 3x10"
        assert shown in _shown(b), b.text
        await b.press("enter", "enter")  # the day is that of the line before
        await _fill(b, "no")
        await b.press("f8")
        view.wait()
        await b.look(0.1)
        assert say("form.refused", why="") in _shown(b), b.text
        assert len(of_kind(desk.entries(), "diary")) == 1
        await b.press("enter")
        assert f"{say('diary.how-much')}: no" in _shown(b), "what was refused need not be typed twice"
        assert not _noted(b), "what was done at home is none of the session's"


async def test_a_sheet_that_came_back_is_entered_where_nobody_is_treated(bench: Make, tmp_path: Path) -> None:
    desk, view = _course(tmp_path)
    async with bench(size=SIZES[0], home_view=view) as b:
        await b.sign_in()
        await b.look(0.2)
        await b.press("f5")
        assert "P-042 · " in b.text, "whose course it is stands there: nobody was read back"
        await b.press("d", "enter", "enter")
        assert "P-042 · Diary" not in b.text
        await _fill(b, "yes")
        await b.press("f8")
        view.wait()
        await b.look(0.1)
        assert "P-042 · Diary" in b.text, b.text
    (line,) = of_kind(desk.entries(), "diary")
    assert (line.day, line.who) == (TODAY, "PT1")
    assert not _noted(b)


async def test_treatment_by_hand_needs_technique_and_minutes(bench: Make, tmp_path: Path) -> None:
    desk, view = _course(tmp_path)
    async with bench(size=SIZES[0], home_view=view) as b:
        await _open(b, "m", "enter", "f8")
        assert b.said == "✖ technique: needed"
        await _fill(b, "joint mobilisation", "8", "ankle", "right", "grade 3", "easier")
        await b.press("f8")
        view.wait()
        await b.look(0.1)
        (line,) = of_kind(desk.entries(), "treatment")
        assert dict(line.fields) == {
            "technique": "joint mobilisation", "minutes": "8", "region": "ankle", "side": "right", "grade": "grade 3",
            "response": "easier",
        }  # fmt: skip
        assert "joint mobilisation, ankle, 8 min: easier" in _panel(b, "entries"), b.text
        await b.press("f5", "f5")
        assert b.at("plan"), "F5 leads back to the course, then out of it"


async def test_an_exercise_joins_the_treatment_repetition_by_repetition(bench: Make, tmp_path: Path) -> None:
    desk, view = _course(tmp_path)
    for _ in range(2):  # to the phase that walks with current
        desk.pass_gate(reason="walks")
    view.look_again()
    view.wait()
    names = list(desk.status().plan.phase[2].drills)
    async with bench(home_view=view) as b:
        await b.sign_in()
        await b.jump(Stage.TREAT)
        await b.press("f5", "e", *["down"] * names.index("heel-strike-walk"), "c")
        assert b.app.draft.drill == "heel-strike-walk", b.text
        assert "(with current)" in _panel(b, "entries"), b.text
        await b.press("f7", "f7")
        assert "with the exercise: Walk" in b.text, b.text
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b.session.room(type="walk", walks=True)
        for _ in range(60):
            await b.look(0.2)
            if b._view().given > 1:
                break
        assert "of –: Lift as you leave the floor" in _panel(b, "cue"), b.text
        await b.send("space", " ")
        await b.look(1.0)
        await b.press("enter")
        await b.follow(lambda: bool(b._view().word_head))
        await b.look(0.5)
        given = b._view().given
    view.wait()
    for thread in [one for one in threading.enumerate() if one.name == "visit"]:
        thread.join()
    (entered,) = of_kind(desk.entries(), "drill")
    assert given > 1
    assert dict(entered.fields) == {"drill": "heel-strike-walk", "sets": 1, "repetitions": given, "windows": given}
    assert {"drill": "heel-strike-walk", "repetitions": given, "windows": given} in _noted(b)


async def test_no_key_can_raise_there(bench: Make) -> None:
    """Keys in any order on each page, without a course behind it; nothing but the operator's own words is entered."""
    chance, home = random.Random(22), EmptyHome()
    keys = [
        "enter",
        "escape",
        "f1",
        "f4",
        "f5",
        "f7",
        "f8",
        "up",
        "down",
        "left",
        "tab",
        "y",
        "c",
        "1",
        "x",
        "backspace",
    ]
    async with bench(home_view=home) as b:
        await b.sign_in()
        await b.jump(Stage.PLAN)
        for key in chance.choices(keys, k=40):
            if not b.app.questions:
                kind: type[EntriesPane] = chance.choice((ExercisesPane, DiaryPane, ByHandPane))
                b.app.ask(kind(b.app, "P-042"))
                await b.look(0.1)
            await b.press(key)
    assert all(note.kind == "treatment" for note in home.entered), "without a course there is no exercise to enter"


def test_the_pain_rule_proposes_by_what_was_scored_last(tmp_path: Path) -> None:
    desk, _ = _course(tmp_path)
    assert proposed(desk.entries(), "foot-lift") == ("", "")
    for days, pain, wanted in ((3, 2, "hold"), (2, 2, "go on"), (1, 4, "hold"), (0, 6, "back")):
        fields = {"drill": "foot-lift", "pain": str(pain), "clean": True}
        desk.note("drill", fields, day=TODAY - datetime.timedelta(days=days))
        assert proposed(desk.entries(), "foot-lift")[0] == wanted


def test_whatever_a_german_screen_says_of_an_exercise_is_german() -> None:
    german = words._german()["phrases"]
    for drill in drills().values():
        sync = drill.stimulation.sync if drill.stimulation is not None else ""
        steps = [to for to in (drill.progress.to, drill.regress.to) if to not in drills()]
        for text in (drill.progress.when, drill.regress.when, *drill.stop, *drill.equipment, drill.score, sync, *steps):
            assert not text or text in german, (drill.id, text)
