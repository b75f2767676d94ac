"""Helpers for the console's tests: an app over a session in simulated time, drawn by hand instead of by its timers."""

from __future__ import annotations

import asyncio
import re
import types
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from textual._context import visible_screen_stack
from textual.pilot import Pilot

from estim.console.app import EstimConsole
from estim.console.command import next_of
from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, HomeView, PastPatient, RecordsHome
from estim.console.keys import shown
from estim.console.language import ENGLISH, Words
from estim.console.presses import Arrival
from estim.console.terminal import KeyPress
from estim.controller.interface import ConfigureFrom
from estim.protocols import library
from estim.protocols.loader import load
from estim.safety.schedule import Purpose
from estim.session import events
from estim.session.screening import scripted_answers
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

from .simulated import SimulatedSession

NEVER_S = 3600.0  # the app's own timers stay out of the way: `Bench.look` draws
PROTOCOL = "stroke-foot-drop-peroneal"


def read_home(root: Path) -> RecordsHome:
    """The home, once it was read."""
    view = RecordsHome(root)
    view.wait()
    return view


class Clock:
    """Seconds, by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@types.coroutine
def a_turn() -> Generator[None, None, None]:
    """Everybody else's turn once."""
    yield


async def settle(app: EstimConsole) -> None:
    """What was sent has arrived, and what it changed is laid out and drawn; no clock is waited for.

    `Pilot.pause` sleeps until the process has next to nothing to do: 20 ms at best, up to a second beside four others.
    """
    loop = cast("asyncio.BaseEventLoop", asyncio.get_running_loop())
    for _ in range(10_000):
        await a_turn()
        if loop._ready:  # type: ignore[attr-defined]  # somebody else has something to do
            continue
        screen = app.screen
        wants = screen._layout_required or screen._scroll_required or screen._repaint_required
        if not (wants or screen._dirty_widgets or screen._callbacks or screen._recompose_required):
            return
        screen._on_timer_update()
    raise AssertionError("the screen never comes to rest")


