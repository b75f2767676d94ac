"""What a course is told at the console: exercises of today's phase, the diary that came back, treatment by hand.

Everything typed here is an entry of the course, and what was done while a session is open stands in its record as well.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.care.drills import drills
from estim.care.words import day_words, drill_title, drill_words
from estim.console.care_notes import CareNote, Entering
from estim.console.care_words import Care
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.exercise_words import diary_line, exercise_lines, hand_line
from estim.console.keys import keys_of
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.stages.form import FormPane, Row, number, number_row, yes_no_row
from estim.desk.care_entries import RANGES, WORDS
from estim.desk.diary import SCALES, day_of
from estim.desk.drill_session import joined
from estim.safety.errors import SetupError, UsageError
from estim.session.snapshot import Snapshot


class EntriesPane(Pane):
    """A list, what is known of the marked one, and a form for one more entry."""

    KIND: ClassVar[str] = ""

    def __init__(self, console: Console, patient_id: str) -> None:
        super().__init__(console)
        self._patient_id = patient_id
        self._at = 0
        self._entering: Entering | None = None
        self._typed: Mapping[str, str] = {}  # what was refused, so that nobody types it twice
        self._left: Mapping[str, str] = {}  # what stood in a form that was left

    @property
    def today(self) -> datetime.date:
        """The day that entries are of, unless they say another."""
        return datetime.datetime.now().astimezone().date()

    def care(self) -> Care:
        """The course, as it was read last."""
        past = self.console.past_patient(self._patient_id)
        return past.course.care if past is not None and past.course is not None else Care()

    # -- of each kind -----------------------------------------------------------------------------------------------

    def listed(self) -> Sequence[tuple[str, bool]]:
        """What is listed, and whether it is done."""
        raise NotImplementedError

    def about(self) -> Sequence[Content | str]:
        """Of the marked one."""
        raise NotImplementedError

    def rows(self) -> Sequence[Row]:
        """What is asked."""
        raise NotImplementedError

    def more_commands(self) -> Sequence[Command]:
        """What else its keys do."""
        return ()

    def fields_of(self, typed: Mapping[str, str]) -> Mapping[str, object]:
        """The entry, of what was typed."""
        return {name: _value(name, text) for name, text in typed.items()}

    def day_of(self, typed: Mapping[str, str]) -> datetime.date:  # noqa: ARG002
        """Of which day it is."""
        return self.today

    def given(self) -> Mapping[str, str]:
        """What stands in the form at first: what was refused, or left half typed."""
        refused = self._entering is not None and bool(self._entering.why)
        return self._left or (self._typed if refused else {})

    # -- drawing ----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """List left, the marked one right."""
        yield Panel(f"{self._patient_id} · {self.say(f'{self.NAME}.title')}", id="entries")
        yield Panel("", id="entry")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """What became of the latest entry stands over what is known."""
        listed, panel = self.listed(), self.panel("entries")
        self._at = max(0, min(self._at, len(listed) - 1))
        lines = [
            Content.styled(f"{'▸' if n == self._at else ' '} {'✓' if done else '·'} {text}", _weight(n == self._at))
            for n, (text, done) in enumerate(listed)
        ]
        panel.lines(lines or [self.say(f"{self.NAME}.none")])
        panel.see(panel.rows_of(lines[: self._at + 1]) - 1)
        self.panel("entry").lines([*self._became(), *self.about()])

    def _became(self) -> list[Content | str]:
        one = self._entering
        if one is None:
            return []
        key = "form.entering" if not one.done else "form.refused" if one.why else "form.entered"
        return [Content.styled(self.say(key, why=self.say.heard(one.why)), "bold"), ""]

    # -- keys -------------------------------------------------------------------------------------------------------

    def commands(self) -> Sequence[Command]:
        """One more entry; what else; the way back."""
        waits = self.say("form.entering") if self._entering is not None and not self._entering.done else ""
        nothing = "" if self.listed() or self.KIND == "treatment" else self.say(f"{self.NAME}.none")
        label, says = self.say(f"{self.NAME}.label"), self.say(f"{self.NAME}.says")
        new = self.does("next", self._form, label=label, says=says, refusal=waits or nothing)
        keys = (*keys_of("back", self.console.keymap), *keys_of("course", self.console.keymap))
        back = Command(keys=keys, act=lambda: self.console.close(self), label=self.say("hint.back"))
        return (new, *(() if waits or nothing else self.more_commands()), *self.move(self._move), back)

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self.listed()) - 1, self._at + step))
        self._typed = self._left = {}

    def _form(self) -> None:
        title, words = self.say(f"{self.NAME}.form"), list(self.about())
        form = FormPane(self.console, title, self.rows(), self._take, words=words, given=self.given(), left=self._keep)
        self.console.ask(form)

    def _keep(self, typed: Mapping[str, str]) -> None:
        self._left = typed

    def _take(self, typed: Mapping[str, str]) -> None:
        self._typed, self._left = typed, {}
        self.enter(self.fields_of(typed), self.day_of(typed))

    def enter(self, fields: Mapping[str, object], day: datetime.date) -> None:
        """Into the course; and into the record of the session that is open, where it was done in it."""
        console, snapshot = self.console, self.now
        if snapshot is None:
            return
        note = CareNote(
            patient=self._patient_id,
            operator=console.station.operator,
            simulated=snapshot.simulated,
            kind=self.KIND,
            fields=fields,
            day=day,
        )
        self._entering = console.home_view.enter(note)
        if console.draft.signed_in and not snapshot.word_head and self.KIND != "diary":
            console.note({key: _plain(value) for key, value in fields.items()})


class ExercisesPane(EntriesPane):
    """The exercises of today's phase: done as planned with one key, or scored row by row."""

    NAME: ClassVar[str] = "exercises"
    KIND: ClassVar[str] = "drill"

    def listed(self) -> Sequence[tuple[str, bool]]:
        """Each by its name; done is who was entered today."""
        care, say = self.care(), self.say
        joins = f" {say('exercises.joins')}"
        return [
            (
                drill_title(name, say.language) + joins * (name == self.console.draft.drill),
                care.done.get(name) == self.today,
            )
            for name, _ in care.drills
        ]

    def _marked(self) -> str:
        names = [name for name, _ in self.care().drills]
        return names[self._at] if self._at < len(names) else ""

    def about(self) -> Sequence[Content | str]:
        """All of it."""
        name = self._marked()
        return exercise_lines(name, self.care(), self.say) if name else ()

    def rows(self) -> Sequence[Row]:
        """Sets and repetitions first, since they are counted; pain is asked of everybody."""
        say, drill = self.say, drills().get(self._marked())
        planned = say("exercises.planned", dose=drill.dose.words(say.language)) if drill is not None else ""
        own = drill_words(drill, say.language)["score"] if drill is not None else ""
        rows = [
            number_row("sets", say("care.score.sets"), say, hint=planned),
            number_row("repetitions", say("care.score.repetitions"), say),
            number_row("hold_s", say("care.score.hold_s"), say),
            Row(name="help", title=say("care.score.help"), hint=say("exercises.help")),
            number_row("pain", say("care.score.pain"), say, whole=True),
            number_row("exertion", say("care.score.exertion"), say, whole=True),
            yes_no_row("clean", say("care.score.clean"), say),
            Row(name="note", title=say("exercises.note"), hint=own),
        ]
        if drill is not None and drill.dose.minutes:
            rows.insert(2, number_row("minutes", say("care.score.minutes"), say))
        return rows

    def fields_of(self, typed: Mapping[str, str]) -> Mapping[str, object]:
        """With the exercise's id."""
        return {"drill": self._marked(), **super().fields_of(typed)}

    def more_commands(self) -> Sequence[Command]:
        """Ticked off; done with the current, so that each contraction of the treatment is one repetition."""
        name, say = self._marked(), self.say
        refusal = say("exercises.ticked") if self.care().done.get(name) == self.today else ""
        tick = self.does("confirm", self._tick, label=say("exercises.tick"), refusal=refusal)
        joins = self.console.draft.drill == name
        label = say("exercises.without" if joins else "exercises.with")
        return (tick, self.digit("c", self._join, label=label, refusal=self._no_current(name)))

    def _no_current(self, name: str) -> str:
        """Why the current can't join in; "" where it can."""
        draft = self.console.draft
        if draft.protocol is None or draft.therapy_began:
            return self.say("exercises.no-plan" if draft.protocol is None else "exercises.began")
        try:
            joined(name, draft.protocol)
        except SetupError as error:
            return "; ".join(self.say.heard(problem.message) for problem in error.problems)
        except UsageError as error:
            return self.say.heard(str(error))
        return ""

    def _join(self) -> None:
        draft, name = self.console.draft, self._marked()
        draft.drill = "" if draft.drill == name else name

    def _tick(self) -> None:
        """As its dose says; whoever counted scores it instead."""
        drill = drills().get(self._marked())
        fields: dict[str, object] = {"drill": self._marked()}
        if drill is not None:
            dose = drill.dose
            planned = {"sets": dose.sets, "hold_s": dose.hold_s, "minutes": dose.minutes}
            planned |= {"repetitions": dose.sets * dose.reps if dose.reps else None}
            fields |= {name: value for name, value in planned.items() if value}
        self._typed = {}
        self.enter(fields, self.today)


