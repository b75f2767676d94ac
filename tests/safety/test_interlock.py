"""The interlock: what passes, what trips, and that off always passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estim.safety.commands import ChannelOutput, OutputOff, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.interlock import Admitted, Interlock
from estim.safety.interlock_pulse import kin_of, pulse_of, pulses_of
from estim.safety.ramp import least_ramp_us, ramp_amplitude_ua, ramp_down_amplitude_ua, shortest_ramp_us, step_bound_ua
from estim.safety.rises import Rise
from estim.safety.schedule import Train, Window
from estim.safety.units import MicroAmp, Micros
from estim.safety.verdict import clear
from estim.safety.waveform import net_charge_pc, pulse_points
from estim.session.effects import AuthorisedPeak
from tests.safety.build import (
    BOTH,
    PROFILE,
    SECOND,
    TRUSTED,
    again,
    channel,
    interlock_of,
    limits,
    output_of,
    schedule,
    window,
)

TRAIN = window()


def output(ma: float, train: Window = TRAIN, **changes: object) -> ChannelOutput:
    return replace(output_of(train, round(ma * 1000)), **changes)  # type: ignore[arg-type]


def send(*outputs: ChannelOutput) -> SetOutput:
    return SetOutput(channels=outputs)


def peak(ma: float, number: int = 1) -> AuthorisedPeak:
    return AuthorisedPeak(channel=number, peak_ua=round(ma * 1000), pulse_width_us=250, period_us=20_000)


def ready(ma: float = 40) -> Interlock:
    return interlock_of(clear(schedule(), BOTH, PROFILE, TRUSTED), round(ma * 1000), 100 * SECOND)


def admit_all(interlock: Interlock, sent: list[tuple[SetOutput, int]]) -> None:
    for command, at_us in sent:
        interlock.admit(command, at_us)


def test_off_always_passes() -> None:
    assert Interlock(None).admit(OutputOff(reason="x"), 5).consume(5) == OutputOff(reason="x")
    interlock = ready()
    interlock.revoke()
    interlock.admit(OutputOff(reason="x"), 6)


def test_nothing_but_off_passes_without_a_cleared_schedule() -> None:
    with pytest.raises(InterlockTripped, match="no schedule"):
        Interlock(None).admit(send(), 0)


@pytest.mark.hazard("H33")
def test_nothing_rises_before_it_is_durable() -> None:
    interlock = Interlock(clear(schedule(), BOTH, PROFILE, TRUSTED))
    interlock.authorise(1, [peak(40)], 100 * SECOND, 0)
    with pytest.raises(InterlockTripped, match="authorise"):
        interlock.admit(send(output(1)), 0)
    interlock.grant(1, 0)
    interlock.admit(send(output(1)), 0)


def test_nothing_rises_above_the_latest_durable_authorisation() -> None:
    interlock = ready(10)
    interlock.admit(send(output(2)), 0)
    with pytest.raises(InterlockTripped, match="authorise"):
        ready(1).admit(send(output(1.5)), 0)


def test_nothing_rises_after_the_authorisation_ended() -> None:
    with pytest.raises(InterlockTripped, match="authorise"):
        ready().admit(send(output(1)), 101 * SECOND)


def test_a_revoked_authorisation_stays_revoked() -> None:
    interlock = ready()
    interlock.revoke()
    interlock.grant(1, 0)
    with pytest.raises(InterlockTripped, match="authorise"):
        interlock.admit(send(output(1)), 0)


def test_a_fall_is_never_refused() -> None:
    interlock = ready()
    for step in range(10):
        interlock.admit(send(output(2 * (step + 1))), step * 20_000)
    interlock.revoke()
    for ma in (19, 10, 9.5, 0.5, 0):
        interlock.admit(send(output(ma)), 200 * SECOND)
    interlock.admit(send(), 200 * SECOND)


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"amplitude_ua": MicroAmp(1_250)}, "grid"),
        ({"pulse_width_us": Micros(251)}, "schedule"),
        ({"period_us": Micros(19_750)}, "schedule"),
        ({"interphase_us": Micros(0)}, "schedule"),
        ({"phase_ratio": 2}, "grid|schedule"),
        ({"channel": 2}, "command"),
        ({"amplitude_ua": MicroAmp(131_000)}, "L1"),
        ({"amplitude_ua": MicroAmp(-1_000)}, "L1"),
        ({"amplitude_ua": True}, "L1"),
        ({"amplitude_ua": 1.0}, "L1"),
        ({"burst_pulses": 2, "burst_interval_us": Micros(8_000)}, "schedule"),
    ],
)
def test_a_command_that_must_never_be_made(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(InterlockTripped, match=rule):
        ready().admit(send(output(1, **changes)), 0)


def test_channels_twice_or_out_of_order() -> None:
    with pytest.raises(InterlockTripped, match="ascending"):
        ready().admit(send(output(1), output(1)), 0)


def test_above_the_cap() -> None:
    interlock = ready(130)
    interlock.admit(send(output(10)), 0)
    with pytest.raises(InterlockTripped, match="L1"):
        interlock.admit(send(output(100.5)), SECOND)
    capped = Interlock(clear(schedule([channel(ma=10, cap_ua=MicroAmp(30_000))]), BOTH, PROFILE, TRUSTED))
    with pytest.raises(InterlockTripped, match="cap"):
        capped.admit(send(output(30.5)), SECOND)


def test_a_jump_from_zero() -> None:
    with pytest.raises(InterlockTripped, match="L17"):
        ready().admit(send(output(4.5)), 0)


def test_two_rises_within_one_pulse() -> None:
    interlock = ready()
    interlock.admit(send(output(2)), 0)
    with pytest.raises(InterlockTripped, match="one period"):
        interlock.admit(send(output(4)), 5_000)


def test_faster_than_200_ma_a_second() -> None:
    interlock = interlock_of(clear(schedule([channel(ma=90)]), BOTH, PROFILE, TRUSTED), 90_000)
    sent = [(send(output(9 * (step + 1))), step * 20_000) for step in range(10)]
    with pytest.raises(InterlockTripped, match="L17"):
        admit_all(interlock, sent)


@pytest.mark.hazard("H16")
def test_after_off_everything_begins_at_zero() -> None:
    interlock = ready()
    for step in range(20):
        interlock.admit(send(output(2 * (step + 1))), step * 20_000)
    interlock.admit(OutputOff(reason="pause"), SECOND)
    with pytest.raises(InterlockTripped, match="none is in force"):  # it is asked for anew
        interlock.admit(send(output(1)), 2 * SECOND)
    again(interlock, schedule(), 40_000)
    with pytest.raises(InterlockTripped, match="L17"):
        interlock.admit(send(output(40)), 2 * SECOND)


@pytest.mark.hazard("H48")
def test_a_channel_that_is_on_for_too_long_is_seen() -> None:
    interlock = ready()
    interlock.admit(send(output(1)), 0)
    assert interlock.overdue(11 * SECOND) == ""
    assert "channel 1" in interlock.overdue(11 * SECOND + 1)
    interlock.admit(send(), 11 * SECOND + 2)
    assert interlock.overdue(30 * SECOND) == ""


@pytest.mark.hazard("H50")
def test_an_admitted_command_is_used_once_and_in_its_turn() -> None:
    admitted = ready().admit(send(output(1)), 7)
    with pytest.raises(InterlockTripped):
        admitted.consume(8)
    admitted.consume(7)
    with pytest.raises(InterlockTripped):
        admitted.consume(7)


@pytest.mark.hazard("H50")
def test_only_the_interlock_admits() -> None:
    with pytest.raises(InterlockTripped, match="only"):
        Admitted(send(), 0, object())


@pytest.mark.hazard("H23")
def test_shared_pads_are_judged_again() -> None:
    plans = [channel(1, ma=40, pads=("c", "1b")), channel(2, ma=40, pads=("c", "2b"))]
    trains = [window(1, width_us=400), window(2, width_us=400)]
    cleared = clear(schedule(plans, trains, areas={"c": 800}), BOTH, PROFILE, TRUSTED)
    object.__setattr__(cleared, "caps_ua", {1: MicroAmp(70_000), 2: MicroAmp(70_000)})  # a verdict gone wrong
    interlock = interlock_of(cleared, 70_000)
    sent = [(send(*(output(step + 1, train) for train in trains)), step * 40_000) for step in range(70)]
    with pytest.raises(InterlockTripped, match="L7"):
        admit_all(interlock, sent)


LEVELS = st.integers(1, 200).map(lambda n: n * 500)
PERIODS = st.sampled_from([10_000, 20_000, 25_000, 28_750, 33_500, 50_000, 100_000, 250_000])


@pytest.mark.hazard("H15")
@given(LEVELS, PERIODS, st.booleans(), st.sampled_from([500, 1_000, 2_000]))
def test_the_shortest_ramp_keeps_every_step_and_ends_at_the_level(
    level_ua: int,
    period_us: int,
    first: bool,
    step_ua: int,
) -> None:
    pulses = -(
        -shortest_ramp_us(level_ua, period_us, step_ua, least_ramp_us(BOTH, first=first), first=first) // period_us
    )
    ramp = [ramp_amplitude_ua(level_ua, pulse, pulses, step_ua) for pulse in range(pulses)]
    bound = step_bound_ua(level_ua, step_ua, first=first)
    assert all(0 <= b - a <= bound for a, b in zip([0, *ramp], ramp, strict=False))
    assert ramp[-1] == level_ua // step_ua * step_ua


@given(LEVELS, st.integers(0, 200))
def test_a_ramp_down_only_falls(level_ua: int, pulses: int) -> None:
    ramp = [ramp_down_amplitude_ua(level_ua, left, pulses, 500) for left in range(pulses, 0, -1)]
    assert all(b <= a for a, b in zip([level_ua, *ramp], ramp, strict=False))


@pytest.mark.hazard("H15")
@given(st.lists(st.tuples(st.integers(-10, 300), st.integers(0, 40_000)), max_size=60))
@settings(max_examples=200)
def test_whatever_is_asked_nothing_passes_above_what_is_allowed(asked: list[tuple[int, int]]) -> None:
    """An engine gone mad: single commands at any amplitude and pace; what was admitted obeys level, cap and steps."""
    interlock = ready(30)
    now_us, before = 0, 0
    for half_ma, wait_us in asked:
        now_us += wait_us
        try:
            interlock.admit(send(output(half_ma / 2)), now_us)
        except InterlockTripped:
            continue
        amplitude = half_ma * 500
        assert 0 <= amplitude <= 30_000
        assert amplitude - before <= max(4_000, 30_000 // 4)
        before = amplitude


RATIOS = st.sampled_from([1, 2, 4])


@pytest.mark.hazard("H26")
@given(st.integers(0, 65), RATIOS, st.integers(20, 1000), st.integers(0, 1000), st.integers(1, 3))
def test_every_pulse_takes_back_what_it_gave(steps: int, ratio: int, width_us: int, gap_us: int, burst: int) -> None:
    points = pulse_points(
        ChannelOutput(
            channel=1,
            amplitude_ua=MicroAmp(steps * 500 * ratio),
            pulse_width_us=Micros(width_us),
            interphase_us=Micros(gap_us),
            period_us=Micros(50_000),
            phase_ratio=ratio,
            burst_pulses=burst,
            burst_interval_us=Micros(10_000),
        )
    )
    assert net_charge_pc(points) == 0


@pytest.mark.hazard("H26")
def test_a_pulse_that_does_not_balance_is_refused() -> None:
    with pytest.raises(InterlockTripped, match="L12"):
        pulse_points(output(0.5, phase_ratio=3, amplitude_ua=MicroAmp(500)))


def found(ma: int = 20, reason: str = "end", last_ma: tuple[int, ...] = ()) -> Interlock:
    """A titration: a key a second, up to `ma` on channel 1, what is played last, and its off."""
    made = Interlock(clear(schedule(purpose="titration"), BOTH, PROFILE, TRUSTED))
    for step in range(1, ma + 1):
        now_us = step * SECOND
        made.asked(1, now_us)
        made.authorise(
            step, [peak(step)], 1_000 * SECOND, now_us, Rise(channel=1, from_ua=step * 1000 - 1000, to_ua=step * 1000)
        )
        made.grant(step, now_us)
        made.admit(send(output(step)), now_us)
    for turn, played_ma in enumerate(last_ma):
        made.admit(send(*([output(played_ma)] if played_ma else [])), (25 + turn) * SECOND)
    made.admit(OutputOff(reason=reason), 30 * SECOND)
    return made


def therapy_after(before: Interlock, train: Window = TRAIN, ma: int = 20) -> Interlock:
    made = Interlock(clear(schedule([channel(ma=ma)], [train]), BOTH, PROFILE, TRUSTED), before)
    pulse = AuthorisedPeak(channel=1, peak_ua=ma * 1000, pulse_width_us=train.pulse_width_us, period_us=20_000)
    made.authorise(100, [pulse], 1_000 * SECOND, 40 * SECOND)
    made.grant(100, 40 * SECOND)
    return made


def test_what_a_titration_held_to_its_end_rises_by_the_short_ramp_in_the_therapy_behind_it() -> None:
    therapy_after(found()).admit(send(output(5)), 41 * SECOND)  # L17b: 25 % of 20 mA; the long ramp has 2 mA
    with pytest.raises(InterlockTripped, match="L17"):
        therapy_after(found(reason="stop")).admit(send(output(5)), 41 * SECOND)
    therapy_after(found(4), ma=4).admit(send(output(4)), 41 * SECOND)
    with pytest.raises(InterlockTripped, match="L17"):
        therapy_after(found(4, reason="stop"), ma=4).admit(send(output(4)), 41 * SECOND)


def test_what_a_titration_held_counts_at_its_own_pulse_alone() -> None:
    train = window(width_us=200)
    with pytest.raises(InterlockTripped, match="L17"):
        therapy_after(found(), train).admit(send(output(5, train)), 41 * SECOND)


def test_what_was_held_at_a_trains_faster_rate_counts_for_its_slow_beginning() -> None:
    """Levels are found at the faster of two rates, whichever of them comes first."""
    faster = window(hz=25, train=Train(kind="two-rate", then_period_us=Micros(20_000), after_us=Micros(SECOND)))
    slow, fast = output(5, faster), output(10, faster, period_us=Micros(20_000))
    admit_all(therapy_after(found(), faster), [(send(slow), 41 * SECOND), (send(fast), 42 * SECOND)])
    with pytest.raises(InterlockTripped, match="L17"):
        therapy_after(found(reason="stop"), faster).admit(send(slow), 41 * SECOND)


def test_only_as_much_as_was_held_counts() -> None:
    before = found()
    assert before.proven_ua == {1: {pulse_of(output(20)): 20_000}}
    assert found(7).proven_ua == {1: {pulse_of(output(7)): 7_000}}
    assert found(reason="stop").proven_ua == {}
    assert found(7, last_ma=(0, 2)).proven_ua == {1: {pulse_of(output(7)): 7_000}}, "not what came last"


def test_any_other_off_of_something_that_played_forgets_it_and_an_off_of_nothing_does_not() -> None:
    before = found()
    before.admit(OutputOff(reason="repeat"), 31 * SECOND)
    therapy_after(before).admit(send(output(5)), 41 * SECOND)
    before.authorise(21, [peak(20)], 1_000 * SECOND, 50 * SECOND)
    before.grant(21, 50 * SECOND)
    before.admit(send(output(1)), 51 * SECOND)
    before.admit(OutputOff(reason="stop"), 52 * SECOND)
    assert before.proven_ua == {}


FREE = ((200, 1000), (400, -500))  # 200 µs at the whole amplitude, 400 µs at half of it the other way


def test_a_free_pulse_is_judged_by_its_own_squares() -> None:
    pulse = output(20, shape=FREE)
    assert Interlock._square_per_period(pulse) == 20_000**2 * 200 + 10_000**2 * 400
    assert Interlock._square_per_period(replace(pulse, burst_pulses=2)) == 2 * (20_000**2 * 200 + 10_000**2 * 400)
    assert Interlock._square_per_period(replace(pulse, amplitude_ua=MicroAmp(1), shape=((1, 1),))) == 1  # rounded up


def test_a_free_pulse_is_played_as_it_is_written() -> None:
    assert pulse_points(output(20, shape=FREE)) == ((20_000, 200), (-10_000, 400))
    with pytest.raises(InterlockTripped, match="no whole µA"):
        pulse_points(output(0.001, shape=FREE))
    with pytest.raises(InterlockTripped, match="L12"):
        pulse_points(output(20, shape=((200, 1000), (400, -499))))


TWICE = ((100, 1000), (50, -1000), (100, 1000), (150, -1000))  # 200 µs of charge, and never more than 150 of it owed


def playing_free(shape: tuple[tuple[int, int], ...], **tighter: int) -> Interlock:
    """The interlock of a schedule whose pulse and limits are these, whatever the verdict saw."""
    cleared = clear(schedule(windows=[window(width_us=200, shape=FREE)]), BOTH, PROFILE, TRUSTED)
    phase = replace(cleared.schedule.phases[0], windows=(window(width_us=200, shape=shape),))
    object.__setattr__(cleared, "schedule", replace(cleared.schedule, phases=(phase,)))
    object.__setattr__(cleared, "limits", cleared.limits & limits(**tighter))
    return interlock_of(cleared)


def test_the_interlock_judges_a_free_pulse_itself() -> None:
    pulse = send(output(20, window(width_us=200), shape=TWICE))
    playing_free(TWICE, charge_pc=3_000_000).admit(pulse, 0)
    with pytest.raises(InterlockTripped, match=r"^L10: .* 3000000, allowed 2999999$"):
        playing_free(TWICE, charge_pc=2_999_999).admit(pulse, 0)
    open_ended = ((200, 1000), (400, -499))
    with pytest.raises(InterlockTripped, match=r"^L12: net charge"):
        playing_free(open_ended).admit(send(output(20, window(width_us=200), shape=open_ended)), 0)


def test_a_window_may_be_told_its_own_pulse_and_those_of_its_train() -> None:
    own = (20_000, 250, 100, 1, 1, 0, ())
    catch = Train(kind="catch", burst_pulses=2, burst_interval_us=Micros(5_000), times=2)
    slower = Train(kind="two-rate", then_period_us=Micros(40_000), after_us=Micros(SECOND))
    assert pulses_of(TRAIN) == (own,)
    assert pulses_of(window(train=catch)) == (own, (20_000, 250, 100, 1, 2, 5_000, ()))
    assert pulses_of(window(train=slower)) == (own, (40_000, 250, 100, 1, 1, 0, ()))


def test_a_pulse_of_two_windows_stands_for_both() -> None:
    slow, train = window(hz=25), Train(kind="two-rate", then_period_us=Micros(20_000), after_us=Micros(SECOND))
    one, two = pulse_of(output(1, slow)), pulse_of(output(1))
    for windows in ((slow, window(hz=25, train=train)), (window(hz=25, train=train), slow)):
        assert kin_of(windows) == {one: {one, two}, two: {two}}
