"""The patient's word of this moment, by the effort that the protocol asks for. Pure.

Never REST while the patient must try, never PULL where the protocol says relax: the word is a part of the treatment.
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.console.language import ENGLISH, Words
from estim.desk.cue_word import cue_word
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase

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


def cue_of(snapshot: Snapshot | None, say: Words = ENGLISH) -> Cue:
    """The word of this moment; with channels in different phases of the cycle the rising one leads."""
    if snapshot is None or snapshot.output is OutputState.UNCERTAIN:
        return Cue(id="", word="")
    name, left_us = _cue(snapshot)
    about = say(f"cue-about.{name}") if say.has(f"cue-about.{name}") else ""
    return Cue(id=name, word=say(f"cue.{name}"), about=about, seconds_left=_whole(left_us))


def _cue(snapshot: Snapshot) -> tuple[str, int | None]:
    if snapshot.phase is not Phase.RUNNING:
        return _PHASES.get(snapshot.phase, "ready"), snapshot.countdown_us
    word = cue_word(snapshot)
    playing = [view for view in snapshot.channels if view.cycle is not Cycle.REST]
    for cycle in (Cycle.RAMP_UP, Cycle.HOLD, Cycle.RAMP_DOWN):
        motor = [view.turn_us for view in playing if view.cycle is cycle and view.output == "motor"]
        if motor and snapshot.purpose == "therapy":
            known = [left_us for left_us in motor if left_us is not None]
            return word, max(known) if len(known) == len(motor) else None  # a sensor's time is nobody's to count
    if playing or snapshot.waits_for or snapshot.purpose != "therapy":
        return word, None
    rests = [view.remaining_us for view in snapshot.channels if view.remaining_us > 0]
    return word, snapshot.countdown_us if snapshot.countdown_us is not None else min(rests, default=None)


def _whole(us: int | None) -> int | None:
    return None if us is None else -(-max(0, us) // 1_000_000)
