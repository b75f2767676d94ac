"""Steps and marks that the caps are made of, and how a number is read."""

from __future__ import annotations

import pytest

from estim.safety.caps import level_step_ua, mark_for_sensory_ua, sensory_ceiling_ua
from estim.safety.units import is_whole, plain_number
from tests.safety.build import channel, schedule, window


@pytest.mark.parametrize(
    ("number", "step_ua", "raise_ua", "adds_ua"),
    [
        (1, 500, 1_000, 1_000),
        (1, 300, 1_000, 900),  # as many whole steps as fit
        (1, 2_000, 1_000, 2_000),  # a coarse device rises by one of its steps
        (2, 500, 1_000, 2_000),  # phases of one to four: the small one needs a step of its own
        (2, 500, 5_000, 4_000),
        (3, 500, 500, 500),  # plays nothing
    ],
)
def test_one_raise_adds_whole_steps(number: int, step_ua: int, raise_ua: int, adds_ua: int) -> None:
    plan = schedule([channel(1), channel(2)], [window(1), window(2, phase_ratio=4)])
    assert level_step_ua(plan, number, step_ua=step_ua, raise_ua=raise_ua) == adds_ua


def test_the_lowest_mark_under_which_a_sensory_level_may_play() -> None:
    assert [mark_for_sensory_ua(level) for level in (9_000, 9_001, 1)] == [10_000, 10_002, 2]
    assert all(sensory_ceiling_ua(mark_for_sensory_ua(level)) >= level for level in range(0, 60_000, 500))
    assert all(sensory_ceiling_ua(mark_for_sensory_ua(level) - 1) < level for level in range(500, 60_000, 500))


def test_a_number_is_read_as_a_person_writes_it() -> None:
    assert [plain_number(text) for text in ("0", "7.5", "-3")] == [0, 7.5, -3]
    with pytest.raises(ValueError, match="'1e3' is not a number: digits, with at most one point"):
        plain_number("1e3")


def test_a_whole_number_is_told_by_its_digits_alone() -> None:
    assert [text for text in ("0", "007", "9" * 18) if not is_whole(text)] == []
    assert [text for text in ("", "-1", "1.0", "²", "٣", "x", "9" * 19) if is_whole(text)] == []
    assert is_whole("123", digits=3)
    assert not is_whole("1234", digits=3)
