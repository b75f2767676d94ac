"""A plan of so many contractions, each begun by a key, is over with its last one and has no clock."""

from __future__ import annotations

import pytest

from estim.console.comfort import ComfortClock
from estim.console.dose import dose_lines
from estim.console.draft import Draft
from estim.console.ending import ending_of, ending_words
from estim.console.language import ENGLISH

from .pictured import snapshot, view

# Four contractions by the key, as the session shows them once the plan is over: neither a count nor a clock is left.
OVER = {"contractions": 0, "total_us": 0, "given": 4, "elapsed_us": 24_000_000}


@pytest.mark.parametrize(
    ("outcome", "ended_by_hand", "ending"),
    [("completed", "", "completed"), ("completed", "enough", "early"), ("stopped", "", "stopped")],
)
def test_a_plan_of_contractions_by_a_key_is_completed_by_its_last_one(
    outcome: str, ended_by_hand: str, ending: str
) -> None:
    draft = Draft(therapy_began=True, end_reason=ended_by_hand)
    shown = snapshot(outcome=outcome, **OVER)
    assert ending_of(shown, draft) == ending
    assert ("EARLY" in ending_words(shown, draft, ENGLISH)) == (ending == "early")


def test_no_time_is_left_of_a_plan_that_has_none() -> None:
    told = [str(line) for line in dose_lines(snapshot(**OVER), ENGLISH, ComfortClock())]
    assert "0:24 so far" in told
    assert not any("0:00 left" in line for line in told)


def test_what_was_reached_is_counted_of_all_that_came() -> None:
    """A plan that had begun anew showed `reached 3 of 1`: what is reached is counted since the session began."""
    shown = snapshot(contractions=15, given=1, reached=3, channels=(view(1, contractions=4, reached=3),))
    told = " ".join(str(line) for line in dose_lines(shown, ENGLISH, ComfortClock()))
    assert "3 of 4" in told
