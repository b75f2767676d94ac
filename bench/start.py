"""Processor time of commands from start to end, in units of a bare interpreter of the same run.

python bench/start.py      Markdown table
"""

from __future__ import annotations

import resource
import subprocess
import sys

COMMANDS = (["--help"], ["protocols", "list"], ["limits"], ["protocols", "show", "knee-replacement-quadriceps-early"])
TIMES = 5


def cpu_s(command: list[str]) -> float:
    """The least of several runs, user and system."""
    least = float("inf")
    for _ in range(TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def main() -> None:
    """Print the table."""
    bare = cpu_s([sys.executable, "-c", "pass"])
    print("| Command | CPU ms | times bare Python |\n|---|---|---|")
    for words in COMMANDS:
        took = cpu_s([sys.executable, "-m", "estim", *words])
        print(f"| estim {' '.join(words)} | {took * 1e3:.0f} | {took / bare:.1f} |")


if __name__ == "__main__":
    main()
