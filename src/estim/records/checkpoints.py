"""When a record is signed: after a segment's first line, each minute, at each stop, and after many lines. Pure.

What lies behind the last signature of a record that broke off is only chained, so these are never far apart. The seal
signs the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

from estim.record_lines import events as lines

EVERY_US = 60_000_000  # each minute: docs/decisions/record.md
EVERY_LINES = 1_000
_STOPS = frozenset({"PAUSED", "STOPPING", "FAULT"})


class CheckpointClock:
    """Told of each line; says when the next signature is due.

    Signing (some 0.1 ms) is left to the writer's `poll`, which comes after the turn's bytes are on their way: a stop
    never waits for it.
    """

    def __init__(self) -> None:
        self._due = True
        self._lines = 0
        self._signed_us: int | None = None

    def saw(self, kind: str, fields: Mapping[str, object], t_us: int) -> None:
        """A line was added."""
        self._lines += 1
        if self._signed_us is None:
            self._signed_us = t_us
        if kind == lines.PhaseTurn.KIND and fields.get("after") in _STOPS:
            self._due = True

    @property
    def overdue(self) -> bool:
        """So many lines that the next one must not wait for a poll."""
        return self._lines >= EVERY_LINES

    def due(self, now_us: int) -> bool:
        """A signature is due and there is something to sign."""
        if not self._lines or self._signed_us is None:
            return False
        return self._due or self._lines >= EVERY_LINES or now_us - self._signed_us >= EVERY_US

    def signed(self, t_us: int) -> None:
        """It was made."""
        self._due, self._lines, self._signed_us = False, 0, t_us
