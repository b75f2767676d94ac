"""The stop keys of the console in every situation of its output: last pulse, later pulses, what the screen says.

python tests/system/console_stops.py [--model p24] [--jobs 4] [--write]

One session on a pty a cell, by a therapist's keys; with --write the table takes its place in docs/measured-stops.md.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
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
from tests.support import put_between, sample  # noqa: E402
from tests.system import therapist  # noqa: E402
from tests.system.conftest import PATIENCE_S  # noqa: E402
from tests.system.machine import Timed, allowed_ms, probe  # noqa: E402
from tests.system.running import Pulses  # noqa: E402
from tests.system.stop_ways import PAGE  # noqa: E402
from tests.system.terminal import KEYS, Tty  # noqa: E402

BEGIN, END = "<!-- keys: made by tests/system/console_stops.py --write -->", "<!-- end of keys -->"
HEAD = "| Device | Situation | Key | Last pulse ms | Later pulses | The screen says |\n" + "|---" * 6 + "|\n"
STOP_KEYS = ("space", "f12", "escape")
AIM_MS = {"space": 45, "f12": 45, "escape": 145}
QUIET_S = 2.6
RAMP_S = 3
LONG = (
    sample("on_s = 2\noff_s = 2", "on_s = 9\noff_s = 9")
    .replace("ramp_up_s = 0.5", f"ramp_up_s = {RAMP_S}")
    .replace("ramp_down_s = 0.3", f"ramp_down_s = {RAMP_S}")
)


def _levels(tty: Tty, pulses: Pulses) -> None:
    for step in (therapist.sign_in, therapist.choose, therapist.screen, therapist.place, therapist.try_device):
        step(tty)
    therapist.follow(tty, lambda text: "→ + " in text)
    tty.press("+")
    tty.wait(pulses.fresh, what="pulses")


def _levels_rest(tty: Tty, pulses: Pulses) -> None:
    _levels(tty, pulses)
    tty.wait(lambda: not pulses.fresh(within_us=300_000), what="a rest")


def _treating(words: str, later_s: float = 0.3) -> Callable[[Tty, Pulses], None]:
    def bring(tty: Tty, _pulses: Pulses) -> None:
        therapist.to_therapy(tty)
        tty.sees(words)
        tty.look(later_s)

    return bring


def _paused(tty: Tty, _pulses: Pulses) -> None:
    therapist.to_therapy(tty)
    tty.press("p")
    tty.sees("PAUSED")


SITUATIONS: Mapping[str, Callable[[Tty, Pulses], None]] = MappingProxyType(
    {
        "levels, with current": _levels,
        "levels, rest": _levels_rest,
        "treatment, ramp up": _treating("next: let go in"),
        "treatment, hold": _treating("next: let go in", RAMP_S + 1),
        "treatment, ramp down": _treating("next: rest in"),
        "treatment, rest": _treating("next: on in"),
        "paused": _paused,
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one key in one situation; `says` is the banner, `share_ms` the machine's part of `after_ms`."""

    after_ms: float
    later: bool
    says: str
    share_ms: float


def cell(home: Path, situation: str, key: str, model: str = "p24") -> Cell:
    """One session, one key."""
    home.mkdir(parents=True)
    pulses = Pulses(home / "pulses.csv")
    words = [model, "--pulses", str(home / "pulses.csv"), "--pty", str(home / model)]
    simulator = subprocess.Popen([sys.executable, "-m", "firmware_sim", *words], stdout=subprocess.PIPE, cwd=ROOT)
    assert simulator.stdout is not None
    device = f"sim+{model}:{json.loads(simulator.stdout.readline())['device']}"
    therapist.own_protocol(home, LONG)
    tty = Tty("console", "--device", device, home=home)
    try:
        SITUATIONS[situation](tty, pulses)
        machine = probe()
        pulses.look()
        at_us, since_s = pulses.now_us(), time.monotonic()
        os.write(tty.master, KEYS[key])
        until = time.monotonic() + QUIET_S
        while time.monotonic() < until:
            tty.look(0.02)
            pulses.look()
        last_us = pulses.last_us()
        tty.look(1.0)
        says = " · ".join(line.strip() for line in tty.picture.text.splitlines()[1:3] if line.strip())
        after_ms = max(0, last_us - at_us) / 1_000
        return Cell(after_ms, pulses.last_us() > last_us, says, allowed_ms(Timed(after_ms, since_s), machine))
    finally:
        tty.end()
        simulator.kill()
        simulator.wait(PATIENCE_S)
        simulator.stdout.close()


def _tried(folder: Path, situation: str, key: str, model: str) -> Cell | str:
    said = ""
    for attempt in range(2):
        try:
            return cell(folder / f"{model}-{situation}-{key}-{attempt}".replace(" ", "_"), situation, key, model)
        except (AssertionError, OSError, ValueError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
    return said


def _row(seen: Cell | str, situation: str, key: str, model: str) -> tuple[str, bool]:
    if isinstance(seen, str):
        return f"| {model} | {situation} | {key} | NOT REACHED | | {seen} |\n", True
    bad = seen.later or seen.after_ms > AIM_MS[key] + seen.share_ms
    says = re.sub(r"[|`]|\s+", " ", seen.says)[:70].strip()
    return (
        f"| {model} | {situation} | {key} | {seen.after_ms:.0f} | {'YES' if seen.later else 'none'} | {says} |\n",
        bad,
    )


def main() -> int:
    """The whole table; 1 if one was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", choices=list(MODELS), help="only these")
    parser.add_argument("--share", type=int, default=1, help="every so manieth cell")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    cells = [(at, key, model) for model in given.model or MODELS for at in SITUATIONS for key in STOP_KEYS]
    whole_size, cells = len(cells), cells[:: given.share]
    wrong, rows = 0, [HEAD]
    sys.stdout.write(HEAD)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        asked = [pool.submit(_tried, Path(folder), *each) for each in cells]
        for each, found in zip(cells, asked, strict=True):
            row, bad = _row(found.result(), *each)
            wrong += bad
            rows.append(row)
            sys.stdout.write(row)
            sys.stdout.flush()
    sys.stdout.write(f"{len(cells)} of {whole_size} cells, {wrong} wrong\n")
    if given.write:
        made = f"{len(cells)} of {whole_size} cells, {wrong} wrong.\n\n{''.join(rows)}"
        put_between(PAGE, BEGIN, END, made)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
