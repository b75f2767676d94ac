"""Why a turn was late, for the log: did this thread work, wait for the disk's pages, or was the processor taken away.

A late turn ends output whatever its reason (L23). Whoever reads the log wants to know it: a machine that is too busy,
memory that is too small, or a fault of ours.
"""

from __future__ import annotations

import sys
import time

if sys.platform != "win32":
    import resource


class HeldUp:
    """What the calling thread has used so far; `since` says how much of it came since the last `look`."""

    def __init__(self) -> None:
        self._last = _used()

    def look(self) -> None:
        """From now on."""
        self._last = _used()

    def since(self, late_us: int) -> str:
        """One line on the time since the last `look`, of which `late_us` is the length."""
        worked_ns, pages, aside = (now - then for now, then in zip(_used(), self._last, strict=True))
        counted = f", {pages} pages from the disk, put aside {aside} times" if sys.platform == "linux" else ""
        return f"held up for {late_us // 1_000} ms: {worked_ns // 1_000_000} ms of work{counted}"


def _used() -> tuple[int, int, int]:
    """Processor time in ns, page faults that needed the disk, how often another one was given the processor."""
    worked_ns = time.thread_time_ns()
    if sys.platform != "linux":
        return worked_ns, 0, 0
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return worked_ns, used.ru_majflt, used.ru_nivcsw
