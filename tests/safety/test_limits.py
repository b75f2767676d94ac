"""Limits: the notes' self-test vectors, each bound from both sides, and the algebra."""

from __future__ import annotations

import runpy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estim.safety import dose, limits_table
from estim.safety.errors import ProtocolRejected, SiteFileError
from estim.safety.guardrail import Bound
from estim.safety.limits import ABSOLUTE, DEFAULT, SIGNATURE_MARK, Limits, parse_site
from estim.safety.limits_table import BY_KEY, TABLE
from estim.safety.schedule import PatientFacts, Schedule
from estim.safety.units import MicroAmp, Micros
from estim.safety.verdict import ClearedSchedule, admissible, clear
from tests.safety.build import BOTH, PROFILE, SECOND, TRUSTED, channel, schedule, window

OPEN = ABSOLUTE  # what a site could open at most


def rules(plan: Schedule, limits: Limits = BOTH, patient: PatientFacts = TRUSTED, **more: Any) -> set[str]:
    """Rules that refuse `plan`."""
    try:
        clear(plan, limits, PROFILE, patient, **more)
    except ProtocolRejected as error:
        return {problem.rule for problem in error.problems}
    return set()


def pulse(ma: float, width_us: int, hz: float, area_cm2: float) -> Schedule:
    return schedule([channel(ma=ma)], [window(hz=hz, width_us=width_us)], area_mm2=round(area_cm2 * 100))


@pytest.mark.parametrize(
    ("ma", "width_us", "hz", "area_cm2", "rms_ua", "density"),
    [
        (100, 400, 50, 25, 20_000, 800),
        (60, 300, 50, 25, 10_393, 416),
        (100, 300, 50, 8.04, 17_321, 2_155),
        (130, 500, 50, 25, 29_069, 1_163),
        (40, 250, 35, 25, 5_292, 212),
    ],
)
def test_the_notes_worked_examples(
    ma: float, width_us: int, hz: float, area_cm2: float, rms_ua: int, density: int
) -> None:
    train = window(hz=hz, width_us=width_us, period_us=Micros(round(1e6 / hz)))
    square = dose.mean_square_ua2(train, round(ma * 1000))
    assert dose.ceil_sqrt(square) == pytest.approx(rms_ua, abs=2)
    assert dose.density_ua_per_cm2(square, round(area_cm2 * 100)) == pytest.approx(density, abs=2)


def test_appendix_a() -> None:
    assert rules(pulse(100, 400, 50, 25)) == set()
    assert dose.energy_nj(window(width_us=400), 100_000) == 4_000_000
    assert dose.charge_pc(window(width_us=400), 100_000) == 40_000_000
    mean_square = dose.mean_square_ua2(window(width_us=400), 100_000)
    assert dose.power_uw_per_cm2(mean_square, 2_500) == 16_000
    assert {"L5", "L7"} <= rules(pulse(130, 500, 150, 25), OPEN)
    assert rules(pulse(100, 300, 50, 8.04)) == {"L7"}
    assert rules(pulse(130, 500, 50, 25), OPEN) == set()
    assert {"L1", "L10"} <= rules(pulse(130, 500, 50, 25))
    assert "L10" in rules(pulse(100, 1000, 100, 25), OPEN)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("L1", schedule([channel(ma=100)]), schedule([channel(ma=100.5)])),
        ("L2", schedule(windows=[window(width_us=500)]), schedule(windows=[window(width_us=501)])),
        ("L2", schedule(windows=[window(width_us=50)]), schedule(windows=[window(width_us=49)])),
        (
            "L3",
            schedule(windows=[window(interphase_us=Micros(200))]),
            schedule(windows=[window(interphase_us=Micros(201))]),
        ),
        ("L4", schedule(windows=[window(hz=100)]), schedule(windows=[window(hz=100.001)])),
        ("L10", pulse(100, 500, 50, 45), pulse(100.5, 500, 50, 45)),
        ("L11", pulse(80, 500, 5, 8.04), pulse(80.5, 500, 5, 8.0)),
        ("L14", schedule(area_mm2=800), schedule(area_mm2=799)),
        ("L14", schedule(area_mm2=20_000), schedule(area_mm2=20_001)),
        (
            "L17a",
            schedule(windows=[window(ramp_up_us=Micros(500_000), first_ramp_up_us=Micros(500_000))]),
            schedule(windows=[window(ramp_up_us=Micros(500_000), first_ramp_up_us=Micros(480_000))]),
        ),
        (
            "L17b",
            schedule([channel(ma=20)], [window(ramp_up_us=Micros(200_000))]),
            schedule([channel(ma=20)], [window(ramp_up_us=Micros(180_000))]),
        ),
        (
            "L19",
            schedule(windows=[window(on_us=Micros(20 * SECOND))]),
            schedule(windows=[window(on_us=Micros(20 * SECOND + 1))]),
        ),
        ("L20", schedule(off_s=10), schedule(off_s=9.99)),
        ("L21a", schedule(cycles=90), schedule(cycles=91)),
        ("L21b", schedule(cycles=180, off_s=10), schedule(cycles=181, off_s=10)),
    ],
)
def test_each_limit_from_both_sides(rule: str, good: Schedule, bad: Schedule) -> None:
    assert rule not in rules(good)
    assert rule in rules(bad)


