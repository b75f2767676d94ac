"""The therapy clock: time RUNNING of one treatment, pauses left out, over stops and starts. Pure."""

from __future__ import annotations


class TherapyClock:
    """How long a therapy has run."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._before_us = 0

    def go(self, now_us: int) -> None:
        """It runs from now on."""
        self._since_us = now_us

    def halt(self, now_us: int, *, counts: bool) -> None:
        """It stands; `counts`: it was therapy (finding a lost level again in the middle of it is none)."""
        if self._since_us is not None and counts:
            self._before_us += now_us - self._since_us
        self._since_us = None

    def reset(self) -> None:
        """Another therapy."""
        self._before_us = 0

    def elapsed_us(self, now_us: int) -> int:
        """Time so far."""
        return self._before_us + (now_us - self._since_us if self._since_us is not None else 0)
