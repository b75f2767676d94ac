"""What RehaStim2 alone does: Init, watchdog, its errors, what it can't play."""

from __future__ import annotations

import itertools

import pytest

from estim.safety.errors import InterlockTripped
from estim.safety.reports import ChannelFault, DeviceFault, DeviceLost, DeviceStatus, Identified, Prepared

from .scripted import ScriptedRehaStim2
from .table import CASES, Table
from .wire_bench import admit, output, pulse


def reha() -> tuple[Table, ScriptedRehaStim2]:
    table = Table(CASES[2]).on()
    assert isinstance(table.stim, ScriptedRehaStim2)
    return table, table.stim


def test_init_in_mid_session_means_that_output_has_ended() -> None:
    table, stim = reha()
    stim.restart()
    lost = table.wait(DeviceLost)
    assert lost.output_ended
    assert not [frame for frame in stim.heard[-3:] if frame[2] == 2]  # no InitAck: nobody asked to connect
    table.run(3_000_000)
    assert len(table.of(DeviceLost)) == 1
    table.poll_us = None
    table.connect()
    table.wait(Identified)


def test_without_questions_the_watchdog_ends_the_output() -> None:
    """The driver feeds the watchdog by itself only while nothing is open."""
    table, stim = reha()
    table.poll_us = None
    began = table.now_us
    lost = table.wait(DeviceLost)
    assert lost.output_ended
    assert table.now_us - began <= 1_300_000
    assert not stim.running


def test_init_confirms_an_off_that_was_not_answered() -> None:
    table, stim = reha()
    table.to_device = lambda _data: b""
    table.off()
    table.run(1_300_000)
    assert table.is_off()
    assert not stim.running


@pytest.mark.parametrize(("code", "text"), [(0xFF, "emergency switch"), (0xFD, "module")])
def test_stimulation_errors_are_faults(code: int, text: str) -> None:
    table, stim = reha()
    stim.mode, stim.running = 0, {}
    stim.say(38, bytes((code,)))
    assert text in table.wait(DeviceFault).text
    assert not table.wait(DeviceStatus).level_open


def test_electrode_error_names_no_channel() -> None:
    table, stim = reha()
    stim.say(38, b"\xfe")
    fault = table.wait(ChannelFault)
    assert (fault.channel, fault.kind) == (None, "electrode")


def test_updates_are_a_period_apart() -> None:
    table, stim = reha()
    before = len(stim.commands(32))
    for amplitude in range(22, 60, 2):
        table.submit(output(pulse(1, amplitude)))
        table.run(5_000)
    heard = stim.commands(32)[before:]
    assert min(later - earlier for earlier, later in itertools.pairwise(heard)) >= 20_000


@pytest.mark.parametrize(
    "wrong",
    [
        output(pulse(3, 20)),
        output(pulse(1, 20, period_us=25_000)),
        output(pulse(1, 21)),
        output(pulse(1, 20, width_us=501)),
    ],
)
def test_rehastim2_refuses_what_it_cannot_play(wrong: object) -> None:
    table, _ = reha()
    with pytest.raises(InterlockTripped):
        table.driver.submit(admit(wrong, table.now_us), table.now_us)  # type: ignore[arg-type]


def test_prepare_with_a_period_that_cannot_be_coded_is_a_fault() -> None:
    table = Table(CASES[2]).ready()
    table.prepare(1, period_us=7_000)
    assert "can't be coded" in table.wait(DeviceFault).text
    assert not table.of(Prepared)


def test_a_stop_that_is_not_obeyed_ends_in_silence_that_the_watchdog_hears() -> None:
    """Every frame feeds the watchdog: repeating a stop for ever would keep a disobedient device alive."""
    table, stim = reha()
    stim.lying = True
    table.off()
    table.run(900_000)
    assert stim.running
    assert not table.is_off()
    table.run(1_400_000)
    assert not stim.running
    assert table.is_off()
