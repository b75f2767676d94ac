"""A share of an MVIC is of its own side: what was measured of one thigh says nothing of the other."""

from __future__ import annotations

import pytest

from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.models import MODELS
from estim.protocols.catalogue import load_runnable
from estim.protocols.compile import compile_schedule
from estim.safety.errors import UsageError
from estim.safety.limits import ABSOLUTE, DEFAULT

BOTH = "older-adults-quadriceps-low-intensity"


def played(*measures: str) -> tuple[dict[str, str], list[str]]:
    """Side → how its level is found; and what is said of it."""
    protocol, _ = load_runnable(BOTH)
    setup = setup_from(protocol, SetupWords(patient="P-1", measures=measures), simulated=True).setup
    limits = ABSOLUTE & DEFAULT
    schedule = compile_schedule(protocol, setup, MODELS["p24"].profile, levels_needed=False, limits=limits)
    said = [bend.message for bend in schedule.bends if bend.rule == "mvic"]
    return {channel.side: channel.amplitude_rule for channel in schedule.channels}, said


def test_a_side_without_its_own_mvic_is_played_as_motor_visible_and_said() -> None:
    rules, said = played("mvic=120:left:load cell")
    assert rules == {"left": "percent-mvic", "right": "motor-visible"}
    assert len(said) == 1
    assert "measured today on the right side (--measure mvic=N·m:right)" in said[0]


def test_each_side_is_measured_by_itself() -> None:
    rules, said = played("mvic=120:left", "mvic=130:right:load cell")
    assert rules == {"left": "percent-mvic", "right": "percent-mvic"}
    assert said == []


@pytest.mark.parametrize(
    "measures", [("mvic=120", "mvic=130"), ("mvic=1:left", "mvic=2:left"), ("mvic=1", "mvic=2:right")]
)
def test_one_side_is_not_measured_twice(measures: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="mvic is given twice"):
        played(*measures)
