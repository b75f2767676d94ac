"""Device options of `--set`: each has an effect on the model that takes it, or is refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping

from firmware_sim.words import quoted

RECEIVE_BUFFER = "receive_buffer"


class Options:
    """What was given, asked for by name; `finish` refuses what nobody asked for.

    Args:
        model: for messages.
        given: name to text, as `--set` gave them.
    """

    def __init__(self, model: str, given: Mapping[str, str] | None) -> None:
        self._model = model
        self._left = dict(given or {})
        self._known: list[str] = []

    def _take(self, name: str) -> str | None:
        self._known.append(name)
        return self._left.pop(name, None)

    def _wrong(self, name: str, text: str, allowed: str) -> ValueError:
        return ValueError(f"{self._model}: --set {name}={quoted(text)}: {allowed}")

    def flag(self, name: str) -> bool:
        """0 or 1; 0 if it was not given."""
        text = self._take(name)
        if text not in {None, "0", "1"}:
            raise self._wrong(name, text or "", "0 or 1")
        return text == "1"

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        text = self._take(name)
        if text is None:
            return default
        try:
            value = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise self._wrong(name, text, f"a number from {low:g} to {high:g}")
        return value

    def text(self, name: str, default: str, *, longest: int) -> str:
        """Printable ASCII, 1 to `longest` characters."""
        text = self._take(name)
        if text is None:
            return default
        if not 1 <= len(text) <= longest or not (text.isascii() and text.isprintable()):
            raise self._wrong(name, text, f"1 to {longest} printable ASCII characters")
        return text

    def choice(self, name: str, among: tuple[str, ...]) -> str:
        """One of these words; the first if it was not given."""
        text = self._take(name)
        if text is not None and text not in among:
            raise self._wrong(name, text, " or ".join(among))
        return among[0] if text is None else text

    def restarts(self) -> bool:
        """The kind of receive buffer: does an unescaped START within a frame begin it anew (`restart`), or does it take
        all up to the next STOP for one frame, as the maker's library does (`maker`)?
        """
        return self.choice(RECEIVE_BUFFER, ("restart", "maker")) == "restart"

    def finish(self) -> None:
        """Refuse what this model has not.

        Raises:
            ValueError: with all that it has.
        """
        for name in self._left:
            raise ValueError(f"a {self._model} has no option {quoted(name)}; it has {', '.join(sorted(self._known))}")
