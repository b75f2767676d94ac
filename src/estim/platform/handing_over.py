"""An open port in the hands of two processes, so that it stays open when one of them is killed.

A port that was taken for oneself alone (`terminals.keep_to_oneself`) can't be opened anew by an ordinary user for as
long as anybody else has it open, also after the death of who took it: so the one who may have to take over holds the
very same open file. Windows has no such files; a dead process's port is free there.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys

NOTHING = -1


class Giver:
    """The side that opens ports.

    Args:
        fd: `Keeper.fd` as this process got it; NOTHING where there is none.
    """

    def __init__(self, fd: int = NOTHING) -> None:
        self._socket = socket.socket(fileno=fd) if fd != NOTHING else None
        if self._socket is not None:
            self._socket.setblocking(False)  # noqa: FBT003

    def give(self, port: int) -> None:
        """The other side has this open file too, if it is a serial port: a connection would stay open with it. Never
        waits, and a keeper that is gone or stands is no trouble.
        """
        if sys.platform != "win32" and self._socket is not None and port >= 0 and os.isatty(port):
            with contextlib.suppress(OSError):
                socket.send_fds(self._socket, [b"p"], [port])

    def close(self) -> None:
        """Nothing more is given. May be called twice."""
        if self._socket is not None:
            self._socket.close()


class Keeper:
    """The side that may have to take over. Not for several threads at once.

    Attributes:
        fd: for the other process, which it must inherit; NOTHING where the system has no such thing.
    """

    def __init__(self) -> None:
        self.fd = self._port = NOTHING
        self._mine: socket.socket | None = None
        self._other: socket.socket | None = None
        if sys.platform != "win32":
            self._mine, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._mine.setblocking(False)  # noqa: FBT003
            self.fd = self._other.fileno()

    def started(self) -> None:
        """The other process has its end."""
        if self._other is not None:
            self._other.close()
            self._other = None

    def look(self) -> None:
        """Take what was given; let go of a port whose device is gone, or its name would not come free for it."""
        if sys.platform == "win32" or self._mine is None:
            return
        with contextlib.suppress(OSError):
            while True:
                said, ports, _, _ = socket.recv_fds(self._mine, 1, 4)
                if not said:
                    break
                for port in ports:
                    self._let_go()
                    self._port = port
                    os.set_inheritable(port, False)  # noqa: FBT003
        if self._port != NOTHING:
            poll = select.poll()
            poll.register(self._port, 0)
            if poll.poll(0):
                self._let_go()

    def take(self) -> int:
        """The port, which is the caller's from now on; NOTHING where there is none."""
        self.look()
        port, self._port = self._port, NOTHING
        return port

    def close(self) -> None:
        """Let go of all. May be called twice."""
        self.look()
        self._let_go()
        self.started()
        if self._mine is not None:
            self._mine.close()
            self._mine = None

    def _let_go(self) -> None:
        if self._port != NOTHING:
            os.close(self._port)
            self._port = NOTHING
