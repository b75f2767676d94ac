"""A session in real time: the console's controller process, with a script for its front."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

try:
    import termios
    import tty
except ImportError:  # Windows: no single keys here; Ctrl-C stops
    termios = None  # type: ignore[assignment]

from estim.api.bridge import Bridge
from estim.api.errors import NeedsAPerson
from estim.controller.client import ControllerClient
from estim.controller.interface import Answer, Takeover
from estim.desk.result import Seen
from estim.desk.simulator import Simulator
from estim.drivers.address import Address
from estim.platform.terminals import somebody_sits_at
from estim.records.home import Home
from estim.safety.errors import Problem
from estim.session.events import Request
from estim.session.snapshot import Snapshot

STOP_KEYS = (" ", "\x1b", "\x00")  # Space; Escape, which also begins F12; Control with Space
LOOK_S = 0.25


class Live:
    """A controller process and, for `sim://`, its simulator. See `front.Front`."""

    real_time = True
    pace_s = 0.05

    def __init__(self, device: Address | str, home: Home, *, notes: Sequence[Problem] = ()) -> None:
        self._notes = notes
        self._began = time.perf_counter()
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            side = ""
            if isinstance(device, str):
                simulator = Simulator(device, logs=home.logs)
                stack.callback(simulator.close)
                device, side = simulator.address, simulator.side
            self.simulated = device.simulated
            self._bridge = Bridge()
            stack.callback(self._bridge.close)
            self._client = ControllerClient(device, home.root, side=f"{side} {self._bridge.url}".strip())
            stack.callback(self._client.close)
            self._typed = stack.enter_context(_raw_keys())
            stack.enter_context(_polite_signals())
            self._stack = stack.pop_all()
        self._picture: Snapshot | None = None
        self._came_s = time.monotonic()

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest picture."""
        picture = self._client.snapshot
        if picture is not self._picture:
            self._picture, self._came_s = picture, time.monotonic()
        return picture

    @property
    def age_s(self) -> float:
        """How long ago it came."""
        return time.monotonic() - self._came_s if self.snapshot is self._picture else 0.0

    @property
    def takeover(self) -> Takeover | None:
        """The controller was lost."""
        return self._client.takeover

    @property
    def fatal(self) -> str:
        """It could not begin."""
        return self._client.fatal

    def next_id(self) -> int:
        """A fresh number."""
        return self._client.next_id()

    def send(self, request: Request) -> None:
        """Hand over."""
        self._client.send(request)

    def poll(self) -> tuple[Answer, ...]:
        """Answers."""
        return self._client.poll()

    def stop(self, source: str) -> None:
        """Off."""
        self._client.stop(source)

    def beat(self) -> None:
        """Alive."""
        self._client.heartbeat()

    def wait(self, seconds: float) -> None:
        """Real time passes; a stop key ends the wait."""
        if self._typed is None:
            time.sleep(seconds)
        elif select.select((sys.stdin,), (), (), seconds)[0]:
            self._typed.read(self._client)

    def hear(self, message: Mapping[str, object]) -> None:
        """Said by a sensor."""
        self._bridge.say(message)

    def now_s(self) -> float:
        """The monotonic clock."""
        return time.monotonic()

    def keys(self) -> str:
        """What was typed."""
        return self._typed.take() if self._typed is not None else ""

    def ask_person(self, question: str, beat: Callable[[], None]) -> str:
        """A line from the terminal."""
        if not somebody_sits_at(sys.stdin):
            raise NeedsAPerson(f"a person at a terminal has to answer: {question.strip()}")
        sys.stdout.write(question)
        sys.stdout.flush()
        while True:
            beat()
            if select.select((sys.stdin,), (), (), LOOK_S)[0]:
                return sys.stdin.readline().strip()

    def close(self) -> None:
        """Everything down, in order."""
        self._stack.close()

    def seen(self, source: str) -> Seen:
        """For the result."""
        last = self._client.snapshot
        return Seen(
            source=source,
            simulated=self.simulated,
            began=self._began,
            folder=Path(last.record_path) if last is not None and last.record_path else None,
            word_head=last.word_head if last is not None else "",
            session_us=last.now_us if last is not None else 0,
            alarms=last.alarms if last is not None else (),
            takeover=self._client.takeover,
            fatal=self._client.fatal,
            notes=self._notes,
        )


class _Typed:
    """Keys as they come: a stop key stops before anything else is looked at."""

    def __init__(self) -> None:
        self._kept = ""

    def read(self, client: ControllerClient) -> None:
        """What is there now."""
        text = os.read(sys.stdin.fileno(), 256).decode("utf-8", "replace")
        if any(key in text for key in STOP_KEYS):
            client.stop("key")
        self._kept = (self._kept + "".join(letter for letter in text if letter.isprintable() and letter != " "))[-256:]

    def take(self) -> str:
        """What was typed since."""
        kept, self._kept = self._kept, ""
        return kept


@contextlib.contextmanager
def _raw_keys() -> Iterator[_Typed | None]:
    """Keys without waiting for Enter, where there is a terminal; as it was afterwards."""
    if termios is None or not somebody_sits_at(sys.stdin) or threading.current_thread() is not threading.main_thread():
        yield None
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield _Typed()
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _polite_signals() -> Iterator[None]:
    """A polite kill or a closed terminal leaves the block as an exception does: output off, record sealed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
