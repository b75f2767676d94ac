"""The real writer: the controller's thread hands over lines and never waits; one thread writes and fsyncs, nothing
else.

A line inside an authorisation is on the disk at the latest 200 ms after it was appended; a durable one as fast as the
disk
can. A failed write or fsync is final: the kernel may have dropped the pages, so nothing is retried (decisions, d).
"""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from estim.records.chain import Chain
from estim.records.keys import Signer
from estim.records.seal import enter_master
from estim.records.segment import segment_name, sync_folder, word_head
from estim.records.sink import WriterStatus
from estim.safety.errors import RecordError

LAZY_S = 0.2
QUEUE_MAX = 4_096
CHECKPOINT_EVERY = 1_000  # lines; bounds what a torn record leaves unsigned
_CLOSE_S = 10.0
_STOP = object()


class RecordWriter:
    """One session's record.

    Args:
        folder: the session's own, made here.
        chain: where its lines come from; a take-over passes one that goes on from the first segment.
        segment: number of the segment to write.

    Raises:
        RecordError: the folder or file can't be made.
    """

    def __init__(self, folder: Path, chain: Chain, signer: Signer, *, segment: int = 0) -> None:
        self.path = str(folder)
        self._folder = folder
        self._chain = chain
        self._signer = signer
        self._queue: queue.Queue[object] = queue.Queue(QUEUE_MAX)
        self._pending: deque[tuple[int, int]] = deque()  # (line number, session time) of lines not yet durable
        self._durable_n = chain.n - 1
        self._failed: str | None = None
        self._since_checkpoint = 0
        try:
            folder.mkdir(parents=True, exist_ok=segment > 0)
            self._file = (folder / segment_name(segment)).open("xb", buffering=0)
            sync_folder(folder)
            sync_folder(folder.parent)
        except OSError as error:
            raise RecordError(f"the record in {folder} can't be made: {error.strerror or error}") from None
        self._thread = threading.Thread(target=self._work, name="record-writer", daemon=True)
        self._thread.start()

    def append(self, kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:
        """Add a line; gives its number. Never waits; a full queue is a failure."""
        number = self._chain.n
        self._put(self._chain.line(kind, fields, now_us), number, now_us, durable=durable)
        self._since_checkpoint += 1
        if self._since_checkpoint >= CHECKPOINT_EVERY:
            self._checkpoint(now_us)
        return number

    def _checkpoint(self, now_us: int) -> None:
        self._since_checkpoint = 0
        number = self._chain.n
        line = self._chain.checkpoint(self._signer.sign, self._signer.key_id, now_us)
        self._put(line, number, now_us, durable=False)

    def _put(self, line: bytes, number: int, now_us: int, *, durable: bool) -> None:
        self._pending.append((number, now_us))
        try:
            self._queue.put_nowait((line, number, durable))
        except queue.Full:
            self._failed = self._failed or f"{QUEUE_MAX} lines wait for the disk"

    def poll(self, now_us: int) -> WriterStatus:  # noqa: ARG002
        """How far the disk is."""
        durable_n = self._durable_n
        while self._pending and self._pending[0][0] <= durable_n:
            self._pending.popleft()
        return WriterStatus(durable_n, self._pending[0][1] if self._pending else None, self._failed)

    def close(self, now_us: int) -> str:
        """Seal: a last signed line, everything on the disk, the head into the master chain."""
        number = self._chain.n
        line = self._chain.checkpoint(
            self._signer.sign, self._signer.key_id, now_us, kind="seal", public_key=self._signer.public_hex
        )
        head = self._chain.head
        self._put(line, number, now_us, durable=True)
        self._queue.put(_STOP)
        self._thread.join(_CLOSE_S)
        self._file.close()
        if self._failed is None and self._durable_n >= number:
            enter_master(self._folder.parent, self._folder.name, head, self._signer, event="sealed", lines=number + 1)
        return word_head(head)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Write what comes; fsync when a durable line is among it or the oldest is due. Nothing here knows the
        session.
        """
        unsynced = -1
        while True:
            try:
                item = self._queue.get(timeout=LAZY_S if unsynced >= 0 else None)
            except queue.Empty:
                item = None
            batch: list[bytes] = []
            last, sync, stop = unsynced, item is None, False
            while item is not None:
                if item is _STOP:
                    stop = sync = True
                    break
                line, last, durable = item  # type: ignore[misc]
                batch.append(line)
                sync = sync or durable
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    item = None
            if self._failed is None:
                sync = self._write(batch, last, sync=sync)
                unsynced = -1 if sync else last
            if stop:
                return

    def _write(self, batch: list[bytes], last: int, *, sync: bool) -> bool:
        """Write and, if asked or if lines waited long enough, fsync; False if lines are still unsynced."""
        try:
            data = b"".join(batch)
            while data:
                data = data[self._file.write(data) or 0 :]
            if not sync:
                sync = True  # a batch is a moment old at most; one fsync for all of it costs less than a second timer
            if last >= 0:
                os.fsync(self._file.fileno())
                self._durable_n = max(self._durable_n, last)
        except OSError as error:
            self._failed = f"{error.strerror or error}"
            return True
        return sync