class Bench:
    """A console, its pilot and its session, with the steps that many tests share."""

    def __init__(self, app: EstimConsole, pilot: Pilot[int], session: SimulatedSession, clock: Clock) -> None:
        self.app, self.pilot, self.session, self.clock = app, pilot, session, clock
        self.keys = 0

    async def look(self, seconds: float = 0.0) -> None:
        """Let `seconds` pass, then draw."""
        self.session.advance(seconds)
        self.clock.now_s += seconds
        for _ in range(4):
            self.app.look()
            await settle(self.app)
            if self.app.on_top().composed and not self.app.judge._waits:
                break
        self.app.draw()

    async def send(self, key: str, text: str | None = None, *, together: int = 1, alike: bool = True) -> None:
        """One key, as the terminal's ear hands it over."""
        arrival = Arrival(self.clock.now_s, together, alike)
        await self.app.on_event(KeyPress(key, text if text is not None else key if len(key) == 1 else None, arrival))
        self.keys += 1

    async def press(self, *keys: str) -> None:
        """Keys, a second of a person's time apart."""
        for key in keys:
            self.clock.now_s += 1.0
            await self.send(key)
            await self.look(0.05)
            for _ in range(5):
                if not self.app._waiting:
                    break
                await self.look(0.05)  # the controller's answer is on its way

    async def type(self, text: str) -> None:
        """Text, letter by letter, at once."""
        for letter in text:
            await self.send({" ": "space", "-": "minus"}.get(letter, letter), letter)
        await self.look()

    def lines(self) -> list[str]:
        """What stands on the screen, row by row; under a list that leaves rows free, what a terminal shows there."""
        width, height = self.app.size
        visible_screen_stack.set(self.app._background_screens)
        strips = self.app.screen._compositor.render_strips()[:height]
        return [strip.text.replace("\u00a0", " ").ljust(width)[:width].rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines())

    @property
    def next(self) -> str:
        """The next line."""
        row = self.app.screen_stack[0].query_one("#next")
        return str(row.render()).strip()

    @property
    def banner(self) -> str:
        return str(self.app.screen_stack[0].query_one("#banner").render()).strip()

    @property
    def strip(self) -> str:
        return str(self.app.screen_stack[0].query_one("#strip").render()).strip()

    @property
    def said(self) -> str:
        return self.app.spoken.text

    async def follow(self, until: Callable[[], bool], *, most: int = 120) -> int:
        """Press what the next line names, and nothing else, until something is so; gives the number of presses."""
        for count in range(most):
            if until():
                return count
            await self.follow_one()
        raise AssertionError(f"not within {most} keys\n{self.text}")

    async def follow_one(self) -> None:
        """Press what the next line names, or wait half a second where it names nothing."""
        command = next_of(self.app.offered())
        named = re.match(r"→ (\S+)", self.next)
        if command is None or named is None:
            await self.look(0.5)
            return
        assert named[1] == self.app.say.key(shown(command.keys[0])), (self.next, command)
        await self.press(command.keys[0])

    def at(self, stage: str) -> bool:
        return stage == self.app.pane.NAME and not self.app.questions

    async def sign_in(self, operator: str = "PT1") -> None:
        await self.type(operator)
        await self.press("enter")

    async def to(self, stage: Stage, *, patient: str = "P-042") -> None:
        """The way of a new patient, by the keys that the next line names."""
        if self.app.pane.NAME == "sign-in":
            await self.sign_in()
        if self.app.pane.NAME == "home" and stage is not Stage.HOME:
            await self.press("n", "t")
            await self.type(patient)
            await self.press("enter", "y")
        if stage in {Stage.HOME, Stage.PLAN}:
            return
        await self.follow(lambda: self.at(stage.value) or self.at("levels"))
        if stage in {Stage.TREAT, Stage.OUTCOME} and not self.at(stage.value):
            await self.find_levels()
        if stage is Stage.OUTCOME:
            await self.treat()
            await self.press("e", "1")
            await self.look(0.5)
            await self.follow(lambda: self.at("outcome"))

    async def seek(self, protocol: str = PROTOCOL) -> None:
        """Levels are sought: armed and started, at 0 mA."""
        await self.jump(Stage.LEVELS, protocol=protocol)
        await self.press("f2")
        await self.look(1.0)
        await self.press("f9")

    async def jump(self, stage: Stage, *, protocol: str = PROTOCOL, level_ma: int = 6) -> None:
        """Straight to a stage from the device's on, as if the way there had been gone (test_way goes it key by key)."""
        draft, session, app = self.app.draft, self.session, self.app
        app.station.operator = "PT1"
        draft.patient_id, draft.signed_in, draft.signed_in_us, draft.consent = "P-042", True, 0, True
        draft.choose(protocol, load(Path(protocol) if protocol.endswith(".toml") else library.path(protocol)))
        draft.choose_side("right")
        draft.answers = {key: value for key, value in scripted_answers().items() if key != "R48"}
        draft.stop_holder, draft.support, draft.warnings_reason = "therapist", "harness", "needed-tolerated"

        def ask(request: type[events.Request], **fields: Any) -> None:
            session.send(request(id=session.next_id(), **fields))
            session.advance(0.1)

        ask(events.SignIn, operator="PT1", patient_id="P-042")
        if stage in {Stage.SCREENING, Stage.ASSESSMENT, Stage.PLAN}:
            draft.answers = {}
            app.go(stage)
            await self.look(0.2)
            return
        ask(events.Screen, answers=draft.answers)
        if stage is Stage.PADS:
            app.go(stage)
            await self.look(0.2)
            return
        self._configure("titration")
        if stage is Stage.TREAT:
            self._confirm()
            ask(events.Arm)
            session.advance(1.0)
            ask(events.Start)
            self._raise(level_ma)
            channels = [view.channel for view in self._view().channels]
            for number, channel in enumerate(channels):
                if number:
                    self._raise(level_ma)
                ask(events.Mark, channel=channel, kind="max-tolerated")
                ask(events.NextChannel)
                session.advance(1.0)
            app.draft.take_levels(self._view().channels)
            self._configure("therapy")
        if stage is not Stage.DEVICE:
            self._confirm()
        app.go(stage)
        await self.look(0.2)

    def _view(self) -> Snapshot:
        assert self.session.snapshot is not None
        return self.session.snapshot

    def _raise(self, level_ma: int) -> None:
        for _ in range(400):
            snapshot = self._view()
            channel = snapshot.titration_channel
            view = next((one for one in snapshot.channels if one.channel == channel), None)
            if view is not None and view.level_ua >= level_ma * 1000:
                return
            if view is not None and not view.raise_locked:
                raise_ = events.Raise(id=self.session.next_id(), channel=view.channel, snapshot_n=snapshot.n)
                self.session.send(raise_)
            self.session.advance(0.1)
        raise AssertionError("the level was not reached")

    def _configure(self, purpose: Purpose) -> None:
        setup = self.app.draft.setup(simulated=True)
        self.session.send(
            ConfigureFrom(id=self.session.next_id(), source=self.app.draft.source, setup=setup, purpose=purpose)
        )
        self.session.advance(0.1)

    def _confirm(self) -> None:
        for want in self._view().wants:
            self.session.send(events.Confirm(id=self.session.next_id(), what=want, value="yes"))
        self.session.advance(0.1)

    async def running(self, seconds: float = 3.0, *, protocol: str = PROTOCOL) -> None:
        """In the middle of treatment, output on where it walks."""
        await self.jump(Stage.TREAT, protocol=protocol)
        await self.press("f2")
        await self.look(1.0)
        await self.press("f9")
        self.session.room(type="walk", walks=True)
        await self.look(seconds)

    async def find_levels(self, steps: int = 18) -> None:
        """From the levels stage to treatment: one step at a time, then the mark."""
        await self.follow(lambda: self.phase is Phase.RUNNING)
        await self.raise_by(steps)
        await self.press("t")
        await self.look(1.0)
        await self.follow(lambda: self.at("treat"))

    async def raise_by(self, steps: int) -> None:
        """So many steps up, each while the contraction is held."""
        for _ in range(steps):
            for _ in range(200):
                view = self.app.snapshot.channels[0] if self.app.snapshot is not None else None
                if view is not None and not view.raise_locked:
                    break
                await self.look(0.2)
            await self.press("plus")

    async def treat(self, seconds: float = 3.0) -> None:
        """From the treatment's stage to current: the checks, F2, F9; the patient walks."""
        await self.follow(lambda: self.phase is Phase.RUNNING)
        self.session.room(type="walk", walks=True)
        await self.look(seconds)

    @property
    def phase(self) -> Phase:
        assert self.app.snapshot is not None
        return self.app.snapshot.phase


