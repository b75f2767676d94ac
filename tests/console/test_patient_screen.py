"""The patient's screen and the cue: the word by the effort that the protocol asks, nothing of the therapist's."""

from __future__ import annotations

import dataclasses

import pytest

from estim.console.cue import cue_of
from estim.console.language import ENGLISH
from estim.console.patient_screen import grown
from estim.console.widgets import detail_line
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle

from .pictured import hold, view


def at(cycle: Cycle, **changed: object) -> Snapshot:
    return hold(channels=(dataclasses.replace(view(1), cycle=cycle),), **changed)


def test_while_the_patient_must_try_the_word_is_never_rest() -> None:
    waits = at(Cycle.REST, effort="try-first", waits_for="emg", emg_threshold_uv=20)
    assert cue_of(waits).word == "TRY NOW"
    assert cue_of(waits).about
    assert cue_of(at(Cycle.HOLD, effort="try-first")).word == "GOOD, HOLD"


@pytest.mark.parametrize("cycle", list(Cycle))
def test_where_the_protocol_says_relax_nobody_is_told_to_pull(cycle: Cycle) -> None:
    assert cue_of(at(cycle, effort="relax")).word in {"REST", "LET IT WORK"}


def test_the_word_fills_the_screen_and_always_fits() -> None:
    for columns, rows in ((60, 20), (80, 24), (120, 40), (200, 60)):
        drawn = grown("TRY NOW", columns - 4, rows - 8)
        assert max(len(row) for row in drawn) <= columns - 4
        assert len(drawn) <= max(5, rows - 8)
    assert len(grown("HOLD", 196, 52)) > len(grown("HOLD", 76, 16))


def test_the_measured_share_of_the_mvic_stands_in_the_channels_line() -> None:
    measured = dataclasses.replace(view(1), evoked_percent_mvic=14)
    assert "force 14 % of MVIC" in detail_line(measured, ENGLISH, 120)
    assert "MVIC" not in detail_line(view(1), ENGLISH, 120)
