"""Every way to stop a session by hand, in every situation of its output: what came after it, and what was said.

python tests/system/stop_ways.py [--way "empty line"] [--situation "therapy, hold"] [--model p24] [--share 4] [--write]

`estim run` on a terminal, a person's lines, a simulator that counts as a real device. One session a cell, several at
once, each from a process of its own: a terminal is closed only where no fork holds it open. With --write the table
takes its place in docs/measured-stops.md.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
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

from estim.drivers.models import MODELS  # noqa: E402
from tests.support import put_between  # noqa: E402
from tests.system.conftest import children  # noqa: E402
from tests.system.typed import TypedSession, reached  # noqa: E402

PAGE = ROOT / "docs" / "measured-stops.md"
BEGIN, END = "<!-- stops: made by tests/system/stop_ways.py --write -->", "<!-- end of stops -->"
HEAD = "| Device | Situation | Way | Last pulse ms | Later pulses | Exit code | Last words |\n" + "|---" * 7 + "|\n"
Act = Callable[[TypedSession], object]
QUIET_S = 2.5  # nothing falls in so long after a stop; longer than any device's own timer


def _typed(text: str | bytes) -> Act:
    return lambda one: one.type(text)


def _sent(number: int) -> Act:
    return lambda one: os.kill(one.pid, number)


def _close(one: TypedSession) -> None:
    os.close(one.terminal)
    one.terminal = -1


STANDS = "terminal stopped (Ctrl+S)"
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
        STANDS: _typed(b"\x13"),
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
        for what in (
            "identity",
            "pads",
            "skin",
            "stop-control",
            "warnings",
            "support",
            "bends",
            "still-felt",
            "red-button",
        ):
            one.type(f"yes {what}\n")
        one.type("arm\n")
        one.hear("ARMED")
        one.start()
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
        model: the device.
        after_ms: from the stop to the last pulse; 0 where none fell after it.
        later: pulses fell again when everything had been quiet.
        code: the front's exit code; None where it goes on.
        words: the last line that it printed.
        since_s: `time.monotonic()` of the stop.
    """

    situation: str
    way: str
    after_ms: float
    later: bool
    code: int | None
    words: str
    model: str = "p24"
    since_s: float = 0.0


def cell(folder: Path, situation: str, way: str, model: str = "p24") -> Cell:
    """One session, one stop."""
    one = reached(lambda number: TypedSession(folder / str(number), on_s=6, model=model), SITUATIONS[situation])
    try:
        at_us, since_s = one.pulses.now_us(), time.monotonic()
        WAYS[way](one)
        end = time.monotonic() + QUIET_S
        while time.monotonic() < end:
            one.look()
            time.sleep(0.01)
        last_us = one.pulses.last_us()
        if way in LOST and situation != "take-over":
            one.type(b"\x04")
        if way == STANDS and situation == "take-over":
            one.type(b"\x11")  # Ctrl+Q: what it says last is held until the terminal takes it
        if way in LEAVES | LOST or situation == "take-over":
            one.until(lambda: one.code is not None, "it ends", seconds=30)
        else:
            time.sleep(1)
            one.look()
        words = one.heard.decode(errors="replace").strip().splitlines()
        later = one.pulses.last_us() > last_us
        last = words[-1] if words else ""
        return Cell(situation, way, max(0, last_us - at_us) / 1_000, later, one.code, last, model, since_s)
    finally:
        one.close()


def _tried(folder: Path, situation: str, way: str, model: str) -> Cell | str:
    """The cell, or why it was not reached; once more where a busy machine kept it from it."""
    said = ""
    for attempt in range(2):
        try:
            return cell(folder / f"{model}-{situation}-{way}-{attempt}".replace(" ", "_"), situation, way, model)
        except (TimeoutError, ValueError, OSError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
    return said


def _row(seen: Cell | str, situation: str, way: str, model: str) -> tuple[str, bool]:
    if isinstance(seen, str):
        return f"| {model} | {situation} | {way} | NOT REACHED | | | {seen} |\n", True
    timer_ms = MODELS[model].profile.watchdog_us / 1_000
    bad = seen.later or seen.after_ms > 1_500 + (timer_ms if way in LOST else 0)
    later = "YES" if seen.later else "none"
    code = "goes on" if seen.code is None else str(seen.code)
    words = re.sub(r"[|`]", " ", seen.words)[:90]
    return f"| {model} | {situation} | {way} | {seen.after_ms:.0f} | {later} | {code} | {words} |\n", bad


def main() -> int:
    """The whole table; 1 if output went on anywhere for longer than a second and a half, or came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", action="append", choices=list(WAYS), help="only these")
    parser.add_argument("--situation", action="append", choices=list(SITUATIONS), help="only these")
    parser.add_argument("--model", action="append", choices=list(MODELS), help="only these")
    parser.add_argument("--share", type=int, default=1, help="every so manieth cell")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    cells = [
        (situation, way, model)
        for model in given.model or MODELS
        for situation in given.situation or SITUATIONS
        for way in given.way or WAYS
    ]
    whole_size, cells = len(cells), cells[:: given.share]
    wrong, rows = 0, [HEAD]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        asked = [pool.submit(_tried, Path(folder), *each) for each in cells]
        sys.stdout.write(HEAD)
        for each, found in zip(cells, asked, strict=True):
            row, bad = _row(found.result(), *each)
            wrong += bad
            rows.append(row)
            sys.stdout.write(row)
            sys.stdout.flush()
    sys.stdout.write(f"{len(cells)} cells, {wrong} wrong\n")
    if given.write:
        made = f"{len(cells)} of {whole_size} cells, {wrong} wrong.\n\n{''.join(rows)}"
        put_between(PAGE, BEGIN, END, made)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
