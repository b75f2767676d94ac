"""The session engine by itself: what each event does, by its effects and its snapshot."""

from __future__ import annotations

import pytest

from estim.safety.commands import OutputOff, SetOutput
from estim.safety.reports import (
    ChannelFault,
    DeviceLost,
    DeviceStatus,
    Identified,
    LinkDown,
    OutputState,
    PatientSwitch,
)
from estim.session import effects, events
from estim.session.state import TABLE, IllegalTurn, Phase, Turn, advance, diagram
from tests.session.desk import OFF, Desk
from tests.support import SHORT

ROOT = SHORT.parents[2]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def is_off(desk: Desk) -> bool:
    return isinstance(desk.sent()[-1], OutputOff)


def test_unknown_is_not_off(desk: Desk) -> None:
    assert desk.look().output is OutputState.UNCERTAIN
    assert not desk.look().identified
    desk.step(Identified(model="p24", device_id="SIM1", firmware="1"))
    assert desk.look().output is OutputState.OFF
    assert desk.look().identified
    desk.step(LinkDown(reason="gone"))
    assert desk.look().identified, "it was there: what it does now is another question"


def test_simulated_and_real_never_mix_in_one_engine(desk: Desk) -> None:
    desk.step(Identified(model="p24", device_id="P240012345", firmware="1"))
    assert desk.phase is Phase.FAULT


