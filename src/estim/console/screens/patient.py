"""Signing in: who treats, who is treated, two identifiers read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from estim.console.draft import Stage
from estim.console.home_view import PastPatient
from estim.console.keys import bindings
from estim.console.language import Words
from estim.console.screens.progress import ProgressDialog
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer
from estim.records.patients import PSEUDONYM
from estim.session.events import Confirm, SignIn
from estim.session.snapshot import Snapshot
from estim.session.state import Phase


class PatientScreen(StageScreen):
    """Pseudonyms alone: no name of a patient is typed, shown or stored."""

    STAGE = Stage.PATIENT
    BINDINGS: ClassVar[list[Any]] = [
        *bindings("progress"),
        # Ahead of the field: what is typed right after it must not end up in the field before, a PIN least of all.
        Binding("enter", "next_field", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._listed = 0

    def compose_body(self) -> ComposeResult:
        """Therapist, patient, second identifier, who was here before."""
        draft = self.console.draft
        yield Label(self.say("patient.therapist"))
        yield Input(value=draft.operator, id="operator", max_length=40, compact=True)
        if self.console.home_view.asks_pin():
            yield Label(self.say("patient.pin"))
            yield Input(password=True, id="pin", max_length=64, compact=True)
        yield Label(self.say("patient.patient"))
        yield Input(value=draft.patient_id, id="patient", max_length=40, compact=True)
        yield Static(id="read-back")
        yield Label(self.say("patient.known"), id="known-title")
        yield OptionList(id="known")

    def begin(self) -> None:
        """Fill the list."""
        super().begin()
        self._list("")
        self._read_back()

    def show_stage(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """A signed-in session keeps its patient."""
        signed_in = self.console.draft.signed_in
        count = len(self.console.past_patients())
        if count != self._listed:  # records are still being read
            self._listed = count
            self._list(self.query_one("#patient", Input).value)
            self._read_back()
        for box in self.query(Input):
            box.disabled = signed_in
        self.query_one(OptionList).disabled = signed_in

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """One way on, and a known patient's progress."""
        known = (hint("progress"),) if self._known() else ()
        return (hint("next", "" if self.console.draft.signed_in else "hint.this-patient"), *known)

    def _known(self) -> str:
        patient_id = self.query_one("#patient", Input).value.strip() if self.composed else ""
        return patient_id if self.console.past_patient(patient_id) is not None else ""

    def action_progress(self) -> None:
        """How the patient in the line has come along so far."""
        if patient_id := self._known():
            self.app.push_screen(ProgressDialog(patient_id))
        else:
            self.refuse("refuse.not-known")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        if event.input.id == "patient":
            self._list(event.value)
        self._read_back()

    def action_next_field(self) -> None:
        """Enter goes to the next field, never on to the next stage; in the list it chooses."""
        if isinstance(self.focused, OptionList):
            self.focused.action_select()
        elif self.focused is not None:
            following = {"operator": "#pin" if self.query("#pin") else "#patient", "pin": "#patient"}
            self.set_focus(self.query_one(following.get(str(self.focused.id), "#known")))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose somebody known."""
        if event.option.id is not None:
            self.query_one("#patient", Input).value = event.option.id
            self.query_one("#patient").focus()

    def _list(self, text: str) -> None:
        known = self.query_one(OptionList)
        known.clear_options()
        for patient in self.console.past_patients():
            if text.strip().lower() in patient.id.lower():
                known.add_option(Option(Content(_past_line(patient, self.say)), id=patient.id))
        shown = known.option_count > 0
        known.display = shown
        self.query_one("#known-title").display = shown

    def _read_back(self) -> None:
        patient_id = self.query_one("#patient", Input).value.strip()
        past = self.console.past_patient(patient_id)
        if not patient_id:
            text = self.say("patient.ask")
        elif past is None:
            text = self.say("patient.new", patient=patient_id)
        else:
            second = past.second_identifier or self.say("patient.second")
            text = self.say("patient.again", line=_past_line(past, self.say), second=second)
            if past.condition or past.side or past.assigned:
                side = self.say.of("side", past.side) if past.side else "–"
                text += "\n" + self.say(
                    "patient.file", condition=past.condition or "–", side=side, protocol=past.assigned or "–"
                )
            if past.skin_blocked:
                text += "\n" + self.say("patient.skin", grade=past.skin_blocked)
        self.query_one("#read-back", Static).update(Content(text))

    def action_next(self) -> None:
        """Open the session and its record."""
        draft, console = self.console.draft, self.console
        if draft.signed_in:
            console.go(Stage.PROTOCOL)
            return
        snapshot = console.snapshot
        if snapshot is None or snapshot.phase is Phase.DISCONNECTED:
            self.refuse("refuse.not-connected")
            return
        draft.operator = self.query_one("#operator", Input).value.strip()
        draft.patient_id = self.query_one("#patient", Input).value.strip()
        if not draft.operator or not draft.patient_id:
            self.refuse("refuse.both")
            return
        if PSEUDONYM.fullmatch(draft.patient_id) is None:
            self.refuse("refuse.pseudonym", word=draft.patient_id)
            return
        request = SignIn(id=console.next_id(), operator=draft.operator, patient_id=draft.patient_id, pin=take_pin(self))
        console.send(request, self._signed_in)

    def _signed_in(self, answer: Answer) -> None:
        if not answer.accepted:
            self.show_problems(answer.problems)
            return
        console, draft = self.console, self.console.draft
        draft.signed_in = True
        draft.signed_in_us = console.snapshot.now_us if console.snapshot is not None else 0
        past = console.past_patient(draft.patient_id)
        if past is not None:
            draft.sessions_before, draft.previous_answers = past.sessions, dict(past.answers)
            # Of the last time, or as assigned; only the therapist moves it on.
            draft.week = max(1, past.last_week or past.assigned_week)
        console.send(Confirm(id=console.next_id(), what="identity", value="read-back"))
        console.go(Stage.PROTOCOL)


def take_pin(screen: StageScreen) -> str:
    """What was typed as PIN, once: the field is empty afterwards. "" where none is asked for."""
    boxes = screen.query("#pin").results(Input)
    box = next(iter(boxes), None)
    if box is None:
        return ""
    typed, box.value = box.value, ""
    return typed


def _past_line(patient: PastPatient, say: Words) -> str:
    line = say("patient.line", patient=patient.id, count=patient.sessions)
    if patient.last_protocol:
        line += say("patient.last", day=patient.last_day, title=patient.last_protocol)
    return line
