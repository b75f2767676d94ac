"""Pictures of the console for the pages: the console over the real engine, driver and simulator in simulated time.

Nothing in them is drawn by hand: the same helpers as the console's tests walk through a practice session, and each
screen is written as Textual's own SVG into docs/pictures/, without its block that fetches a font from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from textual.app import App

from estim.console.draft import Stage
from estim.console.language import ENGLISH, load
from estim.console.patient_screen import PatientConsole
from estim.controller.observing import ObserverClient
from estim.session.state import Cycle
from tests.console.conftest import NEVER_S, Bench, Clock, make_bench, returning
from tests.console.simulated import SimulatedSession

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
WIDE, SMALL, HUGE = (120, 40), (80, 24), (200, 60)
LEVEL_MA, LOOK_S = 24, 0.1  # within the 20-80 mA that the protocol calls usual; a console draws ten times a second
MOST_BYTES = 60_000  # a page with four of them still loads at once on a slow line

FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def drawn(app: App[Any], *, most: int = MOST_BYTES) -> str:
    """The screen as SVG of at most `most` bytes that links to nothing outside.

    Raises:
        ValueError: it is larger than a page should load.
    """
    svg = FONT_FACE.sub("", app.export_screenshot(simplify=True))
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Half of the bytes are a clip for each row, which nothing leaves, and a long name that must differ only in a page.
    svg = re.sub(r'<clipPath id="[\w-]+-line-\d+">.*?</clipPath>\s*', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#[\w-]+-line-\d+\)"', "", svg)
    svg = svg.replace("&#160;", "\u00a0")
    svg = svg.replace(' shape-rendering="crispEdges"', "").replace("<style>", "<style>rect{shape-rendering:crispEdges}")
    svg = re.sub(r'(\d)\.0"', r'\1"', svg)
    svg = re.sub(r"terminal-\d+-", "", svg)
    svg = svg.replace('height="24.65"', 'height="25"')  # the next row is drawn over the rest
    svg = "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
    if len(svg.encode()) > most:
        raise ValueError(f"a picture of {len(svg.encode())} bytes; allowed are {most}")
    return svg


class SeenSession(SimulatedSession):
    """The same session as an observer has it."""

    ended = False


async def walking(b: Bench, seconds: float = 14.0) -> None:
    """Treatment at a level that moves the foot; drawn as often as a console draws, so that the curve is whole."""
    await b.jump(Stage.TREAT, level_ma=LEVEL_MA)
    await b.press("f2")
    await b.look(1.0)
    await b.press("f9")
    b.session.room(type="walk", walks=True)
    for _ in range(round(seconds / LOOK_S)):
        await b.look(LOOK_S)


async def contracting(b: Bench) -> None:
    """Treatment, looked at in the middle of a contraction."""
    await walking(b)
    for _ in range(100):
        snapshot = b.app.snapshot
        if snapshot is not None and any(one.cycle is Cycle.HOLD for one in snapshot.channels):
            return
        await b.look(LOOK_S)
    raise AssertionError("no contraction within 10 s")


async def home(b: Bench) -> None:
    """Who comes today."""
    await b.sign_in()


async def plan(b: Bench) -> None:
    """Condition chosen, the protocols of it."""
    await b.to(Stage.PLAN)
    await b.press("1")


async def screening(b: Bench) -> None:
    """A few questions are answered."""
    await b.jump(Stage.SCREENING)
    await b.press("n", "n", "n", "n")


async def pads(b: Bench) -> None:
    """Where the pads go."""
    await b.jump(Stage.PADS)


async def levels(b: Bench) -> None:
    """Twelve steps up, nothing of that is treatment."""
    await b.jump(Stage.LEVELS)
    await b.press("f2")
    await b.look(1.0)
    await b.press("f9")
    await b.raise_by(6)
    await b.press("s")
    await b.raise_by(6)


async def lead_off(b: Bench) -> None:
    """A pad comes off in a contraction."""
    await contracting(b)
    b.session.room(type="pad", channel=1, do="lift")
    for _ in range(30):
        await b.look(LOOK_S)


async def sign(b: Bench) -> None:
    """The session is over; what it was, before it is signed."""
    await walking(b)
    await b.press("e", "1")
    await b.look(0.5)
    signs = b.app.say("sign.means-says")
    await b.follow(lambda: signs in b.next)


Walk = Callable[[Bench], Awaitable[None]]
PICTURES: dict[str, tuple[tuple[int, int], Walk]] = {
    "home": (WIDE, home),
    "plan": (WIDE, plan),
    "screening": (WIDE, screening),
    "pads": (WIDE, pads),
    "levels": (WIDE, levels),
    "treat": (WIDE, contracting),
    "treat-80x24": (SMALL, contracting),
    "treat-200x60": (HUGE, contracting),
    "lead-off": (WIDE, lead_off),
    "sign": (WIDE, sign),
}
GERMAN = {f"{name}-de": name for name in ("pads", "sign")}  # those that the German pages show


async def picture(name: str, *, size: tuple[int, int] | None = None) -> str:
    """One of `PICTURES` or `GERMAN`, or `patient-screen`: the other screen of the same session."""
    session = SeenSession()
    if name == "patient-screen":
        async with make_bench(session=session) as b:
            await contracting(b)
            app = PatientConsole(cast("ObserverClient", session), look_s=NEVER_S, clock=Clock(), wall=b.app.wall)
            async with app.run_test(size=WIDE) as pilot:
                app.look()
                await pilot.pause()
                app.draw()
                await pilot.pause()
                return drawn(app)
    say = load("de") if name in GERMAN else ENGLISH
    usual, walk = PICTURES[GERMAN.get(name, name)]
    view = returning() if name == "home" else None
    async with make_bench(size=size or usual, session=session, home_view=view, say=say) as b:
        await walk(b)
        if GERMAN.get(name, name) in {"home", "plan", "screening", "pads"}:
            await b.look(1.0)  # the last key may count again
        await b.pilot.pause()
        return drawn(b.app)


def _stages() -> int:
    from tests.console.every_stage import FOLDER as KEPT_IN  # it draws with this module
    from tests.console.every_stage import stage_pictures

    KEPT_IN.mkdir(exist_ok=True)
    for name, svg in asyncio.run(stage_pictures()).items():
        (KEPT_IN / name).write_text(svg, encoding="utf-8", newline="\n")
    return 0


def main() -> int:
    """Write them all, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__)
    every = [*PICTURES, *GERMAN, "patient-screen"]
    parser.add_argument("names", nargs="*", help=f"which, of: {', '.join(every)}; all when none is named")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write, by default docs/pictures")
    parser.add_argument("--stages", action="store_true", help="the pictures that tests/console holds every stage to")
    given = parser.parse_args()
    if given.stages:
        return _stages()
    unknown = sorted(set(given.names) - set(every))
    if unknown:
        parser.error(f"no picture is called {', '.join(unknown)}; there are: {', '.join(every)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.names or every:
        svg = asyncio.run(picture(name))
        (given.folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"{name}: {len(svg.encode())} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
