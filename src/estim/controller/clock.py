"""The controller's clock: microseconds since it started, and whether the process slept in between."""

from __future__ import annotations

import time

JUMP_US = 250_000


class SessionClock:
    """Monotonic time for the session; a second clock that also counts suspend shows when the machine slept."""

    def __init__(self) -> None:
        self._began = time.monotonic_ns()
        self._boot_offset = self._boot_ns() - self._began

    def now_us(self) -> int:
        """Since the start."""
        return (time.monotonic_ns() - self._began) // 1000

    def slept_us(self) -> int:
        """By how much both clocks went apart since the last call: time that the machine was suspended."""
        offset = self._boot_ns() - time.monotonic_ns()
        slept, self._boot_offset = offset - self._boot_offset, offset
        return max(0, slept // 1000)

    @staticmethod
    def _boot_ns() -> int:
        clock = getattr(
            time, "CLOCK_BOOTTIME", None
        )  # Linux; elsewhere monotonic already counts suspend or nothing does
        return time.clock_gettime_ns(clock) if clock is not None else time.monotonic_ns()
