"""The ways out that nobody chose: the terminal is gone, or a signal came. Stop first, then leave, whatever is stuck.

A dead terminal takes no bytes any more: the writer's queue fills and the UI loop stands in it for ever, while the input
thread reads the end of file at full speed (seen on a pty that was not the controlling terminal, so no SIGHUP came). So
nothing here needs the UI loop: a thread of its own looks at the terminal, sends the stop, asks the UI to leave,
and ends the process if it does not. The same where the UI is down and its terminal, which is there, takes nothing: the
library's writer waits for ever until its last byte was taken.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import IO

from estim.controller.interface import SessionClient
from estim.platform.signals import StopSignals
from estim.platform.terminals import give_back, mode_of, nowhere

LOOK_S = 0.1  # the stop leaves at most so long after the terminal is gone
LAST_RESORT_S = 2.0
GIVE_BACK_S = 5.0  # output is off: whoever holds a terminal with Ctrl+S has so long to let it go
# No paste marks, no kitty keys, no focus and mouse reports, the shell's own screen, a cursor.
PLAIN = b"\x1b[?2004l\x1b[<u\x1b[?1004l\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1049l\x1b[?25h"


class WayOut:
    """Watches terminal and signals of this process.

    Args:
        client: gets the stop at once, and is closed before the process is ended.
        leave: asks the UI loop to end; called from another thread.
        exit_code: of the process, asked once the client is closed.
        silent: the terminal stands: it was asked for a sign of life and gave none.
        end: ends the process; `os._exit`, so that no stuck thread holds it.
        give_back_s: how long the terminal may take for what is still to be written to it.
    """

    def __init__(
        self,
        client: SessionClient,
        *,
        leave: Callable[[], None],
        exit_code: Callable[[], int],
        silent: Callable[[], bool] = lambda: False,
        end: Callable[[int], None] = os._exit,
        give_back_s: float = GIVE_BACK_S,
    ) -> None:
        self._client = client
        self._leave = leave
        self._exit_code = exit_code
        self._silent = silent
        self._end = end
        self._terminal = [fd for stream in (sys.__stdin__, sys.__stderr__) if (fd := terminal_fd(stream)) is not None]
        self._modes = {fd: mode_of(fd) for fd in self._terminal}
        self._give_back_s = give_back_s
        self._left = threading.Event()
        self._down = threading.Event()
        self._going = threading.Lock()  # held by the first reason to leave
        self._finished = threading.Event()  # the process has done what a closed window asked for
        self._signals: StopSignals | None = None

    def watch(self) -> None:
        """From now on; call in the main thread."""
        self._signals = StopSignals(self._caught, finished=self._finished)
        if self._terminal:
            threading.Thread(target=self._look, name="terminal-watch", daemon=True).start()

    def left(self, *, drawn: bool = True) -> None:
        """The UI is down. With the terminal still there the rest of the way takes so long and no longer (`given_back`
        says that it is over); without, it may wait for ever.

        Args:
            drawn: the terminal was drawn on.
        """
        if self.gone():
            nowhere()
        else:
            self._left.set()
            if drawn and self._terminal:
                threading.Thread(target=self._see_out, name="way-out", daemon=True).start()
        if self._signals is not None:
            self._signals.done()

    def given_back(self) -> None:
        """The terminal has taken everything and is the shell's again."""
        self._down.set()

    def _see_out(self) -> None:
        if self._down.wait(self._give_back_s):
            return
        self._client.close()
        self._give_back()
        self._end(self._exit_code())

    def _give_back(self) -> None:
        """The shell reads and echoes as before, whatever was drawn last."""
        for fd, mode in self._modes.items():
            give_back(fd, mode, PLAIN)

    def gone(self) -> bool:
        """What was a terminal at the start is none any more."""
        return not all(os.isatty(fd) for fd in self._terminal)

    def _caught(self, _name: str) -> None:
        # Between two steps of the main thread, or in one of the system's: it may hold the client's lock, so only
        # another thread may act.
        threading.Thread(target=self._go, args=("signal",), name="way-out", daemon=True).start()

    def _look(self) -> None:
        while not self._left.wait(LOOK_S):
            if self.gone():
                self._go("terminal")
                return
            if self._silent():
                self._client.stop("terminal")  # it may come back: the session is over, the console is not

    def _go(self, source: str) -> None:
        self._client.stop(source)
        if not self._going.acquire(blocking=False):
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._leave()
        if self._left.wait(LAST_RESORT_S):
            return
        self._client.close()  # bounded: the controller stops the device and closes the record, or is taken over
        self._give_back()
        self._end(self._exit_code())


def terminal_fd(stream: IO[str] | None) -> int | None:
    """The stream's file descriptor if it is a terminal."""
    if stream is None or stream.closed:
        return None
    with contextlib.suppress(OSError, ValueError):
        fd = stream.fileno()
        return fd if os.isatty(fd) else None
    return None
