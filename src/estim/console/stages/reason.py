"""A coded reason by one digit; under it the stage goes on, and lowering and stopping act as ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.pane import Pane
from estim.console.panel import Panel, choice_rows
from estim.session.snapshot import Snapshot


class ReasonPane(Pane):
    """The reasons with their digits, in a strip under the stage."""

    NAME: ClassVar[str] = "reason"
    whole: ClassVar[bool] = False
    passes: ClassVar[bool] = True
    asks: ClassVar[bool] = True

    def __init__(self, console: Console, title: str, reasons: Sequence[str], take: Callable[[str], None]) -> None:
        super().__init__(console)
        self._title, self._reasons, self._take = title, tuple(reasons), take

    def compose(self) -> ComposeResult:
        """The question is the panel's title."""
        yield Panel(self._title, id="reasons")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The reasons, as many in a row as fit."""
        panel = self.panel("reasons")
        panel.lines(choice_rows(self._named(), panel.columns))

    def _named(self) -> list[str]:
        return [f"{n} {self.say.of('reason', why)}" for n, why in enumerate(self._reasons, start=1)]

    def commands(self) -> Sequence[Command]:
        """Digits, and the way back."""
        digits = [
            self.digit(
                str(n),
                partial(self._taken, why),
                label=self.say.of("reason", why),
                says=self.say("next.or-another", what=self.say.of("reason", why)) if n == 1 else "",
            )
            for n, why in enumerate(self._reasons, start=1)
        ]
        return (*digits, self.does("back", lambda: self.console.close(self), label=self.say("hint.back")))

    def _taken(self, reason: str) -> None:
        self.console.close(self)
        self._take(reason)


def ask_reason(console: Console, title: str, reasons: Sequence[str], take: Callable[[str], None]) -> None:
    """Ask why; one at a time: what was asked before, and not answered, may be true no more once this is."""
    for each in [question for question in console.questions if isinstance(question, ReasonPane)]:
        console.close(each)
    console.ask(ReasonPane(console, title, reasons, take))
