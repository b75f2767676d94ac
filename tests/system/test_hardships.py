"""What goes on under hardship when nothing is wrong, and what is said when something is; `make hardships` does more."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from estim.controller.client import ControllerClient
from estim.controller.interface import Answer
from estim.drivers.address import Address
from estim.records.verify import verify_session
from estim.session.events import Sign, SignIn
from tests.system.conftest import PATIENCE_S, RunningSimulator, wait_until
from tests.system.hardships import FREEZER, Disk, session, stall, unkillable, writer_of
from tests.system.running import Session, begin, end, until_pulsing

TOLD_S = 1.5
ENDED_S = 8.0
BUSY_S = 1.0  # what a busy machine adds


def test_a_slow_disk_and_a_front_that_is_held_up_end_no_session(tmp_path: Path) -> None:
    seen = session(tmp_path / "s", 1, disk_s=0.4, stalled=True)
    said = (tmp_path / "s" / "said").read_text()
    assert (seen["code"], seen["outcome"], seen["record_verified"]) == (0, "completed", True), said


def test_signing_in_and_signing_take_as_long_as_the_disk_needs(
    tmp_path: Path, simulator: Callable[..., RunningSimulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync takes 2 s in the controller; pictures go on, a stop is answered, and nobody is taken for lost."""
    disk = Disk(tmp_path)
    for name, value in disk.surroundings.items():
        monkeypatch.setenv(name, value)
    client = ControllerClient(Address("p24", simulator().device, simulated=True), tmp_path / "home")
    try:
        wait_until(lambda: client.snapshot is not None and client.snapshot.phase.value == "READY", what="")
        disk.takes(2.0)
        for request in (
            SignIn(id=client.next_id(), operator="PT1", patient_id="P-1"),
            Sign(id=client.next_id(), operator="PT1"),
        ):
            client.send(request)
            answers, worst_s, stop_s = watch(client, request.id)
            assert [answer.accepted for answer in answers if answer.id == request.id] == [True]
            assert worst_s < 0.3 + BUSY_S
            assert stop_s < 0.3 + BUSY_S
        assert client.takeover is None
        assert client.snapshot is not None
        assert client.snapshot.word_head
        assert verify_session(Path(client.snapshot.record_path)).ok
    finally:
        disk.takes(0.0)
        client.close()


def watch(client: ControllerClient, wanted: int) -> tuple[list[Answer], float, float]:
    """Until `wanted` is answered: the answers, the longest gap between pictures, and how long a stop's answer took."""
    began = changed = time.monotonic()
    worst_s = stop_s = 0.0
    seen, stop, answers = client.snapshot, 0, list[Answer]()
    while not any(answer.id == wanted for answer in answers) or not stop_s:
        now = time.monotonic()
        assert now - began < 60
        client.heartbeat()
        if not stop and now - began > 1.0:
            stop, asked = client.stop("line"), now
        answers += client.poll()
        if stop and not stop_s and any(answer.id == stop for answer in answers):
            stop_s = now - asked
        if client.snapshot is not seen:
            seen, changed = client.snapshot, now
        worst_s = max(worst_s, now - changed)
        time.sleep(0.005)
    return answers, worst_s, stop_s


def said_by(front_out: bytearray, word: str) -> bool:
    return word.encode() in front_out


def hear(one: Session, heard: bytearray) -> bytearray:
    assert one.front.stdout is not None
    os.set_blocking(one.front.stdout.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        heard += os.read(one.front.stdout.fileno(), 65_536)
    return heard


@pytest.mark.parametrize("how", ["controller stands, disk frozen", "controller stands, the front leaves"])
def test_a_controller_that_stands_is_told_and_ended(tmp_path: Path, how: str) -> None:
    disk = Disk(tmp_path)
    one = begin(tmp_path / "home", env=disk.surroundings)
    heard = bytearray()
    try:
        until_pulsing(one, one.pulses.fresh)
        hear(one, heard)
        heard.clear()
        at_us, began = one.pulses.now_us(), time.monotonic()
        os.kill(one.controller, signal.SIGSTOP)
        if "frozen" in how:
            disk.takes(20.0)
        else:
            os.kill(one.front.pid, signal.SIGTERM)
        wait_until(lambda: said_by(hear(one, heard), "controller was lost"), what="it is told")
        assert time.monotonic() - began < TOLD_S + BUSY_S
        one.front.wait(PATIENCE_S)
        assert time.monotonic() - began < ENDED_S + BUSY_S
        assert one.front.returncode == 3  # the device itself says that it is idle
        assert one.pulses.last_us() - at_us < (0.51 + BUSY_S) * 1e6
    finally:
        end(one)


@pytest.mark.hazard("H01", "H34")
@pytest.mark.skipif(not os.access(FREEZER, os.W_OK), reason="needs the freezer of control groups, version 1, as root")
def test_a_disk_that_holds_a_thread_of_a_dead_controller_delays_no_stop(tmp_path: Path) -> None:
    """Found in a suite run: 549 ms, since a process lets go of its pipe and port only when its last thread ends."""
    one = begin(tmp_path / "home")
    try:
        until_pulsing(one, one.pulses.fresh)
        controller = one.controller
        with unkillable(writer_of(controller)):
            at_us = one.pulses.now_us()
            os.kill(controller, signal.SIGKILL)
            one.front.wait(PATIENCE_S)
            assert Path(f"/proc/{controller}").exists(), "it can't be waited for"
            assert one.pulses.last_us() - at_us < (0.1 + BUSY_S) * 1e6
        assert one.front.returncode == 3
        (folder,) = one.records()
        assert verify_session(folder).ending == "take-over"
    finally:
        end(one)


def test_a_device_that_hangs_leaves_the_output_uncertain_and_says_so(tmp_path: Path) -> None:
    one = begin(tmp_path / "home")
    heard = bytearray()
    try:
        until_pulsing(one, one.pulses.fresh)
        hear(one, heard)
        heard.clear()
        began = time.monotonic()
        os.kill(one.simulator.pid, signal.SIGSTOP)
        wait_until(lambda: said_by(hear(one, heard), "UNCERTAIN"), what="it is told")
        assert time.monotonic() - began < TOLD_S + BUSY_S
        assert b"cable" in heard.lower()
        wait_until(lambda: one.front.poll() is not None, what="the front ends")
        assert one.front.returncode == 4
        (folder,) = one.records()
        ends = [
            json.loads(line) for line in (folder / "record.jsonl").read_bytes().splitlines() if b'"kind":"end"' in line
        ]
        assert [line["fields"]["outcome"] for line in ends] == ["uncertain"]
    finally:
        os.kill(one.simulator.pid, signal.SIGCONT)
        end(one)


@pytest.mark.parametrize("seed", range(2))
def test_a_controller_held_up_while_it_works_stops_and_says_so(tmp_path: Path, seed: int) -> None:
    one = begin(tmp_path / "home")
    try:
        until_pulsing(one, one.pulses.fresh)
        time.sleep(0.1 * seed)
        stall(one.controller, 0.4, working=True)
        one.front.wait(PATIENCE_S)
        (folder,) = one.records()
        assert b'"cause":"clock-jumped"' in (folder / "record.jsonl").read_bytes()
        assert one.front.returncode == 3
        assert verify_session(folder).ok
    finally:
        end(one)
