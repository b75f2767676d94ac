"""The patient's screen and the cue: the word by the effort that the protocol asks, nothing of the therapist's."""

from __future__ import annotations

import dataclasses

import pytest

from estim.console.cue import cue_of, effort_of
from estim.console.patient_screen import grown
from estim.protocols import library
from estim.protocols.loader import load
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle

from .pictured import hold, view

EMG = load(library.path("stroke-wrist-emg-triggered"))


def at(cycle: Cycle, **changed: object) -> Snapshot:
    channels = (dataclasses.replace(view(1), cycle=cycle),)
    return hold(channels=channels, plan_phase=EMG.phase[0].name, **changed)


def test_while_the_patient_must_try_the_word_is_never_rest() -> None:
    assert effort_of(at(Cycle.REST), EMG) == "try-first"
    assert cue_of(at(Cycle.REST), protocol=EMG).word == "TRY NOW"
    assert cue_of(at(Cycle.REST, countdown_us=None), protocol=EMG).about
    assert cue_of(at(Cycle.HOLD), protocol=EMG).word == "GOOD, HOLD"


@pytest.mark.parametrize("cycle", list(Cycle))
def test_where_the_protocol_says_relax_nobody_is_told_to_pull(cycle: Cycle) -> None:
    calm = hold(channels=(dataclasses.replace(view(1), cycle=cycle),), cue="Relax and let the muscle work")
    assert cue_of(calm).word in {"REST", "LET IT WORK"}


def test_the_word_fills_the_screen_and_always_fits() -> None:
    for columns, rows in ((60, 20), (80, 24), (120, 40), (200, 60)):
        drawn = grown("TRY NOW", columns - 4, rows - 8)
        assert max(len(row) for row in drawn) <= columns - 4
        assert len(drawn) <= max(5, rows - 8)
    assert len(grown("HOLD", 196, 52)) > len(grown("HOLD", 76, 16))
