"""Whole sessions in real time between real processes, and what is left of them when one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estim.drivers.models import MODELS
from estim.records.verify import verify_session
from tests.support import SHORT, sample
from tests.system.conftest import PATIENCE_S, RunningSimulator, children, environment, wait_until
from tests.system.machine import EndedBefore, Timed, keeps
from tests.turns import of_this_turn

PERIOD_MS = 20  # pulses are read after they fell
Start = Callable[..., RunningSimulator]
_fronts: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def no_front_is_left() -> Iterator[None]:
    """One of a test that fails would go on beside the others, and its open pipes would fail whichever comes next."""
    yield
    while _fronts:
        with _fronts.pop() as front:
            front.kill()


def slow(tmp_path: Path) -> Path:
    """The sample at 20 Hz: a busy machine may be 25 ms late and still no pulse moves to another amplitude."""
    file = tmp_path / "slow.toml"
    file.write_text(sample("frequency_hz = 50", "frequency_hz = 20"), encoding="utf-8")
    return file


def estim(home: Path, *arguments: str, waits: str = "files") -> subprocess.Popen[bytes]:
    """A front and, through it, its controller.

    Args:
        waits: which implementation of `platform.waiting` both use; `threads` is what Windows has.
    """
    front = subprocess.Popen(
        [sys.executable, "-m", "estim", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment(home), "ESTIM_WAITING": waits},
    )
    _fronts.append(front)
    return front


@pytest.mark.parametrize(("link", "waits"), [("pty", "files"), ("tcp", "threads"), ("pty", "threads")])
def test_a_session_in_real_time_gives_what_the_rehearsal_gave(
    tmp_path: Path, simulator: Start, link: str, waits: str
) -> None:
    """Dose and electrode agree to the pulse in simulated time (tests/rehearsal). Here a machine that stands still for a
    part of a period lets a pulse have the amplitude of the one before: 0.3 % at a load of 20 on two cores, and between
    the dose's own bounds.
    """
    running = simulator("--pty", str(tmp_path / "p24")) if link == "pty" else simulator("--tcp", "0")
    words = ("run", str(slow(tmp_path)), "--patient", "p1", "--level", "quadriceps=3", "--device", running.device)
    front = estim(tmp_path, *words, "--json", waits=waits)
    out, err = front.communicate(timeout=PATIENCE_S)
    assert front.returncode == 0, err.decode()
    report = json.loads(out)
    assert report["outcome"] == "completed"
    assert report["contractions"] == 3
    assert report["record_verified"] is True
    rows, pulses = [*report["channels"], *report["titration"]], running.rows()
    measured = sum(int(row["phase1_pc"]) for row in pulses)
    asked = sum(row["charge_pc"] for row in rows)
    assert abs(asked - measured) <= asked / 100
    assert sum(row["charge_uc_least"] for row in rows) * 1e6 <= measured
    assert measured <= sum(row["charge_uc_most"] for row in rows) * 1e6
    assert sum(row["pulses_least"] for row in rows) <= len(pulses) <= sum(row["pulses_most"] for row in rows)


def start_long(
    tmp_path: Path, running: RunningSimulator, model: str = "p24", waits: str = "files"
) -> subprocess.Popen[bytes]:
    """A session whose contraction lasts, until it stimulates in therapy.

    Raises:
        EndedBefore: it ended by itself before that, with what it said.
    """
    tmp_path.mkdir(exist_ok=True)
    file = tmp_path / "long.toml"
    file.write_text(sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15"), encoding="utf-8")
    device = f"sim+{model}:{running.device}"
    words = ("run", str(file), "--patient", "p1", "--level", "quadriceps=2", "--device", device)
    front = estim(tmp_path, *words, waits=waits)
    wait_until(lambda: therapy_plays(tmp_path) or front.poll() is not None, what="therapy stimulates")
    if front.poll() is not None:
        raise EndedBefore(front.communicate()[1].decode())
    return front


def therapy_plays(home: Path) -> bool:
    records = list((home / "records" / "simulated").glob("*/record.jsonl"))
    if not records:
        return False
    lines = records[0].read_bytes().splitlines()
    running_since = [number for number, line in enumerate(lines) if b'"after":"RUNNING"' in line]
    if len(running_since) < 2:  # the first one is the titration
        return False
    return sum(b'"kind":"command"' in line for line in lines[running_since[1] :]) > 3


def record_of(home: Path) -> Path:
    (record,) = (home / "records" / "simulated").glob("*/record.jsonl")
    return record.parent


def test_ctrl_c_while_levels_are_found_begins_no_therapy(tmp_path: Path, simulator: Start) -> None:
    running = simulator("--tcp", "0")
    front = estim(tmp_path, "run", str(SHORT), "--patient", "p1", "--level", "quadriceps=9", "--device", running.device)
    wait_until(lambda: bool(running.rows()), what="levels are being found")
    front.send_signal(signal.SIGINT)
    front.communicate(timeout=PATIENCE_S)
    data = (record_of(tmp_path) / "record.jsonl").read_bytes()
    assert verify_session(record_of(tmp_path)).ok
    assert b'"purpose":"therapy"' not in data


# Of the other models one a day: a device without a word for its state is waited for, a minute each.
OTHERS = of_this_turn([model for model in MODELS if model != "p24"], len(MODELS) - 1)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("model", "waits"), [("p24", "files"), ("p24", "threads"), *((model, "files") for model in OTHERS)]
)
def test_the_controller_is_killed_while_it_stimulates(tmp_path: Path, simulator: Start, model: str, waits: str) -> None:
    def one(number: int) -> Timed:
        home = tmp_path / str(number)
        running = simulator("--tcp", "0", model=model)
        front = start_long(home, running, model, waits)
        (controller,) = [pid for pid, command in children(front.pid) if "estim.controller" in command]
        at_kill, since_s = running.last_us(), time.monotonic()
        os.kill(controller, signal.SIGKILL)
        _, err = front.communicate(timeout=PATIENCE_S)
        assert front.returncode == 3, err.decode()
        verdict = verify_session(record_of(home))
        assert verdict.ok
        assert verdict.ending == "take-over"
        lines = [json.loads(line) for line in (record_of(home) / "record.1.jsonl").read_bytes().splitlines()]
        (dose,) = [line["fields"] for line in lines if line["kind"] == "dose"]
        assert dose["basis"] == "commands"
        assert dose["channels"][0]["pulses"] > 0
        return Timed((running.last_us() - at_kill) / 1_000, since_s)

    keeps(100 + PERIOD_MS, one)


@pytest.mark.hazard("H01", "H41")
@pytest.mark.parametrize("waits", ["files", "threads"])
def test_the_front_is_killed_while_it_stimulates(tmp_path: Path, simulator: Start, waits: str) -> None:
    def one(number: int) -> Timed:
        home = tmp_path / str(number)
        running = simulator("--tcp", "0")
        front = start_long(home, running, waits=waits)
        at_kill, since_s = running.last_us(), time.monotonic()
        front.kill()
        front.communicate()
        folder = record_of(home)
        wait_until(lambda: verify_session(folder).sealed, what="the controller closes the record")
        verdict = verify_session(folder)
        assert verdict.ok
        assert verdict.ending == "complete"
        assert verdict.outcome == "stopped"
        assert b'"console-gone"' in (folder / "record.jsonl").read_bytes()
        return Timed((running.last_us() - at_kill) / 1_000, since_s)

    keeps(100 + PERIOD_MS, one)


@pytest.mark.hazard("H03", "H28")
def test_the_controller_hangs_while_it_stimulates(tmp_path: Path, simulator: Start) -> None:
    def one(number: int) -> Timed:
        home = tmp_path / str(number)
        running = simulator("--tcp", "0")
        front = start_long(home, running)
        (controller,) = [pid for pid, command in children(front.pid) if "estim.controller" in command]
        at_stop, since_s = running.last_us(), time.monotonic()
        os.kill(controller, signal.SIGSTOP)
        front.communicate(timeout=PATIENCE_S)
        assert front.returncode == 3
        assert verify_session(record_of(home)).ending == "take-over"
        return Timed((running.last_us() - at_stop) / 1_000, since_s)

    keeps(600 + PERIOD_MS, one)  # 500 ms of silence, and the take-over


@pytest.mark.parametrize(
    ("number", "waits"),
    [(signal.SIGINT, "files"), (signal.SIGINT, "threads"), (signal.SIGTERM, "threads"), (signal.SIGHUP, "files")],
)
def test_ctrl_c_a_kill_and_a_closed_terminal_stop(tmp_path: Path, simulator: Start, number: int, waits: str) -> None:
    def one(attempt: int) -> Timed:
        home = tmp_path / str(attempt)
        running = simulator("--tcp", "0")
        front = start_long(home, running, waits=waits)
        at_stop, since_s = running.last_us(), time.monotonic()
        front.send_signal(number)
        front.communicate(timeout=PATIENCE_S)
        assert verify_session(record_of(home)).ok
        return Timed((running.last_us() - at_stop) / 1_000, since_s)

    keeps(100 + PERIOD_MS, one)


@pytest.mark.hazard("H22")
def test_a_real_device_wants_its_pads_named(tmp_path: Path, simulator: Start) -> None:
    running = simulator("--tcp", "0", "--set", "device_id=P240012345")
    front = estim(tmp_path, "run", str(SHORT), "--patient", "p1", "--level", "quadriceps=3", "--device", running.device)
    _, err = front.communicate(timeout=PATIENCE_S)
    assert front.returncode == 1
    assert b"pad" in err
    assert b"area" in err
    assert running.rows() == []


@pytest.mark.hazard("H43")
def test_yes_is_refused_on_a_real_device(tmp_path: Path, simulator: Start) -> None:
    running = simulator("--tcp", "0", "--set", "device_id=P240012345")
    front = estim(
        tmp_path,
        "run",
        str(SHORT),
        "--patient",
        "p1",
        "--pad",
        "quadriceps=7.6x12.7",
        "--yes",
        "--device",
        running.device,
    )
    _, err = front.communicate(timeout=PATIENCE_S)
    assert front.returncode == 1
    assert b"--yes" in err


def test_a_port_that_does_not_exist_is_a_device_failure(tmp_path: Path) -> None:
    front = estim(tmp_path, "run", str(SHORT), "--patient", "p1", "--device", str(tmp_path / "nothing"))
    _, err = front.communicate(timeout=PATIENCE_S)
    assert front.returncode == 3
    assert b"nothing" in err


def test_the_simulator_ends_with_its_parent(tmp_path: Path) -> None:
    front = estim(tmp_path, "run", str(SHORT), "--patient", "p1", "--level", "quadriceps=3")
    wait_until(lambda: any("firmware_sim" in c for _, c in children(front.pid)), what="simulator runs")
    (pid,) = [pid for pid, command in children(front.pid) if "firmware_sim" in command]
    time.sleep(0.5)
    front.kill()
    front.communicate()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in _state(pid), what="it ends")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def test_help_is_light() -> None:
    code = "import sys, estim.cli\nprint([m for m in ('numpy', 'pydantic', 'textual', 'serial') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
