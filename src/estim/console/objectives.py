"""Practice as objectives: each is judged by what was done, from snapshots and keys, and never ticked. Pure.

Only beside a simulated stimulator. What counts is the whole act: a pad that came off counts once contractions come
again, a pain once the current went down or off for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from estim.console.comfort import PAIN_FROM
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

STOPS = {"space": "stop-space", "f12": "stop-f12", "escape": "stop-escape"}
PAIN_WITHIN_US = 15_000_000


@dataclass(slots=True)
class Objectives:
    """What one operator did in this console.

    Attributes:
        new: met since it was last asked for.
    """

    new: list[str] = field(default_factory=list)
    _met: set[str] = field(default_factory=set)
    _stop_key: str = ""
    _off_again: set[str] = field(default_factory=set)  # pad-lost, pause: met once contractions come again
    _paused: bool = False
    _given: int = 0
    _pain_us: int | None = None
    _pain_level_ua: int = 0
    _patients: set[str] = field(default_factory=set)

    def observe(self, snapshot: Snapshot) -> None:
        """One more picture."""
        if not snapshot.simulated:
            return
        running = snapshot.phase is Phase.RUNNING
        if self._stop_key and snapshot.output is OutputState.OFF and snapshot.phase is Phase.CONFIGURED:
            self._meet(STOPS[self._stop_key])
            self._stop_key = ""
        before, self._given = self._given, snapshot.given
        if snapshot.purpose != "therapy":
            return
        if running and snapshot.channels and all(view.found and view.level_ua for view in snapshot.channels):
            self._meet("find-levels")
        paused, self._paused = self._paused, snapshot.phase is Phase.PAUSED
        if self._paused and not paused:
            self._off_again.add("pad-lost" if snapshot.cause == "lead-off" else "pause")
        if running and snapshot.given > before:
            for what in self._contracted(snapshot):
                self._meet(what)
        self._judge_pain(snapshot)
        if snapshot.signature is not None and snapshot.given:
            self._patients.add(snapshot.patient_id)
            if len(self._patients) > 1:
                self._meet("two-patients")

    def _contracted(self, snapshot: Snapshot) -> Iterator[str]:
        """A contraction came: the way back was gone to its end, an effort was answered."""
        yield from sorted(self._off_again)
        self._off_again.clear()
        if snapshot.effort == "try-first":
            yield "emg"

    def _judge_pain(self, snapshot: Snapshot) -> None:
        if self._pain_us is None:
            return
        if snapshot.now_us - self._pain_us > PAIN_WITHIN_US:
            self._pain_us = None
        elif snapshot.output is OutputState.OFF or _highest_ua(snapshot) < self._pain_level_ua:
            self._meet("pain")
            self._pain_us = None

    def stop_key(self, key: str, snapshot: Snapshot | None) -> None:
        """A stop key was pressed while output might be on."""
        if snapshot is not None and snapshot.simulated and key in STOPS and snapshot.phase is Phase.RUNNING:
            self._stop_key = key

    def hurts(self, value: int, snapshot: Snapshot | None) -> None:
        """A discomfort was said."""
        if snapshot is not None and value >= PAIN_FROM:
            self._pain_us, self._pain_level_ua = snapshot.now_us, _highest_ua(snapshot)

    def goes_on(self) -> None:
        """A session that did not end is gone on with: met once contractions come."""
        self._off_again.add("crash")

    def crash_met(self) -> None:
        """A session that did not end was signed."""
        self._meet("crash")

    def take_new(self) -> tuple[str, ...]:
        """Those met since the last time."""
        found, self.new = tuple(self.new), []
        return found

    def _meet(self, what: str) -> None:
        if what not in self._met:
            self._met.add(what)
            self.new.append(what)


def _highest_ua(snapshot: Snapshot) -> int:
    return max((view.level_ua for view in snapshot.channels), default=0)
