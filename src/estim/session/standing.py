"""Where a session stands: its phase, since when and why. Pure."""

from __future__ import annotations

from collections.abc import Callable

from estim.record_lines.events import PhaseTurn as PhaseLine
from estim.session.outbox import Outbox
from estim.session.state import Phase, Turn, advance

Watcher = Callable[[Phase, Turn, Phase], None]


class Standing:
    """The phase, and who is told when it changes.

    Args:
        out: takes the line of each turn.

    Attributes:
        phase: as the table of `session/state.py` has it.
        since_us: when it began.
        cause: of the turn that led to it.
    """

    def __init__(self, out: Outbox) -> None:
        self._out = out
        self.phase = Phase.DISCONNECTED
        self.since_us = 0
        self.cause = ""
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` told of every turn."""
        self._watchers.append(watcher)

    def take(self, turn: Turn, cause: str, now_us: int) -> Phase:
        """Take the turn that the table has for the present phase; gives the phase that it leaves."""
        before, self.phase = self.phase, advance(self.phase, turn)
        self.cause, self.since_us = cause, now_us
        self._out.log(PhaseLine(before=before.value, after=self.phase.value, turn=turn.value, cause=cause))
        for watcher in self._watchers:
            watcher(before, turn, self.phase)
        return before
