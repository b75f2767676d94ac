"""What is said over the next line: since when it stands, and of which key, where one was refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from estim.console.command import Command, found

SAID_S = 12.0  # then it goes, whether it was read or not


class Spoken:
    """One text, "" for none."""

    def __init__(self) -> None:
        self.text = ""
        self._key = ""
        self._since_s = 0.0

    def say(self, text: str, now_s: float) -> bool:
        """Say it; False where the same stands already: a burst of keys says one thing a thousand times."""
        news, self.text, self._key, self._since_s = text != self.text, text, "", now_s
        return news

    def refuse(self, key: str, why: str, now_s: float) -> bool:
        """Say why a key does nothing, for as long as that is so."""
        news = self.say(f"✖ {why}", now_s)
        self._key = key
        return news

    def look(self, now_s: float, offered: Sequence[Command]) -> None:
        """It goes after its time; of a refused key also once that key does something, or nothing for another reason."""
        command = found(offered, self._key) if self._key else None
        if now_s - self._since_s > SAID_S or (self._key and (command is None or f"✖ {command.refusal}" != self.text)):
            self.clear()

    def clear(self) -> None:
        """Nothing is said."""
        self.text = self._key = ""
