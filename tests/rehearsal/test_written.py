"""A device that plays each list once: the world's checker knows every list that was written, and believes no other."""

from __future__ import annotations

import pytest

from estim.drivers.sciencemode1 import ChannelList, encode_init, encode_update, list_of
from estim.rehearsal.campaign import Story, play_story
from estim.rehearsal.written import Written
from estim.safety.commands import ChannelOutput, SetOutput
from estim.safety.units import MicroAmp, Micros
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import Fault
from tests.rehearsal.planted import world_plan

LISTED: ChannelList = list_of((1,))


def update(amplitude_ua: int) -> bytes:
    output = ChannelOutput(
        channel=1,
        amplitude_ua=MicroAmp(amplitude_ua),
        pulse_width_us=Micros(300),
        interphase_us=Micros(100),
        period_us=Micros(25_000),
    )
    return encode_update(SetOutput(channels=(output,)), LISTED)


def pulse(t_us: int, peak_ua: int) -> Pulse:
    return Pulse(t_us, 1, peak_ua * 300, -peak_ua * 300, 300, 100, peak_ua)


def wrote(*faults: Fault, amplitude_ua: int = 10_000) -> Written:
    written = Written(faults)
    written.write(encode_init(LISTED), 0)
    written.write(update(amplitude_ua), 1_000_000)
    return written


def test_a_list_plays_once_and_no_higher_than_it_was_written() -> None:
    written = wrote()
    assert written.asked_us(pulse(1_002_500, 12_000)) is None, "higher than commanded"
    assert written.asked_us(pulse(1_002_500, 10_000)) == 1_000_000
    assert written.asked_us(pulse(1_027_500, 10_000)) is None, "a second time"


def test_nothing_was_written_for_it() -> None:
    assert Written(()).asked_us(pulse(1_000, 2_000)) is None
    assert wrote().asked_us(pulse(999_000, 10_000)) is None, "before it was written"
    assert wrote().asked_us(pulse(1_300_000, 10_000)) is None, "no wire is so slow"


def test_a_list_that_a_slow_wire_brings_late_is_the_one_that_was_written() -> None:
    slow = Fault(at_us=900_000, kind="late", for_us=2_000_000, size=7)
    written = wrote(slow)
    assert written.asked_us(pulse(1_283_000, 10_000)) == 1_000_000
    assert written.asked_us(pulse(1_284_000, 10_000)) is None


def test_a_doubled_piece_is_one_more_pulse_and_no_two() -> None:
    written = wrote(Fault(at_us=990_000, kind="duplicate", for_us=100_000))
    assert written.asked_us(pulse(1_002_500, 10_000)) == 1_000_000
    assert not written.doubled
    assert written.asked_us(pulse(1_005_500, 10_000)) == 1_000_000
    assert written.doubled
    assert written.asked_us(pulse(1_008_500, 10_000)) is None


@pytest.mark.parametrize("seed", [910372, 131, 23])  # two late wires, with a pulse after the loss; a doubled piece
def test_a_late_or_doubled_list_breaks_no_world(seed: int) -> None:
    assert play_story(world_plan("rehastim1"), Story.from_seed(seed)).broken == {}


@pytest.mark.parametrize("seed", [950011, 950173])
def test_dry_pads_and_an_open_lead_that_nobody_tells_of_break_nothing(seed: int) -> None:
    """950011: the output stage has too little voltage for the list; 950173: raised while the lead was in the air."""
    assert play_story(world_plan("rehastim1"), Story.from_seed(seed)).broken == {}


def test_dry_pads_make_a_pulse_lower_and_never_higher() -> None:
    written = wrote(Fault(at_us=900_000, kind="low-current", for_us=2_000_000, size=1, channel=1))
    assert written.asked_us(pulse(1_002_500, 12_000)) is None
    assert written.asked_us(pulse(1_002_500, 8_000)) == 1_000_000
