"""Both ends of a pipe in lines: lines in, lines out, and snapshots that may be dropped. Nothing here waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from estim.platform.waiting import ByteSource, Sink

Found = TypeVar("Found")
QUEUE_MAX = 512

OVERLAP = 64  # of an over-long line stay for the next piece, so that a word across the cut is found


class LineReader:
    """Lines from a source. One that is longer than `line_max` comes in pieces that are no lines of anybody.

    Attributes:
        tail: half a line, whose end has not come yet.
    """

    def __init__(self, source: ByteSource, *, line_max: int) -> None:
        self.source = source
        self._line_max = line_max
        self.tail = b""
        self._half_told = False

    @property
    def ended(self) -> bool:
        """End of file, and every line before it was given; what came after the last one is in `tail`."""
        return self.source.ended

    def lines(self) -> list[bytes]:
        """Complete lines that have come."""
        *lines, self.tail = (self.tail + self.source.read()).split(b"\n")
        if len(self.tail) > self._line_max:
            lines.append(self.tail)
            self.tail = self.tail[-OVERLAP:]
        if lines:
            self._half_told = False
        return [line for line in lines if line]

    def in_half(self, look: Callable[[bytes], Found | None]) -> Found | None:
        """What is found in the half line that waits, once for each half line; None for nothing, or nothing new."""
        found = None if self._half_told else look(self.tail)
        self._half_told = self._half_told or found is not None
        return found


class LineWriter:
    """Lines to a sink: answers wait their turn in a bounded queue, a snapshot overwrites the last.

    A reader that is slow or gone never makes the writer wait.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: deque[bytes] = deque(maxlen=QUEUE_MAX)
        self._slot: bytes | None = None
        self._going = b""

    @property
    def broken(self) -> bool:
        """The other end is gone."""
        return self._sink.broken

    @property
    def waits(self) -> bool:
        """Something has not left yet."""
        return bool(self._going or self._queue or self._slot)

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
            sent = self._sink.offer(self._going)
            if not sent:
                return
            self._going = self._going[sent:]
