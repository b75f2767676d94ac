"""A judge of real-time bounds that knows when the machine itself stood still.

Most of a bound is the program's, some of it the machine's: between a blow and the last pulse run a simulator, a front
and a controller, and a processor that five test workers want gives each its turn later. So beside each measurement
ordinary threads, one on each processor, measure for how long somebody who wanted to run did not; that much, up to
`BUSY_MS`, is added to the aim. And who was late is struck again, up to `TRIES` times, of which one has to keep the
bound: a defect shows each time, a pause of the machine in one. What is no matter of time (records, exit codes, that
nothing comes back) has to be asserted for every blow, by the function that strikes.
"""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BUSY_MS = 400
TRIES = 3

PROBE = """
import os, sys, threading, time
STEP_S = 0.004
looked, held = {}, {}
def look(cpu):
    os.sched_setaffinity(threading.get_native_id(), {cpu})
    gaps = held[cpu]
    woke = time.monotonic()
    while True:
        asked = woke
        time.sleep(STEP_S)
        woke = time.monotonic()
        if woke - asked > 1.5 * STEP_S:
            gaps.append((asked, woke))
        looked[cpu] = woke
for cpu in sorted(os.sched_getaffinity(0))[:8]:
    looked[cpu], held[cpu] = 0.0, []
    threading.Thread(target=look, args=(cpu,), daemon=True).start()
for line in sys.stdin:
    began, ended = map(float, line.split())
    while min(looked.values()) < ended:
        time.sleep(STEP_S)
    of_each = [
        sum(woke - asked - STEP_S for asked, woke in list(gaps) if woke > began and asked < ended)
        for gaps in held.values()
    ]
    print(max(of_each), flush=True)
"""


class Machine(Protocol):
    """What tells how long it stood still."""

    def held_up_ms(self, began_s: float, ended_s: float) -> float:
        """Between two instants of `time.monotonic()`."""


class Probe:
    """An ordinary process with one thread on each processor, which sleep for 4 ms and look how long it was.

    In a session of its own, as what it judges: where Linux shares the processor among sessions first, threads that
    sleep so often hand on what their session has, and beside four busy programs of that same session no other one had a
    turn for up to a minute (docs/decisions/processes.md).
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def held_up_ms(self, began_s: float, ended_s: float) -> float:
        """Of the processor that was worst; what overlaps the interval counts."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{began_s} {ended_s}\n".encode())
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) * 1_000

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


@functools.cache
def probe() -> Probe:
    """One for this process, as long as it lives."""
    made = Probe()
    atexit.register(made.close)
    made.held_up_ms(0.0, time.monotonic())  # it looks by now
    return made


@dataclass(frozen=True, slots=True)
class Timed:
    """What one blow took.

    Attributes:
        after_ms: from the blow to what it ends.
        since_s, until_s: `time.monotonic()` of both ends; until_s is None where `after_ms` tells it.
    """

    after_ms: float
    since_s: float
    until_s: float | None = None


def allowed_ms(seen: Timed, machine: Machine) -> float:
    """The machine's share of it."""
    until_s = seen.since_s + max(0.0, seen.after_ms) / 1_000 if seen.until_s is None else seen.until_s
    return min(BUSY_MS, machine.held_up_ms(seen.since_s, until_s))


class EndedBefore(Exception):
    """The machine was so busy that the session ended (a turn more than 250 ms late) before anybody struck."""


def keeps(aim_ms: float, strike: Callable[[int], Timed], *, machine: Machine | None = None) -> None:
    """One of up to three blows keeps the bound.

    Args:
        strike: one blow, and everything about it that has to be true each time; gets its number, from 0.
            `EndedBefore` of it is a blow that could not fall.

    Raises:
        AssertionError: none did, with what each took.
    """
    beside = machine or probe()
    said: list[str] = []
    for number in range(TRIES):
        try:
            seen = strike(number)
        except EndedBefore as error:
            said.append(f"ended before the blow: {error}")
            continue
        share_ms = allowed_ms(seen, beside)
        if seen.after_ms <= aim_ms + share_ms:
            return
        said.append(f"{seen.after_ms:.0f} ms, of which {share_ms:.0f} the machine's")
    raise AssertionError(f"not within {aim_ms:g} ms: {'; '.join(said)}")


def once_more(folder: Path, play: Callable[[Path], None]) -> None:
    """`play` in a home of its own; once more, and only then, where a pause of the machine ended a session in it.

    For what takes a minute and more on processes that are real: a simulated device, or a controller, that gets no
    processor for 250 ms ends its session, as it must; so does a console that shows nothing for a second.

    Raises:
        AssertionError: of `play`.
    """
    beside = probe()
    for number in range(2):
        home, began_s = folder / str(number), time.monotonic()
        home.mkdir()
        try:
            play(home)
        except AssertionError:
            busy = beside.held_up_ms(began_s, time.monotonic()) >= BUSY_MS
            if number or not (
                _ended_by(home, "device-lost", "clock-jumped") or (busy and _ended_by(home, "console-silent"))
            ):
                raise
        else:
            return


def _ended_by(home: Path, *causes: str) -> bool:
    texts = [file.read_text(encoding="utf-8") for file in home.glob("records/*/*/record.jsonl")]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    return any(line["fields"].get("cause") in causes for line in lines)
