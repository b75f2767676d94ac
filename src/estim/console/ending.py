"""How a session ended, in honest words: completed, ended early, stopped, fault, before the first contraction. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from estim.console.dose import enough, ran_out
from estim.console.draft import Draft
from estim.console.happened import given
from estim.console.language import Words
from estim.session.snapshot import Snapshot

ENDINGS = ("completed", "early", "stopped", "fault", "uncertain", "before-first", "no-effort", "not-treated")


def ending_of(snapshot: Snapshot, draft: Draft) -> str:
    """One of `ENDINGS`: what was given decides, whatever anybody chose; the record's own end is never said better."""
    if snapshot.outcome == "uncertain":
        return "uncertain"
    if not draft.therapy_began:
        return "not-treated"
    if not given(snapshot):
        return (
            "no-effort" if ran_out(snapshot) and _waits_for_effort(draft) and not draft.end_reason else "before-first"
        )
    if snapshot.outcome == "fault":
        return "fault"
    if snapshot.outcome == "completed" and (enough(snapshot) or _counted_out(snapshot, draft)):
        return "completed"
    return "early" if draft.end_reason or snapshot.outcome == "completed" else "stopped"


def _counted_out(snapshot: Snapshot, draft: Draft) -> bool:
    """A plan of so many contractions, each begun by a key or a sensor, has no clock, and its end takes the count along:
    it was played to its end where the session says so and nobody here ended it.
    """
    unclocked = not snapshot.contractions and not snapshot.total_us
    return unclocked and snapshot.outcome == "completed" and not draft.end_reason


def _waits_for_effort(draft: Draft) -> bool:
    """The patient's own EMG sets each contraction going."""
    return draft.protocol is not None and any(phase.mode == "emg-triggered" for phase in draft.protocol.phase)


def ending_words(snapshot: Snapshot, draft: Draft, say: Words) -> str:
    """`ended early after 12 of 96: pain`."""
    name = ending_of(snapshot, draft)
    count = given(snapshot)
    words = say(f"ending.{name}")
    if name in {"early", "stopped", "fault", "completed"} and count:
        amount = (
            say("ending.of", k=count, n=snapshot.contractions)
            if snapshot.contractions
            else say("ending.count" if count > 1 else "ending.one", k=count)
        )
        words = f"{words} {amount}"
    reason = draft.end_reason or draft.stop_reason
    return f"{words}: {say.of('reason', reason)}" if reason and name != "completed" else words


def noted_lines(stops: Sequence[str], discomfort: str, say: Words) -> list[str]:
    """What whoever signs, or comes next, must not miss: why it was stopped, each reason once, and the most it hurt."""
    lines = []
    if stops:
        reasons = ", ".join(say.of("reason", why) for why in dict.fromkeys(stops))
        lines.append(say("ending.stops", reasons=reasons))
    if discomfort:
        lines.append(say("ending.discomfort", value=discomfort))
    return lines
