"""Helpers for the console's tests: an app over a fake session, drawn by hand instead of by its timers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from estim.console.app import EstimConsole
from estim.console.draft import Stage
from estim.console.home_view import HomeView
from estim.protocols import library
from estim.protocols.loader import load
from estim.session import screening

from .fake_session import FakeSession

PROTOCOL = "knee-replacement-quadriceps-early"
NEVER_S = 3600.0  # the app's own timers stay out of the way: `Driver.look` draws


class Bench:
    """An app, its pilot and its session, with the steps that many tests share."""

    def __init__(self, app: EstimConsole, pilot: Pilot[int], session: FakeSession) -> None:
        self.app, self.pilot, self.session = app, pilot, session

    async def look(self, seconds: float = 0.0) -> None:
        """Let the session play for `seconds`, then draw it."""
        self.session.advance(seconds)
        self.app.look()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.look()

    def text(self, selector: str = "") -> str:
        """All that the present screen shows, or one widget of it."""
        screen = self.app.screen
        widgets = screen.query(selector) if selector else screen.query("*")
        return "\n".join(
            str(widget.render()) for widget in widgets if widget.display and widget.region.area and not widget.children
        )

    async def sign_in(self) -> None:
        self.app.screen.query_one("#operator", Input).value = "PT1"
        self.app.screen.query_one("#patient", Input).value = "P-017"
        await self.press("f8")

    async def choose(self) -> None:
        """One channel on the thigh, side of the patient's treated knee."""
        self.app.screen.query_one("#search", Input).value = "early after total knee"
        await self.look()
        await self.press("f8")

    async def to_pads(self) -> None:
        await self.sign_in()
        await self.choose()
        self.app.draft.answers = screening.scripted_answers()
        self.app.draft.answers.pop("R48")
        self.app.go(Stage.SCREENING)
        await self.look()
        await self.press("f8")

    async def to_device(self) -> None:
        await self.to_pads()
        await self.press("l", "k", "1", "f8")

    async def test_device(self) -> None:
        """Checks confirmed, stop tried at 0 mA, no switch, on to the levels."""
        await self.confirm_all()
        await self.press("f2", "space")
        await self.look(0.2)
        await self.press("n", "f8")

    async def to_levels(self) -> None:
        await self.to_device()
        await self.test_device()

    async def confirm_all(self) -> None:
        for _ in range(8):
            if not self.session.wants:
                return
            wanted = self.session.wants[0]
            await self.press("y")
            if wanted == "stop-control":
                await self.press(*"patient", "enter")
            elif wanted == "warnings":
                await self.press("1")

    async def find_level(self, steps: int = 20) -> None:
        """From the levels stage with nothing confirmed to a found level and output off."""
        await self.confirm_all()
        await self.press("f2", "f9")
        await self.look(3.5)
        for _ in range(steps):
            await self.press("plus")
        await self.press("t", "n")
        await self.look(0.1)

    async def to_run(self) -> None:
        await self.to_levels()
        await self.find_level()
        await self.press("f8")
        await self.confirm_all()

    async def jump(self, stage: Stage = Stage.RUN, *, channels: int = 1) -> None:
        """Straight to a stage after the levels, as if the way there had been gone (one test goes it key by key)."""
        self.app.draft.choose(PROTOCOL, load(library.path(PROTOCOL)))
        self.app.draft.operator, self.app.draft.patient_id = "PT1", "P-017"
        self.app.draft.signed_in, self.app.draft.signed_in_us = True, self.session.now_us
        self.session.configured(channels)
        self.app.go(stage)
        await self.look()

    async def running(self, *, channels: int = 1) -> None:
        """In the middle of the first contraction's hold."""
        await self.jump(channels=channels)
        await self.press("f2", "f9")
        await self.look(4.5)


Make = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def bench() -> Make:
    """`async with bench() as b`: a console of 80×24 over a fresh session."""

    @asynccontextmanager
    async def make(
        *, size: tuple[int, int] = (80, 24), session: FakeSession | None = None, home_view: HomeView | None = None
    ) -> AsyncIterator[Bench]:
        session = session or FakeSession()
        app = EstimConsole(session, home_view=home_view, look_s=NEVER_S)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            one = Bench(app, pilot, session)
            await one.look()
            yield one

    return make


Way = Callable[[Bench], Awaitable[None]]
