"""Verdict, interlock and the rendered waveform: three ways to the same answer, by three codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from estim.safety import dose
from estim.safety.commands import SetOutput
from estim.safety.errors import InterlockTripped, ProtocolRejected
from estim.safety.interlock import Interlock
from estim.safety.limits import ABSOLUTE, Limits
from estim.safety.ramp import least_ramp_us, ramp_amplitude_ua, shortest_ramp_us
from estim.safety.schedule import PhasePlan, Schedule, Window
from estim.safety.units import Micros, ceil_div
from estim.safety.verdict import ClearedSchedule, clear
from estim.safety.waveform import pulse_points
from tests.safety.build import (
    BOTH,
    PROFILE,
    SECOND,
    TRUSTED,
    channel,
    interlock_of,
    limits,
    output_of,
    schedule,
    window,
)

STEP_UA = PROFILE.amplitude_step_ua


def ready(cleared: ClearedSchedule, peak_ua: int = 130_000) -> Interlock:
    return interlock_of(cleared, peak_ua, 10_000 * SECOND)


def climb(interlock: Interlock, trains: list[Window], level_ua: int) -> None:
    """All channels together to `level_ua`, by the ramp that everybody shares."""
    period_us = max(train.period_us for train in trains)
    pulses = ceil_div(
        shortest_ramp_us(level_ua, period_us, STEP_UA, least_ramp_us(BOTH, first=True), first=True), period_us
    )
    for pulse in range(pulses):
        amplitude = ramp_amplitude_ua(level_ua, pulse, pulses, STEP_UA)
        interlock.admit(SetOutput(channels=tuple(output_of(train, amplitude) for train in trains)), pulse * period_us)


def with_phases(base: Schedule, *windows: list[Window]) -> Schedule:
    phases: list[PhasePlan] = [replace(base.phases[0], windows=tuple(entry)) for entry in windows]
    return replace(base, phases=tuple(phases))


@pytest.mark.hazard("H50")
@given(
    st.integers(1, 200),
    st.sampled_from([10, 20, 35, 50, 80, 100]),
    st.integers(50, 500),
    st.sampled_from([800, 2_500, 4_500, 9_600]),
)
@settings(max_examples=150, deadline=None)
def test_what_is_cleared_never_trips(steps: int, hz: int, width_us: int, area_mm2: int) -> None:
    train = window(hz=hz, width_us=width_us)
    plan = schedule([channel(ma=steps / 2)], [train], area_mm2=area_mm2)
    try:
        cleared = clear(plan, BOTH, PROFILE, TRUSTED)
    except ProtocolRejected:
        assume(False)
        return
    cap_ua = cleared.caps_ua[1]
    assert cap_ua >= steps * 500
    climb(ready(cleared), [train], cap_ua)
    over = replace(train, ramp_up_us=Micros(0))
    with pytest.raises(InterlockTripped):  # one step above what the verdict gives, however it is authorised
        ready(cleared).admit(SetOutput(channels=(output_of(over, cap_ua + STEP_UA),)), 0)


@given(
    st.integers(1, 260),
    st.sampled_from([1, 10, 50, 100, 150]),
    st.integers(20, 1000),
    st.sampled_from([100, 800, 2_500, 20_000]),
)
@settings(max_examples=150, deadline=None)
def test_the_rendered_second_of_a_cleared_cap_keeps_every_absolute_limit(
    steps: int, hz: int, width_us: int, area_mm2: int
) -> None:
    """Rendered pulse by pulse with numpy over one second, against the norm's numbers written out here."""
    train = window(hz=hz, width_us=width_us)
    plan = schedule([channel(ma=min(steps, 1) / 2)], [train], area_mm2=area_mm2)
    try:
        cleared = clear(plan, ABSOLUTE, PROFILE, TRUSTED)
    except ProtocolRejected:
        assume(False)
        return
    amplitude = min(steps * 500, cleared.caps_ua[1])
    assume(amplitude > 0)
    points = np.array(pulse_points(output_of(train, amplitude)), dtype=np.int64)
    per_second = -(-SECOND // train.period_us)
    square = float(np.sum(points[:, 0] ** 2 * points[:, 1])) * per_second / SECOND
    rms_ma, area_cm2 = np.sqrt(square) / 1000, min(area_mm2, 10_000) / 100
    charge_uc = float(np.sum(np.clip(points[:, 0], 0, None) * points[:, 1])) / 1e6
    assert int(np.sum(points[:, 0] * points[:, 1])) == 0
    # A whole pulse more than the mean may fall into one second; and these are floats.
    slack = np.sqrt(per_second * train.period_us / SECOND) * (1 + 1e-9)
    assert rms_ma <= 50 * slack
    assert rms_ma / area_cm2 <= 2.0 * slack
    assert charge_uc <= 65
    assert charge_uc / area_cm2 <= 10


@given(st.integers(1, 260), st.integers(20, 1000), st.sampled_from([1, 2, 4]), st.sampled_from([10, 35, 50, 100]))
def test_the_formula_is_never_below_the_waveform(steps: int, width_us: int, ratio: int, hz: int) -> None:
    train = replace(window(hz=hz, width_us=width_us), phase_ratio=ratio)
    amplitude = steps * 500 * ratio
    points = np.array(pulse_points(output_of(train, amplitude)), dtype=np.int64)
    exact = int(np.sum(points[:, 0] ** 2 * points[:, 1]))
    assert exact <= dose.square_us(train, amplitude) <= exact + 1
    assert dose.charge_pc(train, amplitude) == int(points[0, 0] * points[0, 1])


@pytest.mark.hazard("H50")
def test_a_phase_that_plays_half_the_level_is_held_to_half_the_cap() -> None:
    """A pulse of a gentler phase must not pass at the amplitude of another one."""
    full, half = window(hz=50, width_us=250), window(hz=100, width_us=500, intensity_permille=500)
    cleared = clear(with_phases(schedule([channel(ma=20)], [full]), [full], [half]), BOTH, PROFILE, TRUSTED)
    cap_ua = cleared.caps_ua[1]
    climb(ready(cleared), [full], cap_ua)
    climb(ready(cleared), [half], cap_ua // 2 // STEP_UA * STEP_UA)
    with pytest.raises(InterlockTripped, match="cap"):
        climb(ready(cleared), [half], cap_ua // 2 // STEP_UA * STEP_UA + STEP_UA)


@pytest.mark.hazard("H30")
def test_channels_that_never_play_together_in_the_plan_are_judged_together() -> None:
    """Four channels, two a phase: all four at once would pass the site's L6, and no phase allows that."""
    numbers = range(1, 5)
    trains = [window(number, hz=100, width_us=500) for number in numbers]
    site = limits(rms_total_ua=30_000)
    plan = with_phases(schedule([channel(number, ma=60) for number in numbers], trains), trains[:2], trains[2:])
    cleared = clear(plan, BOTH & site, PROFILE, TRUSTED)
    climb(ready(cleared), trains[:2], 60_000)
    with pytest.raises(InterlockTripped, match="L6"):
        climb(ready(cleared), trains, 60_000)


def test_a_patients_own_bound_reaches_the_interlock() -> None:
    """What a layer tightened is what the interlock holds, not the absolute column alone."""
    tight = BOTH & Limits.of({"charge_pc": 5_000_000}, layer="patient", source="test")
    train = window(width_us=250)
    cleared = clear(schedule([channel(ma=20)], [train]), tight, PROFILE, TRUSTED)
    assert cleared.caps_ua[1] == 20_000
    assert cleared.cap_reasons[1] == "L10"
    climb(ready(cleared), [train], 20_000)
    with pytest.raises(InterlockTripped, match="cap"):
        climb(ready(cleared), [train], 20_500)


@given(st.integers(1, 100), st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_whatever_is_lower_than_an_admitted_command_is_admitted(first: int, second: int) -> None:
    low, high = sorted((first, second))
    train = window()
    cleared = clear(schedule([channel(ma=40)], [train]), BOTH, PROFILE, TRUSTED)
    try:
        ready(cleared).admit(SetOutput(channels=(output_of(train, high * 500),)), 0)
    except InterlockTripped:
        return
    ready(cleared).admit(SetOutput(channels=(output_of(train, low * 500),)), 0)
