"""Each comparison of the kernel at its very edge, and each default where what it stands for is missing.

Much of this was asked for by `make mutants`: a fault that was put in and that no other test noticed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from estim.drivers.rehastim2_profile import PROFILE as REHASTIM2
from estim.safety import measures
from estim.safety.caps import Caps
from estim.safety.commands import ChannelOutput, OutputOff, SetOutput
from estim.safety.electrodes import electrode_from_cm
from estim.safety.errors import InterlockTripped, Problem, ProtocolRejected, SetupError, SiteFileError
from estim.safety.guardrail import Bound
from estim.safety.interlock import Interlock
from estim.safety.limits import ABSOLUTE, DEFAULT, SIGNATURE_MARK, Limits, parse_site
from estim.safety.limits_table import BY_KEY
from estim.safety.on_ledger import OnBounds, OnLedger
from estim.safety.profile import PeriodGrid
from estim.safety.schedule import PatientFacts, Schedule, Window
from estim.safety.units import MicroAmp, Micros, MilliHertz
from estim.safety.verdict import ClearedSchedule, admissible, clear, judge
from estim.safety.waveform import pulse_points
from tests.safety.build import BOTH, PROFILE, SECOND, TRUSTED, again, channel, interlock_of, limits, schedule, window
from tests.safety.test_edges import HalfWidth
from tests.safety.test_interlock import output, send
from tests.safety.test_limits import SITE, rules
from tests.safety.test_two_judges import with_phases

OFF = OutputOff(reason="test")
SENSORY = channel(ma=5, output="sensory", amplitude_rule="sensory", motor_mark_ua=MicroAmp(100_000))


def behind(
    plan: Schedule, in_force: Limits = BOTH, *, caps_ua: dict[int, int] | None = None, before: Interlock | None = None
) -> Interlock:
    """An interlock with an authorisation that forbids little; with `caps_ua` in place of the verdict's."""
    cleared = clear(plan, in_force, PROFILE, TRUSTED)
    if caps_ua is not None:
        object.__setattr__(cleared, "caps_ua", caps_ua)
    return interlock_of(cleared, 100_000, before=before)


def tripped(judge_: Interlock, command: SetOutput, now_us: int = 0) -> InterlockTripped:
    with pytest.raises(InterlockTripped) as caught:
        judge_.admit(command, now_us)
    return caught.value


