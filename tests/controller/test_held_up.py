"""What holds the control loop up: threads that it starts, and what the log says of a turn that was late."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from estim.controller.held_up import HeldUp

# A thread that is born ordinary runs when the busy programs let it; `Thread.start` waits for that, in the loop's turn.
BORN = """
import os, threading
from estim.platform.priority import raise_priority, raise_thread
had = raise_priority()
seen = []
def look():
    born = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(0).sched_priority
    raise_thread()
    seen.append((*born, os.sched_getparam(0).sched_priority))
thread = threading.Thread(target=look)
thread.start()
thread.join()
print("real time" in had, os.SCHED_RR, *seen[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")
def test_a_thread_of_the_loop_is_born_as_high_as_the_loop_and_steps_just_behind_it() -> None:
    done = subprocess.run([sys.executable, "-c", BORN], capture_output=True, text=True, check=True)
    had, round_robin, policy, born, later = done.stdout.split()
    if had != "True":
        pytest.skip("no real-time priority is given here")
    assert policy == round_robin
    assert int(born) > int(later) > 0, "behind the loop, so that three of them never make it wait for its turn"


# Threads that begin before the loop is raised: the interpreter in the hands of an ordinary one waits for busy programs.
BEGUN_BEFORE = """
import os, queue
from estim.controller.journal import Journal
from estim.controller.reading_up import ReadingUp
from estim.platform.priority import raise_priority
seen = queue.Queue()
def apart():
    seen.put(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)
journal = Journal(apart)
reading = ReadingUp(None, None, wake=None, apart=apart, device_refused=None, qualified=None)
first = [seen.get(timeout=20) for _ in range(2)]
print("real time" in raise_priority(), *(policy == os.SCHED_RR for policy in first))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")
def test_a_thread_that_begins_before_the_loop_is_raised_does_nothing_before_it_is_itself() -> None:
    done = subprocess.run([sys.executable, "-c", BEGUN_BEFORE], capture_output=True, text=True, check=True)
    had, *raised = done.stdout.split()
    if had != "True":
        pytest.skip("no real-time priority is given here")
    assert raised == ["True", "True"]


def test_it_says_how_much_of_a_late_turn_was_work() -> None:
    held_up = HeldUp()
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    said = held_up.since(360_000)
    assert said.startswith("held up for 360 ms: ")
    assert 50 <= int(said.split(": ")[1].split(" ms of work")[0]) < 360
    held_up.look()
    assert ": 0 ms of work" in held_up.since(300_000)
    if sys.platform == "linux":
        assert "pages from the disk" in said
        assert "put aside" in said
    assert os.linesep not in said
