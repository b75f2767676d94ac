"""The ways of docs/practice.md and of its German page: read from their tables, walked on a console as they stand."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from tests.system.conftest import PATIENCE_S
from tests.system.terminal import Hands

PRACTICE = Path(__file__).parents[2] / "docs" / "practice.md"
GERMAN = PRACTICE.parent / "de" / "uebungssitzung.md"  # the same with `--language de`
REPEAT_S = 0.033  # as a keyboard repeats
WAY = re.compile(r"^<!-- way (\S+) -->\n\n\|[^\n]+\n\|[-|]+\n((?:\|[^\n]*\n?)+)", re.MULTILINE)
ROW = re.compile(r"\| *(.*?) *\| *(.*?) *\|")
FOR_THE_READER = re.compile(r"^((?:[^`:]|`[^`]*`)*): .*$")
# What a row says is to be done, in the languages that the page has.
DONE = re.compile(
    r"(?:type|tippen Sie) `(?P<type>[^`]+)`"
    r"|wait until (?P<gone>`[^`]+`) is gone|warten Sie, bis (?P<fort>`[^`]+`) fort ist"
    r"|(?:hold|halten Sie) \*\*(?P<hold>\S+)\*\*(?: until|, bis) (?P<until>`.+`)"
    r"|(?:press|drücken Sie) \*\*(?P<press>\S+)\*\*(?: (?:each time, until|jedes Mal, bis) (?P<repeat>`.+`))?"
    r"|nothing(?: yet)?|(?:noch )?nichts"
)
KEYS = {"leertaste": "space"}


def ways(text: str) -> dict[str, list[tuple[str, str]]]:
    """Name → what is to be seen and done, as (word, rest); alternatives are apart by ` | `.

    Raises:
        ValueError: a row says nothing that can be walked.
    """
    return {
        name: [step for row in table.splitlines() for step in _steps(name, row)] for name, table in WAY.findall(text)
    }


def _steps(name: str, line: str) -> Iterator[tuple[str, str]]:
    """One row: what stands left is waited for, what stands right is done; what follows a colon is for the reader."""
    row = ROW.fullmatch(line)
    left, right = row.groups() if row else ("", "")
    if re.fullmatch(r"\*[^*]+\*", left):
        yield "stage", left.strip("*")
        return
    done = DONE.fullmatch(FOR_THE_READER.sub(r"\1", right))
    if done is None:
        raise ValueError(f"way {name}: {line!r}")
    if done["repeat"]:
        when = _shown(left)
        yield "repeat", f"{_key(done['press'])} until {_shown(done['repeat'])}" + (f" when {when}" if when else "")
        return
    yield from (("see", _shown(part)) for part in re.split(" and | und ", left) if "`" in part)
    if done["type"]:
        yield "type", done["type"]
    elif gone := done["gone"] or done["fort"]:
        yield "gone", _shown(gone)
    elif done["hold"]:
        yield "hold", f"{_key(done['hold'])} until {_shown(done['until'])}"
    elif done["press"]:
        yield "press", _key(done["press"])


def _key(name: str) -> str:
    return KEYS.get(name.lower(), name.lower())


def _shown(text: str) -> str:
    return " | ".join(re.findall(r"`([^`]+)`", text))


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
        self._key(rest)
        self.hands.look(0.15)

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
