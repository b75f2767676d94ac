"""A few words in writing, while output is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.language import Words
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.session.snapshot import Snapshot


def no_name(say: Words, word: str) -> str:
    """Why nobody is called so: `!!` is no initials."""
    return "" if any(letter.isalnum() for letter in word) else say("refuse.no-letter")


class WordPane(Pane):
    """One line to type on; Enter takes it, going back leaves everything as it was. What can't be taken (`wrong` says
    why) stays there to be put right.
    """

    NAME: ClassVar[str] = "word"
    whole: ClassVar[bool] = False

    def __init__(
        self,
        console: Console,
        title: str,
        take: Callable[[str], None],
        *,
        value: str = "",
        wrong: Callable[[str], str] = lambda _word: "",
    ) -> None:
        super().__init__(console)
        self._title, self._take, self._given, self._wrong = title, take, value, wrong
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
        word = self.value("word")
        refusal = self._wrong(word) if word else self.say("refuse.empty")
        take = self.does(
            "next", self._taken, label=self.say("hint.enter-word"), says=self.say("hint.takes-word"), refusal=refusal
        )
        return (take, self.does("back", lambda: self.console.close(self), label=self.say("hint.back")))

    def _taken(self) -> None:
        word = self.value("word")
        self.console.close(self)
        self._take(word)
