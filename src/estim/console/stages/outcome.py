"""After treatment: discomfort, pain, skin, what happened; then the signature that closes and seals the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.ending import ending_words
from estim.console.happened import given
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.console.signing import proof_lines, summary_lines
from estim.console.stages.beside import show_atlas
from estim.console.stages.why import correction
from estim.console.stages.words import WordPane
from estim.console.visits import visit_of
from estim.controller.interface import Answer
from estim.desk.drill_session import drill_line
from estim.desk.outcomes import SKIN_BLOCKS_FROM, SKIN_GRADES, judge_outcome
from estim.record_lines.base import SIGNATURE_MEANINGS
from estim.records.qr import qr_lines
from estim.session.events import Note, Sign
from estim.session.snapshot import Snapshot
from estim.session.state import BEGUN

NO_BREAK = "\u00a0"  # an empty field stays in one piece where its line wraps
ELEVEN = tuple(str(n) for n in range(11))


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the page: its name, the values that digits give it (with T for the eleventh)."""

    name: str
    values: tuple[str, ...]


QUESTIONS = (
    Asked("discomfort", ELEVEN),
    Asked("pain", ELEVEN),
    Asked("skin", SKIN_GRADES),
    Asked("event", ("no", "yes")),
)


class OutcomePane(Pane):
    """Question after question, a digit each; then what the signature says, and F8. Leaving loses nothing."""

    NAME: ClassVar[str] = "outcome"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._at = self._first_open()
        self._sent = False
        self._tries = 0

    @property
    def _entered(self) -> dict[str, str]:
        return self.console.draft.entered

    @property
    def _questions(self) -> tuple[Asked, ...]:
        """Where nothing flowed nobody is asked how it felt, nor for the skin under pads, unless it was bad before."""
        draft = self.console.draft
        bad = any(int(grade[0]) >= SKIN_BLOCKS_FROM for grade in draft.skin.values())
        nothing = bool(draft.end_reason) and not draft.flowed and not bad
        return tuple(one for one in QUESTIONS if one.name == "event") if nothing else QUESTIONS

    def _first_open(self) -> int:
        asked = [one.name for one in self._questions]
        return next((n for n, name in enumerate(asked) if name not in self._entered), len(asked))

    def compose(self) -> ComposeResult:
        """Questions left, signature right; below them, where there is room, the pads and what happened."""
        yield Panel("", id="outcome-questions")
        yield Panel(self.say("sign.title"), id="signing")
        yield Panel(self.say("pads.atlas"), id="outcome-pads")
        yield Panel(self.say("treat.happened"), id="happened")
        if self.console.home_view.asks_pin():
            yield Field(id="pin", password=True, max_length=64)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot | None) -> None:
        """Questions with their answers; what is signed."""
        if snapshot is None:
            return
        questions, signing, draft = self.panel("outcome-questions"), self.panel("signing"), self.console.draft
        happened = self.panel("happened")
        if happened.size.height:  # what the note and the signature speak of, where there is room for it
            happened.newest(self.console.happened.lines(happened.rows) or [self.say("happened.nothing")])
        show_atlas(self.console, self.panel("outcome-pads"))  # whose skin is asked for
        sealed = bool(snapshot.word_head)
        questions.title(self.numbered("outcome.title"))
        for field in self.query(Field):
            field.display = not sealed and self._ready()
            field.title(self.say("patient.pin"))
        lines = summary_lines(snapshot, draft, self.say)
        if sealed:
            if visit := visit_of(snapshot, draft.protocol, draft.drill):
                self.console.home_view.given(visit)
            questions.lines([*proof_lines(snapshot, self.say)])
            signing.title(self.say("sign.code"))
            code = [Content.styled(line, "#ffffff on #000000") for line in qr_lines(snapshot.head)]
            fits = snapshot.head and code and signing.rows >= len(code) and signing.columns >= len(code[0].plain)
            signing.lines(code if fits else lines)
            return
        ended = Content.styled(ending_words(snapshot, draft, self.say), "bold")
        questions.lines([ended, "", *self._question_lines(), "", *self._more_lines()])
        signing.title(self.say("sign.title"))
        meaning = self._entered.get("meaning")
        lines += [
            "",
            f"{'✓' if meaning else '▸' if self._at >= len(self._questions) else ' '} "
            f"{self.say.of('meaning', meaning) if meaning else self.say('sign.means')}",
        ]
        durable = self.say("sign.durable" if snapshot.record_durable else "sign.not-durable")
        signing.lines([*lines, durable])

    def _question_lines(self) -> list[Content | str]:
        lines: list[Content | str] = []
        for n, one in enumerate(self._questions):
            value = self._entered.get(one.name)
            shown = self.say.of("reason", value) if one.name == "skin" and value else value
            if one.name == "event" and value:
                shown = self.say(f"screening.{value}")
            mark = "▸" if n == self._at else "✓" if value else "·"
            text = f"{mark} {self.say(f'outcome.{one.name}')}  [{shown or NO_BREAK}]"
            lines.append(Content.styled(text, "bold" if n == self._at else ""))
            if n == self._at and one.name == "skin":
                lines += [f"    {k} {self.say.of('reason', grade)}" for k, grade in enumerate(SKIN_GRADES, start=1)]
        return lines

    def _more_lines(self) -> list[str]:
        note = self._entered.get("note", "")
        event = self._event_said()
        lines = [self.say("outcome.note-is", note=note or "–")]
        if event:
            lines.append(self.say("outcome.event-is", event=event))
        lines.append(self.say("outcome.kept"))
        return lines

    # -- keys -------------------------------------------------------------------------------------------------------

    def _ready(self) -> bool:
        return self._at >= len(self._questions) and bool(self._entered.get("meaning"))

    def commands(self) -> Sequence[Command]:
        """The marked question; then the meaning; then F8."""
        snapshot, say = self.now, self.say
        if snapshot is not None and snapshot.word_head:
            following = self.does(
                "next", self.console.next_patient, label=say("hint.next-patient"), says=say("sign.next-says")
            )
            return (following,)
        if self.field == "pin":
            seal = self._seal_command()
            leave_pin = self.does("back", partial(self.focus_on, ""), label=say("hint.back"))
            return (seal, leave_pin)
        rest = (
            Command(keys=("tab", "down"), act=partial(self._move, 1), label=say("hint.field")),
            Command(keys=("up", "shift+tab"), act=partial(self._move, -1)),
            self.digit("m", self._note, label=say("hint.note")),
            *correction(self),
            self.does("back", self._leave, label=say("outcome.later")),
        )
        if self._at < len(self._questions):
            return (*self._answers(self._questions[self._at]), *rest, self._seal_command())
        meanings = [
            self.digit(
                str(n),
                partial(self._mean, one),
                label=say(f"meaning-short.{one}"),
                says="" if self._entered.get("meaning") else (say("sign.means-says") if n == 1 else ""),
            )
            for n, one in enumerate(SIGNATURE_MEANINGS, start=1)
        ]
        return (*meanings, self._seal_command(), *rest)

    def _answers(self, one: Asked) -> Sequence[Command]:
        say = self.say
        if one.name == "event":
            return (
                self.does("no", partial(self._answer, "no"), label=say("hint.no"), says=say("outcome.event-says")),
                self.does("confirm", self._event, label=say("hint.yes")),
            )
        first = 1 if one.name == "skin" else 0
        commands = []
        for n, value in enumerate(one.values):
            key = "t" if n + first == 10 else str(n + first)
            label = say(f"skin-short.{n + 1}") if one.name == "skin" else say("comfort.scale") if n == 0 else ""
            hurt = one.name == "discomfort" and self.console.draft.hurt  # that it does no more is nobody's to propose
            none = n == 0 and not hurt
            says = say(f"outcome.{one.name}-says") if none else ""
            commands.append(self.digit(key, partial(self._answer, value), label=label, says=says))
        return commands

    def _seal_command(self) -> Command:
        say, refusal = self.say, ""
        if self._at < len(self._questions):
            refusal = say("outcome.first", name=say(f"outcome.{self._questions[self._at].name}"))
        elif not self._entered.get("meaning"):
            refusal = say("sign.means-first")
        elif self.console.home_view.asks_pin() and not self.value("pin"):
            refusal = say("refuse.sign-pin")
        elif self._sent:
            refusal = say("refuse.opening")
        keys = ("f8", "enter") if self.field == "pin" else ("f8",)
        return Command(keys=keys, act=self._seal, label=say("hint.seal"), says=say("sign.seal-says"), refusal=refusal)

    def tab(self, step: int) -> bool:
        """Tab goes through the questions; with a PIN asked for, into its field."""
        if self._ready() and self.console.home_view.asks_pin() and not self.field:
            self.focus_on("pin")
        else:
            self._move(step)
        return True

    # -- what they do -----------------------------------------------------------------------------------------------

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self._questions), self._at + step))

    def _answer(self, value: str) -> None:
        self._entered[self._questions[self._at].name] = value
        self._at = self._first_open() if self._first_open() > self._at else self._at + 1

    def _event(self) -> None:
        words = self._entered.get("event-words", "")
        self.console.ask(WordPane(self.console, "outcome.event-ask", self._event_words, value=words))

    def _event_words(self, words: str) -> None:
        self._entered["event-words"] = words
        self._answer("yes")

    def _note(self) -> None:
        self.console.ask(WordPane(self.console, "outcome.note", self._take_note, value=self._entered.get("note", "")))

    def _take_note(self, words: str) -> None:
        self._entered["note"] = words

    def _mean(self, meaning: str) -> None:
        self._entered["meaning"] = meaning
        if self.console.home_view.asks_pin():
            self.focus_on("pin")

    def _leave(self) -> None:
        """Back to where it came from; what was entered stays, and an unsigned session is listed at the next start."""
        snapshot = self.now
        if snapshot is not None and snapshot.phase in BEGUN:
            return
        draft = self.console.draft
        if not draft.therapy_began:
            draft.end_reason = ""  # it may go on after all
        self.console.go(draft.came_from or Stage.TREAT)

    def _seal(self) -> None:
        """Into the record, then the signature; a refusal leaves everything as it stands."""
        console, entered = self.console, self._entered
        fields: dict[str, object] = {name: entered[name] for name in ("discomfort", "pain", "skin") if name in entered}
        asked = len(self._questions) > 1
        problems = [dict(one.to_json()) for one in judge_outcome(fields) if asked and one.severity == "refuse"]
        if problems:
            console.problems(problems)
            return
        self._sent = True
        self._write(fields)
        pin = self.value("pin")
        for field in self.query(Field):
            field.value = ""
        request = Sign(
            id=console.next_id(),
            operator=console.station.operator,
            meaning=entered["meaning"],
            pin=pin,
            comment=entered.get("note", ""),
        )
        console.send(request, self._signed)

    def _write(self, fields: dict[str, object]) -> None:
        """What the record does not have yet: after a refusal, what was changed since."""
        console, snapshot, written = self.console, self.now, self.console.draft.written
        event = self._event_said()
        if not event and written.get("event"):
            event = f"withdrawn: {written['event'].removeprefix('withdrawn: ')}"
        if event and self._new("event", event):
            console.note({"adverse_event": event})
        if (words := self._entered.get("note", "")) and self._new("note", words):
            console.note({"text": words})
        if snapshot is not None and console.draft.drill and self._new("drill", console.draft.drill):
            console.note(drill_line(console.draft.drill, snapshot.given))
        if snapshot is not None and self._new("ended", ended := ending_words(snapshot, console.draft, self.say)):
            console.note({"ended": ended, "contractions_given": given(snapshot)})
        if fields and self._new("outcome", repr(fields)):
            console.send(Note(id=console.next_id(), kind="outcome", fields=fields))

    def _new(self, name: str, value: str) -> bool:
        written = self.console.draft.written
        same, written[name] = written.get(name) == value, value
        return not same

    def _event_said(self) -> str:
        """The words of an adverse event; what was taken back with a no is none."""
        return self._entered.get("event-words", "") if self._entered.get("event") == "yes" else ""

    def _signed(self, answer: Answer) -> None:
        self._sent = False
        if answer.accepted:
            self.console.home_view.look_again()
            self.focus_on("")
            return
        self._tries += 1
        self.console.problems(answer.problems)
        if self.console.home_view.asks_pin():
            self.console.said(
                f"{self.say('sign.tries', count=self._tries)}\n "
                + str(self.say.heard(str(answer.problems[0].get("message", ""))))
            )
