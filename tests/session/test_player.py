"""One window, pulse by pulse: what a new level and a closing gate do to the commands that are still to come."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from estim.safety.ramp import step_bound_ua
from estim.safety.schedule import Train
from estim.safety.units import Micros
from estim.session.booking import LastAck
from estim.session.player import CLOSE_AHEAD_US, WindowPlayer
from tests.safety.build import SECOND, window


def playing(until_us: int, *, hz: int = 50, on_us: int = 2 * SECOND) -> WindowPlayer:
    """A window of 2 s at 10 mA from time 0, played until `until_us` in turns of 1 ms."""
    period_us = SECOND // hz
    plan = window(
        on_us=Micros(on_us), period_us=Micros(period_us), frequency_mhz=hz * 1000, ramp_up_us=Micros(period_us),
        first_ramp_up_us=Micros(period_us), ramp_down_us=Micros(0),
    )  # fmt: skip
    player = WindowPlayer(plan, 10_000, 1_000, 0, first=False)
    for now_us in range(0, until_us, 1_000):
        player.turn(now_us)
    return player


@pytest.mark.parametrize("level_ua", [11_000, 9_000, 0])
@pytest.mark.parametrize("hz", [2, 50])
def test_a_new_level_after_the_last_pulse_does_not_lose_the_command_that_ends_it(level_ua: int, hz: int) -> None:
    """Found at 2 Hz: a raise in the last period made the player believe that it was off, and nobody told the device."""
    on_us, period_us = 2 * SECOND, SECOND // hz
    last_us = on_us - period_us  # the last pulse
    now_us = last_us + 1_000
    player = playing(now_us, hz=hz)
    assert player.amplitude_ua > 0
    assert player.set_level(level_ua, now_us) is False
    assert player.amplitude_ua > 0  # the device still has it
    off = [at_us for at_us in range(now_us, on_us + 1, 500) if player.turn(at_us)]
    assert len(off) == 1
    assert player.amplitude_ua == 0
    assert player.ended
    assert off[0] <= on_us - period_us // 2 + 500


def test_a_fall_while_pulses_come_is_sent_at_once_and_a_rise_with_the_next_pulse() -> None:
    player = playing(1_000_000)
    assert player.set_level(5_000, 1_001_000) is True
    assert player.amplitude_ua == 5_000
    assert player.set_level(6_000, 1_005_000) is False
    assert player.amplitude_ua == 5_000
    assert [player.amplitude_ua for at_us in range(1_005_000, 1_040_000, 500) if player.turn(at_us)] == [6_000]


@pytest.mark.parametrize("since_pulse_us", [500, 5_000, 10_500, 15_000, 19_500])
def test_a_gate_closes_with_a_pulse_that_a_command_reaches_in_time(since_pulse_us: int) -> None:
    period_us = 20_000
    player = playing(1_000_000)
    now_us = 1_000_000 + since_pulse_us
    player.close(now_us)
    sent = next(at_us for at_us in range(now_us, now_us + 2 * period_us, 100) if player.turn(at_us))
    next_pulse_us = -(-(sent + 1) // period_us) * period_us
    assert next_pulse_us - sent >= CLOSE_AHEAD_US - 100
    assert sent - now_us <= period_us


def test_a_level_that_rises_within_the_ramp_makes_no_double_step() -> None:
    """On a grid of 2 mA the ramp's last step and the raise would be one of 4 (world 2054 of the RehaStim2)."""
    plan = window(on_us=Micros(2 * SECOND), first_ramp_up_us=Micros(500_000), ramp_down_us=Micros(0))
    player = WindowPlayer(plan, 12_000, 2_000, 0, first=True)
    played = [0]
    for now_us in range(0, 1_000_000, 1_000):
        if player.amplitude_next_ua == 12_000 and player.due_us() - now_us == 5_000:
            player.set_level(14_000, now_us)
        if player.turn(now_us):
            played.append(int(player.amplitude_ua))
    assert played[-1] == 14_000
    assert {after - before for before, after in pairwise(played)} == {2_000}


