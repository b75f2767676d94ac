"""A protocol in one week and session: progressions, phases of other weeks, the first session's share."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from estim.protocols import library
from estim.protocols.loader import load, parse
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from tests.support import sample


def with_steps(steps: str) -> Protocol:
    return parse(sample("[dose]", f"{steps}\n[dose]").encode())


@pytest.mark.parametrize(("week", "on_s"), [(1, 2), (2, 2), (3, 4), (4, 4), (5, 6), (9, 6)])
def test_the_latest_week_reached_counts_in_whatever_order_the_file_is(week: int, on_s: float) -> None:
    late, early = (f"[[progression]]\nfrom_week = {week}\nset = {{ on_s = {on} }}" for week, on in ((5, 6), (3, 4)))
    for steps in (f"{early}\n{late}", f"{late}\n{early}"):
        assert resolve(with_steps(steps), week=week, session=2).phase[0].on_s == on_s


def test_sessions_count_apart_from_weeks() -> None:
    protocol = with_steps("[[progression]]\nfrom_session = 3\nset = { contractions = 9 }")
    assert [resolve(protocol, week=7, session=session).phase[0].contractions for session in (2, 3, 4)] == [3, 9, 9]


def test_a_duration_takes_the_place_of_a_count() -> None:
    phase = resolve(with_steps("[[progression]]\nfrom_week = 2\nset = { duration_s = 60 }"), week=2).phase[0]
    assert (phase.contractions, phase.duration_s) == (None, 60)


def test_what_comes_out_is_checked_whole() -> None:
    protocol = with_steps("[[progression]]\nfrom_week = 2\nset = { ramp_up_s = 1.9 }")
    assert resolve(protocol, week=1).phase[0].ramp_up_s == 0.5
    with pytest.raises(ValidationError, match="leave nothing"):
        resolve(protocol, week=2)


def test_a_week_without_a_phase_is_refused() -> None:
    protocol = parse(sample("contractions = 3", "contractions = 3\nto_week = 2").encode())
    with pytest.raises(ValueError, match="plays nothing in week 3"):
        resolve(protocol, week=3)


@pytest.mark.parametrize(
    ("share", "first_ever", "session", "contractions"),
    [(1.0, False, 1, 3), (0.7, False, 1, 2), (0.1, False, 1, 1), (0.7, False, 2, 3), (1.0, True, 1, 1)],
)
def test_the_first_session_is_shorter_never_weaker(
    share: float, first_ever: bool, session: int, contractions: int
) -> None:
    protocol = parse(sample("weeks = 1", f"weeks = 1\nfirst_session_fraction = {share}").encode())
    phase = resolve(protocol, session=session, first_ever=first_ever).phase[0]
    assert (phase.contractions, phase.intensity) == (contractions, 1.0)


@pytest.mark.parametrize("name", library.names())
def test_the_library_resolves_in_every_week_and_is_left_as_it_was(name: str) -> None:
    protocol = load(library.path(name))
    before = protocol.model_dump()
    weeks = protocol.dose.weeks if isinstance(protocol.dose.weeks, int) else protocol.dose.weeks[1]
    for week in range(1, weeks + 1):
        for session in (1, 2, 20):
            assert resolve(protocol, week=week, session=session).phase
    assert protocol.model_dump() == before
