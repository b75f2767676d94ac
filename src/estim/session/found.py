"""What was found on each channel of one person today: levels and marks, at their rate and width. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from estim.safety.schedule import Window

MARKS = ("sensory", "motor", "max-tolerated", "no-twitch", "twitch")


@dataclass(frozen=True, slots=True)
class FoundLevel:
    """One channel's levels of today, found by titration on these pads at this rate and width."""

    level_ua: int = 0
    sensory_ua: int | None = None
    motor_ua: int | None = None
    motor_at_us: int | None = None
    max_tolerated_ua: int | None = None
    frequency_mhz: int = 0
    pulse_width_us: int = 0


class FoundLevels:
    """Channel name → what was found."""

    def __init__(self) -> None:
        self._found: dict[str, FoundLevel] = {}
        self._twitch_ua: dict[str, int] = {}  # seen in the low-rate test, never played again

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def names(self) -> list[str]:
        """Channels of which something is known."""
        return list(self._found)

    def get(self, name: str) -> FoundLevel | None:
        """What is known of a channel; None: nothing."""
        return self._found.get(name)

    def twitch_ua(self, name: str) -> int | None:
        """Where the low-rate test showed a twitch."""
        return self._twitch_ua.get(name)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those whose level is not known: a lost pad, a long pause or a fault took it away."""
        return [name for name in names if name not in self._found]

    def note_level(self, name: str, level_ua: int, titrated: Window | None) -> None:
        """Keep the level that is played now; while levels are found, with the rate and width that it belongs to."""
        found = replace(self._found.get(name, FoundLevel()), level_ua=level_ua)
        if titrated is not None:
            found = replace(found, frequency_mhz=titrated.frequency_mhz, pulse_width_us=titrated.pulse_width_us)
        self._found[name] = found

    def mark(self, name: str, kind: str, level_ua: int, now_us: int) -> None:
        """One of the marks of `MARKS`."""
        if kind == "twitch":
            self._twitch_ua[name] = level_ua
            return
        found = self._found.get(name, FoundLevel())
        if kind == "sensory":
            found = replace(found, sensory_ua=level_ua)
        elif kind == "max-tolerated":
            found = replace(found, max_tolerated_ua=level_ua)
        else:  # motor, or no twitch up to here: marks here (L26)
            found = replace(found, motor_ua=level_ua, motor_at_us=now_us)
        self._found[name] = found

    def lose(self, names: Iterable[str]) -> None:
        """Their pads came off: levels and twitches are found again."""
        for name in names:
            self._found.pop(name, None)
            self._twitch_ua.pop(name, None)

    def lose_levels(self) -> None:
        """A fault, or a pause longer than 60 s: what was tolerated before is found again."""
        self._found.clear()

    def lose_all(self) -> None:
        """Other pads than before."""
        self._found.clear()
        self._twitch_ua.clear()
