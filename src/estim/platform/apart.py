"""A thread with open files of its own, so that one that waits for a disk keeps nothing open that others wait for.

A thread inside `fsync` can't be killed before the disk has answered, and until then the system closes nothing that its
process has open: the port stays taken, and whoever reads from the process sees no end. 549 ms passed in one run on a
busy disk between a controller's end and its device's. Linux alone lets one thread have a table of files of its own;
elsewhere a dead process lets go when its last thread does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable

_CLONE_FILES = 0x400
_CLOSE_RANGE_UNSHARE = 2
_NO_FILE = (1 << 31) - 1
OWN_FROM = 128  # a thread's own numbers begin here: closed by another thread by mistake, they are nobody's there
NUMBERS_MAX = 4_096  # far more than a session opens
STANDARD_ERROR = 2


def with_files_apart(keep: tuple[int, ...] = ()) -> bool:
    """The calling thread lets go of every file that its process has open but `keep` and standard error.

    From here on no descriptor may go from it to another thread or the other way. False where the system has no such
    thing, or does not allow it.
    """
    if sys.platform != "linux" or not any(_done(ask) for ask in (_unshare, _close_range)):
        return False
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    kept = {STANDARD_ERROR, nothing, *keep}
    with contextlib.suppress(OSError):  # fewer numbers than that are to be had
        for number in range(OWN_FROM):
            if number not in kept:
                os.dup2(nothing, number, inheritable=False)
    first = OWN_FROM
    for number in (*sorted(each for each in kept if each >= OWN_FROM), NUMBERS_MAX):
        os.closerange(first, number)
        first = number + 1
    return True


def _done(ask: Callable[[], int]) -> bool:
    with contextlib.suppress(AttributeError):  # a C library without it
        return ask() == 0
    return False


def _unshare() -> int:
    return int(ctypes.CDLL(None).unshare(_CLONE_FILES))


def _close_range() -> int:
    """The same where containers forbid the plain way: close the one file that is never open, in a table of its own."""
    return int(ctypes.CDLL(None).close_range(_NO_FILE, _NO_FILE, _CLOSE_RANGE_UNSHARE))
