"""Contractions of a run: which are being played, which were whole, which level has stood for too long. Pure."""

from __future__ import annotations

from typing import NamedTuple

from estim.record_lines.rows import ReachedRow
from estim.session.player import WindowPlayer

REACHED_PERMILLE = 950  # convention: from there on a contraction counts as given at its level


class Ended(NamedTuple):
    """A window that ended.

    Attributes:
        player: with its bookings.
        contraction: the number of the contraction that ended with it, None while another of its windows plays.
        rows: how far each channel of that contraction came.
    """

    player: WindowPlayer
    contraction: int | None = None
    rows: tuple[ReachedRow, ...] = ()


class Contractions:
    """Counts contractions.

    Args:
        done: whole ones of the same therapy before this run.
    """

    def __init__(self, done: int) -> None:
        self.done = done
        self._open: dict[int, int] = {}  # number → windows still open
        self._ended: dict[int, list[ReachedRow]] = {}  # number → what its windows came to

    def begin(self, number: int, windows: int) -> None:
        """Contraction `number` begins with so many windows."""
        self._open[number] = windows
        self._ended[number] = []

    def end_window(self, number: int, row: ReachedRow) -> list[ReachedRow] | None:
        """One of its windows ended by itself; gives what all of them came to if it was the last one.

        It counts if each of them played at all: how far each came is said beside it.
        """
        windows, rows = self._open.pop(number, 1), self._ended.setdefault(number, [])
        rows.append(row)
        if windows > 1:
            self._open[number] = windows - 1
            return None
        self.done += all(one["peak_ua"] for one in rows)
        return self._ended.pop(number)

    def break_off(self) -> None:
        """What was being played is not counted."""
        self._open.clear()
        self._ended.clear()


class Reminders:
    """When the level of each channel was last changed or asked for."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[int, int]] = {}  # device channel → level, and when

    def due(self, channel: int, level_ua: int, after_us: int, now_us: int) -> bool:
        """The level has stood unchanged and unasked for `after_us`: it is asked for now."""
        asked_ua, since_us = self._asked.get(channel, (-1, now_us))
        if asked_ua == level_ua and now_us - since_us < after_us:
            return False
        self._asked[channel] = (level_ua, now_us)
        return asked_ua == level_ua
