"""What P24 and RehaMove3 alone do: channel errors, levels, general errors."""

from __future__ import annotations

import pytest

from estim.safety.reports import Battery, ChannelFault, DeviceFault, DeviceStatus

from .scripted import ScriptedMidLevel
from .table import MID_LEVEL, Table, case
from .wire_bench import output, pulse


@pytest.fixture(params=MID_LEVEL, ids=lambda case: case.model)
def mid(request: pytest.FixtureRequest) -> Table:
    return Table(request.param).on()


@pytest.mark.hazard("H20")
def test_channel_error_names_channel_and_cable(mid: Table) -> None:
    assert isinstance(mid.stim, ScriptedMidLevel)
    mid.stim.errors = {2: 1}
    mid.stim.running = {}
    fault = mid.wait(ChannelFault)
    assert (fault.channel, fault.kind) == (2, "electrode")
    assert "blue" in fault.text
    mid.run(2_000_000)
    assert len(mid.of(ChannelFault)) == 1  # the same error is told once
    assert not mid.last(DeviceStatus).output_on


def test_p24_tells_low_current_and_timeout_apart() -> None:
    table = Table(case("p24")).on()
    assert isinstance(table.stim, ScriptedMidLevel)
    table.stim.errors = {1: 3, 8: 2}
    table.run(1_000_000)
    assert {(fault.channel, fault.kind) for fault in table.of(ChannelFault)} == {
        (1, "low-current"),
        (8, "pulse-timeout"),
    }
    assert any("green-white" in fault.text for fault in table.of(ChannelFault))


@pytest.mark.parametrize(("result", "kind"), [(10, "electrode"), (16, "pulse-timeout"), (28, "low-current")])
def test_error_in_the_result_byte_alone_is_a_channel_fault(result: int, kind: str) -> None:
    table = Table(case("p24")).on()
    table.stim.override[36] = lambda _d: bytes((result, 4, 0, 0, 0, 0, 0))
    fault = table.wait(ChannelFault)
    assert (fault.channel, fault.kind) == (None, kind)


def test_level_that_ended_by_itself_is_seen(mid: Table) -> None:
    assert isinstance(mid.stim, ScriptedMidLevel)
    mid.stim.state, mid.stim.running = 0, {}
    mid.run(500_000)
    assert mid.is_off()


def test_stop_ends_low_level_too(mid: Table) -> None:
    assert isinstance(mid.stim, ScriptedMidLevel)
    mid.stim.state = 1
    mid.off()
    mid.run(50_000)
    assert mid.is_off()


def test_high_voltage_that_stays_is_not_off(mid: Table) -> None:
    mid.stim.override[62] = lambda _d: b"\0\0\x06"
    mid.off()
    mid.run(1_000_000)
    assert not mid.is_off()


@pytest.mark.parametrize("command", [66, 67])
def test_general_error_fails_the_call_that_waits(mid: Table, command: int) -> None:
    mid.run(30_000)
    mid.stim.override[32] = lambda _d: None
    seq = mid.submit(output(pulse(1, 22)))
    mid.run(2_000)
    assert isinstance(mid.stim, ScriptedMidLevel)
    mid.stim.send(7, command, b"\x01" if command == 66 else b"\x0b")
    assert mid.wait(DeviceFault).seq == seq


def test_general_error_out_of_nothing_is_a_fault(mid: Table) -> None:
    mid.poll_us = None
    mid.run(50_000)
    assert isinstance(mid.stim, ScriptedMidLevel)
    mid.stim.send(0, 66, b"\x08")
    assert "high voltage" in mid.wait(DeviceFault).text


def test_p24_opens_with_stop_on_all_errors() -> None:
    table = Table(case("p24")).on()
    assert [data for _, _, command, data in table.stim.heard if command == 30] == [b"\x01"]


def test_rehamove3_tells_its_battery() -> None:
    table = Table(case("rehamove3")).ready()
    table.status()
    battery = table.wait(Battery)
    assert (battery.percent, battery.millivolt) == (87, 3972)
