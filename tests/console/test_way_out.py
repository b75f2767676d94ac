"""Leaving is bounded: a terminal that is there and takes nothing is given back, and the process ends."""

from __future__ import annotations

import os
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from estim.console import way_out as way_out_module
from estim.console.way_out import PLAIN, WayOut

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is POSIX's")


class Client:
    """Notes what is asked of it, in order."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def stop(self, source: str) -> None:
        self.done.append(f"stop {source}")

    def close(self) -> None:
        self.done.append("close")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Both ends of a terminal that is this process's standard input and error."""
    master, slave = os.openpty()
    with os.fdopen(slave, "r", closefd=False) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        monkeypatch.setattr(sys, "__stderr__", stream)
        yield master, slave
    os.close(slave)
    os.close(master)


def way_out(done: list[str], ended: threading.Event, **how: Any) -> WayOut:
    def end(code: int) -> None:
        done.append(f"end {code}")
        ended.set()

    return WayOut(Client(done), leave=lambda: None, exit_code=lambda: 3, end=end, **how)  # type: ignore[arg-type]


def full(slave: int) -> None:
    """Nobody reads: write until it takes no more."""
    os.set_blocking(slave, False)
    try:
        while True:
            os.write(slave, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(slave, True)


def test_a_terminal_that_takes_nothing_is_given_back_and_the_process_ends(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    done: list[str] = []
    ended = threading.Event()
    way = way_out(done, ended, give_back_s=0.05)
    before = termios.tcgetattr(slave)
    raw = list(before)
    raw[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(slave, termios.TCSANOW, raw)
    full(slave)
    way.left()
    assert ended.wait(10)
    assert done == ["close", "end 3"], "the controller is left in order, with the session's exit code"
    assert termios.tcgetattr(slave)[3] == before[3], "the shell reads as before"
    seen = b""
    while not seen.endswith(PLAIN):
        seen += os.read(master, 1 << 16)


def test_a_terminal_that_took_everything_is_left_alone(terminal: tuple[int, int]) -> None:
    del terminal
    done: list[str] = []
    way = way_out(done, threading.Event(), give_back_s=60.0)
    way.left()
    waiting = [thread for thread in threading.enumerate() if thread.name == "way-out"]
    way.given_back()
    for thread in waiting:
        thread.join(10)
        assert not thread.is_alive()
    assert done == []


def test_whoever_is_ended_by_a_signal_while_the_screen_stands_gives_the_terminal_back(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    master, slave = terminal
    monkeypatch.setattr(way_out_module, "LAST_RESORT_S", 0.05)
    done: list[str] = []
    ended = threading.Event()
    way = way_out(done, ended)
    before = termios.tcgetattr(slave)
    raw = list(before)
    raw[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(slave, termios.TCSANOW, raw)
    way._caught("SIGTERM")
    assert ended.wait(10)
    assert done == ["stop signal", "close", "end 3"]
    assert termios.tcgetattr(slave)[3] == before[3], "the shell reads as before"
    assert os.read(master, 1 << 16).endswith(PLAIN)


def test_without_a_drawing_nobody_waits(terminal: tuple[int, int]) -> None:
    del terminal
    before = threading.active_count()
    way_out([], threading.Event(), give_back_s=60.0).left(drawn=False)
    assert threading.active_count() == before
