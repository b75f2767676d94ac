"""Signing in where much was recorded today: the controller goes on saying that it lives while it reads."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path

from estim.controller.client import ControllerClient
from estim.controller.interface import Answer
from estim.drivers.address import Address
from estim.records.chain import Chain
from estim.records.folders import folder_name
from estim.session.events import Screen, SignIn
from estim.session.screening import scripted_answers
from tests.system.conftest import RunningSimulator, wait_until

LINES = 40_000  # an hour and more; read and verified in a second or two, where 0.5 s of silence means dead


def long_record(home: Path) -> None:
    """This patient's treatment of today, ended without a seal, in no index."""
    folder = home / "records" / "simulated" / folder_name(datetime.datetime.now(datetime.UTC), "P-1")
    folder.mkdir(parents=True)
    chain = Chain(simulated=True)
    lines = [chain.line("header", {"patient": "P-1", "utc": datetime.datetime.now(datetime.UTC).isoformat()}, 0)]
    lines += [chain.line("status", {"level_open": False, "output_on": False}, n * 1000) for n in range(1, LINES)]
    (folder / "record.jsonl").write_bytes(b"".join(lines))


def test_reading_todays_records_is_not_taken_for_death(
    tmp_path: Path, simulator: Callable[..., RunningSimulator]
) -> None:
    long_record(tmp_path)
    client = ControllerClient(Address("p24", simulator().device, simulated=True), tmp_path)
    try:
        wait_until(
            lambda: client.snapshot is not None and client.snapshot.phase.value == "READY", seconds=20, what="idle"
        )
        number = client.next_id()
        client.send(SignIn(id=number, operator="PT1", patient_id="P-1"))
        client.send(Screen(id=client.next_id(), answers=scripted_answers(), scripted=True))  # without waiting
        began = time.monotonic()
        answers: list[Answer] = []
        while len(answers) < 2:
            assert time.monotonic() - began < 60
            assert client.takeover is None
            client.heartbeat()
            answers += client.poll()
            time.sleep(0.01)
        assert {(answer.id, answer.accepted) for answer in answers} == {(number, True), (number + 1, True)}
        assert client.takeover is None
    finally:
        client.close()
