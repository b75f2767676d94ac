"""Why it was stopped, asked once output is off, and what follows from the answer: shared by levels and treatment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

from textual.content import Content

from estim.console.command import Command
from estim.console.draft import Stage
from estim.console.panel import choice_rows
from estim.console.present import milliamps
from estim.console.stages.checking import ANSWERS, CheckingPane
from estim.console.stages.reason import ReasonPane
from estim.session.snapshot import Snapshot

GO_ON_REASONS = ("well-again", "doctor-agreed", "other")  # although somebody felt unwell
STOP_REASONS = ("patient-asked", "pain", "wrong-contraction", "skin", "electrode", "unwell", "mistake", "other")


def by_somebody_else(snapshot: Snapshot) -> bool:
    """No key here stopped it but the patient's switch or whoever looks on: what was felt or seen, nobody has said."""
    return snapshot.cause == "patient-switch" or snapshot.cause.startswith("stop-observer")


class WhyPane(CheckingPane):
    """A stage in which output was stopped, maybe."""

    PURPOSE: ClassVar[Literal["titration", "therapy"]]

    @property
    def asks_why(self) -> bool:
        """It was stopped, and nobody has said why yet; on whichever stage that was."""
        return self.console.draft.asks_why

    @property
    def ends_therapy(self) -> bool:
        """What is stopped here is the treatment, or there was none yet."""
        return self.PURPOSE == "therapy" or not self.console.draft.therapy_began

    def stopped(self, *, unexplained: bool) -> None:
        """Output is off: why it was stopped is asked from now on, unless that is known."""
        draft = self.console.draft
        draft.asks_why, draft.asks_of_therapy = unexplained, self.ends_therapy
        if unexplained and self.ends_therapy:
            draft.stop_reason = ""  # the last one's

    def begun(self) -> None:
        """It goes on: nobody is asked any more why it was stopped."""
        self.console.draft.asks_why, self.console.draft.stopped_for = False, ""

    def reasons(self) -> Sequence[Command]:
        """After a stop: why, by one digit, when hands are free; it holds up nothing but what wants a digit too."""
        if not self.asks_why:
            return ()
        return [
            self.digit(
                str(n),
                partial(self.stopped_since, why),
                label=self.say.of("reason", why),
                says=self.say("next.or-another", what=self.say.of("reason", why)) if n == 1 else "",
            )
            for n, why in enumerate(STOP_REASONS, start=1)
        ]

    def answers_of(self, check: str) -> tuple[str, ...]:
        """One digit answers one thing: as long as a stop has no reason, its digits are the reasons'."""
        return () if self.asks_why else super().answers_of(check)

    def why_first(self, snapshot: Snapshot) -> bool:
        """The check that is open takes a digit, and so does why it was stopped."""
        return self.asks_why and "screening" not in snapshot.wants and self.open_check(snapshot) in ANSWERS

    def check_commands(self, snapshot: Snapshot) -> Sequence[Command]:
        """The keys of the check that is asked for now, or the reasons where both would be digits."""
        return self.reasons() if self.why_first(snapshot) else super().check_commands(snapshot)

    def why_lines(self, columns: int) -> list[Content | str]:
        """The question after a stop, with each of its answers; nothing where it is not asked."""
        answers = [f"{each.keys[0]} {each.label}" for each in self.reasons()]
        return [self.say("ask.stopped"), *choice_rows(answers, columns)] if answers else []

    def lower_lines(self, snapshot: Snapshot) -> list[Content | str]:
        """How low it goes on where it was stopped for pain."""
        if self.console.draft.stopped_for != "pain":
            return []
        now = [(one.channel, milliamps(one.level_ua)) for one in snapshot.channels]
        levels = ", ".join(self.say("happened.lowered", channel=n, level=level) for n, level in now)
        return [self.say("treat.lower-now", levels=levels)]

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

    def stopped_since(self, reason: str) -> None:
        """Somebody said why."""
        draft = self.console.draft
        draft.asks_why = False
        if draft.asks_of_therapy:
            draft.stop_reason = reason
        draft.stopped_for = reason
        draft.stops.append(reason)
        self.console.note({"stopped": reason}, kind="reason")
