"""The way of a session by the next line alone: new, returning, and how many keys it takes."""

from __future__ import annotations

import pytest

from estim.console.draft import Stage
from estim.session.state import Phase

from .conftest import Make


@pytest.mark.hazard("H24")
async def test_a_contraindication_is_refused_and_says_what_to_do(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.SCREENING)
        for _ in range(40):
            name = b.app.pane.form.current.question  # type: ignore[attr-defined]
            await b.press("y" if name is not None and name.id == "S01" and name.id not in b.app.draft.answers else "n")
            if b.app.pane.form.complete:  # type: ignore[attr-defined]
                break
        await b.look(0.1)
        assert b.at("screening")
        assert "Do not treat" in b.text


@pytest.mark.hazard("H44")
async def test_one_key_confirms_one_check_and_the_stop_needs_its_holder(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.DEVICE)
        await b.press("f2")
        assert "first:" in b.said
        assert "Press Y" in b.said
        assert b._view().phase is Phase.CONFIGURED
        before = len(b._view().wants)
        for _ in range(40):
            if "the stop is held by" in b.next:
                break
            await b.press("y")
        await b.press("1")
        assert len(b._view().wants) < before
        assert b.app.draft.stop_holder == "therapist"


async def test_nothing_is_chosen_that_nobody_chose(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.PLAN)
        await b.press("f8", "enter")
        assert b.at("plan")
        assert "nothing is chosen yet" in b.said
        await b.type("xqzzv")
        await b.press("f8")
        assert b.at("plan")
        assert "nothing found: Esc clears the search" in b.said
        await b.press("escape")
        await b.press("1")
        assert "takes" in b.next


async def test_a_search_and_a_key_behind_it_in_one_read_take_nothing(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.PLAN)
        for letter in "foot drop":
            await b.send("space" if letter == " " else letter, letter, together=10, alike=False)
        await b.send("f8", together=10, alike=False)
        await b.look()
        assert b.at("plan")
        assert "all at once" in b.said
        assert "Foot drop" in b.next
        await b.press("f8")
        await b.press("f8", "r")
        assert b.app.draft.source == "stroke-foot-drop-peroneal"
