"""The second end of a controller, for those who look on: snapshots out, a stop in, nothing else; no part of the lease.

Each controller puts `observe/<pid>.json` into its home, readable by its owner alone, with the socket's place and a key.
A local socket (AF_UNIX) where there are such, else a port on loopback; the key is asked for on both.

```
observer → controller   {"key": "..."} first, then {"type": "Stop", "who": "PT2"}
controller → observer   {"type": "snapshot", ...} as on the console's pipe; a slow reader misses pictures
```
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import socket
from pathlib import Path
from typing import Any

from estim.controller.messages import LINE_MAX, carries_the_word
from estim.controller.pipe import LineReader, LineWriter
from estim.platform.waiting import Waiting
from estim.session import events

OBSERVERS_MAX = 4
KEY_WITHIN_US = 2_000_000
UNIX_PATH_MAX = 100  # bytes; the system's own limit is 108 (Linux) or 104 (macOS)
WHO_MAX = 40


class _Observer:
    """One connection: unknown until its key came."""

    def __init__(self, connection: socket.socket, now_us: int, waiting: Waiting) -> None:
        self.connection = connection
        self.since_us = now_us
        self.known = False
        self.reader = LineReader(waiting.source(connection), line_max=LINE_MAX)
        self.writer = LineWriter(waiting.sink(connection))

    @property
    def gone(self) -> bool:
        return self.reader.ended or self.writer.broken


class Observers:
    """Everybody who looks on at one controller.

    Args:
        folder: `observe` in the home; made if it is not there.
        waiting: wakes the loop when one of them says something.
    """

    def __init__(self, folder: Path, waiting: Waiting) -> None:
        self._waiting = waiting
        self._here: list[_Observer] = []
        self._key = secrets.token_hex(32)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._card = folder / f"{os.getpid()}.json"
        self._place = folder / f"{os.getpid()}.sock"
        self._socket, place = _listen(self._place)
        self._socket.setblocking(False)  # noqa: FBT003
        self._write_card({"place": place, "key": self._key, "pid": os.getpid()})

    def _write_card(self, card: dict[str, Any]) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._card.unlink()  # of a process that had this number before
        handle = os.open(self._card, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            json.dump(card, file)

    def __len__(self) -> int:
        return len(self._here)

    def filenos(self) -> list[int]:
        """What a waiting loop should wake for, beside those who are here."""
        return [self._socket.fileno()]

    def poll(self, now_us: int) -> list[events.Stop]:
        """The stops that were asked for; never waits."""
        self._accept(now_us)
        stops: list[events.Stop] = []
        for each in list(self._here):
            asked = [stop for line in each.reader.lines() for stop in self._take(each, line)]
            stops += asked[:1]  # a flood of them is one stop
            if each.gone or (not each.known and now_us - each.since_us > KEY_WITHIN_US):
                self._drop(each)
        return stops

    def publish(self, line: bytes) -> None:
        """A new picture."""
        for each in self._here:
            if each.known:
                each.writer.put_latest(line)

    def close(self) -> None:
        """Nobody looks on any more."""
        for each in list(self._here):
            self._drop(each)
        self._socket.close()
        for path in (self._card, self._place):
            with contextlib.suppress(OSError):
                path.unlink()

    def _accept(self, now_us: int) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._socket.accept()
            if len(self._here) >= OBSERVERS_MAX:
                connection.close()
            else:
                self._here.append(_Observer(connection, now_us, self._waiting))

    def _drop(self, each: _Observer) -> None:
        if each in self._here:
            self._here.remove(each)
            self._waiting.forget(each.reader.source)
            with contextlib.suppress(OSError):
                each.connection.shutdown(socket.SHUT_RDWR)  # ends a thread that reads it, too
            each.connection.close()

    def _take(self, each: _Observer, line: bytes) -> list[events.Stop]:
        """A stop is one in any shape that carries its word, from whoever gave the key."""
        if each.known and carries_the_word(line):
            # Number 0: the console's own requests are counted by others, and its stop gate waits for them.
            return [events.Stop(id=0, source=f"observer:{_who(line)}")]
        try:
            message = json.loads(line)
            if not each.known:
                each.known = hmac.compare_digest(str(message["key"]).encode("utf-8", "replace"), self._key.encode())
                if not each.known:
                    self._drop(each)
            else:
                message["type"]  # whoever speaks another language looks on no more
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._drop(each)
        return []


def _who(line: bytes) -> str:
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        said = str(json.loads(line).get("who", ""))
        return "".join(letter for letter in said if letter.isprintable())[:WHO_MAX]
    return ""


def _listen(place: Path) -> tuple[socket.socket, str]:
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(place)) <= UNIX_PATH_MAX:
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        local.bind(str(place))
        place.chmod(0o600)
        local.listen(OBSERVERS_MAX)
        return local, str(place)
    port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    port.bind(("127.0.0.1", 0))
    port.listen(OBSERVERS_MAX)
    return port, f"127.0.0.1:{port.getsockname()[1]}"
