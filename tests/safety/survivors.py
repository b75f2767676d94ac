"""Mutants of the kernel that no test noticed, and whether `survivors.md` beside this says why (`make mutants`).

Exit code 1 if one of them is not explained.
"""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

REASONS = Path(__file__).with_name("survivors.md")
UNNOTICED = ("survived", "no tests", "suspicious")


def results() -> list[tuple[str, str]]:
    """Every mutant that mutmut did not see killed: its name and its fate."""
    said = subprocess.run(
        [sys.executable, "-m", "mutmut", "results"], capture_output=True, text=True, check=True
    ).stdout
    return [(name, fate.strip()) for name, fate in re.findall(r"^\s*(\S+): (.+)$", said, flags=re.MULTILINE)]


def explained() -> list[str]:
    """The patterns of names in the first column of the table."""
    rows = REASONS.read_text(encoding="utf-8").splitlines() if REASONS.exists() else []
    return [row.split("|")[1].strip(" `") for row in rows if row.startswith("| `")]


def main() -> int:
    """Counts, then the names that want a test or a reason."""
    found, patterns = results(), explained()
    for fate, count in Counter(fate for _, fate in found).items():
        sys.stdout.write(f"{count:5} {fate}\n")
    open_names = [
        name
        for name, fate in found
        if fate in UNNOTICED and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
    ]
    for name in open_names:
        sys.stdout.write(f"{name}\n")
    sys.stdout.write(f"{len(open_names)} of these want a test or a reason in {REASONS.name}\n")
    return 1 if open_names else 0


if __name__ == "__main__":
    raise SystemExit(main())
