"""Many sessions at once, on as many cores: one after the other they would take one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from estim.platform.processes import folder_kept_out
from estim.records.verify import SessionVerdict

_BATCH = 512  # sessions that are handed out at once: of 100 000 there would be as many promises in memory
_WORTH_PROCESSES = 16  # sessions: a process takes some 0.3 s to begin, a session of ten minutes 0.03 s to look at


def side_by_side(
    look: Callable[[Path], SessionVerdict], folders: Sequence[Path], jobs: int, *, processes: bool
) -> Iterator[SessionVerdict]:
    """The verdict on each folder, in order.

    Args:
        look: with `processes` one that another process can be given.
    """
    done = 0
    if jobs > 1 and len(folders) >= (_WORTH_PROCESSES if processes else 2):
        try:
            with folder_kept_out(), _pool(jobs, processes=processes) as pool:
                for first in range(0, len(folders), _BATCH):
                    for verdict in pool.map(look, folders[first : first + _BATCH], chunksize=4 if processes else 1):
                        yield verdict
                        done += 1
        except BrokenProcessPool:  # one was killed, as by a machine without memory: the rest is looked at here
            pass
    yield from map(look, folders[done:])


def _pool(jobs: int, *, processes: bool) -> Executor:
    if processes:
        return ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    return ThreadPoolExecutor(jobs)
