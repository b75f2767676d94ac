"""The way through a schedule: phases, sets and cycles in their order, and their numbers. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from estim.safety.schedule import Schedule


@dataclass(frozen=True, slots=True)
class PlanPlace:
    """Where in the plan: phase, set and cycle, each from 0."""

    phase: int = 0
    set: int = 0
    cycle: int = 0


BEGINNING = PlanPlace()


class Route:
    """What follows what in `schedule`. Number 1 is the first contraction of the whole plan."""

    def __init__(self, schedule: Schedule) -> None:
        self._phases = schedule.phases
        self._before = [0, *itertools.accumulate(phase.cycles * phase.sets for phase in schedule.phases)]

    @property
    def contractions(self) -> int:
        """Cycles in the whole plan."""
        return self._before[-1]

    def number(self, place: PlanPlace) -> int:
        """Number of the cycle at `place`."""
        return self._before[place.phase] + place.set * self._phases[place.phase].cycles + place.cycle + 1

    def number_of_gate(self, place: PlanPlace, gates: int) -> int:
        """Number of the gate that opened last in the triggered phase at `place`; its first before one opened."""
        return self._before[place.phase] + max(1, gates)

    def last_of_phase(self, place: PlanPlace) -> int:
        """Number of the last cycle of the phase at `place`."""
        return self._before[place.phase + 1]

    def next_phase(self, place: PlanPlace) -> PlanPlace | None:
        """Where the next phase begins; None: it was the last one."""
        return PlanPlace(place.phase + 1, 0, 0) if place.phase + 1 < len(self._phases) else None

    def after(self, place: PlanPlace) -> PlanPlace | None:
        """The place that follows; None: the plan ends."""
        phase = self._phases[place.phase]
        if phase.trigger is not None:
            return self.next_phase(place)
        if place.cycle + 1 < phase.cycles:
            return PlanPlace(place.phase, place.set, place.cycle + 1)
        if place.set + 1 < phase.sets:
            return PlanPlace(place.phase, place.set + 1, 0)
        return self.next_phase(place)
