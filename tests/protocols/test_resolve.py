"""A protocol in one week and session: progressions, phases of other weeks, the first session's share."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from estim.protocols import library
from estim.protocols.loader import load, parse
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.safety.errors import ProtocolError
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


SECOND = """\
[[channel]]
name = "hamstrings"
muscle = "hamstrings"
region = "thigh"
placement = "back of the thigh"
electrode_cm = [5, 9]
amplitude_rule = "max-tolerated"
amplitude_instruction = "as told"
plausible_ma = [5, 60]
"""


def two(steps: str = "", phase: str = "") -> Protocol:
    text = sample("[[phase]]", SECOND + "[[phase]]").replace("contractions = 3\n", "contractions = 3\n" + phase)
    return parse(text.replace("[dose]", f"{steps}\n[dose]").encode())


def test_a_progression_of_one_channel_leaves_the_others_alone() -> None:
    protocol = two('[[progression]]\nfrom_week = 2\nchannel = "hamstrings"\nset = { on_s = 1.5 }')
    phase = resolve(protocol, week=2).phase[0]
    assert phase.on_s == 2
    assert [(override.name, override.on_s) for override in phase.channel] == [("hamstrings", 1.5)]
    assert not resolve(protocol, week=1).phase[0].channel


def test_a_progression_of_one_channel_keeps_what_its_block_says() -> None:
    protocol = two(
        '[[progression]]\nfrom_week = 2\nchannel = "hamstrings"\nset = { on_s = 1.5 }',
        '[[phase.channel]]\nname = "hamstrings"\nintensity = 0.5\n',
    )
    (override,) = resolve(protocol, week=2).phase[0].channel
    assert (override.on_s, override.intensity) == (1.5, 0.5)


def test_a_channel_with_a_phase_of_its_own_may_change_all_of_it() -> None:
    protocol = two(
        '[[progression]]\nfrom_week = 2\nchannel = "quadriceps"\nset = { contractions = 9, off_s = 4 }',
        'channels = ["quadriceps"]\n',
    )
    phase = resolve(protocol, week=2).phase[0]
    assert (phase.contractions, phase.off_s) == (9, 4)


@pytest.mark.parametrize("key", ["off_s = 5", "contractions = 5", "duration_s = 60", "ramp_up_s = 0.2"])
def test_what_channels_share_can_not_be_set_for_one_of_them(key: str) -> None:
    with pytest.raises(ProtocolError, match="plays others too"):
        two(f'[[progression]]\nfrom_week = 2\nchannel = "hamstrings"\nset = {{ {key} }}')


@pytest.mark.parametrize("key", ["on_s = 5", "off_s = 5", "sets = 3"])
def test_a_set_that_changes_nothing_is_a_mistake(key: str) -> None:
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "continuous"')
    text = text.replace("contractions = 3", "duration_s = 60")
    with pytest.raises(ProtocolError, match="changes nothing"):
        parse(text.replace("[dose]", f"[[progression]]\nfrom_week = 2\nset = {{ {key} }}\n[dose]").encode())


def test_a_first_session_in_time_is_cut_to_whole_seconds() -> None:
    text = sample("contractions = 3", "duration_s = 100").replace(
        "weeks = 1", "weeks = 1\nfirst_session_fraction = 0.333"
    )
    assert resolve(parse(text.encode()), session=1).phase[0].duration_s == 33
