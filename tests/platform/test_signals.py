"""Signals that ask for the end: they stop while there is something to stop, and afterwards leave the exit code true."""

from __future__ import annotations

import contextlib
import os
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
    """Found by `make kills`: exit -15 of a front that had taken over and said 3 a moment later. Signals one behind
    the other, into the very end of the interpreter.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", LAST_WORDS], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == b"off\n"
        while process.returncode is None:
            process.send_signal(signal.Signals[name])
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.005)  # time to do something else than to hear them
        assert out.read() == b"{}\n"
    assert process.returncode == 3


@POSIX
def test_last_words_that_nobody_takes_do_not_hold_up_an_end_that_was_asked_for() -> None:
    """A pipe that is full, as a terminal that was stopped: whoever waits in the write would wait for ever."""
    script = LAST_WORDS.replace('print("{}")', 'print("x" * 1_000_000)')
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    assert process.stdout is not None
    with process.stdout as out:
        assert os.read(out.fileno(), 4) == b"off\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 3


@POSIX
def test_later_than_the_last_words_a_signal_does_what_it_always_did() -> None:
    now, heard = [0.0], list[str]()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    signals = StopSignals(heard.append, clock=lambda: now[0])
    try:
        signal.raise_signal(signal.SIGINT)
        signals.done()
        now[0] = LAST_WORDS_S + 0.1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert heard == ["SIGINT"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signals.restore()
        signal.signal(signal.SIGINT, before)
