"""`DeviceProfile`: what a stimulator can do and on which grid. Facts, each with its source, no behaviour of the
wire.
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.safety.units import MicroAmp, Micros, MilliHertz, ceil_div


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodGrid:
    """One grid of periods that a device can code: multiples of `step_us` within `[min_us, max_us]`."""

    step_us: Micros
    min_us: Micros
    max_us: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """What a model can deliver.

    Attributes:
        model: `p24`, `rehamove3`, `rehastim2`.
        title: the maker's name for it.
        intended_use: the maker's own word on use in people; console and record show it.
        channels: number of output channels; they count from 1.
        amplitude_step_ua, amplitude_max_ua: current grid and the device's rated maximum.
        pulse_width_step_us, pulse_width_min_us, pulse_width_max_us: one phase.
        interphase_fixed_us: the only gap that the device makes, or None where it is free (1 µs steps).
        period_grids: what rates can be coded, finest first.
        rated_mhz: the maker's rated band of rates where it is narrower than the wire's (RehaStim2), else None.
        phase_ratios: 1 for symmetric; 2 and 4 where unequal, balanced phases can be coded.
        points_max: points a pulse may have (bursts need three and more a pulse).
        pulse_overhead_us: device time a pulse needs beside its phases, one source serving all channels in turn.
        watchdog_us: the device's own timer: output ends by itself after so long without a command.
        poll_us: how often at least a keep-alive must be sent; well below the watchdog.
        lead_off_min_ua: below this amplitude electrode faults can't be detected; None = never detected.
        changes_rate_while_running: False where a change of rate or channels needs stop and init (RehaStim2).
        has_stop_switch: whether the patient's own switch can be plugged into the device.
        cable: what to pull when output is uncertain.
        source: where these facts stand.
    """

    model: str
    title: str
    intended_use: str
    channels: int
    amplitude_step_ua: MicroAmp
    amplitude_max_ua: MicroAmp
    pulse_width_step_us: Micros
    pulse_width_min_us: Micros
    pulse_width_max_us: Micros
    interphase_fixed_us: Micros | None
    period_grids: tuple[PeriodGrid, ...]
    rated_mhz: tuple[MilliHertz, MilliHertz] | None
    phase_ratios: tuple[int, ...]
    points_max: int
    pulse_overhead_us: Micros
    watchdog_us: Micros
    poll_us: Micros
    lead_off_min_ua: MicroAmp | None
    changes_rate_while_running: bool
    has_stop_switch: bool
    cable: str
    source: str

    def quantise_period_us(self, frequency_mhz: int) -> Micros | None:
        """The shortest period on the device's grid that is not shorter than asked; None where it can't be coded.

        The finest grid wins (P24: the 0.25 ms grid up to 8191.75 ms), because a longer period only lowers the rate.
        """
        if frequency_mhz <= 0:
            return None
        asked_us = ceil_div(1_000_000_000, frequency_mhz)
        for grid in self.period_grids:
            period_us = max(grid.min_us, ceil_div(asked_us, grid.step_us) * grid.step_us)
            if period_us <= grid.max_us:
                return Micros(period_us)
        return None
