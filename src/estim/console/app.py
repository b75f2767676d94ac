"""The therapist's console: draws snapshots, sends requests. It never sees a current to send; the stop lies under it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from estim.console import collector
from estim.console.command import Command, free
from estim.console.draft import Draft, Stage, Station
from estim.console.drawing import draw_frame, draw_panes
from estim.console.frame import Frame, NextLine
from estim.console.hands import Hands
from estim.console.happened import Happened
from estim.console.home_view import EmptyHome, HomeView, OpenSession, PastPatient
from estim.console.keys import key_fields, key_names, parse_keymap
from estim.console.language import ENGLISH, Words
from estim.console.listing import ListingApp
from estim.console.objectives import Objectives
from estim.console.pane import Pane
from estim.console.picture import Picture
from estim.console.presses import Arrival, Judge
from estim.console.problem_words import problem_lines
from estim.console.spoken import Spoken
from estim.console.stages import first_pane, make_pane
from estim.console.stages.always import always, leave
from estim.console.stages.room import RoomPane
from estim.console.stages.takeover import TakeoverPane
from estim.console.stop_gate import CLOSING_REQUESTS
from estim.console.stopping_app import LOOK_S
from estim.console.themes import THEMES
from estim.controller.interface import Answer, SessionClient
from estim.safety.reports import OutputState
from estim.session.events import Note, Request
from estim.session.snapshot import Snapshot

Then = Callable[[Answer], Any]


class EstimConsole(ListingApp):
    """One station over a running controller: one guided session after another.

    Args:
        client: the controller, as `controller.client` holds it.
        home_view: patients and past sessions, read-only.
        keymap: bytes of a `console.toml`, or b"".
        say: the words of one language.
        theme: one of `estim-dark`, `estim-light`, `estim-contrast`, or any of Textual's.
        look_s: seconds between two pictures.
        clock: seconds, for presses; `wall`: the time of day as the strip shows it.
        before_real: practice objectives that this site asks of an operator before a real device.
        empty_room: nobody lies on the pads of the simulated stimulator.
    """

    CSS_PATH = Path(__file__).with_name("estim.tcss")
    TITLE = "estim"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f20"  # it opens by the key table
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (79, "-narrow"), (110, "-wide"), (170, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-short"), (34, "-tall"), (54, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[Any]] = []

    def __init__(
        self,
        client: SessionClient,
        *,
        home_view: HomeView | None = None,
        keymap: bytes = b"",
        say: Words = ENGLISH,
        theme: str = "estim-dark",
        look_s: float = LOOK_S,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], str] = lambda: time.strftime("%H:%M"),
        before_real: Sequence[str] = (),
        empty_room: bool = False,
    ) -> None:
        super().__init__(client, look_s=look_s, clock=clock)
        self.home_view: HomeView = home_view if home_view is not None else EmptyHome()
        self.station = Station(empty_room=empty_room)
        self.draft = Draft()
        self.judge = Judge()
        self.keymap = parse_keymap(keymap)
        self.key_names = {id: say.key(shown) for id, shown in key_names(self.keymap).items()}  # noqa: A001
        self.say = say.with_fields(**{name: say.key(str(key)) for name, key in key_fields(self.keymap).items()})
        self.happened = Happened(self.say)
        self.wall = wall
        self.before_real = before_real
        self.objectives = Objectives()
        self.pane: Pane = first_pane(self)
        self.questions: list[Pane] = []
        self.spoken = Spoken()
        self._hands = Hands(self)
        self._waiting: dict[int, Then | None] = {}
        self._picture = Picture()
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme

    # -- keys -------------------------------------------------------------------------------------------------------

    def pressed(self, key: str, text: str | None, arrival: Arrival) -> None:
        """A key that is no stop."""
        self._picture.touched(self.clock())
        self._hands.press(key, text, arrival)

    def pasted(self) -> None:
        """Text that nobody typed does nothing, in fields as well."""
        self.said(self.say("refuse.paste"))

    def on_next_line_clicked(self, clicked: NextLine.Clicked) -> None:
        """A click is a press of the key that stands there."""
        if clicked.key == "space":
            self.on_banner_clicked()
        else:
            self._hands.press(clicked.key, None, Arrival(self.clock()))

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what the controller said, and draw it."""
        for answer in self.client.poll():
            self._answered(answer)
        self.snapshot = snapshot = self.client.snapshot
        self.gate.observe(snapshot, self.client.takeover, fatal=self.client.fatal)
        if self._picture.heard(snapshot, self.clock()):
            self.happened.observe(snapshot)
        if snapshot is not None:
            self._practise(snapshot)
            if snapshot.output is OutputState.OFF and not self.gate.closed:
                self.stop_sent = False
            setup_s = self.draft.time_setup(snapshot)
            if setup_s is not None:
                self.note({"setup_s": setup_s})
            self.draft.watch(snapshot)
        lost = self.client.takeover is not None or self.client.fatal
        if lost and not isinstance(self.pane, TakeoverPane):
            self.clear()
            self._change(TakeoverPane(self))
        if self.spoken.text:
            self.spoken.look(self.clock(), self.offered())
        if not self._picture.stands(self.clock(), closed=self.gate.closed):
            self.draw()

    def stopped_by(self, key: str) -> None:
        """Which key it was, for the practice."""
        self.objectives.stop_key(key, self.snapshot)

    def _practise(self, snapshot: Snapshot) -> None:
        """What was done is kept with the operator, as soon as it is done."""
        self.objectives.observe(snapshot)
        for objective in self.objectives.take_new():
            if self.station.operator:
                self.home_view.practised(self.station.operator, objective, Path(snapshot.record_path).name)
                self.happened.tell(self.say("objectives.met", what=self.say(f"objective.{objective}")), snapshot)

    @property
    def stage(self) -> str:
        """The name of what stands under all questions."""
        return self.pane.NAME

    @property
    def silent_s(self) -> float:
        """How old the last snapshot is."""
        return self._picture.silent_s(self.clock())

    @property
    def setup_us(self) -> int | None:
        """Time since sign-in, up to the first therapeutic contraction."""
        return self.draft.setup_us(self.snapshot)

    # -- requests ---------------------------------------------------------------------------------------------------

    def next_id(self) -> int:
        """A number for the next request."""
        return self.client.next_id()

    def send(self, request: Request, then: Then | None = None) -> None:
        """Hand a request over; `then` gets the answer, without it a refusal is said over the next line."""
        if isinstance(request, CLOSING_REQUESTS):
            self.gate.close(request.id)
        self._waiting[request.id] = then
        self.client.send(request)

    def note(self, fields: dict[str, object], *, kind: str = "note") -> None:
        """Words for the record."""
        self.send(Note(id=self.next_id(), kind=kind, fields=fields))

    def _answered(self, answer: Answer) -> None:
        self._picture.touched(self.clock())
        then = self._waiting.pop(answer.id, None)
        if then is not None:
            then(answer)
        elif not answer.accepted:
            self.problems(answer.problems)

    def problems(self, problems: Sequence[dict[str, Any]]) -> None:
        """Say why the controller refused something: the first reasons; the record has all of them."""
        self.said("\n ".join(problem_lines(problems, self.say)))

    def said(self, text: str) -> None:
        """Say it over the next line."""
        if self.spoken.say(text, self.clock()):  # a picture takes 5 ms
            self.draw()

    def refused(self, key: str, why: str) -> None:
        """Say why a key does nothing, for as long as that is so."""
        if self.spoken.refuse(key, why, self.clock()):
            self.draw()

    def past_patients(self) -> tuple[PastPatient, ...]:
        """Who was treated here before, on this kind of device: simulated and real never mix."""
        simulated = self.snapshot is not None and self.snapshot.simulated
        return self.home_view.patients(simulated=simulated) if self.snapshot is not None else ()

    def past_patient(self, patient_id: str) -> PastPatient | None:
        """One of them, None for somebody new."""
        return next((patient for patient in self.past_patients() if patient.id == patient_id), None)

    # -- what stands on the screen ----------------------------------------------------------------------------------

    def on_top(self) -> Pane:
        """The question on top, or the stage."""
        return self.questions[-1] if self.questions else self.pane

    def beneath(self) -> Sequence[Command]:
        """Of the question on top, of the stage, of the console itself."""
        if not self.questions:
            return [*self.pane.commands(), *always(self)]
        asked = [*self.questions[-1].commands()]
        below = self.questions[-1].through(self.pane.commands())
        return [*asked, *free(below, asked), *always(self)]

    def act(self, command: Command) -> None:
        """Do it, and draw what it did."""
        self.spoken.clear()
        command.act()
        self.judge.asked_anew()
        self.draw()

    def draw(self) -> None:
        """The frame, and the pane in it."""
        frame = self.screen_stack[0] if self.screen_stack else None
        if not isinstance(frame, Frame) or not self.pane.composed:
            return
        self._picture.drawn(self.clock())
        draw_frame(self)
        draw_panes((self.pane, *self.questions), self.snapshot)
        frame.show_under(self.screen)
        if self.on_top().composed:
            self.call_after_refresh(lambda: self.judge.painted(self.clock()))

    def query_frame(self, kind: type[Any]) -> Any:
        """A line of the frame."""
        return self.screen_stack[0].query_one(kind)

    def _change(self, pane: Pane) -> None:
        self.pane = pane
        self.judge.asked_anew()
        if self.is_running:
            self.call_next(self.begin)

    async def begin(self) -> None:
        """Put the pane on the screen, with what is asked over it."""
        body = next(iter(self.screen_stack[0].query("#body")), None)
        if body is None or not body.is_attached:  # a busy machine: the stage changed before the first picture
            self.call_after_refresh(self.begin)
            return
        with self.batch_update():
            await body.remove_children()
            await body.mount(self.pane, *self.questions)

    def ask(self, question: Pane) -> None:
        """Put a question over the stage: beneath it in the body, or in its place where it needs the room."""
        self.questions.append(question)
        self.judge.asked_anew()
        self._cover()
        self.screen_stack[0].query_one("#body").mount(question)
        self.draw()

    def close(self, question: Pane) -> None:
        """Take it away again; nothing where it is gone already."""
        if question not in self.questions:
            return
        self.questions.remove(question)
        self.judge.asked_anew()
        if question.is_attached:
            question.remove()
        self._cover()
        self.on_top().focus_field()
        self.draw()

    def _cover(self) -> None:
        """What needs the whole room hides what lies under it."""
        stack = (self.pane, *self.questions)
        first = max((n for n, each in enumerate(self.questions, start=1) if each.whole), default=0)
        for n, each in enumerate(stack):
            each.display = n >= first

    def clear(self) -> None:
        """Nothing lies over the session any more."""
        for question in list(self.questions):
            self.close(question)
        self.close_lists()

    def open_sessions(self) -> tuple[OpenSession, ...]:
        """Sessions of this home that did not end with a signature, the latest first; never the one that is open."""
        simulated = self.snapshot is not None and self.snapshot.simulated
        path = self.snapshot.record_path if self.snapshot is not None else ""
        if self.snapshot is None:
            return ()
        return tuple(one for one in self.home_view.open_sessions(simulated=simulated) if one.folder not in path)

    def sign_out(self) -> None:
        """Somebody else works here."""
        self.station, self.objectives = Station(empty_room=self.station.empty_room), Objectives()
        self.clear()
        self._change(first_pane(self))

    def open_room(self) -> None:
        """What can happen in the simulated room."""
        self.ask(RoomPane(self))

    def leave(self) -> None:
        """Stop, wait for off, ask, and leave."""
        leave(self)

    def chosen_channel(self) -> int:
        """The device channel that keys act on."""
        return getattr(self.pane, "chosen", None) or 1

    def go(self, stage: Stage) -> None:
        """Show this stage; what was entered stands in the draft."""
        self.clear()
        self._change(make_pane(stage, self))

    def next_patient(self) -> None:
        """Forget the patient in one act, and go home."""
        collector.rest()
        self.draft = Draft()
        self.happened = Happened(self.say)
        self.spoken.clear()
        self.go(Stage.HOME)

    # -- commands, leaving ------------------------------------------------------------------------------------------

    async def action_quit(self) -> None:
        """Nothing just quits."""
        leave(self)
