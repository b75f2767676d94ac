"""Contractions of a run: which are being played, which were whole, which level has stood for too long. Pure."""

from __future__ import annotations


class Contractions:
    """Counts contractions; one is whole if all its channels reached their plateau.

    Args:
        done: whole ones of the same therapy before this run.
    """

    def __init__(self, done: int) -> None:
        self.done = done
        self._open: dict[int, tuple[int, bool]] = {}  # number → windows still open, all reached their plateau

    def begin(self, number: int, windows: int) -> None:
        """Contraction `number` begins with so many windows."""
        self._open[number] = (windows, True)

    def end_window(self, number: int, *, reached: bool) -> tuple[int | None, bool]:
        """One of its windows ended by itself; gives its number if it was the last one, and whether all reached."""
        windows, whole = self._open.get(number, (1, True))
        whole = whole and reached
        self._open[number] = (windows - 1, whole)
        if windows > 1:
            return None, whole
        del self._open[number]
        self.done += whole
        return number, whole

    def break_off(self) -> None:
        """What was being played is not counted."""
        self._open.clear()


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
