"""Mutants of the kernel that no test noticed, and whether `survivors.md` beside this says why (`make mutants`).

A row explains a mutant by its function and by the very line that it puts in, so that a row never covers another mutant
that came to the same number. Exit code 1 if a mutant is not explained, or was not checked.
"""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

REASONS = Path(__file__).with_name("survivors.md")
UNNOTICED = ("survived", "no tests", "suspicious")


def mutmut(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "mutmut", *words], capture_output=True, text=True, check=True)
    return done.stdout


def results() -> list[tuple[str, str]]:
    """Every mutant that mutmut did not see killed: its name and its fate."""
    return [
        (name, fate.strip()) for name, fate in re.findall(r"^\s*(\S+): (.+)$", mutmut("results"), flags=re.MULTILINE)
    ]


def put_in(name: str) -> str:
    """The first line that a mutant puts in."""
    added = re.findall(r"^\+(?!\+\+)(.*)$", mutmut("show", name), flags=re.MULTILINE)
    return added[0].strip() if added else ""


def explained(text: str) -> list[tuple[str, str]]:
    """Pattern of names and line put in, of each row of the table."""
    return re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| .+ \|$", text, flags=re.MULTILINE)


def unexplained(
    found: list[tuple[str, str]], rows: list[tuple[str, str]], line_of: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Mutants that want a test or a reason, each with its line."""
    lines = [(name, line_of(name)) for name, fate in found if fate in UNNOTICED]
    return [
        (name, line)
        for name, line in lines
        if not any(fnmatch.fnmatch(name, pattern) and line == meant for pattern, meant in rows)
    ]


def main() -> int:
    """Counts, then the mutants that want a test or a reason."""
    found, rows = results(), explained(REASONS.read_text(encoding="utf-8"))
    for fate, count in Counter(fate for _, fate in found).items():
        sys.stdout.write(f"{count:5} {fate}\n")
    wanting = unexplained(found, rows, put_in)
    for name, line in wanting:
        sys.stdout.write(f"{name}: {line}\n")
    sys.stdout.write(f"{len(wanting)} of these want a test or a reason in {REASONS.name}\n")
    unfinished = any(fate == "not checked" for _, fate in found)
    if unfinished:
        sys.stdout.write("mutmut did not come to its end: this says nothing of what it did not check\n")
    return 1 if wanting or unfinished else 0


if __name__ == "__main__":
    raise SystemExit(main())
