"""L27 beforehand: what a protocol asks of one day, added up over channels, blocks and sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from estim.safety.errors import Problem
from estim.safety.limits import Limits
from estim.safety.limits_table import BY_KEY
from estim.safety.schedule import Schedule, Trigger
from estim.safety.static_rules import judge_day
from estim.safety.units import MicroAmp, Micros
from tests.safety.build import SECOND, channel, limits, schedule, window

HALF_HOUR = limits(muscle_day_min=30)
# 12 × 10 s: two minutes of motor on time a block
TWO_MINUTES = schedule(cycles=12)


def day(plan: Schedule, *, blocks: int = 1, sessions: int = 1, within: Limits = HALF_HOUR) -> list[Problem]:
    return list(judge_day(plan, within, blocks=blocks, sessions=sessions))


def minutes(plan: Schedule, **changes: Any) -> dict[str, object]:
    """Muscle and side → minutes a day, where the least limit of all is broken."""
    found = day(plan, within=limits(muscle_day_min=1), **changes)
    return {problem.message.split(":")[0]: problem.asked for problem in found}


def triggered(*, cycles: int = 0, sets: int = 1, mode: str = "triggered", **changes: int) -> Schedule:
    """A phase of 20 min whose window a key keeps open for 4 s, every 8 s at most."""
    times = {"max_on_us": 4 * SECOND, "refractory_us": 3 * SECOND, "lockout_us": SECOND, **changes}
    set_times: dict[str, Any] = {name: Micros(value) for name, value in times.items()}
    trigger = Trigger(
        source="key", on="press", off="release", hold=True, min_on_us=Micros(0), extend_us=Micros(0), **set_times
    )
    return schedule(
        windows=[window(max_on_us=Micros(times["max_on_us"]))], mode=mode, trigger=trigger, cycles=cycles, sets=sets,
        duration_us=Micros(1_200 * SECOND),
    )  # fmt: skip


def test_what_fits_is_not_spoken_of() -> None:
    assert not day(TWO_MINUTES, blocks=3, sessions=5)
    assert not day(schedule(cycles=180)), "30 min are allowed"


def test_the_warning_names_muscle_dose_and_what_is_played() -> None:
    (problem,) = day(TWO_MINUTES, blocks=4, sessions=4)
    assert problem.message == (
        "muscle 1, left: 4 sessions a day × 4 blocks × 2 min of motor on time are 32 min a day, allowed at most 30 "
        "min: of this dose 15 of 16 blocks are played on a day, the next is refused"
    )
    assert (problem.severity, problem.key, problem.rule) == ("warn", "dose.sessions_per_day", "L27")
    assert (problem.asked, problem.allowed, problem.unit) == (32, 30, "min")
    assert (problem.layer, problem.source) == ("site", "test")


@pytest.mark.parametrize(
    ("blocks", "sessions", "key", "words"),
    [
        (1, 16, "dose.sessions_per_day", "16 sessions a day × 1 block ×"),
        (16, 1, "dose.blocks_per_session", "1 session a day × 16 blocks ×"),
        (2, 8, "dose.sessions_per_day", "8 sessions a day × 2 blocks ×"),
        (8, 2, "dose.sessions_per_day", "2 sessions a day × 8 blocks ×"),
    ],
)
def test_the_key_that_is_too_great_is_named(blocks: int, sessions: int, key: str, words: str) -> None:
    (problem,) = day(TWO_MINUTES, blocks=blocks, sessions=sessions)
    assert problem.key == key
    assert words in problem.message


def test_one_session_that_is_too_long_by_itself() -> None:
    (problem,) = day(schedule(cycles=181))
    assert (problem.key, problem.asked) == ("dose.sessions_per_day", 31), "what has begun counts as a minute"
    assert "of this dose 0 of 1 blocks" in problem.message


def test_channels_of_one_muscle_and_side_add_up_others_do_not() -> None:
    same = [channel(1, muscle="vastus"), channel(2, muscle="vastus")]
    assert minutes(schedule(same, cycles=12)) == {"vastus, left": 4}
    other_side = [channel(1, muscle="vastus"), channel(2, muscle="vastus", side="right")]
    assert minutes(schedule(other_side, cycles=12)) == {"vastus, left": 2, "vastus, right": 2}
    short = [channel(1), channel(2)]
    rare = schedule(short, [window(1, on_us=Micros(SECOND)), window(2)], cycles=12)
    assert minutes(rare) == {"muscle 2, left": 2}, "what fits hides nothing that comes after it"
    group = [channel(1, counts_as=("vastus", "rectus")), channel(2, muscle="vastus")]
    assert minutes(schedule(group, cycles=12)) == {"vastus, left": 4, "rectus, left": 2}


def test_only_motor_output_that_fuses_counts() -> None:
    felt = channel(1, ma=8, output="sensory", motor_mark_ua=MicroAmp(20_000))
    assert minutes(schedule([felt, channel(2)], cycles=12)) == {"muscle 2, left": 2}
    assert minutes(schedule(windows=[window(hz=15)], cycles=12)) == {}
    assert minutes(schedule(windows=[window(hz=16)], cycles=12)) == {"muscle 1, left": 2}


def test_sets_and_continuous_phases_count_as_they_play() -> None:
    assert minutes(schedule(cycles=12, sets=3)) == {"muscle 1, left": 6}
    steady = schedule(windows=[window(on_us=Micros(300 * SECOND))], mode="continuous", cycles=7, sets=7)
    assert minutes(steady) == {"muscle 1, left": 5}


@pytest.mark.parametrize("mode", ["triggered", "emg-triggered"])
def test_triggers_count_as_the_most_that_they_can_open(mode: str) -> None:
    assert minutes(triggered(mode=mode)) == {"muscle 1, left": 10}, "4 s of each 8 s"
    assert minutes(triggered(mode=mode, cycles=30, sets=2)) == {"muscle 1, left": 4}, "60 times 4 s"


def test_a_phase_without_a_trigger_opens_nothing() -> None:
    assert minutes(schedule(mode="triggered", trigger=None, cycles=0)) == {}


def test_a_long_phase_counts_to_the_minute() -> None:
    plan = triggered()
    (phase,) = plan.phases
    assert minutes(replace(plan, phases=(replace(phase, duration_us=Micros(120_000 * SECOND)),))) == {
        "muscle 1, left": 1_000
    }


def test_triggers_are_held_by_the_governors_share() -> None:
    most = BY_KEY["duty_triggered_permille"].absolute
    assert minutes(triggered(refractory_us=0, lockout_us=0)) == {"muscle 1, left": 1_200 * most // 60_000}
    assert minutes(triggered(max_on_us=0, refractory_us=0, lockout_us=0)) == {}
