"""What a window does at an amplitude, as pairs of guardrail and value: one list that judges, caps and refusals share.
Pure.
"""

from __future__ import annotations

from estim.safety import dose
from estim.safety.guardrail import Bound, Guardrail
from estim.safety.limits import Limits
from estim.safety.limits_table import AREA_CREDIT_MM2, BY_KEY
from estim.safety.schedule import OutputClass, Window

Measure = tuple[str, int]


def of_amplitude(window: Window, amplitude_ua: int, area_mm2: int, output: OutputClass) -> tuple[Measure, ...]:
    """All that depends on the amplitude of one channel alone.

    Args:
        area_mm2: of the channel's smaller pad; a larger one than 100 cm² counts as 100 cm².
    """
    area = max(1, min(area_mm2, AREA_CREDIT_MM2))
    mean_square = dose.mean_square_ua2(window, amplitude_ua)
    charge = dose.charge_pc(window, amplitude_ua)
    rms = dose.ceil_sqrt(mean_square)
    density = dose.density_ua_per_cm2(mean_square, area)
    general: tuple[Measure, ...] = (
        ("amplitude_ua", amplitude_ua),
        ("charge_pc", charge),
        ("rms_ua", rms),
        ("density_ua_per_cm2", density),
        ("power_uw_per_cm2", dose.power_uw_per_cm2(mean_square, area)),
        ("energy_nj", dose.energy_nj(window, amplitude_ua)),
        ("charge_density_pc_per_cm2", dose.charge_density_pc_per_cm2(charge, area)),
    )
    if output == "motor":
        return general
    return (
        *general,
        ("sensory_amplitude_ua", amplitude_ua),
        ("sensory_charge_pc", charge),
        ("sensory_rms_ua", rms),
        ("sensory_density_ua_per_cm2", density),
    )


def broken(measures: tuple[Measure, ...], limits: Limits) -> list[tuple[Guardrail, int, Bound]]:
    """Those that a limit forbids: guardrail, value, bound in force."""
    found: list[tuple[Guardrail, int, Bound]] = []
    for key, value in measures:
        guardrail, bound = BY_KEY[key], limits[key]
        if guardrail.breaks(value, bound.value):
            found.append((guardrail, value, bound))
    return found


def greatest(window: Window, area_mm2: int, output: OutputClass, limits: Limits, step_ua: int) -> tuple[int, str]:
    """The greatest amplitude on the grid that no limit forbids in this window, and the rule that binds there."""
    low, high = 0, limits["amplitude_ua"].value // step_ua + 1
    while high - low > 1:  # low always fits, high never does
        middle = (low + high) // 2
        if broken(of_amplitude(window, middle * step_ua, area_mm2, output), limits):
            high = middle
        else:
            low = middle
    over = broken(of_amplitude(window, high * step_ua, area_mm2, output), limits)
    return low * step_ua, over[0][0].rule
