"""The controller is gone, or could not begin. What is known of the output, which cable to pull, the way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.bigtext import big
from estim.console.command import Command
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot


class TakeoverPane(Pane):
    """Stays until the console is left."""

    NAME: ClassVar[str] = "takeover"

    def compose(self) -> ComposeResult:
        """Big words, then the facts."""
        yield Panel("", id="takeover-big")
        yield Panel(self.say("takeover.what"), id="takeover-text")

    def show(self, snapshot: Snapshot | None) -> None:
        """OFF or UNCERTAIN, with what to do."""
        takeover, fatal = self.console.client.takeover, self.console.client.fatal
        large, text = self.panel("takeover-big"), self.panel("takeover-text")
        if takeover is None:
            large.put(Content("\n".join(big(self.say("takeover.no-start"), large.columns))))
            text.put(self.say("takeover.fatal", reason=self.say.heard(fatal)))
            return
        certain = takeover.output == OutputState.OFF
        self.set_class(not certain, "-uncertain")
        safe = self.say.heard(snapshot.make_safe) if snapshot is not None else self.say("takeover.cable")
        watchdog_us = snapshot.watchdog_us if snapshot is not None else 2_000_000
        watchdog = f"{watchdog_us / 1_000_000:g} s"
        large.put(Content("\n".join(big(self.say("takeover.off" if certain else "takeover.pull"), large.columns))))
        ended = "takeover.ended" if takeover.cause == "eof" else "takeover.silent"
        steps = self.say.lines(
            "takeover.steps-off"
            if certain
            else "takeover.steps-uncertain"
            if watchdog_us
            else "takeover.steps-no-timer",
            safe=safe,
            watchdog=watchdog,
        )
        text.lines([*steps, "", self.say(ended), self.say.heard(takeover.text)])

    def commands(self) -> Sequence[Command]:
        """The way out."""
        return (self.does("leave", self.console.leave, says=self.say("takeover.leave")),)