class DiaryPane(EntriesPane):
    """The sheet that came back, line by line: the exercises on it, and what is entered of it."""

    NAME: ClassVar[str] = "diary"
    KIND: ClassVar[str] = "diary"

    def __init__(self, console: Console, patient_id: str) -> None:
        super().__init__(console, patient_id)
        self._day = self.today

    def listed(self) -> Sequence[tuple[str, bool]]:
        """Those done at home; done is who has a line of the day that was typed last."""
        care, language = self.care(), self.say.language
        had = {fields.get("drill") for day, fields in care.diary if day == self._day}
        return [(drill_title(name, language), name in had) for name in care.home]

    def about(self) -> Sequence[Content | str]:
        """The day, and the lines there are."""
        say, care = self.say, self.care()
        lines = [diary_line(line, say) for line in care.diary]
        return [say("diary.day-is", day=day_words(self._day, say.language)), "", *(lines or [say("diary.no-line")])]

    def rows(self) -> Sequence[Row]:
        """As the printed sheet has them."""
        say = self.say
        scales = {name: number_row(name, say(f"diary.{name}"), say, whole=True) for name in SCALES if name in RANGES}
        fatigue = number_row("pain", say("diary.fatigue"), say, whole=True)
        return (
            Row(name="day", title=say("diary.day"), hint=say("diary.day-hint"), wrong=self._no_day, needed=True),
            Row(name="done", title=say("diary.how-much"), hint=say("diary.done-hint"), needed=True),
            Row(name="help", title=say("diary.help")),
            scales["pain"],
            scales["pain_next_morning"],
            Row(name="falls", title=say("diary.falls"), hint=say("diary.falls-hint")),
            Row(name="fatigue", title=say("diary.fatigue"), hint=fatigue.hint, wrong=fatigue.wrong),
            Row(name="skin", title=say("diary.skin")),
            Row(name="note", title=say("exercises.note")),
        )

    def _no_day(self, text: str) -> str:
        try:
            return "" if day_of(text) <= self.today else self.say("diary.to-come")
        except UsageError:
            return self.say("diary.day-hint")

    def given(self) -> Mapping[str, str]:
        """The day of the line before."""
        return {"day": day_words(self._day, self.say.language), **super().given()}

    def fields_of(self, typed: Mapping[str, str]) -> Mapping[str, object]:
        """Its day is the entry's."""
        name = self.care().home[self._at]
        return {"drill": name, **{key: value for key, value in super().fields_of(typed).items() if key != "day"}}

    def day_of(self, typed: Mapping[str, str]) -> datetime.date:
        """As typed."""
        self._day = day_of(typed["day"])
        return self._day


