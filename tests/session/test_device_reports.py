"""What the stimulator and the room say, in every phase, and what the session makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from estim.safety.commands import OutputOff
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.reports import (
    Acknowledged,
    Battery,
    ChannelFault,
    DeviceFault,
    DeviceStatus,
    EmgSamples,
    EvokedForce,
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
from estim.session.snapshot import Practice, Snapshot
from estim.session.state import Cycle, Phase
from tests.session.desk import OFF, Desk

SECOND = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def on(*channels: int) -> DeviceStatus:
    return DeviceStatus(output_on=bool(channels), level_open=True, active_channels=channels)


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
    desk.step(events.Tripped(rule="L1", text="too much"))
    assert desk.look().phase is Phase.FAULT
    desk.step(on(1))
    assert desk.look().output is OutputState.OFF, "a status is held against the phases in which nothing may play"


def test_output_that_ended_by_itself_is_a_fault(desk: Desk) -> None:
    desk.therapy()
    desk.hold()
    desk.let_pass(0.5)  # the last command is long ago, and a status was asked for since
    desk.step(on())
    assert "stopped stimulating by itself" in desk.logged("fault")[0]["text"]


def test_output_on_another_channel_is_a_fault(desk: Desk) -> None:
    desk.therapy()
    desk.hold()
    desk.let_pass(0.5)  # the last command is long ago, and a status was asked for since
    desk.step(on(1, 5))
    assert "stimulates on channel [5]" in desk.logged("fault")[0]["text"]


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
    desk.hold()
    desk.answers = False
    assert desk.ask(events.Lower, channel=1).accepted
    assert desk.ask(events.Lower, channel=1).accepted
    assert desk.ask(events.Lower, channel=1).accepted
    last, lines = desk.command_n, len(desk.logged("command"))
    desk.step(Superseded(seq=last - 2))
    assert not desk.look().acknowledged
    desk.step(Acknowledged(seq=last, round_trip_us=Micros(900)))
    assert desk.look().acknowledged
    desk.step(Acknowledged(seq=last - 1, round_trip_us=Micros(900)))
    desk.step(Acknowledged(seq=last, round_trip_us=Micros(900)))
    assert [line["command"] for line in desk.logged("command")[lines:]] == [last]


def test_words_of_an_earlier_run_say_nothing_of_a_new_one(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate()
    desk.step(PatientSays(sensation="strong", text="That is strong."))
    desk.step(PracticeState(channel=1, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    practice = desk.look().practice
    assert practice is not None
    assert practice.says == ""


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
    assert desk.logged("noise") == [{"count": 3, "text": "0x00"}]
    desk.step(PatientSays(sensation="strong", text="stronger"))
    desk.step(PracticeState(channel=1, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    practice = desk.look().practice
    assert practice is not None
    assert practice == Practice(channel=1, force_n=12, force_percent=10, fatigue_percent=1, comfort=2, says="stronger")
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
    desk.hold()
    desk.grants = False
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(1.2)
    assert "raise-dropped" in {alarm.code for alarm in desk.look().alarms}


@pytest.mark.parametrize(
    ("rule", "limit"), [("L21a", {"block_us": 12 * SECOND}), ("L21b", {"motor_on_us": 6 * SECOND})]
)
def test_a_plan_whose_contractions_are_broken_off_ends_with_its_time(rule: str, limit: dict[str, int]) -> None:
    """The plan needs exactly what is allowed; what is played again comes on top of it."""
    desk = Desk(limits=ABSOLUTE & DEFAULT & Limits.of(limit, layer="patient", source="a test"))
    desk.therapy()
    desk.let_pass(0.5)
    assert desk.ask(events.Pause).accepted
    desk.let_pass(0.2)
    assert desk.ask(events.Resume).accepted
    while desk.phase is Phase.RUNNING:
        desk.let_pass(0.5)
    assert desk.look().outcome == "stopped"
    assert rule in desk.look().alarms[-1].text


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
    return [line["n"] for line in desk.logged("contraction") if line["purpose"] == "therapy"]


def test_sets_phases_and_weeks_are_played_in_their_order() -> None:
    desk = Desk("spinal-cord-injury-quadriceps-resistance")
    desk.therapy()
    total = desk.look().contractions
    while desk.phase is Phase.RUNNING:
        desk.let_pass(5)
    assert desk.look().outcome == "completed"
    assert sorted(set(sets(desk))) == list(range(1, total + 1))


def test_what_is_measured_on_the_limb_stands_beside_its_contraction_and_decides_nothing(desk: Desk) -> None:
    desk.therapy()
    assert [view.evoked_percent_mvic for view in desk.look().channels] == [None] * len(desk.look().channels)
    whole = len(desk.logged("contraction"))
    heard = []
    for percent in range(1, 400):  # 50 ms each: over the first contraction, the rest after it and into the next one
        desk.step(EvokedForce(channel=1, percent_mvic=percent % 40))
        desk.let_pass(0.05)
        if len(desk.logged("contraction")) == whole + 1:
            heard.append(desk.look().channels[0].evoked_percent_mvic)
            if len(heard) == 3:
                break
    rows = desk.logged("contraction")[whole]["channels"]
    assert heard[0] is not None
    assert heard == [heard[0]] * 3  # in the rest what moves the limb is not evoked: the last contraction's stands
    assert [row.get("evoked_percent_mvic") for row in rows if row["channel"] == 1] == [heard[0]]
    assert all("evoked_percent_mvic" not in row for row in rows if row["channel"] != 1)
    shown = desk.look()
    assert Snapshot.from_json(shown.to_json()) == shown


def until_it_holds(desk: Desk) -> None:
    """The next contraction's plateau."""
    for _ in range(100):
        if desk.look().channels[0].cycle is Cycle.HOLD:
            return
        desk.let_pass(0.25)


def test_a_contraction_that_was_broken_off_lends_its_share_to_no_other(desk: Desk) -> None:
    desk.therapy()
    until_it_holds(desk)
    desk.step(EvokedForce(channel=1, percent_mvic=30))
    assert desk.look().channels[0].evoked_percent_mvic == 30
    assert desk.ask(events.Pause).accepted
    desk.let_pass(2)
    assert desk.ask(events.Resume).accepted
    until_it_holds(desk)
    desk.step(EvokedForce(channel=1, percent_mvic=12))
    assert desk.look().channels[0].evoked_percent_mvic == 12


def test_the_virtual_muscle_says_its_share_and_a_channel_that_rests_says_none(desk: Desk) -> None:
    desk.therapy()
    until_it_holds(desk)
    for channel in (1, 2):
        desk.step(PracticeState(channel=channel, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    shares = {view.channel: view.evoked_percent_mvic for view in desk.look().channels}
    assert shares[1] == 10
    desk.step(PracticeState(channel=9, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    assert {view.channel: view.evoked_percent_mvic for view in desk.look().channels} == shares
