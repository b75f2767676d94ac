"""How long output may be on: the interlock's own count, and how closely rises may follow one another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from estim.safety.commands import OutputOff, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.interlock import Interlock
from estim.safety.limits import Limits
from estim.safety.ramp import step_bound_ua
from estim.safety.schedule import PatientFacts
from estim.safety.units import Micros
from estim.safety.verdict import ClearedSchedule, clear
from estim.session.held import pulse_of
from estim.session.player import WindowPlayer
from estim.session.run import Run
from tests.safety.build import BOTH, PROFILE, SECOND, TRUSTED, again, channel, interlock_of, schedule, window
from tests.safety.test_interlock import output, send
from tests.safety.test_two_judges import with_phases

LONG = 100_000 * SECOND
OFF = OutputOff(reason="test")


def authorised(cleared: ClearedSchedule, before: Interlock | None = None, until_us: int = LONG) -> Interlock:
    return interlock_of(cleared, 2_000, until_us, before)


def contract(interlock: Interlock, begin_us: int, on_us: int) -> None:
    interlock.admit(send(output(2)), begin_us)
    interlock.admit(OFF, begin_us + on_us)
    again(interlock, schedule())


def contract_all(interlock: Interlock, every_s: int, cycles: range) -> None:
    for cycle in cycles:
        contract(interlock, cycle * every_s * SECOND, 10 * SECOND)


def test_a_channel_may_be_on_for_its_share_of_five_minutes() -> None:
    interlock = authorised(clear(schedule(), BOTH, PROFILE, TRUSTED))
    contract_all(interlock, 20, range(60))


def test_more_than_its_share_of_five_minutes_trips() -> None:
    interlock = authorised(clear(schedule(), BOTH, PROFILE, TRUSTED))
    with pytest.raises(InterlockTripped, match="L20"):
        contract_all(interlock, 16, range(60))


@pytest.mark.hazard("H48")
def test_arming_again_does_not_forget_what_was_on() -> None:
    cleared = clear(schedule(), BOTH, PROFILE, TRUSTED)

    def arm_for_each(cycles: range) -> None:
        interlock = None
        for cycle in cycles:
            interlock = authorised(cleared, interlock)
            contract(interlock, cycle * 16 * SECOND, 10 * SECOND)

    with pytest.raises(InterlockTripped, match="L20"):
        arm_for_each(range(60))


@pytest.mark.hazard("H48")
def test_the_time_of_a_session_trips() -> None:
    short = BOTH & Limits.of({"motor_on_us": 100 * SECOND}, layer="site", source="test")
    interlock = authorised(clear(schedule(), short, PROFILE, TRUSTED))
    contract_all(interlock, 30, range(10))
    interlock = authorised(clear(schedule(), short, PROFILE, TRUSTED), interlock)
    with pytest.raises(InterlockTripped, match="L21b"):
        contract_all(interlock, 30, range(10, 12))


def test_twitches_and_sensory_output_have_no_share() -> None:
    slow = replace(window(hz=10), period_us=Micros(100_000))
    interlock = authorised(clear(schedule(windows=[slow]), BOTH, PROFILE, TRUSTED))
    for cycle in range(60):
        interlock.admit(send(output(2, slow)), cycle * 11 * SECOND)
        interlock.admit(OFF, (cycle * 11 + 10) * SECOND)
        again(interlock, schedule(windows=[slow]))


def test_a_slow_phase_before_a_fast_one_takes_nothing_of_its_share() -> None:
    slow, fast = window(hz=10), window(hz=50)
    interlock = authorised(clear(with_phases(schedule(), [slow], [fast]), BOTH, PROFILE, TRUSTED))
    for cycle in range(20):
        interlock.admit(send(output(2, slow)), cycle * 11 * SECOND)
        interlock.admit(OFF, (cycle * 11 + 10) * SECOND)
        again(interlock, schedule())
    interlock.admit(send(output(2, fast)), 221 * SECOND)
    interlock.admit(OFF, 231 * SECOND)
    assert interlock.on_time.had_us(1, 0) == 10 * SECOND


def test_what_plays_without_an_authorisation_is_seen() -> None:
    interlock = authorised(clear(schedule(), BOTH, PROFILE, TRUSTED), until_us=3 * SECOND)
    interlock.admit(send(output(2)), 0)
    assert interlock.overdue(4 * SECOND) == ""
    assert "authorisation" in interlock.overdue(4 * SECOND + 1)
    interlock.revoke()
    assert "authorisation" in interlock.overdue(SECOND)
    interlock.admit(OFF, SECOND)
    assert interlock.overdue(SECOND) == ""


@given(st.sampled_from([20, 35, 50, 100]), st.integers(2, 60), st.lists(st.floats(0, 3), min_size=1, max_size=300))
@example(hz=100, level_ma=40, late=[0.0, 0.9] * 100)
@settings(max_examples=150, deadline=None)
def test_turns_that_come_late_make_no_two_rises_before_one_pulse(hz: int, level_ma: int, late: list[float]) -> None:
    """Each turn comes some part of a period late. The device's own pulses are followed: none is a step too high."""
    train = window(hz=hz)
    period_us, step_ua, level_ua = train.period_us, PROFILE.amplitude_step_ua, level_ma * 1000
    interlock = interlock_of(clear(schedule([channel(ma=level_ma)], [train]), BOTH, PROFILE, TRUSTED), level_ua)
    player = WindowPlayer(train, level_ua, step_ua, 0, first=True)
    sent: list[tuple[int, int]] = []
    turns = iter(late)
    now_us = 0
    while not player.ended:
        now_us = max(now_us, player.due_us() + round(next(turns, 0.0) * period_us))
        if player.turn(now_us):
            playing = (player.output(),) if player.amplitude_ua else ()
            interlock.admit(SetOutput(channels=playing), now_us)  # it must never trip on what a late turn does
            sent.append((now_us, player.amplitude_ua))
    begin_us = sent[0][0]
    bound_ua, before_ua = step_bound_ua(level_ua, step_ua, first=True), 0
    for at_us in range(begin_us, sent[-1][0], period_us):
        amplitude_ua = [amplitude for sent_us, amplitude in sent if sent_us <= at_us][-1]
        assert amplitude_ua - before_ua <= bound_ua
        before_ua = amplitude_ua


