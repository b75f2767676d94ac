"""Every planted bug is found by worlds, and the right product breaks in none of the same worlds (test_worlds)."""

from __future__ import annotations

import sys

import pytest

from tests.rehearsal.planted import BUGS, WORLDS_MAX, Bug, worlds_until_found
from tests.turns import of_this_turn


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 20
    assert len({bug.name for bug in BUGS}) == len(BUGS)


@pytest.mark.hazard("H15", "H16", "H36")
@pytest.mark.parametrize("bug", of_this_turn(BUGS, 6), ids=lambda bug: bug.name.replace(" ", "-"))
def test_found(bug: Bug, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bug.plant(monkeypatch)
    worlds, by = worlds_until_found(bug)
    with capsys.disabled():
        sys.stdout.write(f"\n  {bug.name}: {worlds or f'not in {WORLDS_MAX}'} worlds, by {by or 'nothing'}")
    assert worlds, f"{WORLDS_MAX} worlds did not find: {bug.name}"
