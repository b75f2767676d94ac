"""Two identifiers were read back: the one press that opens a session, for one patient."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Draft, Stage
from estim.console.home_view import PastPatient
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.console.present import lost
from estim.console.presses import Kind
from estim.console.stages.plan import go_on
from estim.controller.interface import Answer
from estim.protocols import library
from estim.protocols.file_names import is_a_device_on_windows
from estim.protocols.loader import load
from estim.protocols.schema import Protocol
from estim.records.patients import PSEUDONYM
from estim.safety.errors import EstimError
from estim.session.events import Confirm, ResetFault, SignIn
from estim.session.snapshot import Snapshot
from estim.session.state import Phase


class IdentityPane(Pane):
    """Y opens, N goes back; a new patient's pseudonym is offered and may be typed over."""

    NAME: ClassVar[str] = "identity"
    whole: ClassVar[bool] = False

    def __init__(self, console: Console, patient_id: str, *, new: bool = False) -> None:
        super().__init__(console)
        self._patient_id = patient_id
        self._new = new
        self._sent = False
        self._noted: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Who it is, and what is asked."""
        yield Panel(self.say("identity.title"), id="who")
        yield Field(id="pseudonym", value="", max_length=40)

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The patient, with the second identifier where one is kept."""
        past = self.console.past_patient(self._patient_id)
        self.query_one("#pseudonym").display = self.field == "pseudonym"
        if self._noted:
            lines = [f"! {self.say.heard(text)}" for text in self._noted] + [self.say("identity.ask-noted")]
        elif past is None:
            lines = [self.say("identity.new", patient=self._patient_id), self.say("identity.ask-new")]
        else:
            second = past.second_identifier or self.say("patient.second")
            lines = [self.say("identity.known", patient=past.id, count=past.sessions, day=past.last_day or "–")]
            lines.append(self.say("identity.ask", second=second))
            if past.skin_blocked:
                lines.append(self.say("patient.skin", grade=past.skin_blocked))
        self.panel("who").lines(lines)

    def commands(self) -> Sequence[Command]:
        """The two answers, and another pseudonym."""
        close = self.does("back", lambda: self.console.close(self), label=self.say("hint.back"))
        if self._noted:
            says = self.say("identity.says-noted")
            return (self.does("confirm", self._goes_on, label=self.say("hint.yes"), says=says),)
        if self.field == "pseudonym":
            typed = self.value("pseudonym")
            says = self.say("identity.takes", patient=typed)
            back = self.does("back", self._typed_enough, label=self.say("hint.back"))
            return (
                self.does("next", self._take, label=self.say("hint.enter-word"), says=says, refusal=self._wrong(typed)),
                back,
            )
        snapshot = self.now
        absent = snapshot is None or snapshot.phase is Phase.DISCONNECTED
        refusal = self.say("refuse.not-connected") if absent else self.say("refuse.opening") if self._sent else ""
        again = (self.does("reset", self._ask_device, says=self.say("reset.connect")),) if lost(snapshot) else ()
        yes = self.does(
            "confirm",
            self._open,
            label=self.say("hint.yes"),
            refusal=refusal,
            says=self.say("identity.says", patient=self._patient_id),
        )
        no = self.does("no", lambda: self.console.close(self), label=self.say("hint.no"))
        other = (self.digit("t", self._other, label=self.say("identity.other"), kind=Kind.MOVE),) if self._new else ()
        return (*again, yes, no, *other, close)

    def _ask_device(self) -> None:
        """Who it is, once more: it was lost while nobody was in a session."""
        self.console.send(ResetFault(id=self.console.next_id(), reason=""))

    def _other(self) -> None:
        self.focus_on("pseudonym")

    def _typed_enough(self) -> None:
        self.focus_on("")

    def _take(self) -> None:
        typed = self.value("pseudonym")
        self._patient_id = self._known(typed) or typed
        self.focus_on("")

    def _known(self, typed: str) -> str:
        """As this home writes whom it has; "" for somebody new."""
        return next((each.id for each in self.console.past_patients() if each.id.casefold() == typed.casefold()), "")

    def _wrong(self, typed: str) -> str:
        """Why nobody can be called so; "" where somebody may, or is."""
        if not PSEUDONYM.fullmatch(typed):
            return self.say("refuse.pseudonym", word=typed or "–")
        if is_a_device_on_windows(typed) and not self._known(typed):
            return self.say("refuse.pseudonym-of-a-port", word=typed)
        return ""

    def _open(self) -> None:
        """Ask the controller to open the session and its record; a new draft begins with it."""
        console, self._sent = self.console, True
        station = console.station
        request = SignIn(id=console.next_id(), operator=station.operator, patient_id=self._patient_id, pin=station.pin)
        console.send(request, self._opened)

    def _opened(self, answer: Answer) -> None:
        console, self._sent = self.console, False
        if not answer.accepted:
            console.problems(answer.problems)
            return
        console.draft = draft = Draft(patient_id=self._patient_id, signed_in=True)
        console.station.opened.add(self._patient_id)
        draft.signed_in_us = console.snapshot.now_us if console.snapshot is not None else 0
        console.send(Confirm(id=console.next_id(), what="identity", value="read-back"))
        self._noted = tuple(str(note["message"]) for note in answer.problems)
        if not self._noted:
            self._goes_on()

    def _goes_on(self) -> None:
        """What had to be said at the door was read, or there was nothing."""
        console, draft = self.console, self.console.draft
        past = console.past_patient(self._patient_id)
        if past is not None:
            remember(draft, past, console.home_view.own_protocols())
        console.close(self)
        planned = past is not None and draft.protocol is not None and (draft.side or not draft.asks_side())
        console.go(Stage.PLAN)
        if planned and draft.consent:
            go_on(console)


def remember(draft: Draft, past: PastPatient, own: Sequence[str] = ()) -> None:
    """What the last session of this patient says: looked at again today, none of it played."""
    draft.sessions_before, draft.previous_answers = past.sessions, dict(past.answers)
    draft.week = max(1, past.last_week or past.assigned_week)  # only the therapist moves it on
    draft.side, draft.last_marks, draft.last_day = (
        past.side,
        {name: dict(marks) for name, marks in past.marks.items()},
        past.last_day,
    )
    draft.consent = past.sessions > 0 if past.consented is None else past.consented
    draft.warnings_reason, draft.warnings_read = past.warnings_reason, past.warnings_read
    for source in (past.assigned, past.last_protocol_id):
        protocol = protocol_of(source, own)
        if protocol is not None:
            draft.choose(*protocol)
            draft.choose_side(draft.side)
            return


def protocol_of(name: str, own: Sequence[str]) -> tuple[str, Protocol] | None:
    """The library's protocol of this id, or the site's own file that has it."""
    for source, path in [(each, library.path(each)) for each in library.names() if each == name] + [
        (each, Path(each)) for each in own
    ]:
        with contextlib.suppress(EstimError, OSError):
            protocol = load(path)
            if name in {source, protocol.id}:
                return source, protocol
    return None
