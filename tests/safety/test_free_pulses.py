"""Free pulses: what both judges say of a shape, worked out by hand; and what a follower gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estim.safety.commands import ChannelOutput
from estim.safety.dose import charge_pc, longest_phase_us, run_charge_permille_us, shortest_phase_us, square_us
from estim.safety.errors import InterlockTripped
from estim.safety.hard_bounds import PULSE_WIDTH_US
from estim.safety.interlock_pulse import judge_shape, largest_owed
from estim.safety.schedule import Follow
from estim.safety.units import MicroAmp, Micros
from estim.safety.verdict import judge
from estim.safety.waveform import pulse_points
from tests.safety.build import BOTH, PROFILE, TRUSTED, output_of, schedule, window

SHORTEST, LONGEST = PULSE_WIDTH_US
Shape = tuple[tuple[int, int], ...]

# shape, width of the rectangle that carries the same charge
SOUND: tuple[tuple[Shape, int], ...] = (
    (((250, 1000), (100, 0), (250, -1000)), 250),
    (((100, -1000), (200, 1000), (100, -1000)), 200),
    (((LONGEST, 1000), (LONGEST, -1000)), LONGEST),
    (((LONGEST, 1000), (2 * LONGEST, -500)), LONGEST),  # half of the current and less may take its time
    (((LONGEST // 2, 1000), (10, 0), (LONGEST // 2, 1000), (LONGEST, -1000)), LONGEST),  # a gap ends a phase's time
    (((SHORTEST, 1000), (1, 0), (SHORTEST, -1000)), SHORTEST),  # no current may be as short as it likes
    (((100, 400), (100, 1000), (140, -1000)), 140),
)
# shape, width, rule and what is said of it
WRONG: tuple[tuple[Shape, int, str, str], ...] = (
    (((250, 1000), (250, -999)), 250, "L12", "250, allowed 0"),
    (((250, 999), (250, -1000)), 250, "L12", "-250, allowed 0"),
    (((250, 1000), (250, -1000)), 249, "L12", "0, allowed 0"),
    (((250, 1000), (250, -1000)), 251, "L12", "0, allowed 0"),
    (((500, 500), (500, -500)), 250, "L12", "0, allowed 0"),
    (((250, 1001), (250, -1001)), 250, "L12", "0, allowed 0"),
    (((LONGEST + 1, 1000), (LONGEST + 1, -1000)), LONGEST + 1, "L2", f"{LONGEST + 1}, allowed {LONGEST}"),
    (((LONGEST, 1000), (1000, -501), (LONGEST - 501, -1000)), LONGEST, "L2", f"{LONGEST + 499}, allowed {LONGEST}"),
    (((SHORTEST - 1, 1000), (SHORTEST - 1, -1000)), SHORTEST - 1, "L2", f"{SHORTEST - 1}, allowed {LONGEST}"),
)


def shaped(shape: Shape, width_us: int, **changes: object) -> ChannelOutput:
    played = window(width_us=width_us)
    made = output_of(played, 20_000)
    fields = {name: getattr(made, name) for name in made.__slots__}
    return ChannelOutput(**{**fields, "shape": shape, **changes})


@pytest.mark.hazard("H26")
@pytest.mark.parametrize(("shape", "width_us"), SOUND)
def test_a_sound_shape_passes(shape: Shape, width_us: int) -> None:
    judge_shape(shaped(shape, width_us))


@pytest.mark.hazard("H26")
@pytest.mark.parametrize(("shape", "width_us", "rule", "said"), WRONG)
def test_a_wrong_shape_trips_with_rule_and_numbers(shape: Shape, width_us: int, rule: str, said: str) -> None:
    with pytest.raises(InterlockTripped, match=f"{rule}.*{said}") as tripped:
        judge_shape(shaped(shape, width_us))
    words = {"L12": "net charge of the pulse in permille of its amplitude × µs", "L2": "phase width in µs"}
    assert f"{rule}: {words[rule]} " in str(tripped.value)


# shape → the most charge on one side, in permille of amplitude × µs
OWED: tuple[tuple[Shape, int], ...] = (
    ((), 0),
    (((250, 1000), (100, 0), (250, -1000)), 250_000),
    (((100, 1000), (50, 0), (100, 500), (150, -1000)), 150_000),  # a gap within a swing changes nothing
    (((100, -1000), (200, 1000), (100, -1000)), 200_000),  # the swing in the middle is the greatest
    (((100, -1000), (100, 1000), (10, 0), (100, 1000), (100, -1000)), 200_000),  # a gap ends no swing
    (((100, 1000), (50, -1000), (100, 1000), (150, -1000)), 150_000),  # 100 − 50 + 100 are left on the way
)


@pytest.mark.parametrize(("shape", "owed"), OWED)
def test_both_judges_find_the_most_charge_on_one_side(shape: Shape, owed: int) -> None:
    assert largest_owed(shape) == run_charge_permille_us(shape) == owed


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(-1000, 1000)), max_size=12))
def test_both_judges_agree_on_every_shape(shape: list[tuple[int, int]]) -> None:
    assert largest_owed(tuple(shape)) == run_charge_permille_us(tuple(shape))


def test_the_verdict_measures_a_shape() -> None:
    shape = ((100, 400), (100, 1000), (140, -1000))
    train = window(width_us=140, shape=shape)
    assert charge_pc(train, 20_001) == 2_800_140
    assert longest_phase_us(train) == 200, "what goes on in one direction is one phase"
    assert shortest_phase_us(train) == 100
    assert square_us(train, 1_000) == 256_000_000, "100 µs × 0.4² + 240 µs × 1², at 1 mA"


PHASES: tuple[tuple[Shape, int], ...] = (
    (((100, 1000), (200, -500)), 100),
    (((100, 1000), (50, 0), (100, -1000)), 100),  # a pause ends it
    (((100, 1000), (100, 400), (140, -1000)), 200),  # what falls goes on
    (((50, 1), (50, 1), (100, 1000), (101, -1000)), 200),  # from its very beginning
    (((100, 500), (100, -500)), 100),  # none has more than half: the width that the file gives
)


@pytest.mark.parametrize(("shape", "longest_us"), PHASES)
def test_the_longest_phase_of_a_shape(shape: Shape, longest_us: int) -> None:
    assert longest_phase_us(window(width_us=100, shape=shape)) == longest_us


def test_what_is_wrong_with_a_shape_is_said_of_its_points() -> None:
    long = window(width_us=100, shape=((700, 1000), (700, -1000)))
    for train, key in ((long, "phase[0].point"), (window(width_us=700), "phase[0].pulse_width_us")):
        problems, _ = judge(schedule(windows=[train]), BOTH, PROFILE, TRUSTED)
        assert [one.key for one in problems if one.rule == "L2"] == [key]


def test_the_points_of_a_shape_are_its_own() -> None:
    points = pulse_points(shaped(((100, 400), (100, 1000), (140, -1000)), 140))
    assert points == ((8_000, 100), (20_000, 100), (-20_000, 140))
    with pytest.raises(InterlockTripped, match=r"L12: 0\.333 of 20500 µA is no whole µA"):
        pulse_points(shaped(((300, 333), (100, 1000), (200, -999)), 200, amplitude_ua=MicroAmp(20_500)))


@pytest.mark.parametrize(
    ("own_ua", "leader_ua", "at_most_ua", "plays_ua"),
    [
        (50_000, 40_000, 0, 24_000),  # the share
        (20_000, 40_000, 0, 20_000),  # never more than its own
        (50_000, 40_000, 15_000, 15_000),  # nor than its bound
        (50_000, 40_000, 30_000, 24_000),
        (10_000, 40_000, 15_000, 10_000),
        (50_000, 1, 0, 0),  # rounded toward zero
    ],
)
def test_a_follower_gets_whichever_is_least(own_ua: int, leader_ua: int, at_most_ua: int, plays_ua: int) -> None:
    follow = Follow(channel=1, share_permille=600, at_most_ua=MicroAmp(at_most_ua))
    assert follow.level_ua(own_ua, leader_ua) == plays_ua


def test_overlapping_pulses_of_a_burst_trip() -> None:
    shape = ((250, 1000), (100, 0), (250, -1000))
    pulses = {"burst_pulses": 2, "burst_interval_us": Micros(600)}
    assert len(pulse_points(shaped(shape, 250, **pulses))) == 6
    with pytest.raises(InterlockTripped, match=r"599 µs apart overlap \(600 µs\)"):
        pulse_points(shaped(shape, 250, **{**pulses, "burst_interval_us": Micros(599)}))
