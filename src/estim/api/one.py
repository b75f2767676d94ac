"""One session at a time, and what becomes of one that nobody left."""

from __future__ import annotations

import gc
import os
import weakref

from estim.api.errors import Refused
from estim.api.front import Front


class OneAtATime:
    """The session of this program that is open. One that nobody holds any more (a notebook's cell that was run again, a
    generator that was dropped) was closed with its last reference and stands in nobody's way.
    """

    def __init__(self) -> None:
        self._open: dict[str, weakref.ref[object]] = {}  # one entry at most; no lock, which an interrupt may leave shut

    def take(self, session: object) -> None:
        """This one.

        Raises:
            Refused: another one is open.
        """
        if self._other():
            gc.collect()  # one in a circle of references is nobody's
        mine = weakref.ref(session)
        while (held := self._open.setdefault("", mine)) is not mine:  # one act, whatever other threads do
            if held() is not None:
                raise Refused(
                    "another session of this program is open: one at a time, a stop must mean one thing. Leave its "
                    "with block first"
                )
            self._forget(held)

    def holds(self, session: object) -> bool:
        """Whether it is this one."""
        held = self._open.get("")
        return held is not None and held() is session

    def release(self, session: object) -> None:
        """Nobody's, if it was this one."""
        if self.holds(session):
            self._open.clear()

    def _forget(self, gone: weakref.ref[object]) -> None:
        if self._open.get("") is gone:
            self._open.clear()

    def _other(self) -> bool:
        held = self._open.get("")
        return held is not None and held() is not None


open_now = OneAtATime()


def left_behind(front: Front, process: int) -> None:
    """A session went out of sight without leaving its block, or the interpreter ends: off, and down."""
    if os.getpid() == process:
        front.stop("script")
        front.close()
