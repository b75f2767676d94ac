"""Waveform: the points of a pulse as a device plays them, and the proof that they take back what they gave. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from estim.safety.commands import ChannelOutput
from estim.safety.errors import InterlockTripped
from estim.safety.units import PicoCoulomb

Point = tuple[int, int]  # current in µA (signed), duration in µs


def pulse_points(output: ChannelOutput) -> tuple[Point, ...]:
    """The pulse (or burst) of `output` as (current_ua, duration_us) points, gaps as points of no current.

    Raises:
        InterlockTripped: the amplitude does not divide by the phase ratio, burst pulses overlap, or the net charge is
            not exactly 0 (L12).
    """
    if output.amplitude_ua % output.phase_ratio:
        raise InterlockTripped(
            "L12", f"{output.amplitude_ua} µA does not divide by the phase ratio {output.phase_ratio}"
        )
    single = _free(output) if output.shape else _rectangles(output)
    points = list(single)
    length_us = sum(duration_us for _, duration_us in single)
    for _ in range(output.burst_pulses - 1):
        pause_us = output.burst_interval_us - length_us
        if pause_us < 0:
            raise InterlockTripped(
                "burst", f"burst pulses {output.burst_interval_us} µs apart overlap ({length_us} µs)"
            )
        if pause_us:
            points.append((0, pause_us))
        points.extend(single)
    net = net_charge_pc(points)
    if net != 0:
        raise InterlockTripped(
            "L12", f"the pulse leaves {net} pC in the tissue, it must be exactly 0", asked=net, allowed=0
        )
    return tuple(points)


def _rectangles(output: ChannelOutput) -> list[Point]:
    single: list[Point] = [(output.amplitude_ua, output.pulse_width_us)]
    if output.interphase_us:
        single.append((0, output.interphase_us))
    single.append((-output.amplitude_ua // output.phase_ratio, output.pulse_width_us * output.phase_ratio))
    return single


def _free(output: ChannelOutput) -> list[Point]:
    single: list[Point] = []
    for duration_us, permille in output.shape:
        current, rest = divmod(output.amplitude_ua * permille, 1000)
        if rest:
            raise InterlockTripped("L12", f"{permille / 1000:g} of {output.amplitude_ua} µA is no whole µA")
        single.append((current, duration_us))
    return single


def net_charge_pc(points: Sequence[Point]) -> PicoCoulomb:
    """Charge that the points leave behind, exact; must be 0 (L12)."""
    return PicoCoulomb(sum(current_ua * duration_us for current_ua, duration_us in points))
