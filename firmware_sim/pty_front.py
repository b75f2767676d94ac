"""A pseudo-terminal that looks like a serial port. Imported where there are such: Windows has none."""

from __future__ import annotations

import contextlib
import fcntl
import os
import termios
import tty
from pathlib import Path

from firmware_sim.openers import Openers
from firmware_sim.words import quoted


class PtyFront:
    """A pseudo-terminal with a link to it under a name of one's choice."""

    def __init__(self, link: str) -> None:
        self._master, self._slave = os.openpty()  # the slave stays open, so that clients can come and go
        tty.setraw(self._slave)
        self._raw = termios.tcgetattr(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self.openers = Openers(self.name)
        self.link = Path(link) if link else None
        if self.link is not None:
            if self.link.exists() and not self.link.is_symlink():
                raise ValueError(f"--pty {quoted(link)}: there is a file of this name; the link would replace it")
            try:
                self.link.unlink(missing_ok=True)
                self.link.symlink_to(self.name)
            except OSError as error:  # its own words name the terminal, which is there
                raise ValueError(f"--pty {quoted(link)}: the link can't be made: {error.strerror or error}") from None

    def again(self) -> PtyFront:
        """A new one under the same name, as a cable that is put in again makes it."""
        return PtyFront(str(self.link or ""))

    def fileno(self) -> int:
        """The master."""
        return self._master

    def cure(self) -> None:
        """Settings back to raw once the last client has left; while one has the port open they are its own.

        A pty never takes parity, and tcsetattr fails with EINVAL where parity is all that it has left to change: so the
        second identical open with even parity would fail.
        """
        if self.openers.left():
            # Exclusive use, once asked for, outlives its opener here, since this end stays open.
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._slave, termios.TIOCNXCL)
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._master, termios.TCSANOW, self._raw)

    def read(self) -> bytes:
        """What a client wrote."""
        try:
            return os.read(self._master, 65536)
        except OSError:
            return b""

    def write(self, frame: bytes) -> None:
        """One frame in one piece; dropped if nobody reads, as a UART drops."""
        with contextlib.suppress(OSError):
            os.write(self._master, frame)

    def close(self) -> None:
        """Remove the link and hang up on whoever has it open."""
        if self.link is not None:
            self.link.unlink(missing_ok=True)
        self.openers.close()
        os.close(self._master)
        os.close(self._slave)