def test_a_patient_for_whom_repeats_are_long_has_the_long_ramp_at_every_level() -> None:
    plan = schedule([channel(ma=10)])
    frail = replace(TRUSTED, fragile_bone=True)
    assert frail.gentle
    assert PatientFacts().gentle, "what is not known counts as present"
    for patient, lengths in ((TRUSTED, True), (frail, False)):
        train = plan.phases[0].windows[0]
        proven_ua = {pulse_of(train): 60_000}
        made = clear(plan, BOTH, PROFILE, patient).schedule
        run = Run(made, 500, 0, gentle=patient.gentle, proven_ua=proven_ua)
        run.begin(0)
        assert run.players[0].first is not lengths


def test_the_interlock_holds_a_gentle_patient_to_the_long_ramp() -> None:
    train = window(hz=20)
    for patient, passes in ((TRUSTED, True), (PatientFacts(insensate_skin=False), False)):
        cleared = clear(schedule([channel(ma=40)], [train]), BOTH, PROFILE, patient)
        interlock = interlock_of(cleared, 40_000)
        for step in range(20):
            interlock.admit(send(output(2 * (step + 1), train)), step * 200_000)
        interlock.admit(send(), 5 * SECOND)
        if passes:
            interlock.admit(send(output(10, train)), 20 * SECOND)
        else:
            with pytest.raises(InterlockTripped, match="L17"):
                interlock.admit(send(output(10, train)), 20 * SECOND)


def test_a_raise_that_came_too_late_to_be_played_was_not_held() -> None:
    run = Run(clear(schedule([channel(ma=10)]), BOTH, PROFILE, TRUSTED).schedule, 500, 0, gentle=False)
    firsts: list[bool] = []
    now_us = 0
    while len(firsts) < 4:
        if run.onset_due(now_us):
            run.begin(now_us)
            firsts.append(run.players[0].first)
        run.turn(now_us)
        if len(firsts) == 2 and run.players and run.players[0].remaining_us(now_us) < 100_000:
            run.set_level(1, 20_000, now_us)  # in the ramp down: no pulse of it is played
        run.collect(now_us)
        due_us = run.next_due_us()
        assert due_us is not None
        now_us = max(now_us + 1, due_us)
    assert firsts == [True, False, True, False]
