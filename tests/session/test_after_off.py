"""What nobody could know is booked as given: from an off to its confirmation, or the end of the device's timer."""

from __future__ import annotations

import pytest

from estim.safety.commands import OutputOff
from estim.safety.reports import DeviceLost, DeviceStatus, Identified, LinkDown, Superseded
from estim.session import effects, events
from estim.session.state import Phase
from tests.session.desk import OFF, Desk

PERIOD_US = 20_000  # of the protocol that the desk plays: 50 Hz


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.therapy()
    made.hold()
    return made


def unknown(desk: Desk) -> int:
    return desk.engine.account("therapy", 1).unacknowledged_pulses


def known(desk: Desk) -> int:
    return desk.engine.account("therapy", 1).pulses


def test_an_off_that_is_confirmed_at_once_leaves_nothing_open_but_a_pulse_of_that_moment(desk: Desk) -> None:
    assert desk.ask(events.Stop).accepted
    assert unknown(desk) <= 1
    assert desk.engine.phase is Phase.READY or desk.engine.phase is Phase.CONFIGURED


@pytest.mark.parametrize("end", ["stop", "pause", "fault"])
def test_until_off_is_confirmed_output_counts_as_on(desk: Desk, end: str) -> None:
    desk.answers = False
    before = known(desk)
    if end == "fault":
        desk.step(events.ClockJumped(late_us=300_000))
    else:
        assert desk.ask(events.Stop if end == "stop" else events.Pause).accepted
    desk.let_pass(0.8)
    desk.step(OFF)
    assert known(desk) >= before
    assert 40 <= unknown(desk) <= 41
    assert desk.logged("dose")[-1]["channels"][0]["unacknowledged_pulses"] == unknown(desk) or end == "pause"


def test_where_the_link_is_cut_until_the_devices_own_timer_has_run_out(desk: Desk) -> None:
    desk.answers = False
    desk.step(LinkDown(reason="pulled"))
    desk.let_pass(30)
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert 100 <= unknown(desk) <= 101, "2 s at 50 Hz, however long it took to find it again"


def test_a_record_that_ends_uncertain_counts_the_whole_timer(desk: Desk) -> None:
    desk.answers = False
    desk.step(events.ConsoleGone())
    desk.let_pass(1.2)
    assert desk.logged("end")[-1]["outcome"] == "uncertain"
    assert 100 <= desk.logged("end")[-1]["dose"][0]["unacknowledged_pulses"] <= 101


def test_a_record_that_ends_long_after_the_link_was_cut_counts_no_more_than_the_timer(desk: Desk) -> None:
    desk.answers = False
    desk.step(LinkDown(reason="pulled"))
    desk.let_pass(30)
    desk.step(events.ConsoleGone())
    desk.let_pass(1.2)
    assert desk.logged("end")[-1]["outcome"] == "uncertain"
    assert 100 <= desk.logged("end")[-1]["dose"][0]["unacknowledged_pulses"] <= 101


def test_a_device_that_goes_on_in_a_rest_counts_from_its_last_command(desk: Desk) -> None:
    while desk.last().channels:
        desk.let_pass(0.1)
    before = unknown(desk)
    desk.let_pass(0.5)
    desk.answers = False
    desk.step(DeviceStatus(output_on=True, level_open=True, active_channels=(1,)))
    assert desk.engine.phase is Phase.FAULT
    desk.step(OFF)
    assert unknown(desk) - before >= 500_000 // PERIOD_US


def test_an_off_says_nothing_twice(desk: Desk) -> None:
    desk.answers = False
    assert desk.ask(events.Stop).accepted
    desk.let_pass(0.3)
    assert desk.ask(events.Stop).accepted
    desk.let_pass(0.1)
    desk.step(OFF)
    assert 20 <= unknown(desk) <= 21
    offs = [e for e in desk.effects if isinstance(e, effects.Send) and isinstance(e.command, OutputOff)]
    assert len(offs) >= 2


def test_a_device_that_plays_by_itself_where_nothing_runs_counts_as_on_until_off_is_confirmed() -> None:
    desk = Desk()
    desk.therapy()
    desk.hold()
    assert desk.ask(events.Stop).accepted
    assert desk.configure("therapy").accepted
    assert desk.engine.phase is Phase.CONFIGURED
    desk.step(OFF)
    before, desk.answers = unknown(desk), False
    desk.let_pass(0.4)
    desk.step(DeviceStatus(output_on=True, level_open=True, active_channels=(1,)))
    assert desk.phase is Phase.FAULT
    desk.let_pass(0.6)
    desk.step(OFF)
    assert 50 <= unknown(desk) - before <= 52, "a second at 50 Hz: from its last word that it is idle"
    assert desk.logged("dose")[-1]["channels"][0]["unacknowledged_pulses"] == unknown(desk)


def test_a_fall_that_was_never_sent_leaves_the_device_at_what_it_had(desk: Desk) -> None:
    desk.answers = False
    assert desk.ask(events.Lower, channel=1, percent=100).accepted
    desk.let_pass(0.1)
    fall = desk.command_n
    before = unknown(desk)
    desk.step(Superseded(seq=fall))
    desk.let_pass(0.2)
    desk.step(DeviceLost(reason="no answer"))
    desk.let_pass(0.1)
    desk.step(OFF)
    assert unknown(desk) - before >= 10, "0.2 s at 50 Hz at the least"
