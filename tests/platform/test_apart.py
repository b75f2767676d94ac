"""A thread with files of its own: what a process has open is let go with its first thread, whoever waits for a disk."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from estim.platform import apart
from estim.platform.processes import runs_no_more
from estim.platform.waiting import Selected, Threaded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a thread files of its own")

# The first thread ends and the process does not, as where the other one waits for a disk inside the system.
ORPHAN = """
import ctypes, os, platform, sys, threading, time
from estim.platform.apart import with_files_apart
def work():
    assert with_files_apart()
    ready.set()
    time.sleep(600)
ready = threading.Event()
threading.Thread(target=work).start()
ready.wait()
exit_of_a_thread = 60 if platform.machine() == "x86_64" else 93
ctypes.CDLL(None).syscall(exit_of_a_thread, 0)
"""
PATIENCE_S = 60.0


def test_whoever_reads_from_a_process_sees_its_end_while_a_thread_of_it_still_waits() -> None:
    child = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert select.select([child.stdout], (), (), PATIENCE_S)[0]
        assert child.stdout.read() == b""
        assert child.poll() is None, "it can't be waited for yet"
        until = time.monotonic() + PATIENCE_S  # its files go a moment before it does
        while not runs_no_more(child):
            assert time.monotonic() < until
    finally:
        child.kill()
        child.communicate()


def test_a_process_that_runs_or_was_never_seen_is_not_taken_for_dead(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not runs_no_more(child)
        assert not runs_no_more(child, proc=str(tmp_path)), "a system that tells nothing"
    finally:
        child.communicate(b"\n")
    assert runs_no_more(child)


@pytest.mark.parametrize("plain_way", [True, False], ids=["unshare", "close_range, as in containers"])
def test_the_thread_holds_what_a_wake_needs_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, *, plain_way: bool
) -> None:
    if not plain_way:
        monkeypatch.setattr(apart, "_unshare", lambda: -1)
    waits = Selected()
    reads, writes = os.pipe()
    seen: list[object] = []

    def work() -> None:
        waits.apart()
        with Path(os.devnull).open("rb") as own:
            seen.append(own.fileno())
        try:
            os.write(writes, b"x")  # there is nothing behind the number any more
            seen.append(os.readlink(f"/proc/thread-self/fd/{writes}"))
        finally:
            waits.wake()

    thread = threading.Thread(target=work)
    thread.start()
    waits.wait(PATIENCE_S)
    thread.join()
    number, shown = seen
    assert isinstance(number, int)
    assert number >= apart.OWN_FROM
    assert shown == os.devnull
    os.close(writes)
    assert os.read(reads, 1) == b"", "nobody else holds it, and nothing was written"
    os.close(reads)
    waits.close()


def test_a_system_that_does_not_allow_it_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("_unshare", "_close_range"):
        monkeypatch.setattr(apart, way, lambda: -1)
    reads, writes = os.pipe()
    Threaded().apart()
    os.write(writes, b"x")
    assert os.read(reads, 1) == b"x"
    os.close(reads)
    os.close(writes)
