"""The system's ways to say: stop. Ctrl-C, a polite kill, a closed terminal or window, log-off, shut-down."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from estim.platform.terminals import nowhere

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
# Windows ends a process 5 s after its window was closed, or as soon as the handler returns: so the handler stays.
CLOSE_WAIT_S = 4.5
# What is left once all is off: judging the record and the last lines; 0.3 s where nothing is slow.
LAST_WORDS_S = 2.0
_CLOSES = {2: "window closed", 5: "log-off", 6: "shut-down"}


class StopSignals:
    """Hears them all, also where the shell made them ignored, and tells `heard` each one's name.

    `heard` runs in the main thread between two of its steps (signals), or in a thread of the system (Windows' closed
    window): it may only note and hand on.

    Args:
        finished: set when the process has done what the stop asks for; a closed window waits for it.
    """

    def __init__(
        self,
        heard: Callable[[str], None],
        *,
        finished: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heard = heard
        self._clock = clock
        self._done_s: float | None = None
        self._finished = finished or threading.Event()
        self._before: list[tuple[int, Any]] = []
        self._routine: Any = None
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None:
                with contextlib.suppress(ValueError):  # not the main thread (an embedding test): no signals there
                    self._before.append((number, signal.signal(number, self._caught)))
        self._watch_window()

    def done(self) -> None:
        """Nothing is left to stop, and the last words are said in moments: who asks for the end now gets it with the
        true exit code. Where they take longer than `LAST_WORDS_S`, nobody takes them (a terminal that stands, a full
        pipe): they go nowhere. What is not over even then ends as such a signal did before.
        """
        self._done_s = self._clock()
        self._leave_window()
        atexit.register(self._ignore)

    def restore(self) -> None:
        """As it was before."""
        for number, handler in self._before:
            with contextlib.suppress(ValueError, TypeError):
                signal.signal(number, handler)
        self._before.clear()
        self._leave_window()

    def _leave_window(self) -> None:
        self._finished.set()
        if self._routine is not None and sys.platform == "win32":
            ctypes.WinDLL("kernel32").SetConsoleCtrlHandler(self._routine, False)  # noqa: FBT003
            self._routine = None

    def _ignore(self) -> None:
        """Python gives its own handlers back a moment before the process is gone; what is ignored stays so."""
        for number, _ in self._before:
            if signal.getsignal(number) == self._caught:
                signal.signal(number, signal.SIG_IGN)
        self._later(0)

    def _caught(self, number: int, _frame: object) -> None:
        if self._done_s is None:
            self._heard(signal.Signals(number).name)
            return
        left_s = self._done_s + LAST_WORDS_S - self._clock()
        if left_s <= 0:
            self._as_before(number)
        else:
            self._later(left_s, lambda: self._left(number))

    def _later(self, after_s: float, act: Callable[[], None] | None = None) -> None:
        """The system's own timer, since no thread of ours ends a write that waits. Windows has none."""
        if sys.platform != "win32":
            if act is not None:
                signal.signal(signal.SIGALRM, lambda *_: act())
            signal.setitimer(signal.ITIMER_REAL, after_s)

    def _left(self, number: int) -> None:
        nowhere()
        self._later(LAST_WORDS_S, lambda: self._as_before(number))

    def _as_before(self, number: int) -> None:
        self.restore()
        signal.raise_signal(number)

    def _watch_window(self) -> None:
        if sys.platform != "win32":
            return

        @ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)
        def closing(kind: int) -> int:
            if kind not in _CLOSES:
                return 0  # Ctrl-C and Ctrl-Break go their own way
            self._heard(_CLOSES[kind])
            self._finished.wait(CLOSE_WAIT_S)
            return 1

        if ctypes.WinDLL("kernel32").SetConsoleCtrlHandler(closing, True):  # noqa: FBT003
            self._routine = closing
