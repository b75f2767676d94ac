"""The whole table: every event in every phase. Each transition is reached by some event, and no event makes another."""

from __future__ import annotations

import copy
import copyreg
import functools
import itertools
from types import MappingProxyType

import pytest

from estim.safety.commands import OutputOff, SetOutput
from estim.safety.reports import OutputState
from estim.session import effects, events
from estim.session.engine import _HANDLERS
from estim.session.state import TABLE, Phase, Turn
from tests.session.desk import Desk, Made, Watched
from tests.session.explored import EVENTS, STANDS

SILENT = {Phase.DISCONNECTED, Phase.READY, Phase.CONFIGURED, Phase.STOPPING, Phase.PAUSED, Phase.FAULT}


copyreg.pickle(MappingProxyType, lambda proxy: (MappingProxyType, (dict(proxy),)))  # so that a desk can be copied


@functools.cache
def stood(stand: str) -> Watched:
    """A desk in a phase, built once; whoever goes on from there takes a copy, a fifth of the work."""
    phase, build = STANDS[stand]
    desk = Watched()
    build(desk)
    assert desk.phase is phase, stand
    uncertain = "uncertain" in stand
    assert (desk.engine.output is OutputState.UNCERTAIN) is (uncertain or stand == "new")
    return desk


def explored(stand: str, event: str) -> Made:
    """Stand in a phase, let one event happen; the turns of both."""
    desk: Watched = copy.deepcopy(stood(stand))
    assert desk.made is not stood(stand).made
    before, sent = desk.phase, len(desk.effects)
    desk.step(EVENTS[event](desk))
    _check(desk, before, sent, desk.made)
    return desk.made


def _check(desk: Desk, before: Phase, since: int, made: Made) -> None:
    for at, turn, after in made:
        assert TABLE[at, turn] is after
    for (_, _, after), (at, _, _) in itertools.pairwise(made):
        assert after is at, made
    commands = [e.command for e in desk.effects[since:] if isinstance(e, effects.Send)]
    if before in SILENT and desk.phase in SILENT:
        rises = [c for c in commands if isinstance(c, SetOutput) and not c.is_zero]
        assert not rises, "output outside a run"
    if before is Phase.RUNNING and desk.phase is not Phase.RUNNING:
        assert any(isinstance(c, OutputOff) for c in commands)
    if desk.engine.output is OutputState.UNCERTAIN and before in {Phase.STOPPING, Phase.FAULT}:
        assert desk.phase in {before, Phase.FAULT}, "left while uncertain"
    for effect in desk.effects[since:]:
        if isinstance(effect, effects.Reply) and not effect.accepted:
            assert effect.problems
            assert all(problem.message for problem in effect.problems)


@pytest.mark.hazard("H45", "H49")
def test_every_event_in_every_phase_goes_by_the_table() -> None:
    """And every turn of the table is made by some of them."""
    reached: set[tuple[Phase, Turn]] = set()
    for stand, event in itertools.product(STANDS, EVENTS):
        reached |= {(at, turn) for at, turn, _ in explored(stand, event)}
    unreached = sorted(f"{phase.value} {turn.value}" for phase, turn in set(TABLE) - reached)
    assert unreached == []


def test_every_kind_of_event_is_tried() -> None:
    desk = Desk()
    desk.therapy()
    made = {type(make(desk)) for make in EVENTS.values()}
    asked = {events.Configure}  # by the desk itself
    silent = {kind.__name__ for kind in set(_HANDLERS) - made - asked}
    # samples: test_trigger.py; what is measured on the limb: test_device_reports.py
    assert silent <= {"EmgSamples", "PracticeState", "EvokedForce", "CrankAngle"}


def test_stop_is_never_refused_and_goes_out_first() -> None:
    for stand, (_, build) in STANDS.items():
        desk = Desk()
        build(desk)
        before = len(desk.effects)
        assert desk.ask(events.Stop).accepted, stand
        first = desk.effects[before]
        assert isinstance(first, effects.Send), stand
        assert isinstance(first.command, OutputOff), stand
