"""What the virtual patient of a scripted session does, by the effort that is asked: only on simulated devices.

Relax and free: nothing. Join: pulls when the current rises. Try first: tries, again and again, until the current comes.
Task: presses, walks or cycles, as the phase waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from estim.protocols.gait import SLOW_STEPS_PER_MIN
from estim.protocols.schema import Protocol
from estim.protocols.schema_phase import TriggerSpec
from estim.safety.units import US_PER_S
from estim.session import events
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase

TRY_S, JOIN_S = 1.5, 3.0
HELD = 0.75  # of the longest window: so long the other hand stays open
JOIN_PERCENT = 60  # of a full effort: submaximal, as one works along (convention)
AGAIN_US = 4 * US_PER_S  # from one try or press to the next
HOLD_US = 2 * US_PER_S  # how long a switch is held
STANDS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {"sensor": {"type": "walk", "walks": False}, "crank": {"type": "ride", "rides": False}}
)


@dataclass(slots=True, kw_only=True)
class VirtualPatient:
    """Acts by what the screen shows.

    Args:
        protocol: whose phases are played.
        next_id: gives request numbers.
        cadence_per_min: of a crank or of steps; None: the protocol's turns, a slow walker's steps.
    """

    protocol: Protocol
    next_id: Callable[[], int]
    cadence_per_min: int | None = None
    _moves: str = ""  # sensor | crank, while walking or riding
    _acted_us: int = -AGAIN_US
    _held: bool = False
    _rose: set[str] = field(default_factory=set)

    def act(self, snapshot: Snapshot) -> list[events.Request]:
        """What is done on seeing this."""
        plays = snapshot.phase is Phase.RUNNING and snapshot.purpose == "therapy"
        source = self._source(snapshot) if plays else ""
        said = self._move(source if source in STANDS else "")
        if not plays:
            return said
        trigger = self._trigger(snapshot)
        if self._held and snapshot.now_us - self._acted_us >= HOLD_US:
            self._held = False
            said.append(self._room({"type": "switch", "pressed": False}))
        if snapshot.waits_for in {"emg", "key", "switch"} and snapshot.now_us - self._acted_us >= AGAIN_US:
            self._acted_us = snapshot.now_us
            said.append(self._begin(snapshot.waits_for, trigger))
        if snapshot.effort == "join":
            said += self._join(snapshot)
        return said

    def _trigger(self, snapshot: Snapshot) -> TriggerSpec | None:
        phase = next((one for one in self.protocol.phase if one.name == snapshot.plan_phase), None)
        return phase.trigger if phase is not None else None

    def _source(self, snapshot: Snapshot) -> str:
        trigger = self._trigger(snapshot)
        return trigger.source if trigger is not None else ""

    def _move(self, source: str) -> list[events.Request]:
        """Begin to walk or ride, or stand still."""
        if source == self._moves:
            return []
        said = [self._room(STANDS[self._moves])] if self._moves else []
        self._moves = source
        if source == "sensor":
            said.append(self._room({"type": "walk", "cadence": self.cadence_per_min or SLOW_STEPS_PER_MIN}))
        elif source == "crank":
            said.append(self._room({"type": "ride", "cadence": self.cadence_per_min or self._turns()}))
        return said

    def _turns(self) -> int:
        turns = (phase.trigger.cadence_rpm for phase in self.protocol.phase if phase.trigger is not None)
        return next((each for each in turns if each), 1)

    def _begin(self, waits_for: str, trigger: TriggerSpec | None) -> events.Request:
        if waits_for == "key":
            return events.PressTrigger(id=self.next_id())
        if waits_for == "switch":
            self._held = True
            return self._room({"type": "switch", "pressed": True})
        held_s = HELD * trigger.max_on_s if trigger is not None and trigger.hold else TRY_S
        limb = "other" if trigger is not None and trigger.emg_side == "other" else "treated"
        return self._room({"type": "effort", "percent": 100, "seconds": held_s, "limb": limb})

    def _join(self, snapshot: Snapshot) -> list[events.Request]:
        rising = {view.name for view in snapshot.channels if view.cycle is Cycle.RAMP_UP and view.sent_ua}
        began, self._rose = bool(rising - self._rose), rising
        return [self._room({"type": "effort", "percent": JOIN_PERCENT, "seconds": JOIN_S})] if began else []

    def _room(self, message: Mapping[str, object]) -> events.Request:
        return events.RoomAction(id=self.next_id(), message=message)
