"""When the patient is asked how it feels: every 5 minutes of therapy, and after each rise; and what was felt. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from estim.session.snapshot import Snapshot
from estim.session.state import Cycle

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


class Hurting:
    """From which current on a channel was said to hurt; told again of as much or more, and of less pain, it is over."""

    def __init__(self) -> None:
        self._from_ua: dict[int, int] = {}

    def said(self, value: int, felt_ua: Mapping[str, int]) -> None:
        """`felt_ua` as `Felt.highest_ua` has it: which of several channels it was, nobody knows."""
        for channel, current_ua in ((int(name), ua) for name, ua in felt_ua.items() if ua):
            from_ua = self._from_ua.get(channel)
            if value >= PAIN_FROM:
                self._from_ua[channel] = min(current_ua, from_ua or current_ua)
            elif from_ua is not None and current_ua >= from_ua:
                del self._from_ua[channel]

    def at(self, channel: int, level_ua: int) -> int:
        """The current that hurt, where this level is as high; 0 where it is lower or nothing was said."""
        from_ua = self._from_ua.get(channel, 0)
        return from_ua if from_ua and level_ua >= from_ua else 0

    def from_ua(self, channel: int) -> int:
        """The least that was said to hurt there; 0 for nothing."""
        return self._from_ua.get(channel, 0)

    def forget(self, channel: int | None = None) -> None:
        """Other pads, or another treatment: what was felt was felt elsewhere."""
        if channel is None:
            self._from_ua.clear()
        else:
            self._from_ua.pop(channel, None)


class Felt:
    """Which current an answer is about: the highest of the contraction that plays or, between two, of the last one.

    A new contraction counts once it is held: asked while it still rises, people speak of the one before. Whatever is
    lowered while it is held counts from there on as low as it is.
    """

    def __init__(self) -> None:
        self._highest_ua: dict[int, int] = {}
        self._held: set[int] = set()
        self._level_ua: dict[int, int] = {}

    @property
    def highest_ua(self) -> dict[str, int]:
        """Device channel, as the record writes it → its current; channels that had none are not in it."""
        return {str(channel): highest_ua for channel, highest_ua in self._highest_ua.items()}

    def observe(self, snapshot: Snapshot) -> None:
        """One more look at what plays."""
        for view in snapshot.channels:
            if not view.sent_ua:
                self._held.discard(view.channel)
                continue
            held = view.cycle is Cycle.HOLD
            fell = view.level_ua < self._level_ua.get(view.channel, 0)
            begins = held and (fell or view.channel not in self._held)
            before_ua = 0 if begins else self._highest_ua.get(view.channel, 0)
            sent_ua = min(view.sent_ua, view.level_ua) if held else view.sent_ua  # a fall is on its way
            self._highest_ua[view.channel] = max(before_ua, sent_ua)
            self._level_ua[view.channel] = view.level_ua
            if held:
                self._held.add(view.channel)
