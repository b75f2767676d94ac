"""Blows to the processes of a running session, at random instants of its output: how long does output go on?

python tests/system/session_kills.py --kills 100

Real processes: a simulator on a pty, `estim run` or the console, its controller. The time from the blow to the last
pulse is read from the simulator's pulse file, which also gives its clock.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.verify import verify_session  # noqa: E402
from tests.system.conftest import wait_until  # noqa: E402
from tests.system.running import EndedBefore, Session, begin, end, until_pulsing  # noqa: E402

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
    "console SIGKILL": ("console", signal.SIGKILL),
    "console SIGSTOP": ("console", signal.SIGSTOP),
}
# From the blow to the last pulse, ms: 500 ms of silence; 1 s of no heartbeat and a turn; a front looks for its reader
# with every heartbeat. All others 100 ms.
BOUND_MS = {"controller SIGSTOP": 510, "front SIGSTOP": 1_010, "console SIGSTOP": 1_010, "front's pipe closed": 350}
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


def strike(home: Path, kind: str, seed: int) -> Blow:
    """One session, one blow at a random instant of its output."""
    for attempt in range(TRIES):
        with contextlib.suppress(EndedBefore):
            return _strike(home / str(attempt), kind, random.Random(seed * TRIES + attempt))
    raise EndedBefore(f"{kind}: {TRIES} sessions ended before they could be struck; the machine is too busy")


def _strike(home: Path, kind: str, chance: random.Random) -> Blow:
    who, number = BLOWS[kind]
    session = begin(home, {"terminal": "run on a terminal", "console": "console"}.get(who, "run"))
    try:
        until = time.monotonic() + chance.random() * 4
        while time.monotonic() < until:
            session.pulses.look()
            session.draw()
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


def _aftermath(session: Session, kind: str, at_us: int, controller: int) -> Blow:
    resumed = False
    if kind in {"front SIGSTOP", "console SIGSTOP"}:
        time.sleep(3)
        quiet = session.pulses.last_us()
        os.kill(session.front.pid, signal.SIGCONT)
        if session.console is not None:  # it does not leave by itself; its terminal goes
            session.console.look(2)
            session.console.close()
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
