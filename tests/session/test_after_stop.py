"""A pain, the skin or a pad is told of late, in another place than behind a stop, or a level is lowered and the plan
begins once more: no way leads back to what hurt.
"""

from __future__ import annotations

from typing import Any

import pytest

from estim.safety.reports import LinkDown
from estim.session import events
from estim.session.state import Phase
from tests.session.desk import OFF, Desk


def _told(desk: Desk, why: str) -> None:
    assert desk.ask(events.Note, kind="reason", fields={"stopped": why}).accepted


def _stopped_while_finding(steps: int = 6) -> Desk:
    """Something was found, then it was stopped."""
    desk = Desk()
    desk.sign_in()
    desk.titrate(steps)
    desk.configure("titration")
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(3)
    assert desk.ask(events.Stop).accepted
    return desk


def _level_ua(desk: Desk) -> int:
    return desk.look().channels[0].level_ua


def _played_ua(desk: Desk) -> int:
    """What a new start brings to the electrodes."""
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    assert _level_ua(desk) == desk.last().channels[0].amplitude_ua
    return desk.last().channels[0].amplitude_ua


def test_what_was_lowered_stays_lowered_when_a_completed_treatment_begins_once_more() -> None:
    desk = Desk()
    desk.therapy()
    desk.hold()
    assert desk.ask(events.Stop).accepted
    _told(desk, "pain")
    assert _played_ua(desk) == 4_000
    while desk.phase is Phase.RUNNING:
        desk.let_pass(1)
    assert desk.look().outcome == "completed"
    assert _level_ua(desk) == 4_000, "nor does the screen say anything else"
    assert _played_ua(desk) == 4_000


@pytest.mark.parametrize("then", ["titration", "low-rate", "therapy"])
def test_a_pain_of_finding_levels_counts_also_where_something_else_is_in_hand_already(then: str) -> None:
    desk = _stopped_while_finding()
    assert desk.configure(then).accepted
    _told(desk, "pain")
    assert [(one["before_ua"], one["level_ua"]) for one in desk.logged("lowered")] == [(6_000, 4_500)]
    if then != "therapy":
        assert desk.configure("therapy").accepted
    assert _level_ua(desk) == 4_500
    assert _played_ua(desk) == 4_500


def test_a_pain_of_finding_levels_that_is_told_while_they_are_found_again_counts() -> None:
    desk = _stopped_while_finding()
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    _told(desk, "pain")
    assert desk.ask(events.Stop).accepted
    assert desk.configure("therapy").accepted
    assert _played_ua(desk) == 4_500


def test_a_pain_that_is_told_while_the_stimulator_is_away_counts() -> None:
    desk = Desk()
    desk.therapy()
    desk.hold()
    assert desk.ask(events.Stop).accepted
    desk.step(LinkDown(reason="the cable is out"))
    assert desk.phase is Phase.DISCONNECTED
    _told(desk, "pain")
    (fall,) = desk.logged("lowered")
    assert (fall["before_ua"], fall["level_ua"]) == (5_000, 4_000)


@pytest.mark.parametrize(("request_", "back"), [(events.EndEarly, ""), (events.Pause, "resume")])
def test_a_treatment_that_is_ended_or_paused_for_pain_goes_on_lower_as_one_that_is_stopped(
    request_: type[events.Request], back: str
) -> None:
    desk = Desk()
    desk.therapy()
    desk.hold()
    assert desk.ask(request_, reason="pain").accepted
    assert [one["level_ua"] for one in desk.logged("lowered")] == [4_000]
    if back:
        assert desk.ask(events.Resume).accepted
        desk.hold()
        assert desk.last().channels[0].amplitude_ua == 4_000
    else:
        assert _played_ua(desk) == 4_000


def test_a_low_rate_test_that_hurt_leaves_the_levels_of_another_rate() -> None:
    desk = Desk()
    desk.sign_in()
    desk.titrate()
    desk.configure("low-rate")
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(2)
    _told(desk, "pain")
    assert not desk.logged("lowered")


@pytest.mark.parametrize("why", ["skin", "electrode"])
@pytest.mark.parametrize("when", ["armed", "paused"])
def test_whatever_is_told_of_skin_or_pads_is_looked_at_before_output_goes_on(why: str, when: str) -> None:
    desk = Desk()
    desk.therapy()
    desk.hold()
    on: Any = events.Resume
    if when == "armed":
        assert desk.ask(events.Stop).accepted
        assert desk.arm().accepted
        on = events.Start
    else:
        assert desk.ask(events.Pause).accepted
        desk.step(OFF)
    _told(desk, why)
    refused = desk.ask(on)
    assert not refused.accepted
    assert "skin under the pads" in " ".join(problem.message for problem in refused.problems)
    for what in desk.look().wants:
        assert desk.ask(events.Confirm, what=what, value="looked").accepted
    assert desk.ask(on).accepted


def test_what_is_at_zero_already_is_not_lowered_again_for_a_pain() -> None:
    desk = Desk()
    desk.sign_in()
    desk.configure("titration")
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(0.5)
    assert desk.ask(events.Lower, channel=1, percent=100).accepted
    assert _level_ua(desk) == 0
    assert desk.ask(events.Stop).accepted
    before = len(desk.logged("lowered"))
    assert before == 1
    _told(desk, "pain")
    assert len(desk.logged("lowered")) == before
