"""What every simulated stimulator offers: sans-IO, time and bytes are arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from firmware_sim.devices.load_port import Load


class Pulse(NamedTuple):
    """One pulse as it left the output stage, after the load's clipping. Charges are exact: µA × µs = pC.

    Attributes:
        t_us: begin of phase 1 on the device's own clock.
        channel: from 1.
        phase1_pc, phase2_pc: signed charges of both phases; their sum is what stays in the tissue.
        pulse_width_us, interphase_us: of phase 1, and the gap.
        peak_ua: greatest current of either sign.
    """

    t_us: int
    channel: int
    phase1_pc: int
    phase2_pc: int
    pulse_width_us: int
    interphase_us: int
    peak_ua: int


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """Something done to the device from outside: `restart`, `hang`, `resume`, `switch`, `refuse`, ... with a value."""

    kind: str
    value: int = 0


class SimulatedDevice(Protocol):
    """A stimulator made of software."""

    model: str
    channels: int
    on_pulse: Callable[[Pulse], None]

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; the device is advanced to `now_us` first."""

    def data_to_send(self) -> list[bytes]:
        """Frames for the host, each to be written in one piece; drains."""

    def advance(self, now_us: int) -> None:
        """Play all pulses and run all timers up to `now_us`."""

    def next_deadline_us(self) -> int | None:
        """When `advance` has something to do next."""

    def inject(self, event: DeviceEvent, now_us: int) -> None:
        """Something happens to the device."""

    def set_load(self, channel: int, load: Load) -> None:
        """Hang a load on a channel."""
