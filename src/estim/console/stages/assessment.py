"""Assessment before the first pulse: consent to this course, and the measures that the plan is judged by."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult

from estim.care.measures import Measure, measures
from estim.console.before import asks_mvic, refusals
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.language import Words
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.console.stages.beside import show_plays
from estim.console.stages.end_today import end_today
from estim.console.stages.form import number
from estim.console.stages.glance import glance_lines
from estim.desk.outcomes import judge_outcome
from estim.session.snapshot import Snapshot

NOT_TODAY = ("no-time", "tired", "no-aid", "other")
ALWAYS = ("tug", "walk-10m")
ELSEWHERE = ("pain",)
LEG = frozenset({"thigh", "shank", "foot", "buttock"})


class AssessmentPane(Pane):
    """Consent has its own press; each measure is entered, or said not to be taken today and why, with one."""

    NAME: ClassVar[str] = "assessment"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._against = self._judged() if console.draft.measured else []
        self._declined = False

    def _judged(self) -> list[str]:
        """Why it can't be treated with what was measured today: a criterion that ends the course."""
        draft = self.console.draft
        return refusals(draft, self.console.snapshot, self.console.past_patient(draft.patient_id), self.say)

    def _measures(self) -> list[str]:
        """Those that the protocol's own criteria ask for; else two that any clinic can take."""
        protocol = self.console.draft.protocol
        named = [each.measure for each in protocol.criterion] if protocol is not None else []
        if asks_mvic(self.console.draft):
            named.insert(0, "mvic")  # its share is what is played
        return [each for each in dict.fromkeys(named) if each in measures()][:4] or self._of_the_region()

    def _of_the_region(self) -> list[str]:
        """Nobody is asked to walk for a shoulder."""
        protocol = self.console.draft.protocol
        regions = {channel.region for channel in protocol.channel} if protocol is not None else LEG
        return list(ALWAYS if regions & LEG else ELSEWHERE)

    def _called(self, measure: str) -> str:
        """In the screen's language, or as the assessments' table has it."""
        said = self.say.of("measure-name", measure)
        return measures()[measure].name if said == measure else said

    def compose(self) -> ComposeResult:
        """Consent left, measures right."""
        yield Panel(self.numbered("assessment.consent"), id="consent")
        yield Panel(self.say("assessment.measures"), id="measures")
        yield Panel(self.say("home.glance", patient=self.console.draft.patient_id), id="glance-beside")
        yield Panel(self.say("plan.plays"), id="plays-beside")
        for name in self._measures():
            yield Field(id=f"measure-{name}", max_length=12)

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """What is asked, what stands."""
        draft, say = self.console.draft, self.say
        mark = "✓" if draft.consent else "▸"
        self.panel("consent").lines(
            [f"{mark} {line}" if n == 0 else f"  {line}" for n, line in enumerate(say.lines("assessment.consent-text"))]
        )
        names = measures()
        lines = [f"{'▸' if draft.consent else ' '} {say('assessment.due')}"]
        lines += [f"    {self._called(one)}, {allowed(names[one], say)}" for one in self._measures()]
        lines += ["", *([f"✖ {why}" for why in self._against[:3]] or say.lines("assessment.text"))]
        self.panel("measures").lines(lines)
        past, glance = self.console.past_patient(draft.patient_id), self.panel("glance-beside")
        glance.lines(glance_lines(past, say) if past is not None else [say("assessment.nothing-known")])
        show_plays(self.console, self.panel("plays-beside"))
        for field in self.query(Field):
            field.display = bool(self.field)
            field.title(self._called(str(field.id).removeprefix("measure-")))

    def commands(self) -> Sequence[Command]:
        """Y to the consent; then M measures, or a digit says why not."""
        say, draft = self.say, self.console.draft
        back = self.does("back", lambda: self.console.go(Stage.PLAN), label=say("hint.back"))
        if not draft.consent:
            says = "" if self._declined else say("assessment.consent-says")  # a no is nobody's to be talked out of
            end = (end_today(self, says=say("assessment.end-says")),) if self._declined else ()
            yes = self.does("confirm", self._consents, label=say("hint.yes"), says=says)
            return (*end, yes, self.does("no", self._refuses, label=say("hint.no")), back)
        if self.field:
            done = self.does("next", self._measured, label=say("hint.save"), says=say("assessment.takes"))
            return (
                done,
                Command(keys=("tab",), act=lambda: None, label=say("hint.field")),
                self.does("back", lambda: self.focus_on(""), label=say("hint.back")),
            )
        again = "assessment.measure-again" if self._against else "assessment.measure"
        measure = self.digit("m", self._measure, label=say(again))
        if self._against:  # a reason why nothing was measured would be untrue
            back = self.does(
                "back", lambda: self.console.go(Stage.PLAN), label=say("hint.back"), says=say("assessment.against-says")
            )
            return (back, measure)
        reasons = [
            self.digit(
                str(n),
                partial(self._not_today, why),
                label=say.of("not-today", why),
                says=say("assessment.not-today", why=say.of("not-today", why)) if n == 1 else "",
            )
            for n, why in enumerate(NOT_TODAY, start=1)
        ]
        return (*reasons, measure, back)

    def _consents(self) -> None:
        self.console.draft.consent = True
        self.console.note({"consent": "given"})

    def _refuses(self) -> None:
        self._declined = True
        self.console.note({"consent": "refused"})
        self.console.said(self.say("assessment.no-consent"))

    def _measure(self) -> None:
        self.focus_on(f"measure-{self._measures()[0]}")

    def _measured(self) -> None:
        known = measures()
        entered = {one: value for one in self._measures() if (value := self.value(f"measure-{one}"))}
        entered |= {one: number(value) for one, value in entered.items() if one in known and not known[one].grades}
        wrong = {each.key.removeprefix("outcome.") for each in judge_outcome(entered)} & entered.keys()
        if wrong:
            ranges = ", ".join(f"{self._called(one)}: {allowed(known[one], self.say)}" for one in sorted(wrong))
            self.console.said(self.say("assessment.out-of-range", ranges=ranges))
            return
        if "mvic" in entered:
            if float(entered["mvic"]) <= 0:
                self.console.said(self.say("assessment.mvic-none"))
                return
            self.console.draft.mvic = "measured"
        draft = self.console.draft
        draft.left_out, draft.measured = "", draft.measured | _numbers(entered)
        self.console.note({"measured_before": entered})
        self._against = self._judged()
        if self._against:
            self.focus_on("")
            return
        self._go_on()

    def _not_today(self, why: str) -> None:
        if self.console.draft.protocol is not None and self.console.draft.protocol.criterion:
            self.console.draft.left_out = self.say.of("not-today", why)
        self.console.note({"not_measured": why})
        self._go_on()

    def _go_on(self) -> None:
        self.console.draft.assessed = True
        self.console.go(Stage.SCREENING)


def _numbers(entered: Mapping[str, str]) -> dict[str, float]:
    """What criteria can judge: a grade in letters is none of it."""
    found = {}
    for name, value in entered.items():
        with contextlib.suppress(ValueError):
            found[name] = float(value)
    return found


def allowed(measure: Measure, say: Words) -> str:
    """What may be entered, in words of the screen's language."""
    if measure.grades:
        return ", ".join(measure.grades)
    key = "measure-allowed.whole" if measure.whole else "measure-allowed.range"
    unit = say.of("measure-unit", measure.unit)
    return say(key, low=f"{measure.low:g}", high=f"{measure.high:g}", unit=unit).replace(" ,", ",").strip()
