"""A sample of `make fuzz-keys`: every day another one; the seed stands in the test's name."""

from __future__ import annotations

import random
import time

import pytest

from estim.console.draft import Stage
from estim.console.terminal import Ear

from .conftest import Make
from .fuzz_keys import one_life, pieces
from .test_stop_gate import Gate

TODAY = int(time.time() // 86_400)
STAGES = list(Stage)


@pytest.mark.parametrize("seed", [TODAY])
@pytest.mark.parametrize("stage", [Stage.TREAT, STAGES[TODAY % len(STAGES)]])
async def test_no_bytes_kill_the_console_and_none_swallow_a_stop(bench: Make, stage: Stage, seed: int) -> None:
    assert await one_life(bench, stage, seed, 500) > 0


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
