"""The system's ways to say: stop. Ctrl-C, a polite kill, a closed terminal or window, log-off, shut-down."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
# Windows ends a process 5 s after its window was closed, or as soon as the handler returns: so the handler stays.
CLOSE_WAIT_S = 4.5
_CLOSES = {2: "window closed", 5: "log-off", 6: "shut-down"}


class StopSignals:
    """Hears them all, also where the shell made them ignored, and tells `heard` each one's name.

    `heard` runs in the main thread between two of its steps (signals), or in a thread of the system (Windows' closed
    window): it may only note and hand on.

    Args:
        finished: set when the process has done what the stop asks for; a closed window waits for it.
    """

    def __init__(self, heard: Callable[[str], None], *, finished: threading.Event | None = None) -> None:
        self._heard = heard
        self._finished = finished or threading.Event()
        self._before: list[tuple[int, Any]] = []
        self._routine: Any = None
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None:
                with contextlib.suppress(ValueError):  # not the main thread (an embedding test): no signals there
                    self._before.append((number, signal.signal(number, self._caught)))
        self._watch_window()

    def restore(self) -> None:
        """As it was before."""
        for number, handler in self._before:
            with contextlib.suppress(ValueError, TypeError):
                signal.signal(number, handler)
        self._before.clear()
        self._finished.set()
        if self._routine is not None and sys.platform == "win32":
            ctypes.WinDLL("kernel32").SetConsoleCtrlHandler(self._routine, False)  # noqa: FBT003
            self._routine = None

    def _caught(self, number: int, _frame: object) -> None:
        self._heard(signal.Signals(number).name)

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
