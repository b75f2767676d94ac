"""When the patient is asked how it feels: every 5 minutes of therapy, and after each rise. Pure."""

from __future__ import annotations

from estim.session.snapshot import Snapshot

EVERY_US = 5 * 60 * 1_000_000  # convention: often enough to plot against mA, seldom enough not to nag
PAIN_FROM = 7  # of 10: at or above it current goes down at once
AFTER_RISE_US = 5_000_000  # convention: let the new level be felt before it is asked about


class ComfortClock:
    """Knows when it was asked last, and at which levels."""

    def __init__(self) -> None:
        self._asked_us = 0
        self._levels: dict[int, int] = {}
        self._risen_us: int | None = None
        self.said: int | None = None
        self.said_us = 0

    def due(self, snapshot: Snapshot) -> str:
        """`schedule` | `raised`, or "" while nothing need be asked."""
        levels = {view.channel: view.level_ua for view in snapshot.channels}
        if not self._levels:
            self._levels = levels
        if any(level > self._levels.get(channel, level) for channel, level in levels.items()):
            if self._risen_us is None:
                self._risen_us = snapshot.now_us
        else:
            self._risen_us = None
        if snapshot.elapsed_us - self._asked_us > EVERY_US:
            return "schedule"
        if self._risen_us is not None and snapshot.now_us - self._risen_us >= AFTER_RISE_US:
            return "raised"
        return ""

    def hurts(self, snapshot: Snapshot) -> bool:
        """The last answer was a pain, and nothing has gone down since."""
        if self.said is None or self.said < PAIN_FROM:
            return False
        levels = [(view.level_ua, self._levels.get(view.channel, 0)) for view in snapshot.channels]
        return any(level for level, _ in levels) and all(level >= then for level, then in levels)

    def asked(self, snapshot: Snapshot | None, value: int | None = None) -> None:
        """It was answered."""
        self.said = value
        if snapshot is not None:
            self.said_us = snapshot.now_us
            self._asked_us = snapshot.elapsed_us
            self._levels = {view.channel: view.level_ua for view in snapshot.channels}
            self._risen_us = None
