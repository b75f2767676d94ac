"""The real writer: the controller's thread hands over lines and never waits; one thread opens, writes, syncs and seals.

Every line goes to the disk as fast as the disk can, well within the 200 ms that lines inside an authorisation have. A
failed write or fsync is final: the kernel may have dropped the pages, so nothing is retried
(docs/decisions/durability.md).
"""

from __future__ import annotations

import contextlib
import datetime
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from estim.platform.clocks import boot_us
from estim.platform.files import make_durable, open_private, private_folder, sync_folder, trouble
from estim.platform.priority import raise_thread
from estim.record_lines.events import Seal
from estim.records.chain import GENESIS, Chain
from estim.records.checkpoints import CheckpointClock
from estim.records.clocks import now_stamp
from estim.records.keys import Signer
from estim.records.master import enter_master
from estim.records.personal import Cover
from estim.records.segment import segment_name, word_head
from estim.records.sink import WriterStatus
from estim.safety.errors import RecordError

QUEUE_MAX = 4_096
CLOSE_S = 10.0
LOOK_S = 1.0  # how often the thread looks whether the file that it writes is still where it was made
_SEAL = object()


def wall_stamp() -> dict[str, object]:
    """Wall time, and time since boot with sleep counted where the system has it: both stand in checkpoints."""
    utc = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return {"boot_us": boot_us(), "utc": utc}


