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

QUEUE_MAX = 4_096
CHECKPOINT_EVERY = 1_000  # lines; bounds what a torn record leaves unsigned
_CLOSE_S = 10.0


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
        self._queue: queue.Queue[tuple[bytes, int] | None] = queue.Queue(QUEUE_MAX)
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

    def append(self, kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:  # noqa: ARG002
        """Add a line; gives its number. Never waits; a full queue is a failure. All lines go to the disk at once."""
        number = self._chain.n
        self._put(self._chain.line(kind, fields, now_us), number, now_us)
        self._since_checkpoint += 1
        if self._since_checkpoint >= CHECKPOINT_EVERY:
            self._checkpoint(now_us)
        return number

    def _checkpoint(self, now_us: int) -> None:
        self._since_checkpoint = 0
        number = self._chain.n
        line = self._chain.checkpoint(self._signer.sign, self._signer.key_id, now_us)
        self._put(line, number, now_us)

    def _put(self, line: bytes, number: int, now_us: int) -> None:
        self._pending.append((number, now_us))
        try:
            self._queue.put_nowait((line, number))
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
        self._put(line, number, now_us)
        self._queue.put(None)
        self._thread.join(_CLOSE_S)
        self._file.close()
        if self._failed is None and self._durable_n >= number:
            enter_master(self._folder.parent, self._folder.name, head, self._signer, event="sealed", lines=number + 1)
        return word_head(head)

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
