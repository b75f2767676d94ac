"""A few words in writing, while output is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.session.snapshot import Snapshot


class WordPane(Pane):
    """One line to type on; Enter takes it, going back leaves everything as it was."""

    NAME: ClassVar[str] = "word"
    whole: ClassVar[bool] = False

    def __init__(self, console: Console, title: str, take: Callable[[str], None], *, value: str = "") -> None:
        super().__init__(console)
        self._title, self._take, self._given = title, take, value
        self.field = "word"

    def compose(self) -> ComposeResult:
        """The question and the line."""
        yield Panel(self.say("hint.typing"), id="word-title")
        yield Field(id="word", value=self._given, max_length=200)

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The question."""
        self.panel("word-title").lines([self.say(self._title)])

    def commands(self) -> Sequence[Command]:
        """Take it or leave it."""
        empty = "" if self.value("word") else self.say("refuse.empty")
        take = self.does(
            "next", self._taken, label=self.say("hint.enter-word"), says=self.say("hint.takes-word"), refusal=empty
        )
        return (take, self.does("back", lambda: self.console.close(self), label=self.say("hint.back")))

    def _taken(self) -> None:
        word = self.value("word")
        self.console.close(self)
        self._take(word)
