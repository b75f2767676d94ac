"""The ways of docs/practice.md: read from their fenced blocks, walked on a console as they stand there."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.system.conftest import PATIENCE_S
from tests.system.terminal import Hands

PRACTICE = Path(__file__).parents[2] / "docs" / "practice.md"
ANSWER_S = 0.8
REPEAT_S = 0.033  # as a keyboard repeats
WORDS = frozenset({"see", "gone", "press", "answer", "type", "repeat", "hold", "stage"})


def ways(text: str) -> dict[str, list[tuple[str, str]]]:
    """Name → its lines as (word, rest).

    Raises:
        ValueError: a line is none of the eight.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for name, block in re.findall(r"^```way (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines = []
        for line in block.splitlines():
            word, _, rest = line.strip().partition(" ")
            if word not in WORDS or not rest:
                raise ValueError(f"way {name}: {line!r}")
            lines.append((word, rest))
        found[name] = lines
    return found


class Walker:
    """Walks a way on a console; `stage` is where it stands."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.stage = ""
        self.keys = 0

    def walk(self, way: list[tuple[str, str]]) -> None:
        for word, rest in way:
            getattr(self, f"_{word}")(rest)

    def _on_screen(self, alternatives: str) -> bool:
        text = " ".join(self.hands.picture.text.split())
        return any(" ".join(one.split()) in text for one in alternatives.split(" | "))

    def _see(self, rest: str) -> None:
        self.hands.wait(lambda: self._on_screen(rest), seconds=PATIENCE_S, what=f"see {rest} ({self.stage})")

    def _gone(self, rest: str) -> None:
        self.hands.wait(lambda: not self._on_screen(rest), seconds=PATIENCE_S, what=f"gone {rest}")

    def _press(self, rest: str) -> None:
        for key in rest.split():
            self._key(key)
            self.hands.look(0.15)

    def _answer(self, rest: str) -> None:
        for key in rest.split():
            self._key(key)
            self.hands.look(ANSWER_S)

    def _type(self, rest: str) -> None:
        self.hands.look(0.3)
        self.hands.type(rest)
        self.keys += len(rest)
        self.hands.look(0.2)

    def _repeat(self, rest: str) -> None:
        key, _, condition = rest.partition(" until ")
        until, _, when = condition.partition(" when ")
        end = time.monotonic() + PATIENCE_S
        while not self._on_screen(until):
            assert time.monotonic() < end, f"repeat {rest}\n{self.hands.picture.text}"
            if not when or self._on_screen(when):
                self._key(key)
                self.hands.look(0.25)
            self.hands.look(0.05)

    def _hold(self, rest: str) -> None:
        key, _, until = rest.partition(" until ")
        end = time.monotonic() + PATIENCE_S
        while not self._on_screen(until):
            assert time.monotonic() < end, f"hold {rest}\n{self.hands.picture.text}"
            self.hands.press(key)
            self.hands.look(REPEAT_S)
        self.keys += 1
        self.hands.look(0.5)

    def _stage(self, rest: str) -> None:
        self.stage = rest

    def _key(self, key: str) -> None:
        self.hands.press(key)
        self.keys += 1
