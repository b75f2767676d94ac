"""What a person confirms before output, in words: one key each, each read (`Snapshot.wants` says which are open)."""

from __future__ import annotations

from estim.console.language import ENGLISH, Words

NEEDS_A_WORD = frozenset({"stop-control", "support"})


def check_words(want: str, patient: str, say: Words = ENGLISH) -> str:
    """The check as it is read; one that has no words yet by its code."""
    return say.of("check", want, patient=patient)
