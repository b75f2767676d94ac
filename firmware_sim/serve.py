"""Fronts of a simulated device in real time: a pty, a TCP port, and a side channel for the room.

Pulse times come from the device's own integer clock and are never slept for: a late turn moves bytes, not pulses.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from firmware_sim.devices.faulty import FaultyDevice
from firmware_sim.devices.interface import SimulatedDevice
from firmware_sim.fronts import TcpFront
from firmware_sim.monitor import Monitor

if TYPE_CHECKING:
    from firmware_sim.pty_front import PtyFront

IDLE_S = 0.05  # between two looks at the fault plan
RETRY_S = 0.005  # a socket that took only a part
ORPHAN_S = 3.0  # longer than any device's own timer: the simulator must outlive the stop that it is there to show
_STDIN = 0


class Surroundings(Protocol):
    """What stands around the device: patient, pads, sensors. See `firmware_sim.body.room`."""

    def advance(self, now_us: int) -> None:
        """Let time pass."""

    def handle(self, message: dict[str, Any]) -> None:
        """Something is done in the room."""

    def messages(self) -> list[dict[str, Any]]:
        """What the room has to say; drains."""


class Server:
    """Runs one device in real time.

    Args:
        until_parent: end when standard input ends and no client was connected for 3 s.
    """

    def __init__(
        self,
        device: SimulatedDevice,
        monitor: Monitor,
        *,
        pty: PtyFront | None,
        tcp: TcpFront | None,
        side: TcpFront | None,
        room: Surroundings | None,
        until_parent: bool,
    ) -> None:
        self._device = device
        self._monitor = monitor
        self._pty, self._tcp, self._side, self._room = pty, tcp, side, room
        self._side_tail = b""
        self._orphan = False
        self._alone_since = time.monotonic()
        self._began = time.perf_counter_ns()
        self._written = 0
        self._plugged = True
        self.stopped = False
        self._selector = selectors.DefaultSelector()
        if pty is not None:
            self._watch(pty)
        for front, accepted in ((tcp, self._tcp_knock), (side, self._side_knock)):
            if front is not None:
                self._selector.register(front.server, selectors.EVENT_READ, accepted)
        if until_parent:
            # A thread, since no system but POSIX can wait for a pipe beside sockets.
            threading.Thread(target=self._hear_parent, name="parent", daemon=True).start()

    def _watch(self, pty: PtyFront) -> None:
        self._selector.register(pty.fileno(), selectors.EVENT_READ, self._from_pty)
        if pty.openers.fileno() >= 0:
            self._selector.register(pty.openers.fileno(), selectors.EVENT_READ, pty.cure)

    def now_us(self) -> int:
        """The device's clock."""
        return (time.perf_counter_ns() - self._began) // 1000

    def announce(self) -> None:
        """One JSON line that says where everything is."""
        said = {}
        if self._tcp is not None:
            said["device"] = self._tcp.url
        if self._pty is not None:
            said["pty"] = str(self._pty.link or self._pty.name)
            said.setdefault("device", said["pty"])
        if self._side is not None:
            said["side"] = self._side.url
        said["model"] = self._device.model
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()

    def run(self) -> None:
        """Serve until stopped."""
        while not self.stopped and not (self._orphan and self._alone()):
            due_us = self._device.next_deadline_us()
            wait = IDLE_S if due_us is None else min(IDLE_S, max(0.0, (due_us - self.now_us()) / 1e6))
            waiting = [front.flush() for front in (self._tcp, self._side) if front is not None]
            wait = min(wait, RETRY_S) if any(waiting) else wait
            for key, _ in self._selector.select(wait):
                handler: Callable[[], None] = key.data
                handler()
            now_us = self.now_us()
            self._device.advance(now_us)
            if self._room is not None:
                self._room.advance(now_us)
                self._tell_room()
            if self._monitor.count != self._written:
                self._written = self._monitor.count
                self._monitor.flush()
            self._answer()
            self._plug()
        self._monitor.flush()

    def _plug(self) -> None:
        """The cable goes out and in again as the plan says."""
        out = isinstance(self._device, FaultyDevice) and self._device.unplugged
        if self._tcp is not None:
            self._tcp.closed = out
            if out and self._tcp.client is not None:
                self._leave(self._tcp)
        if self._pty is None:
            return
        if out and self._plugged:
            self._selector.unregister(self._pty.fileno())
            if self._pty.openers.fileno() >= 0:
                self._selector.unregister(self._pty.openers.fileno())
            self._pty.close()
        elif not out and not self._plugged:
            self._pty = self._pty.again()
            self._watch(self._pty)
        self._plugged = not out

    def _forget(self, sock: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)

    def _leave(self, front: TcpFront) -> None:
        if front.client is not None:
            self._forget(front.client.sock)
            front.drop()

    def _alone(self) -> bool:
        if self._tcp is not None and self._tcp.client is not None:
            self._alone_since = time.monotonic()
        return time.monotonic() - self._alone_since > ORPHAN_S

    def _hear_parent(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(_STDIN, 4096):
                pass
        self._alone_since = time.monotonic()
        self._orphan = True

    def _from_pty(self) -> None:
        if self._pty is not None and (data := self._pty.read()):
            self._device.receive(data, self.now_us())
            self._answer()

    def _answer(self) -> None:
        for frame in self._device.data_to_send():
            if self._tcp is not None and self._tcp.client is not None:
                self._tcp.write(frame)
            elif self._pty is not None and self._plugged:
                self._pty.write(frame)

    def _knock(self, front: TcpFront, hears: Callable[[], None]) -> bool:
        before = front.client
        if not front.accept() or front.client is None:
            return False
        if before is not None:
            self._forget(before.sock)
        self._selector.register(front.client.sock, selectors.EVENT_READ, hears)
        return True

    def _tcp_knock(self) -> None:
        if self._tcp is not None:
            self._knock(self._tcp, self._from_tcp)

    def _from_tcp(self) -> None:
        front = self._tcp
        if front is None or front.client is None:
            return
        data = front.read()
        if data is None:
            self._leave(front)
            self._alone_since = time.monotonic()
        elif data:
            self._device.receive(data, self.now_us())
            self._answer()

    def _side_knock(self) -> None:
        if self._side is not None and self._knock(self._side, self._from_side):
            self._side_tail = b""

    def _from_side(self) -> None:
        front = self._side
        if front is None or front.client is None:
            return
        data = front.read()
        if data is None:
            self._leave(front)
            return
        *lines, self._side_tail = (self._side_tail + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, OverflowError):  # nonsense from outside ends nothing
                message = json.loads(line)
                if self._room is not None and isinstance(message, dict):
                    self._room.handle(message)

    def _tell_room(self) -> None:
        if self._room is None:
            return
        for message in self._room.messages():
            if self._side is not None:
                self._side.write(json.dumps(message).encode("utf-8") + b"\n")

    def close(self) -> None:
        """Give everything back."""
        if self._pty is not None and self._plugged:
            self._pty.close()
        for front in (self._tcp, self._side):
            if front is not None:
                front.close()
        self._selector.close()