Make = Callable[..., AbstractAsyncContextManager[Bench]]


def make_app(session: SimulatedSession, clock: Clock, **options: Any) -> EstimConsole:
    """A console that nothing but the test moves."""
    return EstimConsole(session, look_s=NEVER_S, clock=clock, wall=lambda: "09:41", **options)


@asynccontextmanager
async def make_bench(
    *, size: tuple[int, int] = (80, 24), session: SimulatedSession | None = None, home_view: HomeView | None = None,
    say: Words = ENGLISH, **options: Any,
) -> AsyncIterator[Bench]:  # fmt: skip
    """A console over a fresh session."""
    clock, session = Clock(), session or SimulatedSession()
    app = make_app(session, clock, home_view=home_view, say=say, **options)
    async with app.run_test(size=size) as pilot:
        await settle(app)
        one = Bench(app, pilot, session, clock)
        await one.look()
        await one.look()
        yield one


@pytest.fixture
def bench() -> Make:
    """`async with bench() as b`: a console of 80×24 over a fresh session."""
    return make_bench


def returning(**changed: Any) -> EmptyHome:
    """A home that knows P-042: foot drop on the right, one session behind."""
    answers: dict[str, bool | str] = {}
    fields: dict[str, Any] = {
        "id": "P-042", "sessions": 3, "last_protocol": "Foot drop: common peroneal FES during walking",
        "last_protocol_id": PROTOCOL, "last_day": "2026-11-24", "last_week": 2, "last_session": 3, "side": "right",
        "answers": answers, "warnings_reason": "needed-tolerated", "last_ending": "completed", "last_contractions": 96,
    } | changed  # fmt: skip
    return EmptyHome(known=(PastPatient(**fields),))
