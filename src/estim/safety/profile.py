"""`DeviceProfile`: what a stimulator can do and on which grid. Facts, each with its source, no behaviour of the
wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from estim.safety.units import MicroAmp, Micros, MilliHertz, ceil_div


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodGrid:
    """One grid of periods that a device can code: multiples of `step_us` within `[min_us, max_us]`."""

    step_us: Micros
    min_us: Micros
    max_us: Micros


@dataclass(frozen=True, slots=True)
class Lead:
    """How a channel's cable is told from the others: its colour, and the plug or the side of the device it hangs on."""

    colour: str
    plug: str = ""
    side: str = ""

    @property
    def name(self) -> str:
        """`yellow-red`: plug, then colour."""
        return f"{self.plug}-{self.colour}" if self.plug else self.colour


def leads_of(*, plug: tuple[str, ...] = ("",), side: tuple[str, ...] = ("",)) -> tuple[Lead, ...]:
    """Four leads, red, blue, black and white, for each plug or side: what all of these makers' cables look like."""
    groups = [(at_plug, at_side) for at_plug in plug for at_side in side]
    return tuple(
        Lead(colour, at_plug, at_side) for at_plug, at_side in groups for colour in ("red", "blue", "black", "white")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeBursts:
    """Doublets and triplets as a mode of the device: one spacing for all channels, and each pass lasts as long as all
    of its spacings.
    """

    pulses_max: int
    interval_min_us: Micros
    interval_max_us: Micros
    interval_step_us: Micros


Tells = Literal["id", "version", "output", "channels", "electrode", "electrode-channel", "battery", "timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """What a model can deliver.

    Attributes:
        model: the name under which the registry (`drivers.models`) has it.
        title: the maker's name for it.
        intended_use: the maker's own word on use in people; console and record show it.
        channels: number of output channels; they count from 1.
        leads: how each channel's cable looks, in the order of the channels.
        amplitude_step_ua, amplitude_max_ua: current grid and the device's rated maximum.
        pulse_width_step_us, pulse_width_min_us, pulse_width_max_us: one phase.
        interphase_fixed_us: the only gap that the device makes, or None where it is free (1 µs steps).
        period_grids: what rates can be coded, finest first.
        rated_mhz: the maker's rated band of rates where it is narrower than the wire's (RehaStim2), else None.
        phase_ratios: 1 for symmetric; 2 and 4 where unequal, balanced phases can be coded.
        points_max: points a pulse may have (bursts need three and more a pulse). free_points: each of them has a
            current of its own, so that a pulse may have any balanced shape.
        native_bursts: doublets and triplets that the device makes by itself, in place of points; None where it has
        none. skip_max: periods that a slow channel may rest, on a device with one common period; 0 where it has no
        such mode. pulse_overhead_us: device time a pulse needs beside its phases, one source serving all channels in
        turn. watchdog_us: output ends by itself after so long without a command: by the device's own timer, or, where
            `has_timer` is False, because each list is played once for each command.
        has_timer: the device has a timer of its own. Where it has none, nobody may be told to wait for one.
        unobeyed_stop_us: for so long a stop that is not obeyed is repeated before the driver falls silent, because on
            this device every frame feeds the timer, also a stop; 0 where stops feed nothing.
        poll_us: how often at least a keep-alive must be sent; well below the watchdog.
        lead_off_min_ua: below this amplitude electrode faults can't be detected; None = never detected.
        changes_rate_while_running: False where a change of rate or channels needs stop and init (RehaStim2).
        tells: what the device can be asked or says by itself: its id, its version, whether it stimulates (`output`),
            on which channels, an electrode error (and its channel), its battery, that its own timer has run out.
        has_stop_switch: whether the patient's own switch can be plugged into the device.
        off_reading: `confirmed`: the device's own status says that it is off; `acknowledged`: it answers a stop, and
            can't be asked whether it is off.
        make_safe: what a person does when output is uncertain, in this order.
        source: where these facts stand.
    """

    model: str
    title: str
    intended_use: str
    channels: int
    leads: tuple[Lead, ...]
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
    free_points: bool
    native_bursts: NativeBursts | None
    skip_max: int
    pulse_overhead_us: Micros
    watchdog_us: Micros
    has_timer: bool
    unobeyed_stop_us: Micros
    poll_us: Micros
    lead_off_min_ua: MicroAmp | None
    changes_rate_while_running: bool
    tells: tuple[Tells, ...]
    has_stop_switch: bool
    off_reading: Literal["confirmed", "acknowledged"]
    make_safe: tuple[str, ...]
    source: str

    @property
    def first_pulse_alone(self) -> bool:
        """It repeats a list by itself and takes one update a period (RehaStim2), so none acts on its second pulse. One
        that plays each list once for each update takes the next with the next pulse (RehaStim 1).
        """
        return not self.changes_rate_while_running and self.has_timer

    @property
    def off_word(self) -> str:
        """What a screen or a record may say of this device once it is off."""
        return "OFF" if self.off_reading == "confirmed" else "OFF (acknowledged)"

    @property
    def safe_words(self) -> str:
        """What to do when output is uncertain, in one sentence without its end."""
        return "; ".join(self.make_safe)

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
