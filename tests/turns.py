"""What is long by nature takes turns: each day's `make test` plays another part of it, `make campaign` all of it.

The turn is a number, the day unless ESTIM_TURN says another; `all` is everything. tests/conftest.py sets it before
workers start, so that all of them collect the same tests, and prints it at the end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def turn() -> int | None:
    """This run's number; None for everything."""
    said = os.environ.get("ESTIM_TURN", "0")
    return None if said == "all" else int(said)


def of_this_turn(every: Sequence[T], parts: int) -> Sequence[T]:
    """One of so many parts, each element in exactly one of them."""
    now = turn()
    return every if now is None else every[now % parts :: parts]


def its_turn(place: int, parts: int) -> bool:
    """Whether it is the turn of the one at this place, where so many take turns."""
    now = turn()
    return now is None or now % parts == place


def seeds(fixed: int, changing: int, whole: int) -> Sequence[int]:
    """The first `fixed` ones in every run, and behind them others in each; `whole` where everything is played."""
    now = turn()
    if now is None:
        return range(whole)
    begin = whole + now % 10_000 * changing
    return (*range(fixed), *range(begin, begin + changing))
