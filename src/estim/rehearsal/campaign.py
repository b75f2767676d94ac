"""Campaigns: many worlds, each drawn from its seed, and what they found."""

from __future__ import annotations

import dataclasses
import gc
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from estim.rehearsal.faulty import WORLD_US, FaultyWorld, Verdict
from estim.rehearsal.moods import Whim, whims_from_seed
from estim.rehearsal.world import Plan
from firmware_sim.faults import Fault, FaultPlan

CALM_END_US = 20_000_000  # nothing new goes wrong in the last 20 s
SHARES = (25, 50, 100)  # percent of the level that was asked for
GRID_UA = 2_000  # the coarsest device's step


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What one world is made of; all of it data."""

    seed: int
    faults: tuple[Fault, ...]
    whims: tuple[Whim, ...]
    stubborn: bool
    share_percent: int

    @classmethod
    def from_seed(cls, seed: int) -> Story:
        """The world with this number."""
        chance = random.Random(seed ^ 0xC0FFEE)
        until_us = WORLD_US - CALM_END_US
        return cls(
            seed=seed,
            faults=FaultPlan.from_seed(seed, until_us=until_us).faults,
            whims=whims_from_seed(seed, until_us=until_us),
            stubborn=chance.random() < 0.5,
            share_percent=chance.choice(SHARES),
        )


def play_story(plan: Plan, story: Story) -> Verdict:
    """One world."""
    levels = {
        name: max(GRID_UA, level * story.share_percent // 100 // GRID_UA * GRID_UA) if level > GRID_UA else level
        for name, level in plan.levels_ua.items()
    }
    made = dataclasses.replace(plan, seed=story.seed, levels_ua=levels, folder=None, pulses=None)
    return FaultyWorld(made, FaultPlan(story.faults), whims=story.whims, stubborn=story.stubborn).play()


def play_world(plan: Plan, seed: int) -> Verdict:
    """One world by its seed."""
    return play_story(plan, Story.from_seed(seed))


def _play(item: tuple[Plan, int]) -> Verdict:
    return play_world(*item)


def campaign(
    plan: Plan, *, worlds: int, first_seed: int, jobs: int, replay: str, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Many worlds; the document of DESIGN 9.

    Args:
        replay: command line that plays one world again, with `{seed}` in it.
    """
    began = time.perf_counter()
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    worst_us: dict[str, int] = {}
    broken: list[dict[str, Any]] = []
    simulated_us = pulses = 0
    items = [(plan, first_seed + index) for index in range(worlds)]
    with ProcessPoolExecutor(jobs, initializer=_begin_worker) if jobs > 1 else _Here() as pool:
        for done, verdict in enumerate(pool.map(_play, items, chunksize=8), start=1):
            outcomes[verdict.outcome] += 1
            causes.update(verdict.causes)
            for cause, after_us in verdict.worst_us.items():
                worst_us[cause] = max(worst_us.get(cause, 0), after_us)
            simulated_us += verdict.simulated_us
            pulses += verdict.pulses
            for name, text in verdict.broken.items():
                broken.append(
                    {"seed": verdict.seed, "invariant": name, "text": text, "replay": replay.format(seed=verdict.seed)}
                )
            if progress is not None:
                progress(done)
    return {
        "worlds": worlds,
        "first_seed": first_seed,
        "broken": broken,
        "outcomes": dict(sorted(outcomes.items())),
        "endings": dict(causes.most_common()),
        "worst_ms": {cause: after_us / 1000 for cause, after_us in sorted(worst_us.items())},
        "pulses": pulses,
        "simulated_s": simulated_us / 1e6,
        "wall_s": time.perf_counter() - began,
    }


def _begin_worker() -> None:
    """What is there now stays: the collector need not look at it again."""
    gc.freeze()


class _Here:
    """A pool of one: this process."""

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def map(self, function: Callable[[Any], Verdict], items: list[Any], chunksize: int) -> Iterator[Verdict]:  # noqa: ARG002
        """One after the other."""
        return map(function, items)
