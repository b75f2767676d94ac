"""The test of the pads with single twitches: one key on the levels' screen goes there, marks, and comes back."""

from __future__ import annotations

from estim.console.draft import Stage
from estim.console.screens.levels import LevelsScreen
from estim.controller.interface import ConfigureFrom
from estim.session import events
from estim.session.state import Phase

from .conftest import Bench, Make


async def twitching(b: Bench) -> None:
    """From the levels' stage to 12 mA at the low rate."""
    await b.press("w")
    await b.confirm_all()
    await b.press("f2", "f9")
    await b.look(3)
    for _ in range(12):
        await b.press("plus")


def configured(b: Bench) -> list[str]:
    return [request.purpose for request in b.session.requests if isinstance(request, ConfigureFrom)]


async def test_one_key_goes_to_the_twitches_marks_and_comes_back(bench: Make) -> None:
    async with bench() as b:
        await b.to_levels()
        assert "W: test the pads with single twitches" in b.text("#checks")
        assert "test pads" in b.text("#keys")
        await twitching(b)
        assert configured(b)[-1] == "low-rate"
        assert "LOW-RATE TEST, 2.5 Hz" in b.text("#progress")
        assert "W–" in b.text("#channels")
        await b.press("w")
        mark = b.session.requests[-1]
        assert isinstance(mark, events.Mark)
        assert (mark.channel, mark.kind) == (1, "twitch")
        assert "W12.0" in b.text("#channels")
        await b.press("n")
        await b.look(0.1)
        assert "twitch 12.0 at 2.5 Hz" in b.text("#checks")
        await b.press("w")
        assert configured(b)[-1] == "titration"
        assert "FINDING LEVELS" in b.text("#progress")
        assert b.session.channels[1].level_ua == 0


async def test_what_it_played_is_never_taken_for_a_level(bench: Make) -> None:
    async with bench() as b:
        await b.to_levels()
        await twitching(b)
        await b.press("w", "n")
        await b.look(0.1)
        assert not b.app.draft.levels_taken
        setup = b.app.draft.channels["quadriceps"]
        assert (setup.level_ua, setup.motor_ua, setup.max_tolerated_ua) == (None, None, None)
        assert "All levels are found" not in b.text("#checks")
        b.session.channels[1].level_ua = 0  # the controller keeps none either
        await b.press("f8")
        assert "no level was found today" in b.text("#problems")
        assert isinstance(b.app.screen, LevelsScreen)


async def test_stop_works_there_and_the_other_marks_have_no_key(bench: Make) -> None:
    async with bench() as b:
        await b.to_levels()
        await twitching(b)
        assert "Strongest" not in b.text("#keys")
        assert "Twitch" in b.text("#keys")
        await b.pilot.press("space")
        assert b.session.stops[-1] == "key"
        await b.look(0.1)
        assert b.session.picture().phase is Phase.CONFIGURED


async def test_while_levels_are_found_the_key_says_to_stop_first(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.LEVELS)
        b.session.purpose = "titration"
        await b.press("f2", "f9")
        await b.look(3)
        await b.press("w")
        assert configured(b) == []
        assert "stop first" in b.text("#problems")


async def test_a_protocol_without_a_contraction_says_why_there_is_none(bench: Make) -> None:
    async with bench() as b:
        await b.to_levels()
        refuse = b.session._configure
        b.session._configure = lambda request: (  # type: ignore[method-assign]
            "no channel of this protocol is to contract" if request.purpose == "low-rate" else refuse(request)
        )
        await b.press("w")
        assert "is to contract" in b.text("#problems")
        assert b.session.purpose == "titration"
