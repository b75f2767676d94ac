"""What was: a patient's course over the visits, and the records of this home."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.care_words import care_lines
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.due import course_title, due_lines
from estim.console.home_view import PastSession
from estim.console.keys import keys_of
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.console.progress import progress_lines
from estim.console.stages.exercises import ByHandPane, DiaryPane, EntriesPane, ExercisesPane
from estim.console.stages.glance import ended_words, how_words
from estim.records.course import Course
from estim.session.snapshot import Snapshot


class CoursePane(Pane):
    """Each measure against its target, planned and given; with several protocols the arrows change between them."""

    NAME: ClassVar[str] = "course"

    def __init__(self, console: Console, patient_id: str) -> None:
        super().__init__(console)
        self._patient_id = patient_id
        self._at = 0

    def _courses(self) -> tuple[Course, ...] | None:
        simulated = self.now is not None and self.now.simulated
        return self.console.home_view.courses(self._patient_id, simulated=simulated)

    def compose(self) -> ComposeResult:
        """The course of care, where one has begun; then words and plots of what was stimulated."""
        yield Panel("", id="care")
        yield Panel(self.say("course.heading"), id="course-text")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """Once it is read."""
        self._show_care()
        found, panel = self._courses(), self.panel("course-text")
        if not found:
            panel.put(self.say("course.reading" if found is None else "course.none", patient=self._patient_id))
            return
        course = found[self._at % len(found)]
        lines = progress_lines(course, columns=panel.columns, rows=panel.rows, say=self.say)
        panel.put(Content.assemble((f"{lines[0]}\n", "bold"), "\n".join(lines[1:])))

    def _show_care(self) -> None:
        past, panel = self.console.past_patient(self._patient_id), self.panel("care")
        course = past.course if past is not None else None
        panel.display = course is not None
        self.set_class(course is not None, "-care")
        if course is not None:
            panel.title(f"{self._patient_id} · {course_title(course, self.say)}")
            due = due_lines(course, self.say)[1:]
            panel.lines([*care_lines(course.care, self.say), *(["", *due] if due else [])])

    def commands(self) -> Sequence[Command]:
        """Other protocols, and the way back."""
        keys = (*keys_of("back", self.console.keymap), *keys_of("course", self.console.keymap), "enter")
        close = Command(keys=keys, act=self._close, label=self.say("hint.close"), says=self.say("course.closes"))
        found, entries = self._courses(), self._entries()
        if not found or len(found) < 2:
            return (close, *entries)
        turn = [
            Command(
                keys=(key,),
                act=partial(self._turn, step),
                kind=Kind.MOVE,
                label=self.say("hint.other-protocol") if step > 0 else "",
            )
            for key, step in (("right", 1), ("left", -1))
        ]
        return (close, *entries, *turn)

    def _entries(self) -> Sequence[Command]:
        """What a course is told; nothing where none runs."""
        past = self.console.past_patient(self._patient_id)
        if past is None or past.course is None:
            return ()
        kinds: Sequence[tuple[str, type[EntriesPane]]] = (("e", ExercisesPane), ("d", DiaryPane), ("m", ByHandPane))
        return [self.digit(key, partial(self._tell, kind), label=self.say(f"{kind.NAME}.title")) for key, kind in kinds]

    def _tell(self, kind: type[EntriesPane]) -> None:
        self.console.ask(kind(self.console, self._patient_id))

    def _turn(self, step: int) -> None:
        self._at += step

    def _close(self) -> None:
        self.console.close(self)


class RecordsPane(Pane):
    """The sessions of this home, the latest first; of the open patient alone until A asks for all."""

    NAME: ClassVar[str] = "records"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._all = not console.draft.signed_in
        self._at = 0

    def _sessions(self) -> tuple[PastSession, ...]:
        simulated = self.now is not None and self.now.simulated
        sessions = self.console.home_view.sessions(simulated=simulated)
        return tuple(one for one in sessions if self._all or one.patient_id == self.console.draft.patient_id)

    def compose(self) -> ComposeResult:
        """List left, the marked one right."""
        yield Panel(self.say("records.title"), id="records-list")
        yield Panel(self.say("records.one"), id="record")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """Rows of day, patient, what, how it ended, signed."""
        sessions, panel, say = self._sessions(), self.panel("records-list"), self.say
        panel.title(say("records.title") if self._all else say("records.of", patient=self.console.draft.patient_id))
        if not sessions:
            panel.put(say("records.none"))
            self.panel("record").put("")
            return
        self._at = min(self._at, len(sessions) - 1)
        lines = []
        for n, one in enumerate(sessions):
            signed = one.signed_by or say("records.unsigned")
            mark = "▸" if n == self._at else " "
            text = f"{mark} {one.day} {one.patient_id:<10} {ended_words(one, say):<22} {signed}"
            lines.append(Content.styled(text[: panel.columns], "bold" if n == self._at else ""))
        panel.lines(lines)
        panel.see(self._at)
        one = sessions[self._at]
        self.panel("record").lines(
            [
                f"{one.patient_id} · {one.day} {one.time}",
                one.protocol or "–",
                ended_words(one, say) if one.runs is None else how_words(one, say),
                say("records.given-one") if one.contractions == 1 else say("records.given", count=one.contractions),
                say("records.signed", who=one.signed_by or "–"),
                "",
                say("records.verify"),
                f"  {say('records.command', folder=one.folder)}",
            ]
        )

    def commands(self) -> Sequence[Command]:
        """Move, all patients, close."""
        keys = (*keys_of("back", self.console.keymap), *keys_of("records", self.console.keymap), "enter")
        close = Command(keys=keys, act=self._close, label=self.say("hint.close"), says=self.say("records.closes"))
        everybody = self.digit("a", self._everybody, label=self.say("records.all"))
        return (close, *self.move(self._move), *(() if self._all else (everybody,)))

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self._sessions()) - 1, self._at + step))

    def _everybody(self) -> None:
        self._all = True

    def _close(self) -> None:
        self.console.close(self)
