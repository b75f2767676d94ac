"""Every way to stop a session by hand, in every situation of its output: what came after it, and what was said.

python tests/system/stop_ways.py [--way "empty line"] [--situation "therapy, hold"]

`estim run` on a terminal, a person's lines, a simulator that counts as a real device. One session a cell.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.system.conftest import children  # noqa: E402
from tests.system.typed import TypedSession  # noqa: E402

Act = Callable[[TypedSession], object]
QUIET_S = 2.5  # nothing falls in so long after a stop; longer than any device's own timer


def _typed(text: str | bytes) -> Act:
    return lambda one: one.type(text)


def _sent(number: int) -> Act:
    return lambda one: os.kill(one.pid, number)


def _close(one: TypedSession) -> None:
    os.close(one.terminal)


WAYS: Mapping[str, Act] = MappingProxyType(
    {
        "empty line": _typed("\n"),
        "the word": _typed("stop\n"),
        "its letter": _typed("s\n"),
        "space": _typed(" \n"),
        "no-break space": _typed("\u00a0\n"),
        "ideographic space": _typed("\u3000\n"),
        "F12": _typed(b"\x1b[24~\n"),
        "Escape": _typed(b"\x1b\n"),
        "end of input": _typed(b"\x04"),
        "terminal closed": _close,
        "SIGINT": _sent(signal.SIGINT),
        "SIGTERM": _sent(signal.SIGTERM),
        "SIGHUP": _sent(signal.SIGHUP),
        "device hangs": lambda one: os.kill(one.simulator.pid, signal.SIGSTOP),
        "device gone": lambda one: one.simulator.kill(),
    }
)
LEAVES = frozenset({"end of input", "terminal closed", "SIGTERM", "SIGHUP"})
LOST = frozenset({"device hangs", "device gone"})  # the person stays, until she leaves


def _titration(one: TypedSession) -> None:
    one.to_output()


def _titration_rest(one: TypedSession) -> None:
    one.to_output()
    one.hear("(REST)")


def _therapy(word: str) -> Act:
    def to_therapy(one: TypedSession) -> None:
        one.to_output()
        one.type("mark quadriceps max-tolerated\nnext\n")
        one.hear("CONFIGURED")
        one.type("therapy\n")
        for what in ("identity", "pads", "skin", "stop-control", "warnings", "support", "bends", "still-felt"):
            one.type(f"yes {what}\n")
        one.type("arm\n")
        one.hear("ARMED")
        one.type("start\n")
        one.hear("work 1/")
        one.hear(word)

    return to_therapy


def _paused(one: TypedSession) -> None:
    _therapy("(HOLD)")(one)
    one.type("pause\n")
    one.hear("PAUSED")


def _silent(one: TypedSession) -> None:
    """The controller stands still: the front is about to take over."""
    one.to_output()
    (pid,) = [pid for pid, command in children(one.pid) if "estim.controller" in command]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.2)


SITUATIONS: Mapping[str, Act] = MappingProxyType(
    {
        "titration, hold": _titration,
        "titration, rest": _titration_rest,
        "therapy, ramp up": _therapy("(RAMP_UP)"),
        "therapy, hold": _therapy("(HOLD)"),
        "therapy, ramp down": _therapy("(RAMP_DOWN)"),
        "therapy, rest": _therapy("(REST)"),
        "paused": _paused,
        "take-over": _silent,
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one way in one situation.

    Attributes:
        after_ms: from the stop to the last pulse; 0 where none fell after it.
        later: pulses fell again when everything had been quiet.
        code: the front's exit code; None where it goes on.
        words: the last line that it printed.
    """

    situation: str
    way: str
    after_ms: float
    later: bool
    code: int | None
    words: str


def cell(folder: Path, situation: str, way: str) -> Cell:
    """One session, one stop."""
    one = TypedSession(folder, on_s=6)
    try:
        SITUATIONS[situation](one)
        at_us = one.pulses.now_us()
        WAYS[way](one)
        end = time.monotonic() + QUIET_S
        while time.monotonic() < end:
            one.look()
            time.sleep(0.01)
        last_us = one.pulses.last_us()
        if way in LOST and situation != "take-over":
            one.type(b"\x04")
        if way in LEAVES | LOST or situation == "take-over":
            one.until(lambda: one.code is not None, "it ends", seconds=30)
        else:
            time.sleep(1)
            one.look()
        words = one.heard.decode(errors="replace").strip().splitlines()
        later = one.pulses.last_us() > last_us
        return Cell(situation, way, max(0, last_us - at_us) / 1_000, later, one.code, words[-1] if words else "")
    finally:
        one.close()


def main() -> int:
    """The whole table; 1 if output went on anywhere for longer than a second and a half, or came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", action="append", choices=list(WAYS), help="only these")
    parser.add_argument("--situation", action="append", choices=list(SITUATIONS), help="only these")
    given = parser.parse_args()
    wrong = 0
    say = sys.stdout.write
    say("| Situation | Way | last pulse ms | later pulses | code | words |\n" + "|---" * 6 + "|\n")
    with tempfile.TemporaryDirectory() as folder:
        for situation in given.situation or SITUATIONS:
            for way in given.way or WAYS:
                try:
                    seen = cell(Path(folder) / f"{situation}-{way}".replace(" ", "_"), situation, way)
                except (TimeoutError, ValueError) as error:
                    say(f"| {situation} | {way} | NOT REACHED | | | {str(error).splitlines()[0]} |\n")
                    wrong += 1
                    continue
                bad = seen.later or seen.after_ms > 1_500
                wrong += bad
                later = "YES" if seen.later else "none"
                say(f"| {situation} | {way} | {seen.after_ms:.0f} | {later} | {seen.code} | {seen.words[:90]} |\n")
                sys.stdout.flush()
    say(f"{wrong} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