def test_a_raise_in_a_ramp_that_late_turns_held_back_is_felt_as_one_raise() -> None:
    """4.5 mA flowed of 5 when 6 mA became durable: the next pulse had 6 (slow disk, late turns: hardship 3)."""
    plan = window(on_us=Micros(2 * SECOND), first_ramp_up_us=Micros(200_000), ramp_down_us=Micros(0))
    player = WindowPlayer(plan, 5_000, 500, 0, first=True)
    played = [0]
    for now_us in range(0, SECOND, 1_000):
        if player.amplitude_ua == 4_500 and player.level_ua == 5_000:
            player.set_level(6_000, now_us)
        if player.turn(now_us):
            played.append(int(player.amplitude_ua))
    assert played[-1] == 6_000
    assert max(after - before for before, after in pairwise(played)) <= 1_000


@pytest.mark.parametrize("level_ua", [8_000, 10_000, 11_000])
@pytest.mark.parametrize("gap_us", [30_000, 90_000, 240_000])
def test_a_level_that_is_set_after_a_late_turn_lets_no_ramp_catch_up(gap_us: int, level_ua: int) -> None:
    """The next pulse would have got all that the missed ones had not (P24, world 2004164: 6.5 mA at once)."""
    plan = window(on_us=Micros(2 * SECOND), first_ramp_up_us=Micros(500_000), ramp_down_us=Micros(0))
    player = WindowPlayer(plan, 10_000, 500, 0, first=True)
    played = [0]
    for now_us in (*range(0, 200_001, 1_000), *range(200_000 + gap_us, SECOND, 1_000)):
        fell = now_us == 200_000 + gap_us and player.set_level(level_ua, now_us)
        if player.turn(now_us) or fell:
            played.append(int(player.amplitude_ua))
    assert played[-1] == level_ua
    assert max(after - before for before, after in pairwise(played)) <= step_bound_ua(level_ua, 500, first=True)


@pytest.mark.parametrize("gap_us", [20_000, 60_000, 200_000, 240_000])
@pytest.mark.parametrize("level_ua", [8_000, 9_500, 10_500])
def test_a_level_that_is_set_as_a_contraction_begins_late_lets_its_ramp_begin_at_its_foot(
    gap_us: int, level_ua: int
) -> None:
    """Lowered in the late turn that was to begin it: the first pulse was to have 8 mA, and the interlock ended the
    session (RehaStim 1, world 3111051).
    """
    plan = window(on_us=Micros(2 * SECOND), first_ramp_up_us=Micros(500_000), ramp_down_us=Micros(0))
    player = WindowPlayer(plan, 10_000, 500, 0, first=True)
    on_time = WindowPlayer(plan, level_ua, 500, 0, first=True)
    player.set_level(level_ua, gap_us)
    played, planned = [0], [0]
    for now_us in range(gap_us, SECOND, 1_000):
        for one, amplitudes in ((player, played), (on_time, planned)):
            if one.turn(now_us - (gap_us if one is on_time else 0)):
                amplitudes.append(int(one.amplitude_ua))
    assert played == planned


@pytest.mark.parametrize("gap_us", [40_000, 120_000, 240_000])
def test_a_gate_that_closes_in_a_late_turn_lets_no_ramp_catch_up(gap_us: int) -> None:
    """The next pulse was to have all that the missed ones had not."""
    plan = window(on_us=Micros(2 * SECOND), first_ramp_up_us=Micros(500_000), ramp_down_us=Micros(500_000))
    player = WindowPlayer(plan, 10_000, 500, 0, first=True)
    played = [0]
    for now_us in (*range(0, 200_001, 1_000), *range(200_000 + gap_us, SECOND, 1_000)):
        if now_us == 200_000 + gap_us:
            player.close(now_us)
        if player.turn(now_us):
            played.append(int(player.amplitude_ua))
    assert max(after - before for before, after in pairwise(played)) <= step_bound_ua(10_000, 500, first=True)
    assert player.ended


