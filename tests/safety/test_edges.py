"""The kernel's small parts at their edges."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from estim.drivers.rehamove3 import PROFILE as REHAMOVE3
from estim.drivers.rehastim1_profile import PROFILE as REHASTIM1
from estim.drivers.rehastim2_profile import PROFILE as REHASTIM2
from estim.safety.authorisation import Authorisations
from estim.safety.commands import ChannelOutput
from estim.safety.errors import QUOTED_MAX, InterlockTripped, Problem, brief, quoted
from estim.safety.hard_bounds import channel_bounds
from estim.safety.limits import ABSOLUTE, Limits
from estim.safety.on_ledger import DUTY_WINDOW_US, OnLedger
from estim.safety.profile import Lead, leads_of
from estim.safety.ramp import least_ramp_us, ramp_amplitude_ua, ramp_down_amplitude_ua, shortest_ramp_us, step_bound_ua
from estim.safety.schedule import Train
from estim.safety.units import MicroAmp, Micros, is_whole
from estim.safety.verdict import clear, judge
from estim.safety.waveform import net_charge_pc, pulse_points
from estim.session.on_time import OnTime
from tests.safety.build import BOTH, PROFILE, SECOND, TRUSTED, channel, interlock_of, limits, schedule, window
from tests.safety.test_interlock import output, peak, send


def test_a_fall_lowers_what_is_in_force_and_what_is_written() -> None:
    book = Authorisations()
    book.write(1, [peak(40)], 100)
    book.write(2, [peak(50)], 100)
    book.lower(2, 5_000)
    book.grant(1)
    assert book.peak_ua(1) == 40_000
    book.lower(1, 30_000)
    book.lower(1, 35_000)
    assert book.peak_ua(1) == 30_000
    book.grant(2)
    assert book.peak_ua(1) == 30_000
    assert book.peak_ua(2) == 0
    assert book.in_force(100)
    assert not book.in_force(101)


def test_a_later_grant_drops_older_ones_that_are_still_written() -> None:
    book = Authorisations()
    for n, ma in ((1, 40), (2, 50), (3, 60)):
        book.write(n, [peak(ma)], 100)
    book.grant(2)
    assert book.peak_ua(1) == 50_000
    book.grant(1)
    assert book.peak_ua(1) == 50_000, "an older one that comes late changes nothing"
    book.grant(3)
    assert book.peak_ua(1) == 60_000
    book.revoke()
    assert (book.in_force(0), book.peak_ua(1)) == (False, 0)


def test_the_interlock_hears_of_a_fall() -> None:
    interlock = interlock_of(clear(schedule(), BOTH, PROFILE, TRUSTED), 40_000, SECOND)
    interlock.lower(1, 1_000, 1_000, 0)
    with pytest.raises(InterlockTripped, match="authorise: amplitude in µA 1500, allowed 1000"):
        interlock.admit(send(output(1.5)), 0)


def test_sensory_channels_have_their_own_hard_bounds() -> None:
    motor, sensory = channel_bounds(ABSOLUTE, "motor"), channel_bounds(ABSOLUTE, "sensory")
    assert (motor.amplitude_ua, sensory.amplitude_ua) == (130_000, 60_000)
    assert (motor.charge_pc, sensory.charge_pc) == (65_000_000, 12_000_000)
    assert (motor.rms_ua, sensory.rms_ua) == (50_000, 15_000)
    assert (motor.density_ua_per_cm2, sensory.density_ua_per_cm2) == (2_000, 1_000)
    assert motor.charge_density_pc_per_cm2 == sensory.charge_density_pc_per_cm2 == 10_000_000
    tight = channel_bounds(
        limits(
            sensory_amplitude_ua=50_000,
            sensory_charge_pc=9_000_000,
            sensory_rms_ua=9_000,
            sensory_density_ua_per_cm2=900,
            charge_density_pc_per_cm2=1_000_000,
        ),
        "sensory",
    )
    assert (tight.amplitude_ua, tight.charge_pc, tight.rms_ua) == (50_000, 9_000_000, 9_000)
    assert (tight.density_ua_per_cm2, tight.charge_density_pc_per_cm2) == (900, 1_000_000)


def test_a_rated_band_is_the_devices_layer() -> None:
    layer = Limits.from_profile(REHASTIM2)
    assert (layer["rate_mhz"].value, layer["rate_min_mhz"].value) == (50_000, 10_000)
    assert layer["rate_sensory_mhz"].value == 50_000
    assert layer["rate_mhz"].layer == "device"
    assert Limits.from_profile(REHAMOVE3)["rate_min_mhz"].value == 1_000


@pytest.mark.parametrize(("mhz", "period_us"), [(0, None), (-5, None), (1, None), (50_000, 20_000), (30_000, 33_500)])
def test_periods_that_a_device_can_code(mhz: int, period_us: int | None) -> None:
    assert PROFILE.quantise_period_us(mhz) == period_us


def test_a_ramp_on_a_coarse_grid_gets_as_many_pulses_as_its_steps_need() -> None:
    for level_ua in range(2_000, 131_000, 2_000):
        for step_ua in (2_000, 4_000, 8_000):
            for first in (True, False):
                pulses = (
                    shortest_ramp_us(level_ua, 20_000, step_ua, least_ramp_us(BOTH, first=first), first=first) // 20_000
                )
                bound_ua = step_bound_ua(level_ua, step_ua, first=first)
                steps = [0, *(ramp_amplitude_ua(level_ua, pulse, pulses, step_ua) for pulse in range(pulses))]
                assert max(later - before for before, later in pairwise(steps)) <= bound_ua


def test_ramps_in_their_figures() -> None:
    up = [ramp_amplitude_ua(10_000, pulse, 4, 1_000) for pulse in range(6)]
    assert up == [2_000, 5_000, 7_000, 10_000, 10_000, 10_000]
    down = [ramp_down_amplitude_ua(10_000, left, 4, 500) for left in range(7)]
    assert down == [0, 2_000, 4_000, 6_000, 8_000, 10_000, 10_000]
    assert [step_bound_ua(level_ua, 500, first=True) for level_ua in (5_000, 20_000, 50_000)] == [2_000, 2_000, 5_000]
    assert [step_bound_ua(level_ua, 500, first=False) for level_ua in (5_000, 16_000, 50_000)] == [4_000, 4_000, 12_500]
    assert [step_bound_ua(5_000, 8_000, first=first) for first in (True, False)] == [8_000, 8_000]


@pytest.mark.parametrize("step_ua", [500, 1_000, 2_000, 4_000, 8_000])
@pytest.mark.parametrize("first", [True, False])
def test_a_lower_level_never_needs_a_longer_ramp(step_ua: int, first: bool) -> None:
    """Found by the property that lowering an amplitude turns no good plan bad: 28 mA needed a pulse more than 41 mA."""
    ramps = [
        shortest_ramp_us(level_ua, 100_000, step_ua, least_ramp_us(BOTH, first=first), first=first)
        for level_ua in range(0, 130_001, step_ua)
    ]
    assert all(later >= before for before, later in pairwise(ramps))
    assert ramps[-1] <= (2_000_000 if first else 600_000) * max(1, step_ua // 2_000)


def test_what_is_not_in_a_schedule_is_named() -> None:
    with pytest.raises(KeyError, match="channel 7 is not part of the schedule of made-by-hand"):
        schedule().channel(7)
    with pytest.raises(KeyError, match="electrode 'x' is not part of the schedule of made-by-hand"):
        schedule().electrode("x")


def test_a_continuous_phase_counts_its_time_once() -> None:
    slow = window(hz=20, on_us=Micros(20 * 60 * SECOND))
    plan = schedule(windows=[slow], off_s=0, cycles=1, mode="continuous")
    rules = {problem.rule for problem in judge(plan, ABSOLUTE, PROFILE, TRUSTED)[0] if problem.severity == "refuse"}
    assert rules == {"L19"}
    tight = ABSOLUTE & Limits.of({"motor_on_us": 19 * 60 * SECOND}, layer="site", source="test")
    assert "L21b" in {problem.rule for problem in judge(plan, tight, PROFILE, TRUSTED)[0]}


def test_a_pulse_that_leaves_charge_is_refused() -> None:
    uneven = ChannelOutput(
        channel=1, amplitude_ua=MicroAmp(-9), pulse_width_us=Micros(100), interphase_us=Micros(0),
        period_us=Micros(20_000), phase_ratio=3,
    )  # fmt: skip
    assert net_charge_pc(pulse_points(uneven)) == 0
    broken = replace(uneven, amplitude_ua=MicroAmp(10), phase_ratio=2)
    object.__setattr__(broken, "pulse_width_us", HalfWidth(100))
    with pytest.raises(InterlockTripped, match="L12"):
        pulse_points(broken)


class HalfWidth(int):
    """A width that forgets itself when it is multiplied: how a slip in the second phase would look."""

    def __mul__(self, other: object) -> int:
        return int(self)


def test_the_count_of_on_time_forgets_what_is_long_over() -> None:
    for book in (OnTime(), OnLedger()):
        had = book.had_us
        if isinstance(book, OnTime):
            scheduled = channel()
            book.note(scheduled, 0, 0, therapy=True)
            book.note(scheduled, 0, 10, therapy=True)
            book.note(scheduled, 20, 30, therapy=False)
        else:
            book.note(1, 0, 10, therapy=True)
            book.note(1, 20, 30, therapy=False)
        assert book.total_us(1) == 10
        assert (had(1, 0), had(2, 0)) == (20, 0)
        assert had(1, 25) == 5
        assert had(1, 30) == 0


def test_when_the_next_contraction_may_begin() -> None:
    book, scheduled = OnTime(), channel()
    assert book.ready_us(1, 10, 500, 5) == 5
    book.note(scheduled, 0, 100 * SECOND, therapy=True)
    book.note(scheduled, 110 * SECOND, 210 * SECOND, therapy=True)
    now = 220 * SECOND
    ready = book.ready_us(1, 10 * SECOND, 500, now)
    assert ready == DUTY_WINDOW_US - 10 * SECOND + 50 * SECOND
    assert book.had_us(1, ready + 10 * SECOND - DUTY_WINDOW_US) == 150 * SECOND
    assert book.total_of_session()[0] == {1: 200 * SECOND}
    assert book.total_before_plan() == ({}, {})
    book.begin_plan()
    assert book.total_before_plan() == ({1: 200 * SECOND}, {"muscle 1/left": 200 * SECOND})


def test_leads_are_named_by_plug_and_colour() -> None:
    colours = ("red", "blue", "black", "white")
    assert leads_of() == tuple(Lead(colour) for colour in colours)
    assert [lead.name for lead in leads_of(plug=("yellow", "green"))][:5] == [
        *(f"yellow-{colour}" for colour in colours),
        "green-red",
    ]
    assert leads_of(side=("left", "right"))[4] == Lead("red", "", "right")


def test_a_level_above_what_its_pad_may_have_is_named_with_the_worst_window() -> None:
    site = Limits(ABSOLUTE.bounds, ((800, 15_000),))
    less = window(intensity_permille=900, width_us=100)  # 18 mA: too much as well
    plan = schedule([channel(ma=20)], [less, window(width_us=100)], area_mm2=700)
    for windows in ((less, window(width_us=100)), (window(width_us=100), less)):
        (phase,) = plan.phases
        problems, caps = judge(replace(plan, phases=(replace(phase, windows=windows),)), site, PROFILE, TRUSTED)
        assert (caps.caps_ua, caps.reasons) == ({1: 15_000}, {1: "L14"})
        (problem,) = [one for one in problems if one.key == "channel[muscle-1].amplitude"]
        assert problem.message == "muscle-1, phase[0]: 20 mA, 100 µs: on a pad of 7 cm² allowed at most 15 mA"
        assert (problem.severity, problem.key, problem.rule) == ("refuse", "channel[muscle-1].amplitude", "L14")
        assert (problem.asked, problem.allowed, problem.unit) == (20, 15, "mA")
        source = "docs/site-limits.md: above 15 mA pads of 8 cm², above 100 mA pads of 60 cm²"
        assert (problem.layer, problem.source) == ("site", source)


def test_a_channel_that_is_not_in_the_schedule_can_be_told_of_a_fall() -> None:
    interlock = interlock_of(clear(schedule(), BOTH, PROFILE, TRUSTED))
    interlock.lower(7, 0, 0, 0)
    interlock.admit(send(output(2)), 0)
    interlock.lower(1, 1_000, 1_000, 10_000)
    interlock.admit(send(output(1)), 10_000)
    with pytest.raises(InterlockTripped, match="authorise"):
        interlock.admit(send(output(2)), 50_000)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", "1.0", " 1", "²", "٣", "1" * 19])
def test_what_is_no_whole_number_as_a_person_writes_one(text: str) -> None:
    assert not is_whole(text)
    assert is_whole("007")
    assert is_whole("1" * 18)
    assert not is_whole("123", 2)


def test_a_device_says_how_it_is_made_safe_and_how_sure_its_off_is() -> None:
    assert PROFILE.off_word == REHAMOVE3.off_word == "OFF"
    assert REHASTIM1.off_word == "OFF (acknowledged)"
    assert PROFILE.safe_words.split("; ") == list(PROFILE.make_safe)
    assert [one.first_pulse_alone for one in (PROFILE, REHASTIM2, REHASTIM1)] == [False, True, False]


@pytest.mark.parametrize(
    "changes", [{"then_period_us": Micros(10_000), "after_us": Micros(3 * SECOND)}, {"burst_pulses": 2}]
)
def test_the_verdict_judges_every_train_that_a_window_has_in_it(changes: dict[str, int]) -> None:
    """Twice the pulses, whether at once or from some time on: the rms current allows less by a root of two."""
    kind = "catch" if "burst_pulses" in changes else "two-rate"
    values = {"times": 1, "burst_interval_us": Micros(8_000), **changes} if kind == "catch" else changes
    train = Train(kind=kind, **values)  # type: ignore[arg-type]
    tight = BOTH & limits(rms_ua=4_000)
    caps = [
        clear(schedule([channel(ma=5)], [replace(window(), train=one)]), tight, PROFILE, TRUSTED).caps_ua[1]
        for one in (None, train)
    ]
    assert caps[1] ** 2 * 2 <= caps[0] ** 2 + 500 * caps[0] * 2
    assert caps[1] < caps[0]


def test_a_command_without_current_is_none() -> None:
    assert send().is_zero
    assert send(output(0)).is_zero
    assert not send(output(0), output(1, channel=2)).is_zero


def test_a_refusal_repeats_no_more_of_a_word_than_tells_it() -> None:
    whole, long = "x" * QUOTED_MAX, "x" * (QUOTED_MAX + 1)
    short = f"{whole[:-1]}…"
    assert (brief(whole), brief(long)) == (whole, short)
    assert (quoted(long), quoted(9)) == (repr(short), "9")
    made = Problem(severity="refuse", key=f"limits.{long}.a b", message="there is none")
    assert str(made).startswith(f"limits.{short}.a b: there is none ")