def climb(judge_: Interlock, trains: list[Window], levels_ua: list[int], from_us: int = 0) -> None:
    """All trains to their levels in 20 steps, ten a second."""
    for step in range(1, 21):
        shares_ua = [level_ua * step // 20 // 500 * 500 for level_ua in levels_ua]
        outputs = [output(share_ua / 1000, train) for share_ua, train in zip(shares_ua, trains, strict=True)]
        judge_.admit(send(*outputs), from_us + step * 100_000)


# -- the interlock: one pulse ------------------------------------------------------------------------------------------

WIDE = window(width_us=400)  # rms is a fifth of the amplitude at 50 Hz: 20 mA of 100 mA


def test_at_the_bound_it_passes_and_one_below_the_bound_it_trips() -> None:
    at = {"rms_ua": 20_000, "density_ua_per_cm2": 800, "charge_pc": 40_000_000, "charge_density_pc_per_cm2": 1_600_000}
    rule = {"rms_ua": "L5", "density_ua_per_cm2": "L7", "charge_pc": "L10", "charge_density_pc_per_cm2": "L11"}
    plan = schedule([channel(ma=1)], [WIDE], area_mm2=2_500)
    for key, value in at.items():
        climb(behind(plan, BOTH & limits(**{key: value}), caps_ua={1: 100_000}), [WIDE], [100_000])
        trip = tripped(behind(plan, BOTH & limits(**{key: value - 1}), caps_ua={1: 100_000}), send(output(100, WIDE)))
        assert (trip.rule, trip.asked, trip.allowed) == (rule[key], value, value - 1)


@pytest.mark.parametrize(("width_us", "passes"), [(20, True), (19, False), (1_000, True), (1_001, False)])
def test_the_widths_that_may_be(width_us: int, passes: bool) -> None:
    cleared = clear(schedule([channel(ma=1)]), ABSOLUTE, PROFILE, TRUSTED)
    train = window(width_us=width_us)
    object.__setattr__(cleared, "schedule", schedule([channel(ma=1)], [train]))
    interlock = Interlock(cleared)
    trip = tripped(interlock, send(output(1, train)))
    assert trip.rule == ("authorise" if passes else "L2")


@pytest.mark.parametrize(("period_us", "pulses", "passes"), [(6_666, 1, True), (6_665, 1, False), (13_332, 2, True)])
def test_the_shortest_period(period_us: int, pulses: int, passes: bool) -> None:
    train = window(period_us=Micros(period_us), burst_pulses=pulses, burst_interval_us=Micros(6_000))
    cleared = clear(schedule([channel(ma=1)]), ABSOLUTE, PROFILE, TRUSTED)
    object.__setattr__(cleared, "schedule", schedule([channel(ma=1)], [train]))
    one = output(1, train, burst_pulses=pulses, burst_interval_us=Micros(6_000))
    assert tripped(Interlock(cleared), send(one)).rule == ("authorise" if passes else "L4")


def test_one_microampere_is_off_the_grid_and_no_number_below_is_a_current() -> None:
    plan = schedule([channel(ma=1)])
    assert tripped(behind(plan), send(output(0.001))).rule == "grid"
    assert tripped(behind(plan), send(output(-0.001))).rule == "L1"


def test_without_a_cap_nothing_passes() -> None:
    trip = tripped(behind(schedule([channel(ma=1)]), caps_ua={}), send(output(0.5)))
    assert (trip.rule, trip.asked, trip.allowed) == ("cap", 500, 0)


def test_the_share_of_the_cap_is_cut_toward_zero_and_the_greater_share_of_one_pulse_counts() -> None:
    full, part = window(), window(intensity_permille=333)
    both = with_phases(schedule([channel(ma=1)], [full]), [full], [part])
    climb(behind(both, caps_ua={1: 10_500}), [full], [10_500])
    trip = tripped(behind(schedule([channel(ma=1)], [part]), caps_ua={1: 10_500}), send(output(4)))
    assert (trip.rule, trip.allowed) == ("cap", 3_496)


def test_sensory_bounds_hold_behind_a_verdict_gone_wrong() -> None:
    fine = window(hz=100, width_us=100)
    trip = tripped(behind(schedule([SENSORY], [fine]), caps_ua={1: 100_000}), send(output(50.5, fine)))
    assert (trip.rule, trip.allowed) == ("L1", 50_000)


def test_a_channel_without_a_window_plays_nothing() -> None:
    plan = schedule([channel(1, ma=1), channel(2, ma=1)], [window(1)])
    interlock = behind(plan)
    interlock.admit(send(output(1)), 0)
    assert tripped(interlock, send(output(1), output(1, channel=2)), SECOND).rule == "schedule"
    assert clear(plan, BOTH & limits(amplitude_ua=99_500), PROFILE, TRUSTED).caps_ua[2] == 99_500


def test_what_was_admitted_is_what_is_used() -> None:
    command = send(output(1))
    assert behind(schedule([channel(ma=1)])).admit(command, 7).consume(7) is command


# -- the interlock: rises ----------------------------------------------------------------------------------------------


def test_two_rises_in_one_period_at_any_time() -> None:
    interlock = behind(schedule())
    interlock.admit(send(output(2)), 10 * SECOND)
    trip = tripped(interlock, send(output(4)), 10 * SECOND + 9_999)
    assert (trip.rule, trip.asked) == ("L17", 9_999)
    interlock.admit(send(output(4)), 10 * SECOND + 10_000)


def test_the_slope_to_the_last_step_at_any_time() -> None:
    """200 mA/s from one step and two periods before: 10 + 0.2 × (40 + 40) = 26 mA after 40 ms of a rise to 100 mA."""
    plan = schedule([channel(ma=1)], [window()])
    for at_us in (0, 50 * SECOND):
        interlock = behind(plan)
        interlock.admit(send(output(10)), at_us)
        interlock.admit(send(output(18)), at_us + 20_000)
        trip = tripped(interlock, send(output(26.5)), at_us + 40_000)
        assert (trip.rule, trip.asked, trip.allowed) == ("L17", 26_500, 26_000)
        interlock.admit(send(output(26)), at_us + 40_000)


def test_one_step_of_a_coarse_pulse_is_always_a_rise_that_may_be() -> None:
    coarse = replace(PROFILE, amplitude_step_ua=MicroAmp(4_000))
    train = window(phase_ratio=4)
    cleared = clear(schedule([channel(ma=0)], [train]), BOTH, coarse, TRUSTED)
    interlock = interlock_of(cleared, 16_000, SECOND)
    interlock.admit(send(output(16, train, phase_ratio=4)), 0)


def held_at(interlock: Interlock, level_ma: float, begin_us: int) -> None:
    climb(interlock, [window()], [round(level_ma * 1000)], begin_us)
    interlock.admit(send(), begin_us + 5 * SECOND)


def test_a_lower_contraction_does_not_unlearn_what_was_held() -> None:
    interlock = behind(schedule())
    held_at(interlock, 100, 0)
    held_at(interlock, 20, 20 * SECOND)
    interlock.admit(send(output(25)), 40 * SECOND)  # L17b: a quarter of 100 mA
    interlock.admit(OFF, 41 * SECOND)
    interlock.admit(OFF, 41 * SECOND)
    again(interlock, schedule(), 100_000)
    interlock.admit(send(), 42 * SECOND)
    assert tripped(interlock, send(output(10.5)), 43 * SECOND).rule == "L17"  # after off the long ramp again


# -- the interlock: times ----------------------------------------------------------------------------------------------


def test_what_plays_too_long_is_said_with_its_time() -> None:
    interlock = behind(schedule())
    interlock.admit(send(output(1)), 100 * SECOND)
    assert interlock.overdue(111 * SECOND) == ""
    assert interlock.overdue(111 * SECOND + 1_000) == "channel 1 is on since 11001 ms"


def contract(interlock: Interlock, spans_s: list[tuple[float, float]]) -> None:
    for begin_s, end_s in spans_s:
        interlock.admit(send(output(2)), round(begin_s * SECOND))
        interlock.admit(send(), round(end_s * SECOND))


def test_the_share_of_five_minutes_to_the_microsecond() -> None:
    tenth = BOTH & limits(duty_permille=100)  # 30 s, and 1 s of slack
    plan = schedule(off_s=200)
    interlock = behind(plan, tenth)
    contract(interlock, [(0, 10), (20, 30), (40, 51)])
    interlock.admit(send(output(2)), 60 * SECOND)
    interlock = behind(plan, tenth)
    contract(interlock, [(0, 10), (20, 30), (40, 51.000_001)])
    trip = tripped(interlock, send(output(2)), 60 * SECOND)
    assert str(trip) == "L20: ON time in 5 min, µs 31000001, allowed 30000000"
    interlock = behind(plan, tenth)
    contract(interlock, [(0, 12), (20, 32), (40, 52)])
    interlock.admit(send(output(2)), 294 * SECOND)  # with 11 s to come, what was before 5 s is over


def test_the_time_of_a_session_to_the_microsecond() -> None:
    short = BOTH & limits(motor_on_us=30 * SECOND)
    plan = schedule(cycles=3)
    interlock = behind(plan, short)
    contract(interlock, [(0, 10), (100, 110), (200, 211)])
    interlock.admit(send(output(2)), 300 * SECOND)
    interlock = behind(plan, short)
    contract(interlock, [(0, 10), (100, 110), (200, 211.000_001)])
    trip = tripped(interlock, send(output(2)), 300 * SECOND)
    assert str(trip) == "L21b: ON time in the session, µs 31000001, allowed 30000000"


def test_sensory_output_begins_where_motor_output_had_its_time() -> None:
    first = behind(schedule(off_s=200), BOTH & limits(duty_permille=100))
    contract(first, [(0, 10), (20, 30), (40, 51.5)])
    fine = window(hz=100, width_us=100)
    second = behind(schedule([SENSORY], [fine]), BOTH & limits(duty_permille=100), before=first)
    second.admit(send(output(2, fine)), 60 * SECOND)
    assert first.on_time.had_us(1, 0) == 31_500_000
    assert OnLedger().total_us(1) == 0


@pytest.mark.parametrize(
    ("train", "kind", "share_s", "counts"),
    [
        (window(), "motor", 150, True),
        (window(max_on_us=Micros(SECOND)), "motor", 195, True),
        (window(hz=15), "motor", 150, False),
        (window(hz=15.001), "motor", 150, True),
        (window(hz=100), "sensory", 150, False),
    ],
)
def test_whose_time_counts_and_which_share_it_has(train: Window, kind: str, share_s: int, counts: bool) -> None:
    bounds = OnBounds(BOTH, "sensory" if kind == "sensory" else "motor", (train,))
    assert (bounds.in_window_us, bounds.counts) == (share_s * SECOND, counts)
    odd = OnBounds(BOTH & limits(duty_permille=333), "motor", (window(),))
    assert (odd.in_window_us, type(odd.in_window_us)) == (99_900_000, int)


# -- the interlock: together -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pads", [("2a", "2b"), ("1a", "2b")])
def test_two_channels_to_the_microampere(pads: tuple[str, str]) -> None:
    """15 and 20 mA rms are 25 mA together; on one pad of 25 cm² 1 mA/cm²."""
    trains = [window(1, width_us=400), window(2, width_us=400)]
    plan = schedule([channel(1, ma=1), channel(2, ma=1, pads=pads)], trains, area_mm2=2_500)
    key, value, rule = ("density_ua_per_cm2", 1_000, "L7") if pads[0] == "1a" else ("rms_total_ua", 25_000, "L6")
    climb(behind(plan, BOTH & limits(**{key: value}), caps_ua={1: 75_000, 2: 100_000}), trains, [75_000, 100_000])
    tight = behind(plan, BOTH & limits(**{key: value - 1}), caps_ua={1: 75_000, 2: 100_000})
    with pytest.raises(InterlockTripped) as caught:
        climb(tight, trains, [75_000, 100_000])
    assert (caught.value.rule, caught.value.asked, caught.value.allowed) == (rule, value, value - 1)


# -- the verdict -------------------------------------------------------------------------------------------------------


def test_a_verdict_that_another_made_says_so() -> None:
    cleared = clear(schedule(), BOTH, PROFILE, TRUSTED)
    values = {name: getattr(cleared, name) for name in ClearedSchedule.__dataclass_fields__ if name != "token"}
    with pytest.raises(ProtocolRejected) as caught:
        ClearedSchedule(**values, token=None)
    assert caught.value.problems == (
        Problem(severity="refuse", key="schedule", message="only clear() clears a schedule", rule="kernel"),
    )


def test_a_plan_for_another_device_gets_no_cap() -> None:
    problems, caps = judge(schedule(), BOTH, REHASTIM2, TRUSTED)
    assert [problem.rule for problem in problems] == ["model"]
    assert caps == Caps({}, {}, ())
    wrong, band = admissible(schedule(), BOTH, REHASTIM2)
    assert (wrong.rule, band.rule, band.allowed, band.severity) == ("model", "L1", 0.0, "refuse")


def test_time_that_was_had_and_warnings_reach_the_verdict() -> None:
    plan = schedule(windows=[window(width_us=450)])
    assert [problem.rule for problem in clear(plan, BOTH, PROFILE, TRUSTED).warnings] == ["L2"]
    assert rules(plan, session_on_us={1: 1_800 * SECOND}) == {"L21b"}
    assert rules(plan, session_on_us={2: 1_800 * SECOND}) == set()


def test_a_file_is_judged_for_one_who_may_have_the_short_ramp() -> None:
    plan = schedule([channel(ma=0)], [window(ramp_up_us=Micros(300_000))])
    assert [problem for problem in admissible(plan, BOTH, PROFILE) if problem.severity == "refuse"] == []


def test_the_plausible_band_at_its_edges() -> None:
    def said(low: int, high: int, *, then: bool = False) -> list[tuple[str, object, str]]:
        band = (MicroAmp(low), MicroAmp(high))
        channels = [channel(1, ma=0, plausible_ua=band)]
        if then:
            channels.append(channel(2, ma=0, plausible_ua=(MicroAmp(0), MicroAmp(100_500))))
        found = admissible(schedule(channels), BOTH, PROFILE)
        return [(problem.severity, problem.asked, problem.layer) for problem in found]

    assert said(5_000, 100_000) == []
    assert said(5_000, 100_000, then=True) == [("info", 100.5, "site")]
    assert said(5_000, 100_500) == [("info", 100.5, "site")]
    assert said(100_000, 120_000) == [("info", 120.0, "site")]
    (edge,) = admissible(schedule([channel(ma=0, plausible_ua=(MicroAmp(100_000), MicroAmp(120_000)))]), BOTH, PROFILE)
    assert edge.message == "muscle-1: limits admit 100 mA (L1): the plausible 120 mA is capped there"
    assert said(100_500, 120_000) == [("refuse", 100.5, "absolute")]


# -- caps --------------------------------------------------------------------------------------------------------------


def cap(plan: Schedule, in_force: Limits = BOTH) -> tuple[int, str]:
    cleared = clear(plan, in_force, PROFILE, TRUSTED)
    return cleared.caps_ua[1], cleared.cap_reasons[1]


def test_what_binds_the_cap_is_named() -> None:
    fine = [window(hz=100, width_us=100)]
    tens = BOTH & limits(charge_pc=5_000_000)  # 20 mA at 250 µs
    blunt = channel(ma=9, output="sensory", amplitude_rule="sensory", motor_mark_ua=MicroAmp(10_600))
    assert cap(schedule([channel(ma=1)], [window(intensity_permille=900)])) == (100_000, "L1")
    assert cap(schedule([channel(ma=1)], [window(intensity_permille=667)]), tens) == (29_500, "L10")
    assert cap(schedule([blunt], fine)) == (9_500, "L26")
    assert cap(schedule([replace(blunt, level_ua=MicroAmp(0))], fine, purpose="titration")) == (50_000, "L26")
    assert cap(schedule([channel(ma=1, motor_mark_ua=MicroAmp(10_600))])) == (100_000, "L1")
    assert cap(schedule([channel(ma=30.5, cap_ua=MicroAmp(30_700))])) == (30_500, "L28")
    ratio = schedule([channel(ma=0)], [window(phase_ratio=4, intensity_permille=900)])
    assert cap(ratio, BOTH & limits(amplitude_ua=99_500)) == (98_000, "L1")


def test_the_common_clip_is_the_last_step_below_the_common_bound() -> None:
    """Two channels of 20 % duty factor in rms: each a fifth of its amplitude, together √2 of that."""
    plan = schedule([channel(1, ma=1), channel(2, ma=1)], [window(1, width_us=400), window(2, width_us=400)])
    for most_ua in (5_000, 10_000, 17_000, 26_000):
        cleared = clear(plan, BOTH & limits(rms_total_ua=most_ua), PROFILE, TRUSTED)
        level_ua = max(ua for ua in range(0, 100_001, 500) if 2 * ua * ua <= 25 * most_ua * most_ua)
        assert dict(cleared.caps_ua) == {1: level_ua, 2: level_ua}
        assert dict(cleared.cap_reasons) == {1: "L6", 2: "L6"}
    none = replace(plan, channels=tuple(replace(one, level_ua=MicroAmp(0)) for one in plan.channels))
    assert set(clear(none, BOTH & limits(rms_total_ua=10), PROFILE, TRUSTED).caps_ua.values()) == {0}


def test_levels_that_break_a_common_bound_give_no_caps_and_each_problem_is_there() -> None:
    plan = schedule([channel(1, ma=101), channel(2, ma=102)], [window(1, width_us=400), window(2, width_us=400)])
    problems, caps = judge(plan, BOTH & limits(rms_total_ua=10_000), PROFILE, TRUSTED)
    assert {problem.key for problem in problems if problem.rule == "L1" and problem.severity == "refuse"} == {
        "channel[muscle-1].amplitude",
        "channel[muscle-2].amplitude",
    }
    assert dict(caps.caps_ua) == {}
    assert set(caps.reasons) == {1, 2}
    assert "L6" in {problem.rule for problem in problems}


def test_a_schedule_of_nothing_is_lawful() -> None:
    empty = replace(schedule(), channels=(), electrodes=(), phases=())
    assert dict(clear(empty, BOTH, PROFILE, TRUSTED).caps_ua) == {}


def test_the_worst_window_is_the_one_that_is_said() -> None:
    strong, weak = window(width_us=400), window(width_us=300)
    for order, place in (((strong, weak), 0), ((weak, strong), 1)):
        plan = with_phases(schedule([channel(ma=100)], [strong], area_mm2=804), [order[0]], [order[1]])
        (problem,) = [one for one in judge(plan, BOTH, PROFILE, TRUSTED)[0] if one.rule == "L7"]
        assert f"phase[{place}]: 100 mA, 400 µs" in problem.message
    both_at_once = schedule([channel(1, ma=60), channel(2, ma=1)], [strong, window(1, width_us=20), window(2)])
    assert "L6" in rules(both_at_once, BOTH & limits(rms_total_ua=10_000))


def test_a_mark_and_a_cap_at_their_edges() -> None:
    fine = [window(hz=100, width_us=100)]

    def marked(level_ua: int, mark_ua: int) -> list[Problem]:
        one = channel(ma=level_ua / 1000, output="sensory", amplitude_rule="sensory", motor_mark_ua=MicroAmp(mark_ua))
        return [problem for problem in judge(schedule([one], fine), BOTH, PROFILE, TRUSTED)[0] if problem.rule == "L26"]

    assert marked(9_000, 10_001) == []
    least = channel(ma=0.001, output="sensory", amplitude_rule="sensory")
    assert "L26" in rules(schedule([least], fine)), "not a microampere without a mark"
    (problem,) = marked(9_001, 10_001)
    assert problem.allowed == 9.0
    assert "L28" not in rules(schedule([channel(ma=30, cap_ua=MicroAmp(30_000))]))
    assert "L28" in rules(schedule([channel(ma=30.5, cap_ua=MicroAmp(30_000))]))


def test_what_a_patients_own_bound_forbids_is_said_as_the_patients() -> None:
    plan = schedule([channel(ma=20)], [window(ramp_up_us=Micros(50_000))])
    (problem,) = [
        one for one in judge(plan, BOTH, PROFILE, PatientFacts(insensate_skin=False))[0] if one.rule == "L17b"
    ]
    assert (problem.layer, problem.allowed) == ("patient", 0.5)
    (problem,) = [one for one in judge(plan, BOTH, PROFILE, TRUSTED)[0] if one.rule == "L17b"]
    assert (problem.layer, problem.allowed) == ("absolute", 0.1)


def test_where_not_even_one_step_fits_there_is_none() -> None:
    assert measures.greatest(window(), 4_500, "motor", BOTH & limits(charge_pc=1), 500) == (0, "L10")
    by_key = dict(measures.of_amplitude(window(), 1_000, 0, "motor"))
    assert by_key["charge_density_pc_per_cm2"] == 250_000 * 100  # no area counts as 1 mm²


# -- rules without levels ----------------------------------------------------------------------------------------------


def plan_of(train: Window, **changes: object) -> Schedule:
    return schedule([channel(ma=1)], [train], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("L19", plan_of(window(hz=15, on_us=Micros(30 * SECOND)), off_s=90),
         plan_of(window(hz=15.001, on_us=Micros(30 * SECOND)), off_s=90)),
        ("L19", plan_of(window(max_on_us=Micros(10 * SECOND)), mode="emg-triggered"),
         plan_of(window(max_on_us=Micros(10 * SECOND + 1)), mode="emg-triggered")),
        ("load", plan_of(window(hz=50, burst_pulses=2, burst_interval_us=Micros(19_320))),
         plan_of(window(hz=50, burst_pulses=2, burst_interval_us=Micros(19_321)))),
        ("L21a", schedule([channel(ma=0)], cycles=91, purpose="titration"), schedule(cycles=91)),
        ("L21b", schedule([channel(1), channel(2)], [window(1), window(2)], cycles=180, off_s=10),
         schedule([SENSORY, channel(2)], [window(1, hz=100, width_us=100), window(2)], cycles=181, off_s=10)),
        ("L21b", plan_of(window(hz=15), cycles=181, off_s=10), plan_of(window(hz=16), cycles=181, off_s=10)),
        ("L21b", plan_of(window(), cycles=90, sets=2, off_s=10), plan_of(window(), cycles=91, sets=2, off_s=10)),
        ("L21b", plan_of(window(), cycles=300, mode="triggered"), plan_of(window(), cycles=300)),
        ("L21b", plan_of(window(), cycles=300, mode="emg-triggered"), plan_of(window(), cycles=300)),
        ("L21b", plan_of(window(), cycles=300, mode="continuous"), plan_of(window(), cycles=300)),
        ("L4", schedule([SENSORY], [window(hz=110, width_us=100)]), schedule([channel(ma=1)], [window(hz=110)])),
    ],
)  # fmt: skip
def test_each_rule_from_both_sides(rule: str, good: Schedule, bad: Schedule) -> None:
    assert rule not in rules(good)
    assert rule in rules(bad)


