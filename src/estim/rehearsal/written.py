"""What was written to a device that plays each list once: every list one pulse of each kind, none of another height.

Such a device has no timer and no memory. A list that a slow wire brings late is played late, also after the host gave
the device up; it is still the one that was written, no stronger, and once. A doubled piece is played twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from estim.rehearsal.stopping import LATE_STEP_US
from firmware_sim.devices import timer_us
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import BODY, Fault
from firmware_sim.wire.sciencemode1 import INIT, UPDATE, Reader, read_init, read_update

BEGINS_US = 2_000  # from a command to its pulse
LASTS_US = timer_us("rehastim1") + 3_000  # and the wire's millisecond each way
STEP_MA = 2  # an odd number of milliamperes plays as the even one below it


@dataclass(slots=True)
class _Play:
    """What one written list lets one channel play."""

    written_us: int
    amplitude_ua: int
    width_us: int
    pulses: int
    left: int


class Written:
    """Give it every piece that the host writes, before the wire, and every pulse in its order.

    Attributes:
        doubled: the pulse that was asked about last is the second one of a list whose piece the wire doubled.
        believed: channel → how many of those there were.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._reader = Reader()
        self._channels: tuple[int, ...] = ()
        self._lists: dict[int, deque[_Play]] = {}
        self._last: dict[int, _Play] = {}
        self._doubles = [fault for fault in faults if fault.kind == "duplicate"]  # each doubles one piece each way
        self._lates = [fault for fault in faults if fault.kind == "late"]
        self._pads = [fault for fault in faults if fault.kind in BODY]
        self.believed: dict[int, int] = {}
        self.doubled = False

    def write(self, data: bytes, now_us: int) -> None:
        """The host writes `data`."""
        for byte in data:
            command = self._reader.take(byte)
            if command is None:
                continue
            if command.kind == INIT and (listed := read_init(command)) is not None:
                self._channels, self._reader.channels = listed.channels, len(listed.channels)
            elif command.kind == UPDATE:
                for channel, train in (read_update(command, self._channels) or {}).items():
                    amplitude_ua = train.current_ma // STEP_MA * STEP_MA * 1_000
                    if amplitude_ua and train.width_us:
                        play = _Play(now_us, amplitude_ua, train.width_us, train.mode + 1, train.mode + 1)
                        self._lists.setdefault(channel, deque()).append(play)

    def asked_us(self, pulse: Pulse) -> int | None:
        """When the list that this pulse belongs to was written; it is used up. None: nobody wrote one that is left.

        A device obeys in the order of writing: of what was lost on its way nothing comes any more.
        """
        self.doubled = False
        lists = self._lists.setdefault(pulse.channel, deque())
        while lists and lists[0].written_us < pulse.t_us - self._longest_us(pulse.t_us):
            lists.popleft()
        for at in reversed(range(len(lists))):  # the next one is not sent before this one was answered
            play = lists[at]
            if play.left and self._is_of(play, pulse) and play.written_us + BEGINS_US <= pulse.t_us:
                for _ in range(at):
                    lists.popleft()
                play.left -= 1
                self._last[pulse.channel] = play
                return play.written_us
        last = self._last.get(pulse.channel)
        if last is None or not self._is_doubled(last, pulse):
            return None
        self.doubled = True
        return last.written_us

    def knows(self, pulse: Pulse) -> bool:
        """A list that was written and is left asks for a pulse of this height now; nothing is used up."""
        from_us = pulse.t_us - self._longest_us(pulse.t_us)
        lists = self._lists.get(pulse.channel, ())
        return any(
            play.left and from_us <= play.written_us <= pulse.t_us - BEGINS_US and self._is_of(play, pulse)
            for play in lists
        )

    def _is_of(self, play: _Play, pulse: Pulse) -> bool:
        """It is as wide and high as the list says; lower where dry pads leave the output stage too little voltage."""
        if pulse.pulse_width_us != play.width_us:
            return False
        if pulse.peak_ua == play.amplitude_ua:
            return True
        bad = any(f.channel == pulse.channel and f.at_us <= pulse.t_us <= f.end_us for f in self._pads)
        return bad and pulse.peak_ua < play.amplitude_ua

    def _is_doubled(self, last: _Play, pulse: Pulse) -> bool:
        """One more of the list that was played last, of a piece that the wire doubled; each is believed once."""
        used = self.believed.get(pulse.channel, 0)
        begun = sum(fault.at_us <= pulse.t_us for fault in self._doubles)
        believed = self._is_of(last, pulse) and used < begun * last.pulses
        if believed:
            self.believed[pulse.channel] = used + 1
        return believed

    def _longest_us(self, now_us: int) -> int:
        """From writing to the last pulse: how long a list lasts, and what the wire adds."""
        late = [f.size * LATE_STEP_US for f in self._lates if f.at_us <= now_us <= f.end_us + f.size * LATE_STEP_US]
        return LASTS_US + max(late, default=0)
