"""Many pieces of work on several processes, where one that is killed loses nothing.

Results come as they are done. When a worker dies (the system was out of memory, somebody killed it), the pieces that
were in flight are run again one at a time; one that kills its worker a second time is given back as lost, and
everything else is there.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

from estim.platform.processes import folder_kept_out

Item = TypeVar("Item")
Made = TypeVar("Made")
PIECE = 8  # items in one piece: enough that handing over costs nothing, few enough to do again


@dataclass(frozen=True, slots=True)
class Lost:
    """An item that killed its worker twice."""

    reason: str


def run(
    function: Callable[[Item], Made],
    items: Sequence[Item],
    *,
    jobs: int,
    piece: int = PIECE,
    retried: Callable[[int], object] | None = None,
) -> Iterator[tuple[int, Made | Lost]]:
    """Each item's number and result, in no order.

    Args:
        retried: told how many items are run again, each time that a worker died.
    """
    if jobs <= 1:
        yield from ((number, function(item)) for number, item in enumerate(items))
        return
    pieces = [range(first, min(first + piece, len(items))) for first in range(0, len(items), piece)]
    pieces.reverse()
    while pieces:
        suspects: list[range] = []
        with folder_kept_out(), ProcessPoolExecutor(jobs, initializer=_begin_worker) as pool:
            flying: dict[Future[list[Made]], range] = {}
            while pieces or flying:
                while pieces and len(flying) < jobs and not suspects:
                    here = pieces.pop()
                    try:
                        flying[pool.submit(_each, function, [items[number] for number in here])] = here
                    except BrokenProcessPool:
                        suspects.append(here)
                done, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in done:
                    here = flying.pop(future)
                    try:
                        yield from zip(here, future.result(), strict=True)
                    except BrokenProcessPool:
                        suspects.append(here)
                if suspects and not flying:
                    break
        again = [number for here in suspects for number in here]
        if again and retried is not None:
            retried(len(again))
        for number in again:
            yield number, _alone(function, items[number])


def _alone(function: Callable[[Item], Made], item: Item) -> Made | Lost:
    """In a process of its own."""
    with folder_kept_out(), ProcessPoolExecutor(1, initializer=_begin_worker) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            return Lost("its worker was killed twice")


def _each(function: Callable[[Item], Made], items: list[Item]) -> list[Made]:
    return [function(item) for item in items]


def _begin_worker() -> None:
    """What is there now stays: the collector need not look at it again."""
    gc.freeze()
