"""What the stimulator and the room say, in every phase, and what the session makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from estim.safety.commands import OutputOff
from estim.safety.reports import (
    Acknowledged,
    Battery,
    ChannelFault,
    DeviceFault,
    DeviceStatus,
    EmgSamples,
    Identified,
    LinkDown,
    Noise,
    OutputState,
    PatientSays,
    PracticeState,
    Prepared,
    SensorEvent,
    Superseded,
)
from estim.safety.units import Micros
from estim.session import effects, events
from estim.session.snapshot import Snapshot
from estim.session.state import Phase
from tests.unit.desk import OFF, Desk
from tests.unit.test_requests import hold, logged

SECOND = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def on(*channels: int) -> DeviceStatus:
    return DeviceStatus(output_on=bool(channels), level_open=True, active_channels=channels)


def settled(desk: Desk) -> None:
    """As if the last command were long ago and a status had been asked for since."""
    desk.engine.core.changed_us = desk.now_us - SECOND
    desk.engine.core.status_asked_us = desk.now_us


def test_another_model_is_refused(desk: Desk) -> None:
    desk.step(Identified(model="rehamove3", device_id="SIM0000001", firmware="1"))
    assert desk.phase is Phase.FAULT
    assert "This is a rehamove3" in desk.look().alarms[0].text


@pytest.mark.parametrize("phase", ["ready", "configured", "paused"])
def test_a_device_that_stimulates_unasked_is_a_fault_and_uncertain(desk: Desk, phase: str) -> None:
    desk.therapy() if phase == "paused" else desk.sign_in()
    if phase == "configured":
        assert desk.configure("titration").accepted
    if phase == "paused":
        assert desk.ask(events.Pause).accepted
    desk.answers = False
    done = desk.step(on(1))
    assert desk.phase is Phase.FAULT
    assert desk.look().output is OutputState.UNCERTAIN
    assert isinstance(next(e for e in done if isinstance(e, effects.Send)).command, OutputOff)


def test_a_device_that_is_idle_is_off(desk: Desk) -> None:
    desk.sign_in()
    desk.step(OFF)
    assert desk.look().output is OutputState.OFF
    desk.engine.core.phase = Phase.FAULT
    desk.step(on(1))
    assert desk.look().output is OutputState.OFF, "a status is held against the phases in which nothing may play"


def test_output_that_ended_by_itself_is_a_fault(desk: Desk) -> None:
    desk.therapy()
    hold(desk)
    settled(desk)
    desk.step(on())
    assert "stopped stimulating by itself" in logged(desk, "fault")[0]["text"]


def test_output_on_another_channel_is_a_fault(desk: Desk) -> None:
    desk.therapy()
    hold(desk)
    settled(desk)
    desk.step(on(1, 5))
    assert "stimulates on channel [5]" in logged(desk, "fault")[0]["text"]


def test_a_status_before_the_level_is_open_says_nothing(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    desk.answers = False
    assert desk.arm().accepted
    desk.step(OFF)
    assert desk.phase is Phase.ARMED
    desk.step(Prepared())
    assert desk.look().level_open
    desk.answers = True
    desk.ask(events.Stop)
    desk.step(Prepared())
    assert not desk.look().level_open, "an answer that comes after the stop opens nothing"


def test_a_lost_pad_disarms(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    desk.step(ChannelFault(kind="electrode", channel=1, text="red lead"))
    assert desk.phase is not Phase.ARMED
    desk.let_pass(0.2)
    desk.step(ChannelFault(kind="low-current", channel=None, text="all leads"))
    assert {alarm.code for alarm in desk.look().alarms} >= {"lead-off", "low-current"}


def test_a_refused_command_is_a_fault_where_output_could_be(desk: Desk) -> None:
    desk.sign_in()
    desk.step(DeviceFault(code=7, text="wrong mode", seq=None))
    assert desk.phase is Phase.READY
    assert desk.look().alarms[0].code == "device-refused"
    desk.titrate()
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    desk.step(DeviceFault(code=7, text="wrong mode", seq=None))
    assert desk.look().phase is Phase.FAULT


def test_answers_that_were_overtaken_settle_the_older_ones(desk: Desk) -> None:
    desk.therapy()
    hold(desk)
    desk.answers = False
    assert desk.ask(events.Lower, channel=1).accepted
    assert desk.ask(events.Lower, channel=1).accepted
    assert desk.ask(events.Lower, channel=1).accepted
    core = desk.engine.core
    first, *_, last = sorted(core.unanswered)
    desk.step(Superseded(seq=first))
    assert first not in core.unanswered
    desk.step(Acknowledged(seq=last, round_trip_us=Micros(900)))
    assert not core.unanswered
    desk.step(Acknowledged(seq=last, round_trip_us=Micros(900)))


def test_what_the_room_says_is_shown(desk: Desk) -> None:
    desk.therapy()
    desk.step(Battery(percent=50, millivolt=3_700))
    assert desk.look().battery_percent == 50
    assert not desk.look().alarms
    desk.step(Battery(percent=15, millivolt=3_300))
    assert desk.look().alarms[0].code == "battery-low"
    desk.step(Battery(percent=90, millivolt=4_100))
    assert not desk.look().alarms[0].active
    desk.step(Noise(count=3, text="0x00"))
    assert logged(desk, "noise") == [{"count": 3, "text": "0x00"}]
    desk.step(PatientSays(sensation="strong", text="stronger"))
    desk.step(PracticeState(channel=1, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    practice = desk.look().practice
    assert practice is not None
    assert (practice.force_n, practice.says) == (12, "stronger")
    desk.step(SensorEvent(name="heel-off"))
    desk.step(EmgSamples(t0_us=Micros(0), rate_hz=1000, samples_uv=(1, 2)))
    shown = desk.look()
    assert Snapshot.from_json(shown.to_json()) == shown


def test_a_link_that_is_lost_before_it_was_ever_there(desk: Desk) -> None:
    desk.step(LinkDown(reason="no such port"))
    assert desk.phase is Phase.DISCONNECTED
    assert desk.look().alarms[0].code == "link-lost"


def test_a_link_that_is_lost_with_output_proved_off_in_a_pause(desk: Desk) -> None:
    desk.therapy()
    assert desk.ask(events.Pause).accepted
    desk.step(LinkDown(reason="unplugged"))
    assert desk.phase is Phase.FAULT
    assert desk.look().output is OutputState.OFF


def test_a_record_that_was_late_drops_the_raise_and_says_so(desk: Desk) -> None:
    desk.therapy()
    hold(desk)
    desk.grants = False
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.engine.core.record_pending_us = None
    desk.let_pass(1.2)
    assert "raise-dropped" in {alarm.code for alarm in desk.look().alarms}


def test_the_sessions_time_is_used_up(desk: Desk) -> None:
    desk.therapy()
    desk.engine.core.elapsed_before_us = 3_600 * SECOND
    desk.let_pass(5)
    assert desk.phase is not Phase.RUNNING
    assert "L21a" in desk.look().alarms[-1].text


def test_a_channels_time_is_used_up(desk: Desk) -> None:
    desk.therapy()
    core = desk.engine.core
    assert core.cleared is not None
    core.on_time.note(core.cleared.schedule.channel(1), -1_800 * SECOND, -400 * SECOND, therapy=True)
    core.on_time.note(core.cleared.schedule.channel(1), -1_000 * SECOND, -400 * SECOND, therapy=True)
    desk.let_pass(6)
    assert desk.look().phase is not Phase.RUNNING
    assert "L21b" in desk.look().alarms[-1].text


def test_a_limb_that_bears_weight_gets_its_contraction_to_the_end() -> None:
    desk = Desk("stroke-foot-drop-peroneal")
    desk.triggered()
    desk.step(SensorEvent(name="heel-off"))
    desk.let_pass(0.5)
    assert desk.last().channels
    assert desk.ask(events.Pause).accepted
    assert desk.phase is Phase.RUNNING
    desk.let_pass(0.1)
    assert desk.last().channels
    desk.step(SensorEvent(name="heel-strike"))
    desk.let_pass(2)
    assert desk.look().phase is Phase.PAUSED


def test_stop_is_never_kept_waiting_by_the_weight() -> None:
    desk = Desk("stroke-foot-drop-peroneal")
    desk.triggered()
    desk.step(SensorEvent(name="heel-off"))
    desk.let_pass(0.5)
    done = desk.step(events.Stop(id=9_999))
    assert isinstance(next(e for e in done if isinstance(e, effects.Send)).command, OutputOff)


def sets(desk: Desk) -> Any:
    return [line["n"] for line in logged(desk, "contraction") if line["purpose"] == "therapy"]


def test_sets_phases_and_weeks_are_played_in_their_order() -> None:
    desk = Desk("spinal-cord-injury-quadriceps-resistance")
    desk.therapy()
    run = desk.engine.core.run
    assert run is not None
    total = run.contractions_total
    while desk.phase is Phase.RUNNING:
        desk.let_pass(5)
    assert desk.look().outcome == "completed"
    assert sorted(set(sets(desk))) == list(range(1, total + 1))
