"""What a person confirms before output, one press each: shared by device, levels and treatment.

The controller says what is open (`Snapshot.wants`); a check has digits where it needs a who or a why, else Y.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from textual.content import Content

from estim.console.command import Command
from estim.console.draft import Stage
from estim.console.keys import shown
from estim.console.pane import Pane
from estim.console.recovery import expired_lines
from estim.console.stages.words import WordPane
from estim.safety.reports import OutputState
from estim.session.events import Arm, Confirm, ResetFault
from estim.session.snapshot import Snapshot

# Check → the digits that answer it, each a key of the language files and the value in the record.
ANSWERS: dict[str, tuple[str, ...]] = {
    "stop-control": ("therapist", "patient", "assistant"),
    "support": ("harness", "person"),
    "warnings": ("needed-tolerated", "as-published", "tried-before"),
}
RESET_REASONS = ("cable-back", "pad-replaced", "device-restarted", "cause-gone", "other")
LAST_LOOK = frozenset({"pads", "skin"})


class CheckingPane(Pane):
    """A stage from which output can be armed."""

    _as_before = False  # the warnings that were read before were taken over

    def answer_as_before(self, snapshot: Snapshot) -> None:
        """The same warnings of the same course keep their reason, and it says from when; others are asked."""
        if "warnings" not in snapshot.wants:
            self._as_before = False
            return
        draft, these = self.console.draft, set(snapshot.warnings)
        known = these <= draft.warnings_today or these <= draft.warnings_read
        if not self._as_before and these and known and draft.warnings_reason:
            self._as_before = True
            when = "today" if these <= draft.warnings_today else draft.last_day
            self.confirm("warnings", f"{draft.warnings_reason} ({when})")

    def open_check(self, snapshot: Snapshot) -> str:
        """The check that is asked for now, "" for none."""
        return next((want for want in snapshot.wants if want != "screening"), "")

    def check_name(self, check: str) -> str:
        """In a few words."""
        return self.say.of("check-short", check)

    def check_key(self, check: str) -> str:
        """The key that answers it."""
        return "1" if check in ANSWERS else shown("y")

    def answers_of(self, check: str) -> tuple[str, ...]:
        """What the digits say to it; () where Y says all."""
        return ANSWERS.get(check, ())

    def check_lines(self, snapshot: Snapshot) -> list[Content | str]:
        """What was confirmed, what is asked, what the file and the device say."""
        say, draft = self.say, self.console.draft
        lines: list[Content | str] = [*expired_lines(snapshot, say)]
        for check, value in (
            ("stop-control", draft.stop_holder),
            ("support", draft.support),
            ("warnings", draft.warnings_reason),
        ):
            if value and check not in snapshot.wants:
                lines.append(f"✓ {self.check_name(check)}: {say.of('check-answer', value)}")
        for index, check in enumerate(want for want in snapshot.wants if want != "screening"):
            mark, style = ("▸", "bold") if index == 0 else ("·", "dim")
            lines.append(Content.styled(f"{mark} {say.of('check', check, patient=snapshot.patient_id)}", style))
            if index == 0:
                lines += [f"    {n} {say.of('check-answer', one)}" for n, one in enumerate(self.answers_of(check), 1)]
        if not snapshot.wants:
            lines.append(say("checks.all"))
        lines += [f"≠ {say.heard(bend)}" for bend in snapshot.bends]
        lines += [f"! {say.heard(warning)}" for warning in snapshot.warnings]
        return lines

    def check_commands(self, snapshot: Snapshot) -> Sequence[Command]:
        """The keys of the check that is asked for now."""
        say = self.say
        if "screening" in snapshot.wants:
            again = self.does("next", partial(self.console.go, Stage.SCREENING), says=say("checks.screening"))
            return (again,)
        check = self.open_check(snapshot)
        if not check:
            return ()
        name = say.of("check-says", check)
        if check in ANSWERS:
            return [
                self.digit(
                    str(n),
                    partial(self._answer, check, one),
                    label=say.of("check-answer", one),
                    says=f"{name}: {say.of('check-answer', one)}" if n == 1 else "",
                    answers=True,
                )
                for n, one in enumerate(ANSWERS[check], start=1)
            ]
        if check in LAST_LOOK and len(LAST_LOOK & set(snapshot.wants)) == len(LAST_LOOK):
            return (self.does("confirm", self._last_look, label=say("hint.yes"), says=say("checks.last-look")),)
        return (self.does("confirm", partial(self.confirm, check, "yes"), label=say("hint.yes"), says=name),)

    def _answer(self, check: str, value: str) -> None:
        draft = self.console.draft
        if check == "stop-control":
            draft.stop_holder = value
        elif check == "support":
            draft.support = value
        elif check == "warnings":
            draft.warnings_reason = value
            draft.warnings_today |= set(self.now.warnings) if self.now is not None else set()
        self.confirm(check, value)

    def _last_look(self) -> None:
        """One look takes in both: the pads lie as they did, and the skin around them is as it was."""
        for check in ("pads", "skin"):
            self.confirm(check, "last-look")

    def confirm(self, check: str, value: str) -> None:
        """Into the record, with its own time."""
        self.console.send(Confirm(id=self.console.next_id(), what=check, value=value))

    def arm(self) -> None:
        """First step: opens the stimulator at 0 mA."""
        self.console.gate.unexplained = False  # what was stopped before is over
        self.console.send(Arm(id=self.console.next_id()))

    def back_for(self, snapshot: Snapshot) -> Sequence[Command] | None:
        """Nothing is configured any more (a fault took it): the pads' stage configures anew."""
        if snapshot.phase.value != "READY":
            return None
        return (self.does("next", partial(self.console.go, Stage.PADS), says=self.say("checks.configure-again")),)

    def reset_commands(self, snapshot: Snapshot) -> Sequence[Command]:
        """Leave a fault: the output must be off, and somebody says what was done."""
        say = self.say
        if snapshot.output is not OutputState.OFF:
            ask = self.does("reset", self._ask_device, says=say("reset.ask", safe=say.heard(snapshot.make_safe)))
            return (ask,)
        if snapshot.phase.value == "DISCONNECTED":
            return (self.does("reset", self._ask_device, says=say("reset.connect")),)
        reasons = [
            self.digit(
                str(n),
                partial(self._reset, why),
                label=say.of("reason", why),
                says=say("reset.says", why=say.of("reason", why)) if n == 1 else "",
                answers=True,
            )
            for n, why in enumerate(RESET_REASONS, start=1)
        ]
        words = self.digit(
            "w", lambda: self.console.ask(WordPane(self.console, "ask.reset", self._reset)), label=say("hint.words")
        )
        return (*reasons, words)

    def _ask_device(self) -> None:
        self.console.send(ResetFault(id=self.console.next_id(), reason=""))

    def _reset(self, reason: str) -> None:
        self.console.send(ResetFault(id=self.console.next_id(), reason=reason))
