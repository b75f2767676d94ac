"""Sessions by hand in line mode: a sample of the table of `make stops`, and what a person's lines lead to."""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from estim.records.home import Home
from estim.records.operators import Operator, hash_pin, save_operator
from estim.records.personal import opened_lines
from estim.records.verify import read_record, verify_session
from tests.system.machine import TRIES, Timed, keeps
from tests.system.stop_ways import QUIET_S, SITUATIONS, cell
from tests.system.typed import TypedSession, reached


@pytest.mark.parametrize(
    ("situation", "way", "bound_ms", "code"),
    [
        ("therapy, hold", "ideographic space", 100, None),
        ("titration, hold", "F12", 100, None),
        ("titration, hold", "end of input", 100, 1),
        ("take-over", "terminal closed", 510, 3),
        ("titration, hold", "terminal stopped (Ctrl+S)", 1_100, None),
        ("titration, rest", "device gone", 100, 4),
    ],
)
def test_each_way_stops_and_its_end_is_true(
    tmp_path: Path, situation: str, way: str, bound_ms: int, code: int | None
) -> None:
    def one(number: int) -> Timed:
        seen = cell(tmp_path / str(number), situation, way)
        assert not seen.later
        assert seen.code == code
        return Timed(seen.after_ms, seen.since_s)

    keeps(bound_ms, one)


def test_a_session_by_hand_is_signed_and_an_odd_byte_costs_nothing(tmp_path: Path) -> None:
    one = reached(lambda number: TypedSession(tmp_path / str(number)), TypedSession.to_output)
    try:
        one.type(b"note caf\xe9\n")
        one.type("-  quadriceps\n\n")
        one.hear("output OFF")
        one.type("sign\n")
        one.hear("head:")
        one.until(lambda: one.code is not None, "it ends")
        (folder,) = (one.home / "records" / "real").glob("*Z-*")
        assert verify_session(folder).ok
        lines = opened_lines(one.home, read_record(folder).entries)  # a person's words lie under a key
        assert [line.fields["text"] for line in lines if line.kind == "note"] == ["caf\\xe9"]
    finally:
        one.close()


def stopped_and_let_go_on(one: TypedSession) -> bool:
    """Ctrl+S, a while, Ctrl+Q: what happened is shown. False: the machine kept the simulator from answering in time."""
    try:
        one.heard = b""
        one.type(b"\x13")
        quiet_until = time.monotonic() + QUIET_S
        while time.monotonic() < quiet_until:
            one.look()
            time.sleep(0.01)
        # Output is off by now. Whether a look fell between the stop and the device's answer, 2 ms later, is chance.
        assert b"output OFF" not in one.heard
        one.type(b"\x11")
        lost = b"The device can't be reached: no answer"  # whatever phase that came in
        one.until(lambda: b"CONFIGURED output OFF" in one.heard or lost in one.heard, "it is off")
        if lost in one.heard:
            return False
        assert one.code is None
        return True
    finally:
        one.close()


def test_a_terminal_that_was_stopped_shows_what_came_meanwhile(tmp_path: Path) -> None:
    """Ctrl+S ends output within its second; Ctrl+Q shows what happened, and the session can go on."""
    homes = (tmp_path / str(number) for number in itertools.count())
    assert any(
        stopped_and_let_go_on(reached(lambda _: TypedSession(next(homes), on_s=6), SITUATIONS["titration, hold"]))
        for _ in range(TRIES)
    )


@pytest.mark.parametrize("asks_pin", [False, True], ids=["questions", "a PIN"])
def test_a_question_on_a_terminal_that_stands_holds_nobody_back(tmp_path: Path, *, asks_pin: bool) -> None:
    """Written past all that waits for a stopped terminal, it held the loop, and a polite kill was not heard."""
    home = Home(tmp_path / "home")
    if asks_pin:
        save_operator(home.operators, Operator(id="PT1", name="P T", role="therapist", pin=hash_pin("123456")))
    one = TypedSession(home.root)
    try:
        if not asks_pin:
            one.hear("[yes/no] ")
        one.type(b"\x13")
        if not asks_pin:
            one.type(b"no\n" * 3)  # typing goes on, and more questions come
        until = time.monotonic() + QUIET_S
        while time.monotonic() < until:
            one.look()
            time.sleep(0.01)
        one.until(lambda: one.listens, "it has begun")
        os.kill(one.pid, signal.SIGTERM)
        one.until(lambda: one.code is not None, "it ends")
        assert one.code is not None
        assert one.code >= 0, "by itself"
    finally:
        one.close()
