"""The whole way in German: no word of the program's own English vocabulary on any of its screens, nothing cut."""

from __future__ import annotations

import re

import pytest

from estim.console.language import Words, load
from estim.protocols import library
from estim.protocols.loader import load as library_load
from estim.safety.reports import ChannelFault, DeviceLost
from estim.session.state import Phase
from tests.turns import of_this_turn

from .conftest import PROTOCOL, Bench, Make

GERMAN = load("de")
WORD = re.compile(r"[A-Za-zÄÖÜäöüßµ]{3,}")
# Names of the makers' and of things on the hardware, and what stands in both languages.
NAMES = {"estim", "research", "science", "usb", "not", "intended", "for", "medical", "purposes", "humans", "simulated"}


def words_of(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)}


def table(say: Words) -> set[str]:
    """Every word of a language's table."""
    found: set[str] = set()
    for text in say._table.values():
        found |= words_of(text if isinstance(text, str) else " ".join(text))
    return found


def only_english(protocol: str) -> set[str]:
    """What the English table says and the German one never: but for the words of the protocol's author."""
    titles = " ".join(library_load(library.path(name)).title for name in library.names())
    authors = words_of(library.path(protocol).read_text(encoding="utf-8")) | words_of(titles)
    return table(load("en")) - table(GERMAN) - authors - NAMES


class Reader:
    """Collects the English words of each picture."""

    def __init__(self, b: Bench, protocol: str = PROTOCOL) -> None:
        self.b, self.english = b, only_english(protocol)
        self.found: dict[str, str] = {}
        self.cut: dict[str, str] = {}

    def read(self, where: str) -> None:
        view = self.b.app.snapshot
        drawn_by_lot = words_of(view.word_head) if view is not None else set()  # of syllables: "line" may be among them
        for line in self.b.lines():
            for words in re.findall("find levels|one pulse|of the current|opened by|common-peroneal-nerve", line):
                self.found.setdefault(
                    words, f"{where}: {line.strip()}"
                )  # German words of one table may be English ones
            for word in words_of(line) & self.english - drawn_by_lot:
                self.found.setdefault(word, f"{where}: {line.strip()}")
            for clipped in re.findall(r"\S*…", line):
                self.cut.setdefault(clipped, f"{where}: {line.strip()}")

    async def follow(self, where: str, until: object, most: int = 240) -> None:
        """By the next line, reading each picture."""
        for _ in range(most):
            self.read(where)
            if until():  # type: ignore[operator]
                return
            await self.b.follow_one()
        raise AssertionError(f"{where}: not within {most} keys\n{self.b.text}")

    def judge(self) -> None:
        assert not self.found, "\n".join(f"{word:<16} {line}" for word, line in sorted(self.found.items()))
        assert not self.cut, "\n".join(f"{word:<16} {line}" for word, line in sorted(self.cut.items()))


async def _beginning(b: Bench, reader: Reader) -> None:
    reader.read("sign-in")
    await b.sign_in()
    reader.read("home")
    for key in ("f6", "escape", "f1", "escape"):
        await b.press(key)
        reader.read(f"home {key}")
    await b.press("n")
    reader.read("identity")
    await b.press("t")
    await b.type("P-042")
    await b.press("enter", "y")
    reader.read("plan")
    await b.type("/")
    reader.read("plan search")
    await b.type("xqz")
    await b.press("f8")
    reader.read("plan nothing")
    await b.press("escape", "1")


@pytest.mark.parametrize("size", of_this_turn([(80, 24), (120, 40)], 2))
async def test_the_way_of_a_new_patient(bench: Make, size: tuple[int, int]) -> None:
    async with bench(say=GERMAN, size=size) as b:
        reader = Reader(b)
        await _beginning(b, reader)
        await reader.follow("to the levels", lambda: b.at("levels"))
        for key in ("f1", "escape", "f5", "escape", "f9", "s"):
            await b.press(key)
            reader.read(f"levels {key}")
        await reader.follow("levels", lambda: b.phase is Phase.RUNNING)
        for _ in range(18):
            await b.raise_by(1)
            reader.read("levels up")
        await b.press("t")
        await b.look(1.0)
        await reader.follow("treat", lambda: b.phase is Phase.RUNNING)
        b.session.room(type="walk", walks=True)
        for _ in range(4):
            await b.look(0.7)
            reader.read("treat")
        for keys in (("f1", "f7"), ("h", "h"), ("f", "3"), ("f4",), ("t",), ("p",), ("f9",), ("e", "f7"), ("0",)):
            for key in keys:
                await b.press(key)
                reader.read(f"treat {key}")
        await b.send("space", " ")
        await b.look(1.0)
        reader.read("stopped")
        await b.press("7")
        await b.press("enter")
        await reader.follow("outcome", lambda: bool(b._view().word_head))
        reader.read("sealed")
        reader.judge()


@pytest.mark.parametrize("event", [
    ChannelFault(channel=1, kind="electrode", text="open"), DeviceLost(reason="no answer", output_ended=True),
])  # fmt: skip
async def test_the_hard_moments(bench: Make, event: object) -> None:
    async with bench(say=GERMAN) as b:
        reader = Reader(b)
        await b.running()
        b.session.world.extra.append(event)  # type: ignore[arg-type]
        await b.look(1.5)
        reader.read("at once")
        for key in ("f9", "f2", "s", "plus", "f1", "f7"):
            await b.press(key)
            reader.read(key)
        await reader.follow("the way back", lambda: b.phase is Phase.RUNNING)
        reader.judge()


def test_a_record_and_a_protocol_are_two_words() -> None:
    """F6 was "Protokolle", and so was what is chosen on the plan's page: a treatment's file and what was recorded."""
    english = load("en")._table
    both = [
        key
        for key, text in GERMAN._table.items()
        if re.search(r"\brecords?\b", str(english.get(key)), re.IGNORECASE)
        and not re.search("protocol", str(english.get(key)), re.IGNORECASE)
        and "protokoll" in str(text).casefold()
    ]
    assert both == []
