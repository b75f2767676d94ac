"""Signing in: who treats, who is treated, two identifiers read back."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from estim.console.draft import Stage
from estim.console.home_view import PastPatient
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer
from estim.session.events import Confirm, SignIn
from estim.session.snapshot import Snapshot
from estim.session.state import Phase


class PatientScreen(StageScreen):
    """Pseudonyms alone: no name of a patient is typed, shown or stored."""

    STAGE = Stage.PATIENT

    def __init__(self) -> None:
        super().__init__()
        self._listed = 0

    def compose_body(self) -> ComposeResult:
        """Therapist, patient, second identifier, who was here before."""
        draft = self.console.draft
        yield Label("Therapist (your pseudonym or initials)")
        yield Input(value=draft.operator, id="operator", max_length=40, compact=True)
        yield Label("Patient (pseudonym, no name)")
        yield Input(value=draft.patient_id, id="patient", max_length=40, compact=True)
        yield Static(id="read-back")
        yield Label("Treated here before (type to find, ↓ and ENTER to choose)", id="known-title")
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
        """One way on."""
        return (hint("next", "yes, this is the patient" if not self.console.draft.signed_in else "Continue"),)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        if event.input.id == "patient":
            self._list(event.value)
        self._read_back()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field, never on to the next stage."""
        self.query_one("#patient" if event.input.id == "operator" else "#known").focus()

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
                known.add_option(Option(Content(_past_line(patient)), id=patient.id))
        shown = known.option_count > 0
        known.display = shown
        self.query_one("#known-title").display = shown

    def _read_back(self) -> None:
        patient_id = self.query_one("#patient", Input).value.strip()
        past = self.console.past_patient(patient_id)
        if not patient_id:
            text = "Ask the patient for two identifiers and compare them with the file."
        elif past is None:
            text = f"NEW patient {patient_id}\nRead back the pseudonym and the birth date; does the file agree?"
        else:
            second = past.second_identifier or "the birth date in the file"
            text = f"KNOWN patient {_past_line(past)}\nRead back the pseudonym and {second}; does the file agree?"
            if past.skin_blocked:
                text += f"\n! skin after the last session: {past.skin_blocked}; leave that site until reviewed"
        self.query_one("#read-back", Static).update(Content(text))

    def action_next(self) -> None:
        """Open the session and its record."""
        draft, console = self.console.draft, self.console
        if draft.signed_in:
            console.go(Stage.PROTOCOL)
            return
        snapshot = console.snapshot
        if snapshot is None or snapshot.phase is Phase.DISCONNECTED:
            self.refuse("the stimulator is not connected yet")
            return
        draft.operator = self.query_one("#operator", Input).value.strip()
        draft.patient_id = self.query_one("#patient", Input).value.strip()
        if not draft.operator or not draft.patient_id:
            self.refuse("therapist and patient are both needed")
            return
        request = SignIn(id=console.next_id(), operator=draft.operator, patient_id=draft.patient_id)
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
        console.send(Confirm(id=console.next_id(), what="identity", value="two identifiers read back"))
        console.go(Stage.PROTOCOL)


def _past_line(patient: PastPatient) -> str:
    last = f", last {patient.last_day}: {patient.last_protocol}" if patient.last_protocol else ""
    return f"{patient.id} · {patient.sessions} sessions{last}"
