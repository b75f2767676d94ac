"""`socket://host:port`: our own link over TCP. pyserial's can't tell how much waits and ignores `exclusive`."""

from __future__ import annotations

import select
import socket
import time

from estim.safety.errors import LinkLost

CONNECT_S = 1.0
WRITE_S = 0.2  # below the 250 ms that a turn of the loop may be late


class SocketLink:
    """A TCP connection to a device or its simulator.

    Raises:
        LinkLost: nobody answers there.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
            self._socket.setblocking(False)  # noqa: FBT003
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise LinkLost(f"{host}:{port} does not answer: {why}") from None

    def read(self) -> bytes:
        """What has come in."""
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LinkLost(f"reading failed: {error.strerror or error}") from None
        if not data:
            raise LinkLost("the other side closed the connection")
        return data

    def write(self, data: bytes) -> None:
        """All of `data`; waits at most 0.2 s in all for room."""
        rest = data[self.offer(data) :]
        until = time.monotonic() + WRITE_S
        while rest:
            try:
                ready = select.select((), (self._socket,), (), max(0.0, until - time.monotonic()))[1]
            except (OSError, ValueError) as error:
                raise LinkLost(f"writing failed: {getattr(error, 'strerror', None) or error}") from None
            if not ready:
                raise LinkLost(f"the other side takes no bytes for {WRITE_S:g} s")
            rest = rest[self.offer(rest) :]

    def offer(self, data: bytes) -> int:
        """As much of `data` as goes without waiting; gives how much that was.

        Raises:
            LinkLost: the connection is gone.
        """
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LinkLost(f"writing failed: {error.strerror or error}") from None

    def fileno(self) -> int:
        """For `select`; -1 once closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the connection back. May be called twice."""
        self._socket.close()