class RecordWriter:
    """One session's record. Nothing here waits but `close`: that the folder can't be made is told by `poll`.

    Args:
        folder: the session's own, made by the thread.
        chain: where its lines come from; a take-over passes one that goes on from the first segment.
        segment: number of the segment to write.
        stamp: what checkpoints say of other clocks than the session's.
        changed: called from the thread when `poll` has news.
        apart: called first in the thread; see `Waiting.apart`.
        cover: closes a person's free text; None for practice, which concerns nobody.
    """

    def __init__(
        self,
        folder: Path,
        chain: Chain,
        signer: Signer,
        *,
        segment: int = 0,
        stamp: Callable[[], dict[str, object]] = wall_stamp,
        changed: Callable[[], None] = lambda: None,
        apart: Callable[[], object] = lambda: None,
        cover: Cover | None = None,
    ) -> None:
        self.path = str(folder)
        self.head = ""
        self.word_head = ""
        self.master_failed = ""  # why the sealed record is not in the master chain
        self._folder = folder
        self._segment = segment
        self._chain = chain
        self._signer = signer
        self._queue: queue.Queue[tuple[bytes, int] | object] = queue.Queue(QUEUE_MAX)
        self._pending: deque[tuple[int, int]] = deque()  # (line number, session time) of lines not yet durable
        self._durable_n = chain.n - 1
        self._failed: str | None = None
        self._sealing: tuple[str, int] | None = None  # head and number of the seal
        self._ended = threading.Event()
        self._checkpoints = CheckpointClock()
        self._stamp, self._changed, self._apart, self._cover = stamp, changed, apart, cover
        self._last_us = 0
        self._file: BinaryIO | None = None
        self._size = 0  # bytes that it must have by now
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="record-writer", daemon=True)
        self._thread.start()

    def append(self, kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:  # noqa: ARG002
        """Add a line; gives its number. A full queue is a failure. All lines go to the disk at once."""
        number = self._chain.n
        said = self._cover.line(kind, fields) if self._cover is not None else fields
        self._put(self._chain.line(kind, said, now_us), number, now_us)
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
        if self._failed is None and self._sealing is None and self._checkpoints.due(max(now_us, self._last_us)):
            self._checkpoint(now_us)
        durable_n = self._durable_n
        while self._pending and self._pending[0][0] <= durable_n:
            self._pending.popleft()
        oldest_us = self._pending[0][1] if self._pending else None
        return WriterStatus(durable_n, oldest_us, self._failed, ended=self._ended.is_set())

    def seal(self, now_us: int) -> None:
        """A last signed line; when everything is on the disk and the head is in the master chain, `poll` says `ended`.

        `head` and `word_head` stay empty if the seal did not reach the disk. A master chain that can't be written is
        named by `verify`; the sealed record stands by itself.
        """
        number = self._chain.n
        at_us = max(now_us, self._last_us)
        line = self._chain.checkpoint(self._signer.sign, self._signer.key_id, at_us, self._said(), kind=Seal.KIND)
        self._put(line, number, at_us)
        self._sealing = self._chain.head, number
        with contextlib.suppress(queue.Full):  # then the disk hangs, and has been said to
            self._queue.put_nowait(_SEAL)

    def close(self, now_us: int, *, wait_s: float = CLOSE_S) -> str:
        """Seal and wait for it; gives the head in words, "" if the seal did not reach the disk in time."""
        self.seal(now_us)
        self._ended.wait(wait_s)
        return self.word_head

    def break_off(self, *, wait_s: float = CLOSE_S) -> None:
        """Write what was handed over, seal nothing: the record ends here as it does when a process dies."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(_SEAL)
        self._ended.wait(wait_s)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Open, write what comes, sync each batch, seal. Nothing here knows the session."""
        # A line that waits for this thread for too long ends the session; and a thread that the system takes the
        # processor from while it holds the interpreter holds up the control loop, whatever the loop's own priority.
        raise_thread()
        self._apart()
        try:
            self._open()
            while self._batch():
                self._look()
            self._finish()
        finally:
            if self._file is not None:
                self._file.close()
            self._ended.set()
            self._changed()

    def _open(self) -> None:
        try:
            private_folder(self._folder, exist_ok=self._segment > 0)
            self._file = open_private(self._folder / segment_name(self._segment), "xb")
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
            if self._segment == 0:
                # Before any line: a session that is never sealed and whose folder disappears is missed all the same.
                enter_master(
                    self._folder.parent, self._folder.name, GENESIS, self._signer, event="opened", lines=0,
                    stamp=now_stamp(),
                )  # fmt: skip
        except OSError as error:
            self._failed = f"the record in {self._folder} can't be made: {trouble(error)}"
        except RecordError as error:
            self._failed = str(error)

    def _batch(self) -> bool:
        """Write what waits; False once the seal is among it."""
        try:
            item = self._queue.get(timeout=LOOK_S)
        except queue.Empty:
            return True
        batch: list[bytes] = []
        last = -1
        while isinstance(item, tuple):
            batch.append(item[0])
            last = item[1]
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
        if batch and self._failed is None:
            self._write(b"".join(batch), last)
        return item is not _SEAL

    def _write(self, data: bytes, last: int) -> None:
        if self._file is None:
            return
        try:
            while data:
                size = self._file.write(data) or 0
                data, self._size = data[size:], self._size + size
            make_durable(self._file.fileno())
        except OSError as error:
            if self._durable_n < 0:  # a session that has not begun: whoever signs in can still go elsewhere
                self._failed = f"the record in {self._folder} can't be written: {trouble(error)}"
            else:
                self._failed = error.strerror or str(error)
        else:
            self._durable_n = last
        self._changed()

    def _look(self, *, now: bool = False) -> None:
        """A folder that was removed, or a share that went away: bytes would go on into a file that nobody can find. Or
        somebody cut it: they would go on behind a hole.
        """
        if self._failed is not None or self._file is None:
            return
        if not now and time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        path = self._folder / segment_name(self._segment)
        try:
            there, here = path.stat(), os.fstat(self._file.fileno())
            gone = (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)
            if not gone and there.st_size < self._size:
                self._failed = f"{path} was cut: it has {there.st_size} bytes of {self._size}"
        except OSError:
            gone = True
        if gone:
            self._failed = f"{path} is gone: it was removed, or the disk or share that holds it"

    def _finish(self) -> None:
        if self._sealing is None:
            return
        head, number = self._sealing
        self._look(now=True)
        if self._failed is not None or self._durable_n < number:
            return
        try:
            enter_master(
                self._folder.parent, self._folder.name, head, self._signer, event="sealed", lines=number + 1,
                stamp=now_stamp(),
            )  # fmt: skip
        except RecordError as error:
            self.master_failed = str(error)
        self.head, self.word_head = head, word_head(head)
