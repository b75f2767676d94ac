"""The monitor: what really came out of each channel. It knows no plan; it is the oracle of tests."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from firmware_sim.devices.interface import Pulse

COLUMNS = ("t_us", "channel", "phase1_pc", "phase2_pc", "pulse_width_us", "interphase_us", "peak_ua", "purpose")


@dataclass(slots=True)
class Output:
    """Sums over one channel."""

    pulses: int = 0
    charge_pc: int = 0  # of first phases
    net_pc: int = 0  # of both phases together: what stays in the tissue
    peak_ua: int = 0
    first_us: int = -1
    last_us: int = -1


class Monitor:
    """Give `see` to a device's `on_pulse`.

    Args:
        keep: remember every pulse.
        file: write every pulse as a CSV row.
        purpose: asked at each pulse for the last column (titration or therapy), if known.
    """

    def __init__(
        self, *, keep: bool = False, file: TextIO | None = None, purpose: Callable[[], str] | None = None
    ) -> None:
        self.pulses: list[Pulse] = []
        self.channels: dict[tuple[str, int], Output] = {}
        self.count = 0
        self.last_us = -1
        self._keep = keep
        self._purpose = purpose or (lambda: "")
        self._file = file
        self._writer = csv.writer(file, lineterminator="\n") if file is not None else None
        if self._writer is not None:
            self._writer.writerow(COLUMNS)

    def see(self, pulse: Pulse) -> None:
        """One pulse left the output stage."""
        purpose = self._purpose()
        output = self.channels.get((purpose, pulse.channel))
        if output is None:
            output = self.channels[purpose, pulse.channel] = Output(first_us=pulse.t_us)
        output.pulses += 1
        output.charge_pc += pulse.phase1_pc
        output.net_pc += pulse.phase1_pc + pulse.phase2_pc
        output.peak_ua = max(output.peak_ua, pulse.peak_ua)
        output.last_us = self.last_us = pulse.t_us
        self.count += 1
        if self._keep:
            self.pulses.append(pulse)
        if self._writer is not None:
            self._writer.writerow((*pulse, purpose))  # its fields are the columns, in their order

    def of(self, channel: int, purpose: str = "") -> Output:
        """What came out of a channel."""
        return self.channels.get((purpose, channel), Output())

    def flush(self) -> None:
        """Rows to the file, so that another process can read them."""
        if self._file is not None:
            self._file.flush()
