"""Lines that nobody should write, between a front's own, into the pipe of a running session's controller.

python tests/system/pipe_lines.py --lines 10000

Real processes. First so many mutated lines while a session treats: its controller has to live, nothing to go above its
level, its record to verify. A few of the lines are requests after all, so it may also be lowered or left. Then a stop
in each odd shape, in a session of its own: output has to end.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import csv
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.controller.messages import stop_in  # noqa: E402
from estim.records.verify import verify_session  # noqa: E402
from tests.controller.test_pipe import STOPS, mutants  # noqa: E402
from tests.system.conftest import PATIENCE_S, wait_until  # noqa: E402
from tests.system.machine import EndedBefore, Timed, allowed_ms, probe  # noqa: E402
from tests.system.running import LEVEL_MA, Session, begin, end, until_pulsing  # noqa: E402

BOUND_MS = 100
TRIES = 5
AT_ONCE = 20
PAUSE_S = 0.02


def pipe_of(session: Session) -> int:
    """The end into which its front writes, opened once more: what is written falls between the front's lines."""
    return os.open(f"/proc/{session.controller}/fd/0", os.O_WRONLY)


def highest_ua(session: Session) -> int:
    """Of all pulses at its electrode so far."""
    with (session.home / "pulses.csv").open(encoding="ascii", newline="") as file:
        return max(abs(int(row["peak_ua"])) for row in csv.DictReader(file))


def mutated(home: Path, seed: int, lines: int) -> tuple[int, list[str]]:
    """One session with so many lines among its front's own; how many were written, and what was wrong."""
    session = begin(home, on_s=6)
    written = 0
    try:
        until_pulsing(session, lambda: session.written(b'"state":"ON"') > 1)  # of the levels, and of the therapy
        controller, pipe = session.controller, pipe_of(session)
        for line in mutants(seed, lines):
            if any(stop_in(part + b"\n") for part in line.split(b"\n")):
                continue
            try:
                os.write(pipe, line + b"\n")
            except BrokenPipeError:
                break
            written += 1
            if written % AT_ONCE == 0:
                session.pulses.look()
                session.draw()
                time.sleep(PAUSE_S)
        os.close(pipe)
        wrong = [] if Path(f"/proc/{controller}").exists() else ["the controller died"]
        assert session.front.stdout is not None
        session.front.stdout.read()
        session.front.wait(PATIENCE_S)
        (folder,) = session.records()
        verdict = verify_session(folder)
        if session.front.returncode not in {0, 1}:
            wrong.append(f"exit {session.front.returncode}")
        if not verdict.ok:
            wrong.append(verdict.reason)
        if (highest := highest_ua(session)) > LEVEL_MA * 1_000:
            wrong.append(f"{highest} µA at the electrode, {LEVEL_MA} mA were asked")
        return written, wrong
    finally:
        end(session)


def stopped(home: Path, number: int) -> tuple[float, float, bool]:
    """One odd shape of a stop: ms to the last pulse, the machine's share, and whether it stays off."""
    for attempt in range(TRIES):
        with contextlib.suppress(EndedBefore):
            return _stopped(home / str(attempt), STOPS[number])
    raise EndedBefore(f"{TRIES} sessions ended before they could be stopped; the machine is too busy")


def _stopped(home: Path, line: bytes) -> tuple[float, float, bool]:
    machine = probe()
    session = begin(home)
    try:
        pipe = pipe_of(session)
        until_pulsing(session, session.pulses.fresh)
        at_us, since_s = session.pulses.now_us(), time.monotonic()
        os.write(pipe, line + b"\n")
        os.close(pipe)
        wait_until(lambda: session.pulses.now_us() - session.pulses.last_us() > 500_000, what="output ends")
        after_ms = max(0, session.pulses.last_us() - at_us) / 1_000
        quiet = session.pulses.last_us()
        time.sleep(1.0)
        return after_ms, allowed_ms(Timed(after_ms, since_s), machine), session.pulses.last_us() == quiet
    finally:
        end(session)


def main() -> int:
    """Both parts; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        base = Path(folder)
        written, wrong = mutated(base / "lines", given.seed, given.lines)
        bad += len(wrong)
        sys.stdout.write(
            f"{written} mutated lines: {'; '.join(wrong) or 'the controller lived, nothing above the level'}\n"
        )
        homes = [base / f"stop-{number}" for number in range(len(STOPS))]
        for number, (after_ms, share_ms, off) in enumerate(pool.map(stopped, homes, range(len(STOPS)))):
            late = after_ms > BOUND_MS + share_ms
            bad += late + (not off)
            sys.stdout.write(f"{STOPS[number][:60]!r}: {after_ms:.0f} ms{' LATE' * late}{'' if off else ' GOES ON'}\n")
            sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
