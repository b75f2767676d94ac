"""What RehaStim2 alone does: Init, watchdog, its errors, what it can't play."""

from __future__ import annotations

import itertools

import pytest

from estim.safety.errors import InterlockTripped
from estim.safety.reports import (
    Acknowledged,
    ChannelFault,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    Identified,
    Prepared,
    Superseded,
)

from .scripted import ScriptedRehaStim2
from .table import Table, case
from .wire_bench import admit, output, pulse


def reha() -> tuple[Table, ScriptedRehaStim2]:
    table = Table(case("rehastim2")).on()
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
        output(pulse(1, 20), pulse(2, 20, period_us=25_000)),
        output(pulse(1, 20, period_us=7_500)),
        output(pulse(1, 21)),
        output(pulse(1, 20, width_us=501)),
    ],
)
def test_rehastim2_refuses_what_it_cannot_play(wrong: object) -> None:
    table, _ = reha()
    with pytest.raises(InterlockTripped):
        table.driver.submit(admit(wrong, table.now_us), table.now_us)  # type: ignore[arg-type]


def test_prepare_with_a_period_that_cannot_be_coded_is_a_fault() -> None:
    table = Table(case("rehastim2")).ready()
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


def test_other_channels_and_another_rate_are_initialised_anew() -> None:
    table, stim = reha()
    seq = table.submit(output(pulse(3, 20, period_us=50_000)))
    assert table.wait(Acknowledged).seq == seq
    assert set(stim.running) == {3}
    inits = [data for _, _, command, data in stim.heard if command == 30]
    assert inits[-1] == bytes((0, 0b111, 0, 13, 0, 98, 0))
    seq = table.submit(output(pulse(1, 10, period_us=50_000), pulse(3, 20, period_us=50_000)))
    assert table.wait(Acknowledged).seq == seq
    assert len([data for _, _, command, data in stim.heard if command == 30]) == len(inits)
    table.run(2_000_000)
    assert table.last(DeviceStatus).output_on


def test_output_asked_for_while_it_is_initialised_anew_wins() -> None:
    table, stim = reha()
    table.run(50_000)
    first = table.submit(output(pulse(3, 20, period_us=50_000)))
    table.run(1_500)
    second = table.submit(output(pulse(3, 10, period_us=50_000)))
    third = table.submit(output(pulse(3, 12, period_us=50_000)))
    table.run(300_000)
    assert {report.seq for report in table.of(Superseded)} <= {first, second}
    assert table.of(Acknowledged)[-1].seq == third
    assert stim.running[3][3] == 12


def test_zero_that_waits_gives_way_to_output() -> None:
    table, stim = reha()
    table.run(100_000)
    table.submit(output(pulse(1, 22)))
    zero = table.submit(output(pulse(1, 0)))
    last = table.submit(output(pulse(1, 24)))
    table.run(300_000)
    assert [report.seq for report in table.of(Superseded)] == [zero]
    assert table.of(Acknowledged)[-1].seq == last
    assert stim.running[1][3] == 24


def test_status_is_never_held_by_a_slow_rate() -> None:
    table = Table(case("rehastim2")).ready()
    table.prepare(1, period_us=1_000_000)
    table.wait(Prepared)
    table.poll_us = 250_000
    table.submit(output(pulse(1, 2, period_us=1_000_000)))
    for amplitude in (4, 6, 8):
        table.submit(output(pulse(1, amplitude, period_us=1_000_000)))
        table.run(100_000)
    table.run(3_000_000)
    times = [at for at, report in table.reports if isinstance(report, DeviceStatus)]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 300_000
