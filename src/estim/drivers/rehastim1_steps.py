"""Commands of the RehaStim 1's driver on their way, and an off that was not answered yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from estim.drivers.base import OFF_REPEAT_US

OFF_NUMBERS_MAX = 64
NOBODY = (
    "no answer: is it switched on, is ScienceMode open on its panel (start window, first and third key of the lower"
    " line, ScienceMode, OK), is the cable in?"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command for the wire, what it is for, its kind, and the number of the submitted command that it serves."""

    why: str
    data: bytes
    kind: int
    seq: int = 0


class PendingOff:
    """An off that was not answered yet.

    Args:
        awaits: answers to a stop that must come: those still on their way, and one more.

    Attributes:
        numbers: commands that it stands for.
        due_us: when the stop goes out again.
        asks: 1 while the empty update is awaited, 2 after its answer.
    """

    def __init__(self, now_us: int, *, awaits: int) -> None:
        self.numbers: list[int] = []
        self.due_us = now_us + OFF_REPEAT_US
        self.asks = 0
        self._awaits = awaits

    def add(self, seq: int) -> None:
        """One more command that it stands for."""
        self.numbers = [*self.numbers[1 - OFF_NUMBERS_MAX :], seq]

    def is_due(self, now_us: int) -> bool:
        """The stop goes out again; an empty update that nobody answered is asked again after it."""
        if now_us < self.due_us:
            return False
        self.due_us = now_us + OFF_REPEAT_US
        self.asks = 0 if self.asks == 1 else self.asks
        return True

    def stopped(self) -> bool:
        """A stop was answered; True if that was one of this off's own."""
        self._awaits -= 1
        return self._awaits <= 0

    def ask(self, until_us: int) -> None:
        """An empty update goes out; it is waited for until then."""
        self.asks, self.due_us = 1, until_us

    def again(self, on_their_way: int, now_us: int) -> None:
        """The list is still there: one more stop."""
        self._awaits, self.due_us = on_their_way + 1, now_us + OFF_REPEAT_US
