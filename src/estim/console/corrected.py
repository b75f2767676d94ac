"""Why it was stopped or ended, said otherwise: a digit hit in a hurry is corrected while nobody has signed, and the
record keeps both. What the first word brought about stays: a level that went down goes up by hand alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from estim.console.comfort import PAIN_FROM
from estim.console.draft import Draft

STOP_REASONS = ("patient-asked", "pain", "wrong-contraction", "skin", "electrode", "unwell", "mistake", "other")
NOT_TREATED = ("contraindicated", "patient-asked", "skin", "unwell", "short-of-time", "opened-wrongly", "other")
END_REASONS = ("fatigue", "short-of-time", "patient-asked", "pain", "skin", "other")


class Notes(Protocol):
    """Whoever writes into the record."""

    draft: Draft

    def note(self, fields: dict[str, object], *, kind: str = "note") -> None:
        """Words for the record."""


def said_last(draft: Draft) -> str:
    """The reason that can be corrected: of the early end, else of the last stop; "" where none was said."""
    return draft.end_reason or (draft.stops[-1] if draft.stops else "")


def end_for_today(notes: Notes, reason: str) -> None:
    """Nothing is treated today, or nothing more is found: into the record, and onto the page that is signed."""
    draft = notes.draft
    draft.end_reason, draft.reasons_said, draft.asks_why = reason, [reason], False
    if reason == "pain":
        draft.stopped_for = reason
        draft.stops.append(reason)
        draft.hurting.said(PAIN_FROM, draft.felt_ua)
    notes.note({"ended_for": reason, **_heeded(draft, reason)}, kind="reason")


def choices(draft: Draft, *, reached: bool) -> Sequence[str]:
    """What may be said in its place; a goal is reached only by whoever was treated."""
    if not draft.end_reason:
        return STOP_REASONS
    if not draft.therapy_began:
        return NOT_TREATED
    return (*(("goal-reached",) if reached else ()), *END_REASONS)


def correct(notes: Notes, reason: str) -> None:
    """This was why. A reason is heeded once: said again, it lowers nothing a second time."""
    draft, before = notes.draft, said_last(notes.draft)
    if not before or reason == before:
        return
    ended = bool(draft.end_reason)
    if not ended or before == "pain":
        draft.stops.pop()
    if not ended or reason == "pain":
        draft.stops.append(reason)
    if ended:
        draft.end_reason = reason
    elif draft.stop_reason:
        draft.stop_reason = reason
    if draft.stopped_for or (ended and reason == "pain"):
        draft.stopped_for = reason
    if "pain" in (before, reason):
        draft.hurting.said(PAIN_FROM if reason == "pain" else 0, draft.felt_ua)
    kind = "note" if reason in draft.reasons_said else "reason"
    draft.reasons_said.append(reason)
    said = {"ended_for": reason, **_heeded(draft, reason)} if ended and reason != "pain" else {"stopped": reason}
    notes.note({**said, "instead_of": before}, kind=kind)


def _heeded(draft: Draft, reason: str) -> dict[str, object]:
    """What an ending says as a stop does, since it may go on after all: then lower, or after another look."""
    return {"stopped": reason} if reason == "pain" or (reason == "skin" and draft.flowed) else {}
