"""What a patient is told while a contraction comes and goes, by the effort that the protocol asks. Pure.

Keys, not sentences: each front has its own words for them. The protocol's `cue` is shown beside, never replaced.
"""

from __future__ import annotations

from typing import Literal

Cycle = Literal["rest", "rise", "hold", "fall"]
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
_PLACES = ("rest", "rise", "hold", "fall")


def effort_word(effort: str, cycle: Cycle, until_next_us: int | None = None) -> str:
    """One of `WORDS`.

    Args:
        until_next_us: how long the rest still lasts; None where nobody knows (a trigger decides).
    """
    word = _ROWS[effort][_PLACES.index(cycle)]
    if effort == "join" and cycle == "rest" and until_next_us is not None and until_next_us <= READY_US:
        return "get-ready"
    return word
