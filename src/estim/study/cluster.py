"""Runs on a cluster, through Dask distributed (extra `estim[cluster]`): its scheduler runs on a laptop, over ssh,
under Slurm or Kubernetes alike. Results are fetched as they are done: gathered at the end, a killed worker would take
finished ones with it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from estim.platform.extras import how_to_get
from estim.rehearsal.pool import PIECE, Lost
from estim.safety.errors import UsageError

Item = TypeVar("Item")
Made = TypeVar("Made")
WAITING = 4  # pieces in hand for each worker


def on_cluster(
    function: Callable[[Item], Made],
    items: Sequence[Item],
    *,
    address: str,
    workers: int,
    retried: Callable[[int], object],
) -> Iterator[tuple[int, Made | Lost]]:
    """Each item's number and result, in no order. `address`: tcp://HOST:PORT, or `local` for `workers` here.

    Raises:
        UsageError: no Dask here, or nobody answers there.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise UsageError(f"--on wants Dask: {how_to_get('cluster')}") from None
    cluster = None
    try:
        if address == "local":
            quiet = {"dashboard_address": None, "threads_per_worker": 1, "silence_logs": 50}
            cluster = distributed.LocalCluster(n_workers=workers, **quiet)
        client = distributed.Client(cluster if cluster is not None else address, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"--on {address}: {error}") from None
    with client:
        yield from _through(distributed, client, function, items, retried)
    if cluster is not None:
        cluster.close()


def _through(
    distributed: Any,
    client: Any,
    function: Callable[[Item], Made],
    items: Sequence[Item],
    retried: Callable[[int], object],
) -> Iterator[tuple[int, Made | Lost]]:
    pieces = iter([range(first, min(first + PIECE, len(items))) for first in range(0, len(items), PIECE)])
    flying: dict[str, range] = {}
    waiting = distributed.as_completed(with_results=False)

    def submit() -> bool:
        here = next(pieces, None)
        if here is None:
            return False
        future = client.submit(_each, function, [items[number] for number in here], pure=False, retries=0)
        flying[future.key] = here
        waiting.add(future)
        return True

    for _ in range(max(1, WAITING * len(client.scheduler_info()["workers"]))):
        if not submit():
            break
    for future in waiting:
        here = flying.pop(future.key)
        if future.status == "finished":
            yield from zip(here, future.result(), strict=True)
        elif len(here) > 1:  # its workers died with it: each run by itself, so that the others are there
            retried(len(here))
            for number in here:
                one = client.submit(_each, function, [items[number]], pure=False, retries=0)
                flying[one.key] = range(number, number + 1)
                waiting.add(one)
        else:
            yield here[0], Lost(f"its worker died: {future.exception()!r}"[:200])
        submit()


def _each(function: Callable[[Item], Made], items: list[Item]) -> list[Made]:
    return [function(item) for item in items]
