"""Invariants, checked at the device's side at every pulse: what comes out, whatever was planned.

They know absolute limits, the record's authorisations and what the engine claims; they know no protocol.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from firmware_sim.devices.interface import Pulse

AMPLITUDE_MAX_UA = 130_000
WIDTH_US = (20, 1_000)
CHARGE_MAX_PC = 65_000_000
PERIOD_MIN_US = 6_600
RMS_MAX_UA = 50_000
SECOND_US = 1_000_000
STOP_US = 320_000  # L25: 300 ms, and one pulse that was on its way
DEVICE_TIMER_US = 2_400_000  # where the wire or the device does not obey, its own timer, and what fed it last
REPEAT_STEP_UA, REPEAT_STEP_PERCENT = 4_000, 25  # L17b, the looser of both


@dataclass(slots=True)
class Channel:
    """What came out of one channel lately."""

    last_us: int = -(10**12)
    last_ua: int = 0
    squares: deque[tuple[int, int]] = field(default_factory=deque)
    sum_squares: int = 0


@dataclass(slots=True)
class Checker:
    """Give `see` to the monitor. `broken` names each invariant once.

    Attributes:
        off_since_us: since when the engine says OFF, None while it does not.
        stop_us: when a stop was asked for and output must end; `stop_allowed_us` is how long that may take.
        ceilings_ua: device channel → the most that the last two authorisations allow.
        lawless: the device or wire is in a state in which commands do not count; only absolute limits hold.
    """

    off_since_us: int | None = None
    stop_us: int | None = None
    stop_allowed_us: int = STOP_US
    ceilings_ua: dict[int, int] = field(default_factory=dict)
    lawless: bool = False
    broken: dict[str, str] = field(default_factory=dict)
    pulses: int = 0
    _channels: dict[int, Channel] = field(default_factory=dict)

    def say(self, name: str, text: str) -> None:
        """An invariant is broken."""
        self.broken.setdefault(name, text)

    def see(self, pulse: Pulse) -> None:
        """One pulse left the output stage."""
        self.pulses += 1
        channel = self._channels.setdefault(pulse.channel, Channel())
        where = f"channel {pulse.channel} at {pulse.t_us / 1e6:.4f} s"
        if pulse.peak_ua > AMPLITUDE_MAX_UA:
            self.say("amplitude", f"{where}: {pulse.peak_ua} µA")
        if not WIDTH_US[0] <= pulse.pulse_width_us <= WIDTH_US[1]:
            self.say("width", f"{where}: {pulse.pulse_width_us} µs")
        if abs(pulse.phase1_pc) > CHARGE_MAX_PC:
            self.say("charge", f"{where}: {pulse.phase1_pc} pC")
        if pulse.phase1_pc + pulse.phase2_pc:
            self.say("balance", f"{where}: {pulse.phase1_pc + pulse.phase2_pc} pC stay")
        gap_us = pulse.t_us - channel.last_us
        if 0 <= gap_us < PERIOD_MIN_US:
            self.say("rate", f"{where}: {gap_us} µs after the pulse before")
        self._rms(channel, pulse, where)
        if not self.lawless:
            self._lawful(channel, pulse, where)
        channel.last_us, channel.last_ua = pulse.t_us, pulse.peak_ua

    def _rms(self, channel: Channel, pulse: Pulse, where: str) -> None:
        square = 2 * pulse.peak_ua * pulse.peak_ua * pulse.pulse_width_us
        channel.squares.append((pulse.t_us, square))
        channel.sum_squares += square
        while channel.squares[0][0] <= pulse.t_us - SECOND_US:
            channel.sum_squares -= channel.squares.popleft()[1]
        if channel.sum_squares > RMS_MAX_UA * RMS_MAX_UA * SECOND_US:
            self.say("rms", where)

    def _lawful(self, channel: Channel, pulse: Pulse, where: str) -> None:
        if self.off_since_us is not None and pulse.t_us > self.off_since_us:
            self.say("off", f"{where}: a pulse although the engine said OFF at {self.off_since_us / 1e6:.4f} s")
        if self.stop_us is not None and pulse.t_us > self.stop_us + self.stop_allowed_us:
            self.say("stop", f"{where}: a pulse after the stop at {self.stop_us / 1e6:.4f} s")
        ceiling = self.ceilings_ua.get(pulse.channel, 0)
        if pulse.peak_ua > ceiling:
            self.say("authorised", f"{where}: {pulse.peak_ua} µA, authorised {ceiling}")
        rest = pulse.t_us - channel.last_us > SECOND_US
        before = 0 if rest else channel.last_ua
        bound = max(REPEAT_STEP_UA, ceiling * REPEAT_STEP_PERCENT // 100)
        if pulse.peak_ua - before > bound:
            self.say("slew", f"{where}: from {before} to {pulse.peak_ua} µA")
