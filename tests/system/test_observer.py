"""A second terminal looks on at a running session: it changes nothing, its end changes nothing, its stop stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from estim.records.verify import verify_session
from tests.system import therapist
from tests.system.conftest import RunningSimulator, wait_until
from tests.system.terminal import Tty

Start = Callable[..., RunningSimulator]


def test_one_who_looks_on_can_stop_and_nothing_else(tmp_path: Path, simulator: Start) -> None:
    running = simulator("--tcp", "0")
    therapist.own_protocol(tmp_path)
    own = Tty("console", "--device", "sim+p24:" + running.device, home=tmp_path)
    first = second = None
    try:
        therapist.to_therapy(own)
        (record,) = (tmp_path / "records" / "simulated").glob("2*/record.jsonl")
        first = Tty("console", "--observe", home=tmp_path)
        first.sees("OBSERVER")
        first.sees("STIM ON")
        before = record.read_bytes().count(b'"kind":"raised"')
        first.press("+", "+", "-", "p", "e", "0", "k", "f9")
        first.look(0.5)
        own.look(0.2)
        assert "STIM ON" in own.picture.text
        data = record.read_bytes()
        assert data.count(b'"kind":"raised"') == before
        assert b'"kind":"lowered"' not in data
        first.close()
        wait_until(lambda: first is not None and first.process.poll() is not None, what="it ends")
        own.look(0.3)
        assert "STIM ON" in own.picture.text, "an observer's terminal is no part of the lease"
        second = Tty("console", "--observe", "--who", "PT9", home=tmp_path)
        second.sees("STIM ON", "RUNNING")
        second.press("space")
        own.sees("READY")
        own.sees("Somebody who looks on has stopped it")
        assert b"observer:PT9" in record.read_bytes()
        at_stop = running.last_us()
        own.look(0.5)
        assert running.last_us() == at_stop
    finally:
        for tty in (own, first, second):
            if tty is not None:
                tty.end()
    wait_until(lambda: verify_session(record.parent).sealed, what="the record is closed")
    assert verify_session(record.parent).ok
