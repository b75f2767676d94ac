"""Pulses that a RehaStim 1 made of damaged bytes: the world believes those alone that such bytes asked for."""

from __future__ import annotations

import pytest

from estim.drivers.sciencemode1 import STOP, encode_init, list_of
from estim.rehearsal.campaign import Story, play_story
from estim.rehearsal.damaged import Damaged
from estim.rehearsal.faulty import Verdict
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import Fault
from tests.rehearsal.planted import world_plan

SINGLE = bytes.fromhex("E4002004")  # channel 1, 32 µs, 4 mA
UPDATE = bytes.fromhex("A4002004")  # the same as an update of a list of channel 1


def pulse(t_us: int, peak_ua: int = 4_000, width_us: int = 32, channel: int = 1) -> Pulse:
    return Pulse(t_us, channel, peak_ua * width_us, -peak_ua * width_us, width_us, 100, peak_ua)


def arrived(*pieces: tuple[bytes, bool]) -> Damaged:
    damaged = Damaged(())
    for at, (piece, whole) in enumerate(pieces):
        damaged.arrives(piece, 10_000 * at, whole=whole)
    return damaged


@pytest.mark.hazard("H55")
def test_a_pulse_is_the_devices_own_only_where_damaged_bytes_asked_for_it() -> None:
    assert not arrived((SINGLE, True)).is_of(pulse(2_000)), "as it was written"
    assert not arrived((SINGLE, False)).is_of(pulse(1_000)), "before it could play"
    assert not arrived((SINGLE, False)).is_of(pulse(60_000)), "long after"
    for other in (pulse(2_000, 6_000), pulse(2_000, width_us=33), pulse(2_000, channel=2)):
        assert not arrived((SINGLE, False)).is_of(other)
    damaged = arrived((SINGLE, False))
    assert damaged.is_of(pulse(2_000))
    assert not damaged.is_of(pulse(2_100)), "a second time"
    assert damaged.pulses == 1


def test_one_damaged_byte_is_enough_and_a_new_command_ends_it() -> None:
    assert arrived((SINGLE[:1], False), (SINGLE[1:], True)).is_of(pulse(12_000))
    assert not arrived((b"\xe4", False), (SINGLE, True)).is_of(pulse(12_000))


def test_an_update_needs_a_list_and_a_damaged_list_spoils_what_follows() -> None:
    init = encode_init(list_of((1,)))
    assert not arrived((UPDATE, False)).is_of(pulse(2_000)), "no list"
    assert arrived((init, True), (UPDATE, False)).is_of(pulse(12_000))
    assert not arrived((init, True), (UPDATE, True)).is_of(pulse(12_000))
    goes_on = arrived((init, False), (UPDATE, True))
    assert all(goes_on.is_of(pulse(12_000 + 5_000 * n)) for n in range(100))
    assert not goes_on.goes_on, "damaged, and yet a list of one pass"
    by_itself = arrived((init[:5] + b"\x08", False))  # the check does not see this bit: each 4 ms, until a stop
    assert by_itself.goes_on
    assert not arrived((init[:5] + b"\x08", False), (STOP, True)).goes_on
    stopped = arrived((init, False), (UPDATE, True), (STOP, True))
    assert not stopped.is_of(pulse(200_000))


def flipped(at_us: int, for_us: int, bits: int) -> Verdict:
    flip = Fault(at_us=at_us, kind="flip", for_us=for_us, size=bits)
    story = Story(seed=960_108, faults=(flip,), whims=(), stubborn=False, twitches=False, share_percent=100)
    return play_story(world_plan("rehastim1"), story)


@pytest.mark.hazard("H55")
@pytest.mark.parametrize("bits", [3, 4])
def test_while_nothing_flows_a_flip_on_the_wire_plays_nothing(bits: int) -> None:
    """Four wrong bits played 80 mA here, of a channel list that was written long before its first pulse."""
    verdict = flipped(1_541_771, 926_297, bits)
    assert (verdict.broken, verdict.damaged, verdict.pulses) == ({}, 0, 0)


def test_what_the_check_lets_pass_in_a_contraction_is_counted_apart() -> None:
    verdict = flipped(2_100_000, 50_000, 2)
    assert (verdict.broken, verdict.damaged) == ({}, 1)
