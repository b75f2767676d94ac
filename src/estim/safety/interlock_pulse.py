"""What the interlock knows of one pulse: its identity, and what is wrong with a free shape. Written apart from the
verdict's formulas. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from estim.safety.commands import ChannelOutput
from estim.safety.errors import InterlockTripped
from estim.safety.hard_bounds import PULSE_WIDTH_US
from estim.safety.schedule import Window

HALF_PERMILLE = 500  # half of the current and less is what takes charge back
Pulse = tuple[int, int, int, int, int, int, tuple[tuple[int, int], ...]]


def pulse_of(output: ChannelOutput | Window) -> Pulse:
    """What tells a pulse from others, its amplitude apart."""
    return (
        output.period_us,
        output.pulse_width_us,
        output.interphase_us,
        output.phase_ratio,
        output.burst_pulses,
        output.burst_interval_us,
        output.shape,
    )


def pulses_of(window: Window) -> tuple[Pulse, ...]:
    """Every pulse that a window may be told: its own, and what its train puts in that one's place."""
    own = pulse_of(window)
    if window.train is None:
        return (own,)
    doublet = (*own[:4], window.train.burst_pulses, int(window.train.burst_interval_us), own[6])
    slower = (int(window.train.then_period_us), *own[1:])
    return (own, *((doublet,) if window.train.burst_pulses > 1 else ()), *((slower,) if slower[0] else ()))


def kin_of(windows: Iterable[Window]) -> dict[Pulse, frozenset[Pulse]]:
    """Pulse → what the windows that have it are held at: a train at its faster rate, with no doublet."""
    kin: dict[Pulse, frozenset[Pulse]] = {}
    for window in windows:
        pulses = pulses_of(window)
        for pulse in pulses:
            kin[pulse] = kin.get(pulse, frozenset()) | {min(pulses, key=lambda one: one[0])}
    return kin


def largest_owed(shape: tuple[tuple[int, int], ...]) -> int:
    """The most charge of a free pulse on one side, in permille of its amplitude × µs: of one swing, or on its way."""
    swings = [0]
    for duration_us, permille in shape:
        if permille * swings[-1] < 0:
            swings.append(0)
        swings[-1] += duration_us * permille
    left = [sum(swings[:count]) for count in range(len(swings) + 1)]
    return max(abs(charge) for charge in (*swings, *left))


def judge_shape(output: ChannelOutput) -> None:
    """A free pulse takes back what it gave, is as wide as it says, and no phase of it is longer or shorter than L2."""
    net = sum(duration_us * permille for duration_us, permille in output.shape)
    given = sum(duration_us * permille for duration_us, permille in output.shape if permille > 0)
    if net or given != output.pulse_width_us * 1000 or max(abs(permille) for _, permille in output.shape) != 1000:
        raise InterlockTripped("L12", "net charge of the pulse in permille of its amplitude × µs", asked=net, allowed=0)
    run = 0
    for (duration_us, permille), (_, before) in zip(output.shape, ((0, 0), *output.shape[:-1]), strict=True):
        run = run + duration_us if permille * before > 0 else duration_us
        too_long = abs(permille) > HALF_PERMILLE and run > PULSE_WIDTH_US[1]
        if too_long or (permille and duration_us < PULSE_WIDTH_US[0]):
            raise InterlockTripped("L2", "phase width in µs", asked=run, allowed=PULSE_WIDTH_US[1])
