"""The patient's word of this moment, by what the session shows and the effort that the protocol asks. Pure.

Keys, not sentences: each front has its own words for them. The protocol's `cue` is shown beside, never replaced.

Never rest while the patient must try, never pull where the protocol says relax: the word is a part of the treatment.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase

Part = Literal["rest", "rise", "hold", "fall"]
READY_US = 3_000_000  # get ready: the last three seconds of a rest
WORDS = (
    "rest", "get-ready", "let-it-work", "pull", "hold", "let-go", "try-now", "keep-trying", "good-hold", "task", "free",
)  # fmt: skip
_ROWS: dict[str, tuple[str, str, str, str]] = {  # rest, rise, hold, fall
    "relax": ("rest", "let-it-work", "let-it-work", "rest"),
    "join": ("rest", "pull", "hold", "let-go"),
    "try-first": ("try-now", "keep-trying", "good-hold", "let-go"),
    "task": ("task", "task", "task", "task"),
    "free": ("free", "free", "free", "free"),
}
_PARTS = ("rest", "rise", "hold", "fall")
# What the line mode prints for the keys of `WORDS`, and for what stands beside a therapy.
LINE_WORDS: Mapping[str, str] = MappingProxyType({
    "rest": "REST", "get-ready": "GET READY", "let-it-work": "LET IT WORK", "pull": "PULL", "hold": "HOLD",
    "let-go": "LET GO", "try-now": "TRY NOW", "keep-trying": "KEEP TRYING", "good-hold": "GOOD, HOLD",
    "task": "DO THE TASK", "free": "", "feel": "FEEL", "wait": "WAIT",
})  # fmt: skip
_CYCLES: tuple[tuple[Cycle, Part], ...] = (
    (Cycle.RAMP_UP, "rise"), (Cycle.HOLD, "hold"), (Cycle.RAMP_DOWN, "fall"),
)  # fmt: skip


def effort_word(effort: str, part: Part, until_next_us: int | None = None) -> str:
    """One of `WORDS`, while a contraction comes and goes, by the effort that the protocol asks.

    Args:
        until_next_us: how long the rest still lasts; None where nobody knows (a trigger decides).
    """
    word = _ROWS[effort][_PARTS.index(part)]
    if effort == "join" and part == "rest" and until_next_us is not None and until_next_us <= READY_US:
        return "get-ready"
    return word


def cue_word(snapshot: Snapshot) -> str:
    """A key of `LINE_WORDS`; "" where no therapy runs. Of several channels the rising one leads."""
    if snapshot.phase is not Phase.RUNNING:
        return ""
    if snapshot.purpose != "therapy":
        return "feel"  # finding levels: nothing to work along with
    effort = snapshot.effort or "join"
    for cycle, part in _CYCLES:
        if any(view.cycle is cycle and view.output == "motor" for view in snapshot.channels):
            return effort_word(effort, part)
    if any(view.cycle is not Cycle.REST for view in snapshot.channels):
        return "feel"  # sensory output alone: nothing to contract
    if snapshot.waits_for == "emg":
        if effort == "task":
            return "task"  # the other hand leads, by the protocol's own words
        return "try-now"  # the try is the treatment: nobody who must try is told to rest
    if snapshot.emg_threshold_uv and effort == "try-first":
        return "rest"  # nobody hears a try yet: the refractory time of the trigger
    if snapshot.waits_for:
        return "task" if effort == "task" else "wait"
    rests = [view.remaining_us for view in snapshot.channels if view.remaining_us > 0]
    left_us = snapshot.countdown_us if snapshot.countdown_us is not None else min(rests, default=None)
    return effort_word(effort, "rest", left_us)
