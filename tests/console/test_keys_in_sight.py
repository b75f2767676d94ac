"""At 80 × 24 no key that does something is hidden: it stands on the screen, or the screen says how to see the rest."""

from __future__ import annotations

import re

import pytest

from estim.console.command import Command
from estim.console.draft import Stage
from estim.console.frame import Footer
from estim.console.keys import shown
from estim.console.language import Words, load
from estim.protocols import library
from estim.protocols.loader import load as library_load
from estim.safety.reports import DeviceLost

from .conftest import Bench, Make, make_bench
from .every_stage import SIZES, every_stage, known_home

LANGUAGES = pytest.mark.parametrize("say", [load("en"), load("de")], ids=["en", "de"])


def hidden(b: Bench) -> list[str]:
    """Keys that can be pressed now and stand nowhere; answers to a question need their words as well."""
    say, text = b.app.say, " ".join(b.text.split())
    footer = b.app.query_frame(Footer)
    more = say("hint.help-more", count=footer.left_out)
    first: dict[str, Command] = {}
    for each in b.app.offered():
        if each.label:
            first.setdefault(say.key(shown(each.keys[0])), each)
    out_of_sight = [key for key, each in first.items() if f"{key} {each.label}" not in text]
    told = footer.left_out and more in text
    return [f"{key} {first[key].label}" for key in out_of_sight if key in "123456789" or not told]


def in_sight(b: Bench, where: str) -> None:
    assert hidden(b) == [], (where, b.text)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_all_that_speaks_against_a_protocol_can_be_read_where_it_is_chosen(
    bench: Make, size: tuple[int, int]
) -> None:
    """With the search closed both panels were as long as their text, below the screen, and F4 said "all in sight"."""
    async with bench(size=size) as b:
        await b.to(Stage.PLAN)
        await b.press("1")
        source = b.app.pane._marked()  # type: ignore[attr-defined]
        protocol = library_load(library.path(source))
        last = [*protocol.contraindications, *protocol.stop_criteria][-1].split()[-1]
        right = size[0] // 2 if size[0] < 110 else size[0] * 2 // 5
        seen, pages = "", 0
        while last not in seen:
            seen += " ".join(" ".join(line[right - 1 :] for line in b.lines()[3:-4]).split())
            await b.press("f4")
            pages += 1
            assert pages < 12, seen
        assert "All of it is in sight" not in b.text
        await b.press("down")
        assert b.lines()[3][right:].strip(), "another protocol begins at its top"
        first = library_load(library.path(b.app.pane._marked())).title.split()[0]  # type: ignore[attr-defined]
        assert first in b.lines()[3][right:]


async def test_a_list_that_follows_its_mark_has_all_of_it_in_sight(bench: Make) -> None:
    async with bench(size=(80, 24)) as b:
        await b.to(Stage.PLAN)
        await b.press("1")
        for _ in range(30):
            await b.press("down")
            left = [line[:37] for line in b.lines()[3:-3]]
            marked = library_load(library.path(b.app.pane._marked())).title  # type: ignore[attr-defined]
            at = next(n for n, line in enumerate(left) if "▸" in line)
            assert marked in " ".join(" ".join(left[at : at + 4]).replace("▸", "").split()), (
                "the whole of it is in sight"
            )


async def test_the_question_that_is_asked_stands_whole_on_the_smallest_screen(bench: Make) -> None:
    """Of the last one the first row alone was in sight."""
    async with bench(size=(80, 24)) as b:
        await b.jump(Stage.SCREENING)
        for _ in range(29):
            left = [line[:47] for line in b.lines()[3:-3]]
            at = next(n for n, line in enumerate(left) if "▸" in line)
            following = [n for n, line in enumerate(left) if n > at and re.search(r"·|\bS\d\d\b", line)]
            asked = " ".join(" ".join(left[at : following[0] if following else None]).split())
            assert asked.rstrip("▁▂▃▄▅▆▇ ").endswith("?"), (at, asked, b.text)
            await b.press("n")


@LANGUAGES
async def test_every_stage_shows_its_keys_or_how_to_see_them(say: Words) -> None:
    async with make_bench(size=SIZES[0], home_view=known_home(), say=say) as b:
        async for name in every_stage(b):
            in_sight(b, name)


@LANGUAGES
async def test_every_question_shows_each_of_its_answers(bench: Make, say: Words) -> None:
    async with bench(size=SIZES[0], say=say) as b:
        await b.running()
        await b.press("d")
        in_sight(b, "comfort")
        await b.press("3", "e")
        in_sight(b, "end")
        await b.press("f7")
        await b.send("space", " ")
        await b.look(1.0)
        assert say("ask.stopped") in b.text
        in_sight(b, "why stopped")
        await b.press("ctrl+q")
        in_sight(b, "leave")
        await b.press("f7", "2")
        assert say("ask.stopped") not in b.text
        in_sight(b, "answered")
        b.session.world.extra.append(DeviceLost(reason="no answer", output_ended=True))
        await b.look(1.5)
        in_sight(b, "fault")


@LANGUAGES
async def test_a_stop_while_levels_are_found_asks_there(bench: Make, say: Words) -> None:
    async with bench(size=SIZES[0], say=say) as b:
        await b.seek()
        await b.raise_by(2)
        await b.send("space", " ")
        await b.look(1.0)
        assert say("ask.stopped") in b.text
        in_sight(b, "why stopped")


async def test_more_says_that_there_are_more_keys(bench: Make) -> None:
    async with bench(size=SIZES[0]) as b:
        await b.running()
        await b.send("space", " ")
        await b.look(1.0)
        footer = b.app.query_frame(Footer)
        assert footer.left_out
        assert re.search(rf"F1 Help: {footer.left_out} more", b.text)
        await b.press("f4")
        assert f"{footer.left_out} more keys: F1" in b.said
