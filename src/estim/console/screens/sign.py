"""Signing: what was done, in a few lines; the signature closes and seals the record."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Label, Static

from estim.console import present
from estim.console.draft import Draft, Stage
from estim.console.language import ENGLISH, Words
from estim.console.screens.patient import take_pin
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer
from estim.session.events import Sign
from estim.session.snapshot import ChannelView, Snapshot


class SignScreen(StageScreen):
    """Stays until read: the record is saved whatever happens here, the signature only closes it."""

    STAGE = Stage.SIGN

    def compose_body(self) -> ComposeResult:
        """Summary, comment, what the record says after sealing."""
        yield Static(id="summary")
        yield Label(self.say("sign.comment"), id="comment-title")
        yield Input(id="comment", max_length=200, compact=True)
        if self.console.home_view.asks_pin():
            yield Label(self.say("patient.pin"), id="pin-title")
            yield Input(password=True, id="pin", max_length=64, compact=True)
        yield Static(id="sealed")

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """Summary, and the record's place and head once sealed."""
        if snapshot is None:
            return
        self.query_one("#summary", Static).update(
            Content("\n".join(summary_lines(snapshot, self.console.draft, self.say)))
        )
        sealed = bool(snapshot.word_head)
        self.query_one("#comment").display = not sealed
        self.query_one("#comment-title").display = not sealed
        for box in self.query("#pin, #pin-title"):
            box.display = not sealed
        durable = self.say("sign.durable" if snapshot.record_durable else "sign.not-durable")
        lines = [self.say("sign.record", path=snapshot.record_path or "–"), f"        {durable}"]
        if sealed:
            lines += ["", self.say("sign.sealed"), f"   {snapshot.word_head}", self.say("sign.report")]
        self.query_one("#sealed", Static).update(Content("\n".join(lines)))

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:
        """Sign, or what comes after."""
        if snapshot is not None and snapshot.word_head:
            return (hint("next", "hint.next-patient"), hint("leave"))
        return (hint("next", self.say("hint.sign", operator=self.console.draft.operator)), hint("back"))

    def action_next(self) -> None:
        """Sign; after that, the next patient."""
        console, snapshot = self.console, self.console.snapshot
        if snapshot is not None and snapshot.word_head:
            console.draft = Draft(operator=console.draft.operator)
            console.go(Stage.PATIENT)
            return
        comment = self.query_one("#comment", Input).value.strip()
        request = Sign(id=console.next_id(), operator=console.draft.operator, comment=comment, pin=take_pin(self))
        console.send(request, self._signed)

    def _signed(self, answer: Answer) -> None:
        self.show_problems(answer.problems)


def summary_lines(snapshot: Snapshot, draft: Draft, say: Words = ENGLISH) -> tuple[str, ...]:
    """The session in a few lines."""
    simulated = f"  {say('device.simulated')}" if snapshot.simulated else ""
    reason = (
        f" ({say.of('reason', draft.stop_reason)})" if draft.stop_reason and snapshot.outcome != "completed" else ""
    )
    ended = say.of("outcome", snapshot.outcome) if snapshot.outcome else say("sign.not-treated")
    lines = [
        say("sign.who", patient=snapshot.patient_id, operator=snapshot.operator) + simulated,
        say(
            "sign.what", title=snapshot.protocol_title or say("sign.no-protocol"), week=draft.week,
            session=draft.session,
        ),
        say("sign.ended", ended=ended + reason, clock=present.clock(snapshot.elapsed_us)),
        "",
        say("sign.acknowledged"),
        say("sign.head"),
    ]  # fmt: skip
    lines += [
        f" {view.channel:>2} {_place(view, say):<24} "
        f"{present.milliamps(view.level_ua):>9} {view.pulses:>9} {view.charge_uc:>6} µC {present.clock(view.on_us):>9}"
        for view in snapshot.channels
    ]
    if draft.signed_in_us is not None and draft.first_contraction_us is not None:
        lines += ["", say("sign.setup", clock=present.clock(draft.first_contraction_us - draft.signed_in_us))]
    return tuple(lines)


def _place(view: ChannelView, say: Words) -> str:
    return f"{view.muscle} {say.of('side', view.side)}"[:24]
