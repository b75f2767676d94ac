"""Dose: what a pulse train does to tissue, in exact integers (docs/decisions/limits.md, dose). Pure.

Squares are compared, never roots of floats: `ceil(sqrt(x)) <= L` holds exactly when `x <= L²`.
rms is taken over ON time (the worst second), never diluted by OFF time.
"""

from __future__ import annotations

from math import isqrt

from estim.safety.schedule import Window
from estim.safety.units import ceil_div

POWER_OHM = 1_000  # power density is judged at 1 kΩ
ENERGY_OHM = 500  # energy per pulse at 500 Ω (IEC 60601-2-10)


def ceil_sqrt(value: int) -> int:
    """The smallest integer whose square is not below `value`."""
    root = isqrt(max(0, value))
    return root if root * root >= value else root + 1


def charge_pc(window: Window, amplitude_ua: int) -> int:
    """Charge of one phase: µA × µs."""
    return amplitude_ua * window.pulse_width_us


def square_us(window: Window, amplitude_ua: int) -> int:
    """Sum of i²·t of one pulse in µA²·µs: phase 1 and the phase that balances it, rounded up."""
    first = amplitude_ua * amplitude_ua * window.pulse_width_us
    return first + ceil_div(first, window.phase_ratio)


def mean_square_ua2(window: Window, amplitude_ua: int) -> int:
    """rms² over ON time in µA², all pulses of a burst counted, rounded up."""
    return ceil_div(square_us(window, amplitude_ua) * window.burst_pulses, window.period_us)


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
    return ceil_div(1_000_000_000 * window.burst_pulses, window.period_us)


def pulse_length_us(window: Window) -> int:
    """From the first pulse's begin to the last one's end within a period."""
    single = window.pulse_width_us * (1 + window.phase_ratio) + window.interphase_us
    return single + (window.burst_pulses - 1) * window.burst_interval_us
