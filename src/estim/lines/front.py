"""What a played and a typed session have in common: heartbeat, signals, what is told, and when it is over."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable

from estim.controller.interface import SessionClient
from estim.desk.sounds import Sounder
from estim.lines.telling import Telling
from estim.platform.signals import StopSignals
from estim.platform.terminals import nobody_reads, nowhere, takes_nothing

HEARTBEAT_S = 0.08  # with every second look: whoever is held up for 0.6 s has 0.3 s left on a busy machine
STILL_S = 1.0  # the lease of a front: whoever stood still for longer does not go on by itself
LOOK_S = 0.05
SLOW_S = 2.0  # a signature takes some waits for the disk, milliseconds each; from here on it is said ...
SEALED_S = 30.0  # ... and no longer than this is waited: disks that take 2 s for each still end well


class Front:
    """One front over a client. It beats only while somebody can read what is said.

    Args:
        say: prints a line, and may wait for whoever reads it. So it is given one only while the terminal takes some;
            what came meanwhile is shown when it does again. A terminal that takes nothing for a second ends output.
        clock: seconds.
    """

    def __init__(
        self,
        client: SessionClient,
        say: Callable[[str], None],
        *,
        drill: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self._print = say
        self._held: list[str] = []  # lines that the terminal did not take yet
        self._closed = False
        self._clock = clock
        self.leaving = ""  # why, once somebody asked for the end, or nobody reads any more
        self.unread = False
        self._finished = threading.Event()
        self._caught: list[str] = []
        self._signals = StopSignals(self._caught.append, finished=self._finished)
        self._beat_at = 0.0
        self._stood_since: float | None = None  # what is said can't be shown since then
        self._stands_said = False
        self.tell = Telling(self.say, Sounder(_bell), drill).tell
        self._lost = ""
        self._signing: tuple[int, float] | None = None  # the request for a signature, and since when it waits
        self._slow_said = False

    def say(self, text: str) -> None:
        """Print a line, as soon as it is taken. A terminal or pipe that is gone takes none: then the session is stopped
        and left.
        """
        self._held.append(text)
        self._show()

    def _show(self) -> None:
        while self._held and (self._closed or not _of_output(takes_nothing)):
            try:
                self._print(self._held.pop(0))
            except OSError:
                self._held.clear()
                self._unheard()

    def _unheard(self) -> None:
        self.unread = True
        if not self.leaving:
            self.leaving = "nobody reads what this session says any more"
            self.client.stop("line")

    def close(self) -> None:
        """Output is off, or was said to be uncertain, and the record closed as far as it can be; bounded in time."""
        self.client.close()
        self._tell_loss()
        self._signals.done()
        if self.leaving and _of_output(takes_nothing):  # who asked for the end does not wait for a stopped terminal
            nowhere()
        self._closed = True
        self._show()

    def stopped(self) -> str:
        """Which signal came, after the stop was sent; "" for none. A polite kill or a closed terminal asks to leave."""
        if not self._caught:
            return ""
        name = self._caught.pop(0)
        self.client.stop("line")
        if name != "SIGINT":
            self.leaving = name
        return name

    def beat(self) -> float:
        """A heartbeat, if it is time; gives for how long this program had stood still before, 0 where it had not."""
        self._show()
        now = self._clock()
        since = now - self._beat_at
        if self._beat_at and since < HEARTBEAT_S:
            return 0.0
        still = since if self._beat_at and since > STILL_S else 0.0
        if still:
            self.client.stop("line")
        self._beat_at = now
        if _of_output(nobody_reads):
            self._unheard()
        if not self.unread and not self._stands(now):
            self.client.heartbeat()
        return still

    def _stands(self, now: float) -> bool:
        """Nothing can be shown for a second: nobody sees that output is on, and it ends, also where nothing is said."""
        if not _of_output(takes_nothing):
            self._stood_since, self._stands_said = None, False
            return False
        self._stood_since = self._stood_since or now
        if now - self._stood_since < STILL_S:
            return False
        if not self._stands_said:
            self._stands_said = True
            self.client.stop("line")
        return True

    def over(self) -> bool:
        """The controller is lost and all is known of it, or it could not begin, or the disk takes no record's end."""
        self._tell_loss()
        taken = self.client.takeover
        return bool(self.client.fatal) or (taken is not None and taken.settled) or self._disk_stands()

    def signs(self, number: int) -> None:
        """This request is a signature: output is off, and its answer comes once the record's end is on the disk."""
        self._signing, self._slow_said = (number, self._clock()), False

    def heard(self, number: int) -> None:
        """This request was answered."""
        if self._signing is not None and self._signing[0] == number:
            self._signing = None

    def _disk_stands(self) -> bool:
        if self._signing is None:
            return False
        waits_s = self._clock() - self._signing[1]
        if waits_s > SLOW_S and not self._slow_said:
            self._slow_said = True
            self.say(f"The record's end waits for the disk, for at most {SEALED_S:g} s.")
        if waits_s <= SEALED_S:
            return False
        self.say(
            f"The disk did not take the record's end within {SEALED_S:g} s: it is not sealed. What is on it stands."
        )
        self._signing = None
        self.leaving = self.leaving or "the disk stands"
        return True

    def _tell_loss(self) -> None:
        taken = self.client.takeover
        text = taken.text if taken is not None else self.client.fatal
        if text and text != self._lost:
            self._lost = text
            self.say(text)


def _bell() -> None:
    """The terminal's, where one is there; a pipe that takes lines of a session takes no bells."""
    with contextlib.suppress(OSError, ValueError):  # a terminal that is gone rings no bell and ends nothing
        if sys.stderr.isatty() and not takes_nothing(sys.stderr.fileno()):
            sys.stderr.write("\a")
            sys.stderr.flush()


def _of_output(is_so: Callable[[int], bool]) -> bool:
    try:
        return is_so(sys.stdout.fileno())
    except (OSError, ValueError):  # a stream without a file
        return False
