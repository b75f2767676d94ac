"""After treatment: discomfort, pain, skin; measures of the goal; what happened; a note."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Label, Select, Static, TextArea

from estim.console.draft import Stage
from estim.console.stage import StageScreen, hint
from estim.session.events import Note
from estim.session.screening_outcomes import MEASURES, SKIN_GRADES, judge_outcome
from estim.session.snapshot import Snapshot

_MORE = tuple((measure.name, measure.id) for measure in MEASURES if not measure.always and measure.id != "rpe")


class OutcomeScreen(StageScreen):
    """Typing is free here: output is off, so Space types."""

    STAGE = Stage.OUTCOME

    def __init__(self) -> None:
        super().__init__()
        self.measured: dict[str, str] = {}
        self._warned = False

    def compose_body(self) -> ComposeResult:
        """The form."""
        for box, width, text in (
            ("discomfort", 2, "outcome.discomfort"),
            ("pain", 2, "outcome.pain"),
            ("skin", 1, "outcome.skin"),
            ("rpe", 2, "outcome.rpe"),
        ):
            with Horizontal(classes="row"):
                yield Input(id=box, max_length=width, classes="short", compact=True)
                yield Label(self.say(text))
        with Horizontal(classes="row"):
            yield Select(_MORE, prompt=self.say("outcome.measure"), id="measure", compact=True)
            yield Input(id="value", placeholder=self.say("outcome.value"), classes="medium", compact=True)
        yield Static(id="measured")
        with Horizontal(classes="row"):
            yield Input(id="event", placeholder=self.say("outcome.event"), max_length=200, compact=True)
        yield Label(self.say("outcome.note"))
        yield TextArea(id="note")

    def begin(self) -> None:
        """Begin with the first field."""
        super().begin()
        self.query_one("#discomfort").focus()

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """On or back."""
        return (("TAB", "hint.field"), hint("next", "hint.save"), hint("back"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter adds a measure, or goes to the next field."""
        if event.input.id != "value":
            self.focus_next()
            return
        chosen = self.query_one("#measure", Select).value
        if not isinstance(chosen, str):
            self.refuse("refuse.measure")
            return
        fields = self.fields() | {chosen: event.value.strip()}
        found = [problem for problem in judge_outcome(fields) if problem.key == f"outcome.{chosen}"]
        self.show_problems([dict(problem.to_json()) for problem in found])
        if not found:
            self.measured[chosen] = event.value.strip()
            event.input.value = ""
            names = {measure.id: measure for measure in MEASURES}
            lines = [f"   {names[id].name}: {value} {names[id].unit}" for id, value in self.measured.items()]  # noqa: A001
            self.query_one("#measured", Static).update(Content("\n".join(lines)))

    def fields(self) -> dict[str, object]:
        """What was entered."""
        entered: dict[str, object] = {
            box: self.query_one(f"#{box}", Input).value.strip() for box in ("discomfort", "pain", "rpe")
        }
        grade = self.query_one("#skin", Input).value.strip()
        known = grade.isdigit() and int(grade) < len(SKIN_GRADES)
        entered["skin"] = SKIN_GRADES[int(grade)] if known else grade
        return {key: value for key, value in entered.items() if value} | dict(self.measured)

    def action_next(self) -> None:
        """Into the record, and on to the signature; a warning is read once before."""
        fields = self.fields()
        problems = judge_outcome(fields)
        self.show_problems([dict(problem.to_json()) for problem in problems])
        if any(problem.severity == "refuse" for problem in problems) or (problems and not self._warned):
            self._warned = not any(problem.severity == "refuse" for problem in problems)
            return
        console = self.console
        event = self.query_one("#event", Input).value.strip()
        if event:
            console.note({"adverse_event": event})
        note = self.query_one("#note", TextArea).text.strip()
        if note:
            console.note({"text": note})
        console.send(
            Note(id=console.next_id(), kind="outcome", fields=fields),
            lambda answer: console.go(Stage.SIGN) if answer.accepted else self.show_problems(answer.problems),
        )
