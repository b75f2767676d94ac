"""`make windows`: Windows' Python is prepared; then a whole session, blows to its processes, and the tests.

    python -m tools.windows [--cache DIR] [--only session|kills|console|tests] [--seconds N [--seed N]]
    python -m tools.windows [--cache DIR] run ARGUMENTS…      any program, such as `run -m estim doctor`

With --seconds, as CI does: all within this time; the session and the blows first, then as many files of tests, in an
order that the seed gives, as there is time for; without the console, and without the folders that were not seen whole.
Exit 0 also where this machine can't (no root, no Debian, no registries, no time): it says SKIPPED and why.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.lock import ROOT
from tools.windows.blows import BOUND_MS, NoTime, blow, session
from tools.windows.prepare import Unable, prepare, say
from tools.windows.run import words_of
from tools.windows.screen import console

# Pure and records: what a Windows kernel, its file locks, its line ends and its encodings can change. Real-time system
# tests are POSIX's (pty, signals); their like are the session and the blows here.
TESTS = ["records", "protocols", "drivers", "firmware", "body", "safety/test_limits.py", "platform", "session"]
# Those with no failure that nobody looked into. Of records and protocols, 1,400 tests, five failed on 28 November 2026.
SEEN = [name for name in TESTS if name not in {"records", "protocols"}]
BOTH_S = 110.0  # the session and the blows, on a machine that has nothing else to do


def tests(cache: Path, names: list[str], seconds: float | None) -> list[str]:
    """The tests of these files and folders; pytest's own last line stands in what is printed."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *(f"tests/{name}" for name in names)]
    with subprocess.Popen(words_of(cache, words, {}), stdin=subprocess.DEVNULL) as process:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"windows: SKIPPED: the rest of the tests; there were {seconds:.0f} s for them", flush=True)
            return []
    return [] if code == 0 else [f"tests: exit {code}"]


def shuffled(seed: int) -> list[str]:
    """Every file of SEEN, in the order of this seed."""
    files = []
    for name in SEEN:
        place = ROOT / "tests" / name
        files += [place] if place.is_file() else sorted(place.rglob("test_*.py"))
    random.Random(seed).shuffle(files)  # noqa: S311 - an order, no secret
    return [file.relative_to(ROOT / "tests").as_posix() for file in files]


def main() -> int:
    """0 for right or skipped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "estim-windows")
    parser.add_argument("--only", choices=("session", "kills", "console", "tests"), action="append")
    parser.add_argument("--seconds", type=float, help="no longer than this")
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86_400, help="default: the day")
    parser.add_argument("run", nargs=argparse.REMAINDER, help="run ARGUMENTS…: one program")
    given = parser.parse_args()
    until = None if given.seconds is None else time.monotonic() + given.seconds
    try:
        prepare(given.cache, None if given.seconds is None else given.seconds - BOTH_S)
    except Unable as error:
        print(f"windows: SKIPPED: {error}")
        return 0
    if given.run:
        return subprocess.run(words_of(given.cache, given.run[1:], {}), check=False).returncode
    wrong = parts(given, until)
    for line in wrong:
        print(f"windows: WRONG: {line}")
    return 1 if wrong else 0


def parts(given: argparse.Namespace, until: float | None) -> list[str]:
    """One after the other; what is wrong."""
    wanted = given.only or ["session", "kills", *(["console"] if until is None else []), "tests"]
    folder, wrong = Path(tempfile.mkdtemp(prefix="estim-windows-homes-")), []
    try:
        if "session" in wanted:
            say("a session")
            wrong += session(given.cache, folder / "session", until)
        for whom in BOUND_MS if "kills" in wanted else ():
            wrong += blow(given.cache, folder / whom, whom, until)
        if "console" in wanted:
            say(f"a console; its screens are written into {given.cache / 'screens'}")
            wrong += console(given.cache, folder / "console", given.cache / "screens")
        if "tests" not in wanted:
            return wrong
        if until is None:
            say("tests")
            return wrong + tests(given.cache, TESTS, None)
        left_s = max(0.0, until - time.monotonic())
        say(f"tests in the order of --seed {given.seed}, for {left_s:.0f} s")
        return wrong + tests(given.cache, shuffled(given.seed), left_s)
    except NoTime:
        print("windows: SKIPPED: the rest; there was no more time for it", flush=True)
        return wrong
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
