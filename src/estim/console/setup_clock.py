"""Minutes from sign-in to the first therapeutic contraction, shown and recorded: the users' own yardstick. Pure."""

from __future__ import annotations

from collections.abc import Callable

from estim.console.draft import Draft
from estim.session.snapshot import Snapshot


def time_setup(draft: Draft, snapshot: Snapshot, note: Callable[[dict[str, object]], None]) -> None:
    """Stop the clock at the first current of treatment, once."""
    if draft.signed_in_us is None or draft.first_contraction_us is not None:
        return
    if snapshot.purpose == "therapy" and any(view.sent_ua > 0 for view in snapshot.channels):
        draft.first_contraction_us = snapshot.now_us
        note({"setup_s": (snapshot.now_us - draft.signed_in_us) // 1_000_000})


def setup_us(draft: Draft, snapshot: Snapshot | None) -> int | None:
    """Time since sign-in, up to the first therapeutic contraction; None before."""
    if draft.signed_in_us is None or snapshot is None:
        return None
    end = draft.first_contraction_us
    return (snapshot.now_us if end is None else end) - draft.signed_in_us
