"""Leaving: off first, and only when the device itself says so; where nothing can have been put out, at once; where the
controller or the stimulator is lost and nobody can find out, once that was said and read, with the exit code of an
output that is uncertain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.present import gone, gone_and_read, lost
from estim.console.stages.end_today import end_today, may_end
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot


class LeavePane(Pane):
    """Asks once the output is proved off; till then it says what to pull."""

    NAME: ClassVar[str] = "leave"
    whole: ClassVar[bool] = False
    passes: ClassVar[bool] = True
    asks: ClassVar[bool] = True

    def __init__(self, console: Console, leave: Callable[[], None]) -> None:
        super().__init__(console)
        self._leave = leave

    def compose(self) -> ComposeResult:
        """What happens."""
        yield Panel(self.say("leave.title"), id="leaving")

    def show(self, snapshot: Snapshot | None) -> None:
        """Whether the device is off yet."""
        if self._told() or (not self._off() and self.console.gate.never_out):
            lines = list(self.say.lines("leave.told" if self._told() else "leave.never-out"))
            if snapshot is not None:
                name = "leave.first" if self._told() else "leave.if-on"
                lines.append(self.say(name, safe=self.say.heard(snapshot.make_safe)))
        elif self._off():
            lines = list(self.say.lines("leave.off-lost" if lost(snapshot) else "leave.off"))
            if (
                snapshot is not None
                and snapshot.record_path
                and not snapshot.word_head
                and self.console.draft.signed_in
            ):
                lines.append(self.say("leave.unsigned"))
                if may_end(self):
                    lines.append(self.say("leave.end-here"))
        else:
            lines = [self.say("leave.waiting")]
            if snapshot is not None:
                lines.append(self.say("leave.pull", safe=self.say.heard(snapshot.make_safe)))
        self.panel("leaving").lines(lines)

    def _off(self) -> bool:
        if (takeover := self.console.client.takeover) is not None:
            return takeover.output == OutputState.OFF
        snapshot = self.now
        return snapshot is not None and snapshot.output is OutputState.OFF and not self.console.gate.closed

    def _told(self) -> bool:
        """The controller or the stimulator is gone, all was tried, and it was said that nobody knows: no one here stops
        it any more. Of a stimulator that is gone each alarm was read first.
        """
        if (takeover := self.console.client.takeover) is not None:
            return takeover.settled and takeover.output != OutputState.OFF
        return gone_and_read(self.now)

    def commands(self) -> Sequence[Command]:
        """Leave or stay."""
        may = self._off() or self._told() or self.console.gate.never_out
        waits = "" if may else self.say("leave.not-yet")
        if waits and gone(self.now) and self.console.client.takeover is None:
            waits = self.say("leave.read-first", key=self.console.key_names["acknowledge"])
        return (
            self.digit("q", self._go, label=self.say("hint.leave"), says=self.say("leave.says"), refusal=waits),
            self.does("back", lambda: self.console.close(self), label=self.say("hint.stay")),
            *((end_today(self),) if self._off() and may_end(self) else ()),
        )

    def _go(self) -> None:
        """The next reader is told that a hand left it, no crash."""
        snapshot, console = self.now, self.console
        if snapshot is not None and snapshot.record_path and not snapshot.word_head and console.draft.signed_in:
            console.note({"left_by": console.station.operator})
        self._leave()
