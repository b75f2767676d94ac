"""What an authorisation asked for now must hold: the peaks of the present phase, and which contractions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from estim.safety.units import US_PER_S, floor_to_step
from estim.session.effects import AuthorisedPeak
from estim.session.run import Run

CONTINUOUS_COVER_US = 60 * US_PER_S  # an authorisation covers at most so much continuous output
COVER_SLACK_US = 5 * US_PER_S  # after the planned end, for a plan that waited


def peaks_of(run: Run, raised: Mapping[int, int] = MappingProxyType({})) -> tuple[AuthorisedPeak, ...]:
    """The most that the present phase plays on each channel, with `raised` levels in place of the present ones."""
    peaks: dict[int, AuthorisedPeak] = {}
    for window in run.phase.windows:
        level_ua = raised.get(window.channel, run.levels_ua[window.channel])
        peak_ua = floor_to_step(level_ua * window.intensity_permille // 1000, run.step_ua(window))
        known = peaks.get(window.channel)
        if known is None or peak_ua > known.peak_ua:
            peaks[window.channel] = AuthorisedPeak(
                channel=window.channel,
                peak_ua=peak_ua,
                pulse_width_us=window.pulse_width_us,
                period_us=window.period_us,
            )
    return tuple(peaks[channel] for channel in sorted(peaks))


def span_of(run: Run, now_us: int) -> tuple[tuple[int, int], int]:
    """Which contractions it covers, and until when: this cycle and the next."""
    number, from_us = run.contraction_number, max(now_us, run.cycle_start_us)
    if run.phase.trigger is not None or run.phase.mode == "continuous":
        last = number if run.phase.trigger is None else number + 1
        return (number, last), from_us + CONTINUOUS_COVER_US
    span_us = 2 * run.phase.cycle_us + run.phase.set_rest_us
    return (number, min(number + 1, run.last_of_phase)), from_us + span_us + COVER_SLACK_US
