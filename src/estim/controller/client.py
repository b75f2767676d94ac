"""The front's side of a controller process: start it, talk to it, watch it, and take over when it is gone."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from estim.controller.interface import Answer, Takeover
from estim.controller.messages import (
    HEARTBEAT,
    LINE_MAX,
    Fatal,
    decode_from_controller,
    encode_request,
)
from estim.controller.pipe import LineReader
from estim.controller.takeover import take_over
from estim.drivers.address import Address
from estim.safety.errors import LinkLost, UsageError
from estim.session import events
from estim.session.events import Request
from estim.session.snapshot import Snapshot

SILENT_S = 0.5
START_S = 10.0
CLOSE_S = 12.0


class ControllerClient:
    """A controller process, held by its parent. See `interface.SessionClient`."""

    def __init__(self, address: Address, home: Path, *, side: str = "") -> None:
        self._address = address
        self._home = home
        logs = home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", "estim.controller", "--device", address.url, "--model", address.model,
            "--home", str(home), *(["--simulated"] if address.simulated else []), *(["--side", side] if side else []),
        ]  # fmt: skip
        with (logs / "controller.log").open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        if self._child.stdin is None or self._child.stdout is None:
            raise LinkLost("the controller has no pipes")
        self._stdin = self._child.stdin.fileno()
        os.set_blocking(self._stdin, False)
        self._reader = LineReader(self._child.stdout.fileno(), line_max=LINE_MAX)
        self._stdout = self._child.stdout.fileno()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._unsent = b""
        self._answers: deque[Answer] = deque()
        self._snapshot: Snapshot | None = None
        self._takeover: Takeover | None = None
        self._closing = False
        self._stuck = False
        self._fatal = ""
        self._thread = threading.Thread(target=self._watch, name="controller-watch", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The controller's process id."""
        return self._child.pid

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest snapshot."""
        return self._snapshot

    @property
    def takeover(self) -> Takeover | None:
        """Set once the controller was lost."""
        return self._takeover

    @property
    def fatal(self) -> str:
        """Why the controller could not begin its work; "" while it can."""
        return self._fatal

    def next_id(self) -> int:
        """A fresh request number."""
        return next(self._numbers)

    def send(self, request: Request) -> None:
        """Hand a request over."""
        self._write(encode_request(request))

    def stop(self, source: str) -> int:
        """A stop, ahead of what could not be sent yet but for a line that is half out."""
        number = self.next_id()
        self._write(encode_request(events.Stop(id=number, source=source)), first=True)
        return number

    def heartbeat(self) -> None:
        """The UI loop is alive."""
        self._write(HEARTBEAT)

    def poll(self) -> tuple[Answer, ...]:
        """Answers since the last call."""
        answers: list[Answer] = []
        with contextlib.suppress(IndexError):
            while True:
                answers.append(self._answers.popleft())
        return tuple(answers)

    def _write(self, line: bytes, *, first: bool = False) -> None:
        """Never waits. A pipe that takes nothing means a controller that does not answer: the watch takes over."""
        with self._lock:
            if first and self._unsent:
                rest = self._unsent.split(b"\n", 1)
                self._unsent = (
                    rest[0] + b"\n" + line
                )  # what waited behind the half-sent line is worth less than the stop
            else:
                self._unsent += line
            try:
                self._unsent = self._unsent[os.write(self._stdin, self._unsent) :]
            except BlockingIOError:
                self._stuck = True
            except OSError:
                self._unsent = b""  # it is gone; the watch sees the end of its output

    def _watch(self) -> None:
        """The client's own thread: reads, and takes over on silence or end of file."""
        heard = time.monotonic()
        began = False
        while True:
            with contextlib.suppress(InterruptedError, ValueError):
                select.select((self._stdout,), (), (), 0.05)
            for line in self._reader.lines():
                heard, began = time.monotonic(), True
                self._take(line)
            if self._reader.ended:
                if self._closing or self._fatal:
                    return
                self._takeover = self._over("eof")
                return
            allowed = SILENT_S if began else START_S
            if (time.monotonic() - heard > allowed or self._stuck) and not self._closing:
                self._takeover = self._over("silent")
                return

    def _over(self, cause: str) -> Takeover:
        return take_over(self._child, self._address, self._home, self._snapshot, cause)

    def _take(self, line: bytes) -> None:
        try:
            message = decode_from_controller(line)
        except UsageError:
            return
        if isinstance(message, Snapshot):
            self._snapshot = message
        elif isinstance(message, Fatal):
            self._fatal = message.reason
        elif isinstance(message, Answer):
            self._answers.append(message)

    def close(self) -> None:
        """Stop, close the pipe, wait for the controller to end: it stops the device and closes the record first."""
        if self._takeover is None and not self._fatal:
            self.stop("console")
        self._closing = True
        with contextlib.suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        try:
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._takeover = self._over("silent")
        self._thread.join(1.0)
        if self._child.stdout is not None:
            self._child.stdout.close()
