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
import termios
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from firmware_sim.devices.interface import SimulatedDevice
from firmware_sim.monitor import Monitor

IDLE_S = 0.2
ORPHAN_S = 3.0  # longer than any device's own timer: the simulator must outlive the stop that it is there to show
_STDIN = 0


class Room(Protocol):
    """What stands around the device: patient, pads, sensors. See `firmware_sim.body.room`."""

    def advance(self, now_us: int) -> None:
        """Let time pass."""

    def handle(self, message: dict[str, Any]) -> None:
        """Something is done in the room."""

    def messages(self) -> list[dict[str, Any]]:
        """What the room has to say; drains."""


@dataclass(slots=True)
class _Client:
    """A connected peer and what could not be written to it yet."""

    sock: socket.socket
    pending: bytearray = field(default_factory=bytearray)


class PtyFront:
    """A pseudo-terminal that looks like a serial port, with a link to it under a name of one's choice."""

    def __init__(self, link: str) -> None:
        self._master, self._slave = os.openpty()  # the slave stays open, so that clients can come and go
        tty.setraw(self._slave)
        self._raw = termios.tcgetattr(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self.link = Path(link) if link else None
        if self.link is not None:
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self.name)

    def fileno(self) -> int:
        """The master."""
        return self._master

    def read(self) -> bytes:
        """What a client wrote."""
        try:
            data = os.read(self._master, 65536)
        except (BlockingIOError, OSError):
            return b""
        # Opening with parity once makes the identical second open fail with EINVAL on Linux: back to raw through the
        # master.
        if termios.tcgetattr(self._master)[2] & termios.PARENB:
            termios.tcsetattr(self._master, termios.TCSANOW, self._raw)
        return data

    def write(self, frame: bytes) -> None:
        """One frame in one piece; dropped if nobody reads, as a UART drops."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._master, frame)

    def close(self) -> None:
        """Remove the link."""
        if self.link is not None:
            self.link.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)


class TcpFront:
    """A port that serves one client at a time, as a serial port does; a second is refused while the first is there."""

    def __init__(self, port: int) -> None:
        self.server = socket.create_server(("127.0.0.1", port))
        self.server.setblocking(False)  # noqa: FBT003
        self.client: _Client | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server.getsockname()[:2]
        return f"socket://{host}:{port}"

    def accept(self) -> bool:
        """Take or refuse who knocks; True if there is a new client."""
        try:
            sock, _ = self.server.accept()
        except BlockingIOError:
            return False
        if self.client is not None and not self._gone(self.client):
            sock.close()
            return False
        self.drop()
        sock.setblocking(False)  # noqa: FBT003
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = _Client(sock)
        return True

    @staticmethod
    def _gone(client: _Client) -> bool:
        try:
            return client.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def read(self) -> bytes | None:
        """What the client sent; None when it has left."""
        if self.client is None:
            return b""
        try:
            data = self.client.sock.recv(65536)
        except BlockingIOError:
            return b""
        except OSError:
            return None
        return data or None

    def write(self, frame: bytes) -> None:
        """A frame; what does not go at once waits for the next."""
        if self.client is None:
            return
        self.client.pending += frame
        try:
            sent = self.client.sock.send(self.client.pending)
        except BlockingIOError:
            return
        except OSError:
            self.drop()
            return
        del self.client.pending[:sent]

    def drop(self) -> None:
        """The client is gone."""
        if self.client is not None:
            self.client.sock.close()
            self.client = None

    def close(self) -> None:
        """Stop listening."""
        self.drop()
        self.server.close()


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
        room: Room | None,
        until_parent: bool,
    ) -> None:
        self._device = device
        self._monitor = monitor
        self._pty, self._tcp, self._side, self._room = pty, tcp, side, room
        self._side_tail = b""
        self._orphan = False
        self._alone_since = time.monotonic()
        self._began = time.monotonic_ns()
        self._written = 0
        self.stopped = False
        self._selector = selectors.DefaultSelector()
        if pty is not None:
            self._selector.register(pty.fileno(), selectors.EVENT_READ, self._from_pty)
        for front, accepted in ((tcp, self._tcp_knock), (side, self._side_knock)):
            if front is not None:
                self._selector.register(front.server, selectors.EVENT_READ, accepted)
        if until_parent:
            self._selector.register(_STDIN, selectors.EVENT_READ, self._from_parent)

    def now_us(self) -> int:
        """The device's clock."""
        return (time.monotonic_ns() - self._began) // 1000

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
        self._monitor.flush()

    def _alone(self) -> bool:
        if self._tcp is not None and self._tcp.client is not None:
            self._alone_since = time.monotonic()
        return time.monotonic() - self._alone_since > ORPHAN_S

    def _from_parent(self) -> None:
        if not os.read(_STDIN, 4096):
            self._selector.unregister(_STDIN)
            self._orphan = True
            self._alone_since = time.monotonic()

    def _from_pty(self) -> None:
        if self._pty is not None and (data := self._pty.read()):
            self._device.receive(data, self.now_us())
            self._answer()

    def _answer(self) -> None:
        for frame in self._device.data_to_send():
            if self._tcp is not None and self._tcp.client is not None:
                self._tcp.write(frame)
            elif self._pty is not None:
                self._pty.write(frame)

    def _tcp_knock(self) -> None:
        front = self._tcp
        if front is None:
            return
        before = front.client
        if front.accept() and front.client is not None:
            if before is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(before.sock)
            self._selector.register(front.client.sock, selectors.EVENT_READ, self._from_tcp)

    def _from_tcp(self) -> None:
        front = self._tcp
        if front is None or front.client is None:
            return
        data = front.read()
        if data is None:
            self._selector.unregister(front.client.sock)
            front.drop()
            self._alone_since = time.monotonic()
        elif data:
            self._device.receive(data, self.now_us())
            self._answer()

    def _side_knock(self) -> None:
        front = self._side
        if front is not None and front.accept() and front.client is not None:
            self._side_tail = b""
            self._selector.register(front.client.sock, selectors.EVENT_READ, self._from_side)

    def _from_side(self) -> None:
        front = self._side
        if front is None or front.client is None:
            return
        data = front.read()
        if data is None:
            self._selector.unregister(front.client.sock)
            front.drop()
            return
        *lines, self._side_tail = (self._side_tail + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
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
        for front in (self._pty, self._tcp, self._side):
            if front is not None:
                front.close()
        self._selector.close()
