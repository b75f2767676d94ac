"""The therapist's console: draws snapshots, sends requests, keeps the stop key alive. It never sees a current to send.

The UI loop beats at 4 Hz (`SessionClient.heartbeat`) from the same queue that keys go through: if that queue is stuck,
the heartbeat is too, and the controller stops the device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.driver import Driver
from textual.screen import Screen

from estim.console import collector, present
from estim.console.dialogs import HelpDialog, LeaveDialog
from estim.console.draft import Draft, Stage
from estim.console.happened import Happened
from estim.console.home_view import EmptyHome, HomeView, PastPatient
from estim.console.keys import bindings, key_fields, key_names, parse_keymap
from estim.console.language import ENGLISH, Words
from estim.console.practice import open_room, room_commands
from estim.console.screens.device import DeviceScreen
from estim.console.screens.levels import LevelsScreen
from estim.console.screens.outcome import OutcomeScreen
from estim.console.screens.pads import PadsScreen
from estim.console.screens.patient import PatientScreen
from estim.console.screens.protocol_choice import ProtocolScreen
from estim.console.screens.run import RunScreen
from estim.console.screens.screening_form import ScreeningScreen
from estim.console.screens.sign import SignScreen
from estim.console.screens.takeover import TakeoverScreen
from estim.console.stage import Dialog, StageScreen
from estim.console.stop_gate import CLOSING_REQUESTS, StopGate, StopPressed, stop_driver
from estim.console.themes import SIGNAL_COLOURS, THEMES
from estim.console.way_out import WayOut
from estim.controller.interface import Answer, SessionClient
from estim.safety.reports import OutputState
from estim.session.events import Acknowledge, Note, Request
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

LOOK_S = 0.1  # screens are drawn 10 times a second: more is nothing for the eye and work for the UI loop
HEARTBEAT_S = 0.25
TIDY_S = 1.0
PASTE_OFF, PASTE_ON = "\x1b[?2004l", "\x1b[?2004h"
EXIT_DONE, EXIT_DEVICE, EXIT_UNCERTAIN = 0, 3, 4

Then = Callable[[Answer], Any]

STAGES: dict[Stage, type[StageScreen]] = {
    Stage.PATIENT: PatientScreen,
    Stage.PROTOCOL: ProtocolScreen,
    Stage.SCREENING: ScreeningScreen,
    Stage.PADS: PadsScreen,
    Stage.DEVICE: DeviceScreen,
    Stage.LEVELS: LevelsScreen,
    Stage.RUN: RunScreen,
    Stage.OUTCOME: OutcomeScreen,
    Stage.SIGN: SignScreen,
}


class EstimConsole(App[int]):
    """One guided session over a running controller.

    Args:
        client: the controller, as `controller.client` holds it.
        home_view: patients and past sessions, read-only.
        keymap: bytes of a `console.toml`, or b"".
        say: the words of one language.
        theme: one of `estim-dark`, `estim-light`, `estim-contrast`, or any of Textual's.
        look_s: seconds between two pictures.
    """

    CSS_PATH = Path(__file__).with_name("estim.tcss")
    TITLE = "estim"
    ROLE: ClassVar[str] = ""  # a word's key for the banner, where this is not the therapist's own console
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # as Textual declares it
    BINDINGS: ClassVar[list[Any]] = bindings("help", "leave", "room")

    def __init__(
        self,
        client: SessionClient,
        *,
        home_view: HomeView | None = None,
        keymap: bytes = b"",
        say: Words = ENGLISH,
        theme: str = "estim-dark",
        look_s: float = LOOK_S,
    ) -> None:
        self.client = client
        self.gate = StopGate(client, self._gate_changed, held=self.stop_needs_a_question)
        super().__init__()
        self._way_out = WayOut(client, leave=self._leave_from_outside, exit_code=self.exit_code)
        self.home_view: HomeView = home_view if home_view is not None else EmptyHome()
        self.draft = Draft()
        self._keymap = parse_keymap(keymap)
        self.key_names = key_names(self._keymap)
        self.say = say.with_fields(**key_fields(self._keymap))
        self.happened = Happened(self.say)
        self.snapshot: Snapshot | None = None
        self.stop_sent = False  # until the device confirms
        self._waiting: dict[int, Then | None] = {}
        self._ui_loop: asyncio.AbstractEventLoop | None = None
        self._look_s = look_s
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme

    # -- the stop ---------------------------------------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The signal colours, for themes that are not ours: changing the theme must never break a screen."""
        return dict(SIGNAL_COLOURS)

    def get_driver_class(self) -> type[Driver]:
        """Whatever Textual chose, with the gate in its input thread."""
        return stop_driver(super().get_driver_class(), self.gate)

    def stop_needs_a_question(self) -> bool:
        """Never, where the therapist herself is; see `observer`."""
        return False

    async def on_event(self, event: events.Event) -> None:
        """The gate once more, for drivers that the input thread's hook does not reach; ahead of everything else."""
        if isinstance(event, events.Key) and not event.is_forwarded and self.gate.press(event.key):
            self.on_stop_pressed()
            return
        if isinstance(event, events.Paste) and self.gate.closed:
            return  # nothing is pasted while output may be on
        await super().on_event(event)

    def on_stop_pressed(self, _: StopPressed | None = None) -> None:
        """The stop is on its way already; show it."""
        self.stop_sent = True
        self._draw()

    def on_banner_clicked(self) -> None:
        """A click on the banner stops as well, while output may be on."""
        if self.gate.closed:
            self.client.stop("console")
            self.gate.unexplained = True
            self.on_stop_pressed()

    def _gate_changed(self) -> None:
        """No bracketed paste while closed (an unfinished one swallows Space), and no garbage collection in the way."""
        closed = self.gate.closed
        if self._driver is not None:
            self._driver.write(PASTE_OFF if closed else PASTE_ON)
            self._driver.flush()
        if closed:
            collector.hush()
        else:
            collector.wake()

    # -- life -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """First stage, the two timers, the signals."""
        self.set_keymap(self._keymap)
        self._gate_changed()
        self.set_interval(HEARTBEAT_S, self.client.heartbeat)
        self.client.heartbeat()
        self.look()
        self.push_screen(self.first_screen())
        self.set_interval(self._look_s, self.look)
        self.set_interval(TIDY_S, collector.tidy)
        self._ui_loop = asyncio.get_running_loop()
        self._way_out.watch()

    def first_screen(self) -> Screen[Any]:
        """Where the way begins."""
        return PatientScreen()

    def on_unmount(self) -> None:
        """Leave the interpreter as it was."""
        collector.wake()
        self._way_out.left()

    def _leave_from_outside(self) -> None:
        """The terminal is gone or a signal came; called from another thread, the stop is on its way already."""
        if self._ui_loop is not None:
            self._ui_loop.call_soon_threadsafe(self._leave_when_off)

    def _leave_when_off(self, looks: int = 12) -> None:
        """Leave once the device says off; after a bit more than the second that this may take (L25) all the same."""
        self.look()
        if self.gate.closed and looks > 0:
            self.set_timer(LOOK_S, partial(self._leave_when_off, looks - 1))
        else:
            self.exit(self.exit_code())

    def look(self) -> None:
        """Take in what the controller said, and draw it."""
        for answer in self.client.poll():
            self._answered(answer)
        self.snapshot = self.client.snapshot
        self.gate.observe(self.snapshot, self.client.takeover)
        self.happened.observe(self.snapshot)
        if self.snapshot is not None:
            if self.snapshot.output is OutputState.OFF and not self.gate.closed:
                self.stop_sent = False
            self._time_setup(self.snapshot)
        lost = self.client.takeover is not None or self.client.fatal
        if lost and not any(isinstance(screen, TakeoverScreen) for screen in self.screen_stack):
            self.push_screen(TakeoverScreen())
        self._draw()

    def _draw(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, (StageScreen, Dialog)):
                screen.show(self.snapshot)

    def _time_setup(self, snapshot: Snapshot) -> None:
        """Minutes from sign-in to the first therapeutic contraction, shown and recorded (users' own yardstick)."""
        draft = self.draft
        if draft.signed_in_us is None or draft.first_contraction_us is not None:
            return
        if snapshot.purpose == "therapy" and any(view.sent_ua > 0 for view in snapshot.channels):
            draft.first_contraction_us = snapshot.now_us
            fields: dict[str, object] = {"setup_s": (snapshot.now_us - draft.signed_in_us) // 1_000_000}
            self.note(fields)

    @property
    def setup_us(self) -> int | None:
        """Time since sign-in, up to the first therapeutic contraction."""
        if self.draft.signed_in_us is None or self.snapshot is None:
            return None
        end = self.draft.first_contraction_us
        return (self.snapshot.now_us if end is None else end) - self.draft.signed_in_us

    # -- requests ---------------------------------------------------------------------------------------------------

    def next_id(self) -> int:
        """A number for the next request."""
        return self.client.next_id()

    def send(self, request: Request, then: Then | None = None) -> None:
        """Hand a request over; `then` gets the answer, without it a refusal is shown where one is."""
        if isinstance(request, CLOSING_REQUESTS):
            self.gate.close(request.id)
        self._waiting[request.id] = then
        self.client.send(request)

    def note(self, fields: dict[str, object], *, kind: str = "note") -> None:
        """Words for the record; that they were taken says nothing about what the stage has just refused."""
        self.send(Note(id=self.next_id(), kind=kind, fields=fields), self._noted)

    def _noted(self, answer: Answer) -> None:
        if not answer.accepted:
            self._show_problems(answer)

    def _answered(self, answer: Answer) -> None:
        then = self._waiting.pop(answer.id, None)
        if then is not None:
            then(answer)
        else:
            self._show_problems(answer)

    def _show_problems(self, answer: Answer) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, StageScreen):
                screen.show_problems(answer.problems)
                break

    def acknowledge(self) -> None:
        """The topmost alarm that nobody has seen yet was read."""
        waiting = [
            alarm for alarm in present.alarms_shown(self.snapshot, None) if not alarm.acknowledged or not alarm.active
        ]
        if waiting:
            self.send(Acknowledge(id=self.next_id(), code=waiting[0].code))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette's rare actions; with a simulated device also what can happen in the room, for practice."""
        yield from super().get_system_commands(screen)
        yield from room_commands(self)

    def action_room(self) -> None:
        """What can happen in the simulated room."""
        open_room(self)

    def past_patients(self) -> tuple[PastPatient, ...]:
        """Who was treated here before, on this kind of device: simulated and real never mix."""
        simulated = self.snapshot is not None and self.snapshot.simulated
        return self.home_view.patients(simulated=simulated) if self.snapshot is not None else ()

    def past_patient(self, patient_id: str) -> PastPatient | None:
        """One of them, None for somebody new."""
        return next((patient for patient in self.past_patients() if patient.id == patient_id), None)

    # -- the way ----------------------------------------------------------------------------------------------------

    def go(self, stage: Stage) -> None:
        """Show this stage; what was entered stands in the draft."""
        self.switch_screen(STAGES[stage]())

    def go_back(self) -> None:
        """The stage before the present one."""
        stages = list(Stage)
        if isinstance(self.screen, StageScreen) and (at := stages.index(self.screen.STAGE)) > 0:
            self.go(stages[at - 1])

    def action_help(self) -> None:
        """All keys."""
        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog())

    def action_leave(self) -> None:
        """Stop, wait until the device says off, then leave."""
        if self.gate.closed:
            self.client.stop("console")
            self.gate.unexplained = True
            self.on_stop_pressed()
        if not isinstance(self.screen, LeaveDialog):
            self.push_screen(LeaveDialog(), self._left)

    async def action_quit(self) -> None:
        """The palette's Quit is the same: nothing just quits."""
        self.action_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C asks the same question."""
        self.action_leave()

    def action_suspend_process(self) -> None:
        """A suspended console can't stop anything: only while output is off."""
        if not self.gate.closed:
            super().action_suspend_process()

    def _left(self, leave: bool | None) -> None:  # noqa: FBT001  # the dialog's answer
        if leave:
            self.exit(self.exit_code())

    def exit_code(self) -> int:
        """0 done, 3 device or link failure, 4 output uncertain."""
        takeover, snapshot = self.client.takeover, self.snapshot
        output = takeover.output if takeover is not None else snapshot.output if snapshot is not None else None
        if output != OutputState.OFF:
            return EXIT_UNCERTAIN
        if takeover is not None or (snapshot is not None and snapshot.phase is Phase.FAULT):
            return EXIT_DEVICE
        return EXIT_DONE
