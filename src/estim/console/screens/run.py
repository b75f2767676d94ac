"""The treatment: big enough for two metres, and everything under one hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from estim.console.dialogs import END_REASONS, SKIP_REASONS, ReasonDialog
from estim.console.draft import Stage
from estim.console.keys import bindings
from estim.console.screens.live import LIVE, LiveScreen
from estim.console.stage import hint
from estim.session.events import EndEarly, SkipPhase
from estim.session.snapshot import Snapshot
from estim.session.state import Phase


class RunScreen(LiveScreen):
    """Arm, start, contract and rest, adjust, pause, end."""

    STAGE = Stage.RUN
    PURPOSE = "therapy"
    BINDINGS: ClassVar[list[Any]] = bindings("skip", "end")

    def live_hints(self, snapshot: Snapshot) -> Sequence[tuple[str, str]]:
        """Comfort, skip, end; the sensory channel's own key first."""
        sensory = any(view.output == "sensory" for view in snapshot.channels)
        skip = (hint("skip"),) if snapshot.plan_phases > 1 else ()
        by_key = (hint("trigger"),) if self._triggered_by_key() else ()
        return (*by_key, *((hint("seen"),) if sensory else ()), hint("comfort"), hint("tolerated"), *skip, hint("end"))

    def how_to_go_on(self, snapshot: Snapshot) -> str:
        """To output, or on to the outcome once it is over; back to the levels where one was lost."""
        lost = [view.name for view in snapshot.channels if not view.found]
        if lost and not snapshot.outcome:
            return f" {self.say('run.lost', names=', '.join(lost))}"
        if snapshot.outcome:
            return f" {self.say('run.ended', outcome=self.say.of('outcome', snapshot.outcome))}"
        return super().how_to_go_on(snapshot)

    def action_skip(self) -> None:
        """Leave the rest of this phase out; the reason is a code."""
        if self._in_treatment():
            self.app.push_screen(ReasonDialog("ask.skip", SKIP_REASONS), self._skip)

    def _skip(self, reason: str | None) -> None:
        if reason:
            self.console.send(SkipPhase(id=self.console.next_id(), reason=reason))

    def action_end(self) -> None:
        """End here as complete; the reason is a code."""
        if self._in_treatment():
            self.app.push_screen(ReasonDialog("ask.end", END_REASONS), self._end)

    def _end(self, reason: str | None) -> None:
        if reason:
            self.console.send(EndEarly(id=self.console.next_id(), reason=reason))

    def _triggered_by_key(self) -> bool:
        protocol = self.console.draft.protocol
        phases = protocol.phase if protocol is not None else ()
        return any(phase.trigger is not None and phase.trigger.source == "key" for phase in phases)

    def _in_treatment(self) -> bool:
        snapshot = self.console.snapshot
        return snapshot is not None and snapshot.phase in {Phase.RUNNING, Phase.PAUSED}

    def action_next(self) -> None:
        """On to the outcome, once output is off."""
        snapshot = self.console.snapshot
        if snapshot is not None and snapshot.phase in LIVE:
            self.refuse("refuse.running")
            return
        self.console.go(Stage.OUTCOME)

    def action_back(self) -> None:
        """Back to the levels: configures them anew, so checks are asked again."""
        snapshot = self.console.snapshot
        if snapshot is None or snapshot.phase in LIVE:
            self.refuse("refuse.running")
            return
        self.configure("titration", lambda: self.console.go(Stage.LEVELS))
