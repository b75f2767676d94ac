"""When a press counts as a person's: not a paste, not a held key, not a bouncing one. Pure; times are arguments.

Keys that come together (in one read, or within `TOGETHER_S`) do nothing but may stop. A key that answers, confirms,
arms, starts, marks or chooses counts again only `AGAIN_S` after its last byte: keyboards begin to repeat after 0.25 to
0.66 s, and each repeat starts the wait anew. None of them counts before the question that it answers was painted.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

TOGETHER_S = 0.005
AGAIN_S = 0.7


class Kind(enum.Enum):
    """What a key may do, and so how carefully it is heard."""

    ACT = "act"  # answers, confirms, arms, starts, marks, chooses: one press, one act
    STEP = "step"  # one step up: each repeat of a held key is a press of its own
    MOVE = "move"  # moves a mark, opens help
    FREE = "free"  # text, lowering: never held back


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a key came, how many came with it in one read, and whether all of those were the same."""

    at_s: float
    together: int = 1
    alike: bool = True
    repeat: bool = False


class Judge:
    """Says whether a press counts."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}
        self._painted_s = float("-inf")
        self._waits = False

    def asked_anew(self) -> None:
        """Another question stands; nothing answers it before it was painted."""
        self._waits = True

    def painted(self, now_s: float) -> None:
        """What is asked now can be read."""
        if self._waits:
            self._waits, self._painted_s = False, now_s

    def refuses(self, key: str, kind: Kind, arrival: Arrival) -> str:
        """Why this press does nothing: `together` | `again` | `unseen`, or "" where it counts."""
        before_s = self._last_s.get(key, float("-inf"))
        self._last_s[key] = arrival.at_s
        if kind is Kind.FREE:
            return ""
        if arrival.together > 1 and not (kind is Kind.STEP and arrival.alike):
            return "together"
        if kind is not Kind.ACT:
            return ""
        if arrival.repeat or arrival.at_s - before_s < AGAIN_S:
            return "again"
        if self._waits or arrival.at_s < self._painted_s:
            return "unseen"
        return ""

    def counts_from_s(self, key: str) -> float:
        """From when a press of this key would count again."""
        return self._last_s.get(key, float("-inf")) + AGAIN_S

    def would_count(self, key: str, now_s: float) -> bool:
        """A press of this key now would count."""
        return not self._waits and now_s >= self.counts_from_s(key)
