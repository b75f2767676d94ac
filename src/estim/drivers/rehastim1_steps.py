"""Commands of the RehaStim 1's driver on their way, and an off that was not answered yet. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from estim.drivers.base import OFF_REPEAT_US
from estim.drivers.sciencemode1 import UPDATE_KIND
from estim.safety.reports import ListsPlayed, Noise

OFF_NUMBERS_MAX = 64
STALE_US = 2_000_000  # an answer that is later than this does not come any more
NOBODY = (
    "no answer: is it switched on, is ScienceMode open on its panel (start window, first and third key of the lower"
    " line, ScienceMode, OK), is the cable in?"
)
PLAYED = (
    "it answered to a single pulse, which is never asked for: wrong bits on the cable made one of a command, and it may"
    " have played a pulse of any height: a shorter cable, no extension"
)
HIGHEST_PC = 127_000 * 500  # of a pulse that nobody asked for: as high and as wide as the wire can say
TRIPLET = 3  # the most that one update plays on a channel


def played() -> Noise:
    """An answer to a single pulse, which is never asked for."""
    return Noise(count=1, text=PLAYED, pulses_most=1, charge_most_pc=HIGHEST_PC)


def unasked(kind: int, *, ok: bool) -> Noise:
    """Another answer to nothing that was asked; an update that was obeyed played, whoever made it."""
    pulses = TRIPLET if ok and kind == UPDATE_KIND else 0
    text = f"an answer {kind << 6 | ok:02X} to nothing that was asked"
    return Noise(count=1, text=text, pulses_most=pulses, charge_most_pc=pulses * HIGHEST_PC)


@dataclass(frozen=True, slots=True)
class Step:
    """A command for the wire, what it is for, its kind, and the number of the submitted command that it serves."""

    why: str
    data: bytes
    kind: int
    seq: int = 0


class ListsSent:
    """Updates that were answered, and answers to none that was asked."""

    def __init__(self) -> None:
        self.played = self.strays = 0

    def heard(self, flying: Step | None) -> None:
        """An update was answered while this was in flight; the answer to the last one before an off is a stray."""
        self.strays += flying is None or flying.kind != UPDATE_KIND

    @property
    def told(self) -> ListsPlayed:
        """For a report."""
        return ListsPlayed(least=self.played, most=self.played + self.strays)


class StopsSent:
    """When stops went out whose answers are on their way."""

    def __init__(self) -> None:
        self._sent_us: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._sent_us)

    def sent(self, now_us: int) -> None:
        """One more."""
        self._sent_us.append(now_us)

    def answered(self) -> None:
        """The oldest was, if there is one."""
        if self._sent_us:
            self._sent_us.popleft()

    def forget(self, now_us: int) -> None:
        """What is too old is not answered any more."""
        while self._sent_us and now_us - self._sent_us[0] > STALE_US:
            self._sent_us.popleft()

    def clear(self) -> None:
        """All were answered."""
        self._sent_us.clear()


class PendingOff:
    """An off that was not answered yet.

    Args:
        awaits: answers to a stop that must come: those still on their way, and one more.

    Attributes:
        numbers: commands that it stands for.
        due_us: when the stop goes out again.
        asks: 1 while the answer to the question for a list is awaited, 2 after it or where none came.
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
        """The stop goes out again. A device that still has a list waits for the rest of the question: no answer means
        one more stop, which drops that as well.
        """
        if now_us < self.due_us:
            return False
        self.due_us = now_us + OFF_REPEAT_US
        self.asks = 2 if self.asks == 1 else self.asks
        return True

    def stopped(self) -> bool:
        """A stop was answered; True if that was one of this off's own."""
        self._awaits -= 1
        return self._awaits <= 0

    def ask(self, until_us: int) -> None:
        """The question goes out; its answer is waited for until then."""
        self.asks, self.due_us = 1, until_us

    def again(self, on_their_way: int, now_us: int) -> None:
        """The list is still there: one more stop."""
        self._awaits, self.due_us = on_their_way + 1, now_us + OFF_REPEAT_US