@pytest.mark.hazard("H30")
def test_l6_all_channels_of_a_patient_together() -> None:
    def plan(ma: float) -> Schedule:
        # 8 channels at 50 Hz, 250 µs: rms of each is ma·√(2·250e-6·50)
        return schedule(
            [channel(n, ma=ma) for n in range(1, 9)], [window(n, hz=100, width_us=500) for n in range(1, 9)]
        )

    assert "L6" not in rules(plan(89), OPEN)
    assert "L6" in rules(plan(112), OPEN)


@pytest.mark.hazard("H23")
def test_a_shared_pad_counts_both_channels() -> None:
    alone = [channel(1, ma=60), channel(2, ma=60)]
    shared = [channel(1, ma=60, pads=("common", "1b")), channel(2, ma=60, pads=("common", "2b"))]
    trains = [window(1, width_us=400), window(2, width_us=400)]
    areas = {"common": 800, "1a": 800, "2a": 800}
    assert "L7" not in rules(schedule(alone, trains, areas=areas))
    assert "L7" in rules(schedule(shared, trains, areas=areas))


@pytest.mark.parametrize(("ma", "mark", "good"), [(9, 10, True), (9.5, 10, False), (5, None, False)])
def test_sensory_output_stays_below_todays_motor_mark(ma: float, mark: int | None, good: bool) -> None:
    mark_ua = MicroAmp(mark * 1000) if mark else None
    plan = schedule(
        [channel(ma=ma, output="sensory", amplitude_rule="sensory", motor_mark_ua=mark_ua)],
        [window(hz=100, width_us=100)],
    )
    assert ("L26" not in rules(plan)) is good


def test_sensory_caps_hold_whatever_mark_a_person_made() -> None:
    plan = schedule(
        [channel(ma=55, output="sensory", amplitude_rule="sensory", motor_mark_ua=MicroAmp(100_000))],
        [window(hz=100, width_us=100)],
    )
    assert "L26" in rules(plan)


@pytest.mark.hazard("H48")
def test_l27_a_muscle_has_its_day() -> None:
    plan = schedule(cycles=60)  # 10 minutes on
    assert rules(plan, minutes_today={"muscle 1/left": 50}) == set()
    assert rules(plan, minutes_today={"muscle 1/left": 51}) == {"L27"}
    assert rules(plan, minutes_today={"muscle 1/right": 51}) == set()


@pytest.mark.hazard("H25")
@pytest.mark.parametrize("fact", [True, None])
def test_l28_who_does_not_feel_gets_no_maximum(fact: bool | None) -> None:
    patient = PatientFacts(
        insensate_skin=fact, lesion_t6_or_above=False, child=False, fragile_bone=False, first_ever_session=False
    )
    assert "L28" in rules(schedule(), patient=patient)
    functional = [channel(amplitude_rule="functional")]
    assert "L28" in rules(schedule(functional), patient=patient)
    assert "L28" not in rules(
        schedule([channel(amplitude_rule="functional", cap_ua=MicroAmp(50_000))]), patient=patient
    )


