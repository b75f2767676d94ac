"""Scripted devices at the byte seam: just enough of each state machine, and everything can be made to go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from estim.drivers import framing

Handler = Callable[[bytes], bytes | None]


@dataclass
class Scripted:
    """Common part. `heard` are the good frames (time, number, command, data); `override` replaces an answer's data
    (None = silence); `extra` is sent with the next answer.
    """

    heard: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    override: dict[int, Callable[[bytes], bytes | None]] = field(default_factory=dict)
    out: list[bytes] = field(default_factory=list)
    running: dict[int, bytes] = field(default_factory=dict)
    now_us: int = 0

    def data_to_send(self) -> list[bytes]:
        out, self.out = self.out, []
        return out

    def next_deadline_us(self) -> int | None:
        return None

    def advance(self, now_us: int) -> None:
        self.now_us = max(self.now_us, now_us)

    def commands(self, number: int) -> list[int]:
        """When this command was heard."""
        return [at for at, _, command, _ in self.heard if command == number]


class ScriptedMidLevel(Scripted):
    """P24 (major 4) or RehaMove3 (major 3)."""

    def __init__(self, major: int) -> None:
        super().__init__()
        self.major = major
        self.state = 0
        self.errors: dict[int, int] = {}
        self.lying = False  # acknowledges a stop and goes on
        self.protocol = (major, 0, 0)
        self._framer = framing.ScienceMode34Framer()

    def send(self, packet: int, command: int, data: bytes) -> None:
        self.out.append(framing.encode34(packet, command, data))

    def receive(self, data: bytes, now_us: int) -> None:
        for frame in self._framer.feed(data):
            if isinstance(frame, framing.BadFrame):
                self.send(0, 66, b"\x01")
                continue
            self.heard.append((now_us, frame.packet, frame.command, frame.data))
            answer = self.override.get(frame.command, lambda d, c=frame.command: self._answer(c, d))(frame.data)
            if answer is not None:
                self.send(frame.packet, frame.command + 1, answer)

    def _answer(self, command: int, data: bytes) -> bytes:
        version = bytes((0, 1, 2, 15, *self.protocol))
        if command == 68 and self.major == 4:
            return version + bytes((0, 0, 0, 0, 1, 1))
        if command == 50 and self.major == 3:
            return version
        if command == 52:
            return b"\0SIM1234567"
        if command == 54:
            return bytes((0, 87, 0x0F, 0x84))
        if command == 62:
            return bytes((0, self.state, 6 if self.state else 1))
        if command == 36:
            return self._current_data()
        return bytes((self._level(command, data),))

    def _current_data(self) -> bytes:
        mask = sum(1 << channel - 1 for channel in self.running)
        if self.major == 4:
            nibbles = sum(code << 4 * (channel - 1) for channel, code in self.errors.items())
            return bytes((0 if self.state >= 2 else 7, 4, mask)) + nibbles.to_bytes(4, "little")
        errors = sum(1 << channel - 1 for channel in self.errors)
        return bytes((0 if self.state >= 2 else 7, 2, (0x10 if mask else 0) | errors))

    def _level(self, command: int, data: bytes) -> int:
        if command == 30:
            if self.state == 1:
                return 7
            self.state, self.running = 2, {}
        elif command == 32:
            if self.state < 2:
                return 7
            self.running = {bit + 1: data for bit in range(8) if data[0] >> bit & 1}
            self.state = 3 if self.running else 2
        elif command in {4, 34}:
            if self.state and (self.state == 1) != (command == 4):
                return 7
            if not self.lying:
                self.state, self.running = 0, {}
        return 0


class ScriptedRehaStim2(Scripted):
    """RehaStim2: Init every 500 ms while unconnected, watchdog of 1.2 s, channel list mode."""

    def __init__(self) -> None:
        super().__init__()
        self.mode = 0
        self.connected = False
        self.version = 1
        self.lying = False
        self._valid_us = 0
        self._init_us = 0
        self._packet = 0
        self._mask = 0
        self._framer = framing.ScienceMode2Framer()

    def next_deadline_us(self) -> int:
        return self._valid_us + 1_200_000 if self.connected else self._init_us

    def advance(self, now_us: int) -> None:
        super().advance(now_us)
        if self.connected and now_us >= self._valid_us + 1_200_000:
            self.restart()
        if not self.connected and now_us >= self._init_us:
            self._init_us = now_us + 500_000
            self.say(1, bytes((self.version,)))

    def restart(self) -> None:
        self.connected, self.mode, self.running = False, 0, {}
        self._init_us = self.now_us

    def say(self, command: int, data: bytes) -> None:
        """A frame of the device's own."""
        self._packet = (self._packet + 1) % 200
        self.out.append(framing.encode2(self._packet, command, data))

    def receive(self, data: bytes, now_us: int) -> None:
        self.advance(now_us)
        for frame in self._framer.feed(data):
            if isinstance(frame, framing.BadFrame):
                continue
            self.heard.append((now_us, frame.packet, frame.command, frame.data))
            if frame.command == 2:
                self.connected = frame.data == b"\0"
            if not self.connected:
                continue
            self._valid_us = now_us
            if frame.command in {2, 4}:
                continue
            answer = self.override.get(frame.command, lambda d, c=frame.command: self._answer(c, d))(frame.data)
            if answer is not None:
                self.out.append(framing.encode2(frame.packet, frame.command + 1, answer))

    def _answer(self, command: int, data: bytes) -> bytes:
        if command == 10:
            return bytes((0, self.mode))
        if command == 30:
            if self.mode != 0:
                return b"\xfd"
            self.mode, self._mask = 1, data[1]
        elif command == 32:
            if self.mode == 0:
                return b"\xfd"
            channels = [bit + 1 for bit in range(8) if self._mask >> bit & 1]
            if len(data) != 4 * len(channels):
                return b"\xfe"
            self.mode = 2
            self.running = {c: data[4 * i : 4 * i + 4] for i, c in enumerate(channels) if data[4 * i + 3]}
        elif command == 34 and not self.lying:
            self.mode, self.running = 0, {}
        return b"\0"
