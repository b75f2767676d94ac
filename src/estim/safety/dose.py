"""Dose: what a pulse train does to tissue, in exact integers (docs/decisions/limits.md, dose). Pure.

Squares are compared, never roots of floats: `ceil(sqrt(x)) <= L` holds exactly when `x <= L²`.
rms is taken over ON time (the worst second), never diluted by OFF time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isqrt

from estim.safety.schedule import Shape, Window
from estim.safety.units import ceil_div

POWER_OHM = 1_000  # power density is judged at 1 kΩ
HALF_PERMILLE = 500
ENERGY_OHM = 500  # energy per pulse at 500 Ω (IEC 60601-2-10)


def ceil_sqrt(value: int) -> int:
    """The smallest integer whose square is not below `value`."""
    root = isqrt(max(0, value))
    return root if root * root >= value else root + 1


def charge_pc(window: Window, amplitude_ua: int) -> int:
    """Charge of one phase: µA × µs; of a free pulse the most that lies on one side."""
    if window.shape:
        return ceil_div(amplitude_ua * run_charge_permille_us(window.shape), 1000)
    return amplitude_ua * window.pulse_width_us


def run_charge_permille_us(shape: Shape) -> int:
    """The most charge of a free pulse on one side, of a swing or left on its way, in permille of the amplitude × µs."""
    most = run = owed = 0
    for duration_us, permille in shape:
        part = duration_us * permille
        run = run + part if run * part > 0 else part or run
        owed += part
        most = max(most, abs(run), abs(owed))
    return most


def longest_phase_us(window: Window) -> int:
    """The longest time with more than half of the current in one direction; of a pulse of two phases the first one.

    Half and less is what takes charge back, as the long second phase of an asymmetric pulse does.
    """
    longest = run = before = peak = 0
    for duration_us, permille in window.shape:
        goes_on = permille * before > 0
        run = run + duration_us if goes_on else duration_us
        peak = max(peak, abs(permille)) if goes_on else abs(permille)
        before = permille
        longest = max(longest, run if peak > HALF_PERMILLE else 0)
    return longest or window.pulse_width_us


def shortest_phase_us(window: Window) -> int:
    """The shortest step of current."""
    return min((us for us, permille in window.shape if permille), default=window.pulse_width_us)


def played(window: Window) -> Iterator[Window]:
    """Every steady train that `window` has in it: what plays on if the command that ends it never comes."""
    train = window.train
    yield window
    if train is not None and train.burst_pulses > 1:
        yield replace(window, burst_pulses=train.burst_pulses, burst_interval_us=train.burst_interval_us, train=None)
    if train is not None and train.then_period_us:
        yield replace(window, period_us=train.then_period_us, train=None)


def square_us(window: Window, amplitude_ua: int) -> int:
    """Sum of i²·t of one pulse in µA²·µs: phase 1 and the phase that balances it, rounded up."""
    if window.shape:
        squares = sum(duration_us * permille * permille for duration_us, permille in window.shape)
        return ceil_div(amplitude_ua * amplitude_ua * squares, 1_000_000)
    first = amplitude_ua * amplitude_ua * window.pulse_width_us
    return first + ceil_div(first, window.phase_ratio)


def mean_square_ua2(window: Window, amplitude_ua: int) -> int:
    """rms² over ON time in µA², all pulses of a burst counted, rounded up; of its steady trains the greatest."""
    square = square_us(window, amplitude_ua)
    return max(ceil_div(square * steady.burst_pulses, steady.period_us) for steady in played(window))


def energy_nj(window: Window, amplitude_ua: int) -> int:
    """Energy of one pulse into 500 Ω: µA²·µs·Ω = 10⁻¹⁸ J."""
    return ceil_div(square_us(window, amplitude_ua) * ENERGY_OHM, 1_000_000_000)


def density_ua_per_cm2(mean_square: int, area_mm2: int) -> int:
    """Rms current density on a pad of `area_mm2` that carries `mean_square` µA²."""
    return ceil_sqrt(ceil_div(mean_square * 10_000, area_mm2 * area_mm2))


def power_uw_per_cm2(mean_square: int, area_mm2: int) -> int:
    """Mean power per area at 1 kΩ: µA²·Ω = 10⁻¹² W."""
    return ceil_div(mean_square * POWER_OHM * 100, 1_000_000 * area_mm2)


def charge_density_pc_per_cm2(charge: int, area_mm2: int) -> int:
    """Charge of one phase per area."""
    return ceil_div(charge * 100, area_mm2)


def rate_mhz(window: Window) -> int:
    """Pulses a second, all pulses of a burst counted, rounded up."""
    return max(ceil_div(1_000_000_000 * steady.burst_pulses, steady.period_us) for steady in played(window))


def pulse_length_us(window: Window) -> int:
    """From the first pulse's begin to the last one's end within a period."""
    single = (
        sum(us for us, _ in window.shape) or window.pulse_width_us * (1 + window.phase_ratio) + window.interphase_us
    )
    return single + (window.burst_pulses - 1) * window.burst_interval_us
