"""Terminals: which ports are none but look like one, what is typed unseen, and whether a reader is still there."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

# Linux: /dev/pts/N. macOS: /dev/ttysNNN (three digits and more); its real ports are /dev/tty.NAME and /dev/cu.NAME.
_PSEUDO = re.compile(r"^/dev/(pts/\d+|ttys\d{3,})$")

if sys.platform == "win32":
    import ctypes
    import msvcrt

    _ECHO = 0x0004  # ENABLE_ECHO_INPUT
    _STD_INPUT = -10

    def keep_to_oneself(_fd: int) -> None:
        """Every open port is one's own on Windows."""

    def share_again(_fd: int) -> None:
        """Nothing to give back."""

    def is_terminal(fd: int) -> bool:
        """A console. NUL is a terminal to `isatty` there, and a service's or a scheduled task's standard input."""
        if not os.isatty(fd):
            return False
        mode, handle = ctypes.c_ulong(), ctypes.c_void_p(msvcrt.get_osfhandle(fd))
        return bool(ctypes.windll.kernel32.GetConsoleMode(handle, ctypes.byref(mode)))

    def in_foreground(_fd: int) -> bool:
        """Whoever reads a console waits for nobody."""
        return True

    def nobody_reads(_fd: int) -> bool:
        """A pipe says so only when it is written to."""
        return False

    def takes_nothing(_fd: int) -> bool:
        """Only writing tells: who waits there beats no more."""
        return False

    def mode_of(_fd: int) -> None:
        """How a terminal reads and echoes; Windows' own end gives it back."""

    def give_back(_fd: int, _mode: None, _last: bytes) -> None:
        """Windows' own end gives it back."""

    @contextlib.contextmanager
    def unseen(_fd: int) -> Iterator[None]:
        """What is typed meanwhile is not shown."""
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetStdHandle.restype = ctypes.c_void_p
        handle = ctypes.c_void_p(kernel.GetStdHandle(_STD_INPUT))
        mode = ctypes.c_ulong()
        if not kernel.GetConsoleMode(handle, ctypes.byref(mode)):
            yield
            return
        kernel.SetConsoleMode(handle, mode.value & ~_ECHO)
        try:
            yield
        finally:
            kernel.SetConsoleMode(handle, mode.value)

else:
    import fcntl
    import select
    import termios

    def keep_to_oneself(fd: int) -> None:
        """No other program may open this port any more, whether it asks for a lock or not (root alone may)."""
        with contextlib.suppress(OSError, ValueError):
            fcntl.ioctl(fd, termios.TIOCEXCL)

    def share_again(fd: int) -> None:
        """Others may open and lock it again. Exclusive use ends by itself only with the last who has the port open, and
        a lock with the last who has this open file, which need not be this one: an ordinary user could then open it no
        more.
        """
        with contextlib.suppress(OSError, ValueError):
            fcntl.ioctl(fd, termios.TIOCNXCL)
        with contextlib.suppress(OSError, ValueError):
            fcntl.flock(fd, fcntl.LOCK_UN)

    def is_terminal(fd: int) -> bool:
        """Somebody can sit at it."""
        return os.isatty(fd)

    def in_foreground(fd: int) -> bool:
        """This program may read the terminal; one in its background that does is held up by the system (SIGTTIN)."""
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:  # not the terminal of this session
            return True

    def nobody_reads(fd: int) -> bool:
        """The reader of a pipe is gone. A terminal that goes says so by SIGHUP."""
        poll = select.poll()
        poll.register(fd, 0)  # errors and hang-ups are always told
        return any(event & select.POLLERR for _, event in poll.poll(0))

    def takes_nothing(fd: int) -> bool:
        """A terminal that was stopped (Ctrl+S), or a terminal or pipe whose reader stands until it is full."""
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        return not poll.poll(0)

    def mode_of(fd: int) -> list[Any] | None:
        """How a terminal reads and echoes; None for what is no terminal."""
        with contextlib.suppress(termios.error, OSError):
            return termios.tcgetattr(fd)
        return None

    def give_back(fd: int, mode: list[Any] | None, last: bytes) -> None:
        """Drop what the terminal did not take, have it read as in `mode` again, end with `last`. Never waits."""
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(fd, termios.TCOFLUSH)
            if mode is not None:
                termios.tcsetattr(fd, termios.TCSANOW, mode)
            os.set_blocking(fd, False)
            try:
                os.write(fd, last)
            finally:
                os.set_blocking(fd, True)

    @contextlib.contextmanager
    def unseen(fd: int) -> Iterator[None]:
        """What is typed meanwhile is not shown. A terminal that was stopped (Ctrl+S) is not waited for."""
        try:
            before = termios.tcgetattr(fd)
        except termios.error:
            yield
            return
        after = list(before)
        after[3] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, after)
        try:
            yield
        finally:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSANOW, before)


def nowhere() -> None:
    """Standard output and error go nowhere from now on: what is left in their buffers can't be written to a terminal or
    pipe that is gone, and the interpreter would end with 120.
    """
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                os.dup2(null, stream.fileno())


def is_pseudo_terminal(port: str) -> bool:
    """Whether a port is a pty, as a simulator's is, also behind a link with another name. Windows has none: there a
    look at the name COM3 would open that port.
    """
    return sys.platform != "win32" and _PSEUDO.match(os.path.realpath(port)) is not None


def somebody_sits_at(stream: TextIO | None) -> bool:
    """Whether a person can type into this stream, or read it. A script may have none, or have closed it."""
    try:
        return stream is not None and stream.isatty() and is_terminal(stream.fileno())
    except io.UnsupportedOperation:  # held in memory: it says itself what it is
        return True
    except (OSError, ValueError):
        return False
