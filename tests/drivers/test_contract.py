"""One suite for every driver, against scripted devices: connect, run, raise, stop, and all that can go wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from estim.drivers.models import MODELS
from estim.safety.errors import InterlockTripped
from estim.safety.reports import (
    Acknowledged,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    Identified,
    Noise,
    Prepared,
    Superseded,
)

from .scripted import ScriptedMidLevel, ScriptedRehaStim2
from .table import CASES, MID_LEVEL, Case, Table
from .wire_bench import WireBench, admit, output, pulse


@pytest.fixture(params=CASES, ids=lambda case: case.model)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_connect_identifies_an_idle_device(case: Case) -> None:
    table = Table(case)
    table.connect()
    found = table.wait(Identified)
    assert found.model == case.model
    assert "ScienceMode" in found.firmware
    assert found.device_id == ("" if case.model == "rehastim2" else "SIM1234567")
    assert not table.of(DeviceLost)


@pytest.mark.hazard("H18")
def test_connect_to_a_running_device_stops_it_first(case: Case) -> None:
    table = Table(case)
    if isinstance(table.stim, ScriptedRehaStim2):
        table.stim.connected, table.stim.mode = True, 2
        table.stim._valid_us = table.now_us
    else:
        table.stim.state = 3
    table.stim.running = {1: b""}
    began = table.now_us
    table.connect()
    while table.stim.running:
        table.run(100)
    assert table.now_us - began <= 2_000
    table.wait(Identified)


def test_connect_leaves_an_open_low_level() -> None:
    for case in MID_LEVEL:
        table = Table(case)
        assert isinstance(table.stim, ScriptedMidLevel)
        table.stim.state = 1
        table.connect()
        table.wait(Identified)
        assert table.stim.state == 0


def test_connect_to_nothing_ends_in_lost(case: Case) -> None:
    table = Table(case)
    table.to_host = lambda _data: b""
    table.connect()
    table.wait(DeviceLost)
    assert not table.of(Identified)


@pytest.mark.parametrize("lost", range(5))
def test_an_answer_to_connect_that_is_lost_is_asked_for_again(case: Case, lost: int) -> None:
    """A first connect beside a busy machine ended as a lost device, although nothing is delivered while it connects."""
    table = Table(case)
    frames = itertools.count()
    table.to_host = lambda data: b"" if next(frames) == lost else data
    table.connect()
    table.wait(Identified)
    table.run(1_000_000)
    assert len(table.of(Identified)) == 1
    assert not table.of(DeviceLost)


def test_a_device_that_begins_450_ms_late_is_identified_once(case: Case) -> None:
    table = Table(case)
    late: list[bytes] = []
    began_us = table.now_us

    def answers(data: bytes) -> bytes:
        late.append(data)
        if table.now_us - began_us < 450_000:
            return b""
        data = b"".join(late)
        late.clear()
        return data

    table.to_host = answers
    table.connect()
    table.wait(Identified)
    table.run(300_000)
    assert len(table.of(Identified)) == 1
    assert not table.of(DeviceLost)
    table.prepare(1)
    table.wait(Prepared)


def test_device_that_stays_open_is_never_identified(case: Case) -> None:
    table = Table(case)
    table.stim.override[case.status] = lambda _d: b"\0\x02" if case.model == "rehastim2" else b"\0\x03\x06"
    table.connect()
    table.wait(DeviceLost)
    assert not table.of(Identified)


@pytest.mark.hazard("H37")
def test_unknown_protocol_version_is_refused(case: Case) -> None:
    table = Table(case)
    if isinstance(table.stim, ScriptedRehaStim2):
        table.stim.version = 2
    else:
        table.stim.protocol = (5, 0, 0)
    table.connect()
    lost = table.wait(DeviceLost)
    assert "speaks ScienceMode" in lost.reason
    assert not table.of(Identified)
    table.run(2_000)
    if case.model == "rehastim2":
        assert table.stim.heard[-1][2:] == (2, b"\xfb")


def test_run_raise_and_fall(case: Case) -> None:
    table = Table(case).on(20)
    status = table.wait(DeviceStatus)
    assert status.output_on
    assert status.level_open
    for amplitude in (22, 24, 10):
        seq = table.submit(output(pulse(1, amplitude), pulse(2, amplitude)))
        assert table.wait(Acknowledged).seq == seq
    assert set(table.stim.running) == {1, 2}
    table.submit(output(pulse(2, 10)))
    table.wait(Acknowledged)
    assert set(table.stim.running) == {2}


def test_zero_output_is_no_output_in_the_devices_own_status(case: Case) -> None:
    table = Table(case).on()
    seq = table.submit(output(pulse(1, 0)))
    assert table.wait(Acknowledged).seq == seq
    assert not table.stim.running
    status = table.wait(DeviceStatus)
    assert not status.output_on
    assert status.level_open
    table.submit(output(pulse(1, 20)))
    table.wait(Acknowledged)
    assert 1 in table.stim.running


def test_newer_output_takes_the_place_of_one_that_waits(case: Case) -> None:
    table = Table(case).on()
    table.run(100_000)
    first = table.submit(output(pulse(1, 22)))
    second = table.submit(output(pulse(1, 24)))
    third = table.submit(output(pulse(1, 26)))
    table.run(200_000)
    assert [report.seq for report in table.of(Superseded)] == [second]
    assert [report.seq for report in table.of(Acknowledged)] == [first, third]


def with_an_update_in_flight(case: Case) -> Table:
    """On a slow link; what is asked now waits for the update's answer. No question but the test's own."""
    table = Table(case, delay_us=40_000).on()
    table.poll_us = None
    table.run(100_000)
    table.stim.heard.clear()
    table.submit(output(pulse(1, 22)))
    return table


def updates(table: Table, count: int) -> list[bool]:
    """Of the first commands that the device heard, whether each was an update."""
    return [command == table.case.update for _, _, command, _ in table.stim.heard[:count]]


@pytest.mark.hazard("H06")
def test_a_fall_goes_ahead_of_questions_and_of_each_of_them_once(case: Case) -> None:
    """Found in rehearsals: on a slow link a level of 0 waited for the answer to a question that waited before it."""
    table = with_an_update_in_flight(case)
    table.driver.request_status(table.now_us)
    for amplitude_ma in (18, 16, 14, 12, 10):
        table.submit(output(pulse(1, amplitude_ma)))
        table.driver.request_status(table.now_us)  # a second one is not put while one waits
        table.run(60_000)
    table.run(400_000)
    assert updates(table, 4) == [True, True, False, True]


def test_a_question_asked_while_a_fall_waits_goes_behind_it(case: Case) -> None:
    table = with_an_update_in_flight(case)
    table.submit(output(pulse(1, 10)))
    table.driver.request_status(table.now_us)
    table.run(400_000)
    assert updates(table, 3) == [True, True, False]


@pytest.mark.hazard("H06")
def test_what_takes_the_place_of_a_waiting_fall_goes_ahead_of_a_question_too(case: Case) -> None:
    """Channel 1 falls, and before that is sent channel 2 rises: the device has yet to hear of the fall."""
    table = with_an_update_in_flight(case)
    table.submit(output(pulse(1, 10)))
    table.submit(output(pulse(1, 10), pulse(2, 20)))
    table.driver.request_status(table.now_us)
    table.run(400_000)
    assert updates(table, 3) == [True, True, False]


def test_stop_is_confirmed_by_the_devices_own_status(case: Case) -> None:
    table = Table(case).on()
    seq = table.off()
    table.wait(DeviceStatus)
    assert table.is_off()
    assert not table.stim.running
    assert [report.seq for report in table.of(Acknowledged)] == [seq]
    table.forget()
    table.poll_us = None
    table.run(100_000)
    assert not table.sent  # nothing is repeated once it is confirmed


def test_stop_goes_out_at_once_while_an_answer_is_awaited(case: Case) -> None:
    table = Table(case).on()
    table.run(100_000)
    table.stim.override[case.update] = lambda _d: None
    table.submit(output(pulse(1, 22)))
    waiting = table.submit(output(pulse(1, 24)))
    table.run(50_000)
    asked = table.now_us
    table.off()
    assert table.sent[-1][0] == asked
    table.wait(DeviceStatus)
    assert table.is_off()
    assert waiting in [report.seq for report in table.of(Superseded)]
    assert not table.of(DeviceLost)


@pytest.mark.parametrize("delay_us", [500, 20_000, 60_000, 450_000])
def test_stop_is_confirmed_however_slow_the_answers(case: Case, delay_us: int) -> None:
    table = Table(case).on()
    table.poll_us = None
    table.delay_us = delay_us
    table.off()
    table.run(8 * delay_us + 200_000)
    assert table.is_off()


def test_repeated_off_does_not_delay_its_confirmation(case: Case) -> None:
    table = Table(case).on()
    table.delay_us = 40_000
    began = table.now_us
    numbers = []
    while not table.is_off():
        numbers.append(table.off())
        table.run(10_000)
        assert table.now_us - began < 400_000
    assert set(numbers[:3]) <= {report.seq for report in table.of(Acknowledged)}


def stopping(case: Case) -> tuple[Table, Callable[[], list[int]]]:
    """A device that pulses, has just been told to stop and answers no stop; and the gaps between the stops it heard."""
    table = Table(case).on()
    table.run(300_000)
    table.stim.override[case.stop] = lambda _d: None
    before = len(table.stim.commands(case.stop))
    table.off()
    return table, lambda: [b - a for a, b in itertools.pairwise(table.stim.commands(case.stop)[before:])]


def test_stop_is_repeated_every_30_ms_until_acknowledged(case: Case) -> None:
    table, gaps_us = stopping(case)
    table.run(900_000)
    assert len(gaps_us()) >= 28
    assert set(gaps_us()) == {30_000}
    assert not table.is_off()
    assert not table.of(Acknowledged)
    del table.stim.override[case.stop]
    table.run(100_000)
    assert table.is_off()


@pytest.mark.hazard("H18")
def test_connecting_goes_on_with_a_stop_that_is_not_confirmed(case: Case) -> None:
    """Found in rehearsals: asked again who it is while it was silent, the device heard a stop each 100 ms instead."""
    table, gaps_us = stopping(case)
    table.run(300_000)
    table.connect()
    table.run(300_000)
    assert set(gaps_us()) == {30_000}
    assert not table.is_off()
    assert not table.of(Identified)
    del table.stim.override[case.stop]
    table.run(100_000)
    assert table.is_off()
    assert not table.stim.running
    table.run(4_000_000)
    assert len(table.of(Identified)) == 1
    assert not table.of(DeviceLost)


@pytest.mark.hazard("H36")
def test_lying_stop_is_never_off(case: Case) -> None:
    table = Table(case).on()
    table.stim.lying = True
    before = len(table.stim.commands(case.stop))
    table.off()
    table.run(900_000)
    assert not table.is_off()
    assert len(table.stim.commands(case.stop)) - before > 12
    assert any(status.output_on for status in table.of(DeviceStatus))
    table.stim.lying = False
    table.run(100_000)
    assert table.is_off()


def test_output_asked_while_off_is_unconfirmed_is_dropped(case: Case) -> None:
    table = Table(case).on()
    table.stim.override[case.stop] = lambda _d: None
    table.off()
    seq = table.submit(output(pulse(1, 22)))
    table.run(200_000)
    assert seq in [report.seq for report in table.of(Superseded)]
    assert not [data for at, _, command, data in table.stim.heard if command == case.update][1:]


@pytest.mark.hazard("H06")
def test_silent_device_is_lost_after_250_ms(case: Case) -> None:
    table = Table(case).on()
    table.run(60_000)
    table.to_host = lambda _data: b""
    began = table.now_us
    table.submit(output(pulse(1, 22)))
    table.wait(DeviceLost)
    assert table.now_us - began <= 250_000 + 2 * table.delay_us
    table.off()
    table.run(300_000)
    assert not table.is_off()  # nothing said so
    table.to_host = lambda data: data
    table.run(1_000_000)
    assert table.is_off()


def test_refused_update_is_a_fault_with_its_number(case: Case) -> None:
    table = Table(case).on()
    table.run(100_000)
    table.stim.override[case.update] = lambda _d: b"\xfe" if case.model == "rehastim2" else b"\x02"
    seq = table.submit(output(pulse(1, 22)))
    fault = table.wait(DeviceFault)
    assert fault.seq == seq
    assert "parameter error" in fault.text


def test_answer_with_a_wrong_number_counts_for_nothing(case: Case) -> None:
    table = Table(case).on()
    table.run(60_000)
    table.poll_us = None
    table.run(60_000)
    table.forget()
    for packet in range(20):
        if isinstance(table.stim, ScriptedMidLevel):
            table.stim.send((packet + 40) % 64, 33, b"\0")
        else:
            table.stim.say(33, b"\0")
    table.run(10_000)
    assert not table.of(Acknowledged)
    assert len(table.of(Noise)) == 20


@pytest.mark.hazard("H06")
def test_duplicated_answers_count_once(case: Case) -> None:
    table = Table(case).on()
    table.to_host = lambda data: data + data
    table.run(60_000)
    table.forget()
    seq = table.submit(output(pulse(1, 22)))
    table.run(100_000)
    assert [report.seq for report in table.of(Acknowledged)] == [seq]


def test_damaged_answer_to_a_question_is_asked_again(case: Case) -> None:
    table = Table(case).on()
    table.run(60_000)
    table.poll_us = None
    table.run(60_000)
    table.forget()
    damaged: list[bytes] = []

    def damage(data: bytes) -> bytes:
        if not damaged:
            damaged.append(data)
            return data[:-2] + bytes((data[-2] ^ 1,)) + data[-1:]
        return data

    table.to_host = damage
    table.status()
    assert table.wait(DeviceStatus, limit_us=20_000).output_on
    assert table.of(Noise)
    assert not table.of(DeviceLost)


def test_nothing_but_garbage_ends_in_lost_and_never_in_off(case: Case) -> None:
    table = Table(case).on()
    table.to_host = lambda data: b"\xf0" + data[1:-4] + b"\x0f"
    table.wait(DeviceLost)
    assert not table.is_off()


def test_split_answers_are_put_together(case: Case) -> None:
    table = Table(case).on()
    driver = table.driver
    table.to_host = lambda _data: b""
    table.run(60_000)
    table.poll_us = None
    table.run(300_000)
    whole: list[bytes] = []
    table.to_host = lambda data: whole.append(data) or b""  # type: ignore[func-returns-value]
    table.connect()
    while not whole:
        table.run(1_000)
    reports = [report for byte in whole[0] for report in driver.receive_data(bytes((byte,)), table.now_us)]
    assert not [report for report in reports if isinstance(report, Noise)]


@pytest.mark.hazard("H18")
def test_command_of_an_earlier_turn_is_refused(case: Case) -> None:
    table = Table(case).on()
    stale = admit(output(pulse(1, 22)), table.now_us - 1)
    with pytest.raises(InterlockTripped):
        table.driver.submit(stale, table.now_us)
    fresh = admit(output(pulse(1, 22)), table.now_us)
    table.driver.submit(fresh, table.now_us)
    with pytest.raises(InterlockTripped):
        table.driver.submit(fresh, table.now_us)


@pytest.mark.parametrize(
    "wrong",
    [
        output(pulse(1, 20.3)),
        output(pulse(1, 132)),
        output(pulse(9, 20)),
        output(pulse(2, 20), pulse(1, 20)),
        output(pulse(1, 20), pulse(1, 20)),
        output(pulse(1, 20, period_us=20_100)),
        output(pulse(1, 20, width_us=5)),
    ],
)
def test_what_the_wire_cannot_say_exactly_trips(case: Case, wrong: object) -> None:
    table = Table(case).on()
    before = len(table.sent)
    with pytest.raises(InterlockTripped):
        table.driver.submit(admit(wrong, table.now_us), table.now_us)  # type: ignore[arg-type]
    assert len(table.sent) == before


def test_stop_bytes_stop_a_running_device_without_any_state(case: Case) -> None:
    table = Table(case).on()
    fresh = MODELS[case.model].make()
    table.stim.receive(b"\xf0\x81" + fresh.stop_bytes(), table.now_us)
    assert not table.stim.running


def test_a_fresh_driver_can_take_over_with_nothing_but_off(case: Case) -> None:
    table = Table(case).on()
    other = WireBench(MODELS[case.model].make(), table.stim, delay_us=500)
    other.now_us = table.now_us
    other.off()
    other.run(20_000)
    assert any(not status.level_open for status in other.of(DeviceStatus))
    assert not table.stim.running


def test_device_that_rests_is_kept_and_asked(case: Case) -> None:
    """Idle and connected for a minute, with nothing but the session's slow questions."""
    table = Table(case).ready()
    table.poll_us = 5_000_000
    table.run(60_000_000)
    assert not table.of(DeviceLost)
    assert len(table.of(DeviceStatus)) >= 10
    assert all(not status.level_open for status in table.of(DeviceStatus))


def test_prepare_before_off_is_confirmed_is_a_fault(case: Case) -> None:
    table = Table(case).on()
    table.stim.override[case.stop] = lambda _d: None
    table.off()
    table.prepare(1)
    assert "not confirmed" in table.wait(DeviceFault).text
    assert len(table.of(DeviceFault)) == 1
