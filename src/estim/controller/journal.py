"""What the controller says of itself, to standard error, a file of the home: never from the loop's own turn."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable

from estim.platform.priority import raise_thread

WAITING_MAX = 100


class Journal:
    """Lines for the log; what comes faster than the disk takes it is counted and left out.

    Args:
        apart: called first in the thread that writes; see `Waiting.apart`.
    """

    def __init__(self, apart: Callable[[], object]) -> None:
        self._apart = apart
        self._lines: queue.Queue[str] = queue.Queue(WAITING_MAX)
        self._left_out = 0
        threading.Thread(target=self._work, name="journal", daemon=True).start()

    def say(self, text: str) -> None:
        """One line."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._left_out += 1

    def _work(self) -> None:
        raise_thread()  # first of all: while it holds the interpreter, the control loop is no faster than it
        self._apart()
        while True:
            text = self._lines.get()
            left_out, self._left_out = self._left_out, 0
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"{text}\n" + (f"({left_out} lines were left out)\n" if left_out else ""))
                sys.stderr.flush()
