"""`make windows`: Windows' Python is prepared; then a whole session, blows to its processes, and the tests.

    python -m tools.windows [--cache DIR] [--only session|kills|tests] [--short]
    python -m tools.windows [--cache DIR] run ARGUMENTS…      any program, such as `run -m estim doctor`

Exit 0 also where this machine can't (no root, no Debian, no registries): it says SKIPPED and why.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.windows.prepare import ROOT, Unable, prepare, say
from tools.windows.run import words_of

PROTOCOL = ROOT / "tests" / "data" / "short.toml"
# Pure and records: what a Windows kernel, its file locks, its line ends and its encodings can change. Real-time system
# tests are POSIX's (pty, signals); their like are the session and the blows here.
TESTS = ["records", "protocols", "drivers", "firmware", "body", "safety/test_limits.py", "platform", "session"]
SHORT_TESTS = ["records", "platform"]
PERIOD_MS = 100.0


def session(cache: Path, home: Path) -> list[str]:
    """A whole scripted session in real time; what is wrong with it."""
    words = ["-m", "estim", "run", str(PROTOCOL), "--patient", "p1", "--level", "quadriceps=3", "--yes", "--json"]
    done = subprocess.run(
        words_of(cache, words, {"ESTIM_HOME": str(home)}), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return [f"session: exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}"]
    print(f"session: {said['outcome']}, {said['contractions']} contractions, verified: {said['record_verified']}")
    whole = said["outcome"] == "completed" and said["contractions"] == 3 and said["record_verified"]
    return [] if whole else [f"session: {said['outcome']}, {said['contractions']} contractions, {said['problems']}"]


def last_us(pulses: Path) -> int:
    """Device time of the last pulse; -1 for none."""
    lines = pulses.read_bytes().splitlines() if pulses.exists() else []
    return int(lines[-1].split(b",")[0]) if len(lines) > 2 and lines[-1].count(b",") >= 7 else -1


def blow(cache: Path, home: Path, whom: str) -> list[str]:
    """End the front or the controller by force while it stimulates; when does the last pulse fall?"""
    home.mkdir(parents=True)
    pulses, file = home / "pulses.csv", home / "long.toml"
    text = PROTOCOL.read_text(encoding="utf-8").replace("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15")
    file.write_text(text, encoding="utf-8")
    simulator = subprocess.Popen(
        words_of(cache, ["-m", "firmware_sim", "p24", "--tcp", "0", "--pulses", str(pulses)], {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    front = None
    try:
        told = simulator.stdout.readline() if simulator.stdout is not None else b""
        if not told:
            return [f"{whom}: the simulator does not start"]
        device = json.loads(told)["device"]
        words = ["-m", "estim", "run", str(file), "--patient", "p1", "--level", "quadriceps=3", "--yes", "--device"]
        front = subprocess.Popen(
            words_of(cache, [*words, f"sim+p24:{device}"], {"ESTIM_HOME": str(home)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if not wait(lambda: therapy(home), 120):
            return [f"{whom}: no therapy within 120 s"]
        victims = processes("estim.controller" if whom == "controller" else "-m estim run", str(home))
        ages = []  # our clock minus the device's: the least that is seen
        for _ in range(40):
            time.sleep(0.01)
            ages.append(time.monotonic_ns() // 1_000 - last_us(pulses))
        at_us = time.monotonic_ns() // 1_000 - min(ages)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        time.sleep(3)
        after_ms = max(0, last_us(pulses) - at_us) / 1_000
        print(f"{whom} ended by force ({len(victims)} process): last pulse {after_ms:.0f} ms after it")
        return [] if victims and after_ms <= PERIOD_MS + 400 else [f"{whom}: output went on for {after_ms:.0f} ms"]
    finally:
        for process in (front, simulator):
            if process is not None:
                process.kill()
                process.communicate()


def processes(words: str, home: str) -> list[int]:
    """Windows processes whose command line has these words and whose surroundings name this home."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            surroundings = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if words in line and "python.exe" in line and "unshare" not in line and (home in line or home in surroundings):
            found.append(int(entry.name))
    return found


def therapy(home: Path) -> bool:
    """The contraction of therapy is on."""
    for record in (home / "records" / "simulated").glob("*/record.jsonl"):
        lines = record.read_bytes().splitlines()
        began = [number for number, line in enumerate(lines) if b'"after":"RUNNING"' in line]
        if len(began) > 1 and sum(b'"kind":"command"' in line for line in lines[began[1] :]) > 3:
            return True
    return False


def wait(true: Callable[[], bool], seconds: float) -> bool:
    """Until it is so; False if it is not within this time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def tests(cache: Path, folders: list[str]) -> list[str]:
    """The tests of these folders; pytest's own last line stands in what is printed."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *(f"tests/{name}" for name in folders)]
    done = subprocess.run(words_of(cache, words, {}), stdin=subprocess.DEVNULL, check=False)
    return [] if done.returncode == 0 else [f"tests: exit {done.returncode}"]


def main() -> int:
    """0 for right or skipped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "estim-windows")
    parser.add_argument("--only", choices=("session", "kills", "tests"), action="append")
    parser.add_argument("--short", action="store_true", help="the session and the records' tests, as CI does")
    parser.add_argument("run", nargs=argparse.REMAINDER, help="run ARGUMENTS…: one program")
    given = parser.parse_args()
    try:
        prepare(given.cache)
    except Unable as error:
        print(f"windows: SKIPPED: {error}")
        return 0
    if given.run:
        return subprocess.run(words_of(given.cache, given.run[1:], {}), check=False).returncode
    parts = given.only or (["session", "tests"] if given.short else ["session", "kills", "tests"])
    folder, wrong = Path(tempfile.mkdtemp(prefix="estim-windows-homes-")), []
    try:
        if "session" in parts:
            say("a session")
            wrong += session(given.cache, folder / "session")
        for whom in ("front", "controller") if "kills" in parts else ():
            wrong += blow(given.cache, folder / whom, whom)
        if "tests" in parts:
            say("tests")
            wrong += tests(given.cache, SHORT_TESTS if given.short else TESTS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in wrong:
        print(f"windows: WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
