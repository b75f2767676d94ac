"""A sample of `make fuzz-keys`: every day another one; the seed stands in the test's name."""

from __future__ import annotations

import random
import time

import pytest
from textual import events

from estim.console.app import EstimConsole
from estim.console.draft import Stage
from estim.console.drawing import draw_frame
from estim.console.terminal import Ear

from .conftest import Make
from .fuzz_keys import one_life, pieces, to_stage
from .test_stop_gate import Gate

TODAY = int(time.time() // 86_400)
STAGES = list(Stage)


@pytest.mark.parametrize("seed", [TODAY])
@pytest.mark.parametrize("stage", [Stage.TREAT, STAGES[TODAY % len(STAGES)]])
async def test_no_bytes_kill_the_console_and_none_swallow_a_stop(bench: Make, stage: Stage, seed: int) -> None:
    assert await one_life(bench, stage, seed, 1_500) > 0


@pytest.mark.parametrize("seed", [TODAY])
def test_no_bytes_kill_the_ear(seed: int) -> None:
    now_s, one = 0.0, Gate()
    ear = Ear(one.gate, clock=lambda: now_s)
    for data in pieces(random.Random(seed), 50_000):
        ear.feed(data)
        now_s += 0.02
        ear.tick()
    now_s += 3.0
    ear.tick()
    before = len(one.client.stops)
    ear.feed(b" ")
    assert len(one.client.stops) == before + 1


@pytest.mark.parametrize(
    "stage", [Stage.HOME, Stage.TREAT]
)  # a field that letters go into, and keys that say something
async def test_keys_that_come_together_are_drawn_together(
    bench: Make, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[EstimConsole] = []

    def counted(app: EstimConsole) -> None:
        drawn.append(app)
        draw_frame(app)

    monkeypatch.setattr("estim.console.app.draw_frame", counted)
    async with bench() as b:
        await to_stage(b, stage)
        drawn.clear()
        for _ in range(500):  # the screen would stand for 2 s, and its heartbeat with it
            await b.send("x", together=500, alike=False)
        assert len(drawn) <= 1
        await b.look()
        assert b.said or "x" * 30 in b.text


async def test_a_press_on_what_was_just_taken_away_kills_nothing(bench: Make) -> None:
    """A report of the mouse came with a key that drew the page anew: Textual asks the old text for its parent."""
    async with bench() as b:
        await to_stage(b, Stage.HOME)
        text, region = b.app.screen.get_widget_at(9, 4)
        assert text.parent is not None
        parent = text._parent
        text._parent = None  # as it is from its removal to the next layout
        press = events.MouseDown(None, 9, 4, 0, 0, 1, shift=False, meta=False, ctrl=False, screen_x=9, screen_y=4)
        await b.app.on_event(press)
        text._parent = parent
        await b.look(0.2)
        assert b.app.is_running
        assert region.contains(9, 4)
