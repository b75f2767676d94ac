"""What was held: the session and the interlock mean the same by it, whatever two windows of a channel differ in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estim.safety import interlock_pulse
from estim.safety.interlock import Interlock
from estim.safety.schedule import Schedule, Train, Window
from estim.safety.units import Micros
from estim.safety.verdict import clear
from estim.session import held
from estim.session.run import Run
from tests.safety.build import BOTH, PROFILE, SECOND, TRUSTED, channel, interlock_of, schedule, window

RAMPS = {
    "on_us": Micros(3 * SECOND), "ramp_up_us": Micros(300_000), "first_ramp_up_us": Micros(500_000),
    "ramp_down_us": Micros(200_000),
}  # fmt: skip
STEADY = window(hz=20, **RAMPS)
QUICKER = Train(kind="two-rate", then_period_us=Micros(25_000), after_us=Micros(SECOND))
SLOWER = Train(kind="two-rate", then_period_us=Micros(100_000), after_us=Micros(SECOND))
DOUBLET = Train(kind="catch", burst_pulses=2, burst_interval_us=Micros(8_000), times=1)
OTHERS = {
    "steady": STEADY,
    "another width": window(hz=20, width_us=200, **RAMPS),
    "another gap": replace(STEADY, interphase_us=Micros(200)),
    "another ratio": replace(STEADY, phase_ratio=2),
    "pairs": replace(STEADY, burst_pulses=2, burst_interval_us=Micros(8_000)),
    "a free shape": replace(STEADY, shape=((250, 1000), (100, 0), (500, -500)), phase_ratio=2),
    "a doublet first": replace(STEADY, train=DOUBLET),
    "a train that quickens": replace(STEADY, train=QUICKER),
    "a train that slows": replace(STEADY, train=SLOWER),
    "its quick rate": window(hz=40, **RAMPS),
    "its slow rate": window(hz=10, **{**RAMPS, "ramp_up_us": Micros(500_000), "first_ramp_up_us": Micros(SECOND)}),
}
PAIRS = [
    *(("steady", other) for other in OTHERS), *((other, "steady") for other in OTHERS),
    ("a train that quickens", "its quick rate"), ("its quick rate", "a train that quickens"),
    ("a train that slows", "its slow rate"), ("its slow rate", "a train that slows"),
    ("a train that quickens", "a train that slows"), ("a doublet first", "pairs"), ("pairs", "a doublet first"),
]  # fmt: skip
LEVEL_UA = 20_000


def held_at(name: str) -> tuple[object, ...]:
    """What tells its pulse from others: the faster rate of two, and no doublet at its beginning."""
    one = OTHERS[name]
    then_us = one.train.then_period_us if one.train else 0
    pulse = (one.pulse_width_us, one.interphase_us, one.phase_ratio, one.burst_pulses, one.burst_interval_us, one.shape)
    return (min(one.period_us, then_us or one.period_us), *pulse)


def plan(windows: list[Window]) -> Schedule:
    """A phase of three contractions for each of the windows."""
    one = schedule([channel(ma=LEVEL_UA / 1000)], windows[:1], cycles=3, off_s=20)
    (phase,) = one.phases
    phases = tuple(replace(phase, name=f"phase {n}", windows=(w,)) for n, w in enumerate(windows))
    return replace(one, phases=phases)


def play(run: Run, interlock: Interlock) -> list[bool]:
    """Play it to its end, each command admitted; gives of each contraction whether it had the long ramp."""
    firsts: list[bool] = []
    now_us = 0
    while not run.over:
        if run.onset_due(now_us):
            run.begin(now_us)
            firsts += [player.first for player in run.players]
        if run.turn(now_us):
            interlock.admit(run.output(), now_us)
        run.collect(now_us)
        now_us = max(now_us, run.next_due_us() or now_us)
    return firsts


def playing(
    windows: list[Window], proven_ua: dict[held.PulseKey, int] | None = None, before: Interlock | None = None
) -> tuple[Run, Interlock]:
    cleared = clear(plan(windows), BOTH, PROFILE, TRUSTED)
    interlock = interlock_of(cleared, LEVEL_UA, before=before)
    return Run(cleared.schedule, 500, 0, gentle=False, proven_ua=proven_ua or {}), interlock


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_whatever_two_phases_differ_in_the_interlock_lets_their_ramps_pass(first: str, second: str) -> None:
    """Found: after a phase at the same rate and width, bursts or another gap got the short ramp, and the session ended
    by the interlock; so it did in the second contraction of a train that quickens, with its slow rate in a later phase.
    """
    firsts = play(*playing([OTHERS[first], OTHERS[second]]))
    assert firsts[:3] == [True, False, False], "within a phase a repeat is one"
    assert firsts[4:] == [False, False]
    assert firsts[3] is (held_at(first) != held_at(second)), "and so is one at what was held, whatever phase it is of"


@pytest.mark.parametrize("found_at", ["steady", "its quick rate"])
@pytest.mark.parametrize("other", OTHERS)
def test_the_first_contraction_has_the_short_ramp_where_both_say_that_the_titration_held_it(
    found_at: str, other: str
) -> None:
    titrated, before = OTHERS[found_at], Interlock(None)
    before.proven_ua[1] = {interlock_pulse.pulse_of(titrated): LEVEL_UA}
    before.rises.highest_ua[1] = LEVEL_UA
    firsts = play(*playing([OTHERS[other]], proven_ua={held.pulse_of(titrated): LEVEL_UA}, before=before))
    assert firsts == [held_at(other) != held_at(found_at), False, False]