@pytest.mark.hazard("H15")
@pytest.mark.parametrize("late_ms", [0, 30, 90, 150, 240])
def test_late_turns_lengthen_a_ramp_by_no_more_than_they_must(late_ms: int) -> None:
    """One step of the device in each late turn: at 150 ms a level of 10 mA never came within two seconds."""
    player = WindowPlayer(window(first_ramp_up_us=Micros(SECOND // 2)), 10_000, 500, 0, first=True)
    came: list[tuple[int, int]] = []
    while player.amplitude_ua < 10_000:
        now_us = max(0, player.due_us()) + late_ms * 1_000
        before_ua = player.amplitude_ua
        if player.turn(now_us):
            came.append((now_us, player.amplitude_ua))
            assert player.amplitude_ua - before_ua <= 2_000, "L17a: 2 mA or 10 %"
            assert player.amplitude_ua <= max(500, 10_000 * (now_us - came[0][0] + 60_000) * 2 // SECOND), "steeper"
    assert len({ua for _, ua in came}) == len(came), "each goes further"
    assert came[-1][0] - came[0][0] <= max(SECOND * 11 // 20, 5 * (late_ms * 1_000 + 40_000))


def test_a_rise_after_a_late_answer_waits_for_a_pulse_that_shows_the_one_before() -> None:
    """An update that the line held up came to the device with its answer, just after a pulse; 20 ms later, before the
    next pulse, went the next one: 4 mA at once where 2 are the step (RehaStim2, world 3002498).
    """
    plan = window(on_us=Micros(3 * SECOND), first_ramp_up_us=Micros(SECOND))
    player = WindowPlayer(plan, 20_000, 2_000, 0, first=True, spaced=True, first_alone=True)
    sent_us = next(now_us for now_us in range(0, SECOND, 500) if player.turn(now_us) and player.amplitude_ua == 6_000)
    answered_us = -(-sent_us // plan.period_us) * plan.period_us + 8 * plan.period_us + 500
    for now_us in range(sent_us, answered_us, 500):
        assert not player.turn(now_us, unanswered_us=now_us - sent_us)
    answer = LastAck(3, answered_us, answered_us - sent_us)
    after = range(answered_us, 2 * SECOND, 500)
    rose_us = next(now_us for now_us in after if player.turn(now_us, answer=answer))
    assert player.amplitude_ua == 8_000
    assert rose_us - answered_us >= plan.period_us


def test_a_raise_waits_for_a_pulse_that_shows_the_ramps_step_where_that_was_answered_late() -> None:
    """A late turn's 5.5 mA left 175 ms after it began; 10 ms later, before any pulse, went the raise to 6.5: 1.5 mA at
    once (slow disk, late turns: hardship 61).
    """
    plan = window(on_us=Micros(3 * SECOND), first_ramp_up_us=Micros(300_000), ramp_down_us=Micros(0))
    player = WindowPlayer(plan, 6_000, 500, 0, first=True)
    sent_us = next(now_us for now_us in range(0, SECOND, 500) if player.turn(now_us) and player.amplitude_ua == 5_500)
    answered_us = sent_us + 8 * plan.period_us + plan.period_us // 2 + 500  # just after a pulse
    player.set_level(7_000, answered_us - 500)
    answer = LastAck(11, answered_us, answered_us - sent_us)
    after = range(answered_us, answered_us + SECOND, 500)
    rose_us = next(now_us for now_us in after if player.turn(now_us, answer=answer))
    assert player.amplitude_ua == 6_500
    assert rose_us - answered_us >= plan.period_us


def test_a_doublet_is_over_in_its_time_also_where_the_ramp_has_to_wait() -> None:
    """Found: a rise that waited for an answer took the change to single pulses with it, and another doublet came."""
    train = Train(kind="catch", burst_pulses=2, burst_interval_us=Micros(5_000), times=1)
    plan = replace(window(on_us=Micros(2 * SECOND), first_ramp_up_us=Micros(200_000)), train=train)
    player = WindowPlayer(plan, 10_000, 500, 0, first=True)
    assert player.turn(player.due_us())
    assert player.output().burst_pulses == 2
    before_ua = player.amplitude_ua
    assert player.turn(player.due_us(), unanswered_us=20_000), "the form is told"
    assert (player.output().burst_pulses, player.amplitude_ua) == (1, before_ua), "and no rise with it"
    assert player.turn(player.due_us())
    assert player.amplitude_ua > before_ua
    assert [booked.pulses for booked in player.take_bookings()] == [2, 1]
