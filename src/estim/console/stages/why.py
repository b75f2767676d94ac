"""Why it was stopped, asked once output is off, and what follows from the answer: shared by levels and treatment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

from textual.content import Content

from estim.console.comfort import PAIN_FROM
from estim.console.command import Command
from estim.console.corrected import STOP_REASONS, choices, correct, said_last
from estim.console.dose import enough
from estim.console.draft import Stage
from estim.console.pane import Pane
from estim.console.panel import choice_rows
from estim.console.present import milliamps
from estim.console.stages.checking import ANSWERS, CheckingPane
from estim.console.stages.reason import ask_reason
from estim.session.snapshot import Snapshot

GO_ON_REASONS = ("well-again", "doctor-agreed", "other")  # although somebody felt unwell


def by_somebody_else(snapshot: Snapshot) -> bool:
    """No key here stopped it but the patient's switch or whoever looks on: what was felt or seen, nobody has said."""
    return snapshot.cause == "patient-switch" or snapshot.cause.startswith("stop-observer")


def correction(pane: Pane) -> Sequence[Command]:
    """R: why it was stopped or ended was something else; until the session is signed."""
    console, draft = pane.console, pane.console.draft
    before = said_last(draft)
    if not before or draft.asks_why:
        return ()

    def ask() -> None:
        reached = pane.now is not None and enough(pane.now)
        title = pane.say("ask.corrected", reason=pane.say.of("reason", before))
        ask_reason(console, title, choices(draft, reached=reached), partial(correct, console))

    return (pane.digit("r", ask, label=pane.say("hint.other-reason")),)


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
                answers=True,
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

    @property
    def lowered(self) -> bool:
        """A pain was said of the last stop, first or in the end: levels went down for it."""
        draft = self.console.draft
        return bool(draft.stopped_for) and "pain" in draft.reasons_said

    def lower_lines(self, snapshot: Snapshot) -> list[Content | str]:
        """How low it goes on where it was stopped for pain, also where that was corrected since."""
        if not self.lowered:
            return []
        now = [(one.channel, milliamps(one.level_ua)) for one in snapshot.channels]
        levels = ", ".join(self.say("happened.lowered", channel=n, level=level) for n, level in now)
        hurt = self.console.draft.stopped_for == "pain"
        return [self.say("treat.lower-now" if hurt else "treat.lower-said", levels=levels)]

    def said_lines(self, *, whole: bool) -> list[Content | str]:
        """That the reason of the last stop may be corrected, and which one was said where nothing else tells."""
        reason = self.console.draft.stopped_for
        if not reason or self.asks_why:
            return []
        return [self.say("ask.said" if whole else "ask.said-short", reason=self.say.of("reason", reason))]

    @property
    def unwell(self) -> bool:
        """It was stopped since the patient felt unwell: the outcome is the way on, and going on needs a word."""
        return self.console.draft.stopped_for == "unwell"

    def to_outcome(self) -> Command:
        """On to the outcome, as the way that is named."""

        def go() -> None:
            self.console.draft.came_from = Stage(self.NAME)
            self.console.go(Stage.OUTCOME)

        return self.does("next", go, label=self.say("treat.outcome"), says=self.say("treat.outcome-says"))

    def ask_go_on(self) -> None:
        """Why it goes on all the same; then the stimulator is opened."""
        ask_reason(self.console, self.say("ask.go-on"), GO_ON_REASONS, self._goes_on)

    def _goes_on(self, reason: str) -> None:
        self.console.note({"goes_on": reason}, kind="reason")
        self.arm()

    def stopped_since(self, reason: str) -> None:
        """Somebody said why."""
        draft = self.console.draft
        draft.asks_why = False
        if draft.asks_of_therapy:
            draft.stop_reason = reason
        draft.stopped_for, draft.reasons_said = reason, [reason]
        draft.stops.append(reason)
        if reason == "pain":
            draft.hurting.said(PAIN_FROM, draft.felt_ua)
        self.console.note({"stopped": reason}, kind="reason")
