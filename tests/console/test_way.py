"""The way of a session by the next line alone: new, returning, and how many keys it takes."""

from __future__ import annotations

import pytest

from estim.console.draft import Stage
from estim.session.state import Phase

from .conftest import Make, returning
from .simulated import SimulatedSession
from .test_screening import ANSWERED


async def test_a_new_patient_is_brought_to_the_levels_by_what_the_next_line_says(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.LEVELS)
        assert b.at("levels")
        assert "P-042 right" in b.strip
        assert "SIMULATED" in b.strip


async def test_a_new_patient_is_brought_to_a_signed_record(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.OUTCOME)
        await b.follow(lambda: bool(b.app.snapshot and b.app.snapshot.word_head))
        assert "SEALED" in b.text


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


async def test_the_next_patient_starts_on_a_clean_screen(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.OUTCOME)
        await b.follow(lambda: bool(b._view().word_head))
        await b.press("enter")
        assert b.at("home")
        assert "no patient chosen" in b.strip
        assert "IDLE" in b.banner or "READY" in b.banner
        for word in ("P-042", "Foot drop", "tibialis", "tingling"):
            assert word not in b.text.split("Patients")[0]
        assert b.app.happened.lines(5) == ()


async def test_a_returning_patient_needs_at_most_25_keys_to_the_first_contraction(bench: Make) -> None:
    home = returning(answers=ANSWERED, marks={"tibialis-anterior-peronei": {"max-tolerated": 21_000, "level": 21_000}})
    async with bench(home_view=home, session=SimulatedSession()) as b:
        await b.sign_in()
        b.keys = 0
        await b.follow(lambda: b.phase is Phase.RUNNING)
        held = 1  # a held + counts once; two single steps pass the grey mark
        b._raise(19)
        await b.look(0.1)
        await b.raise_by(1)
        await b.press("t")
        await b.look(1.0)
        await b.follow(lambda: b.phase is Phase.RUNNING and b._view().purpose == "therapy")
        assert b.keys + held <= 25


async def test_a_new_patient_needs_at_most_60_keys_to_the_first_contraction(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        b.keys = 0
        await b.follow(lambda: b.phase is Phase.RUNNING)
        held = 2
        b._raise(7)
        await b.look(0.1)
        await b.press("s")
        b._raise(16)
        await b.look(0.1)
        await b.press("m")
        await b.raise_by(5)
        await b.press("t")
        await b.look(1.0)
        await b.follow(lambda: b.phase is Phase.RUNNING and b._view().purpose == "therapy")
        assert b.keys + held <= 60
