"""The console's terminal goes away, or a signal comes: output off, record closed, process gone, whatever is stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estim.records.verify import verify_session
from tests.system import therapist
from tests.system.conftest import PATIENCE_S, RunningSimulator, children, environment, wait_until
from tests.system.terminal import Tty

Start = Callable[..., RunningSimulator]


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Callable[..., Tty]]:
    """Consoles that end with their test."""
    opened: list[Tty] = []

    def start(device: str, *, controlling: bool = True) -> Tty:
        therapist.own_protocol(tmp_path)
        opened.append(Tty("console", "--device", device, home=tmp_path, controlling=controlling))
        return opened[-1]

    yield start
    for tty in opened:
        tty.end()


def record_of(home: Path) -> Path:
    (record,) = (home / "records" / "simulated").glob("2*/record.jsonl")
    return record.parent


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ends(tty: Tty, *, seconds: float = 45.0) -> None:
    wait_until(lambda: tty.process.poll() is not None, seconds=seconds, what="the console ends")


@pytest.mark.parametrize("controlling", [True, False], ids=["controlling", "not-controlling"])
def test_the_terminal_goes_away_while_nothing_runs(
    console: Callable[..., Tty], simulator: Start, controlling: bool
) -> None:
    tty = console("sim+p24:" + simulator("--tcp", "0").device, controlling=controlling)
    tty.sees("IDLE")
    used, processes = cpu_s(tty.process.pid), children(tty.process.pid)
    assert processes
    tty.close()
    ends(tty)
    assert tty.process.returncode == 0
    assert used < 10.0
    for pid, _ in processes:
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), what="its processes end")  # type: ignore[misc]


@pytest.mark.parametrize("controlling", [True, False], ids=["controlling", "not-controlling"])
def test_the_terminal_goes_away_while_it_stimulates(
    tmp_path: Path, console: Callable[..., Tty], simulator: Start, controlling: bool
) -> None:
    running = simulator("--tcp", "0")
    tty = console("sim+p24:" + running.device, controlling=controlling)
    therapist.to_therapy(tty)
    at_close = running.last_us()
    began = time.monotonic()
    tty.close()
    ends(tty)
    assert time.monotonic() - began < 10.0
    # The terminal is looked at every 100 ms; two turns, one period and a busy machine's share come on top.
    assert running.last_us() - at_close <= 400_000
    verdict = verify_session(record_of(tmp_path))
    assert verdict.ok
    assert verdict.ending == "complete"
    assert verdict.outcome == "stopped"


def test_sigterm_stops_and_ends_it_with_the_terminal_restored(
    tmp_path: Path, console: Callable[..., Tty], simulator: Start
) -> None:
    running = simulator("--tcp", "0")
    tty = console("sim+p24:" + running.device)
    therapist.to_therapy(tty)
    at_signal = running.last_us()
    tty.process.send_signal(signal.SIGTERM)
    tty.wait(lambda: tty.process.poll() is not None, what="the console ends")
    assert tty.process.returncode == 0
    assert running.last_us() - at_signal <= 400_000
    assert verify_session(record_of(tmp_path)).outcome == "stopped"


def test_the_console_refuses_to_run_without_a_terminal(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "estim", "console"],
        stdin=subprocess.DEVNULL, capture_output=True, env=environment(tmp_path), timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr
    assert not (tmp_path / "logs").exists(), "no controller and no simulator were started for it"


@pytest.mark.hazard("H41")
def test_a_terminal_that_answers_no_more_stops(tmp_path: Path, console: Callable[..., Tty], simulator: Start) -> None:
    """Asked every half second while output may be on; it answered at the start, and 1 s of silence is a front gone."""
    running = simulator("--tcp", "0")
    tty = console("sim+p24:" + running.device)
    tty.answers = True
    therapist.to_therapy(tty)
    began = running.last_us()
    tty.look(2.5)
    assert running.last_us() - began > 1_500_000, "an answering terminal stops nothing"
    tty.answers = False  # and goes on taking what is drawn, as behind a dead line
    at_us = running.last_us()
    tty.look(4.0)
    assert running.last_us() - at_us <= 1_700_000 + 400_000
    assert tty.process.poll() is None
    tty.process.send_signal(signal.SIGTERM)
    tty.wait(lambda: tty.process.poll() is not None, what="the console ends")
    assert verify_session(record_of(tmp_path)).ok


def test_a_terminal_that_takes_nothing_holds_up_neither_stop_nor_end(
    tmp_path: Path, console: Callable[..., Tty], simulator: Start
) -> None:
    running = simulator("--tcp", "0")
    tty = console("sim+p24:" + running.device)
    therapist.to_therapy(tty)
    time.sleep(2.0)  # nobody reads what it draws: its queue fills, its UI loop may stand
    at_key = running.last_us()
    os.write(tty.master, b" ")
    wait_until(
        lambda: b'"confirmed-off"' in (record_of(tmp_path) / "record.jsonl").read_bytes().split(b'"stop"')[-1],
        what="the device says off",
    )
    assert running.last_us() - at_key <= 200_000
    tty.process.send_signal(signal.SIGTERM)
    ends(tty, seconds=90)  # off is confirmed long before; leaving may take its time where nobody reads
    assert verify_session(record_of(tmp_path)).ok
