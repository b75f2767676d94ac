"""Raising by hand: one step a press, where a held key ends, the lock after idle seconds. Pure but for requests.

Nothing raises by itself and nothing is queued: each step is one key event that came while a step was allowed. Another
day's level is a mark to slow down at: a held key ends 5 % below it, single presses pass it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from estim.session.snapshot import ChannelView, Snapshot

HELD_S = 0.4  # repeats come faster than that; whoever pauses for longer has let go
SHORT_OF_MARK_PERCENT = 95
IDLE_US = 10_000_000  # between the 4 s of the Odstock and the 20 s of the Empi Continuum (docs/decisions/session.md 17)


@dataclass(slots=True)
class Held:
    """The + key of one channel's raising."""

    last_s: float = float("-inf")
    ended: str = ""  # why this hold raises no more, till the key is let go
    alarms: frozenset[str] = field(default_factory=frozenset)

    def press(self, now_s: float, snapshot: Snapshot, view: ChannelView, mark_ua: int, step_ua: int = 1000) -> str:
        """A press or repeat came; "" where it may ask for a step, else why it does nothing."""
        held = now_s - self.last_s < HELD_S
        self.last_s = now_s
        standing = frozenset(alarm.code for alarm in snapshot.alarms if alarm.calls)
        if not held:
            self.ended, self.alarms = "", standing
            return ""
        if not self.ended:
            if standing - self.alarms:
                self.ended = "alarm"
            elif (
                mark_ua
                and view.level_ua < mark_ua
                and (view.level_ua + step_ua) * 100 > mark_ua * SHORT_OF_MARK_PERCENT
            ):
                self.ended = "mark"
        return self.ended

    def other_key(self) -> None:
        """Another key was pressed: the hold is over."""
        self.ended = self.ended or "other"


class RaiseLock:
    """Raising locks itself after some idle seconds, for all channels, so that a sleeve on a key raises nothing.

    The clock runs only while a raise would be possible (docs/decisions/session.md 17): with 45 s of rest between
    contractions it would else be locked at each of them. Lowering never locks.
    """

    def __init__(self) -> None:
        self.locked = False
        self._idle_us = 0
        self._seen_us: int | None = None

    def observe(self, now_us: int, *, possible: bool) -> None:
        """Time passed; `possible`: a raise would be accepted now."""
        if possible and self._seen_us is not None:
            self._idle_us += max(0, now_us - self._seen_us)
        self._seen_us = now_us if possible else None
        self.locked = self.locked or self._idle_us >= IDLE_US

    def touch(self) -> None:
        """A hand is there on purpose: a channel was chosen, something was lowered, a raise went through."""
        self.locked = False
        self._idle_us = 0
