"""Signals that ask for the end: they stop while there is something to stop, and afterwards leave the exit code true."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from estim.platform.signals import LAST_WORDS_S, StopSignals

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a process sends no such signal to itself there")
LAST_WORDS = """
import sys, time
from estim.platform.signals import StopSignals
signals = StopSignals(lambda name: None, clock=lambda: 0.0)
signals.done()
print("off", flush=True)
until = time.monotonic() + 0.2
while time.monotonic() < until:
    pass
print("{}")
sys.exit(3)
"""


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_who_asks_for_the_end_after_all_is_off_gets_the_last_words_and_the_true_code(name: str) -> None:
    """Found by `make kills`: exit -15 of a front that had taken over and said 3 a moment later. Signals without pause,
    into the very end of the interpreter.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", LAST_WORDS], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == b"off\n"
        while process.poll() is None:
            process.send_signal(signal.Signals[name])
        assert out.read() == b"{}\n"
    assert process.returncode == 3


@POSIX
def test_a_terminal_that_stands_is_left_when_the_end_is_asked_for() -> None:
    """Whoever waits for it in a write would wait for ever."""
    near, far = pty.openpty()
    script = LAST_WORDS.replace('print("{}")', 'print("x" * 1_000_000)')
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=far, stderr=far, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    os.close(far)
    try:
        assert os.read(near, 5) == b"off\r\n"
        with pytest.raises(subprocess.TimeoutExpired):  # nobody reads any more
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 3
    finally:
        process.kill()
        os.close(near)


@POSIX
def test_when_the_last_words_take_too_long_a_signal_does_what_it_always_did() -> None:
    now, heard, before = [0.0], list[str](), signal.getsignal(signal.SIGINT)
    signals = StopSignals(heard.append, clock=lambda: now[0])
    try:
        signal.raise_signal(signal.SIGINT)
        signals.done()
        signal.raise_signal(signal.SIGINT)
        assert heard == ["SIGINT"]
        now[0] = LAST_WORDS_S + 0.1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == before
    finally:
        signals.restore()
