"""The absolute column once more, as plain numbers: the interlock must not depend on the table that it guards. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from estim.safety.limits import Limits
from estim.safety.schedule import OutputClass

AMPLITUDE_MAX_UA = 130_000  # L1
PULSE_WIDTH_US = (20, 1_000)  # L2
PERIOD_MIN_US = 6_666  # L4: 150 Hz
CHARGE_MAX_PC = 65_000_000  # L10
RMS_MAX_UA = 50_000  # L5
RMS_TOTAL_MAX_UA = 100_000  # L6
DENSITY_MAX_UA_PER_CM2 = 2_000  # L7
CHARGE_DENSITY_MAX_PC_PER_CM2 = 10_000_000  # L11
AREA_CREDIT_MM2 = 10_000  # L14
RAISE_STEP_MAX_UA, RAISES_MAX_PER_S = 1_000, 5  # L15
RISE_MAX_UA_PER_S = 5_000  # L16
SENSORY_AMPLITUDE_MAX_UA = 60_000  # L26, as the three below: what holds whatever mark a person made
SENSORY_CHARGE_MAX_PC = 12_000_000
SENSORY_RMS_MAX_UA = 15_000
SENSORY_DENSITY_MAX_UA_PER_CM2 = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBounds:
    """The most that one channel may ever do: the plain numbers above, or what is in force where that is less."""

    amplitude_ua: int
    charge_pc: int
    rms_ua: int
    density_ua_per_cm2: int
    charge_density_pc_per_cm2: int


def channel_bounds(limits: Limits, output: OutputClass) -> ChannelBounds:
    """For a channel of this class, under `limits`."""
    sensory = output == "sensory"
    amplitude, charge = AMPLITUDE_MAX_UA, CHARGE_MAX_PC
    rms, density = RMS_MAX_UA, DENSITY_MAX_UA_PER_CM2
    if sensory:
        amplitude = min(SENSORY_AMPLITUDE_MAX_UA, limits["sensory_amplitude_ua"].value)
        charge = min(SENSORY_CHARGE_MAX_PC, limits["sensory_charge_pc"].value)
        rms = min(SENSORY_RMS_MAX_UA, limits["sensory_rms_ua"].value)
        density = min(SENSORY_DENSITY_MAX_UA_PER_CM2, limits["sensory_density_ua_per_cm2"].value)
    return ChannelBounds(
        amplitude_ua=min(amplitude, limits["amplitude_ua"].value),
        charge_pc=min(charge, limits["charge_pc"].value),
        rms_ua=min(rms, limits["rms_ua"].value),
        density_ua_per_cm2=min(density, limits["density_ua_per_cm2"].value),
        charge_density_pc_per_cm2=min(CHARGE_DENSITY_MAX_PC_PER_CM2, limits["charge_density_pc_per_cm2"].value),
    )