@pytest.mark.hazard("H25")
def test_an_unknown_patient_gets_the_gentle_ramps() -> None:
    plan = schedule([channel(ma=20)], [window(ramp_up_us=Micros(300_000), first_ramp_up_us=Micros(500_000))])
    assert rules(plan) == set()
    assert "L17b" in rules(plan, patient=PatientFacts(insensate_skin=False))


def test_a_refusal_names_quantity_numbers_layer_and_source() -> None:
    with pytest.raises(ProtocolRejected) as caught:
        clear(pulse(100, 300, 50, 8.04), BOTH, PROFILE, TRUSTED)
    (problem,) = caught.value.problems
    assert (problem.rule, problem.layer, problem.unit, problem.allowed) == ("L7", "absolute", "mA/cm²", 2.0)
    assert problem.asked == pytest.approx(2.155, abs=0.001)
    assert "current density" in problem.message
    assert "IEC" in problem.source


@pytest.mark.hazard("H50")
def test_only_clear_makes_a_cleared_schedule() -> None:
    cleared = clear(schedule(), BOTH, PROFILE, TRUSTED)
    with pytest.raises(ProtocolRejected):
        ClearedSchedule(
            schedule=cleared.schedule,
            limits=cleared.limits,
            profile=cleared.profile,
            patient=cleared.patient,
            caps_ua=cleared.caps_ua,
            cap_reasons=cleared.cap_reasons,
            warnings=(),
            token=object(),
        )
    with pytest.raises((TypeError, ValueError), match="token"):
        replace(cleared, caps_ua={1: MicroAmp(130_000)})  # type: ignore[call-arg]  # nor changed after it was judged


@pytest.mark.hazard("H12")
def test_the_cap_is_the_last_grid_point_that_every_limit_allows() -> None:
    cleared = clear(schedule(area_mm2=804, windows=[window(width_us=400)]), BOTH, PROFILE, TRUSTED)
    cap = cleared.caps_ua[1]
    assert rules(schedule([channel(ma=cap / 1000)], [window(width_us=400)], area_mm2=804)) == set()
    assert rules(schedule([channel(ma=cap / 1000 + 0.5)], [window(width_us=400)], area_mm2=804)) == {"L7"}


def test_what_a_file_may_reach_is_said_without_a_patient() -> None:
    capped = admissible(schedule([channel(ma=0)], [window(width_us=400)], area_mm2=804), BOTH, PROFILE)
    assert not [problem for problem in capped if problem.severity == "refuse"]
    low = admissible(
        schedule(
            [channel(ma=0, plausible_ua=(MicroAmp(90_000), MicroAmp(120_000)))], [window(width_us=400)], area_mm2=804
        ),
        BOTH,
        PROFILE,
    )
    assert [problem.rule for problem in low if problem.severity == "refuse"] == ["L7"]


KEYS = st.dictionaries(st.sampled_from(sorted(BY_KEY)), st.integers(0, 10**9), max_size=6)


def layer(values: dict[str, int], name: str) -> Limits:
    return Limits({key: Bound(value=value, layer="site", source=name) for key, value in values.items()})


@given(KEYS, KEYS)
def test_a_layer_only_tightens(first: dict[str, int], second: dict[str, int]) -> None:
    one, both = layer(first, "a"), layer(first, "a") & layer(second, "b")
    for key, row in BY_KEY.items():
        assert not row.breaks(both[key].value, one[key].value)
        assert not row.breaks(both[key].value, row.absolute)


@given(KEYS, KEYS, KEYS)
def test_the_meet_is_associative_commutative_and_idempotent(
    first: dict[str, int], second: dict[str, int], third: dict[str, int]
) -> None:
    a, b, c = layer(first, "a"), layer(second, "b"), layer(third, "c")
    for key in BY_KEY:
        assert ((a & b) & c)[key].value == (a & (b & c))[key].value
        assert (a & b)[key].value == (b & a)[key].value
        assert (a & a)[key].value == a[key].value


