"""Blows to the processes of a running session, at random instants: how long does output go on, and what is said?

python tests/system/session_kills.py --kills 100 [--model rehastim1]

Real processes: a simulator on a pty, `estim run` or the console, its controller. The time from the blow to the last
pulse is read from the simulator's pulse file, which also gives its clock. A blow falls while levels are found, in
therapy, during a take-over (the controller stands still already), or while the session is signed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
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

from estim.drivers.models import MODELS  # noqa: E402
from estim.records.verify import verify_session  # noqa: E402
from tests.system.conftest import PATIENCE_S, wait_until  # noqa: E402
from tests.system.machine import EndedBefore, Timed, allowed_ms, probe  # noqa: E402
from tests.system.running import Session, begin, end, until_pulsing  # noqa: E402

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
    "both SIGKILL": ("both", signal.SIGKILL),
    "both SIGSTOP": ("both", signal.SIGSTOP),
}
STAGES = ("titration", "therapy", "take-over", "signing")
# From the blow to the last pulse, ms: 500 ms of silence; 1 s of no heartbeat and a turn; a front looks for its reader
# with every heartbeat. All others 100 ms.
BOUND_MS = {"controller SIGSTOP": 510, "front SIGSTOP": 1_010, "console SIGSTOP": 1_010, "front's pipe closed": 350}
TIMER_MS = 2_020  # the P24's own, and a period: all that is left where nobody of ours lives
STILL_S = 3.0  # whoever was stopped is woken after so long
# What a script reads: 0 and 1 for a session that was stopped in order (1 before its first contraction, or where the
# record's disk was the reason), 3 for a controller that was lost; a front that was killed says nothing.
TRUE_CODES: dict[str, set[int]] = {
    "controller SIGKILL": {3}, "controller SIGSTOP": {3},
    "controller SIGTERM": {0, 1, 3}, "controller SIGHUP": {0, 1, 3},
    "front SIGSTOP": {0, 1}, "front SIGTERM": {0, 1}, "front SIGHUP": {0, 1}, "front's pipe closed": {0, 1},
    "front SIGKILL": {-signal.SIGKILL}, "both SIGKILL": {-signal.SIGKILL}, "both SIGSTOP": {0, 1, 3},
}  # fmt: skip
TRIES = 5


@dataclass(frozen=True, slots=True)
class Blow:
    """One blow and what came of it.

    Attributes:
        after_ms: from it to the last pulse, one period included; 0 where none fell after it.
        verified: the record's own verdict, "" for good: it verifies, or says that nobody was left to end it.
        resumed: pulses fell again when the stopped process was woken.
        code: the front's exit code, None where there is none to be had.
        stage: in which it fell.
        since_s: `time.monotonic()` of it.
    """

    kind: str
    after_ms: float
    verified: str
    resumed: bool
    code: int | None = None
    stage: str = "titration"
    since_s: float = 0.0

    @property
    def timed(self) -> Timed:
        """For the judge."""
        return Timed(self.after_ms, self.since_s)

    @property
    def true(self) -> bool:
        """The exit code says what happened."""
        if self.stage == "signing" or self.code is None:  # it may be over before the blow
            return True
        allowed = TRUE_CODES.get(self.kind, set())
        return not allowed or self.code in (allowed | {3} if self.stage == "take-over" else allowed)


def strike(home: Path, kind: str, seed: int, stage: str = "titration", model: str = "p24") -> Blow:
    """One session, one blow at a random instant of its output, or of its signing."""
    for attempt in range(TRIES):
        with contextlib.suppress(EndedBefore):
            return _strike(home / str(attempt), kind, random.Random(seed * TRIES + attempt), stage, model)
    raise EndedBefore(f"{kind}: {TRIES} sessions ended before they could be struck; the machine is too busy")


def _strike(home: Path, kind: str, chance: random.Random, stage: str, model: str) -> Blow:
    who, _ = BLOWS[kind]
    front = {"terminal": "run on a terminal", "console": "console"}.get(who, "run")
    session = begin(home, front, on_s=15 if stage == "titration" else 3, model=model)
    try:
        controller = session.controller  # a take-over ends it
        _go_to(session, stage, chance)
        at_us, since_s = session.pulses.now_us(), time.monotonic()
        _hit(session, kind, controller)
        return dataclasses.replace(_aftermath(session, kind, at_us, controller, stage), since_s=since_s)
    finally:
        end(session)


def _go_to(session: Session, stage: str, chance: random.Random) -> None:
    """A random instant of that stage."""
    if stage != "titration" and session.console is None:  # a console is in therapy as soon as it stimulates
        until_pulsing(session, lambda: session.written(b'"purpose":"therapy"') > 0)
    if stage == "signing":
        until_pulsing(session, lambda: session.written(b'"kind":"dose"') > 1)  # of the levels, and of the therapy
        time.sleep(chance.random() * 0.15)
        return
    until = time.monotonic() + chance.random() * (4 if stage == "titration" else 1)
    while time.monotonic() < until:
        session.pulses.look()
        session.draw()
        time.sleep(0.002)
    until_pulsing(session, session.pulses.fresh)
    time.sleep(chance.random() * 0.03)
    if stage == "take-over":
        os.kill(session.controller, signal.SIGSTOP)
        time.sleep(0.3 + chance.random() * 0.3)  # it is taken for lost after half a second


def _hit(session: Session, kind: str, controller: int) -> None:
    who, number = BLOWS[kind]
    if who == "terminal":
        os.close(session.terminal)
        session.terminal = -1
    elif who == "pipe":
        assert session.front.stdout is not None
        session.front.stdout.close()
    else:
        with contextlib.suppress(ProcessLookupError):  # the take-over has ended it
            for pid in (
                (controller, session.front.pid)
                if who == "both"
                else ((controller,) if who == "controller" else (session.front.pid,))
            ):
                os.kill(pid, number)


def _aftermath(session: Session, kind: str, at_us: int, controller: int, stage: str) -> Blow:
    resumed = False
    if kind in {"front SIGSTOP", "console SIGSTOP", "both SIGSTOP"}:
        time.sleep(STILL_S)
        quiet = session.pulses.last_us()
        os.kill(session.front.pid, signal.SIGCONT)
        if kind == "both SIGSTOP":
            with contextlib.suppress(ProcessLookupError):
                os.kill(controller, signal.SIGCONT)
        if session.console is not None:  # it does not leave by itself; its terminal goes
            session.console.look(2)
            session.console.close()
        session.front.wait(PATIENCE_S)
        resumed = session.pulses.last_us() != quiet
    else:
        session.front.wait(PATIENCE_S)
        if stage == "take-over" and kind.startswith("front"):  # nobody is left who could have ended it
            time.sleep(STILL_S)
            quiet = session.pulses.last_us()
            with contextlib.suppress(ProcessLookupError):
                os.kill(controller, signal.SIGCONT)
            time.sleep(0.5)
            resumed = session.pulses.last_us() > quiet
        wait_until(lambda: not Path(f"/proc/{controller}").exists(), what="the controller ends")
    time.sleep(0.2)
    after_us = max(0, session.pulses.last_us() - at_us)
    (folder,) = session.records()
    verdict = verify_session(folder)
    nobody_left = kind == "both SIGKILL" or (stage == "take-over" and kind == "front SIGKILL")
    honest = verdict.ok or (nobody_left and verdict.first_bad is None and verdict.ending in {"incomplete", "torn"})
    code = getattr(session.front, "returncode", None)
    return Blow(kind, after_us / 1_000, "" if honest else verdict.reason, resumed, code, stage)


def bound_ms(kind: str, stage: str = "titration", model: str = "p24") -> int:
    """How long output may go on after it, beside the machine's share."""
    who, _ = BLOWS[kind]
    if who == "both" and not MODELS[model].profile.has_timer:
        return 100  # it has no timer to wait for: nothing plays that was not asked for since
    if who == "both" or (stage == "take-over" and who != "controller"):
        return TIMER_MS  # whoever would take over is gone, too
    return BOUND_MS.get(kind, 510 if stage == "take-over" else 100)


