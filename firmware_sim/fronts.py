"""The sockets of a simulated stimulator: a pseudo-terminal that looks like a serial port, and a loopback TCP port."""

from __future__ import annotations

import contextlib
import os
import socket
import termios
import tty
from dataclasses import dataclass, field
from pathlib import Path

from firmware_sim.openers import Openers

PENDING_MAX = 1 << 20  # a peer that reads nothing loses what comes after this


@dataclass(slots=True)
class _Client:
    """A connected peer and what could not be written to it yet."""

    sock: socket.socket
    pending: bytearray = field(default_factory=bytearray)


class PtyFront:
    """A pseudo-terminal with a link to it under a name of one's choice."""

    def __init__(self, link: str) -> None:
        self._master, self._slave = os.openpty()  # the slave stays open, so that clients can come and go
        tty.setraw(self._slave)
        self._raw = termios.tcgetattr(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self.openers = Openers(self.name)
        self.link = Path(link) if link else None
        if self.link is not None:
            if self.link.exists() and not self.link.is_symlink():
                raise ValueError(f"--pty {link}: there is a file of this name; the link would replace it")
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self.name)

    def fileno(self) -> int:
        """The master."""
        return self._master

    def cure(self) -> None:
        """Settings back to raw once the last client has left; while one has the port open they are its own.

        A pty never takes parity, and tcsetattr fails with EINVAL where parity is all that it has left to change: so the
        second identical open with even parity would fail.
        """
        if self.openers.left():
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._master, termios.TCSANOW, self._raw)

    def read(self) -> bytes:
        """What a client wrote."""
        try:
            return os.read(self._master, 65536)
        except OSError:
            return b""

    def write(self, frame: bytes) -> None:
        """One frame in one piece; dropped if nobody reads, as a UART drops."""
        with contextlib.suppress(OSError):
            os.write(self._master, frame)

    def close(self) -> None:
        """Remove the link and hang up on whoever has it open."""
        if self.link is not None:
            self.link.unlink(missing_ok=True)
        self.openers.close()
        os.close(self._master)
        os.close(self._slave)


class TcpFront:
    """A port that serves one client at a time, as a serial port does; a second is refused while the first is there."""

    def __init__(self, port: int) -> None:
        self.server = socket.create_server(("127.0.0.1", port))
        self.server.setblocking(False)  # noqa: FBT003
        self.client: _Client | None = None
        self.closed = False  # nobody is let in: the cable is out

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server.getsockname()[:2]
        return f"socket://{host}:{port}"

    def accept(self) -> bool:
        """Take or refuse who knocks; True if there is a new client."""
        try:
            sock, _ = self.server.accept()
        except OSError:
            return False
        if self.closed or (self.client is not None and not self._gone(self.client)):
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
        """A frame; what does not go at once goes in a later turn."""
        if self.client is not None:
            if len(self.client.pending) <= PENDING_MAX:
                self.client.pending += frame
            self.flush()

    def flush(self) -> bool:
        """What waits goes out as far as it can; True if some is left. A broken client is noticed when it is read."""
        if self.client is None or not self.client.pending:
            return False
        try:
            sent = self.client.sock.send(self.client.pending)
        except BlockingIOError:
            return True
        except OSError:
            self.client.pending.clear()
            return False
        del self.client.pending[:sent]
        return bool(self.client.pending)

    def drop(self) -> None:
        """The client is gone."""
        if self.client is not None:
            self.client.sock.close()
            self.client = None

    def close(self) -> None:
        """Stop listening."""
        self.drop()
        self.server.close()
