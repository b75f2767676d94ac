"""The patient's word of this moment, by the effort that the protocol asks for. Pure.

Never REST while the patient must try, never PULL where the protocol says relax: the word is a part of the treatment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from estim.console.language import ENGLISH, Words
from estim.protocols.effort_words import effort_word
from estim.protocols.schema import Protocol
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase

EFFORTS = ("relax", "join", "try-first", "task", "free")
_PHASES = {Phase.ARMED: "armed", Phase.PAUSED: "off", Phase.STOPPING: "off", Phase.FAULT: "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What the patient should do now.

    Attributes:
        id: the same in each language.
        word: large.
        about: a line in small beside it.
        seconds_left: to count down, None where nothing is due.
    """

    id: str
    word: str
    about: str = ""
    seconds_left: int | None = None


def effort_of(snapshot: Snapshot, protocol: Protocol | None = None) -> str:
    """The effort of the phase that plays: as the snapshot or the file says, else by its kind of trigger."""
    said = getattr(snapshot, "effort", "")
    if said in EFFORTS:
        return str(said)
    phase = next((one for one in protocol.phase if one.name == snapshot.plan_phase), None) if protocol else None
    said = getattr(phase, "effort", None) or ""
    if said in EFFORTS:
        return str(said)
    if phase is not None and phase.mode == "emg-triggered":
        return "try-first"
    if phase is not None and phase.mode == "triggered":
        return "task"
    words = f"{protocol.cue} {snapshot.cue}".casefold() if protocol is not None else snapshot.cue.casefold()
    if "relax" in words or {"let", "muscle"} <= set(words.split()):
        return "relax"
    return "join"


def waits_for(snapshot: Snapshot, protocol: Protocol | None = None) -> str:
    """What a triggered phase waits for: emg | key | switch | sensor, "" where nothing."""
    said = getattr(snapshot, "waits_for", None)
    if said is not None:
        return str(said)
    phase = next((one for one in protocol.phase if one.name == snapshot.plan_phase), None) if protocol else None
    quiet = all(view.cycle is Cycle.REST for view in snapshot.channels)
    counting = snapshot.countdown_us is not None and snapshot.countdown_us > 0
    if snapshot.phase is not Phase.RUNNING or phase is None or phase.trigger is None or not quiet or counting:
        return ""
    return "sensor" if phase.trigger.source not in {"emg", "key", "switch"} else str(phase.trigger.source)


def cue_of(snapshot: Snapshot | None, say: Words = ENGLISH, protocol: Protocol | None = None) -> Cue:
    """The word of this moment; with channels in different phases of the cycle the rising one leads."""
    if snapshot is None or snapshot.output is OutputState.UNCERTAIN:
        return Cue(id="", word="")
    name, left_us = _cue(snapshot, protocol)
    about = say(f"cue-about.{name}") if say.has(f"cue-about.{name}") else ""
    return Cue(id=name, word=say(f"cue.{name}"), about=about, seconds_left=_whole(left_us))


_CYCLES: tuple[tuple[Cycle, Literal["rise", "hold", "fall"]], ...] = (
    (Cycle.RAMP_UP, "rise"), (Cycle.HOLD, "hold"), (Cycle.RAMP_DOWN, "fall"),
)  # fmt: skip


def _cue(snapshot: Snapshot, protocol: Protocol | None) -> tuple[str, int | None]:
    if snapshot.phase is not Phase.RUNNING:
        return _PHASES.get(snapshot.phase, "ready"), snapshot.countdown_us
    if snapshot.purpose != "therapy":
        return "feel", None  # finding levels: nothing to work along with
    effort = effort_of(snapshot, protocol)
    for cycle, part in _CYCLES:
        playing = [view for view in snapshot.channels if view.cycle is cycle and view.output == "motor"]
        if playing:
            return effort_word(effort, part), max(view.remaining_us for view in playing)
    if any(view.cycle is not Cycle.REST for view in snapshot.channels):
        return "feel", None  # sensory output alone: nothing to contract
    waiting = waits_for(snapshot, protocol)
    if waiting == "emg":
        return "try-now", None  # the try is the treatment: nobody who must try is told to rest
    if waiting:
        return ("task" if effort == "task" else "wait"), None
    rests = [view.remaining_us for view in snapshot.channels if view.remaining_us > 0]
    left_us = snapshot.countdown_us if snapshot.countdown_us is not None else min(rests, default=None)
    return effort_word(effort, "rest", left_us), left_us


def _whole(us: int | None) -> int | None:
    return None if us is None else -(-max(0, us) // 1_000_000)
