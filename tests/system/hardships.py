"""Sessions on a machine that makes it hard: a slow or frozen disk, a front or controller that stands still, busy cores.

python tests/system/hardships.py --sessions 10 --busy 4

Each session is `estim run` with its own simulator; fsync takes as long as a file says, the front is struck again and
again for less than its lease. Nothing is wrong with any of them, so each has to end by its own plan.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.verify import verify_session  # noqa: E402
from tests.system.conftest import PATIENCE_S, environment  # noqa: E402
from tests.system.machine import EndedBefore  # noqa: E402
from tests.system.running import begin, end, until_pulsing  # noqa: E402

# Put before everything else in each Python process of a session but the simulator: fsync waits as long as a file says.
SLOW_SYNC = """
import os, time
right = os.fsync
def slow(fd):
    try:
        with open(os.environ["ESTIM_TEST_FSYNC_S"]) as file:
            time.sleep(float(file.read()))
    except (OSError, ValueError, KeyError):
        pass
    return right(fd)
os.fsync = slow
"""
STALL_S = 0.6
BETWEEN_S = 1.0


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk whose every fsync takes as long as is said."""

    folder: Path

    @property
    def surroundings(self) -> dict[str, str]:
        """Of the processes that write to it."""
        (self.folder / "sitecustomize.py").write_text(SLOW_SYNC, encoding="utf-8")
        path = os.pathsep.join((str(self.folder), str(ROOT), str(ROOT / "src")))
        return {"PYTHONPATH": path, "ESTIM_TEST_FSYNC_S": str(self.folder / "takes")}

    def takes(self, seconds: float) -> None:
        """From now on."""
        fresh = self.folder / "takes.new"
        fresh.write_text(str(seconds), encoding="ascii")
        fresh.replace(self.folder / "takes")


def stall(pid: int, seconds: float, *, working: bool = False) -> float:
    """Stop a process and let it go on; `working`: at an instant at which one of its threads runs.

    Returns:
        Seconds that it stood still at most: a busy machine wakes us late.
    """
    if working:
        until = time.monotonic() + 5
        while time.monotonic() < until and not _runs(pid):
            pass
    began = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):  # it was taken over meanwhile
        os.kill(pid, signal.SIGCONT)
    return time.monotonic() - began


FREEZER = Path("/sys/fs/cgroup/freezer")


@contextlib.contextmanager
def unkillable(thread: int) -> Iterator[None]:
    """One thread of a process can neither run nor be killed, as one that waits for a disk inside the system.

    Needs the freezer of the control groups' first version, and its superuser: `FREEZER` and `os.access` tell.
    """
    group = FREEZER / f"estim-{thread}"
    group.mkdir()
    try:
        (group / "tasks").write_text(str(thread), encoding="ascii")
        (group / "freezer.state").write_text("FROZEN", encoding="ascii")
        while "FREEZING" in (group / "freezer.state").read_text():
            time.sleep(0.001)
        yield
    finally:
        (group / "freezer.state").write_text("THAWED", encoding="ascii")
        while (group / "tasks").read_text().strip():  # it ends, or goes home
            with contextlib.suppress(OSError):
                (FREEZER / "tasks").write_text(str(thread), encoding="ascii")
            time.sleep(0.01)
        group.rmdir()


