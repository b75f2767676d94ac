"""The controller is gone, or could not begin. What is known of the output, which cable to pull, the way out."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from estim.console.bigtext import big
from estim.console.stage import Dialog, hint
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot


class TakeoverScreen(Dialog[None]):
    """Stays until the console is left."""

    def compose_body(self) -> ComposeResult:
        """Big words, then the facts."""
        yield Static(id="takeover-big")
        yield Static(id="takeover-text")

    def show(self, snapshot: Snapshot | None) -> None:
        """OFF or UNCERTAIN, with what to do."""
        super().show(snapshot)
        takeover, fatal = self.console.client.takeover, self.console.client.fatal
        if not self.composed:
            return
        if takeover is None:
            self.query_one("#takeover-big", Static).update(Content("\n".join(big(self.say("takeover.no-start")))))
            text = self.say("takeover.fatal", reason=fatal)
            self.query_one("#takeover-text", Static).update(Content(text))
            return
        certain = takeover.output == OutputState.OFF
        box = self.query_one("#box")
        box.set_class(not certain, "-uncertain")
        safe = self.say.heard(snapshot.make_safe) if snapshot is not None else self.say("takeover.cable")
        watchdog_us = snapshot.watchdog_us if snapshot is not None else 2_000_000
        watchdog = f"{watchdog_us / 1_000_000:g} s"
        self.query_one("#takeover-big", Static).update(
            Content("\n".join(big(self.say("takeover.off" if certain else "takeover.pull"))))
        )
        ended = "takeover.ended" if takeover.cause == "eof" else "takeover.silent"
        facts = [self.say(ended), self.say.heard(takeover.text)]
        steps = self.say.lines(
            "takeover.steps-off"
            if certain
            else "takeover.steps-uncertain"
            if watchdog_us
            else "takeover.steps-no-timer",
            safe=safe,
            watchdog=watchdog,
        )
        self.query_one("#takeover-text", Static).update(Content("\n".join([*steps, "", *facts])))

    def hints(self) -> Sequence[tuple[str, str]]:
        """The way out."""
        return (hint("leave"),)
