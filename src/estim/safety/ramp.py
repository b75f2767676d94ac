"""Ramps: the one formula that compile, kernel and engine share, and the shortest ramp that the limits allow. Pure.

Pulse k of a ramp up over n pulses has `level × (k+1)/n`, cut to the device's step; a ramp down over m pulses has
`level × left/(m+1)` with `left` pulses still to come, the present one included.

Shortest ramps: docs/decisions/limits.md, L17a (a level not yet held, and every way back to output) and L17b (repeats).
"""

from __future__ import annotations

import functools

from estim.safety.limits import Limits
from estim.safety.units import MicroAmp, Micros, ceil_div, floor_to_step

SLOPE_UA_PER_S = 200_000  # L17: 200 mA/s
FIRST_STEP_UA, FIRST_STEP_PERCENT = 2_000, 10  # L17a: per pulse at most the greater of both
REPEAT_STEP_UA, REPEAT_STEP_PERCENT = 4_000, 25  # L17b


def ramp_amplitude_ua(level_ua: int, pulse: int, pulses: int, step_ua: int) -> MicroAmp:
    """Amplitude of pulse number `pulse` (from 0) of a ramp up over `pulses` pulses to `level_ua`."""
    return MicroAmp(floor_to_step(level_ua * min(pulse + 1, pulses) // pulses, step_ua))


def ramp_down_amplitude_ua(level_ua: int, left: int, pulses: int, step_ua: int) -> MicroAmp:
    """Amplitude in a ramp down over `pulses` pulses, `left` of them still to come, this one included."""
    return MicroAmp(floor_to_step(level_ua * min(left, pulses + 1) // (pulses + 1), step_ua))


def step_bound_ua(level_ua: int, step_ua: int, *, first: bool) -> int:
    """The most by which one pulse may exceed the one before it (L17a, L17b); one device step is always allowed."""
    floor_ua, percent = _steps(first=first)
    return max(floor_ua, step_ua, level_ua * percent // 100)


def _steps(*, first: bool) -> tuple[int, int]:
    return (FIRST_STEP_UA, FIRST_STEP_PERCENT) if first else (REPEAT_STEP_UA, REPEAT_STEP_PERCENT)


def least_ramp_us(limits: Limits, *, first: bool) -> int:
    """What the limits in force ask of every first (L17a) or repeated (L17b) ramp, whatever its level."""
    return limits["first_ramp_min_us" if first else "repeat_ramp_min_us"].value


@functools.lru_cache(maxsize=4096)  # the same few levels, asked for at every contraction
def shortest_ramp_us(level_ua: int, period_us: int, step_ua: int, least_us: int, *, first: bool) -> Micros:
    """The shortest ramp up to `level_ua` that L17a (`first`) or L17b allows at this period, device step included.

    Args:
        least_us: what the limits in force ask of every ramp of this kind (`least_ramp_us`), or the plan where it asks
            more.

    Never shorter for a higher level. Cutting to the device's step makes single steps up to the next device step above
    level/pulses, so level/pulses may be at most the greatest device step within the bound, `even_ua`. Where the share
    of the level begins to count, `even_ua` grows by whole device steps and a higher level would need fewer pulses than
    one just below; so what the highest level before its first growth needs is the most that any level needs.
    """
    if level_ua <= 0:
        return Micros(least_us)
    slope_us = ceil_div(level_ua * 1_000_000, SLOPE_UA_PER_S) if first else 0
    floor_ua, percent = _steps(first=first)
    even_ua = floor_to_step(max(floor_ua, step_ua), step_ua)
    before_growth_ua = floor_to_step((even_ua + step_ua) * 100 // percent - 1, step_ua)
    pulses = ceil_div(min(level_ua, before_growth_ua), even_ua)
    return Micros(max(least_us, slope_us, pulses * period_us))
