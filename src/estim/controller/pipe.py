"""Both ends of the pipe, non-blocking: lines in, lines out, and snapshots that may be dropped."""

from __future__ import annotations

import os
from collections import deque

QUEUE_MAX = 512


class LineReader:
    """Lines from a non-blocking file descriptor."""

    def __init__(self, fd: int, *, line_max: int) -> None:
        self._fd = fd
        self._line_max = line_max
        self._tail = b""
        self.ended = False
        os.set_blocking(fd, False)

    def lines(self) -> list[bytes]:
        """Complete lines that have come; `ended` is set at end of file."""
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return []
        except OSError:
            self.ended = True
            return []
        if not data:
            self.ended = True
            return []
        *lines, self._tail = (self._tail + data).split(b"\n")
        if len(self._tail) > self._line_max:
            self._tail = b""
        return [line for line in lines if line]


class LineWriter:
    """Lines to a non-blocking file descriptor: answers wait their turn in a bounded queue, a snapshot overwrites the
    last.

    A reader that is slow or gone never makes the writer wait.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._queue: deque[bytes] = deque(maxlen=QUEUE_MAX)
        self._slot: bytes | None = None
        self._going = b""
        self.broken = False
        os.set_blocking(fd, False)

    def put(self, line: bytes) -> None:
        """A line that should arrive."""
        self._queue.append(line)
        self.flush()

    def put_latest(self, line: bytes) -> None:
        """A line that replaces the one before it, if that has not left yet."""
        self._slot = line
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes."""
        while not self.broken:
            if not self._going:
                if self._queue:
                    self._going = self._queue.popleft()
                elif self._slot is not None:
                    self._going, self._slot = self._slot, None
                else:
                    return
            try:
                sent = os.write(self._fd, self._going)
            except BlockingIOError:
                return
            except OSError:
                self.broken = True
                return
            self._going = self._going[sent:]
