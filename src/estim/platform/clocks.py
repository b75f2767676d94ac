"""Two clocks: one for intervals, and one that also counts the time that the machine slept.

Linux: `monotonic` stands still during suspend, CLOCK_BOOTTIME goes on. macOS: the same with CLOCK_MONOTONIC_RAW, which
there goes on during sleep. Windows: `perf_counter` counts sleep itself and is fine-grained, where `monotonic` moves in
steps of 15.6 ms before Python 3.13; it serves as both.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both in nanoseconds from an unknown beginning.

    Attributes:
        now_ns: for intervals; never goes back.
        awake_or_not_ns: the same, and it goes on while the machine is suspended.
    """

    now_ns: Callable[[], int]
    awake_or_not_ns: Callable[[], int]


def clocks_of(system: str, source: Any) -> Clocks:
    """The clocks of a system.

    Args:
        system: as `sys.platform` names it.
        source: the module `time`, or what stands for it.
    """
    if system == "win32":
        return Clocks(source.perf_counter_ns, source.perf_counter_ns)
    name = "CLOCK_MONOTONIC_RAW" if system == "darwin" else "CLOCK_BOOTTIME"
    clock = getattr(source, name, None)
    if clock is None:  # a system that is neither: nothing tells its sleep
        return Clocks(source.monotonic_ns, source.monotonic_ns)
    return Clocks(source.monotonic_ns, lambda: int(source.clock_gettime_ns(clock)))


CLOCKS = clocks_of(sys.platform, time)


def now_s() -> float:
    """Seconds for intervals."""
    return CLOCKS.now_ns() / 1e9


def boot_us() -> int:
    """Time since boot with sleep counted, where the system has such a clock."""
    return CLOCKS.awake_or_not_ns() // 1_000
