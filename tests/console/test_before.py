"""What the plan refuses before anything was asked is refused for good: nothing that a later stage asks for."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from estim.console.before import refusals
from estim.console.draft import Draft
from estim.protocols.loader import load
from estim.records.home import Home
from tests.records.build import session
from tests.support import SHORT, protocols, runnable

from .conftest import read_home
from .pictured import snapshot


@pytest.mark.parametrize("name", runnable())
def test_whatever_can_be_played_gets_past_the_plan(name: str) -> None:
    """Found with the two files for pain, whose region the pads' stage asks: no console could begin them."""
    draft = Draft(patient_id="P-017", side="left")
    draft.choose(name, protocols()[name])
    assert refusals(draft, snapshot(model="p24"), None) == []


def test_what_a_muscle_had_today_counts_in_the_plan(tmp_path: Path) -> None:
    """Found in the console: the plan knew of no minute, and what was prepared was refused at the stimulator."""
    session(Home(tmp_path), "P-017", at=datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=95))
    home = read_home(tmp_path)
    (known,) = home.patients(simulated=True)
    assert known.minutes_today == {"quadriceps-femoris/left": 2}
    draft = Draft(patient_id="P-017", side="left")
    draft.choose(str(SHORT), load(SHORT))
    assert refusals(draft, snapshot(model="p24"), known) == []
    full = dataclasses.replace(known, minutes_today={"quadriceps-femoris/left": 60})
    (said,) = refusals(draft, snapshot(model="p24"), full)
    assert "quadriceps-femoris, left" in said


@pytest.mark.parametrize(("index", "ends"), [(79.0, False), (80.0, True), (None, False)])
def test_what_was_measured_before_the_first_pulse_ends_a_course_there(index: float | None, *, ends: bool) -> None:
    """Found in the console: what was typed stood in the record, and no criterion of the file was ever judged by it."""
    name = "knee-quadriceps-high-intensity"
    draft = Draft(patient_id="P-017", side="left", measured={} if index is None else {"quadriceps-index": index})
    draft.choose(name, protocols()[name])
    assert bool(refusals(draft, snapshot(model="p24"), None)) == ends
    assert dict(draft.setup(simulated=True).measures) == draft.measured
