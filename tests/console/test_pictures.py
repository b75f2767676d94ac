"""Pictures of the main screens at three sizes and in every theme, beside the stored ones.

A picture that was meant to change: `python -m tests.console.test_pictures` stores it anew; then read the difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.color import Color
from textual.screen import ModalScreen
from textual.widgets import Input

from estim.console.app import EstimConsole
from estim.console.draft import Stage
from estim.console.themes import THEME_NAMES
from estim.safety.reports import OutputState
from estim.session.snapshot import Alarm
from estim.session.state import Phase

from .conftest import NEVER_S, Bench
from .fake_session import FakeSession

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((80, 24), (120, 40), (200, 60))
CONTRAST_MIN = 4.5  # WCAG 2.2, 1.4.3, text
CONTRAST_DIM_MIN = 3.0  # of what is drawn dim on purpose: rests, stages behind, ceilings' dots


async def levels(b: Bench) -> None:
    await b.jump(Stage.LEVELS)
    b.session.purpose = "titration"
    b.session.wants = ("pads", "stop-control")
    await b.look()


async def treat(b: Bench) -> None:
    await b.press("f2", "f9")
    await b.look(4.5)


async def lead_off(b: Bench) -> None:
    b.session.lead_off(2)
    b.session.alarms["lead-off"] = Alarm(
        code="lead-off", priority="medium", text="A pad of channel 2 came off. Output was stopped.", acknowledged=True
    )
    await b.look(0.5)


async def uncertain(b: Bench) -> None:
    b.session.phase, b.session.output = Phase.FAULT, OutputState.UNCERTAIN
    b.session.cause = "link-lost"
    b.session.alarms["output-uncertain"] = Alarm(
        code="output-uncertain", priority="high", text="The device does not confirm that its output is off.",
        acknowledged=True,
    )  # fmt: skip
    await b.look()


async def helped(b: Bench) -> None:
    b.session.phase, b.session.output, b.session.cause = Phase.CONFIGURED, OutputState.OFF, ""
    b.session.alarms.clear()
    await b.jump(Stage.OUTCOME)
    await b.press("f1")


async def meant(b: Bench) -> None:
    await b.press("f7")  # closes the help
    await b.jump(Stage.SIGN)
    await b.press("f8")


async def sealed(b: Bench) -> None:
    await b.press("1")
    await b.look()


async def scanned(b: Bench) -> None:
    await b.press("f6")


def at(stage: Stage) -> Callable[[Bench], Awaitable[None]]:
    async def go(b: Bench) -> None:
        await b.jump(stage, channels=2)

    return go


SCENES: tuple[tuple[str, Callable[[Bench], Awaitable[None]]], ...] = (
    *((stage.value.lower(), at(stage)) for stage in Stage if stage not in {Stage.PROTOCOL, Stage.LEVELS}),
    ("levels", levels),
    ("treat-ready", at(Stage.RUN)),
    ("treating", treat),
    ("lead-off", lead_off),
    ("uncertain", uncertain),
    ("help", helped),
    ("meaning", meant),
    ("sealed", sealed),
    ("qr", scanned),
)
"""Not the list of protocols: it is the library's."""

Style = tuple[tuple[int, int, int], tuple[int, int, int], bool]


def text_of(b: Bench) -> list[str]:
    width, height = b.app.size
    strips = b.app.screen._compositor.render_strips()[:height]
    return [strip.text.ljust(width)[:width].rstrip() for strip in strips]


def styles_of(b: Bench) -> dict[Style, str]:
    """Each combination of colours in which something is written, with a sample of it."""
    found: dict[Style, str] = {}
    if isinstance(b.app.screen, ModalScreen):
        return found  # what shines through the veil is not there to be read; the box has the screens' own colours
    for strip in b.app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            if (
                not any(letter.isalnum() for letter in segment.text)
                or style is None
                or style.color is None
                or style.bgcolor is None
            ):
                continue
            front, back = rgb(style.color), rgb(style.bgcolor)
            if style.reverse:
                front, back = back, front
            found.setdefault((front, back, bool(style.dim)), segment.text.strip())
    return found


def rgb(color: Color) -> tuple[int, int, int]:
    red, green, blue = color.get_truecolor()
    return red, green, blue


def luminance(color: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in color]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


async def scenes(theme: str, size: tuple[int, int]) -> tuple[str, dict[Style, str]]:
    """All scenes as text, and all styles of them."""
    session = FakeSession()
    app = EstimConsole(session, theme=theme, look_s=NEVER_S)
    texts: list[str] = []
    styles: dict[Style, str] = {}
    async with app.run_test(size=size) as pilot:
        b = Bench(app, pilot, session)
        await pilot.pause()
        for name, go in SCENES:
            await go(b)
            for box in app.screen.query(Input):
                box.cursor_blink = False
            await pilot.pause()
            texts += [f"=== {name}", *text_of(b)]
            for style, sample in styles_of(b).items():
                styles.setdefault(style, f"{name}: {sample}")
    return "\n".join(texts) + "\n", styles


def golden(size: tuple[int, int]) -> Path:
    return GOLDEN / f"{size[0]}x{size[1]}.txt"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", THEME_NAMES)
async def test_the_screens_are_the_stored_ones_and_can_be_read(theme: str, size: tuple[int, int]) -> None:
    text, styles = await scenes(theme, size)
    assert text.splitlines() == golden(size).read_text(encoding="utf-8").splitlines()
    weak = {
        sample: round(contrast(front, back), 1)
        for (front, back, dim), sample in styles.items()
        if contrast(front, back) < (CONTRAST_DIM_MIN if dim else CONTRAST_MIN)
    }
    assert weak == {}
    if theme == "estim-mono":
        assert all(len({*front}) == 1 and len({*back}) == 1 for front, back, _ in styles)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in SIZES:
        golden(each).write_text(asyncio.run(scenes("estim-dark", each))[0], encoding="utf-8")
