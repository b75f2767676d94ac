"""The edge of what is allowed, walked along every width a device can code: verdict, interlock and formulas agree."""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from estim.drivers.models import MODELS
from estim.safety.commands import SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.limits import Limits
from estim.safety.limits_table import BY_KEY
from estim.safety.schedule import OutputClass, Schedule, Window
from estim.safety.units import Micros, MilliHertz
from estim.safety.verdict import clear, judge
from tests.safety.build import SECOND, TRUSTED, channel, output_of, schedule
from tests.safety.walk import (
    WALKS,
    Points,
    Walk,
    first_refused,
    forbidden,
    interlock,
    opened,
    pulse_of,
    refused_by,
    trips,
)
from tests.turns import of_this_turn

BINDS = {  # what ends each walk somewhere along its widths: together every limit of one channel's amplitude
    "p24, pads of 3.2 cm": {"L1", "L7"},
    "p24, large pads": {"L1", "L10"},
    "p24, single pulses": {"L1", "L11"},
    "p24, unequal phases 2": {"L1", "L7"},
    "p24, unequal phases 4": {"L1", "L7"},
    "p24, doublets": {"L1", "L7"},
    "p24, sensory": {"L26"},
    "p24, as fast as may be": {"L1", "L5", "L10"},
    "p24, smallest pads": {"L7"},
    "p24, largest pads": {"L1", "L7"},
    "p24, strict on energy": {"L1", "L9"},
    "p24, strict on power": {"L1", "L8"},
    "rehamove3": {"L1", "L7"},
    "rehamove3, absolute": {"L1", "L10"},
    "rehastim2": {"L1", "L7"},
    "rehastim2, absolute": {"L1", "L7"},
    "rehastim2, sensory": {"L26"},
    "rehastim1": {"L1", "L7"},
    "rehastim1, absolute": {"L1"},
    "rehastim1, sensory": {"L26"},
}
CLIMBED = ("p24, pads of 3.2 cm", "rehamove3", "rehastim2, absolute", "rehastim2, sensory", "rehastim1")
# What the interlock judges by itself; L8 and L9 reach it by the cap.
OWN = {"L1", "L5", "L7", "L10", "L11", "L26"}


def test_every_limit_of_a_channels_amplitude_ends_some_walk() -> None:
    assert set().union(*BINDS.values()) == {"L1", "L5", "L7", "L8", "L9", "L10", "L11", "L26"}
    assert {walk.model for walk in WALKS.values()} == set(MODELS)


@functools.cache
def walked(name: str) -> tuple[Walk, dict[str, Points], list[int]]:
    """A walk, what is forbidden, and for each width the index of the first amplitude that any formula refuses."""
    walk = WALKS[name]
    points = dict(forbidden(walk))
    refused = np.logical_or.reduce(list(points.values()))
    assert refused[:, -1].all(), "the walk ends beyond the device's maximum"
    assert (np.diff(refused.astype(np.int8), axis=1) >= 0).all(), "above a refused amplitude all are"
    return walk, points, [int(index) for index in refused.argmax(axis=1)]


def at(points: dict[str, Points], row: int, column: int) -> set[str]:
    return {key for key, where in points.items() if where[row, column]}


@pytest.mark.parametrize("name", of_this_turn(tuple(WALKS), 4))
@pytest.mark.hazard("H12")
def test_the_verdict_ends_at_the_last_point_that_no_formula_refuses(name: str) -> None:
    walk, points, firsts = walked(name)
    binding = set()
    for row, (width_us, first) in enumerate(zip(walk.widths_us, firsts, strict=True)):
        last_ua, next_ua = walk.amplitudes_ua[first] - walk.step_ua, walk.amplitudes_ua[first]
        meant = at(points, row, first)
        cleared = walk.cleared(width_us)
        assert cleared.caps_ua[1] == last_ua, width_us
        assert cleared.cap_reasons[1] in {BY_KEY[key].rule for key in meant}, width_us
        assert refused_by(walk.plan(width_us, last_ua), walk.site) == set(), width_us
        assert refused_by(walk.plan(width_us, next_ua), walk.site) == meant, width_us
        assert trips(interlock(cleared), [walk.train(width_us)], last_ua) == "", width_us
        assert trips(interlock(cleared), [walk.train(width_us)], next_ua) in {"L1", "cap"}, width_us
        binding |= {BY_KEY[key].rule for key in meant}
    assert binding == BINDS[name]


@pytest.mark.parametrize("name", of_this_turn(tuple(WALKS), 4))
@pytest.mark.hazard("H50")
def test_behind_a_verdict_gone_wrong_the_interlock_ends_at_the_same_point(name: str) -> None:
    walk, points, _ = walked(name)
    own = np.logical_or.reduce([where for key, where in points.items() if BY_KEY[key].rule in OWN])
    for row, width_us in enumerate(walk.widths_us):
        first, train = int(own[row].argmax()), walk.train(width_us)
        cleared = walk.cleared(width_us)
        assert trips(opened(cleared), [train], walk.amplitudes_ua[first] - walk.step_ua) == "", width_us
        assert trips(opened(cleared), [train], walk.amplitudes_ua[first]) in OWN, width_us


@pytest.mark.parametrize("name", of_this_turn(CLIMBED, 2))
def test_on_the_way_up_the_interlock_admits_every_point_below_and_none_above(name: str) -> None:
    walk, points, _ = walked(name)
    own = np.logical_or.reduce([where for key, where in points.items() if BY_KEY[key].rule in OWN])
    for row, width_us in enumerate(walk.widths_us):
        assert first_refused(walk, width_us) == int(own[row].argmax()), width_us


