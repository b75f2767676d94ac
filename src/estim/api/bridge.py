"""What a script's own sensors say, on the way that any bridge to sensors takes: the side channel's JSON lines."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping

OUT_MAX = 1 << 16


class Bridge:
    """A loopback port that the controller connects to. Never waits; what it can not take in time is left out."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)  # noqa: FBT003
        self._taken: socket.socket | None = None
        self._out = b""
        self.url = f"socket://127.0.0.1:{self._listening.getsockname()[1]}"

    def say(self, message: Mapping[str, object]) -> None:
        """One line to the controller."""
        if self._taken is None:
            with contextlib.suppress(BlockingIOError):
                self._taken, _ = self._listening.accept()
                self._taken.setblocking(False)  # noqa: FBT003
                self._taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = json.dumps(message).encode("utf-8") + b"\n"
        if len(self._out) + len(line) <= OUT_MAX:
            self._out += line
        if self._taken is not None:
            with contextlib.suppress(OSError):
                self._out = self._out[self._taken.send(self._out) :]

    def close(self) -> None:
        """Gone: a phase that waits for this sensor begins nothing any more."""
        for each in (self._taken, self._listening):
            if each is not None:
                each.close()
