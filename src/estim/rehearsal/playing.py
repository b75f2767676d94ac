"""One rehearsal from its plan to its result."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from estim.desk.result import Measured, Result, Seen, result_of
from estim.rehearsal.faulty import FaultyWorld
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.world import World
from estim.safety.errors import Problem, UsageError
from firmware_sim.faults import BODY, SIZED, Fault, read_plan


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How it went, and the record's bytes."""

    result: Result
    data: bytes

    @property
    def report(self) -> dict[str, Any]:
        """What `rehearse --json` prints."""
        return self.result.document


def rehearse(plan: RehearsalPlan, *, faults: str | None = None) -> Rehearsed:
    """Play `plan`. A record that is kept in memory alone counts as not verified.

    Args:
        faults: a fault plan's file, or `seed:N`.

    Raises:
        UsageError: not a fault plan.
    """
    began = time.perf_counter()
    world: World
    try:
        world = World(plan) if faults is None else FaultyWorld(plan, read_plan(faults))
    except ValueError as error:
        raise UsageError(str(error)) from None
    world.run()
    measured: dict[str, dict[int, Measured]] = defaultdict(dict)
    for (purpose, channel), output in world.monitor.channels.items():
        measured[purpose][channel] = output
    record, last = world.record, world.runner.snapshot()
    result = result_of(
        Seen(
            source=plan.source,
            simulated=True,
            began=began,
            folder=plan.folder if record is not None else None,
            data=record.data if record is not None else b"",
            word_head=last.word_head,
            session_us=world.now_us,
            output=last.output.value,
            alarms=last.alarms,
            refused=[problem for problem in world.person.refused if isinstance(problem, Problem)],
            notes=plan.notes,
            measured=measured,
        )
    )
    result.document["alarms"] = [alarm.text for alarm in last.alarms]
    result.document["seed"] = plan.seed
    if isinstance(world, FaultyWorld):
        result.document["faults"] = [_told(fault, world.now_us) for fault in world.faults.faults]
    return Rehearsed(result, record.data if record is not None else b"")


def _told(fault: Fault, ended_us: int) -> dict[str, Any]:
    """A fault of the plan in its file's keys, and whether the session came so far."""
    return {
        "kind": fault.kind,
        "at_s": fault.at_us / 1_000_000,
        "for_s": fault.for_us / 1_000_000,
        "channel": fault.channel if fault.kind in BODY else None,
        "size": fault.size if fault.kind in SIZED else None,
        "reached": fault.at_us <= ended_us,
    }
