"""How many programs have a file open, told by the kernel as they come and go (Linux: inotify)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys

_OPEN, _CLOSE = 0x20, 0x08 | 0x10  # IN_OPEN; IN_CLOSE_WRITE and IN_CLOSE_NOWRITE
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_OVERFLOW = 0x4000


class Openers:
    """Counts those who open `path` after this was made; -1 for `fileno` where the system can't tell.

    Attributes:
        count: programs that have it open now.
    """

    def __init__(self, path: str) -> None:
        self.count = 0
        self._fd = -1
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            self._fd = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
            if self._fd >= 0 and libc.inotify_add_watch(self._fd, os.fsencode(path), _OPEN | _CLOSE) < 0:
                self.close()

    def fileno(self) -> int:
        """For a selector."""
        return self._fd

    def left(self) -> bool:
        """Take what was told; True if somebody closed it and nobody has it open any more."""
        closed = False
        with contextlib.suppress(BlockingIOError):
            while self._fd >= 0 and (told := os.read(self._fd, 65_536)):
                at = 0
                while at < len(told):
                    _, mask, _, length = _EVENT.unpack_from(told, at)
                    at += _EVENT.size + length
                    if mask & _OVERFLOW:  # nobody knows any more; who comes next is counted from here
                        self.count = 0
                    self.count += int(bool(mask & _OPEN)) - int(bool(mask & _CLOSE))
                    closed = closed or bool(mask & _CLOSE)
        self.count = max(0, self.count)
        return closed and self.count == 0

    def close(self) -> None:
        """Stop listening."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
