"""Signing: what was done, in a few lines; the signature closes and seals the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Label, Static

from estim.console import present
from estim.console.dialogs import QrDialog, ReasonDialog, qr_content
from estim.console.draft import Draft, Stage
from estim.console.keys import bindings
from estim.console.language import ENGLISH, Words
from estim.console.screens.patient import take_pin
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer
from estim.records.operators import MEANINGS
from estim.session.events import Sign
from estim.session.snapshot import ChannelView, Signature, Snapshot

QR_LINES = 19


class SignScreen(StageScreen):
    """Stays until read: the record is saved whatever happens here, the signature only closes it."""

    STAGE = Stage.SIGN
    BINDINGS: ClassVar[list[Any]] = bindings("qr")
    _qr_fits = False

    def compose_body(self) -> ComposeResult:
        """Summary, comment, what the record says after sealing."""
        yield Static(id="summary")
        yield Label(self.say("sign.comment"), id="comment-title")
        yield Input(id="comment", max_length=200, compact=True)
        yield Label(self.say("sign.signer"), id="signer-title")
        yield Input(value=self.console.draft.operator, id="signer", max_length=40, compact=True)
        if self.console.home_view.asks_pin():
            yield Label(self.say("patient.pin"), id="pin-title")
            yield Input(password=True, id="pin", max_length=64, compact=True)
        yield Static(id="sealed")
        yield Static(id="qr")

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """Summary, and the record's place and head once sealed."""
        if snapshot is None:
            return
        self.query_one("#summary", Static).update(
            Content("\n".join(summary_lines(snapshot, self.console.draft, self.say)))
        )
        sealed = bool(snapshot.word_head)
        for box in self.query("#comment, #comment-title, #signer, #signer-title, #pin, #pin-title"):
            box.display = not sealed
        durable = self.say("sign.durable" if snapshot.record_durable else "sign.not-durable")
        lines = [self.say("sign.record", path=snapshot.record_path or "–"), f"        {durable}"]
        if sealed:
            lines += ["", *self._proof(snapshot), self.say("sign.report")]
        self.query_one("#sealed", Static).update(Content("\n".join(lines)))
        self._show_qr(snapshot, lines=len(lines))

    def _proof(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Who signed what and when, and the head's words."""
        signed = signed_words(snapshot.signature, self.say) if snapshot.signature is not None else ()
        return (*signed, self.say("sign.sealed"), f"   {snapshot.word_head}")

    def _show_qr(self, snapshot: Snapshot, *, lines: int) -> None:
        """The code below, where all of it can be seen at once; else one key shows it."""
        code, head = self.query_one("#qr", Static), snapshot.head
        above = lines + len(summary_lines(snapshot, self.console.draft, self.say))
        self._qr_fits = bool(head) and self.query_one("#body").size.height >= above + QR_LINES
        code.display = self._qr_fits
        if self._qr_fits:
            code.update(qr_content(head))

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:
        """Sign, or what comes after."""
        if snapshot is not None and snapshot.word_head:
            code = () if self._qr_fits or not snapshot.head else (hint("qr"),)
            return (*code, hint("next", "hint.next-patient"), hint("leave"))
        return (hint("next", self.say("hint.sign", operator=self._signer())), hint("back"))

    def _signer(self) -> str:
        return self.query_one("#signer", Input).value.strip() if self.composed else self.console.draft.operator

    def action_qr(self) -> None:
        """The record's head, for a phone's camera."""
        snapshot = self.console.snapshot
        if snapshot is not None and snapshot.head and not self._qr_fits:
            self.app.push_screen(QrDialog(snapshot.head, self._proof(snapshot)))

    def action_next(self) -> None:
        """Sign; after that, the next patient."""
        console, snapshot = self.console, self.console.snapshot
        if snapshot is not None and snapshot.word_head:
            console.draft = Draft(operator=console.draft.operator)
            console.go(Stage.PATIENT)
            return
        signer = self._signer()
        if not signer:
            self.refuse("refuse.signer")
            return
        name = console.home_view.printed_name(signer)
        who = f"{signer} ({name})" if name else signer
        dialog = ReasonDialog("ask.meaning", tuple(MEANINGS), group="meaning", who=who)
        self.app.push_screen(dialog, self._sign)

    def _sign(self, meaning: str | None) -> None:
        """What a signature says is chosen each time: 21 CFR 11.50 wants name, time and meaning."""
        if not meaning:
            return
        comment, number = self.query_one("#comment", Input).value.strip(), self.console.next_id()
        request = Sign(id=number, operator=self._signer(), comment=comment, meaning=meaning, pin=take_pin(self))
        self.console.send(request, self._signed)

    def _signed(self, answer: Answer) -> None:
        self.show_problems(answer.problems)


def signed_words(signature: Signature, say: Words = ENGLISH) -> tuple[str, ...]:
    """Name, meaning and time of a signature, and whether a PIN stood behind it."""
    who = f"{signature.operator} ({signature.name})" if signature.name else signature.operator
    pin = say("sign.by-pin" if signature.authenticated else "sign.by-claim")
    when = signature.utc.replace("T", " ")[:19]
    return (say("sign.signed", who=who, when=when, pin=pin), f"   {say.of('meaning', signature.meaning)}")


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
