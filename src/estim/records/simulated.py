"""The simulated writer: durability in simulated time, with seeded latency and failures, so that rehearsals meet them.

Lines are kept in memory and go to a folder at the end, if there is one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from estim.platform.files import make_new, private_folder, trouble
from estim.record_lines.events import Seal
from estim.records.chain import Chain
from estim.records.checkpoints import CheckpointClock
from estim.records.keys import Signer
from estim.records.master import enter_master, home_of_records
from estim.records.segment import RECORD, word_head
from estim.records.sink import WriterStatus
from estim.records.station import begin_station
from estim.safety.errors import RecordError

LAZY_US = 200_000
UNAWAITED_US = 300_000  # a rehearsal looks so much later at lines that nothing waits for


class SimulatedWriter:
    """A record whose disk is a model.

    Args:
        folder: where the record goes when it is closed; None keeps it in `data` only.
        seed: of the latencies. Durable lines take 0.3 to 1.4 ms (as measured on an idle disk).
        slow: list of (from_us, until_us, latency_us): a busy disk.
        fail_at_us, fail_reason: from here on every fsync fails, and why.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        signer: Signer,
        seed: int = 0,
        slow: tuple[tuple[int, int, int], ...] = (),
        fail_at_us: int | None = None,
        fail_reason: str = "No space left on device",
    ) -> None:
        self.path = str(folder) if folder is not None else ""
        self.head = self.word_head = ""
        self._folder = folder
        self._signer = signer
        self._chain = Chain(simulated=True)
        self._random = random.Random(seed)  # noqa: S311 - a model of a disk
        self._slow = slow
        self._fail_at_us, self._fail_reason = fail_at_us, fail_reason
        self._lines: list[bytes] = []
        self._pending: deque[tuple[int, int, int]] = deque()  # (line number, appended, durable from)
        self._durable_n = -1
        self._failed: str | None = None
        self._lazy_us = self._awaited_us = 0
        self._checkpoints = CheckpointClock()
        self._last_us = 0
        self._sealed = False
        self._status = WriterStatus(-1, None, None)

    @property
    def data(self) -> bytes:
        """The record's bytes so far."""
        return b"".join(self._lines)

    def append(self, kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:
        """Add a line; gives its number."""
        number = self._chain.n
        self._lines.append(self._chain.line(kind, fields, now_us))
        self._last_us = now_us
        self._checkpoints.saw(kind, fields, now_us)
        if durable:  # an fsync takes along everything that was written before
            ready_us = now_us + self._latency_us(now_us)
            self._pending = deque((n, at, min(due, ready_us)) for n, at, due in self._pending)
            self._awaited_us = max(self._awaited_us, ready_us)
        else:
            ready_us = self._next_lazy_us(now_us)
        self._pending.append((number, now_us, ready_us))
        if self._checkpoints.overdue:
            self._checkpoint(now_us)
        return number

    def _checkpoint(self, now_us: int) -> None:
        now_us = self._last_us = max(now_us, self._last_us)
        self._pending.append((self._chain.n, now_us, self._next_lazy_us(now_us)))
        said = {"public_key": self._signer.public_hex}
        self._lines.append(self._chain.checkpoint(self._signer.sign, self._signer.key_id, now_us, said))
        self._checkpoints.signed(now_us)

    def _next_lazy_us(self, now_us: int) -> int:
        """When the next fsync is over that no line waits for: 200 ms after the first line since the last one."""
        if self._lazy_us <= now_us:
            self._lazy_us = now_us + max(LAZY_US, self._slow_us(now_us))
        return max(self._lazy_us, self._pending[-1][2] if self._pending else 0)

    def _slow_us(self, now_us: int) -> int:
        return next((latency for begin, end, latency in self._slow if begin <= now_us < end), 0)

    def _latency_us(self, now_us: int) -> int:
        return self._slow_us(now_us) or self._random.randint(300, 1_400)

    def poll(self, now_us: int) -> WriterStatus:
        """How far the modelled disk is. Signs, if a checkpoint is due."""
        if self._failed is None and not self._sealed and self._checkpoints.due(max(now_us, self._last_us)):
            self._checkpoint(now_us)
        while self._failed is None and self._pending and self._pending[0][2] <= now_us:
            number, _, ready_us = self._pending[0]
            if self._fail_at_us is not None and ready_us >= self._fail_at_us:
                self._failed = self._fail_reason
                break
            self._pending.popleft()
            self._durable_n = number
        known, oldest_us = self._status, self._pending[0][1] if self._pending else None
        if (
            known.durable_n != self._durable_n
            or known.oldest_pending_since_us != oldest_us
            or known.failed is not self._failed
            or known.ended is not self._sealed
        ):
            self._status = WriterStatus(self._durable_n, oldest_us, self._failed, ended=self._sealed)
        return self._status  # the same one while nothing changes: it is asked for at every turn

    def next_deadline_us(self) -> int | None:
        """When a line that is waited for becomes durable; for others any later turn will do."""
        if not self._pending or self._failed is not None:
            return None
        ready_us = self._pending[0][2]
        return ready_us if ready_us <= self._awaited_us else ready_us + UNAWAITED_US

    def seal(self, now_us: int) -> None:
        """Seal, and write the folder if there is one; a model does so at once."""
        self._pending.clear()
        self._sealed = True
        said = {"public_key": self._signer.public_hex}
        at_us = max(now_us, self._last_us)
        self._lines.append(self._chain.checkpoint(self._signer.sign, self._signer.key_id, at_us, said, kind=Seal.KIND))
        if self._folder is not None:
            private_folder(self._folder, exist_ok=False)
            try:
                make_new(self._folder / RECORD, self.data)
            except OSError as error:
                raise RecordError(f"{self._folder / RECORD}: can't be written: {trouble(error)}") from None
            home = home_of_records(self._folder.parent)
            if home is not None:
                begin_station(home)
            enter_master(
                self._folder.parent, self._folder.name, self._chain.head, self._signer, event="sealed",
                lines=self._chain.n,
            )  # fmt: skip
        self.head = self._chain.head
        self.word_head = word_head(self.head)

    def close(self, now_us: int) -> str:
        """Seal; gives the head in words."""
        self.seal(now_us)
        return self.word_head
