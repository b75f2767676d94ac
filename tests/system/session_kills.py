"""Blows to the processes of a running session, at random instants of its output: how long does output go on?

python tests/system/session_kills.py --kills 100

Real processes: a simulator on a pty, `estim run`, its controller. The time from the blow to the last pulse is read from
the simulator's pulse file, which also gives its clock.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import csv
import json
import os
import pty
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.verify import verify_session  # noqa: E402
from tests.support import sample  # noqa: E402
from tests.system.conftest import children, environment, wait_until  # noqa: E402

LEVEL_MA = 3
BLOWS: dict[str, tuple[str, int]] = {
    "controller SIGKILL": ("controller", signal.SIGKILL),
    "front SIGKILL": ("front", signal.SIGKILL),
    "controller SIGSTOP": ("controller", signal.SIGSTOP),
    "front SIGSTOP": ("front", signal.SIGSTOP),
    "controller SIGTERM": ("controller", signal.SIGTERM),
    "front SIGTERM": ("front", signal.SIGTERM),
    "controller SIGHUP": ("controller", signal.SIGHUP),
    "front SIGHUP": ("front", signal.SIGHUP),
    "terminal closed": ("terminal", 0),
    "front's pipe closed": ("pipe", 0),
}
# From the blow to the last pulse, ms: 500 ms of silence; 1 s of no heartbeat and a turn; a front looks for its reader
# with every heartbeat. All others 100 ms.
BOUND_MS = {"controller SIGSTOP": 510, "front SIGSTOP": 1_010, "front's pipe closed": 350}
BUSY_MS = 400
TRIES = 5


@dataclass(frozen=True, slots=True)
class Blow:
    """One blow and what came of it.

    Attributes:
        after_ms: from it to the last pulse, one period included; 0 where none fell after it.
        verified: the record's own verdict, "" for good.
        resumed: pulses fell again when the stopped process was woken.
    """

    kind: str
    after_ms: float
    verified: str
    resumed: bool


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
    """A simulator and `estim run` on it."""

    home: Path
    simulator: subprocess.Popen[bytes]
    front: subprocess.Popen[bytes]
    pulses: Pulses
    terminal: int = -1

    @property
    def controller(self) -> int:
        """Its process id."""
        (pid,) = [pid for pid, command in children(self.front.pid) if "estim.controller" in command]
        return pid

    def records(self) -> list[Path]:
        """Folders of records."""
        return [path.parent for path in (self.home / "records" / "simulated").glob("*/record.jsonl")]


def begin(home: Path, *, on_terminal: bool = False, env: dict[str, str] | None = None) -> Session:
    """A session whose contractions last long, up to its first pulses."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "long.toml"
    file.write_text(sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15"), encoding="utf-8")
    pulses = home / "pulses.csv"
    command = [sys.executable, "-m", "firmware_sim", "p24", "--pulses", str(pulses), "--pty", str(home / "p24")]
    simulator = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert simulator.stdout is not None
    device = json.loads(simulator.stdout.readline())["device"]
    words = ["run", str(file), "--patient", "p1", "--level", f"quadriceps={LEVEL_MA}", "--device", f"sim+p24:{device}"]
    surroundings = {**environment(home), "PYTHONPATH": os.pathsep.join(sys.path[:2]), **(env or {})}
    run = [sys.executable, "-m", "estim", *words]
    terminal = -1
    if on_terminal:
        pid, terminal = pty.fork()
        if pid == 0:  # the child, on a terminal of its own
            os.execve(sys.executable, run, surroundings)  # noqa: S606
        front = _Forked(pid)
    else:
        front = subprocess.Popen(  # type: ignore[assignment]
            run, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=surroundings
        )
    session = Session(home, simulator, front, Pulses(pulses), terminal)  # type: ignore[arg-type]
    try:
        until_pulsing(session, lambda: session.pulses.look() >= 0)
    except BaseException:
        end(session)
        raise
    return session


class EndedBefore(Exception):
    """The machine was so busy that the session ended (a turn more than 250 ms late) before anybody struck."""


def until_pulsing(session: Session, true: Callable[[], bool]) -> None:
    """Wait for output; a session that ended by itself gives none any more.

    Raises:
        EndedBefore: it did.
    """
    wait_until(lambda: true() or session.front.poll() is not None, seconds=90, what="it stimulates")
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
    session.front.wait(10)
    if session.front.stdout is not None and not session.front.stdout.closed:
        session.front.stdout.close()
    if session.terminal >= 0:
        with contextlib.suppress(OSError):
            os.close(session.terminal)
    session.simulator.terminate()
    session.simulator.wait(10)
    assert session.simulator.stdout is not None
    session.simulator.stdout.close()


def strike(home: Path, kind: str, seed: int) -> Blow:
    """One session, one blow at a random instant of its output."""
    for attempt in range(TRIES):
        with contextlib.suppress(EndedBefore):
            return _strike(home / str(attempt), kind, random.Random(seed * TRIES + attempt))
    raise EndedBefore(f"{kind}: {TRIES} sessions ended before they could be struck; the machine is too busy")


def _strike(home: Path, kind: str, chance: random.Random) -> Blow:
    who, number = BLOWS[kind]
    session = begin(home, on_terminal=who == "terminal")
    try:
        until = time.monotonic() + chance.random() * 4
        while time.monotonic() < until:
            session.pulses.look()
            _drain(session.terminal)
            time.sleep(0.002)
        until_pulsing(session, session.pulses.fresh)
        time.sleep(chance.random() * 0.03)
        controller = session.controller
        at_us = session.pulses.now_us()
        if who == "terminal":
            os.close(session.terminal)
            session.terminal = -1
        elif who == "pipe":
            assert session.front.stdout is not None
            session.front.stdout.close()
        else:
            os.kill(controller if who == "controller" else session.front.pid, number)
        return _aftermath(session, kind, at_us, controller)
    finally:
        end(session)


def _drain(terminal: int) -> None:
    if terminal >= 0:
        os.set_blocking(terminal, False)
        with contextlib.suppress(OSError):
            os.read(terminal, 65_536)


def _aftermath(session: Session, kind: str, at_us: int, controller: int) -> Blow:
    resumed = False
    if kind == "front SIGSTOP":
        time.sleep(3)
        quiet = session.pulses.last_us()
        os.kill(session.front.pid, signal.SIGCONT)
        session.front.wait(30)
        resumed = session.pulses.last_us() != quiet
    else:
        session.front.wait(60)
        wait_until(lambda: not Path(f"/proc/{controller}").exists(), seconds=30, what="the controller ends")
    time.sleep(0.2)
    after_us = max(0, session.pulses.last_us() - at_us)
    (folder,) = session.records()
    verdict = verify_session(folder)
    return Blow(kind, after_us / 1_000, "" if verdict.ok else verdict.reason, resumed)


def bound_ms(kind: str) -> int:
    """How long output may go on after it, beside what the machine adds."""
    return BOUND_MS.get(kind, 100)


def main() -> int:
    """Many blows of each kind; 1 if any was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="of each kind")
    parser.add_argument("--kind", action="append", choices=sorted(BLOWS), help="only these")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong = 0
    say = sys.stdout.write
    say("| Blow | Times | median ms | worst ms | aim ms | over | records | woken again |\n" + "|---" * 8 + "|\n")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for kind in given.kind or BLOWS:
            homes = [Path(folder) / f"{kind.replace(' ', '-')}-{index}" for index in range(given.kills)]
            seeds = range(given.seed, given.seed + given.kills)
            blows = list(pool.map(strike, homes, [kind] * given.kills, seeds))
            times = [blow.after_ms for blow in blows]
            bad = [blow.verified for blow in blows if blow.verified]
            late = sum(after > bound_ms(kind) for after in times)
            resumed = sum(blow.resumed for blow in blows)
            wrong += len(bad) + resumed + sum(after > bound_ms(kind) + BUSY_MS for after in times)
            records = "all verified" if not bad else f"{len(bad)} WRONG: {bad[0]}"
            woken = f"{resumed} RESUMED" if resumed else "stays off"
            times_said = f"{statistics.median(times):.1f} | {max(times):.1f} | {bound_ms(kind)} | {late}"
            say(f"| {kind} | {len(blows)} | {times_said} | {records} | {woken} |\n")
            sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
