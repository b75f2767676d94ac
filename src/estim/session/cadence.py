"""How fast a crank turns, from the angles that are told: what its windows lead by. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

LEAST_RPM = 15  # below this no lead: a slow crank may stop anywhere, and its windows then stay where the file has them
BACK_DEG = 5  # so much backwards is a reversed crank; less is play of the sensor
UNCLEAR_DEG = 60  # between two angles: more is no proof of a direction
_US_PER_MIN = 60_000_000


@dataclass(slots=True)
class Cadence:
    """Angles as they come.

    Attributes:
        reversed: it turns backwards: no window is meant for that.
    """

    reversed: bool = False
    _turned_deg: int = 0  # since the first angle, forwards
    _back_deg: int = 0  # backwards since it last went on
    _last: tuple[int, int] | None = None  # angle, time
    _seen: deque[tuple[int, int]] = field(default_factory=deque)  # (degrees turned, time) of the last turn

    def see(self, deg: int, now_us: int) -> None:
        """The crank stands at `deg`."""
        if self._last is None:
            self._last = (deg, now_us)
            self._seen.append((0, now_us))
            return
        step = (deg - self._last[0] + 180) % 360 - 180
        self._last = (deg, now_us)
        if step < -UNCLEAR_DEG:  # it may as well have gone most of a turn forwards
            step += 360
        if step < 0:
            self._back_deg -= step
            self.reversed = self.reversed or self._back_deg >= BACK_DEG
            if self.reversed:
                self._seen.clear()
            return
        if step > 0:
            self._back_deg = max(0, self._back_deg - step)
            self.reversed = self.reversed and self._back_deg > 0
        self._turned_deg += step
        self._seen.append((self._turned_deg, now_us))
        while len(self._seen) > 2 and self._turned_deg - self._seen[1][0] >= 360:
            self._seen.popleft()

    def rpm(self) -> int:
        """Turns a minute over the last turn; 0 where none was seen whole."""
        if len(self._seen) < 2:
            return 0
        (first_deg, first_us), (last_deg, last_us) = self._seen[0], self._seen[-1]
        if last_deg - first_deg < 360 or last_us <= first_us:
            return 0
        return (last_deg - first_deg) * _US_PER_MIN // (360 * (last_us - first_us))

    def lead_deg(self, lead_us: int, limit_deg: int) -> int:
        """Degrees that pass in `lead_us`, at most `limit_deg`."""
        rpm = self.rpm()
        return 0 if rpm < LEAST_RPM or self.reversed else min(limit_deg, rpm * 6 * lead_us // 1_000_000)
