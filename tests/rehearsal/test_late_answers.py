"""A link that answers late: ramp steps must not merge into one jump at the electrode (L17)."""

from __future__ import annotations

import pytest

from estim.rehearsal.faulty import FaultyWorld
from firmware_sim.faults import Fault, FaultPlan
from tests.support import DATA, plan


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_late_answers_do_not_merge_ramp_steps(size: int) -> None:
    """60 mA at 40 Hz, every answer 40 to 200 ms late."""
    made = plan(DATA / "worlds.toml", level_ma=60)
    made.model, made.seed = "p24", 3
    faults = tuple(Fault(at_us=at * 1_000_000, kind="late", for_us=900_000, size=size) for at in range(20, 100))
    verdict = FaultyWorld(made, FaultPlan(faults)).play()
    assert verdict.pulses > 0
    assert not verdict.broken
