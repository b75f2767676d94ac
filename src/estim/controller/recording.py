"""The record of the present session as the loop sees it: opened, written, sealed, and the answers that wait for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from estim.record_lines.base import Line
from estim.records.sink import RecordSink, WriterStatus
from estim.safety.errors import Problem, RecordError
from estim.session import effects, events
from estim.session.effects import Effect, Reply
from estim.session.events import Event


class Recording:
    """Nothing here waits: the disk's thread is asked at each turn how far it is.

    Args:
        open_record: makes the record of a new session for a patient's pseudonym.

    Attributes:
        record: the open one.
        path, word_head, head: of the last one; the heads once it is sealed.
        pending_us: when the oldest line was written that is not durable; None if all are.
        answers: those that waited for the disk and may be said now.
    """

    def __init__(self, open_record: Callable[[str], RecordSink]) -> None:
        self._open_record = open_record
        self.record: RecordSink | None = None
        self.path = self.word_head = self.head = ""
        self.pending_us: int | None = None
        self.answers: list[Reply] = []
        self._sealing: RecordSink | None = None  # closed for the engine, on its way to the disk
        self._unsaid: list[tuple[Reply, int | None]] = []  # what waits for a line, or (None) for the seal
        self._written: dict[int, int] = {}  # authorisation → line number
        self._last_line = self._durable_n = -1
        self._failed = False
        self._status: WriterStatus | None = None  # as it was looked at last

    @property
    def busy(self) -> bool:
        """A record is being sealed: neither the next one is opened nor the process ended."""
        return self._sealing is not None

    def open(self, patient_id: str) -> list[Event]:
        """Begin a record; gives what went wrong."""
        self._failed = False
        try:
            self.record = self._open_record(patient_id)
        except RecordError as error:
            return self._fail(str(error), opening=True)
        self.path, self.word_head, self.head = self.record.path, "", ""
        self._durable_n, self.pending_us = -1, None
        return []

    def append(self, line: Line, now_us: int, *, durable: bool = False) -> tuple[int | None, list[Event]]:
        """Write a line; gives its number, and what went wrong."""
        if self.record is None:
            return None, []
        try:
            self._last_line = self.record.append(line.KIND, line.to_fields(), now_us, durable=durable)
        except RecordError as error:
            return None, self._fail(str(error))
        return self._last_line, []

    def seal(self, now_us: int) -> None:
        """Close it; `look` sees when it is on the disk."""
        if self.record is not None:
            self.record.seal(now_us)
            self._sealing, self.record = self.record, None
            self.pending_us = None
            self._look_at_seal(now_us)

    def authorised(self, number: int, line: int) -> None:
        """Authorisation `number` stands in `line`: it counts once that is durable."""
        self._written[number] = line

    def revoke(self) -> None:
        """No authorisation that is on its way counts any more."""
        self._written.clear()

    def reply(self, reply: Reply, step: Sequence[Effect]) -> None:
        """Answer now, or, where this step opened or closed a record, once that is on the disk."""
        if self._sealing is not None and any(isinstance(each, effects.CloseRecord) for each in step):
            self._unsaid.append((reply, None))
        elif self.record is not None and any(isinstance(each, effects.OpenRecord) for each in step):
            self._unsaid.append((reply, self._last_line))
        else:
            self.answers.append(reply)

    def look(self, now_us: int) -> tuple[list[Event], list[int]]:
        """How far the disk is: what the engine must hear, and the authorisations that are durable now."""
        if self._sealing is not None:
            self._look_at_seal(now_us)
        if self.record is None:
            return [], []
        status = self.record.poll(now_us)
        if status is self._status and not self._written and not self._unsaid:
            return [], []  # nothing is new, and nobody waits
        self._status = status
        found: list[Event] = []
        if status.failed is not None:
            found += self._fail(status.failed, opening=status.durable_n < 0)
        if (status.durable_n, status.oldest_pending_since_us) != (self._durable_n, self.pending_us):
            self._durable_n, self.pending_us = status.durable_n, status.oldest_pending_since_us
            found.append(events.Durable(n=status.durable_n, oldest_pending_us=status.oldest_pending_since_us))
        granted = [n for n, line in self._written.items() if line <= status.durable_n] if self._written else []
        for n in granted:
            del self._written[n]
        if self._unsaid:
            self._answer(status.durable_n, failed=status.failed)
        return found, granted

    def _look_at_seal(self, now_us: int) -> None:
        if self._sealing is not None and self._sealing.poll(now_us).ended:
            self.word_head, self.head = self._sealing.word_head, self._sealing.head
            self._sealing = None
            self._answer(-1)

    def _answer(self, durable_n: int, *, failed: str | None = None) -> None:
        """Say what waited: a session is open once its first lines are durable, closed once it is sealed."""
        kept: list[tuple[Reply, int | None]] = []
        for reply, line in self._unsaid:
            if line is not None and failed is not None:
                self.answers.append(_not_opened(reply.id, failed))
            elif self._sealing is None if line is None else line <= durable_n:
                self.answers.append(reply)
            else:
                kept.append((reply, line))
        self._unsaid = kept

    def _fail(self, reason: str, *, opening: bool = False) -> list[Event]:
        """Said once."""
        if self._failed:
            return []
        self._failed = True
        if opening:
            self.record = None  # it never was: another sign-in may begin one
            self._answer(-1, failed=reason)
        return [events.RecordFailed(reason=reason, opening=opening)]


def _not_opened(number: int, reason: str) -> Reply:
    problem = Problem(severity="refuse", key="sign-in", message=reason, rule="record")
    return Reply(id=number, accepted=False, problems=(problem,))
