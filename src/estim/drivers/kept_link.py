"""A serial port that another process had opened, by its open file: nothing is opened, so nobody can shut it out."""

from __future__ import annotations

import contextlib
import os
import select
import sys

from estim.platform.terminals import share_again
from estim.safety.errors import LinkLost

WRITE_S = 0.2

if sys.platform != "win32":
    import termios

    def _drop_input(fd: int) -> None:
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(fd, termios.TCIFLUSH)

else:

    def _drop_input(_fd: int) -> None:
        """Windows hands no open files over."""


class KeptLink:
    """The port as its former owner had set it; what was said to that one is not read.

    Args:
        fd: it is closed with this link.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        _drop_input(fd)

    def read(self) -> bytes:
        """What has come in."""
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LinkLost(f"reading failed, the port is gone: {error.strerror or error}") from None
        if not data and self._gone():
            raise LinkLost("the port is gone")
        return data

    def write(self, data: bytes) -> None:
        """All of `data`; waits at most 0.2 s for room, each time."""
        while data:
            try:
                if not select.select((), (self._fd,), (), WRITE_S)[1]:
                    raise LinkLost(f"the port takes no bytes for {WRITE_S:g} s")
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                continue
            except (OSError, ValueError) as error:
                said = getattr(error, "strerror", None) or error
                raise LinkLost(f"writing failed, the port is gone: {said}") from None

    def fileno(self) -> int:
        """For `select`; -1 once closed."""
        return self._fd

    def close(self) -> None:
        """Give the port back. May be called twice."""
        if self._fd >= 0:
            share_again(self._fd)
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _gone(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, 0)
        return bool(poll.poll(0))
