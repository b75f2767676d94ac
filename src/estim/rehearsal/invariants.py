"""Invariants of the absolute limits, at the electrode, at every pulse: what comes out, whatever was planned.

They know the absolute column of the limits, the pads, and nothing else. The numbers stand here once more, apart from
the table and the interlock, which they judge.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from firmware_sim.devices.interface import Pulse

AMPLITUDE_MAX_UA = 130_000  # L1
WIDTH_US = (20, 1_000)  # L2
PULSES_PER_S_MAX = 150  # L4
CHARGE_MAX_PC = 65_000_000  # L10
CHARGE_DENSITY_MAX_PC_PER_MM2 = 100_000  # L11: 10 µC/cm²
RMS_MAX_UA = 50_000  # L5, over the worst second
RMS_TOTAL_MAX_UA = 100_000  # L6
DENSITY_MAX_UA_PER_MM2 = 20  # L7: 2 mA/cm²
CREDIT_MM2 = 10_000  # L14: a larger pad counts for no more
ON_MAX_US = 61_000_000  # L19, and one second for a plan that waited
ON_FROM_PERIOD_US = 66_667  # it binds above 15 Hz
SECOND_US = 1_000_000
TRAIN_GAP_US = 250_000  # a longer gap ends a contraction


@dataclass(slots=True)
class Second:
    """What flowed within the last second, as i²·t (µA²·µs) of single pulses."""

    squares: deque[tuple[int, int]] = field(default_factory=deque)
    total: int = 0

    def add(self, at_us: int, square: int) -> int:
        """Add a pulse; gives the sum of the last second."""
        self.squares.append((at_us, square))
        self.total += square
        while self.squares[0][0] <= at_us - SECOND_US:
            self.total -= self.squares.popleft()[1]
        return self.total


@dataclass(slots=True)
class _Channel:
    second: Second = field(default_factory=Second)
    last_us: int = -(10**12)
    on_since_us: int = 0
    slow: bool = False


class AtTheElectrode:
    """Absolute limits. Give `see` every pulse.

    Args:
        say: told of each broken invariant by name and words.
        area_mm2: device channel → its smaller pad.
        sensory: device channels that L19 does not bind.
    """

    def __init__(self, broken: dict[str, str], area_mm2: dict[int, int], sensory: frozenset[int]) -> None:
        self._broken = broken
        self._area_mm2 = area_mm2
        self._sensory = sensory
        self._channels: dict[int, _Channel] = {}
        self._all = Second()

    def see(self, pulse: Pulse) -> None:
        """One pulse left the output stage."""
        if abs(pulse.peak_ua) > AMPLITUDE_MAX_UA:
            self._say("amplitude", pulse, f"{pulse.peak_ua} µA")
        if not WIDTH_US[0] <= pulse.pulse_width_us <= WIDTH_US[1]:
            self._say("width", pulse, f"{pulse.pulse_width_us} µs")
        if abs(pulse.phase1_pc) > CHARGE_MAX_PC:
            self._say("charge", pulse, f"{pulse.phase1_pc} pC")
        if pulse.phase1_pc + pulse.phase2_pc:
            self._say("balance", pulse, f"{pulse.phase1_pc + pulse.phase2_pc} pC stay")
        area_mm2 = min(self._area_mm2.get(pulse.channel, 0), CREDIT_MM2)
        if not area_mm2:
            self._say("channel", pulse, "no pads are on this channel")
        elif abs(pulse.phase1_pc) > CHARGE_DENSITY_MAX_PC_PER_MM2 * area_mm2:
            self._say("charge-density", pulse, f"{pulse.phase1_pc} pC on {area_mm2} mm²")
        self._over_a_second(pulse, area_mm2)

    def _over_a_second(self, pulse: Pulse, area_mm2: int) -> None:
        channel = self._channels.setdefault(pulse.channel, _Channel())
        square = pulse.peak_ua * abs(pulse.phase1_pc) + pulse.peak_ua * abs(pulse.phase2_pc)
        total = channel.second.add(pulse.t_us, square)
        if total > RMS_MAX_UA * RMS_MAX_UA * SECOND_US:
            self._say("rms", pulse, "more than 50 mA over this second")
        if total > (DENSITY_MAX_UA_PER_MM2 * area_mm2) ** 2 * SECOND_US:
            self._say("density", pulse, f"more than 2 mA/cm² on {area_mm2} mm² over this second")
        if self._all.add(pulse.t_us, square) > RMS_TOTAL_MAX_UA * RMS_TOTAL_MAX_UA * SECOND_US:
            self._say("rms-of-all", pulse, "more than 100 mA over this second")
        if len(channel.second.squares) > PULSES_PER_S_MAX:
            self._say("rate", pulse, f"{len(channel.second.squares)} pulses within a second")
        gap_us = pulse.t_us - channel.last_us
        if gap_us > TRAIN_GAP_US or gap_us > ON_FROM_PERIOD_US or not pulse.peak_ua:
            channel.on_since_us = pulse.t_us
        elif pulse.t_us - channel.on_since_us > ON_MAX_US and pulse.channel not in self._sensory:
            self._say("on-time", pulse, f"on since {channel.on_since_us / 1e6:.3f} s")
        channel.last_us = pulse.t_us

    def _say(self, name: str, pulse: Pulse, text: str) -> None:
        self._broken.setdefault(name, f"channel {pulse.channel} at {pulse.t_us / 1e6:.4f} s: {text}")
