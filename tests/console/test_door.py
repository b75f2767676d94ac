"""What the door says of the clock and of the patient stands on the screen until a person has answered it."""

from __future__ import annotations

import dataclasses

import pytest

from estim.console.language import load
from estim.safety.reports import DeviceLost
from estim.session import events

from .conftest import Bench, Make

NOTE = "the clock went back: the session 20261128T120000.000000Z-P-042 was written at 2026-11-28 12:00 UTC"


def notes_at_the_door(b: Bench) -> None:
    """The controller's reception puts them into the request."""
    send = b.session.send
    b.session.send = lambda request: send(  # type: ignore[method-assign]
        dataclasses.replace(request, notes=(NOTE,)) if isinstance(request, events.SignIn) else request
    )


@pytest.mark.parametrize(
    ("language", "said", "asked"),
    [
        ("en", "the clock went back", "Was that seen, and shall this session go on?"),
        ("de", "Die Uhr ging zurück", "Ist das gesehen, und soll diese Sitzung weitergehen?"),
    ],
)
async def test_a_clock_that_went_back_is_said_and_asked(bench: Make, language: str, said: str, asked: str) -> None:
    async with bench(say=load(language)) as b:
        notes_at_the_door(b)
        await b.sign_in()
        await b.press("n", "t")
        await b.type("P-042")
        await b.press("enter")
        await b.press("y")
        await b.look(0.5)
        words = " ".join(b.text.replace("│", " ").replace("┃", " ").split())
        assert said in words, b.text
        assert asked in words, b.text
        assert b.app.pane.NAME != "plan"
        await b.look(0.5)
        await b.press("y")
        await b.look(0.5)
        assert b.at("plan"), b.text
        assert said not in b.text


async def test_a_stimulator_that_is_lost_before_anybody_is_treated_is_connected_again_by_the_key_named(
    bench: Make,
) -> None:
    """Found: the strip said to wait for IDLE, which never came, and leaving that the lost device says it is off."""
    async with bench() as b:
        await b.sign_in()
        await b.press("n", "t")
        await b.type("P-042")
        await b.press("enter")
        b.session._play(DeviceLost(reason="no answer to data within 250 ms"))
        await b.look(0.5)
        assert "NO DEVICE" in b.banner
        assert "→ X connects the stimulator again" in b.text, b.text
        await b.press("ctrl+q")
        await b.look(0.1)
        assert "can't be reached now; the last that it said was: output OFF" in " ".join(b.text.split()), b.text
        await b.press("f7", "x")
        await b.look(2.0)
        assert "IDLE" in b.banner
        assert "→ Y" in b.text, b.text


async def test_a_name_that_windows_keeps_is_refused_where_it_is_typed(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        await b.press("n", "t")
        await b.type("com1")
        await b.press("enter")
        assert "Windows keeps this name for a device" in " ".join(b.text.split()), b.text
        await b.type("7")
        await b.press("enter")
        assert "COM17" not in b.text
        assert "com17" in b.text, b.text
