"""The stop keys: the gate's rule by itself, and a stop from every context of the console."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from textual import events
from textual.app import ComposeResult
from textual.command import CommandPalette
from textual.driver import Driver
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Select, TextArea

from estim.console.draft import Stage
from estim.console.screens.run import RunScreen
from estim.console.stop_gate import StopGate, StopPressed, is_stop_key, stop_driver
from estim.controller.interface import Takeover
from estim.safety.reports import OutputState
from estim.session.state import Phase

from .conftest import Bench, Make
from .fake_session import FakeSession

STOP_NAMES = ["space", "escape", "f12", "shift+space", "shift+f12", "ctrl+@", "ctrl+space", "alt+a", "alt+space"]


@pytest.mark.parametrize("key", STOP_NAMES)
def test_every_name_of_a_stop_key_is_one(key: str) -> None:
    assert is_stop_key(key)


@pytest.mark.parametrize("key", ["a", "f1", "f2", "enter", "ctrl+q", "shift+a", "plus", "0", "at"])
def test_other_keys_are_none(key: str) -> None:
    assert not is_stop_key(key)


class Gate:
    """A gate over a fake session, with the changes that it told."""

    def __init__(self) -> None:
        self.session = FakeSession()
        self.told: list[bool] = []
        self.gate = StopGate(self.session, lambda: self.told.append(self.gate.closed))

    def observe(self, takeover: Takeover | None = None, **changed: Any) -> None:
        self.gate.observe(dataclasses.replace(self.session.picture(), **changed), takeover)


def test_closed_until_the_first_snapshot_that_proves_off() -> None:
    one = Gate()
    assert one.gate.closed
    one.gate.observe(None, None)
    assert one.gate.closed
    assert one.gate.press("space")
    assert one.session.stops == ["key"]
    one.observe()
    assert not one.gate.closed
    assert not one.gate.press("space")
    assert one.told == [False]


def test_opens_only_on_the_answer_to_its_own_request() -> None:
    one = Gate()
    one.observe(answered=4)
    one.gate.close(7)
    one.observe(answered=6)  # still the old picture: the request is on its way
    assert one.gate.closed
    one.observe(answered=7)
    assert not one.gate.closed
    assert one.told == [False, True, False]


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("output", list(OutputState))
def test_open_exactly_where_output_is_off_and_can_not_come(phase: Phase, output: OutputState) -> None:
    one = Gate()
    one.observe(phase=phase, output=output)
    proved = output is OutputState.OFF and phase not in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING}
    assert one.gate.closed is not proved


def test_closes_by_itself_when_a_snapshot_says_that_output_may_be_on() -> None:
    one = Gate()
    one.observe()
    one.observe(phase=Phase.RUNNING, output=OutputState.ON)
    assert one.gate.closed


def test_after_a_takeover_only_its_own_word_counts() -> None:
    one = Gate()
    one.observe(takeover=Takeover(cause="eof", output="UNCERTAIN", text=""))
    assert one.gate.closed
    one.observe(takeover=Takeover(cause="eof", output="OFF", text=""), phase=Phase.RUNNING, output=OutputState.ON)
    assert not one.gate.closed


class RecordingDriver(Driver):
    """The part of a driver that the hook sits in."""

    def __init__(self) -> None:
        self.seen: list[Message] = []

    def process_message(self, message: Message) -> None:
        self.seen.append(message)

    def write(self, data: str) -> None: ...

    def start_application_mode(self) -> None: ...

    def disable_input(self) -> None: ...

    def stop_application_mode(self) -> None: ...


def test_the_hook_stops_in_the_driver_and_passes_no_key_on() -> None:
    one = Gate()
    driver = stop_driver(RecordingDriver, one.gate)()  # type: ignore[call-arg]
    driver.process_message(events.Key("space", " "))
    assert one.session.stops == ["key"]
    driver.process_message(events.Key("a", "a"))
    one.observe()
    driver.process_message(events.Key("space", " "))
    assert one.session.stops == ["key"]
    kinds = [type(message) for message in driver.seen]  # type: ignore[attr-defined]
    assert kinds == [StopPressed, events.Key, events.Key]


# -- in the console -------------------------------------------------------------------------------------------------


async def stops(b: Bench, key: str) -> None:
    """`key` stops the running session from here, is typed nowhere, and does nothing else."""
    assert b.session.phase is Phase.RUNNING
    before = len(b.session.requests)
    await b.pilot.press(key)
    assert b.session.stops == ["key"]
    assert b.session.picture().phase is Phase.STOPPING
    assert b.session.requests[before:] == []
    await b.look()
    assert "STOP SENT" in b.text("#banner")
    await b.look(0.5)
    assert b.session.output is OutputState.OFF
    assert not b.app.gate.closed


@pytest.mark.parametrize("key", ["space", "escape", "f12", "shift+space", "alt+a"])
async def test_stop_from_the_run_screen(bench: Make, key: str) -> None:
    async with bench() as b:
        await b.running()
        assert b.app.gate.closed
        await stops(b, key)


class Form(ModalScreen[None]):
    """Everything that swallows Space, over a running session."""

    def compose(self) -> ComposeResult:
        yield Input(value="abc", id="input")
        yield TextArea("abc", id="area")
        yield Select([("one", 1), ("two", 2)], id="select")


@pytest.mark.parametrize("key", ["space", "escape", "f12"])
@pytest.mark.parametrize("focus", ["input", "area", "select"])
async def test_stop_from_a_field_in_a_modal(bench: Make, focus: str, key: str) -> None:
    async with bench() as b:
        await b.running()
        await b.app.push_screen(Form())
        await b.pilot.pause()
        form = b.app.screen
        form.query_one(f"#{focus}").focus()
        if focus == "select":
            form.query_one(Select).expanded = True
        await b.pilot.pause()
        await b.pilot.press(key)
        assert b.session.stops == ["key"]
        assert b.app.screen is form  # escape did not close it
        assert form.query_one(Input).value == "abc"
        assert form.query_one(TextArea).text == "abc"


@pytest.mark.parametrize("key", ["space", "escape", "f12"])
async def test_stop_from_the_command_palette(bench: Make, key: str) -> None:
    async with bench() as b:
        await b.running()
        b.app.action_command_palette()
        await b.pilot.pause()
        assert isinstance(b.app.screen, CommandPalette)
        await b.pilot.press(key)
        assert b.session.stops == ["key"]
        assert isinstance(b.app.screen, CommandPalette)
        b.app.screen.dismiss()


@pytest.mark.parametrize("opener", ["e", "question_mark", "f"])
async def test_stop_from_dialogs_and_from_the_comfort_prompt(bench: Make, opener: str) -> None:
    async with bench() as b:
        await b.running()
        await b.press(opener)
        assert "SPACE = STOP" in b.text("#keys")
        await b.pilot.press("space")
        assert b.session.stops == ["key"]


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("stage", list(Stage))
async def test_stop_from_every_stage(bench: Make, stage: Stage) -> None:
    """Nobody should be there while it runs; should it happen all the same, the stop works."""
    async with bench() as b:
        await b.running()
        b.app.go(stage)
        await b.look()
        await b.pilot.press("space")
        assert b.session.stops == ["key"]


async def test_stop_while_paused_armed_and_maximised(bench: Make) -> None:
    async with bench() as b:
        await b.jump()
        await b.press("f2")
        assert b.session.picture().phase is Phase.ARMED
        await b.pilot.press("space")
        assert b.session.stops == ["key"]
    async with bench() as b:
        await b.running()
        await b.press("p")
        await b.look(0.2)
        assert b.session.phase is Phase.PAUSED
        assert b.app.gate.closed
        await b.pilot.press("f12")
        assert b.session.stops == ["key"]
    async with bench() as b:
        await b.running()
        b.app.screen.maximize(b.app.screen.query_one("#channels"))
        await b.pilot.press("escape")
        assert b.session.stops == ["key"]


async def test_space_never_starts_anything(bench: Make) -> None:
    async with bench() as b:
        await b.jump()
        before = list(b.session.requests)
        await b.press("space", "enter", "space", "enter")
        assert b.session.requests == before
        assert b.session.phase is Phase.CONFIGURED


async def test_space_types_where_output_is_off(bench: Make) -> None:
    async with bench() as b:
        box = b.app.screen.query_one("#operator", Input)
        box.focus()
        await b.press("a", "space", "b")
        assert box.value == "a b"
        assert b.session.stops == []


async def test_nothing_is_pasted_while_output_may_be_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.app.push_screen(Form())
        b.app.screen.query_one("#input").focus()
        await b.pilot.pause()
        b.app.post_message(events.Paste("rrr"))
        await b.pilot.pause()
        assert b.app.screen.query_one(Input).value == "abc"


async def test_a_key_that_comes_with_the_gate_closing_stops(bench: Make) -> None:
    """Arm was sent and is not answered yet: Space already stops."""
    async with bench() as b:
        await b.jump()
        b.session.gone = True  # the request stays unanswered
        await b.pilot.press("f2")
        assert b.app.gate.closed
        await b.pilot.press("space")
        assert b.session.stops == ["key"]


async def test_quitting_stops_waits_and_leaves(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.confirms_off = False
        await b.press("ctrl+q")
        assert b.session.stops == ["console"]
        await b.look(2)
        assert "Waiting until the device" in b.text()
        await b.press("q")
        assert b.app.is_running
        b.session.confirms_off = True
        await b.look(0.5)
        assert "output OFF" in b.text()
        await b.press("q")
        assert b.app.return_value == 0


async def test_the_palettes_quit_and_ctrl_c_ask_as_well(bench: Make) -> None:
    for leave in ("action_quit", "action_help_quit"):
        async with bench() as b:
            await b.running()
            result = getattr(b.app, leave)()
            if result is not None:
                await result
            await b.look()
            assert b.session.stops == ["console"]
            assert b.app.is_running


async def test_suspending_is_refused_while_output_may_be_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.app.action_suspend_process()
        await b.look()
        assert isinstance(b.app.screen, RunScreen)
        assert b.session.stops == []
