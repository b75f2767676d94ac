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
from tests.system.hardships import FREEZER, Disk, held_up, session, thread_with, unkillable
from tests.system.machine import TRIES, Timed, keeps
from tests.system.running import Session, begin, end, until_pulsing

TOLD_S = 1.5
ENDED_S = 8.0
LAST_S = 0.51
PICTURES_MS = 300  # of silence between two pictures, and until a stop is answered


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

    def one(number: int) -> Timed:
        return signs_in_and_signs(disk, simulator().device, tmp_path / str(number))

    keeps(PICTURES_MS, one)


def signs_in_and_signs(disk: Disk, device: str, home: Path) -> Timed:
    """The longest silence of the controller, or wait for a stop's answer."""
    client = ControllerClient(Address("p24", device, simulated=True), home)
    longest = Timed(0.0, time.monotonic())
    try:
        wait_until(lambda: client.snapshot is not None and client.snapshot.phase.value == "READY", what="")
        disk.takes(2.0)
        for request in (
            SignIn(id=client.next_id(), operator="PT1", patient_id="P-1"),
            Sign(id=client.next_id(), operator="PT1"),
        ):
            client.send(request)
            answers, waits = watch(client, request.id)
            assert [answer.accepted for answer in answers if answer.id == request.id] == [True]
            longest = max(longest, *waits, key=lambda wait: wait.after_ms)
        assert client.takeover is None
        assert client.snapshot is not None
        assert client.snapshot.word_head
        assert verify_session(Path(client.snapshot.record_path)).ok
        return longest
    finally:
        disk.takes(0.0)
        client.close()


def watch(client: ControllerClient, wanted: int) -> tuple[list[Answer], list[Timed]]:
    """Until `wanted` is answered: the answers, the gaps between pictures, and how long a stop's answer took."""
    began = changed = asked = time.monotonic()
    seen, stop, answered, answers, waits = client.snapshot, 0, False, list[Answer](), list[Timed]()
    while not any(answer.id == wanted for answer in answers) or not answered:
        now = time.monotonic()
        assert now - began < 60
        client.heartbeat()
        if not stop and now - began > 1.0:
            stop, asked = client.stop("line"), now
        answers += client.poll()
        if stop and not answered and any(answer.id == stop for answer in answers):
            answered = True
            waits.append(Timed((now - asked) * 1_000, asked))
        if client.snapshot is not seen:
            waits.append(Timed((now - changed) * 1_000, changed))
            seen, changed = client.snapshot, now
        time.sleep(0.005)
    return answers, waits


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
    keeps(0, lambda number: stands(tmp_path / str(number), how))


def stands(folder: Path, how: str) -> Timed:
    """By how much the latest of three came after its bound: what is told, the last pulse, the end."""
    folder.mkdir()
    disk = Disk(folder)
    one = begin(folder / "home", env=disk.surroundings)
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
        told_s = time.monotonic() - began
        one.front.wait(PATIENCE_S)
        ended_s = time.monotonic() - began
        assert one.front.returncode == 3  # the device itself says that it is idle
        last_s = (one.pulses.last_us() - at_us) / 1e6
        over_s = max(told_s - TOLD_S, ended_s - ENDED_S, last_s - LAST_S)
        return Timed(over_s * 1_000, began, began + ended_s)
    finally:
        end(one)


@pytest.mark.hazard("H01", "H34")
@pytest.mark.skipif(not os.access(FREEZER, os.W_OK), reason="needs the freezer of control groups, version 1, as root")
@pytest.mark.parametrize("ending", ["record.jsonl", ".lock"], ids=["which writes", "which reads up and signs"])
def test_a_disk_that_holds_a_thread_of_a_dead_controller_delays_no_stop(tmp_path: Path, ending: str) -> None:
    """Found in a suite run: 549 ms, since a process lets go of its pipe and port only when its last thread ends.

    The thread that reads up (it holds the patient's place) ended one of 20 controllers that were frozen while signing
    with exit code 4: the port came free only after all that a front waits for.
    """
    keeps(100, lambda number: killed_in_a_disk(tmp_path / str(number), ending))


def killed_in_a_disk(home: Path, ending: str) -> Timed:
    """From the blow to the last pulse."""
    one = begin(home)
    try:
        until_pulsing(one, one.pulses.fresh)
        controller = one.controller
        with unkillable(thread_with(controller, ending)):
            at_us, began = one.pulses.now_us(), time.monotonic()
            os.kill(controller, signal.SIGKILL)
            one.front.wait(PATIENCE_S)
            assert Path(f"/proc/{controller}").exists(), "it can't be waited for"
            last_us = one.pulses.last_us()
        assert one.front.returncode == 3
        (folder,) = one.records()
        assert verify_session(folder).ending == "take-over"
        return Timed((last_us - at_us) / 1_000, began)
    finally:
        end(one)


def test_a_device_that_hangs_leaves_the_output_uncertain_and_says_so(tmp_path: Path) -> None:
    keeps(TOLD_S * 1_000, lambda number: hangs(tmp_path / str(number)))


def hangs(home: Path) -> Timed:
    """Until it is told."""
    one = begin(home)
    heard = bytearray()
    try:
        until_pulsing(one, one.pulses.fresh)
        hear(one, heard)
        heard.clear()
        began = time.monotonic()
        os.kill(one.simulator.pid, signal.SIGSTOP)
        wait_until(lambda: said_by(hear(one, heard), "UNCERTAIN"), what="it is told")
        told_s = time.monotonic() - began
        assert b"cable" in heard.lower()
        wait_until(lambda: one.front.poll() is not None, what="the front ends")
        assert one.front.returncode == 4
        (folder,) = one.records()
        ends = [
            json.loads(line) for line in (folder / "record.jsonl").read_bytes().splitlines() if b'"kind":"end"' in line
        ]
        assert [line["fields"]["outcome"] for line in ends] == ["uncertain"]
        return Timed(told_s * 1_000, began)
    finally:
        os.kill(one.simulator.pid, signal.SIGCONT)
        end(one)


@pytest.mark.parametrize("seed", range(2))
def test_a_controller_held_up_while_it_works_stops_and_says_so(tmp_path: Path, seed: int) -> None:
    """Who is woken late held it up for longer: from half a second on it is taken over, and it is tried once more."""
    assert not all(held_up(tmp_path / str(number), 0.1 * seed) for number in range(TRIES))
