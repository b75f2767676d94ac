"""The sockets of a simulated stimulator: a loopback TCP port that serves one client at a time."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

PENDING_MAX = 1 << 20  # a peer that reads nothing loses what comes after this


@dataclass(slots=True)
class _Client:
    """A connected peer and what could not be written to it yet."""

    sock: socket.socket
    pending: bytearray = field(default_factory=bytearray)


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
