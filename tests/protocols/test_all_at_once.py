"""Whoever mends a file gets the whole list: no fault hides another, and none is told that is only the echo of one."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from estim.desk.checking import check_file
from estim.protocols.loader import load, parse
from estim.safety.errors import ProtocolError
from tests.protocols.test_bad_files import CHANGED
from tests.support import LIMITS, sample

# pairs of which the one can't be judged while the other is there: the same times, or a mode that nobody knows
DEPENDENT = ("mode =", "ramp_up_s", "on_s", "on_ms", "off_s = 2", "burst", "amplitude_ma", "amplitude_rule")


def keys_of(text: str) -> set[str]:
    with pytest.raises(ProtocolError) as refused:
        parse(text.encode())
    return {problem.key for problem in refused.value.problems}


def pairs() -> list[tuple[str, str, str]]:
    """Two mistakes in one file: its text, and the keys of both."""
    made = []
    for one, other in itertools.combinations(CHANGED, 2):
        text = sample(one[0], one[1])
        apart = one[0].strip() not in other[0] and other[0].strip() not in one[0] and other[0] in text
        bound = all(any(word in part for word in DEPENDENT for part in case[:2]) for case in (one, other))
        if apart and not bound:
            made.append((text.replace(other[0], other[1], 1), one[2], other[2]))
    return made[::11]


def test_two_mistakes_are_both_told_wherever_they_stand() -> None:
    cases = pairs()
    assert len(cases) > 100
    hidden = [(one, other, keys) for text, one, other in cases if not {one, other} <= (keys := keys_of(text))]
    assert hidden == []


RULES = [
    ("contractions = 3", "contractions = 3\nduration_s = 60\nsets = 2\nfrom_week = 4\nto_week = 2",
     {"duration_s", "set_rest_s", "from_week"}),
    ("contractions = 3", 'contractions = 3\nrelation = "crossed"\nsets = 2', {"relation", "set_rest_s"}),
    ("contractions = 3", 'sets = 2\nduration_s = 60\nwaveform_fallback = "symmetric-biphasic"',
     {"sets", "waveform_fallback"}),
    ("plausible_ma = [5, 60]", "plausible_ma = [60, 5]\namplitude_target = 60\nsize = 3",
     {"plausible_ma", "amplitude_target", "size"}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "keys"), RULES)
def test_every_broken_rule_of_one_table_is_told(before: str, after: str, keys: set[str]) -> None:
    assert {key.rpartition(".")[2] for key in keys_of(sample(before, after))} >= keys


def entry(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return check_file(path, LIMITS, model="p24")


def test_what_a_limit_refuses_is_told_beside_what_the_schema_refuses(tmp_path: Path) -> None:
    text = sample("frequency_hz = 50\n", "frequency_hz = 180\n")
    text = text.replace("off_s = 2\n", "off_s = 0.1\n").replace("weeks = 1", 'weeks = "six"')
    found = {(problem["key"], problem["rule"], problem["line"]) for problem in entry(tmp_path, text)["problems"]}
    lines = text.splitlines()
    assert found >= {
        ("phase[0].frequency_hz", "L4", lines.index("frequency_hz = 180") + 1),
        ("phase[0].off_s", "L20", lines.index("off_s = 0.1") + 1),
        ("dose.weeks", "value", lines.index('weeks = "six"') + 1),
    }


def test_rate_and_width_are_judged_in_a_phase_with_another_fault(tmp_path: Path) -> None:
    text = sample("pulse_width_us = 250", "pulse_width_us = 900").replace("ramp_up_s = 0.5", 'ramp_up_s = "half"')
    found = {(problem["key"], problem["rule"]) for problem in entry(tmp_path, text)["problems"]}
    assert found == {("phase[0].pulse_width_us", "L2"), ("phase[0].ramp_up_s", "value")}


def test_no_limit_speaks_of_what_stands_in_for_a_fault(tmp_path: Path) -> None:
    for before, after, key, _ in CHANGED:
        problems = entry(tmp_path, sample(before, after))["problems"]
        assert {problem["layer"] for problem in problems} == {"schema"}, (after, key, problems)


def test_names_that_lead_nowhere_are_told_at_their_line() -> None:
    text = sample("contractions = 3", 'contractions = 3\nchannels = ["calf"]').replace(
        "[dose]", '[[progression]]\nfrom_week = 2\nchannel = "toe"\nnote = "x"\n[dose]'
    )
    with pytest.raises(ProtocolError) as refused:
        parse(text.encode())
    lines = text.splitlines()
    assert {(problem.key, problem.line) for problem in refused.value.problems} == {
        ("phase[0].channels", lines.index('channels = ["calf"]') + 1),
        ("progression[0].channel", lines.index('channel = "toe"') + 1),
    }


def test_a_name_that_stands_twice_is_told_where_it_stands_again(tmp_path: Path) -> None:
    text = sample("contractions = 3", "contractions = 3")
    start = text.index("[[phase]]")
    phase = text[start : text.index("[dose]")]
    path = tmp_path / "twice.toml"
    path.write_text(text.replace("[dose]", phase + "[dose]"), encoding="utf-8")
    with pytest.raises(ProtocolError) as refused:
        load(path)
    names = [
        number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "name = " in line
    ]
    assert [(problem.key, problem.line) for problem in refused.value.problems] == [("phase[1].name", names[-1])]