class ByHandPane(EntriesPane):
    """Manual therapy and other treatment: technique and minutes, no rule for the dose."""

    NAME: ClassVar[str] = "by-hand"
    KIND: ClassVar[str] = "treatment"

    def listed(self) -> Sequence[tuple[str, bool]]:
        """What was done, the latest first."""
        return [(hand_line(line, self.say), line[0] == self.today) for line in self.care().by_hand]

    def about(self) -> Sequence[Content | str]:
        """What such a line is."""
        return self.say.lines("by-hand.words")

    def rows(self) -> Sequence[Row]:
        """Technique and minutes are needed."""
        say = self.say
        minutes = number_row("minutes", say("by-hand.minutes"), say)
        return (
            Row(name="technique", title=say("by-hand.technique"), needed=True),
            Row(name="minutes", title=minutes.title, hint=minutes.hint, wrong=minutes.wrong, needed=True),
            *(Row(name=name, title=say(f"by-hand.{name}")) for name in ("region", "side", "grade", "response")),
            Row(name="note", title=say("exercises.note")),
        )


def _value(name: str, text: str) -> object:
    if name == "clean":
        return WORDS[text.casefold()]
    return number(text) if name in RANGES or name in SCALES else text


def _plain(value: object) -> object:
    """Numbers that are no integers as text: a record holds integers and text alone."""
    return f"{value:g}" if isinstance(value, float) else value


def _weight(marked: bool) -> str:  # noqa: FBT001 - of one line
    return "bold" if marked else ""
