"""Real processes on loopback: simulators that end with their test."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# For what is no bound of its own: that a process starts, ends, or writes its last line. On a quiet machine it takes a
# second; with five workers on two busy cores some of it took more than thirty.
PATIENCE_S = 120.0


@dataclass(slots=True)
class RunningSimulator:
    """A simulator process and where it writes its pulses."""

    process: subprocess.Popen[bytes]
    device: str
    pulses: Path

    def rows(self) -> list[dict[str, str]]:
        """Pulses so far; a row that is just being written is left out."""
        if not self.pulses.exists():
            return []
        return [row for row in csv.DictReader(self.pulses.read_text().splitlines()) if row.get("purpose") is not None]

    def last_us(self) -> int:
        """Time of the last pulse on the device's clock, -1 for none."""
        rows = self.rows()
        return int(rows[-1]["t_us"]) if rows else -1


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Callable[..., RunningSimulator]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str, model: str = "p24") -> RunningSimulator:
        pulses = tmp_path / f"pulses-{len(running)}.csv"
        process = subprocess.Popen(
            [sys.executable, "-m", "firmware_sim", model, "--pulses", str(pulses), *options],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        running.append(process)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        return RunningSimulator(process, said["device"], pulses)

    yield start
    for process in running:
        process.terminate()
        process.wait(PATIENCE_S)
        assert process.stdout is not None
        process.stdout.close()


def wait_until(true: Callable[[], bool], *, what: str, seconds: float = PATIENCE_S) -> None:
    """Poll for something that another process does. `seconds` is said where it is the bound that a test is about."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def children(pid: int) -> list[tuple[int, str]]:
    """Processes that `pid` started: (pid, command line)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == pid:
            found.append((int(entry.name), command))
    return found


def environment(home: Path) -> dict[str, str]:
    """An environment with its own home."""
    return {**os.environ, "ESTIM_HOME": str(home), "HOME": str(home)}
