"""A lock on a file between processes; it falls with the process that holds it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from estim.safety.errors import RecordError

# What happens under a lock takes some milliseconds; 5 s of waiting means that another process hangs with it in hand.
LOCK_WAIT_S = 5.0


@contextlib.contextmanager
def locked(path: Path, *, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold `path`; it is made if there is none and stays.

    Raises:
        RecordError: another process does not give it back.
        OSError: the file can't be opened.
    """
    until = time.monotonic() + wait_s
    with path.open("a+b") as file:
        while not try_lock(file):
            if time.monotonic() > until:
                raise RecordError(f"{path}: held by another process for {wait_s:g} s")
            time.sleep(0.005)
        yield  # closing the file lets the lock go


def try_lock(file: BinaryIO) -> bool:
    """Take the lock if it is free; it falls when the file is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists on Windows alone

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - exists on POSIX alone

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
