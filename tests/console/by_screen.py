"""A person at the console who knows nothing but what stands on the screen: the next line, the footer, the lists.

No state of the program is read here: rows of the terminal in, keys out.
"""

from __future__ import annotations

import re

from .conftest import Bench

NAMED = {"+": "plus", "-": "minus", "enter": "enter", "space": "space", "esc": "escape", "?": "question_mark"}
FOOTER = re.compile(r"(?:^|\s{2,}|^ )(\S+) ((?:\S+ ?)+)(?=\s{2}|\s*$)")
NEXT = re.compile(r"^ → (\S+)\s+(.*)$")
REPEAT_S = 0.25  # a slow keyboard's repeat: several within each contraction
READ_S = 0.4
PATIENCE = 600  # rows of looks before this person gives up


class Reader:
    """Presses what the screen names, counts the presses; a key that is held counts once."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.keys = 0
        self.pressed: list[str] = []
        self._held = ""

    # -- what is seen -----------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[str]:
        return self.bench.lines()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.rows).split())

    @property
    def banner(self) -> str:
        return self.rows[1].strip()

    def named(self) -> tuple[str, str] | None:
        """Key and words of the next line, None while it names none."""
        found = [match for row in self.rows[-6:] if (match := NEXT.match(row))]
        return (found[0][1], found[0][2]) if found else None

    def sees(self, *words: str) -> None:
        for each in words:
            assert each in self.text, f"{each!r} is not on the screen\n{self.bench.text}"

    # -- what is done -----------------------------------------------------------------------------------------------

    async def wait(self, seconds: float = 0.5) -> None:
        await self.bench.look(seconds)

    async def until(self, *words: str) -> None:
        """Wait until one of these stands there."""
        for _ in range(PATIENCE):
            if any(word in self.text for word in words):
                return
            await self.wait(0.2)
        raise AssertionError(f"none of {words}\n{self.bench.text}")

    async def press(self, name: str) -> None:
        """One key, by the name that is printed for it."""
        self.keys += 1
        self.pressed.append(name)
        self._held = ""
        await self._send(name, 1.0)
        await self.wait(READ_S)  # what a key does stands there before anybody reads on

    async def _send(self, name: str, after_s: float) -> None:
        self.bench.clock.now_s += after_s
        key = NAMED.get(name.lower(), name.lower())
        await self.bench.send(key, " " if key == "space" else None)

    async def type(self, text: str) -> None:
        self.keys += len(text)
        await self.bench.type(text)
        await self.wait(0.1)

    async def sign_in(self) -> None:
        """PT1 works here."""
        await self.type("PT1")
        await self.step()

    async def step(self) -> None:
        """The key of the next line; + is held, for as long as the line asks for it."""
        named = self.named()
        if named is not None and named[0] != "+":
            await self.press(named[0])
            if inner := re.match(r"(\d): ", named[1]):  # `H 5: the patient walks`
                await self.press(inner[1])
        elif named is not None or self._held:  # a finger on + stays there between the contractions
            if not self._held:
                self.keys += 1
                self.pressed.append("+")
            self._held = "+"
            await self._send("+", 0.0)
            await self.wait(REPEAT_S)
        else:
            await self.wait()

    async def follow(self, *words: str) -> None:
        """Only what the next line names, until one of these stands on the screen."""
        for _ in range(PATIENCE):
            if any(word in self.text for word in words):
                self._held = ""
                return
            await self.step()
        raise AssertionError(f"none of {words}\n{self.bench.text}")

    async def choose(self, words: str) -> None:
        """The key that the footer or a list names with these words."""
        for row in reversed(self.rows):
            listed = re.match(r"^[\s│]*(\S)  (.*)$", row)
            for key, label in [*FOOTER.findall(row), *([listed.groups()] if listed else [])]:
                if label.startswith(words):
                    await self.press(key)
                    return
        raise AssertionError(f"no key is named with {words!r}\n{self.bench.text}")

    async def room(self, words: str) -> None:
        """Something happens in the simulated room: H, then what its list says."""
        await self.choose("Room")
        await self.choose(words)
