"""Stop under load against idle, in one run: from the key to the last pulse, in the console and in line mode.

python bench/stop_under_load.py [--times 25] [--busy 4]

Space and F12 on a running console, an empty line and F12 with Enter in `estim run`, each so many times without load and
as often beside so many endless loops, at random instants of output; 50 Hz. A stop that acts at once leaves its last
pulse up to 20 ms before the key (a negative figure). The aim under load: 99 of 100 within a period and 25 ms. An end of
1 says that it was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.stop_latency import (  # noqa: E402
    PERIOD_MS,
    TIMER,
    Echo,
    Stop,
    Watch,
    _start,
    console_session,
    say,
)
from tests.support import sample  # noqa: E402
from tests.system import therapist  # noqa: E402
from tests.system.hardships import busy  # noqa: E402
from tests.system.typed import CHECKS, TypedSession  # noqa: E402

AIM_MS = PERIOD_MS + 25
LINES: Mapping[str, str | bytes] = {"empty line": "\n", "F12 line": b"\x1b[24~\n"}
QUIET_S = 0.4
TRIES = 5


def console_stops(folder: Path, times: int) -> list[Stop]:
    """Space and F12 by turns; where a session ended before its time, the rest in a new one on a new home."""
    found: list[Stop] = []
    for attempt in range(TRIES):
        keys = ["space", "f12"] * ((times - len(found) + 1) // 2)
        if keys:
            _console_stops(folder.with_name(f"{folder.name}-{attempt}"), keys, found)
    return found


def _console_stops(folder: Path, keys: list[str], found: list[Stop]) -> None:
    folder.mkdir()
    therapist.own_protocol(folder, sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15"))
    with contextlib.ExitStack() as stack:
        began = json.loads(_start(stack, "-m", "tests.system.tapped_simulator", str(folder)).readline())
        echo, stalls = Echo(), folder / "stalls.txt"
        stack.callback(echo.end)
        _start(stack, "-c", TIMER, output=stack.enter_context(stalls.open("w")))
        watch = Watch(folder, began["device"], began["began_us"], stalls)
        try:
            console_session(folder, watch, echo, keys, found)
        except AssertionError as error:  # a machine that stands still for 250 ms ends a session, as it must
            print(f"a session ended before its time: {str(error).splitlines()[0]}", file=sys.stderr)


def line_stops(folder: Path, times: int) -> list[Stop]:
    """An empty line and F12 by turns in one session by hand."""
    found: list[Stop] = []
    chance = random.Random(times)  # noqa: S311
    one = TypedSession(folder)
    try:
        one.to_output()
        for number in range(times):
            if number:
                for what in CHECKS:
                    one.type(f"yes {what}\n")
                one.type("arm\n")
                one.hear("ARMED")
                one.type("start\n")
                one.hear("(HOLD)")
                one.type("+ quadriceps\n")
                one.until(one.pulses.fresh, "pulses")
            until = time.monotonic() + chance.random() * 0.5
            one.until(lambda until=until: time.monotonic() > until, "a moment")  # type: ignore[misc]
            key = list(LINES)[number % 2]
            at_us = one.pulses.now_us()
            one.type(LINES[key])
            until = time.monotonic() + QUIET_S
            one.until(lambda until=until: time.monotonic() > until, "quiet")  # type: ignore[misc]
            found.append(Stop(key=key, at_us=at_us, to_last_pulse_ms=(one.pulses.last_us() - at_us) / 1_000))
            one.hear("output OFF")
    except TimeoutError as error:
        print(f"a session ended before its time: {str(error)[-300:]}", file=sys.stderr)
    finally:
        one.close()
    return found


def main() -> int:
    """1 if a p99 under load is over its aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=12, help="of each key, half of them each")
    parser.add_argument("--busy", type=int, default=4, help="endless loops beside, in the second half")
    given = parser.parse_args()
    over = False
    with tempfile.TemporaryDirectory() as name:
        for loops in (0, given.busy):
            with busy(loops):
                console = console_stops(Path(name) / f"console-{loops}", given.times)
                lines = line_stops(Path(name) / f"lines-{loops}", given.times)
            for what, found in (("console, Space and F12", console), ("line mode, Enter and F12", lines)):
                say(f"{loops} endless loops: {what}", found)
                ranked = sorted(stop.to_last_pulse_ms for stop in found)
                p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))] if ranked else AIM_MS + 1
                over = over or p99 > AIM_MS
    print(f"aim: p99 at most {AIM_MS} ms{': MISSED' if over else ''}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
