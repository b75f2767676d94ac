"""Raising locks itself after some idle seconds, so that a sleeve on a key raises nothing; lowering never locks. Pure.

The clock runs only while a raise would be possible (docs/decisions/session.md 17): with 45 s of rest between
contractions it would else be locked at each of them.
"""

from __future__ import annotations

IDLE_US = 10_000_000  # between the 4 s of the Odstock and the 20 s of the Empi Continuum (docs/decisions/session.md 17)


class RaiseLock:
    """One for all channels."""

    def __init__(self) -> None:
        self.locked = False
        self._idle_us = 0
        self._seen_us: int | None = None

    def observe(self, now_us: int, *, possible: bool) -> None:
        """Time passed; `possible`: a raise would be accepted now."""
        if possible and self._seen_us is not None:
            self._idle_us += max(0, now_us - self._seen_us)
        self._seen_us = now_us if possible else None
        self.locked = self.locked or self._idle_us >= IDLE_US

    def touch(self) -> None:
        """A hand is there on purpose: a channel was chosen, something was lowered, a raise went through."""
        self.locked = False
        self._idle_us = 0
