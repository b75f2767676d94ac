"""Campaigns: many worlds, each drawn from its seed, and what they found."""

from __future__ import annotations

import dataclasses
import random
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from estim.rehearsal import pool
from estim.rehearsal.faulty import WORLD_US, FaultyWorld, Verdict
from estim.rehearsal.moods import Whim, whims_from_seed
from estim.rehearsal.plan import RehearsalPlan
from estim.safety.errors import UsageError, quoted
from firmware_sim.faults import KINDS, Fault, FaultPlan

CALM_END_US = 20_000_000  # nothing new goes wrong in the last 20 s
MOODS = ("stubborn", "twitches")
SHARES = (25, 50, 100)  # percent of the level that was asked for
TWITCHES = 0.25  # worlds in which the pads are tested at the low rate before levels are found
GRID_UA = 2_000  # the coarsest device's step


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What one world is made of; all of it data."""

    seed: int
    faults: tuple[Fault, ...]
    whims: tuple[Whim, ...]
    stubborn: bool
    twitches: bool
    share_percent: int

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of its faults, acts and moods, each of which can be left out."""
        names = [f"f{index}" for index in range(len(self.faults))] + [f"w{index}" for index in range(len(self.whims))]
        return (*names, *(mood for mood in MOODS if getattr(self, mood)))

    def only(self, parts: tuple[str, ...]) -> Story:
        """The same world with these parts alone.

        Raises:
            UsageError: it has no such part.
        """
        for part in parts:
            if part not in self.parts:
                raise UsageError(
                    f"world {self.seed} has no part {quoted(part)}; it has {', '.join(self.parts) or 'none'}"
                )
        return dataclasses.replace(
            self,
            faults=tuple(fault for index, fault in enumerate(self.faults) if f"f{index}" in parts),
            whims=tuple(whim for index, whim in enumerate(self.whims) if f"w{index}" in parts),
            **{mood: mood in parts for mood in MOODS},
        )

    def told(self) -> list[str]:
        """What happens in it, a line each."""
        lines = []
        for name, fault in zip(self.parts, self.faults, strict=False):
            lines.append(
                f"{name}: {fault.kind} at {fault.at_us / 1e6:.6f} s for {fault.for_us / 1e3:g} ms ({fault.size})"
            )
        for index, whim in enumerate(self.whims):
            lines.append(f"w{index}: {whim.kind} at {whim.at_us / 1e6:.6f} s, {whim.for_us / 1e3:g} ms")
        if self.stubborn:
            lines.append("stubborn: the therapist resets faults and begins again")
        if self.twitches:
            lines.append("twitches: the therapist tests the pads at the low rate first")
        return [*lines, f"levels: {self.share_percent} % of what was asked for"]

    @classmethod
    def from_seed(cls, seed: int, *, kinds: tuple[str, ...] = KINDS, around: bool = False) -> Story:
        """The world with this number, with faults of these kinds.

        Args:
            around: the same world, and in it also what surrounds a controller.
        """
        chance = random.Random(seed ^ 0xC0FFEE)
        until_us = WORLD_US - CALM_END_US
        drawn = FaultPlan.from_seed(seed, until_us=until_us, kinds=kinds)
        faults = drawn.faults
        return cls(
            seed=seed,
            faults=(drawn.surrounded(seed, until_us=until_us) if around else drawn).faults,
            whims=whims_from_seed(seed, until_us=until_us, troubles_us=tuple(fault.at_us for fault in faults)),
            stubborn=chance.random() < 0.5,
            share_percent=chance.choice(SHARES),
            twitches=chance.random() < TWITCHES,
        )


def play_story(plan: RehearsalPlan, story: Story) -> Verdict:
    """One world."""
    levels = {
        name: max(GRID_UA, level * story.share_percent // 100 // GRID_UA * GRID_UA) if level > GRID_UA else level
        for name, level in plan.levels_ua.items()
    }
    made = dataclasses.replace(plan, seed=story.seed, levels_ua=levels, folder=None, pulses=None)
    world = FaultyWorld(
        made, FaultPlan(story.faults), whims=story.whims, stubborn=story.stubborn, twitches=story.twitches
    )
    try:
        return world.play()
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"at {world.now_us / 1e6:.4f} s: {error!r} in {where.name} ({Path(where.filename).name}:{where.lineno})"
        return Verdict(
            story.seed, {**world.watch.broken, "crash": text}, "crash", world.now_us, len(world.watch.pulses)
        )


def play_world(plan: RehearsalPlan, seed: int, *, around: bool = False) -> Verdict:
    """One world by its seed."""
    return play_story(plan, Story.from_seed(seed, around=around))


def shrink(plan: RehearsalPlan, story: Story) -> tuple[tuple[str, ...], Verdict]:
    """The few parts of a failing world that still break one of the invariants that it broke, and how that goes.

    Each part is left out in turn, for as long as one can be; 10 parts take at most 55 worlds.
    """
    parts, verdict = story.parts, play_story(plan, story)
    wanted = set(verdict.broken)
    smaller = bool(wanted)
    while smaller:
        smaller = False
        for part in parts:
            fewer = tuple(other for other in parts if other != part)
            tried = play_story(plan, story.only(fewer))
            if wanted & set(tried.broken):
                parts, verdict, smaller = fewer, tried, True
                break
    return parts, verdict


def _play(item: tuple[RehearsalPlan, int, bool]) -> Verdict:
    plan, seed, around = item
    return play_world(plan, seed, around=around)


def campaign(
    plan: RehearsalPlan,
    *,
    worlds: int,
    first_seed: int,
    jobs: int,
    replay: str,
    around: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Many worlds; the document that `rehearse --worlds --json` prints.

    Args:
        replay: command line that plays one world again, with `{seed}` in it.
        around: also what surrounds a controller; see `Story.from_seed`.
        progress: told how many were played and how many broke.
    """
    began = time.perf_counter()
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    worst_us: dict[str, int] = {}
    broken: list[dict[str, Any]] = []
    simulated_us = pulses = damaged = 0
    items = [(plan, first_seed + index, around) for index in range(worlds)]
    lost: list[dict[str, Any]] = []
    for done, (number, verdict) in enumerate(pool.run(_play, items, jobs=jobs), start=1):
        seed = first_seed + number
        if isinstance(verdict, pool.Lost):
            lost.append({"seed": seed, "reason": verdict.reason, "replay": replay.format(seed=seed)})
        else:
            outcomes[verdict.outcome] += 1
            causes.update(verdict.causes)
            for cause, after_us in verdict.worst_us.items():
                worst_us[cause] = max(worst_us.get(cause, 0), after_us)
            simulated_us += verdict.simulated_us
            pulses += verdict.pulses
            damaged += verdict.damaged
            for name, text in verdict.broken.items():
                broken.append({"seed": seed, "invariant": name, "text": text, "replay": replay.format(seed=seed)})
        if progress is not None:
            progress(done, len({entry["seed"] for entry in broken}))
    return {
        "worlds": worlds,
        "first_seed": first_seed,
        "broken": sorted(broken, key=lambda entry: entry["seed"]),
        "lost": sorted(lost, key=lambda entry: entry["seed"]),
        "outcomes": dict(sorted(outcomes.items())),
        "endings": dict(causes.most_common()),
        "worst_ms": {cause: after_us / 1000 for cause, after_us in sorted(worst_us.items())},
        "pulses": pulses,
        "pulses_of_damaged_bytes": damaged,
        "simulated_s": simulated_us / 1e6,
        "wall_s": time.perf_counter() - began,
    }
