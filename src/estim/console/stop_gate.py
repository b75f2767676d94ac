"""The stop keys: one gate, asked twice for each key, before anything else sees it.

(1) In the driver's input thread, from the bytes themselves (`terminal.py`), so neither a busy UI loop nor a parser
    delays the stop (measured: 0.3 ms from the key byte, UI busy or not).
(2) In `App.on_event`, for drivers that (1) does not reach (headless tests, inline).

The gate closes before the console sends arm, start or resume, and opens only on a snapshot that proves output off for
that request or a later one. While it is closed, Space, Escape and F12 stop; they type nothing and start nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from textual.message import Message

from estim.controller.interface import SessionClient, Takeover
from estim.safety.reports import OutputState
from estim.session.events import Arm, Request, Resume, Start
from estim.session.snapshot import Snapshot
from estim.session.state import BEGUN

STOP_KEYS = frozenset({"space", "escape", "f12"})
CLOSING_REQUESTS: tuple[type[Request], ...] = (Arm, Start, Resume)


def is_stop_key(key: str) -> bool:
    """True for every name under which Textual may deliver Space, Escape or F12.

    Escape followed by a letter within 100 ms arrives as `alt+letter`, ctrl+Space as `ctrl+@`; the console uses no Alt
    keys, so both can only be a stop (measured in the spike on stop keys).
    """
    *modifiers, last = key.split("+")
    return last in STOP_KEYS or key == "ctrl+@" or "alt" in modifiers


class StopPressed(Message):
    """A stop key was pressed and the stop is already on its way; travels in place of the key."""


class StopGate:
    """Knows whether output may be on, and turns stop keys into stops while it may.

    Args:
        client: where stops go; `client.stop` may be called from any thread.
        on_change: called when the gate has closed or opened, from the UI loop.
        held: an observer of a standing patient is asked something first; the therapist's own console never is.
    """

    def __init__(
        self, client: SessionClient, on_change: Callable[[], None], *, held: Callable[[], bool] = lambda: False
    ) -> None:
        self._client = client
        self._held = held
        self._on_change = on_change
        self._lock = threading.Lock()
        self._closed = True  # nothing is known yet, so output may be on
        self._waiting_for = 0
        self.pressed_key = ""
        self.pressed_s: float | None = None  # when the latest stop key came (`time.monotonic`), for the stop test
        self.unexplained = False  # a stop key came, and nobody has said why yet; set before the stop leaves

    @property
    def closed(self) -> bool:
        """Output may be on: stop keys stop."""
        return self._closed

    def press(self, key: str) -> bool:
        """Stop if `key` is a stop key and the gate is closed. Thread-safe; True means the key is used up."""
        if not is_stop_key(key) or self._held():
            return False
        with self._lock:
            closed = self._closed
        if closed:
            self.pressed_s, self.pressed_key = time.monotonic(), key
            self.unexplained = True
            self._client.stop("key")
        return closed

    def close(self, request_id: int) -> None:
        """Output may come with the request of this number: call before it is sent."""
        with self._lock:
            changed = not self._closed
            self._closed = True
            self._waiting_for = max(self._waiting_for, request_id)
        if changed:
            self._on_change()

    @property
    def never_out(self) -> bool:
        """Nothing can have been put out from here: output was never asked for, and no controller began or no stimulator
        ever said who it is. What else may drive one that stays silent, nobody knows.
        """
        snapshot, takeover = self._client.snapshot, self._client.takeover
        if self._waiting_for or (takeover is not None and not takeover.settled):
            return False
        return snapshot is None or not (snapshot.identified or snapshot.output is OutputState.ON)

    def observe(self, snapshot: Snapshot | None, takeover: Takeover | None, *, fatal: str = "") -> None:
        """Open if the session is proved off, close if it may be on.

        Args:
            fatal: why the controller could not begin: it has put out nothing, and nobody is there who could stop.
        """
        with self._lock:
            closed = not (self._proved_off(snapshot, takeover) or (bool(fatal) and self.never_out))
            changed = closed is not self._closed
            self._closed = closed
        if changed:
            self._on_change()

    def _proved_off(self, snapshot: Snapshot | None, takeover: Takeover | None) -> bool:
        if takeover is not None:  # the controller is gone: its last snapshot says nothing about now
            return takeover.output == OutputState.OFF
        return (
            snapshot is not None
            and snapshot.output is OutputState.OFF
            and snapshot.answered >= self._waiting_for
            and snapshot.phase not in BEGUN
        )
