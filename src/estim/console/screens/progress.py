"""How a patient has come along: plots over the sessions. Looks at records and sets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from estim.console.keys import bindings
from estim.console.progress import progress_lines
from estim.console.stage import Dialog, hint
from estim.records.course import Course
from estim.session.snapshot import Snapshot


class ProgressDialog(Dialog[None]):
    """Fills the screen; the same key and F7 close it. With several protocols the arrows change between them."""

    BINDINGS: ClassVar[list[Any]] = [
        ("f7", "close", "Back"),
        ("enter", "close", "Back"),
        ("right", "turn(1)", "Next"),
        ("left", "turn(-1)", "Last"),
        *bindings("progress"),
    ]

    def __init__(self, patient_id: str) -> None:
        super().__init__()
        self._patient_id = patient_id
        self._at = 0
        self._drawn: object = None

    def compose_body(self) -> ComposeResult:
        """One text: words and plots."""
        yield Static(id="progress-text")

    def _courses(self) -> tuple[Course, ...] | None:
        snapshot = self.console.snapshot
        simulated = snapshot is not None and snapshot.simulated
        return self.console.home_view.courses(self._patient_id, simulated=simulated)

    def show(self, snapshot: Snapshot | None) -> None:
        """Draw once it is read, and anew where the room for it changes."""
        super().show(snapshot)
        if not self.composed:
            return
        found, inside = self._courses(), self.query_one("#inside")
        columns, rows = max(40, inside.size.width - 1), inside.size.height
        state = (found, self._at, columns, self.app.size)
        if state == self._drawn:
            return
        self._drawn = state
        if not found:
            lines = [self.say("course.reading" if found is None else "course.none", patient=self._patient_id)]
        else:
            lines = progress_lines(
                found[self._at % len(found)], columns=columns, rows=max(rows, self.app.size.height - 5), say=self.say
            )
        first, rest = lines[0], "\n".join(lines[1:])
        self.query_one("#progress-text", Static).update(Content.assemble((f"{first}\n", "bold"), rest))

    def hints(self) -> Sequence[tuple[str, str]]:
        """Other protocols, and the way back."""
        found = self._courses()
        turn = (("←→", "hint.other-protocol"),) if found is not None and len(found) > 1 else ()
        return (*turn, hint("back", "hint.close"))

    def action_turn(self, step: int) -> None:
        """Another protocol of this patient."""
        self._at += step
        self.query_one("#inside").scroll_home(animate=False)
        self.show(self.console.snapshot)

    def action_close(self) -> None:
        """Back to the stage."""
        self.dismiss()

    def action_progress(self) -> None:
        """The same key closes."""
        self.dismiss()
