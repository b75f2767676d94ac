"""What the plan refuses before anything was asked is refused for good: nothing that a later stage asks for."""

from __future__ import annotations

import pytest

from estim.console.before import refusals
from estim.console.draft import Draft
from tests.support import protocols, runnable

from .pictured import snapshot


@pytest.mark.parametrize("name", runnable())
def test_whatever_can_be_played_gets_past_the_plan(name: str) -> None:
    """Found with the two files for pain, whose region the pads' stage asks: no console could begin them."""
    draft = Draft(patient_id="P-017", side="left")
    draft.choose(name, protocols()[name])
    assert refusals(draft, snapshot(model="p24"), None) == []
