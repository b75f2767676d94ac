"""What people were shown and told: numbers of snapshots and answers. Pure."""

from __future__ import annotations

from estim.record_lines.kinds import Refused
from estim.safety.errors import Problem
from estim.safety.units import US_PER_S
from estim.session.effects import Reply
from estim.session.outbox import Outbox
from estim.session.plain import plain

REMEMBERED = 64  # snapshots that a raise may still refer to: 3 s at 20 Hz
SNAPSHOT_FRESH_US = US_PER_S


class Shown:
    """Snapshots that went out and requests that were answered.

    Args:
        out: takes the answers.

    Attributes:
        answered: number of the latest request that has its answer.
    """

    def __init__(self, out: Outbox) -> None:
        self._out = out
        self.answered = 0
        self._n = 0
        self._times_us: dict[int, int] = {}

    def accept(self, request_id: int, notes: tuple[Problem, ...] = ()) -> None:
        """Answer a request: done; and what must be said with it."""
        self.answered = max(self.answered, request_id)
        self._out.emit(Reply(id=request_id, accepted=True, problems=notes))

    def refuse(self, request_id: int, problems: tuple[Problem, ...]) -> None:
        """Answer a request: not done, and why."""
        self.answered = max(self.answered, request_id)
        self._out.log(Refused(request=request_id, problems=[plain(problem) for problem in problems]))
        self._out.emit(Reply(id=request_id, accepted=False, problems=problems))

    def next(self, now_us: int) -> int:
        """Number of the snapshot that is made now."""
        self._n += 1
        self._times_us[self._n] = now_us
        self._times_us.pop(self._n - REMEMBERED, None)
        return self._n

    def is_fresh(self, snapshot_n: int, now_us: int) -> bool:
        """What stood on this snapshot may be acted on: it is at most 1 s old."""
        seen_us = self._times_us.get(snapshot_n)
        return seen_us is not None and now_us - seen_us <= SNAPSHOT_FRESH_US
