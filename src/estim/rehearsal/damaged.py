"""Pulses that a RehaStim 1 made itself, out of bytes that the wire changed or added and its weak check let pass.

Nobody wrote them and no plan knows them, so no invariant speaks of them but this: a command with a damaged byte in it
must have arrived that asks for exactly such a pulse on that channel, for at most so many. A channel list that arrived
damaged and was taken may be one that goes on by itself: until the next stop or list, what plays is such a pulse where
it is as high as an update that arrived. SAFETY.md says it among the residual risks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_sim.devices import timer_us
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import Fault
from firmware_sim.wire.sciencemode1 import (
    INIT,
    STOP,
    UPDATE,
    Command,
    Reader,
    Train,
    read_init,
    read_single,
    read_update,
)

BEGINS_US = 2_000  # from a command to its pulse
LASTS_US = timer_us("rehastim1")
STEP_MA, MOST_MA = 2, 126


@dataclass(slots=True)
class _Made:
    at_us: int
    channel: int
    amplitude_ua: int
    width_us: int
    left: int


class Damaged:
    """Give it every piece as it reaches the device, and ask about each pulse in its order.

    Attributes:
        pulses: how many were of damaged bytes.
        goes_on: a list plays that arrived damaged and goes on by itself: what plays is its own, at its own pace, also
            where it has the height of an update that was written.
        taken: how many commands the device took although they had changed on the wire.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.pulses = self.taken = 0
        self.goes_on = False
        self._deaf = [fault for fault in faults if fault.kind in {"ignore-stop", "hang", "restart"}]
        self._reader = Reader()
        self._channels: tuple[int, ...] = ()
        self._hurt = False  # a byte of the present command is not as it was written
        self._wrong_list = False
        self._made: deque[_Made] = deque()

    def arrives(self, piece: bytes, at_us: int, *, whole: bool) -> None:
        """Bytes reach the device at `at_us`; `whole`: they are a piece as the host wrote it."""
        for byte in piece:
            self._hurt = not whole or (self._hurt and not byte & 0x80)
            if (command := self._reader.take(byte)) is not None:
                self._obey(command, at_us)

    def _obey(self, command: Command, at_us: int) -> None:
        if command.kind == STOP:
            if not any(fault.at_us <= at_us <= fault.end_us for fault in self._deaf):
                self._set((), wrong=False)
                self.goes_on = False
        elif command.kind == INIT:
            if (listed := read_init(command)) is not None:
                self.taken += int(self._hurt)
                self._set(listed.channels, wrong=self._hurt)
                self.goes_on = self._hurt and listed.main > 0
        elif self._hurt or self._wrong_list:
            self.taken += 1
            for channel, train in self._trains(command).items():
                amplitude_ua = min(train.current_ma, MOST_MA) // STEP_MA * STEP_MA * 1_000
                count = 1 << 30 if self._wrong_list else train.mode + 1
                self._made.append(_Made(at_us, channel, amplitude_ua, train.width_us, count))

    def _trains(self, command: Command) -> Mapping[int, Train]:
        if command.kind == UPDATE:
            return read_update(command, self._channels) or {}
        single = read_single(command)
        return {} if single is None else {single[0]: single[1]}

    def _set(self, channels: tuple[int, ...], *, wrong: bool) -> None:
        self._channels, self._reader.channels, self._wrong_list = channels, len(channels), wrong
        for made in self._made:
            made.left = min(made.left, 3)  # what a list that went on had begun

    def is_of(self, pulse: Pulse) -> bool:
        """This pulse is the device's own; it is used up."""
        while self._made and not self._wrong_list and self._made[0].at_us < pulse.t_us - LASTS_US:
            self._made.popleft()
        for made in self._made:
            fits = made.channel == pulse.channel and made.width_us == pulse.pulse_width_us
            if fits and made.left and pulse.peak_ua <= made.amplitude_ua and made.at_us + BEGINS_US <= pulse.t_us:
                made.left -= 1
                self.pulses += 1
                return True
        return False
