"""Before its time: the file's pause is not over, or today's sessions were given. One digit says why it is done now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.panel import Panel, choice_rows
from estim.console.stages.reason import ReasonPane
from estim.session.snapshot import Snapshot

WHY_EARLY = ("broke-off", "prescribed", "made-up")
IN_PRACTICE = ("practice-again", *WHY_EARLY)


class EarlyPane(ReasonPane):
    """What the file says of the time between two sessions, and the reasons with their digits."""

    NAME: ClassVar[str] = "early"

    def __init__(self, console: Console, problems: Sequence[str], take: Callable[[str], None]) -> None:
        simulated = console.snapshot is not None and console.snapshot.simulated
        super().__init__(console, console.say("early.title"), IN_PRACTICE if simulated else WHY_EARLY, take)
        self._problems = tuple(problems)

    def compose(self) -> ComposeResult:
        """The question is the panel's title."""
        yield Panel(self._title, id="reasons")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """What the file says, then the reasons."""
        panel = self.panel("reasons")
        panel.lines([*(f"! {one}" for one in self._problems), *choice_rows(self._named(), panel.columns)])

    def commands(self) -> Sequence[Command]:
        """The first one leads on, and says what it leads to."""
        first, *others = super().commands()
        says = self.say("early.says", why=self.say.of("reason", self._reasons[0]))
        return (self.digit("1", first.act, label=first.label, says=says), *others)