@given(st.floats(1, 130), st.integers(20, 1000), st.floats(1, 150), st.integers(100, 20_000), st.floats(0.3, 1))
def test_lowering_the_amplitude_never_turns_a_good_plan_bad(
    ma: float, width_us: int, hz: float, area_mm2: int, share: float
) -> None:
    def plan(level: float) -> Schedule:
        return schedule([channel(ma=level)], [window(hz=round(hz, 3), width_us=width_us)], area_mm2=area_mm2)

    if not rules(plan(ma), OPEN):
        assert not rules(plan(ma * share), OPEN)


SITE = b"""responsible = "Dr A"
date = "2026-11-01"
reason = "research protocol 7"
[limits]
amplitude_ua = 120000
"""


def signed(body: bytes) -> bytes:
    return body + SIGNATURE_MARK + b"00"


def test_a_signed_site_file_moves_a_default() -> None:
    limits = ABSOLUTE & parse_site(signed(SITE), verify=lambda _message, _signature: True)
    assert limits["amplitude_ua"].value == 120_000
    assert "Dr A" in limits["amplitude_ua"].source
    assert limits["on_us"].value == DEFAULT["on_us"].value


@pytest.mark.hazard("H32")
@pytest.mark.parametrize(
    ("data", "verifies", "words"),
    [
        (SITE, True, "not signed"),
        (signed(SITE), False, "not signed"),
        (signed(SITE.replace(b"120000", b"131000")), True, "past the absolute bound"),
        (signed(SITE.replace(b"amplitude_ua", b"amplitude_mA")), True, "no limit"),
        (signed(SITE.replace(b"120000", b"true")), True, "not a whole number"),
        (signed(SITE.replace(b'responsible = "Dr A"', b"")), True, "responsible"),
        (signed(b"limits = ["), True, "not a TOML file"),
    ],
)
def test_a_site_file_that_does_not_count(data: bytes, verifies: bool, words: str) -> None:
    with pytest.raises(SiteFileError, match=words):
        parse_site(data, verify=lambda _message, _signature: verifies)


@pytest.mark.parametrize(
    ("area_mm2", "most_ma", "moved"),
    [
        (6_000, 120, b"amplitude_ua = 120000"),
        (5_999, 100, b"amplitude_ua = 120000"),
        (800, 20, b"pad_area_min_mm2 = 400"),
        (799, 15, b"pad_area_min_mm2 = 400"),
        (400, 15, b"pad_area_min_mm2 = 400"),
    ],
)
def test_what_a_site_file_opens_it_opens_for_larger_pads_only(area_mm2: int, most_ma: int, moved: bytes) -> None:
    body = b'responsible = "Dr A"\ndate = "2026-01-01"\nreason = "r"\n\n[limits]\n' + moved
    site = ABSOLUTE & parse_site(body + b"\n# signature: 00\n", verify=lambda _message, _signature: True)
    for limits in (site, site & Limits.of({"amplitude_ua": 124_000}, layer="device", source="maker")):
        assert rules(pulse(most_ma, 100, 20, area_mm2 / 100), limits) == set()
        if most_ma != 20:
            cleared = clear(pulse(0, 100, 20, area_mm2 / 100), limits, PROFILE, TRUSTED)
            assert cleared.caps_ua[1] == most_ma * 1000
            over = rules(pulse(most_ma + 1, 100, 20, area_mm2 / 100), limits)
            assert over == ({"L1"} if most_ma == 120 else {"L14"})


def test_the_rows_are_made_as_they_are_written() -> None:
    """The module once more from its file: the table that was imported long ago shows no fault in how a row is made."""
    again = runpy.run_path(limits_table.__file__, run_name=limits_table.__name__)
    assert again["TABLE"] == TABLE
    row = again["BY_KEY"]["pad_area_min_mm2"]
    assert (row.rule, row.words, row.unit, row.scale) == ("L14", "pad area", "cm²", 100)
    assert (row.absolute, row.default, row.warn, row.sense, row.mark) == (100, 800, 2_500, "min", "judgement")
    assert (again["BY_KEY"]["raise_step_ua"].warn, again["BY_KEY"]["raise_step_ua"].sense) == (None, "max")


def test_every_row_has_its_source_and_its_default_lies_within_absolute() -> None:
    for row in TABLE:
        assert row.source, row.key
        assert not row.breaks(row.default, row.absolute), row.key
