"""Waiting for several things at once, and reading and writing without waiting: pipes, sockets, ports, a shoulder tap.

Two implementations of one contract: `Selected` uses the system's own readiness (POSIX), `Threaded` a thread for each
pipe and a look every few milliseconds at what others read (Windows, whose pipes know no readiness). Both run in the
tests on every system; ESTIM_WAITING=threads makes whole sessions use the second one.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from estim.platform.apart import with_files_apart
from estim.platform.priority import raise_thread

CHUNK = 65_536
HELD_MAX = 1 << 20  # what a thread reads ahead for somebody who does not fetch it
LOOK_S = 0.004  # how often `Threaded` looks at what others read
File = int | socket.socket


class ByteSource(Protocol):
    """Bytes that come in."""

    @property
    def ended(self) -> bool:
        """End of file or an error, and everything before it was fetched."""

    def read(self) -> bytes:
        """What has come, b"" for nothing. Never waits."""


class Sink(Protocol):
    """Bytes that go out."""

    @property
    def broken(self) -> bool:
        """The other end is gone."""

    def offer(self, data: bytes) -> int:
        """As much of `data` as goes without waiting; gives how much that was, 0 for none."""


class Waiting(Protocol):
    """One loop's waiting. `wake` may be called from any thread, the rest from the loop alone."""

    def source(self, file: File, *, others_too: bool = False) -> ByteSource:
        """Something to read from; `wait` returns when it has something.

        Args:
            others_too: other programs have this open file as well, as standard input: how it waits stays as it is.
        """

    def sink(self, file: File) -> Sink:
        """Something to write to."""

    def wait(self, wait_s: float, others: Sequence[int] = ()) -> None:
        """Until a source or one of `others` (descriptors that somebody else reads) has something, a wake, or so long.

        May return early for no reason.
        """

    def wake(self) -> None:
        """`wait` returns, the present one or the next."""

    def apart(self) -> None:
        """The calling thread keeps no file open of its process' but what it needs for `wake`; see `platform.apart`."""

    def forget(self, source: ByteSource) -> None:
        """It is closed, or is about to be."""

    def close(self) -> None:
        """Nothing is waited for any more."""


def waiting(kind: str | None = None) -> Waiting:
    """The one for this system.

    Args:
        kind: `files` | `threads`; None is ESTIM_WAITING, else what the system can do.
    """
    chosen = kind or os.environ.get("ESTIM_WAITING") or ("threads" if sys.platform == "win32" else "files")
    return Threaded() if chosen == "threads" else Selected()


def _number(file: File) -> int:
    return file if isinstance(file, int) else file.fileno()


# -- readiness ------------------------------------------------------------------------------------------------------


