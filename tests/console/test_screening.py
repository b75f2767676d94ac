"""The screening: one press, one answer; nothing preset, nothing by a held key, a paste or a bouncing switch."""

from __future__ import annotations

import pytest

from estim.console.draft import Stage
from estim.console.language import load
from estim.console.presses import AGAIN_S
from estim.console.screening_items import TOGETHER, make_form, reasons_of
from estim.session import screening
from estim.session.screening import QUESTIONS

from .conftest import Bench, Make, returning

ANSWERED = {key: value for key, value in screening.scripted_answers().items() if key != "R48"}


async def to_screening(b: Bench) -> None:
    await b.jump(Stage.SCREENING)


def answered(b: Bench) -> int:
    return b.app.pane.form.answered  # type: ignore[attr-defined, no-any-return]


@pytest.mark.hazard("H24")
async def test_nothing_answered_is_nothing_allowed(bench: Make) -> None:
    async with bench() as b:
        await to_screening(b)
        assert answered(b) == 0
        await b.press("enter", "f8")
        assert b.at("screening")
        assert "N no to S02" in b.said or "N" in b.next
        assert b.app.draft.answers == {}


async def test_a_held_key_answers_one_question(bench: Make) -> None:
    async with bench() as b:
        await to_screening(b)
        b.clock.now_s += 1.0
        for wait_s in (0.0, 0.5, *([0.033] * 34)):
            b.clock.now_s += wait_s
            await b.send("n")
            b.app.look()
            await b.pilot.pause()
        assert answered(b) == 1
        b.clock.now_s += AGAIN_S
        await b.send("n")
        assert answered(b) == 2


async def test_a_bouncing_key_answers_one(bench: Make) -> None:
    async with bench() as b:
        await to_screening(b)
        b.clock.now_s += 1.0
        await b.send("n")
        b.clock.now_s += 0.015
        await b.send("n")
        assert answered(b) == 1


async def test_keys_that_come_together_answer_nothing_and_it_is_said(bench: Make) -> None:
    async with bench() as b:
        await to_screening(b)
        b.clock.now_s += 1.0
        for key in "nnnnyyyy":
            await b.send(key, together=8, alike=False)
        assert answered(b) == 0
        assert "all at once" in b.said


async def test_the_next_line_names_the_key_only_from_when_it_counts(bench: Make) -> None:
    async with bench() as b:
        await to_screening(b)
        await b.press("n")
        assert not b.next.startswith("→"), b.next
        b.clock.now_s += AGAIN_S
        await b.look()
        assert b.next.startswith("→ N no to")


async def test_letters_are_their_keys_with_caps_lock(bench: Make) -> None:
    async with bench() as b:
        await to_screening(b)
        await b.press("N")
        assert answered(b) == 1


async def test_a_returning_patient_answers_today_and_three_groups(bench: Make) -> None:
    form = make_form(first_session=False, previous=ANSWERED, answers={}, session=4)
    assert len(form.items) == 5 + len(TOGETHER)
    for _ in range(len(form.items)):
        form.answer(form.current.kind == "group")
    assert form.complete
    assert screening.judge(form.answers(), session=4) == ()
    async with bench(home_view=returning(answers=ANSWERED)) as b:
        await b.sign_in()
        await b.press("enter", "y")
        assert b.at("screening")
        assert len(b.app.pane.form.items) == 8  # type: ignore[attr-defined]


async def test_a_no_to_two_questions_answers_both_and_a_yes_opens_them() -> None:
    form = make_form(first_session=False, previous=ANSWERED, answers={}, session=1)
    at = next(index for index, item in enumerate(form.items) if item.also is not None)
    form.at = at
    form.answer(True)
    assert [item.question.id for item in form.items[at : at + 2] if item.question] == ["S28", "S29"]
    assert all(item.answer is None for item in form.items)


def test_every_question_is_asked_of_a_new_patient() -> None:
    form = make_form(first_session=True, previous={}, answers={}, session=1)
    asked = [item.question.id for item in form.items if item.question is not None]
    assert sorted(asked) == sorted(question.id for question in QUESTIONS if question.kind != "gate")
    assert all(item.also is None for item in form.items)


@pytest.mark.parametrize(("language", "question"), [("en", 0), ("de", 0), ("en", 5)])
async def test_one_no_too_many_takes_no_yes_back_that_forbids(bench: Make, language: str, question: int) -> None:
    """The mark goes to what forbids: the next no of a row of them took the clot back, and the pads came."""
    async with bench(say=(say := load(language))) as b:
        await to_screening(b)
        form = b.app.pane.form  # type: ignore[attr-defined]
        for n in range(len(form.items)):
            await b.press(*(["y"] if n == question else ["n"]))
            if n == question == 0:
                await b.press("2")  # the leg that is treated
        name = form.items[question].question.id
        assert form.complete
        await b.press("n", "n")
        assert b.at("screening")
        assert b.app.draft.answers[name] is True
        assert say("screening.no-surplus", name=name) in " ".join(b.text.split())
        await b.press("down", "up", "n")  # whoever mistyped
        await b.look(0.5)
        assert b.app.draft.answers[name] is False
        assert b.at("pads")


async def test_a_yes_asks_where_and_why_by_digits(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await to_screening(b)
        await b.press("n", "n", "y")
        assert "Where?" in b.text
        await b.press("1")
        assert "Why is it treated all the same?" in b.text
        await b.press("1")
        assert b.app.draft.answers["S15"] is True
        assert b.app.draft.answers["S15.where"] == "left leg"
        assert b.app.draft.answers["S15.reason"]


@pytest.mark.parametrize("question", [one for one in (*QUESTIONS, screening.FOLLOW_UP) if one.kind == "relative"])
def test_a_question_offers_reasons_that_fit_it(question: screening.Question) -> None:
    offered = reasons_of(question)
    assert offered[0] == "doctor-agreed"
    assert question.scope == "site" or "away-from-pads" not in offered, "no place of a pad makes a difference to it"
    if question.id in {"S28", "R48"}:
        assert "tolerated-before" not in offered, "of today, or of what was not tolerated"


@pytest.mark.parametrize("language", ["en", "de"])
async def test_alcohol_or_fever_is_not_away_from_the_pads(bench: Make, language: str) -> None:
    async with bench(say=(say := load(language))) as b:
        await to_screening(b)
        form = b.app.pane.form  # type: ignore[attr-defined]
        form.at = next(n for n, item in enumerate(form.items) if item.question.id == "S28")
        await b.look(1.0)
        await b.press("y")
        assert say("why-all-the-same.away-from-pads") not in b.text, b.text
        assert say("screening.why-says", others="2, W") in b.next
        b.clock.now_s += 1.0
        await b.press("2")
        assert b.app.draft.answers["S28.reason"] == say("why-all-the-same.slight-and-clear")
