"""Every stage of a practice session, one after another on one console: for pictures, and for what holds on all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from textual.events import Resize
from textual.geometry import Size

from estim.console.draft import Stage
from estim.console.frame import Banner
from estim.console.home_view import EmptyHome
from estim.console.past import PastSession
from tools.pictures import drawn

from .conftest import Bench, a_turn, make_bench, returning, settle
from .test_screening import ANSWERED

SIZES = ((80, 24), (120, 40), (200, 60))
MARKS = {"tibialis-anterior-peronei": {"sensory": 7_000, "motor": 16_000, "max-tolerated": 21_000, "level": 21_000}}
KILLED = PastSession(
    folder="20261127T1620", patient_id="P-031", day="2026-11-27", time="16:20", protocol="Wrist and finger extension",
    ending="stopped", contractions=12, planned=96, how="killed", stopped_ms=21, level_words="18.0 mA",
)  # fmt: skip
LEVEL_MA = 24  # moves the foot of the simulated patient


def known_home() -> EmptyHome:
    """P-042 was here three times; a session of P-031 broke off."""
    home = returning(answers=ANSWERED, marks=MARKS, condition="stroke")
    return EmptyHome(known=home.known, past_sessions=(KILLED,))


# Those whose pictures are kept, as SVG: what a change of any of them looks like is seen before it lands.
KEPT = ("home", "plan", "assessment", "screening", "pads", "device", "levels", "treat", "lead-off", "outcome", "sign")
KEPT_BYTES = 90_000  # no page loads them
FOLDER = Path(__file__).with_name("pictures")


async def stage_pictures() -> dict[str, str]:
    """Name of the file → SVG, each of `KEPT` at each of `SIZES`."""
    found: dict[str, str] = {}
    async with make_bench(size=SIZES[0], home_view=known_home()) as b:
        async for name in every_stage(b):
            for size in SIZES if name in KEPT else ():
                await resize(b, size)
                found[f"{name}-{size[0]}x{size[1]}.svg"] = drawn(b.app, most=KEPT_BYTES)
    return found


async def resize(b: Bench, size: tuple[int, int]) -> None:
    """Another terminal under the same console."""
    given = Size(*size)
    b.app._driver._size = given  # type: ignore[union-attr]
    b.app.post_message(Resize(given, given))
    await settle(b.app)
    b.app._check_resize()  # what a timer of 8 ms would do: one layout for all sizes of a window that is drawn larger
    for _ in range(10_000):  # a screen under the list of commands hears of it in its own time
        await settle(b.app)
        if b.app.query_frame(Banner).size.width == given.width and b.app.screen.size == given:
            break
        await a_turn()
    else:
        raise AssertionError(f"no banner of {given.width} columns")
    for _ in range(2):
        b.app.draw()
        await settle(b.app)


async def every_stage(b: Bench) -> AsyncIterator[str]:
    """Goes from one to the next as the caller asks for it; gives each one's name."""
    yield "sign-in"
    await b.sign_in()
    yield "home"
    await b.press("f6")
    yield "unfinished"
    await b.press("f7", "n")
    yield "identity"
    await b.press("t")
    await b.type("P-050")
    await b.press("enter", "y", "1")
    await b.look(1.0)
    yield "plan"
    await b.follow(lambda: b.at("assessment"))
    await b.look(1.0)
    yield "assessment"
    await b.follow(lambda: b.at("screening"))
    await b.press("n", "n", "n", "n")
    await b.look(1.0)
    yield "screening"
    await b.jump(Stage.PADS)
    b.app.spoken.clear()
    await b.look(1.0)
    yield "pads"
    await b.jump(Stage.DEVICE)
    b.app.spoken.clear()
    await b.look(1.0)
    yield "device"
    await b.jump(Stage.LEVELS)
    await b.press("f2")
    await b.look(1.0)
    await b.press("f9")
    await b.raise_by(7)
    await b.press("s")
    await b.raise_by(3)
    yield "levels"
    await b.send("space", " ")
    await b.look(1.0)
    await b.jump(Stage.TREAT, level_ma=LEVEL_MA)
    b.app.spoken.clear()
    await b.look(1.0)
    yield "ready"
    await b.press("f2")
    await b.look(1.0)
    await b.press("f9")
    b.session.room(type="walk", walks=True)
    for _ in range(70):
        await b.look(0.1)
    yield "treat"
    await b.press("f1")
    yield "help"
    await b.press("f1", "f10")
    await b.look(0.1)
    yield "commands"
    await b.press("escape") if not b.app.gate.closed else b.app.clear()
    await b.look(0.1)
    b.session.room(type="pad", channel=1, do="lift")
    for _ in range(30):
        await b.look(0.1)
    yield "lead-off"
    await b.press("e", "1")
    await b.look(0.5)
    yield "ended"
    await b.follow(lambda: b.at("outcome"))
    await b.look(1.0)
    yield "outcome"
    await b.follow(lambda: b.app.say("sign.means-says") in b.next)
    await b.look(1.0)
    yield "sign"
