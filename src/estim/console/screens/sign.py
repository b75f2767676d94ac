"""Signing: what was done, in a few lines; the signature closes and seals the record."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Label, Static

from estim.console import present
from estim.console.draft import Draft, Stage
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer
from estim.session.events import Sign
from estim.session.snapshot import Snapshot


class SignScreen(StageScreen):
    """Stays until read: the record is saved whatever happens here, the signature only closes it."""

    STAGE = Stage.SIGN

    def compose_body(self) -> ComposeResult:
        """Summary, comment, what the record says after sealing."""
        yield Static(id="summary")
        yield Label("Comment (may stay empty)", id="comment-title")
        yield Input(id="comment", max_length=200, compact=True)
        yield Static(id="sealed")

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """Summary, and the record's place and head once sealed."""
        if snapshot is None:
            return
        self.query_one("#summary", Static).update(Content("\n".join(summary_lines(snapshot, self.console.draft))))
        sealed = bool(snapshot.word_head)
        self.query_one("#comment").display = not sealed
        self.query_one("#comment-title").display = not sealed
        lines = [f"Record  {snapshot.record_path or '(not open)'}", f"        {_durable(snapshot)}"]
        if sealed:
            lines += [
                "",
                "SEALED. Write these words into the patient's file; they prove this record:",
                f"   {snapshot.word_head}",
            ]
        self.query_one("#sealed", Static).update(Content("\n".join(lines)))

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:
        """Sign, or what comes after."""
        if snapshot is not None and snapshot.word_head:
            return (hint("next", "next patient"), hint("leave"))
        return (hint("next", f"sign as {self.console.draft.operator}"), hint("back"))

    def action_next(self) -> None:
        """Sign; after that, the next patient."""
        console, snapshot = self.console, self.console.snapshot
        if snapshot is not None and snapshot.word_head:
            console.draft = Draft(operator=console.draft.operator)
            console.go(Stage.PATIENT)
            return
        comment = self.query_one("#comment", Input).value.strip()
        console.send(Sign(id=console.next_id(), operator=console.draft.operator, comment=comment), self._signed)

    def _signed(self, answer: Answer) -> None:
        self.show_problems(answer.problems)


def _durable(snapshot: Snapshot) -> str:
    return "every line is on the disk" if snapshot.record_durable else "some lines are not on the disk yet: wait"


def summary_lines(snapshot: Snapshot, draft: Draft) -> tuple[str, ...]:
    """The session in a few lines."""
    lines = [
        f"Patient {snapshot.patient_id} · therapist {snapshot.operator}{'  SIMULATED' if snapshot.simulated else ''}",
        f"{snapshot.protocol_title or 'no protocol'} · week {draft.week}, session {draft.session}",
        f"Ended: {snapshot.outcome or 'not treated'}" + (f" ({draft.stop_reason})" if draft.stop_reason else "")
        + f" · therapy time {present.clock(snapshot.elapsed_us)}",
        "",
        "As acknowledged by the device:",
        "    muscle                       level    pulses    charge   on time",
    ]  # fmt: skip
    lines += [
        f" {view.channel:>2} {f'{view.muscle} {view.side}'[:24]:<24} {present.milliamps(view.level_ua):>9} "
        f"{view.pulses:>9} {view.charge_uc:>6} µC {present.clock(view.on_us):>9}"
        for view in snapshot.channels
    ]
    if draft.signed_in_us is not None and draft.first_contraction_us is not None:
        took = present.clock(draft.first_contraction_us - draft.signed_in_us)
        lines += ["", f"Set-up took {took} (sign-in to first therapeutic contraction)"]
    return tuple(lines)
