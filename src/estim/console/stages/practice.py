"""Practice: the objectives of this operator, each judged by what was done beside a simulated stimulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.command import Command
from estim.console.keys import keys_of
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.records.training import OBJECTIVES
from estim.session.snapshot import Snapshot


class PracticePane(Pane):
    """What is met with its day, what is open with how it is done."""

    NAME: ClassVar[str] = "practice"

    def compose(self) -> ComposeResult:
        """One panel."""
        yield Panel(self.say("objectives.title"), id="objectives")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """A line for each; how it is done where it is open."""
        say, operator = self.say, self.console.station.operator
        done = self.console.home_view.practice(operator) if operator else {}
        panel = self.panel("objectives")
        panel.title(say("objectives.of", operator=operator or "–", done=len(done), all=len(OBJECTIVES)))
        lines: list[Content | str] = []
        for one in OBJECTIVES:
            if one in done:
                lines.append(Content.styled(f"✓ {say(f'objective.{one}')}  {done[one]}", "bold"))
            else:
                lines.append(f"· {say(f'objective.{one}')}: {say(f'objective-how.{one}')}")
        panel.lines([*lines, "", *say.lines("objectives.words")])

    def commands(self) -> Sequence[Command]:
        """The way back."""
        keys = (*keys_of("back", self.console.keymap), *keys_of("practice", self.console.keymap), "enter")
        close = lambda: self.console.close(self)  # noqa: E731
        return (Command(keys=keys, act=close, label=self.say("hint.close"), says=self.say("objectives.closes")),)
