"""Settings that all tests share."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.turns import BY_DAYS, today

# A busy machine is no finding: neither a slow example nor slow generation fails a property.
settings.register_profile("estim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# For `make mutants`: that a property fails is enough there, the smallest example of it is not looked for.
settings.register_profile("mutants", settings.get_profile("estim"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("estim")

# What waits and what is long begins first, so that no worker ends with a long test alone while the others have nothing
# left. Measured in processor and wall time; a file that stands nowhere here comes last, in its own order.
FIRST = (
    "tests/system/test_ways",
    "tests/system/test_practice",
    "tests/system/test_web",
    "tests/system/test_session_kills",
    "tests/system/",
    "tests/docs/test_walk",
    "tests/rehearsal/test_planted",
    "tests/rehearsal/test_worlds",
    "tests/protocols/test_library",
    "tests/session/test_explored",
    "tests/session/test_level_arrives",
    "tests/qualify/test_run",
    "tests/care/test_three_people",
    "tests/console/",
    "tests/cli/",
    "tests/rehearsal/",
    "tests/session/test_engine_machine",
    "tests/safety/test_walk",
)
# Where Python is told to write no compiled files, every worker and each program that the tests start would compile all
# of estim again, for a console a fifth to a half of its start. They go to a place of their own, which the tree ignores.
if sys.dont_write_bytecode and "PYTHONPYCACHEPREFIX" not in os.environ:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Nor has a user's shell this one: with it, what Python holds back for a pipe or says of a full terminal is not seen.
os.environ.pop("PYTHONUNBUFFERED", None)
# One number for all workers; see tests/turns.py.
# argparse asks gettext for each word of its own, and that looks for catalogues on the disk each time, in vain.
os.environ["LANGUAGE"] = "C"
os.environ.setdefault("ESTIM_TURN", str(int(time.time()) // 86_400))
LEFT_OUT = """\
This was turn {turn} (ESTIM_TURN={turn} repeats it) of what is long by nature: a twentieth of the library's protocols
played whole, 7 of 60 worlds of each device, a sixth of the planted bugs, a quarter of the walks along a limit, half of
the grids of widths and periods and of the climbs to a limit, a third of the odd homes for each command, half the
faults of a device that is measured, one of four whole ways of a new patient, a session in two tabs or in a browser,
German at one of two sizes, three of twelve replays under faults, two of four device models whose controller is killed,
six of twelve kinds of blows, half the ways in which a terminal is lost, a third of the walk over the schema's keys and
of the names that help knows, half the attacks on a home, the pages that are followed, the seeds of a dose's bounds, a
third of the whims, each stage of the console at two of three sizes, and a clean device measured whole or by parts.
Of {files} files whose tests play sessions or walk the console, this was a half or a third, and all with a hazard's mark
(tests/turns.py, BY_DAYS): {tests} tests are other days'.
make turns plays all of it.
Left out, since as long as one likes (make campaign runs the first three; each prints the seed that it began with):
  make fuzz BYTES=…     framers under seeded junk          make worlds WORLDS=…   sessions with faults on every device
  make records KILLS=…  every change of a record           make kills KILLS=…     blows to running sessions
  make walk             every point of each device's grid  make mutants           a fault in each line of the kernel
  make browser          a real browser                     make windows           the same under Windows' Python"""


OTHER_DAYS = pytest.StashKey[int]()
PRIORITY = os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0


def ordinary_again() -> None:
    """A command that a test calls in its own process asks for a higher priority, as `run` and `console` do. Kept, it
    would pass on to all later tests of this worker and to what they start, and the other workers would stand still.
    """
    if hasattr(os, "setpriority") and os.getpriority(os.PRIO_PROCESS, 0) < PRIORITY:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Where nothing is compiled yet, two processes do it before the workers begin: five would each compile all of it
    beside each other, 10 s of processor time apiece.
    """
    compiled = Path(sys.pycache_prefix or config.rootpath / "tests" / "safety" / "__pycache__")
    if compiled.exists() or not whole(config):
        return
    folders = sorted(str(place) for place in (config.rootpath / "tests").iterdir() if any(place.glob("test_*.py")))
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    both = [subprocess.Popen([*collect, *folders[half::2]], stdout=subprocess.DEVNULL) for half in (0, 1)]
    for one in both:
        one.wait()  # what it finds wrong, the workers find and say


every_eighth = itertools.cycle([False] * 7 + [True])


def frozen_again() -> None:
    """A console that ended lets Python look at everything again, as a clinic's may. Here that is ten thousand collected
    tests, through which the next console's start would look for garbage: a third of all that its tests took. What they
    left is looked for every eighth time. (Asking whether anything is frozen would count it all: 15 ms for each test.)
    """
    if next(every_eighth):
        gc.collect()
    gc.freeze()


def pytest_runtest_logfinish(nodeid: str) -> None:
    """After each test."""
    ordinary_again()
    if nodeid.startswith("tests/console/"):
        frozen_again()


def whole(config: pytest.Config) -> bool:
    """Whether all tests are asked for, and not a file or a folder of them."""
    return config.args == ["tests"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Longest first; the same order in every worker."""
    if whole(config):
        known = [(item.nodeid.partition("::")[0], item.get_closest_marker("hazard") is not None) for item in items]
        played = today(known)
        others = [item for item, plays in zip(items, played, strict=True) if not plays]
        items[:] = itertools.compress(items, played)
        config.hook.pytest_deselected(items=others)
        counted(config, len(others))

    def rank(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(FIRST) if item.nodeid.startswith(name)), len(FIRST))

    items.sort(key=rank)


def counted(config: pytest.Config, left_out: int) -> None:
    """How many are left out, told by whoever collected: a worker to the process that prints."""
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = left_out
    else:
        config.stash[OTHER_DAYS] = left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended."""
    told = getattr(node, "workeroutput", {}).get("left_out", 0)  # nothing by one that crashed
    node.config.stash[OTHER_DAYS] = max(told, node.config.stash.get(OTHER_DAYS, 0))


def pytest_collection_finish() -> None:
    """What was collected stays: without this, every later search for garbage walks through ten thousand tests again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a green run does not say."""
    config = terminalreporter.config
    if len(config.args) == 1 and not os.environ.get("PYTEST_XDIST_WORKER"):
        tests = config.stash.get(OTHER_DAYS, 0)
        terminalreporter.write_line(LEFT_OUT.format(turn=os.environ["ESTIM_TURN"], files=len(BY_DAYS), tests=tests))
