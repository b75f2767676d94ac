"""Signing later what ended without a signature: a session record of its own that names the one it speaks for.

A record that was closed is never written again; so the signature stands in a new one, with the other's head beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.ending import noted_lines
from estim.console.home_view import OpenSession
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.stages.glance import amount_words, how_words
from estim.controller.interface import Answer
from estim.session.events import Note, Sign, SignIn
from estim.session.snapshot import Snapshot


class LateSignPane(Pane):
    """What the signature will say, and the one press that makes it."""

    NAME: ClassVar[str] = "late-sign"
    whole: ClassVar[bool] = False

    def __init__(self, console: Console, session: OpenSession) -> None:
        super().__init__(console)
        self._session = session
        self._sent = False

    def compose(self) -> ComposeResult:
        """What is signed."""
        yield Panel(self.say("late-sign.title"), id="late")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The words."""
        one = self._session
        words = self.say.lines(
            "late-sign.text",
            patient=one.patient_id,
            day=one.day,
            time=one.time,
            how=how_words(one, self.say),
            amount=amount_words(one, self.say),
            operator=self.console.station.operator,
        )
        self.panel("late").lines([*words, *noted_lines(one.stops, one.discomfort, self.say)])

    def commands(self) -> Sequence[Command]:
        """1 gave, 2 witnessed, 3 read."""
        refusal = self.say("refuse.opening") if self._sent else ""
        meanings = [
            self.digit(
                key,
                partial(self._sign, meaning),
                label=self.say(f"meaning-short.{meaning}"),
                says=self.say("late-sign.says") if key == "1" else "",
                refusal=refusal,
            )
            for key, meaning in (("1", "performed"), ("2", "witnessed"), ("3", "reviewed"))
        ]
        return (*meanings, self.does("back", lambda: self.console.close(self), label=self.say("hint.back")))

    def _sign(self, meaning: str) -> None:
        console, one, self._sent = self.console, self._session, True
        station = console.station

        def opened(answer: Answer) -> None:
            if not answer.accepted:
                self._sent = False
                console.problems(answer.problems)
                return
            fields: dict[str, object] = {"signs_session": one.folder, "its_head": one.head, "how_it_ended": one.how}
            console.send(Note(id=console.next_id(), kind="note", fields=fields))
            console.send(
                Sign(
                    id=console.next_id(),
                    operator=station.operator,
                    meaning=meaning,
                    pin=station.pin,
                    comment=f"signed later: {one.folder}",
                ),
                signed,
            )

        def signed(answer: Answer) -> None:
            self._sent = False
            if not answer.accepted:
                console.problems(answer.problems)
                return
            simulated = self.now is not None and self.now.simulated
            console.home_view.signed_later(one.folder, simulated=simulated, operator=station.operator)
            console.objectives.crash_met()
            console.close(self)
            console.said(self.say("late-sign.done", patient=one.patient_id))

        console.send(
            SignIn(id=console.next_id(), operator=station.operator, patient_id=one.patient_id, pin=station.pin), opened
        )
