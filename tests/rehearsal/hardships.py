"""Whole sessions in simulated time on a slow disk with a front that is held up: none may end but by its plan.

python -m tests.rehearsal.hardships --sessions 1000 --jobs 2

Each fsync takes 400 ms, a working front stands for 0.3 to 0.6 s again and again, one of two machines stutters (turns up
to 240 ms late). `tests/system/hardships.py` does the same to real processes.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter

from estim.rehearsal import pool
from estim.rehearsal.faulty import FaultyWorld
from firmware_sim.faults import FRONT_STALLED_US, Fault, FaultPlan
from tests.support import DATA, plan

LASTS_US = 240_000_000  # late turns make a session of 40 s one of up to 150
STALL_FROM_US = 300_000
BETWEEN_US = (200_000, 3_000_000)


def hardships(seed: int) -> tuple[Fault, ...]:
    """What one session has to bear."""
    chance, faults = random.Random(seed), [Fault(at_us=0, kind="slow-disk", for_us=LASTS_US)]
    if chance.random() < 0.5:
        faults.append(Fault(at_us=0, kind="stutter", for_us=LASTS_US))
    at_us = 0
    while at_us < LASTS_US:
        at_us += chance.randrange(*BETWEEN_US)
        stalled_us = chance.randrange(STALL_FROM_US, FRONT_STALLED_US[1])
        faults.append(Fault(at_us=at_us, kind="front-stalled", for_us=stalled_us))
        at_us += stalled_us
    return tuple(sorted(faults, key=lambda fault: fault.at_us))


def session(seed: int) -> tuple[str, dict[str, str], int]:
    """How it ended, what broke, how often the front stood."""
    faults = hardships(seed)
    made = plan(DATA / "short.toml", seed=seed)
    verdict = FaultyWorld(made, FaultPlan(faults)).play(LASTS_US)
    return verdict.outcome, verdict.broken, sum(fault.kind == "front-stalled" for fault in faults)


def main() -> int:
    """A line; 1 if any ended otherwise, or broke something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    outcomes: Counter[str] = Counter()
    stalls = 0
    for seed, seen in pool.run(session, range(given.sessions), jobs=given.jobs):
        if isinstance(seen, pool.Lost):
            outcomes["lost"] += 1
            continue
        outcome, broken, stood = seen
        outcomes[outcome] += 1
        stalls += stood
        if outcome != "completed" or broken:
            print(f"seed {seed}: {outcome} {broken}", flush=True)  # noqa: T201
            outcomes["broken"] += bool(broken)
    print(f"{given.sessions} sessions, {stalls} stalls of the front, each fsync 400 ms: {dict(outcomes)}")  # noqa: T201
    return int(outcomes["completed"] != given.sessions or outcomes["broken"] > 0)


if __name__ == "__main__":
    sys.exit(main())
