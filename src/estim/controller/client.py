"""The front's side of a controller process: start it, talk to it, watch it, and take over when it is gone."""

from __future__ import annotations

import contextlib
import itertools
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
from estim.controller.takeover import TakingOver
from estim.drivers.address import Address, link_opener
from estim.drivers.kept_link import KeptLink
from estim.drivers.link import ByteLink
from estim.platform.files import open_private, private_folder
from estim.platform.handing_over import NOTHING, Keeper
from estim.platform.priority import raise_thread
from estim.platform.processes import runs_no_more, start_module, wait_until_gone
from estim.platform.waiting import waiting
from estim.safety.errors import LinkLost, UsageError
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.events import Request
from estim.session.snapshot import Snapshot

SILENT_S = 0.5
START_S = 30.0  # nothing flows yet, and its end would be seen: a busy machine may take its time
LOOK_S = 0.05
ASLEEP_S = 0.2  # a look that is so much late was made by somebody who stood still himself
CLOSE_S = 20.0  # the controller stops the device, then seals the record as fast as the disk lets it
END_S = 2.0
KILLED_S = 0.1  # for one that a take-over has killed: it is dead long since, or a dead disk holds it
EXIT_UNCERTAIN = 4


class ControllerClient:
    """A controller process, held by its parent. See `interface.SessionClient`."""

    def __init__(self, address: Address, home: Path, *, side: str = "") -> None:
        self._address = address
        self._home = home
        logs = home / "logs"
        private_folder(logs)
        arguments = [
            "--device", address.url, "--model", address.model, "--home", str(home),
            *(["--simulated"] if address.simulated else []), *(["--side", side] if side else []),
            *(["--named", address.named] if address.named else []),
        ]  # fmt: skip
        self._keeper = Keeper()
        inherited = () if self._keeper.fd == NOTHING else (self._keeper.fd,)
        with open_private(logs / "controller.log", "ab") as log:
            arguments += ["--keeper", str(self._keeper.fd)]
            self._child = start_module("estim.controller", arguments, log=log, inherited=inherited)
        self._keeper.started()
        if self._child.stdin is None or self._child.stdout is None:
            raise LinkLost("the controller has no pipes")
        self._waiting = waiting()
        self._sink = self._waiting.sink(self._child.stdin.fileno())
        self._reader = LineReader(self._waiting.source(self._child.stdout.fileno()), line_max=LINE_MAX)
        self._link_opener = link_opener(address)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._unsent = b""
        self._unsent_since: float | None = None
        self._answers: deque[Answer] = deque()
        self._snapshot: Snapshot | None = None
        self._takeover: Takeover | None = None
        self._closing = False
        self._let_go_of = False  # the pipe is closed; its number may be somebody else's by now
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
        """Set once the controller was lost; `settled` once all is known."""
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
            if self._let_go_of:
                return
            if first and self._unsent:
                # What waited behind the half-sent line is worth less than the stop.
                self._unsent = self._unsent.split(b"\n", 1)[0] + b"\n" + line
            else:
                self._unsent += line
            self._flush()

    def _flush(self) -> None:
        while self._unsent:
            sent = self._sink.offer(self._unsent)
            if not sent:
                break
            self._unsent = self._unsent[sent:]
        if self._sink.broken:
            self._unsent = b""  # it is gone; the watch sees the end of its output
        self._unsent_since = (self._unsent_since or time.monotonic()) if self._unsent else None

    def _watch(self) -> None:
        """The client's own thread: reads, and takes over on silence or end of file.

        All that waits in the pipe is read before anybody is judged, and whoever slept himself judges nobody: the other
        gets a new time. This goes on while the front is leaving; only the end of the controller ends it.
        """
        raise_thread()  # it sleeps until it is needed
        look = heard = time.monotonic()
        began = False
        while True:
            self._waiting.wait(LOOK_S)
            now = time.monotonic()
            slept, look = now - look > LOOK_S + ASLEEP_S, now
            self._keeper.look()
            lines = self._reader.lines()
            gone = not lines and runs_no_more(self._child)  # whoever speaks need not be asked
            for line in lines or self._reader.lines():  # what it said last is heard
                heard, began = now, True
                self._take(line)
            if self._fatal:  # it has nothing to do with the device, however long it takes to end
                return
            with self._lock:
                self._flush()
                stuck_since = self._unsent_since
            if self._reader.ended or gone:
                if not began:
                    self._never_began("ended")
                elif not self._ended_well():
                    self._over("eof", heard)
                return
            if slept:
                heard = now
                with self._lock:
                    self._unsent_since = now if self._unsent else None
                continue
            if not began:
                if now - heard > START_S:
                    self._never_began(f"said nothing for {START_S:g} s")
                    return
            elif now - heard > SILENT_S:
                self._over("silent", heard)
                return
            if stuck_since is not None and now - stuck_since > SILENT_S:
                self._over("stuck", heard)
                return

    def _never_began(self, how: str) -> None:
        """It never said a word, so it has not given output a single turn: there is nothing to take over."""
        self._child.kill()
        self._fatal = f"the controller {how} before it could begin; see {self._home / 'logs' / 'controller.log'}"

    def _ended_well(self) -> bool:
        """The controller ended by itself after all was said: the front was leaving, and output was off or was said to
        be uncertain.
        """
        if not self._closing or not wait_until_gone(self._child, END_S):
            return False
        off = self._snapshot is None or self._snapshot.output is OutputState.OFF
        return (self._child.returncode == 0 and off) or self._child.returncode == EXIT_UNCERTAIN

    def _over(self, cause: str, heard: float) -> None:
        def say(taken: Takeover) -> None:
            self._takeover = taken

        TakingOver(
            self._child,
            self._address,
            self._open_link,
            self._home,
            self._snapshot,
            cause=cause,
            silent_since=heard,
            say=say,
        ).run()

    def _open_link(self) -> ByteLink:
        """The port as the dead controller had it open; where there is none, or it failed, it is opened anew."""
        port = self._keeper.take()
        return self._link_opener() if port == NOTHING else KeptLink(port)

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
        """Stop, close the pipe, wait for the controller to end: it stops the device and closes the record first.

        It is watched until then: one that falls silent meanwhile is taken over, as ever.
        """
        if self._takeover is None and not self._fatal:
            self.stop("console")
        self._closing = True
        if self._takeover is None:
            self._let_go()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():  # the record is not closed; the output was long since
            self._child.kill()
            self._thread.join(END_S)
        if not wait_until_gone(self._child, END_S if self._takeover is None else KILLED_S):
            self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._waiting.close()
        if not self._thread.is_alive():
            self._keeper.close()

    def _let_go(self) -> None:
        """Close the pipe once the stop has left, so that the controller sees the end of its input."""
        until = time.monotonic() + SILENT_S
        while self._unsent and time.monotonic() < until and self._takeover is None:
            time.sleep(0.005)
        with self._lock, contextlib.suppress(OSError):
            self._let_go_of, self._unsent, self._unsent_since = True, b"", None
            if self._child.stdin is not None:
                self._child.stdin.close()
