"""Stretches of output, and how many pulses lie between two uncertain moments. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Stretch:
    """One channel's output at one amplitude: when it began, earliest and latest."""

    low_ua: int
    high_ua: int
    width_us: int
    period_us: int
    burst: int  # pulses at the place of one now, and in the plain train around it
    base: int
    from_us: tuple[int, int]
    run_from_us: tuple[int, int]  # of the whole run without a rest: pulses go on through changes of amplitude
    lists: tuple[int, int] | None = None  # that the device had played before it, where it counts them
    floor_ua: int = 0  # the lowest of the run so far
    shown_us: tuple[int, int] | None = None  # the first and the last time at which the device's status showed this run

    @property
    def shown(self) -> int:
        """Pulses between two looks at the same run."""
        if self.shown_us is None:
            return 0
        return (self.shown_us[1] - self.shown_us[0]) // self.period_us * self.base

    @property
    def shown_pc(self) -> int:
        """Their charge, each as low as any that was commanded in the run."""
        return self.shown * self.floor_ua * self.width_us


@dataclass(slots=True)
class Sum:
    """What stretches that are over gave one channel in one purpose, at least and at most."""

    shown: int = 0
    shown_pc: int = 0
    pulses: list[int] = field(default_factory=lambda: [0, 0])
    charge_pc: list[int] = field(default_factory=lambda: [0, 0])


def between(begin_us: tuple[int, int], end_us: tuple[int, int], period_us: int) -> tuple[int, int]:
    """Fewest and most pulses of one period between an earliest and latest beginning and end."""
    shortest, longest = max(0, end_us[0] - begin_us[1]), max(0, end_us[1] - begin_us[0])
    return shortest // period_us, longest // period_us + 1
