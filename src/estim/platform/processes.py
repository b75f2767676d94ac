"""Other processes: starting ours so that nothing foreign runs in them, and asking whether one lives."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

SAFE_PATH = "PYTHONSAFEPATH"  # as -P does
_STILL_ACTIVE = 259
_QUERY_LIMITED = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION


def start_module(
    module: str, arguments: Sequence[str], *, log: IO[bytes], inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start one of our modules with this same Python, pipes on standard input and output, and errors into `log`; it has
    the files `inherited` under the same numbers (not on Windows).

    `-P` keeps the working directory out of the child's search path, so that a `queue.py` or `json.py` which lies there
    is never run. A session of its own (on Windows a process group): Ctrl-C, Ctrl-Z and a closed terminal reach the
    parent alone, and the child learns it by the end of its input.
    """
    roots = [_root_of(name) for name in dict.fromkeys((module.partition(".")[0], "estim"))]
    kept = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)]
    surroundings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys((*kept, *roots))),
        SAFE_PATH: "1",
        "PYTHONUTF8": "1",
    }
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=sys.platform != "win32",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        env=surroundings,
        pass_fds=tuple(inherited),
    )


def _root_of(package: str) -> str:
    """The folder that a package of ours was imported from."""
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    return str(Path(places[0]).resolve().parent) if places else ""


@contextlib.contextmanager
def folder_kept_out() -> Iterator[None]:
    """For a pool's life: where its processes are begun anew and not forked (macOS, Windows, a server of forks), Python
    puts the working directory before everything else in them, and a `pickle.py` that lies there would run.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


PID_END = 1 << 32  # Windows' are 32 bits wide, others' less


def is_alive(pid: int) -> bool:
    """Whether a process lives. Nothing is sent to it: on Windows signal 0 is Ctrl-C."""
    if not 0 < pid < PID_END:
        return False
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = kernel.OpenProcess(_QUERY_LIMITED, False, pid)  # noqa: FBT003
        if not handle:
            return False
        code = ctypes.c_ulong()
        known = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
        kernel.CloseHandle(ctypes.c_void_p(handle))
        return bool(known) and code.value == _STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # somebody else's
    except (OSError, OverflowError):
        return False
    return True


def runs_no_more(child: subprocess.Popen[bytes], proc: str = "/proc") -> bool:
    """Whether it has ended, or its first thread has and cannot come back: others may still wait for a disk inside the
    system, and until it answers they can't be killed nor the child be waited for. Linux alone tells.
    """
    if child.poll() is not None:
        return True
    try:
        with open(f"{proc}/{child.pid}/stat", "rb", buffering=0) as file:
            after_name = file.read(512).rpartition(b") ")[2]
    except OSError:
        return False
    return after_name[:1] in {b"Z", b"X"}


def wait_until_gone(child: subprocess.Popen[bytes], wait_s: float) -> bool:
    """Wait so long for a child to end; False where it still lives."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(wait_s)
        return True
    return False


def who_holds(path: str, proc: Path = Path("/proc")) -> tuple[int, str] | None:
    """Another process that has this device file open, and its name; None where there is none, or nobody can say.

    Linux alone tells; of other users' processes only the superuser is told.
    """
    try:
        wanted = os.path.realpath(path)
        mine = os.getpid()
        for folder in proc.iterdir():
            if folder.name.isdigit() and int(folder.name) != mine and _has_open(folder, wanted):
                return int(folder.name), _name_of(folder)
    except OSError:
        return None
    return None


def _has_open(folder: Path, wanted: str) -> bool:
    try:
        return any(os.readlink(link) == wanted for link in (folder / "fd").iterdir())
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False


def _name_of(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")
        text = b" ".join(words).decode("utf-8", "replace").strip()
        return "estim" if "estim" in text else Path(words[0].decode("utf-8", "replace")).name or "a program"
    except OSError:
        return "a program"
