"""Where a session's lines go: the real writer and the simulated one look the same to the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """How far the record is on the disk.

    Attributes:
        durable_n: number of the last line that is durable, -1 for none.
        oldest_pending_since_us: session time at which the oldest line that is not durable was appended; None if all
            are.
        failed: why the record can't be written any more; None while it can.
        ended: it was sealed, or given up; the sink's heads say which.
    """

    durable_n: int
    oldest_pending_since_us: int | None
    failed: str | None
    ended: bool = False


class RecordSink(Protocol):
    """An open record."""

    path: str
    head: str  # SHA-256 of the seal as hex, "" until it is on the disk
    word_head: str  # the same for people

    def append(self, kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:
        """Add a line; gives its number. Never waits. `durable` asks for the disk at once instead of within 200 ms."""

    def poll(self, now_us: int) -> WriterStatus:
        """How far it is."""

    def seal(self, now_us: int) -> None:
        """Write the last line and close. Never waits: `poll` says when it has `ended`."""