def _struck(home: Path, kind: str, seed: int, stage: str, model: str) -> tuple[Blow, float]:
    """One blow, and the machine's share of its time."""
    machine = probe()
    blow = strike(home, kind, seed, stage, model)
    return blow, allowed_ms(blow.timed, machine)


def _row(kind: str, stage: str, model: str, struck: list[tuple[Blow, float]]) -> int:
    """One line of the table, of blows and the machine's share in each; gives how much of it was wrong."""
    blows, shares = [blow for blow, _ in struck], [share_ms for _, share_ms in struck]
    times = [blow.after_ms for blow in blows]
    bad = [blow.verified for blow in blows if blow.verified]
    aim_ms = bound_ms(kind, stage, model)
    late = sum(after > aim_ms for after in times)
    wrong = sum(after > aim_ms + share for after, share in zip(times, shares, strict=True))
    resumed = sum(blow.resumed for blow in blows)
    lies = sum(not blow.true for blow in blows)
    records = "all verified" if not bad else f"{len(bad)} WRONG: {bad[0]}"
    woken = f"{resumed} RESUMED" if resumed else "stays off"
    codes = ", ".join(sorted({str(blow.code) for blow in blows})) + (f" ({lies} UNTRUE)" if lies else "")
    sys.stdout.write(
        f"| {kind} | {stage} | {len(blows)} | {statistics.median(times):.1f} | {max(times):.1f} | {aim_ms} | "
        f"{late} ({wrong}) | "
        f"{records} | {codes} | {woken} |\n"
    )
    sys.stdout.flush()
    return len(bad) + resumed + lies + wrong


def main() -> int:
    """Many blows of each kind; 1 if any was wrong: over its aim beyond the machine's own share, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="of each kind")
    parser.add_argument("--kind", action="append", choices=sorted(BLOWS), help="only these")
    parser.add_argument("--stage", action="append", choices=STAGES, help="only these")
    parser.add_argument("--model", default="p24", choices=sorted(MODELS), help="the simulated device")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong = 0
    say = sys.stdout.write
    say("| Blow | Stage | Times | median ms | worst ms | aim ms | over (beyond share) | records | exit codes | ")
    say("woken again |\n")
    say("|---" * 10 + "|\n")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        for kind in given.kind or BLOWS:
            for stage in given.stage or (STAGES if BLOWS[kind][0] in {"controller", "front", "both"} else STAGES[:1]):
                homes = [Path(folder) / f"{kind}-{stage}-{index}".replace(" ", "-") for index in range(given.kills)]
                seeds = range(given.seed, given.seed + given.kills)
                same = ([one] * given.kills for one in (stage, given.model))
                blows = list(pool.map(_struck, homes, [kind] * given.kills, seeds, *same))
                wrong += _row(kind, stage, given.model, blows)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