@pytest.mark.parametrize(
    ("pads", "rule"),
    [((("1a", "1b"), ("2a", "2b")), "L6"), ((("c", "1b"), ("c", "2b")), "L7")],
    ids=["L6", "shared pad"],
)
@pytest.mark.hazard("H23", "H30")
def test_two_channels_end_together_where_their_squares_add_up(
    pads: tuple[tuple[str, str], tuple[str, str]], rule: str
) -> None:
    alone = rule == "L6"
    walk = Walk(model="p24", column="default", mhz=50_000, area_mm2=1_500)
    site = walk.site & Limits.of({"rms_total_ua": 18_000}, layer="site", source="walk") if alone else walk.site
    most_ua2 = 18_000**2 if alone else (walk.limits["density_ua_per_cm2"].value * walk.area_mm2) ** 2 // 10_000
    over = 2 * pulse_of(walk)[0] > most_ua2 * walk.period_us
    points = {**forbidden(walk), "together": over}
    refused = np.logical_or.reduce(list(points.values()))
    assert over[:, :-4].any(), "the walk meets the common bound below the others"
    for row, width_us in enumerate(walk.widths_us):
        trains = [walk.train(width_us), replace(walk.train(width_us), channel=2)]
        first = int(refused[row].argmax())
        last_ua, next_ua = walk.amplitudes_ua[first] - walk.step_ua, walk.amplitudes_ua[first]
        meant = {rule if key == "together" else BY_KEY[key].rule for key in at(points, row, first)}
        cleared = clear(pair(walk, trains, pads, 0), site, walk.profile, TRUSTED)
        assert set(cleared.caps_ua.values()) == {last_ua}, width_us
        assert refused_by(pair(walk, trains, pads, last_ua), site) == set(), width_us
        refusals = refused_by(pair(walk, trains, pads, next_ua), site)
        assert {BY_KEY[key].rule for key in refusals} == meant, width_us
        behind, ramp = opened(cleared), [*range(2_000, last_ua, 2_000), last_ua]
        for index, amplitude_ua in enumerate(ramp):
            outputs = tuple(output_of(train, amplitude_ua) for train in trains)
            behind.admit(SetOutput(channels=outputs), index * SECOND)
        outputs = tuple(output_of(train, next_ua) for train in trains)
        with pytest.raises(InterlockTripped) as trip:
            behind.admit(SetOutput(channels=outputs), len(ramp) * SECOND)
        assert trip.value.rule in meant, width_us


def pair(walk: Walk, trains: list[Window], pads: tuple[tuple[str, str], tuple[str, str]], level_ua: int) -> Schedule:
    channels = [channel(number, ma=level_ua / 1000, pads=pads[number - 1]) for number in (1, 2)]
    return replace(schedule(channels, trains, area_mm2=walk.area_mm2), model=walk.model)


def refused_phases(walk: Walk, trains: list[Window], rule: str) -> tuple[set[int], set[int]]:
    """Which of many phases, one for each of `trains`, this rule refuses: by the verdict, and by the interlock behind a
    verdict gone wrong.
    """
    base = walk.plan(100, 2_000)
    plan = replace(base, phases=tuple(replace(base.phases[0], windows=(train,)) for train in trains))
    problems, _ = judge(plan, walk.site, walk.profile, TRUSTED)
    keys = {problem.key for problem in problems if problem.rule == rule and problem.severity == "refuse"}
    cleared = walk.cleared(100)
    object.__setattr__(cleared, "schedule", plan)
    behind = opened(cleared)
    return (
        {int(found[1]) for key in keys if (found := re.match(r"phase\[(\d+)\]", key))},
        {index for index, train in enumerate(trains) if trips(behind, [train], 2_000) == rule},
    )


@pytest.mark.parametrize(("model", "output"), of_this_turn([*itertools.product(MODELS, ["motor", "sensory"])], 2))
def test_every_period_of_the_grid_passes_up_to_the_rate_that_is_allowed(model: str, output: OutputClass) -> None:
    """L4 on the finest grid of periods, from the shortest that can be coded to beyond 1 Hz."""
    walk = Walk(model=model, column="absolute", mhz=20_000, area_mm2=4_500, output=output)
    grid = walk.profile.period_grids[0]
    periods = range(grid.min_us, min(grid.max_us, 1_010_000) + 1, grid.step_us)
    trains = [
        replace(walk.train(50), period_us=Micros(period), frequency_mhz=MilliHertz(1_000_000_000 // period))
        for period in periods
    ]
    most = walk.limits["rate_mhz" if output == "motor" else "rate_sensory_mhz"].value
    least = walk.limits["rate_min_mhz"].value
    verdict, behind = refused_phases(walk, trains, "L4")
    assert [periods[index] for index in sorted(verdict)] == [
        period for period in periods if most * period < 1_000_000_000 or least * period > 1_000_000_000
    ]
    assert [periods[index] for index in sorted(behind)] == [
        period for period in periods if 150_000 * period < 1_000_000_000
    ]


@pytest.mark.parametrize(("model", "column"), of_this_turn([*itertools.product(MODELS, ["absolute", "default"])], 2))
def test_every_width_that_can_be_coded_passes_where_l2_allows_it(model: str, column: str) -> None:
    profile = MODELS[model].profile
    walk = Walk(model=model, column=column, mhz=20_000, area_mm2=4_500)
    widths = range(profile.pulse_width_min_us, profile.pulse_width_max_us + 1, profile.pulse_width_step_us)
    verdict, behind = refused_phases(walk, [walk.train(width_us) for width_us in widths], "L2")
    assert [width for index, width in enumerate(widths) if index not in verdict] == list(walk.widths_us)
    assert [width for index, width in enumerate(widths) if index not in behind] == [
        width for width in widths if 20 <= width <= 1_000
    ]
