"""One session at a time, and what becomes of one that nobody left."""

from __future__ import annotations

import gc
import os
import threading
import weakref

from estim.api.errors import Refused
from estim.api.front import Front


class OneAtATime:
    """The session of this program that is open. One that nobody holds any more (a notebook's cell that was run again, a
    generator that was dropped) was closed with its last reference and stands in nobody's way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.ref[object] | None = None

    def take(self, session: object) -> None:
        """This one.

        Raises:
            Refused: another one is open.
        """
        if self._other():
            gc.collect()  # one in a circle of references is nobody's
        with self._lock:
            if self._other():
                raise Refused(
                    "another session of this program is open: one at a time, a stop must mean one thing. Leave its "
                    "with block first"
                )
            self._open = weakref.ref(session)

    def holds(self, session: object) -> bool:
        """Whether it is this one."""
        return self._open is not None and self._open() is session

    def release(self, session: object) -> None:
        """Nobody's, if it was this one."""
        if self.holds(session):
            self._open = None

    def _other(self) -> bool:
        return self._open is not None and self._open() is not None


open_now = OneAtATime()


def left_behind(front: Front, process: int) -> None:
    """A session went out of sight without leaving its block, or the interpreter ends: off, and down."""
    if os.getpid() == process:
        front.stop("script")
        front.close()
