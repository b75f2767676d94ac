"""Why it was stopped, asked once output is off, and what follows from the answer: shared by levels and treatment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

from textual.content import Content

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.panel import choice_rows
from estim.console.stages.checking import CheckingPane
from estim.console.stages.reason import ReasonPane

GO_ON_REASONS = ("well-again", "doctor-agreed", "other")  # although somebody felt unwell
STOP_REASONS = ("patient-asked", "pain", "wrong-contraction", "skin", "electrode", "unwell", "mistake", "other")


class WhyPane(CheckingPane):
    """A stage in which output was stopped, maybe."""

    PURPOSE: ClassVar[Literal["titration", "therapy"]]

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.asks_why = False

    @property
    def ends_therapy(self) -> bool:
        """What is stopped here is the treatment, or there was none yet."""
        return self.PURPOSE == "therapy" or not self.console.draft.therapy_began

    def reasons(self) -> Sequence[Command]:
        """After a stop: why, by one digit, when hands are free; it holds up nothing."""
        if not self.asks_why:
            return ()
        return [
            self.digit(str(n), partial(self._stopped, why), label=self.say.of("reason", why))
            for n, why in enumerate(STOP_REASONS, start=1)
        ]

    def why_lines(self, columns: int) -> list[Content | str]:
        """The question after a stop, with each of its answers; nothing where it is not asked."""
        answers = [f"{each.keys[0]} {each.label}" for each in self.reasons()]
        return [self.say("ask.stopped"), *choice_rows(answers, columns)] if answers else []

    @property
    def unwell(self) -> bool:
        """It was stopped since the patient felt unwell: the outcome is the way on, and going on needs a word."""
        return self.console.draft.stopped_for == "unwell"

    def to_outcome(self) -> Command:
        """On to the outcome, as the way that is named."""
        go = partial(self.console.go, Stage.OUTCOME)
        return self.does("next", go, label=self.say("treat.outcome"), says=self.say("treat.outcome-says"))

    def ask_go_on(self) -> None:
        """Why it goes on all the same; then the stimulator is opened."""
        self.console.ask(ReasonPane(self.console, self.say("ask.go-on"), GO_ON_REASONS, self._goes_on))

    def _goes_on(self, reason: str) -> None:
        self.console.note({"goes_on": reason}, kind="reason")
        self.arm()

    def _stopped(self, reason: str) -> None:
        self.asks_why = False
        if self.ends_therapy:
            self.console.draft.stop_reason = reason
        self.console.draft.stopped_for = reason
        self.console.draft.stops.append(reason)
        self.console.note({"stopped": reason}, kind="reason")
