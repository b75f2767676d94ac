"""The controller's clock: microseconds since it started, and whether the process slept in between."""

from __future__ import annotations

from estim.platform.clocks import CLOCKS, Clocks

JUMP_US = 250_000


class SessionClock:
    """Time for the session; a second clock that also counts suspend shows when the machine slept."""

    def __init__(self, clocks: Clocks = CLOCKS) -> None:
        self._clocks = clocks
        self._began_ns = clocks.now_ns()
        self._apart_ns = self._apart()

    def now_us(self) -> int:
        """Since the start."""
        return (self._clocks.now_ns() - self._began_ns) // 1000

    def slept_us(self) -> int:
        """By how much both clocks went apart since the last call: time that the machine was suspended."""
        apart_ns = self._apart()
        slept_ns, self._apart_ns = apart_ns - self._apart_ns, apart_ns
        return max(0, slept_ns // 1000)

    def _apart(self) -> int:
        return self._clocks.awake_or_not_ns() - self._clocks.now_ns()
