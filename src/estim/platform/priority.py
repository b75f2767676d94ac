"""As much of the processor as the system gives what keeps a patient safe. Without any of it everything holds.

Three need it: the control loop (`raise_priority`), the threads beside it, the front's watch over it and its take-over
(`raise_thread`), and what a front shows, whose silence ends a session (`favour`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

REAL_TIME = 10  # of 99: above everything ordinary, below the kernel's own
HELPER = REAL_TIME - 1  # at one priority with the loop, three threads on two cores take turns of 100 ms (round robin)
NICE = -10
_LOCK_NOW, _LOCK_LATER = 1, 2  # MCL_CURRENT, MCL_FUTURE
_USER_INTERACTIVE = 0x21  # QOS_CLASS_USER_INTERACTIVE
_HIGH_CLASS = 0x80  # HIGH_PRIORITY_CLASS
_HIGHEST_THREAD = 2  # THREAD_PRIORITY_HIGHEST
AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


def raise_priority() -> str:
    """Ask for it, for the calling thread alone where the system can tell threads apart; gives what was had."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    memory = _lock_memory()  # first: to have all of it in place takes a tenth of a second, not to be taken from others
    return f"{_linux(REAL_TIME)}, memory {memory}"


def raise_thread() -> None:
    """For the calling thread alone: just behind the control loop, ahead of everything ordinary.

    For threads that sleep until they are needed, and for each that may hold the interpreter while the loop wants it:
    an ordinary one would be put aside with it by any busy program.
    """
    if sys.platform == "win32":
        _windows_thread()
    elif sys.platform == "darwin":
        _macos()
    else:
        _linux(HELPER)


def favour() -> None:
    """Ahead of ordinary programs, behind the control loop, for the calling thread and those that it starts."""
    if sys.platform == "win32":
        _windows_thread()
    elif sys.platform == "darwin":
        _macos()
    else:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICE)


def grouped_by_session(switch: Path = AUTOGROUP) -> bool:
    """Does Linux share the processor among sessions first (autogroup, sched(7))? Then a nice value counts among the
    programs of one terminal alone; real time counts everywhere.
    """
    try:
        return switch.read_text(encoding="ascii").strip() == "1"
    except (OSError, ValueError):  # another system, or a kernel without it
        return False


def _windows_thread() -> None:
    if sys.platform == "win32":
        with contextlib.suppress(OSError, AttributeError):
            kernel = ctypes.WinDLL("kernel32")
            kernel.GetCurrentThread.restype = ctypes.c_void_p
            kernel.SetThreadPriority(ctypes.c_void_p(kernel.GetCurrentThread()), _HIGHEST_THREAD)


def _linux(priority: int) -> str:
    with contextlib.suppress(OSError, AttributeError, ValueError):
        # Inherited by threads that this one starts: whoever starts one waits until it has run, and an ordinary one
        # takes 26 ms to do so beside four busy programs on two cores, 120 ms one time in a hundred; this one 0.3 ms.
        # Nothing that is raised starts processes.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
        return f"real time (round robin, {priority})"
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        return f"raised (nice {NICE})"
    return "ordinary"


def _lock_memory() -> str:
    """Only where all of it may be locked: with a bound, later requests for memory would fail."""
    import resource  # noqa: PLC0415 - exists on POSIX alone

    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY and os.geteuid() != 0:
        return "not locked"
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None, use_errno=True).mlockall(_LOCK_NOW | _LOCK_LATER) == 0:
            return "locked"
    return "not locked"


def _macos() -> str:
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None).pthread_set_qos_class_self_np(_USER_INTERACTIVE, 0) == 0:
            return "raised (user-interactive)"
    return "ordinary"


def _windows() -> str:
    said = "ordinary"
    if sys.platform == "win32":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.WinDLL("winmm").timeBeginPeriod(1)  # waits in steps of 1 ms instead of 15.6
            kernel = ctypes.WinDLL("kernel32")
            kernel.GetCurrentProcess.restype = ctypes.c_void_p
            if kernel.SetPriorityClass(ctypes.c_void_p(kernel.GetCurrentProcess()), _HIGH_CLASS):
                said = "raised (high priority class)"
    return said


if __name__ == "__main__":
    sys.stdout.write(raise_priority())
