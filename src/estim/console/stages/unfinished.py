"""A session that did not end: what happened, sign it as it ended, go on with the patient, or leave it for later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.home_view import OpenSession
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.stages.glance import amount_words, how_words
from estim.console.stages.identity import IdentityPane
from estim.console.stages.late_sign import LateSignPane
from estim.session.snapshot import Snapshot


class UnfinishedPane(Pane):
    """One after another; nothing of them is played again by itself."""

    NAME: ClassVar[str] = "unfinished-list"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._marked = ""  # its folder: what is read anew moves no mark
        console.home_view.look_again()  # one that runs elsewhere may have ended since

    def _session(self) -> OpenSession | None:
        sessions = self.console.open_sessions()
        first = next((one for one in sessions if one.runs is None), sessions[0] if sessions else None)
        return next((one for one in sessions if one.folder == self._marked), first)

    def compose(self) -> ComposeResult:
        """Which one, and what happened in it."""
        yield Panel(self.say("home.unfinished"), id="open-list")
        yield Panel(self.say("unfinished.what"), id="open-story")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The list left, the story of the marked one right."""
        sessions, marked = self.console.open_sessions(), self._session()
        self.panel("open-list").lines(
            f"{'▸' if each is marked else ' '} {each.day} {each.time}  {each.patient_id}"
            + (f" {self.say('unfinished.running')}" if each.runs is not None else "")
            for each in sessions
        )
        if marked is None:  # the last of them was signed
            self.panel("open-story").lines([self.say("unfinished.none")])
        else:
            how = how_words(marked, self.say)
            story = "unfinished.story" if marked.runs is None else "unfinished.story-runs"
            lines = [self.say(story, patient=marked.patient_id, day=marked.day, time=marked.time, how=how)]
            lines += [self.say("unfinished.protocol", title=marked.protocol or "–")]
            amount, level = amount_words(marked, self.say), marked.level_words or "–"
            lines += [self.say("unfinished.counts", amount=amount, level=level)]
            if marked.runs is None:
                lines += list(self.say.lines("unfinished.choices"))
            else:
                lines += ["", self.say("unfinished.look-on", process=marked.runs.process)]
            self.panel("open-story").lines(lines)

    def commands(self) -> Sequence[Command]:
        """Sign, go on, later; of one that runs elsewhere nothing is signed here, and the next line goes back."""
        marked = self._session()
        if marked is None:
            return (self.does("back", self._close, says=self.say("unfinished.none-says")),)
        running = "" if marked.runs is None else self.say("refuse.runs-elsewhere", patient=marked.patient_id)
        sign = self.digit(
            "s",
            lambda: self.console.ask(LateSignPane(self.console, marked)),
            label=self.say("unfinished.sign"),
            says="" if running else self.say("unfinished.sign-says", patient=marked.patient_id),
            refusal=running,
        )
        go_on = self.digit("g", lambda: self._go_on(marked), label=self.say("unfinished.go-on"), refusal=running)
        says = self.say("unfinished.leave-runs") if running else ""
        later = self.does("back", self._close, label=self.say("unfinished.later"), says=says)
        return (sign, go_on, *self.move(self._move), later)

    def _move(self, step: int) -> None:
        folders = [one.folder for one in self.console.open_sessions()]
        marked = self._session()
        if marked is not None:
            self._marked = folders[max(0, min(len(folders) - 1, folders.index(marked.folder) + step))]

    def _go_on(self, marked: OpenSession) -> None:
        self._close()
        self.console.objectives.goes_on()
        self.console.ask(IdentityPane(self.console, marked.patient_id))

    def _close(self) -> None:
        self.console.close(self)
