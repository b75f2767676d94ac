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
            self.query_one("#takeover-big", Static).update(Content("\n".join(big("NO START"))))
            text = f"The controller could not begin:\n\n{fatal}\n\nNothing was put out. Leave with ^Q."
            self.query_one("#takeover-text", Static).update(Content(text))
            return
        certain = takeover.output == OutputState.OFF
        box = self.query_one("#box")
        box.set_class(not certain, "-uncertain")
        cable = snapshot.cable if snapshot is not None else "the stimulator's cable"
        watchdog = f"{snapshot.watchdog_us / 1_000_000:g} s" if snapshot is not None else "2 s"
        self.query_one("#takeover-big", Static).update(Content("\n".join(big("OFF" if certain else "PULL CABLE"))))
        facts = [
            f"The controller {'ended' if takeover.cause == 'eof' else 'stopped answering'}; "
            "this console has stopped the stimulator itself.",
            takeover.text,
        ]
        if certain:
            steps = [
                "The stimulator confirmed that its output is OFF.",
                "Leave with ^Q and start again for a new session.",
            ]
        else:
            steps = [
                f"1. Pull {cable} now.",
                f"2. The stimulator ends output by itself {watchdog} after the last word it got.",
                "3. Do not touch the pads before one of both has happened.",
            ]
        self.query_one("#takeover-text", Static).update(Content("\n".join([*steps, "", *facts])))

    def hints(self) -> Sequence[tuple[str, str]]:
        """The way out."""
        return (hint("leave"),)
