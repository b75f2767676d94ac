"""A running session of real processes: a simulator on a pty, a front (`estim run`, the console), its controller."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import sample
from tests.system import therapist
from tests.system.conftest import PATIENCE_S, children, environment, wait_until
from tests.system.machine import EndedBefore
from tests.system.terminal import ROOT, Tty

LEVEL_MA = 3


class Pulses:
    """A simulator's pulse file, and its clock as far as the file tells."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset_us = 1 << 62  # our clock minus the device's: the least that was ever seen

    def last_us(self) -> int:
        """Time of the last pulse on the device's clock; -1 for none."""
        try:
            lines = self._path.read_bytes()[-4096:].splitlines()
        except FileNotFoundError:
            return -1
        if len(lines) < 3 or lines[-1].count(b",") < 7:
            return -1
        return int(next(csv.reader([lines[-1].decode("ascii")]))[0])

    def look(self) -> int:
        """As `last_us`, and learn the clock."""
        at_us = self.last_us()
        if at_us >= 0:
            self._offset_us = min(self._offset_us, time.monotonic_ns() // 1_000 - at_us)
        return at_us

    def fresh(self, *, within_us: int = 60_000) -> bool:
        """A pulse fell just now."""
        before = self.look()
        return before >= 0 and self.now_us() - before < within_us

    def now_us(self) -> int:
        """Our time on the device's clock, early rather than late."""
        return time.monotonic_ns() // 1_000 - self._offset_us


@dataclass(slots=True)
class Session:
    """A simulator and a front on it.

    Attributes:
        terminal: the front's own one, -1 for none.
        console: the front is a console, and this is its terminal.
    """

    home: Path
    simulator: subprocess.Popen[bytes]
    front: subprocess.Popen[bytes]
    pulses: Pulses
    terminal: int = -1
    console: Tty | None = None

    @property
    def controller(self) -> int:
        """Its process id."""
        (pid,) = [pid for pid, command in children(self.front.pid) if "estim.controller" in command]
        return pid

    def draw(self) -> None:
        """Take in what the front writes, so that it never waits for its terminal."""
        if self.console is not None:
            self.console.look()
        elif self.terminal >= 0:
            os.set_blocking(self.terminal, False)
            with contextlib.suppress(OSError):
                os.read(self.terminal, 65_536)

    def written(self, word: bytes) -> int:
        """How often a word stands in the record so far."""
        return sum((folder / "record.jsonl").read_bytes().count(word) for folder in self.records())

    def records(self) -> list[Path]:
        """Folders of records."""
        return [path.parent for path in (self.home / "records" / "simulated").glob("2*/record.jsonl")]


def begin(
    home: Path, front: str = "run", *, env: dict[str, str] | None = None, on_s: int = 15, model: str = "p24"
) -> Session:
    """A session up to its first pulses.

    Args:
        front: "run", "run on a terminal", "console" or "console that is answered" (by its terminal, when it asks).
        on_s: how long its contractions and its rests last, where the front is none of a console's.
        model: of the simulated device.

    Raises:
        EndedBefore: it ended by itself before them.
    """
    home.mkdir(parents=True, exist_ok=True)
    pulses = home / "pulses.csv"
    command = [sys.executable, "-m", "firmware_sim", model, "--pulses", str(pulses), "--pty", str(home / model)]
    simulator = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert simulator.stdout is not None
    device = f"sim+{model}:{json.loads(simulator.stdout.readline())['device']}"
    terminal, console = -1, None
    if front.startswith("console"):
        therapist.own_protocol(home)
        console = Tty("console", "--device", device, home=home)
        console.answers = "answered" in front
        process = console.process
    else:
        process, terminal = _run(home, device, env or {}, on_terminal=front == "run on a terminal", on_s=on_s)
    session = Session(home, simulator, process, Pulses(pulses), terminal, console)
    try:
        if console is not None:
            _treat(console)
        until_pulsing(session, lambda: session.pulses.look() >= 0)
    except BaseException:
        end(session)
        raise
    return session


def _run(
    home: Path, device: str, env: dict[str, str], *, on_terminal: bool, on_s: int
) -> tuple[subprocess.Popen[bytes], int]:
    file = home / "long.toml"
    file.write_text(sample("on_s = 2\noff_s = 2", f"on_s = {on_s}\noff_s = {on_s}"), encoding="utf-8")
    words = ["run", str(file), "--patient", "p1", "--level", f"quadriceps={LEVEL_MA}", "--device", device]
    surroundings = {**environment(home), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))), **env}
    run = [sys.executable, "-m", "estim", *words]
    if not on_terminal:
        return subprocess.Popen(
            run, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=surroundings
        ), -1
    pid, terminal = pty.fork()
    if pid == 0:  # the child, on a terminal of its own
        os.execve(sys.executable, run, surroundings)  # noqa: S606
    return _Forked(pid), terminal  # type: ignore[return-value]


def _treat(console: Tty) -> None:
    try:
        therapist.to_therapy(console)
    except AssertionError as error:  # a machine that stands still for 250 ms ends a session, as it must
        raise EndedBefore(str(error)) from None


def until_pulsing(session: Session, true: Callable[[], bool]) -> None:
    """Wait for output; a session that ended by itself gives none any more.

    Raises:
        EndedBefore: it did.
    """

    def settled() -> bool:
        session.draw()
        return true() or session.front.poll() is not None

    wait_until(settled, what="it stimulates")
    if session.front.poll() is not None and not true():
        raise EndedBefore


class _Forked:
    """As much of Popen as is needed for a child of `pty.fork`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.stdout = None
        self._over = False

    def poll(self) -> int | None:
        """0 once it has ended."""
        if not self._over:
            self._over = os.waitpid(self.pid, os.WNOHANG)[0] != 0
        return 0 if self._over else None

    def wait(self, timeout: float) -> int:
        """Until it ends."""
        wait_until(lambda: self.poll() is not None, seconds=timeout, what="the front ends")
        return 0

    def kill(self) -> None:
        """SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def end(session: Session) -> None:
    """Give everything back."""
    for pid in [pid for pid, command in children(session.front.pid) if "estim.controller" in command]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    session.front.kill()
    session.front.wait(PATIENCE_S)
    if session.front.stdout is not None and not session.front.stdout.closed:
        session.front.stdout.close()
    if session.terminal >= 0:
        with contextlib.suppress(OSError):
            os.close(session.terminal)
    if session.console is not None:
        session.console.close()
    session.simulator.terminate()
    session.simulator.send_signal(signal.SIGCONT)  # a test may have stopped it
    session.simulator.wait(PATIENCE_S)
    assert session.simulator.stdout is not None
    session.simulator.stdout.close()