def test_a_muscles_day_to_the_minute() -> None:
    ten = BOTH & limits(muscle_day_min=10)
    assert rules(schedule(cycles=60), ten) == set()
    assert rules(schedule(cycles=61), ten) == {"L27"}
    twice = [channel(1, muscle="vastus"), channel(2, muscle="vastus")]
    assert "L27" not in rules(schedule(twice, cycles=30), ten)
    assert "L27" in rules(schedule(twice, cycles=31), ten)
    none = BOTH & limits(muscle_day_min=0)
    assert "L27" not in rules(plan_of(window(max_on_us=Micros(SECOND)), mode="triggered"), none)


def test_skin_that_does_not_feel_gets_no_sensory_output() -> None:
    patient = replace(TRUSTED, insensate_skin=True)
    for one in (SENSORY, replace(SENSORY, cap_ua=MicroAmp(10_000))):  # nor under a cap: nobody could have marked it
        assert "L28" in rules(schedule([one], [window(hz=100, width_us=100)]), patient=patient)


def test_the_ramp_of_a_coarse_pulse_is_judged_on_its_own_grid() -> None:
    coarse = replace(PROFILE, amplitude_step_ua=MicroAmp(2_000))
    half = Micros(SECOND // 2)
    train = window(hz=10, phase_ratio=4, ramp_up_us=half, first_ramp_up_us=half)
    clear(schedule([channel(ma=40)], [train]), BOTH, coarse, TRUSTED)


# -- waveform, limits, errors, profile ---------------------------------------------------------------------------------


def test_points_are_whole_numbers() -> None:
    points = pulse_points(output(8, phase_ratio=4))
    assert points == ((8_000, 250), (0, 100), (-2_000, 1_000))
    assert all(type(number) is int for point in points for number in point)


def test_charge_that_stays_is_said() -> None:
    pulse: ChannelOutput = output(0.01, phase_ratio=2)
    object.__setattr__(pulse, "pulse_width_us", HalfWidth(100))
    with pytest.raises(InterlockTripped) as caught:
        pulse_points(pulse)
    assert str(caught.value) == "L12: the pulse leaves 500 pC in the tissue, it must be exactly 0 500, allowed 0"
    assert (caught.value.rule, caught.value.asked, caught.value.allowed) == ("L12", 500, 0)


def test_a_devices_layer_in_whole_numbers() -> None:
    odd = replace(PROFILE, period_grids=(PeriodGrid(step_us=Micros(1), min_us=Micros(7), max_us=Micros(10**9)),))
    layer = Limits.from_profile(odd).bounds
    for key in ("rate_mhz", "rate_sensory_mhz"):
        assert (layer[key].value, type(layer[key].value), layer[key].source) == (142_857_142, int, PROFILE.source)
    assert odd.quantise_period_us(1) == 10**9
    assert set(Limits.from_profile(REHASTIM2).bounds) == {
        *("amplitude_ua", "pulse_width_max_us", "pulse_width_min_us", "rate_mhz", "rate_sensory_mhz", "rate_min_mhz")
    }


def test_of_two_equal_bounds_the_higher_layers_is_named() -> None:
    for key in ("amplitude_ua", "pulse_width_min_us"):
        first, second = (Bound(value=50, layer=layer, source="") for layer in ("site", "device"))
        assert BY_KEY[key].tighter(first, second) is first


def test_what_is_signed_is_all_before_the_last_signature() -> None:
    heard: list[tuple[bytes, bytes]] = []

    def verify(message: bytes, signature: bytes) -> bool:
        heard.append((message, signature))
        return True

    twice = SITE + SIGNATURE_MARK + b"aa\n"
    opened = parse_site(twice + SIGNATURE_MARK + b"0102\n", verify=verify)
    assert heard == [(twice, b"\x01\x02")]
    source = "site file of Dr A, 2026-11-01: research protocol 7"
    assert opened.bounds["amplitude_ua"] == Bound(value=120_000, layer="site", source=source)
    assert opened.bounds["on_us"] == DEFAULT["on_us"], "what the file leaves alone keeps where it comes from"
    assert DEFAULT["on_us"].source
    without = SITE[: SITE.index(b"[limits]")]
    nothing = parse_site(without + SIGNATURE_MARK + b"00", verify=lambda _message, _signature: True)
    assert nothing.bounds["amplitude_ua"].value == DEFAULT["amplitude_ua"].value


def test_an_error_lists_what_it_found_under_the_file_it_is_about() -> None:
    problems = [Problem(severity="refuse", key=key, message="no", rule="r") for key in ("a", "b")]
    assert str(SetupError(problems)) == "a: no (r [schema])\nb: no (r [schema])"
    assert SetupError(problems).path is None
    about = SiteFileError(problems, path=Path("site.toml"))
    assert str(about) == "site.toml:\na: no (r [schema])\nb: no (r [schema])"
    assert about.path == Path("site.toml")
    assert str(InterlockTripped("r", "m", asked=5)) == str(InterlockTripped("r", "m", allowed=5)) == "r: m"


def test_a_period_at_the_end_of_the_grid_can_be_coded() -> None:
    short = replace(PROFILE, period_grids=(PeriodGrid(step_us=Micros(250), min_us=Micros(500), max_us=Micros(20_000)),))
    assert (short.quantise_period_us(MilliHertz(50_000)), short.quantise_period_us(49_999)) == (20_000, None)


def test_a_size_within_a_nanometre_is_that_size() -> None:
    assert electrode_from_cm("a", (4.999_999_98, 1.0)).width_mm == 50
