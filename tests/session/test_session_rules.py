"""Rules of a session that only show over time: what is carried over, how long output may be on, who is asked again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from estim.safety.commands import OutputOff, SetOutput
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.reports import ChannelFault, Identified, LinkDown, OutputState, SensorEvent
from estim.safety.units import MicroAmp
from estim.session import effects, events
from estim.session.on_time import DUTY_WINDOW_US
from estim.session.state import Cycle, Phase
from tests.session.desk import OFF, Desk
from tests.support import SHORT, sample

SECOND = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def finish(desk: Desk) -> None:
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    assert desk.ask(events.Sign, operator="o").accepted


@pytest.mark.hazard("H09")
def test_nothing_is_carried_to_the_next_patient(desk: Desk) -> None:
    desk.therapy()
    finish(desk)
    assert desk.ask(events.SignIn, operator="o", patient_id="another").accepted
    assert desk.engine.loaded is None
    assert not desk.look().channels
    assert desk.look().wants[0] == "screening"
    reply = desk.configure("therapy")
    assert not reply.accepted
    assert "screening" in str(reply.problems)
    assert desk.phase is Phase.READY


class Tracked(Desk):
    """Notes when the device is told that something plays."""

    def __init__(self, source: str = str(SHORT)) -> None:
        self.track: list[tuple[int, bool]] = []
        super().__init__(source)

    def _serve(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Send):
            command = effect.command
            self.track.append((self.now_us, not isinstance(command, OutputOff) and bool(command.channels)))
        super()._serve(effect)


def on_spans(desk: Tracked) -> list[tuple[int, int]]:
    """When channel 1 was on, from the commands that were sent."""
    spans: list[tuple[int, int]] = []
    begun: int | None = None
    for at_us, on in desk.track:
        if on and begun is None:
            begun = at_us
        elif not on and begun is not None:
            spans.append((begun, at_us))
            begun = None
    return spans


@pytest.mark.hazard("H48")
def test_pausing_and_resuming_again_and_again_does_not_defeat_the_duty() -> None:
    desk = Tracked("knee-replacement-quadriceps-early")
    desk.therapy()
    while desk.now_us < 900 * SECOND and desk.phase is not Phase.CONFIGURED:
        view = desk.look().channels[0]
        left_us = view.remaining_us
        if desk.phase is Phase.RUNNING and view.cycle is Cycle.HOLD and left_us < 1_300_000:
            assert desk.ask(events.Pause).accepted
            desk.let_pass(0.6)
            assert desk.ask(events.Resume).accepted
        desk.let_pass(0.2)
    spans = on_spans(desk)
    longest = max(end - begin for begin, end in spans)
    for begin, _ in spans:
        later = [(start, min(end, begin + DUTY_WINDOW_US)) for start, end in spans if start >= begin]
        had = sum(max(0, end - start) for start, end in later)
        assert had <= DUTY_WINDOW_US // 2 + longest
    assert any(alarm.code == "duty" for alarm in desk.look().alarms)


def test_a_dropped_raise_is_taken_out_of_the_ceiling(desk: Desk) -> None:
    desk.therapy()
    while desk.look().channels[0].raise_locked:
        desk.let_pass(0.1)
    desk.grants = False
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    (asked,) = [e for e in desk.effects if isinstance(e, effects.Authorise) and e.reason == "raise"][-1:]
    assert desk.ask(events.Lower, channel=1).accepted
    lowered = [e.peak_ua for e in desk.effects if isinstance(e, effects.LowerCeiling)]
    assert asked.peaks[0].peak_ua == 6_000
    assert lowered[-1] == 4_000
    desk.step(events.Granted(n=asked.n))
    assert desk.look().channels[0].level_ua == 4_000


def test_a_device_that_introduces_itself_while_it_runs_was_restarted(desk: Desk) -> None:
    desk.therapy()
    done = desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    first = next(effect for effect in done if isinstance(effect, effects.Send))
    assert isinstance(first.command, OutputOff)
    assert desk.phase is Phase.FAULT


def test_arming_waits_for_the_last_off_to_be_confirmed(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    desk.answers = False
    desk.ask(events.Stop)
    reply = desk.arm()
    assert not reply.accepted
    assert "confirmed the last off" in str(reply.problems)
    desk.answers = True
    desk.step(OFF)
    assert desk.arm().accepted


def test_a_device_that_was_lost_idle_is_asked_again(desk: Desk) -> None:
    desk.sign_in()
    desk.step(LinkDown(reason="unplugged"))
    assert desk.look().phase is Phase.DISCONNECTED
    before = len(desk.effects)
    assert desk.ask(events.ResetFault, reason="").accepted
    assert any(isinstance(effect, effects.Connect) for effect in desk.effects[before:])
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert desk.look().phase is Phase.READY
    assert not any(alarm.active for alarm in desk.look().alarms)


def test_a_device_that_was_lost_while_it_ran_is_asked_again_before_the_fault_is_left(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(LinkDown(reason="unplugged"))
    assert desk.look().output is OutputState.UNCERTAIN
    before = len(desk.effects)
    reply = desk.ask(events.ResetFault, reason="plugged in again")
    assert not reply.accepted
    assert any(isinstance(effect, effects.Connect) for effect in desk.effects[before:])
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert desk.phase is Phase.FAULT
    assert desk.look().output is OutputState.OFF
    assert desk.ask(events.ResetFault, reason="plugged in again").accepted


def test_what_is_not_authorised_any_longer_pauses() -> None:
    desk = Desk("spasticity-tens-with-exercise")  # it plays without an end
    desk.sign_in()
    desk.find_sensory()
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(3)
    assert desk.last().channels
    desk.grants = False
    desk.let_pass(61)
    assert desk.phase is Phase.PAUSED
    assert "cover-over" in {alarm.code for alarm in desk.look().alarms}
    assert desk.logged("phase")[-1]["cause"] == "record-late"


def test_a_pause_that_waited_for_the_gate_ends_with_the_stop() -> None:
    desk = Desk("stroke-foot-drop-peroneal")
    desk.triggered()
    desk.step(SensorEvent(name="heel-off"))
    desk.let_pass(0.5)
    assert desk.ask(events.Pause).accepted
    assert desk.phase is Phase.RUNNING
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(2)
    assert desk.phase is Phase.RUNNING, "nobody asked for a pause of this run"


def raise_to(desk: Desk, level_ua: int) -> None:
    for _ in range(4_000):
        view = desk.look().channels[0]
        if view.level_ua >= level_ua or "warning" in view.raise_locked:
            return
        if not view.raise_locked:
            assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)
    pytest.fail("never got there")


def test_above_a_warning_raising_waits_for_a_reason_and_output_goes_on(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    raise_to(desk, 90_000)
    view = desk.look().channels[0]
    assert view.level_ua == 81_000
    warned = [alarm for alarm in desk.look().alarms if alarm.code.startswith("warn-1-")]
    assert [alarm.code for alarm in warned] == ["warn-1-L1"]
    assert desk.phase is Phase.RUNNING
    assert not desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    assert desk.ask(events.Acknowledge, code="warn-1-L1").accepted
    (line,) = [e for e in desk.effects if isinstance(e, effects.Log) and e.kind == "warning-accepted"]
    assert line.fields["reason"]
    raise_to(desk, 85_000)
    assert desk.look().channels[0].level_ua == 85_000
    assert desk.ask(events.Lower, channel=1, percent=20).accepted
    raise_to(desk, 85_000)
    assert desk.look().channels[0].level_ua == 85_000, "once a channel and session"


def test_a_warning_of_the_plan_is_accepted_with_a_reason_only(desk: Desk) -> None:
    desk.sign_in()
    assert not desk.ask(events.Confirm, what="warnings", value=" ").accepted


def test_the_second_plan_of_a_session_counts_what_the_first_one_gave() -> None:
    allowed = Limits.of({"motor_on_us": 11 * SECOND}, layer="patient", source="a test")  # the plan has 6 s
    desk = Desk(limits=ABSOLUTE & DEFAULT & allowed)
    desk.therapy()
    while desk.phase is not Phase.CONFIGURED:
        desk.let_pass(1)
    reply = desk.configure("therapy")
    assert {problem.rule for problem in reply.problems} == {"L21b"}


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("purpose", ["titration", "low-rate"])
@pytest.mark.parametrize("channel", [1, None])
def test_a_pad_that_came_off_while_levels_are_found_sends_back_to_zero(purpose: str, channel: int | None) -> None:
    """Found in rehearsals: what was raised before the device said that a lead was off came back with the resume."""
    desk = Desk()
    desk.sign_in()
    assert desk.configure(purpose).accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    while desk.look().channels[0].level_ua < 3_000:
        if not desk.look().channels[0].raise_locked:
            assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)
    desk.step(ChannelFault(channel=channel, kind="electrode", text="a pad is off"))
    assert desk.phase is Phase.PAUSED
    assert not desk.look().channels[0].found
    assert desk.look().channels[0].level_ua == 0
    desk.let_pass(1)
    before = len(desk.sent())
    assert desk.ask(events.Resume).accepted
    desk.let_pass(6)
    assert not any(isinstance(command, SetOutput) and command.channels for command in desk.sent()[before:])
    while desk.look().channels[0].raise_locked:
        desk.let_pass(0.1)
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(3)
    played = [o.amplitude_ua for c in desk.sent()[before:] if isinstance(c, SetOutput) for o in c.channels]
    assert max(played) == 1_000


def test_finding_levels_again_begins_at_zero_whatever_the_request_brings(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    assert desk.engine.loaded is not None
    setup = desk.engine.loaded.setup
    brought = replace(setup, channels=tuple(replace(channel, level_ua=MicroAmp(15_000)) for channel in setup.channels))
    asked = {"protocol": desk.source, "protocol_sha256": desk.digest, "setup": brought, "purpose": "titration"}
    assert desk.ask(events.Configure, **asked).accepted
    assert all(channel.level_ua == 0 for channel in desk.look().channels)
    assert desk.arm().accepted
    before = len(desk.sent())
    assert desk.ask(events.Start).accepted
    desk.let_pass(4)
    assert all(isinstance(command, OutputOff) or command.is_zero for command in desk.sent()[before:])


def test_a_level_that_a_lost_pad_took_is_not_armed_again(desk: Desk) -> None:
    desk.therapy()
    desk.step(ChannelFault(channel=1, kind="electrode", text="channel 1: off"))
    desk.let_pass(0.3)
    desk.ask(events.Stop)
    desk.let_pass(0.3)
    reply = desk.arm()
    assert not reply.accepted
    assert "must be found again" in reply.problems[0].message
    desk.titrate()
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted


def test_finding_a_lost_level_again_is_no_therapy_time(desk: Desk) -> None:
    desk.therapy()
    desk.let_pass(3)
    desk.step(ChannelFault(channel=1, kind="electrode", text="channel 1: off"))
    desk.let_pass(0.3)
    desk.ask(events.Stop)
    desk.let_pass(0.3)
    clock_us = desk.look().elapsed_us
    assert clock_us > 3_000_000
    desk.titrate()
    assert desk.configure("therapy").accepted
    assert desk.look().elapsed_us == clock_us


def test_a_long_pause_is_not_armed_again_at_its_old_levels(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Pause)
    desk.let_pass(61)
    desk.ask(events.Stop)
    desk.let_pass(0.3)
    assert not desk.arm().accepted


def test_a_short_pause_is(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Pause)
    desk.let_pass(59)
    desk.ask(events.Stop)
    desk.let_pass(0.3)
    assert desk.arm().accepted


@pytest.mark.hazard("H02")
def test_what_was_typed_on_a_screen_that_stood_still_arms_nothing(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate()
    assert desk.configure("therapy").accepted
    desk.beats = False
    desk.let_pass(1.2)
    assert [problem.key for problem in desk.arm().problems] == ["console"]  # typed meanwhile, and read before the beat
    desk.step(events.Heartbeat())
    desk.let_pass(0.9)
    assert [problem.key for problem in desk.arm().problems] == ["console"]
    desk.beats = True
    desk.step(events.Heartbeat())
    desk.let_pass(0.2)
    assert desk.arm().accepted


@pytest.mark.hazard("H02")
def test_nor_does_it_resume(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Pause)
    desk.let_pass(0.3)
    desk.beats = False
    desk.let_pass(5)
    desk.beats = True
    desk.step(events.Heartbeat())
    reply = desk.ask(events.Resume)
    assert [problem.key for problem in reply.problems] == ["console"]
    assert "look at the screen" in reply.problems[0].message
    desk.let_pass(1.1)
    assert desk.ask(events.Resume).accepted


@pytest.mark.parametrize(("ratio", "level_ua"), [(1, 6_500), (2, 6_000), (4, 6_000)])
def test_a_fall_ends_on_a_level_that_the_pulse_can_have(tmp_path: Path, ratio: int, level_ua: int) -> None:
    """Found: a fifth off 21 mA of an unequal pulse was shown as 16.5 mA, and 16 were played."""
    file = tmp_path / "unequal.toml"
    unequal = f'waveform = "asymmetric-balanced-biphasic"\nphase_ratio = {ratio}'
    same = ratio == 1
    file.write_text(sample() if same else sample('waveform = "symmetric-biphasic"', unequal), encoding="utf-8")
    desk = Desk(str(file))
    desk.sign_in()
    desk.titrate(8)
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    assert desk.ask(events.Lower, channel=1, percent=16).accepted
    desk.let_pass(0.1)
    (view,) = desk.look().channels
    assert (view.level_ua, view.sent_ua) == (level_ua, level_ua)