class _FileSource:
    def __init__(self, file: File, *, others_too: bool = False) -> None:
        self.fd = _number(file)
        self.ended = False
        # Of a terminal, and of what a remote shell gives, input and output are one open file, which other programs have
        # too: what does not wait to read would not wait to write either, and lose what a slow or stopped reader does
        # not take; and the loop of a shell that reads the same pipe would end at once.
        self._waits = others_too or os.isatty(self.fd)
        if not self._waits:
            os.set_blocking(self.fd, False)

    def read(self) -> bytes:
        if self._waits and not select.select([self.fd], [], [], 0)[0]:
            return b""
        try:
            data = os.read(self.fd, CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        self.ended = not data
        return data


class _FileSink:
    def __init__(self, file: File) -> None:
        self._fd = _number(file)
        self.broken = False
        os.set_blocking(self._fd, False)

    def offer(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            self.broken = True
            return 0


class Selected:
    """See `Waiting`: by `select`."""

    def __init__(self) -> None:
        self._sources: list[_FileSource] = []
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)

    def source(self, file: File, *, others_too: bool = False) -> ByteSource:
        """Something to read from."""
        made = _FileSource(file, others_too=others_too)
        self._sources.append(made)
        return made

    def sink(self, file: File) -> Sink:
        """Something to write to."""
        return _FileSink(file)

    def wait(self, wait_s: float, others: Sequence[int] = ()) -> None:
        """Until something comes."""
        files = [self._woken, *(each.fd for each in self._sources if not each.ended), *others]
        with contextlib.suppress(InterruptedError, OSError, ValueError):  # a descriptor was closed: its owner notices
            if self._woken in select.select(files, (), (), max(0.0, wait_s))[0]:
                os.read(self._woken, CHUNK)

    def wake(self) -> None:
        """`wait` returns."""
        with contextlib.suppress(OSError):  # full: it returns anyway
            os.write(self._waker, b".")

    def apart(self) -> None:
        """The calling thread keeps only the waker."""
        with_files_apart((self._waker,))

    def forget(self, source: ByteSource) -> None:
        """It is closed."""
        self._sources = [each for each in self._sources if id(each) != id(source)]

    def close(self) -> None:
        """Nothing is waited for any more."""
        self._sources.clear()
        for fd in (self._woken, self._waker):
            with contextlib.suppress(OSError):
                os.close(fd)


# -- threads --------------------------------------------------------------------------------------------------------


class _ThreadSource:
    def __init__(self, file: File, wake: Callable[[], None]) -> None:
        self._read, self._wake = _reading(file), wake
        self._held = bytearray()
        self._over = False
        self.left = False  # nobody fetches any more: the file's number may be somebody else's soon
        self._room = threading.Condition()
        threading.Thread(target=self._work, name="reader", daemon=True).start()

    @property
    def ended(self) -> bool:
        with self._room:
            return self._over and not self._held

    @property
    def has_news(self) -> bool:
        """Bytes, or an end that nobody has seen."""
        return bool(self._held) or self._over

    def read(self) -> bytes:
        with self._room:
            data = bytes(self._held)
            self._held.clear()
            self._room.notify()
        return data

    def _work(self) -> None:
        raise_thread()
        while not self.left:
            try:
                data = self._read()
            except (OSError, ValueError):
                data = b""
            with self._room:
                self._over = not data
                self._held += data
                while len(self._held) > HELD_MAX:
                    self._room.wait()
            self._wake()
            if not data:
                return


class _ThreadSink:
    def __init__(self, file: File, wake: Callable[[], None]) -> None:
        self._write, self._wake = _writing(file), wake
        self._going = b""
        self.broken = False
        self._news = threading.Condition()
        threading.Thread(target=self._work, name="writer", daemon=True).start()

    def offer(self, data: bytes) -> int:
        with self._news:
            if self._going or self.broken or not data:
                return 0
            self._going = data[:CHUNK]
            self._news.notify()
            return len(self._going)

    def _work(self) -> None:
        raise_thread()
        while not self.broken:
            with self._news:
                while not self._going:
                    self._news.wait()
                going = self._going
            try:
                while going:
                    going = going[self._write(going) :]
            except (OSError, ValueError):
                self.broken = True
            with self._news:
                self._going = b""
            self._wake()


def _reading(file: File) -> Callable[[], bytes]:
    if isinstance(file, int):
        if sys.platform != "win32":
            os.set_blocking(file, True)
        return lambda: os.read(file, CHUNK)
    file.setblocking(True)  # noqa: FBT003
    return lambda: file.recv(CHUNK)


def _writing(file: File) -> Callable[[bytes], int]:
    if isinstance(file, int):
        if sys.platform != "win32":
            os.set_blocking(file, True)
        return lambda data: os.write(file, data)
    file.setblocking(True)  # noqa: FBT003
    return file.send


class Threaded:
    """See `Waiting`: by a thread for each source and sink."""

    def __init__(self) -> None:
        self._sources: list[_ThreadSource] = []
        self._woken = threading.Event()

    def source(self, file: File, *, others_too: bool = False) -> ByteSource:  # noqa: ARG002 - its thread waits as it is
        """Something to read from."""
        made = _ThreadSource(file, self.wake)
        self._sources.append(made)
        return made

    def sink(self, file: File) -> Sink:
        """Something to write to."""
        return _ThreadSink(file, self.wake)

    def wait(self, wait_s: float, others: Sequence[int] = ()) -> None:
        """Until something comes; what others read is looked at every few milliseconds, by them."""
        if any(each.has_news and not each.ended for each in self._sources):
            return
        self._woken.wait(max(0.0, min(wait_s, LOOK_S) if others else wait_s))
        self._woken.clear()

    def wake(self) -> None:
        """`wait` returns."""
        self._woken.set()

    def apart(self) -> None:
        """The calling thread keeps nothing: a wake needs no file."""
        with_files_apart()

    def forget(self, source: ByteSource) -> None:
        """It is closed."""
        for each in [each for each in self._sources if id(each) == id(source)]:
            each.left = True
            self._sources.remove(each)

    def close(self) -> None:
        """Nothing is waited for any more; threads end with what they read."""
        for each in self._sources:
            each.left = True
        self._sources.clear()
