"""The formulas in docs/decisions/limits.md, against exact fractions; units and sizes as they come in."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estim.safety import dose
from estim.safety.electrodes import Electrode, electrode_from_cm, parse_size_cm
from estim.safety.schedule import Train, Window
from estim.safety.units import Micros, ceil_div, floor_to_step, milliamps, seconds
from tests.safety.build import SECOND, window

TRAINS = st.builds(
    lambda width, period, ratio, burst: window(
        width_us=width,
        period_us=Micros(period),
        phase_ratio=ratio,
        burst_pulses=burst,
        burst_interval_us=Micros(7_001 if burst > 1 else 0),
    ),
    st.integers(20, 1_000),
    st.integers(6_667, 1_000_000),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 3),
)
AMPLITUDES_UA = st.integers(0, 130_000)
AREAS_MM2 = st.integers(100, 20_000)


def square(train: Window, amplitude_ua: int) -> Fraction:
    """i²·t of one pulse in A²·s, the balancing phase in proportion."""
    ampere, width_s = Fraction(amplitude_ua, 10**6), Fraction(train.pulse_width_us, 10**6)
    return ampere**2 * width_s * (1 + Fraction(1, train.phase_ratio))


@given(TRAINS, AMPLITUDES_UA, AREAS_MM2)
def test_every_formula_is_the_exact_value_rounded_up(train: Window, amplitude_ua: int, area_mm2: int) -> None:
    area_cm2, hz = Fraction(area_mm2, 100), Fraction(10**6 * train.burst_pulses, train.period_us)
    pulse = Fraction(dose.square_us(train, amplitude_ua), 10**18)  # the second phase is rounded up to 1 µA²·µs
    assert 0 <= pulse - square(train, amplitude_ua) < Fraction(1, 10**18)
    mean = dose.mean_square_ua2(train, amplitude_ua)
    assert mean == math.ceil(pulse * hz * 10**12)
    assert dose.charge_pc(train, amplitude_ua) == Fraction(amplitude_ua, 10**6) * train.pulse_width_us * 10**6
    assert dose.energy_nj(train, amplitude_ua) == math.ceil(500 * pulse * 10**9)
    assert dose.power_uw_per_cm2(mean, area_mm2) == math.ceil(1_000 * Fraction(mean, 10**12) / area_cm2 * 10**6)
    charge = dose.charge_pc(train, amplitude_ua)
    assert dose.charge_density_pc_per_cm2(charge, area_mm2) == math.ceil(charge / area_cm2)
    density = dose.density_ua_per_cm2(mean, area_mm2)
    assert density**2 >= mean / area_cm2**2
    assert density == 0 or (density - 1) ** 2 < math.ceil(mean / area_cm2**2)
    assert dose.rate_mhz(train) == math.ceil(hz * 1000)


@given(st.integers(0, 10**18))
def test_a_root_is_the_smallest_integer_whose_square_reaches(value: int) -> None:
    root = dose.ceil_sqrt(value)
    assert root * root >= value
    assert root == 0 or (root - 1) ** 2 < value


def test_the_root_of_what_is_not_there_is_none() -> None:
    assert [dose.ceil_sqrt(value) for value in (-1, 0, 1, 2, 4, 5)] == [0, 0, 1, 2, 2, 3]


@pytest.mark.parametrize(("ratio", "burst", "length_us"), [(1, 1, 600), (4, 1, 1_350), (1, 2, 5_600), (2, 3, 10_850)])
def test_how_long_a_pulse_or_burst_takes(ratio: int, burst: int, length_us: int) -> None:
    train = window(width_us=250, phase_ratio=ratio, burst_pulses=burst, burst_interval_us=Micros(5_000))
    assert dose.pulse_length_us(train) == length_us


def test_figures_that_were_worked_out_by_hand() -> None:
    """100 mA, 400 µs, 50 Hz: 20 mA rms; on 25 cm² 0.8 mA/cm², 16 mW/cm² at 1 kΩ; 4 mJ at 500 Ω; 40 µC."""
    train = window(hz=50, width_us=400)
    mean = dose.mean_square_ua2(train, 100_000)
    assert mean == 400_000_000
    assert dose.density_ua_per_cm2(mean, 2_500) == 800
    assert dose.power_uw_per_cm2(mean, 2_500) == 16_000
    assert dose.energy_nj(train, 100_000) == 4_000_000
    assert dose.charge_density_pc_per_cm2(40_000_000, 2_500) == 1_600_000
    assert dose.power_uw_per_cm2(mean + 1, 2_500) == 16_001
    assert dose.energy_nj(window(width_us=100), 100_001) == 1_000_021  # 1 000 020.0001
    assert dose.rate_mhz(window(period_us=Micros(6_750))) == 148_149


# -- units -------------------------------------------------------------------------------------------------------------


def test_nothing_grows_on_its_way_in() -> None:
    assert [milliamps(value) for value in (0.5, 40, 0.0019, 0.0005, 1.9999)] == [500, 40_000, 1, 0, 1_999]
    assert milliamps(1.001) == 1_001  # 1000.9999999999999 as a float
    assert milliamps(1.000_999_99) == 1_000
    assert milliamps(1.000_999_999_8) == 1_001  # less than half a pA from it
    assert (seconds(1.5), seconds(0.0000014), seconds(0.0000016)) == (1_500_000, 1, 2)
    assert [floor_to_step(value, 1) for value in (-5, -1, 0, 1, 2)] == [0, 0, 0, 1, 2]
    assert [floor_to_step(value, 500) for value in (-1, 499, 500, 999, 1_000)] == [0, 0, 500, 500, 1_000]
    assert [ceil_div(value, 3) for value in (0, 1, 3, 4)] == [0, 1, 1, 2]
    for step in (0, -500):
        with pytest.raises(ValueError, match=f"^step must be positive, not {step}$"):
            floor_to_step(500, step)


# -- pads --------------------------------------------------------------------------------------------------------------


def test_a_pads_area_is_rounded_down() -> None:
    assert Electrode(id="a", width_mm=76, height_mm=127).area_mm2 == 9_652
    assert Electrode(id="a", width_mm=32, height_mm=32, is_round=True).area_mm2 == 804
    assert Electrode(id="a", width_mm=50, height_mm=90).is_round is False


def test_a_pad_from_its_size_in_cm() -> None:
    made = electrode_from_cm("a", (7.6, 12.7), placement="there")
    assert made == Electrode(id="a", width_mm=76, height_mm=127, is_round=False, placement="there")
    assert electrode_from_cm("b", (3.2,)) == Electrode(id="b", width_mm=32, height_mm=32, is_round=True, placement="")
    assert electrode_from_cm("c", (5.09, 0.1)).width_mm == 50  # a fraction of a mm is cut, never added
    assert electrode_from_cm("d", (4.35, 0.3)).width_mm == 43  # 43.5 is cut as well
    for size in ((), (1.0, 2.0, 3.0), (0.0,), (-1.0, 5.0), (5.0, math.inf), (math.nan,)):
        with pytest.raises(ValueError, match=r"give \[diameter\] of a round pad or \[width, height\], above 0"):
            electrode_from_cm("a", size)


def test_sizes_as_people_write_them() -> None:
    assert [parse_size_cm(text) for text in ("7.6x12.7", " 5 × 9 ", "5x9")] == [(7.6, 12.7), (5.0, 9.0), (5.0, 9.0)]
    assert [parse_size_cm(text) for text in ("3.2", " 5 ")] == [(3.2,), (5.0,)]
    for text in ("", "x", "5x", "x9", "5x9x2", "5,0", "-5", "5 9", "5cm", "1e3", "nan", "5.", ".5"):
        with pytest.raises(ValueError, match=r"for a rectangle or 3\.2 for a round pad's diameter"):
            parse_size_cm(text)


def test_a_train_is_judged_as_each_steady_one_that_it_holds() -> None:
    assert [*dose.played(window())] == [window()]
    catch = Train(kind="catch", burst_pulses=2, burst_interval_us=Micros(5_000), times=1)
    slower = Train(kind="two-rate", then_period_us=Micros(40_000), after_us=Micros(SECOND))
    for train, steady in (
        (catch, window(burst_pulses=2, burst_interval_us=Micros(5_000))),
        (slower, window(period_us=Micros(40_000))),
    ):
        assert [*dose.played(window(train=train))] == [window(train=train), steady]
