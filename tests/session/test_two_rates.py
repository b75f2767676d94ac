"""Trains of two rates, and doublets that come again: what the device is told, what is booked and counted down."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import ceil

import pytest

from estim.safety.schedule import Train, Window
from estim.safety.units import Micros
from estim.session.after_off import playing_on
from estim.session.ledger import Account
from estim.session.player import WindowPlayer
from estim.session.state import Cycle
from tests.safety.build import SECOND, window
from tests.session.desk import Desk

SLOW_US, FAST_US = 50_000, 25_000
LEVEL_UA = 10_000


def of_two_rates(first_us: int, then_us: int) -> Window:
    """2 s on, the second rate from the first's next pulse behind 0.99 s on, down in its last 0.2 s."""
    train = Train(kind="two-rate", then_period_us=Micros(then_us), after_us=Micros(990_000))
    ramps = {"ramp_up_us": Micros(500_000), "first_ramp_up_us": Micros(500_000), "ramp_down_us": Micros(200_000)}
    return replace(window(on_us=Micros(2 * SECOND), **ramps), period_us=Micros(first_us), train=train)


def player_of(plan: Window) -> WindowPlayer:
    return WindowPlayer(plan, LEVEL_UA, 500, 0, first=True)


def play(player: WindowPlayer, until_us: int = 1 << 60) -> list[tuple[int, int, int]]:
    """When it was told what: time, period, amplitude."""
    told: list[tuple[int, int, int]] = []
    while not player.ended and player.due_us() < until_us:
        at_us = player.due_us()
        if player.turn(at_us):
            told.append((at_us, player.output().period_us, player.amplitude_ua))
    return told


@pytest.mark.parametrize(("first_us", "then_us"), [(SLOW_US, FAST_US), (FAST_US, SLOW_US)])
def test_the_second_rate_is_told_for_its_own_first_pulse_and_every_pulse_is_booked(first_us: int, then_us: int) -> None:
    player = player_of(of_two_rates(first_us, then_us))
    told = play(player)
    assert [period for _, period, _ in told] == sorted((period for _, period, _ in told), reverse=first_us > then_us)
    (switch,) = [now for one, now in pairwise(told) if one[1] != now[1]]
    assert switch == (SECOND - FAST_US // 2, then_us, LEVEL_UA), "half of the shorter period before it, in the plateau"
    booked = player.take_bookings()
    assert sum(one.pulses for one in booked) == SECOND // first_us + SECOND // then_us
    assert sum(one.on_us for one in booked) == 2 * SECOND
    falling = [at_us for at_us, _, amplitude_ua in told if at_us > SECOND and amplitude_ua < LEVEL_UA]
    assert falling[0] == 2 * SECOND - 200_000 - FAST_US // 2
    assert falling[-1] == 2 * SECOND - FAST_US // 2, "it ends behind its last pulse, a period of the second rate later"


@pytest.mark.parametrize(("first_us", "then_us"), [(SLOW_US, FAST_US), (FAST_US, SLOW_US)])
def test_what_is_left_of_it_is_counted_in_both_rates(first_us: int, then_us: int) -> None:
    player = player_of(of_two_rates(first_us, then_us))
    play(player, SECOND + 500_000)
    assert player.remaining_us(SECOND + 500_000) == 500_000
    assert player.turn_us(SECOND + 500_000) == 300_000
    assert player.cycle(1_799_999) is Cycle.HOLD
    assert player.cycle(1_800_000) is Cycle.RAMP_DOWN
    assert player.turn_us(1_900_000) == 100_000


def test_a_fall_in_the_second_rate_is_booked_from_its_next_pulse_on() -> None:
    player = player_of(of_two_rates(SLOW_US, FAST_US))
    play(player, SECOND + 500_000)
    player.take_bookings()
    assert player.set_level(5_000, SECOND + 510_000)
    assert player.output().amplitude_ua == 5_000
    assert player.output().period_us == FAST_US
    (before,) = player.take_bookings()
    assert (before.amplitude_ua, before.pulses) == (LEVEL_UA, 21), "from 1.000 to 1.500 s"
    play(player)
    assert sum(one.pulses for one in player.take_bookings()) == 19


@pytest.mark.parametrize(
    ("first_us", "then_us", "next_us"), [(SLOW_US, FAST_US, 1_525_000), (FAST_US, SLOW_US, 1_550_000)]
)
def test_what_may_come_after_an_off_is_counted_from_the_second_rates_next_pulse(
    first_us: int, then_us: int, next_us: int
) -> None:
    """Found: it was counted by the first rate, and a pulse that came before that was booked nowhere."""
    player = player_of(of_two_rates(first_us, then_us))
    play(player, SECOND + 510_000)
    (still,) = playing_on([player], SECOND + 510_000)
    assert [still.pulses_until(at_us) for at_us in (next_us - 1, next_us, next_us + 50_000)] == [0, 1, 3]


def test_a_doublet_that_may_come_after_an_off_is_two_pulses() -> None:
    """Found: 533 pulses came out, 532 were booked."""
    train = Train(kind="catch", burst_pulses=2, burst_interval_us=Micros(8_000), times=1, repeat_us=Micros(200_000))
    player = player_of(replace(of_two_rates(SLOW_US, FAST_US), train=train))
    play(player, SECOND)
    (still,) = playing_on([player], SECOND)
    assert still.pulses_until(SECOND + 1) == 2


def test_a_second_rate_that_the_device_was_not_told_is_not_booked() -> None:
    player = player_of(of_two_rates(FAST_US, SLOW_US))
    play(player, SECOND - 100_000)
    player.take_bookings()
    before = player._counted
    player.end(2 * SECOND)  # a turn that came so late: what plays is still the first rate
    (late,) = player.take_bookings()
    assert before + late.pulses == 2 * SECOND // FAST_US


def test_what_a_lost_command_left_playing_counts_at_the_most_that_was_told_before() -> None:
    player = player_of(of_two_rates(FAST_US, SLOW_US))
    play(player, SECOND + 100_000)
    player.take_bookings()
    player.sent(7)
    player.end(SECOND + 300_000)
    (lost,) = player.take_bookings()
    assert (lost.pulses, lost.most_pulses, lost.on_us) == (6, 12, 300_000)
    for acknowledged_n, account in (
        (6, Account(unacknowledged_pulses=12)),
        (7, Account(6, 15_000_000, 300_000, 10_000)),
    ):
        taken = Account()
        taken.add(lost, 250, acknowledged_n)
        assert taken == account


def test_what_is_shown_of_the_current_on_a_pad_is_of_the_faster_rate() -> None:
    desk = Desk("quadriceps-two-rates")
    desk.therapy()
    (channel,) = desk.look().channels
    assert channel.level_ua == 5_000
    rms_ua = 5_000 * (2 * 250e-6 * 40) ** 0.5  # two phases of 250 µs, 40 times a second
    assert channel.density_ua_per_cm2 == ceil(rms_ua / (7 * 13)) == 8
