"""Looking on at a session that another console or `estim run` holds. It can stop it, and nothing else."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path

from estim.controller.interface import Answer, Takeover
from estim.controller.messages import LINE_MAX, decode_from_controller
from estim.controller.pipe import LineReader
from estim.platform.files import no_device, unread
from estim.platform.processes import is_alive
from estim.platform.waiting import waiting
from estim.safety.errors import LinkLost, UsageError
from estim.session.events import Request
from estim.session.snapshot import Snapshot

# Only a person's own key or click stops; a terminal or signal that ends the observer is no reason to.
STOPPING_SOURCES = frozenset({"key", "console"})


def running_sessions(home: Path) -> dict[int, Path]:
    """Controllers of this home that can be watched: process id → their card; those that are gone are left out."""
    found = {}
    for card in sorted((home / "observe").glob("*.json")):
        with contextlib.suppress(ValueError, OSError):
            pid = int(card.stem)
            if is_alive(pid):
                found[pid] = card
    return found


class ObserverClient:
    """See `interface.SessionClient`: it has pictures and a stop; requests go nowhere.

    Args:
        who: stands in the record if this observer stops.

    Raises:
        UsageError: no session runs, or several do and none is named, or it is not this user's.
        LinkLost: it has just ended.
    """

    def __init__(self, home: Path, *, pid: int | None, who: str) -> None:
        sessions = running_sessions(home)
        if pid is None and len(sessions) == 1:
            pid = next(iter(sessions))
        if pid is None or pid not in sessions:
            named = ", ".join(str(each) for each in sessions) or "none runs"
            raise UsageError(f"--observe: name the session to look at by its controller's process id: {named}")
        try:
            card = json.loads(no_device(sessions[pid]).read_text(encoding="ascii"))
            self._socket = _connect(card["place"])
        except PermissionError:
            raise UsageError(f"--observe {pid}: that session belongs to another user") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LinkLost(f"session {pid} can't be watched: {unread(error)}") from None
        self._who = who
        self._socket.sendall(json.dumps({"key": card["key"]}).encode("ascii") + b"\n")
        self._waiting = waiting()
        self._reader = LineReader(self._waiting.source(self._socket), line_max=LINE_MAX)
        self._snapshot: Snapshot | None = None
        self._number = 0
        self.ended = False
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="observer", daemon=True)
        self._thread.start()

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest picture."""
        return self._snapshot

    @property
    def takeover(self) -> Takeover | None:
        """Never: the device is not this process's to take over."""
        return None

    @property
    def fatal(self) -> str:
        """Never."""
        return ""

    def next_id(self) -> int:
        """Numbers without meaning here."""
        self._number += 1
        return self._number

    def send(self, request: Request) -> None:
        """Goes nowhere: who looks on changes nothing."""

    def stop(self, source: str) -> int:
        """The one thing an observer can do."""
        if source in STOPPING_SOURCES and not self.ended:
            line = json.dumps({"type": "Stop", "who": self._who}).encode("utf-8") + b"\n"
            with self._lock, contextlib.suppress(OSError):
                self._socket.sendall(line)
        return self.next_id()

    def heartbeat(self) -> None:
        """No part of the lease."""

    def poll(self) -> tuple[Answer, ...]:
        """No requests, no answers."""
        return ()

    def close(self) -> None:
        """Look away; the session goes on."""
        self._closing.set()
        self._waiting.wake()
        self._thread.join(1.0)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._waiting.close()

    def _watch(self) -> None:
        while not self._closing.is_set():
            self._waiting.wait(0.1)
            for line in self._reader.lines():
                with contextlib.suppress(UsageError):
                    message = decode_from_controller(line)
                    if isinstance(message, Snapshot):
                        self._snapshot = message
            if self._reader.ended:
                self.ended = True
                return


def _connect(place: str) -> socket.socket:
    if place.startswith("127.0.0.1:"):
        return socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2])), timeout=2.0)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    local.settimeout(2.0)
    try:
        local.connect(place)
    except OSError:
        local.close()
        raise
    return local
