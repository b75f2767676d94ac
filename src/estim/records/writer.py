"""The real writer: the controller's thread hands over lines and never waits; one thread writes and fsyncs, nothing
else.

Every line goes to the disk as fast as the disk can, well within the 200 ms that lines inside an authorisation have. A
failed write or fsync is final: the kernel may have dropped the pages, so nothing is retried
(docs/decisions/durability.md).
"""

from __future__ import annotations

import datetime
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from estim.record_lines.events import Seal
from estim.records.chain import GENESIS, Chain
from estim.records.checkpoints import CheckpointClock
from estim.records.clocks import boot_us, now_stamp
from estim.records.keys import Signer
from estim.records.master import enter_master
from estim.records.segment import segment_name, sync_folder, word_head
from estim.records.sink import WriterStatus
from estim.safety.errors import RecordError

QUEUE_MAX = 4_096
_CLOSE_S = 10.0


def wall_stamp() -> dict[str, object]:
    """Wall time, and time since boot with sleep counted where the system has it: both stand in checkpoints."""
    return {"boot_us": boot_us(), "utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")}


class RecordWriter:
    """One session's record.

    Args:
        folder: the session's own, made here.
        chain: where its lines come from; a take-over passes one that goes on from the first segment.
        segment: number of the segment to write.
        stamp: what checkpoints say of other clocks than the session's.

    Raises:
        RecordError: the folder or file can't be made, or the master chain can't be told that a session begins.
    """

    def __init__(
        self,
        folder: Path,
        chain: Chain,
        signer: Signer,
        *,
        segment: int = 0,
        stamp: Callable[[], dict[str, object]] = wall_stamp,
    ) -> None:
        self.path = str(folder)
        self.head = ""
        self._folder = folder
        self._chain = chain
        self._signer = signer
        self._queue: queue.Queue[tuple[bytes, int] | None] = queue.Queue(QUEUE_MAX)
        self._pending: deque[tuple[int, int]] = deque()  # (line number, session time) of lines not yet durable
        self._durable_n = chain.n - 1
        self._failed: str | None = None
        self._checkpoints = CheckpointClock()
        self._stamp = stamp
        self._last_us = 0
        try:
            folder.mkdir(parents=True, exist_ok=segment > 0)
            self._file = (folder / segment_name(segment)).open("xb", buffering=0)
            sync_folder(folder)
            sync_folder(folder.parent)
        except OSError as error:
            raise RecordError(f"the record in {folder} can't be made: {error.strerror or error}") from None
        if segment == 0:
            # Before any line: a session that is never sealed and whose folder disappears is missed all the same.
            try:
                enter_master(folder.parent, folder.name, GENESIS, signer, event="opened", lines=0, stamp=now_stamp())
            except RecordError:
                self._file.close()
                raise
        self._thread = threading.Thread(target=self._work, name="record-writer", daemon=True)
        self._thread.start()

    def append(self, kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:  # noqa: ARG002
        """Add a line; gives its number. Never waits; a full queue is a failure. All lines go to the disk at once."""
        number = self._chain.n
        self._put(self._chain.line(kind, fields, now_us), number, now_us)
        self._last_us = now_us
        self._checkpoints.saw(kind, fields, now_us)
        if self._checkpoints.overdue:
            self._checkpoint(now_us)
        return number

    def _checkpoint(self, now_us: int) -> None:
        number = self._chain.n
        now_us = self._last_us = max(now_us, self._last_us)
        line = self._chain.checkpoint(self._signer.sign, self._signer.key_id, now_us, self._said())
        self._put(line, number, now_us)
        self._checkpoints.signed(now_us)

    def _said(self) -> dict[str, object]:
        """The public key lets a record that broke off be checked by itself, as far as it proves anything; the session's
        name keeps a record from being shown as another one.
        """
        return {"session": self._folder.name, "public_key": self._signer.public_hex, **self._stamp()}

    def _put(self, line: bytes, number: int, now_us: int) -> None:
        self._pending.append((number, now_us))
        try:
            self._queue.put_nowait((line, number))
        except queue.Full:
            self._failed = self._failed or f"{QUEUE_MAX} lines wait for the disk"

    def poll(self, now_us: int) -> WriterStatus:
        """How far the disk is. Signs, if a checkpoint is due."""
        if self._failed is None and self._checkpoints.due(max(now_us, self._last_us)):
            self._checkpoint(now_us)
        durable_n = self._durable_n
        while self._pending and self._pending[0][0] <= durable_n:
            self._pending.popleft()
        return WriterStatus(durable_n, self._pending[0][1] if self._pending else None, self._failed)

    def close(self, now_us: int) -> str:
        """Seal: a last signed line, everything on the disk, the head into the master chain.

        Gives the head in words, "" if the seal did not reach the disk. A master chain that can't be written is said on
        standard error and named by `verify`; the sealed record stands by itself.
        """
        number = self._chain.n
        line = self._chain.checkpoint(
            self._signer.sign, self._signer.key_id, max(now_us, self._last_us), self._said(), kind=Seal.KIND
        )
        head = self._chain.head
        self._put(line, number, now_us)
        self._end_thread()
        self._file.close()
        if self._failed is not None or self._durable_n < number:
            return ""
        try:
            enter_master(
                self._folder.parent,
                self._folder.name,
                head,
                self._signer,
                event="sealed",
                lines=number + 1,
                stamp=now_stamp(),
            )
        except RecordError as error:
            sys.stderr.write(f"{error}\n")
        self.head = head
        return word_head(head)

    def _end_thread(self) -> None:
        try:
            self._queue.put(None, timeout=_CLOSE_S)  # full: the disk hangs, and the thread with it
        except queue.Full:
            return
        self._thread.join(_CLOSE_S)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Write what comes, fsync each batch. Nothing here knows the session."""
        while True:
            item = self._queue.get()
            batch: list[bytes] = []
            last = -1
            while item is not None:
                batch.append(item[0])
                last = item[1]
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch and self._failed is None:
                self._write(b"".join(batch), last)
            if item is None:
                return

    def _write(self, data: bytes, last: int) -> None:
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failed = f"{error.strerror or error}"
        else:
            self._durable_n = last