@pytest.mark.hazard("H09", "H21")
def test_arming_names_everything_that_is_missing(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    reply = desk.ask(events.Arm)
    assert not reply.accepted
    assert {problem.key for problem in reply.problems} == {"identity", "pads", "stop-control", "warnings"}


def test_therapy_wants_the_skin_looked_at(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate()
    assert desk.configure("therapy").accepted
    assert "skin" in desk.look().wants


def test_levels_come_from_this_session_and_from_no_request(desk: Desk) -> None:
    desk.sign_in()
    reply = desk.configure("therapy")
    assert not reply.accepted
    assert reply.problems[0].rule == "level"


@pytest.mark.parametrize("phase", ["ready", "configured", "armed", "titration", "therapy", "paused"])
def test_stop_stops_from_every_phase_with_the_off_first(desk: Desk, phase: str) -> None:
    if phase in {"therapy", "paused"}:
        desk.therapy()
        if phase == "paused":
            desk.ask(events.Pause)
    else:
        desk.sign_in()
        if phase != "ready":
            desk.configure("titration")
        if phase in {"armed", "titration"}:
            desk.arm()
        if phase == "titration":
            desk.ask(events.Start)
    desk.number += 1
    done = desk.engine.step(events.Stop(id=desk.number), desk.now_us)
    assert isinstance(done[0], effects.Send)
    assert isinstance(done[0].command, OutputOff)
    desk.step(OFF)
    assert desk.look().output is OutputState.OFF
    assert not desk.look().level_open


@pytest.mark.hazard("H02")
def test_the_console_falls_silent(desk: Desk) -> None:
    desk.therapy()
    desk.beats = False
    desk.let_pass(0.9)
    assert not is_off(desk)
    desk.let_pass(0.4)
    assert is_off(desk)
    assert desk.phase is Phase.CONFIGURED


def test_a_device_that_gives_no_status_faults(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.let_pass(1.1)
    assert is_off(desk)
    assert desk.phase is Phase.FAULT


def test_a_record_that_is_late_stops(desk: Desk) -> None:
    desk.therapy()
    desk.step(events.Durable(n=3, oldest_pending_us=desk.now_us))
    desk.let_pass(1.9)
    assert not is_off(desk)
    desk.let_pass(0.2)
    assert is_off(desk)
    assert desk.look().outcome == "fault", "nobody stopped it"


@pytest.mark.hazard("H34")
def test_a_record_that_fails_stops_the_output(desk: Desk) -> None:
    desk.therapy()
    desk.step(events.RecordFailed(reason="No space left on device"))
    assert is_off(desk)
    assert any(alarm.code == "record-failed" for alarm in desk.look().alarms)
    assert desk.look().outcome == "fault", "nobody stopped it"


@pytest.mark.parametrize("opening", [False, True])
def test_a_record_that_fails_before_the_therapy_is_a_fault_too(desk: Desk, *, opening: bool) -> None:
    """Where it could not even be begun there is no session that ended."""
    desk.sign_in()
    desk.step(events.RecordFailed(reason="No space left on device", opening=opening))
    assert is_off(desk)
    assert desk.look().outcome == ("" if opening else "fault")


def test_a_record_that_fails_behind_the_therapy_leaves_what_it_came_to(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Stop, source="test")
    desk.let_pass(1)
    desk.step(events.RecordFailed(reason="No space left on device"))
    assert desk.look().outcome == "stopped"


@pytest.mark.hazard("H03", "H28")
def test_a_clock_that_jumped_faults(desk: Desk) -> None:
    desk.therapy()
    done = desk.step(events.ClockJumped(late_us=300_000))
    assert isinstance(done[0], effects.Send)
    assert desk.phase is Phase.FAULT


@pytest.mark.hazard("H44")
def test_the_patients_switch_stops(desk: Desk) -> None:
    desk.therapy()
    desk.step(PatientSwitch(pressed=True))
    assert is_off(desk)


@pytest.mark.hazard("H04")
def test_a_lost_link_faults_and_is_uncertain(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(LinkDown(reason="unplugged"))
    assert desk.phase is Phase.FAULT
    assert desk.look().output is OutputState.UNCERTAIN
    assert not desk.ask(events.ResetFault, reason="plugged in").accepted
    desk.step(OFF)
    assert desk.ask(events.ResetFault, reason="plugged in").accepted
    assert desk.engine.cleared is None, "what a fault ended is cleared anew before it can be armed"


def test_a_watchdog_that_the_device_reports_is_off(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(DeviceLost(reason="its watchdog", output_ended=True))
    assert desk.look().output is OutputState.OFF
    assert desk.phase is Phase.FAULT


@pytest.mark.hazard("H07")
def test_output_that_goes_on_in_a_rest_faults(desk: Desk) -> None:
    desk.therapy()
    desk.let_pass(1.6)  # in the rest of 2 s
    assert not desk.last().channels
    desk.let_pass(0.8)  # the last command is long ago, and a status was asked for since
    desk.step(DeviceStatus(output_on=True, level_open=True, active_channels=(1,)))
    assert desk.phase is Phase.FAULT


def test_a_level_that_the_device_left_faults(desk: Desk) -> None:
    desk.therapy()
    desk.step(OFF)
    assert desk.phase is Phase.FAULT


@pytest.mark.hazard("H17")
def test_a_lost_pad_pauses_and_its_level_is_found_again(desk: Desk) -> None:
    desk.therapy()
    desk.step(ChannelFault(channel=1, kind="electrode", text="channel 1: a pad or cable is off"))
    assert is_off(desk)
    assert desk.phase is Phase.PAUSED
    reply = desk.ask(events.Resume)
    assert not reply.accepted
    assert "found again" in reply.problems[0].message


@pytest.mark.hazard("H16")
def test_resume_begins_at_zero_and_plays_the_broken_contraction_again(desk: Desk) -> None:
    desk.therapy()
    assert desk.look().contraction == 1
    assert desk.ask(events.Pause).accepted
    desk.let_pass(5)
    before = len(desk.sent())
    assert desk.ask(events.Resume).accepted
    desk.let_pass(2.9)
    assert len(desk.sent()) == before
    desk.let_pass(0.5)
    first = desk.sent()[before]
    assert isinstance(first, SetOutput)
    assert first.channels[0].amplitude_ua <= 2_000
    assert desk.look().contraction == 1


def test_a_pause_over_a_minute_wants_the_levels_again(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Pause)
    desk.let_pass(61)
    assert not desk.ask(events.Resume).accepted


def test_a_pause_ends_by_itself(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Pause)
    desk.let_pass(301)
    assert desk.phase is Phase.CONFIGURED


def test_an_armed_device_is_disarmed_after_a_minute(desk: Desk) -> None:
    desk.sign_in()
    desk.configure("titration")
    assert desk.arm().accepted
    desk.let_pass(61)
    assert desk.phase is Phase.CONFIGURED


def test_an_onset_that_is_not_authorised_waits_and_then_pauses(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate()
    desk.configure("therapy")
    desk.arm()
    desk.grants = False
    desk.ask(events.Start)
    before = len(desk.sent())
    desk.let_pass(2.5)
    assert len(desk.sent()) == before
    desk.let_pass(1)
    assert desk.phase is Phase.PAUSED


@pytest.mark.parametrize("hears_first", [True, False], ids=["a turn before it", "in the first turn since"])
def test_a_raise_that_is_durable_too_late_is_dropped(desk: Desk, *, hears_first: bool) -> None:
    desk.therapy()
    desk.grants = False
    level = desk.look().channels[0].level_ua
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    (asked,) = [e for e in desk.effects if isinstance(e, effects.Authorise)][-1:]
    desk.now_us += 1_100_000
    if hears_first:
        desk.step(events.Heartbeat())
    desk.step(events.Granted(n=asked.n))
    assert desk.look().channels[0].level_ua == level
    assert desk.logged("raise-dropped")


def test_a_raise_on_an_old_picture_is_refused(desk: Desk) -> None:
    desk.therapy()
    old = desk.look().n
    desk.let_pass(1.1)
    reply = desk.ask(events.Raise, channel=1, snapshot_n=old)
    assert not reply.accepted
    assert "older" in reply.problems[0].message


def test_lowering_needs_nobody(desk: Desk) -> None:
    desk.therapy()
    assert desk.ask(events.Lower, percent=20).accepted
    assert desk.look().channels[0].level_ua == 4_000
    assert desk.last().channels[0].amplitude_ua <= 4_000


@pytest.mark.hazard("H49")
def test_nothing_is_configured_while_it_runs(desk: Desk) -> None:
    desk.therapy()
    assert not desk.configure("therapy").accepted


def test_every_request_is_answered_once(desk: Desk) -> None:
    for kind in (events.Arm, events.Start, events.Pause, events.Resume, events.Stop, events.NextChannel):
        desk.ask(kind)


PAIRS = [(phase, turn) for phase in Phase for turn in Turn]


@pytest.mark.parametrize(("phase", "turn"), PAIRS)
def test_every_pair_is_in_the_table_or_raises(phase: Phase, turn: Turn) -> None:
    if (phase, turn) in TABLE:
        assert advance(phase, turn) is TABLE[phase, turn]
    else:
        with pytest.raises(IllegalTurn, match=rf"^{turn.value} is not possible in {phase.value}; possible: [a-z, -]*$"):
            advance(phase, turn)


def test_the_drawing_is_the_table() -> None:
    assert diagram() in (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