def thread_with(pid: int, ending: str) -> int:
    """The thread of a controller that has a file open whose name ends so; not the first one, which is the loop."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            if task.name != str(pid) and any(os.readlink(link).endswith(ending) for link in (task / "fd").iterdir()):
                return int(task.name)
    raise LookupError(f"no thread of {pid} has a file open that ends with {ending}")


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            if (task / "stat").read_text().rpartition(")")[2].split()[0] == "R":
                return True
    return False


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many endless loops beside."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def session(folder: Path, seed: int, *, disk_s: float, stalled: bool) -> dict[str, object]:
    """One whole session under hardship; gives the document of `run --json`, with `code` and `stalls` beside."""
    folder.mkdir(parents=True)
    disk = Disk(folder)
    disk.takes(disk_s)
    chance = random.Random(seed)
    words = ["run", str(ROOT / "tests" / "data" / "short.toml"), "--patient", "p1", "--level", "quadriceps=3"]
    with (folder / "said").open("wb") as told:
        front = subprocess.Popen(
            [sys.executable, "-m", "estim", *words, "--yes", "--json"],
            env={**environment(folder / "home"), **disk.surroundings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
        )
    assert front.stdout is not None
    until, stalls = time.monotonic() + 300, 0
    while stalled and front.poll() is None and time.monotonic() < until:
        time.sleep(chance.uniform(0.2, BETWEEN_S))
        if front.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                stall(front.pid, chance.uniform(0.3, STALL_S), working=True)
                stalls += 1
    said = front.stdout.read()
    front.stdout.close()
    code = front.wait(120)
    document: dict[str, object] = json.loads(said) if said else {}
    return {**document, "code": code, "stalls": stalls}


def held_up(home: Path, after_s: float) -> bool:
    """Was it held up for so long that the front took over?"""
    one = begin(home)
    try:
        # In therapy: finding a level is over soon, and nothing has to end where no output is on.
        until_pulsing(one, lambda: one.written(b'"state":"ON"') > 1 and one.pulses.fresh())
        time.sleep(after_s)
        held_s = stall(one.controller, 0.4, working=True)
        one.front.wait(PATIENCE_S)
        (folder,) = one.records()
        verdict = verify_session(folder)
        came = f"held up for {held_s:.3f} s: exit {one.front.returncode}, {verdict.ending}, {verdict.reason}"
        assert one.front.returncode == 3, came
        assert verdict.ok, came
        if verdict.ending == "take-over":
            assert held_s > 0.45, came  # a picture may be 50 ms old when it stops
            return True
        assert b'"cause":"clock-jumped"' in (folder / "record.jsonl").read_bytes(), came
        return False
    finally:
        end(one)


def held_up_often(folder: Path, times: int, seed: int) -> int:
    """So many controllers are held up for 0.4 s at working instants; how many went on as if nothing had been."""
    wrong = taken_over = struck = 0
    while struck < times:
        home = Path(tempfile.mkdtemp(dir=folder))
        try:
            taken_over += held_up(home, random.Random(seed + struck).uniform(0, 0.5))
        except EndedBefore:
            continue
        except AssertionError as error:
            wrong += 1
            sys.stdout.write(f"{seed + struck}: WRONG {error}\n")
        struck += 1
    sys.stdout.write(f"{times} stalls of a working controller, {taken_over} taken over, {wrong} passed\n")
    return wrong


def main() -> int:
    """Many sessions; 1 if any ended by anything but its plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--busy", type=int, default=4, help="endless loops beside")
    parser.add_argument("--disk", type=float, default=0.4, help="seconds that each fsync takes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--controllers", type=int, default=0, help="instead: stalls of a controller, nothing beside")
    given = parser.parse_args()
    wrong = stalls = 0
    if given.controllers:
        with tempfile.TemporaryDirectory() as folder:
            return 1 if held_up_often(Path(folder), given.controllers, given.seed) else 0
    with tempfile.TemporaryDirectory() as folder, busy(given.busy):
        for number in range(given.sessions):
            seed = given.seed + number
            seen = session(Path(folder) / str(seed), seed, disk_s=given.disk, stalled=True)
            good = (seen["code"], seen.get("outcome"), seen.get("record_verified")) == (0, "completed", True)
            wrong += not good
            stalls += int(str(seen["stalls"]))
            last = (Path(folder) / str(seed) / "said").read_text(errors="replace").strip().splitlines()[-1:]
            sys.stdout.write(f"{seed}: {seen.get('outcome')} {seen['code']}{'' if good else f'  WRONG {last}'}\n")
            sys.stdout.flush()
    sys.stdout.write(
        f"{given.sessions} sessions, {stalls} stalls of a working front, {wrong} ended by anything but their plan\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
