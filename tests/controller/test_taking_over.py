"""A take-over with everything against it: what it says, when, and that it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estim.controller import takeover
from estim.controller.interface import Takeover
from estim.controller.takeover import TakingOver, awake_until
from estim.drivers.address import Address, link_opener
from estim.drivers.link import ByteLink
from estim.records.chain import Chain
from estim.records.keys import station_signer
from estim.records.verify import read_record
from estim.records.writer import RecordWriter
from estim.session.snapshot import Snapshot
from tests.console.pictured import snapshot

ENDED_S = 8.0
NOWHERE = Address("p24", "socket://127.0.0.1:1", simulated=True)

OPENER = link_opener(NOWHERE)


class Undead:
    """A process that waits inside the kernel for a disk that is gone: a kill changes nothing."""

    pid = os.getpid()  # the system calls it alive

    def __init__(self) -> None:
        self.killed = threading.Event()

    def kill(self) -> None:
        self.killed.set()

    def poll(self) -> int | None:
        return None


def take_over(
    child: Any, home: Path, opener: Callable[[], ByteLink] = OPENER, *, last: Snapshot | None = None
) -> list[tuple[float, Takeover]]:
    told: list[tuple[float, Takeover]] = []
    began = time.monotonic()
    one = TakingOver(
        child,
        NOWHERE,
        opener,
        home,
        last,
        cause="silent",
        silent_since=began,
        say=lambda taken: told.append((time.monotonic() - began, taken)),
    )
    one.run()
    told.append((time.monotonic() - began, told[-1][1]))
    return told


def test_a_process_that_cannot_be_killed_delays_nothing(tmp_path: Path) -> None:
    child = Undead()
    told = take_over(child, tmp_path)
    assert child.killed.is_set()
    at, first = told[0]
    assert at < 0.5
    assert first.output == "UNCERTAIN"
    assert "USB cable" in first.text
    assert not first.settled
    at, last = told[-1]
    assert at < ENDED_S
    assert last.settled
    assert (last.output, last.outcome) == ("UNCERTAIN", "uncertain")


def test_a_port_that_nobody_answers_on_is_uncertain(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    at, last = take_over(child, tmp_path)[-1]
    assert at < ENDED_S
    assert last.outcome == "uncertain"


def test_a_line_that_cannot_be_right_leaves_no_record_without_its_end(tmp_path: Path) -> None:
    """A command whose period is 0, as none that this program writes: its dose can't be told, its end can."""
    folder = tmp_path / "records" / "simulated" / "20261130T000000Z-p1"
    writer = RecordWriter(folder, Chain(simulated=True), station_signer(tmp_path))
    row = {"channel": 1, "amplitude_ua": 3_000, "pulse_width_us": 250, "interphase_us": 100, "period_us": 0}
    writer.append("setup", {"purpose": "titration"}, 0)
    writer.append("command", {"command": 1, "channels": [row], "sent_us": 10, "ack_us": 1}, 10)
    writer.break_off()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    take_over(child, tmp_path, last=snapshot(record_path=str(folder)))
    kinds = [entry.kind for entry in read_record(folder).entries]
    assert kinds[-3:] == ["take-over", "end", "seal"]


def test_a_disk_that_stands_keeps_nobody_from_being_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = threading.Event()
    monkeypatch.setattr(TakingOver, "_write_down", lambda *_: stands.wait(60))
    monkeypatch.setattr(takeover, "_says_idle", lambda *_: True)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    told = take_over(child, tmp_path, Silent)
    stands.set()
    assert [(taken.output, taken.settled) for _, taken in told[:3]] == [
        ("UNCERTAIN", False),
        ("OFF", False),
        ("OFF", True),
    ]
    assert told[1][0] < 1.5
    assert told[-1][0] < ENDED_S


class Silent:
    def write(self, data: bytes) -> None:
        """Takes it."""

    def read(self) -> bytes:
        return b""

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        """Nothing to give back."""


def test_a_front_that_was_stopped_in_the_middle_waits_as_long_as_before() -> None:
    """Frozen for a minute while the record is written: what was left of the wait is still there."""
    now_s, looks = 0.0, 0

    def wait(seconds: float) -> None:
        nonlocal now_s, looks
        looks += 1
        now_s += 60.0 if looks == 3 else seconds

    assert awake_until(lambda: looks >= 20, 3.0, wait=wait, clock=lambda: now_s)
    assert looks == 20
    looks, began_s = 3, now_s
    assert not awake_until(lambda: False, 3.0, wait=wait, clock=lambda: now_s)
    assert now_s - began_s == pytest.approx(3.0)
