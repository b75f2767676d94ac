"""`socket://host:port`: our own link over TCP. pyserial's can't tell how much waits and ignores `exclusive`."""

from __future__ import annotations

import select
import socket

from estim.safety.errors import LinkLost

CONNECT_S = 1.0
WRITE_S = 0.2


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
        except OSError as error:
            raise LinkLost(f"{host}:{port} does not answer: {error.strerror or error}") from None

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
        """All of `data`; waits at most 0.2 s for room."""
        view = memoryview(data)
        try:
            while view:
                if not select.select((), (self._socket,), (), WRITE_S)[1]:
                    raise LinkLost(f"the other side takes no bytes for {WRITE_S:g} s")
                view = view[self._socket.send(view) :]
        except (OSError, ValueError) as error:
            raise LinkLost(f"writing failed: {error}") from None

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the connection back."""
        self._socket.close()
