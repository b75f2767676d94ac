"""Every key of the schema with a wrong, a missing, a swapped-unit and an out-of-place value: the message names the key.

Made from the schema itself, so that no key can be forgotten: a key that no sample holds fails this test.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import tomlkit
from pydantic import BaseModel

from estim.desk.checking import check_file
from estim.protocols.schema import Protocol
from estim.protocols.slips import SENSE
from estim.safety.limits import ABSOLUTE, DEFAULT
from tests.turns import of_this_turn

LIMITS = ABSOLUTE & DEFAULT
CHANNEL: dict[str, Any] = {
    "name": "quadriceps", "muscle": "quadriceps-femoris", "region": "thigh", "side": "left", "placement": "two places",
    "electrode_cm": [7.5, 13.0], "output": "motor", "amplitude_rule": "percent-mvic", "amplitude_instruction": "raise",
    "amplitude_target": 40.0, "without_mvic": "refuse", "amplitude_minimum": 20.0, "plausible_ma": [10, 60],
    "retitrate_every_s": 300, "optional": False,
}  # fmt: skip
PHASE: dict[str, Any] = {
    "name": "work", "kind": "work", "mode": "timed", "channels": ["quadriceps"], "effort": "join", "from_week": 1,
    "to_week": 8, "from_session": 1, "to_session": 40, "relation": "together",
    "waveform": "asymmetric-balanced-biphasic", "phase_ratio": 2, "waveform_fallback": "symmetric-biphasic",
    "frequency_hz": 30, "pulse_width_us": 250, "interphase_us": 100, "on_s": 8, "off_s": 20, "ramp_up_s": 1.5,
    "ramp_down_s": 0.5, "ramp_within_on": True, "contractions": 10, "sets": 2, "set_rest_s": 60, "intensity": 0.9,
    "cue_signal": "audio",
    "channel": [{"name": "quadriceps", "frequency_hz": 28, "pulse_width_us": 240, "intensity": 0.8, "delay_s": 0.5,
                 "on_s": 7}],
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "schema": 1, "id": "own", "version": "1.0.0", "title": "Own", "goal": "strength", "goal_note": "more",
    "conditions": ["stroke"], "indication": "who", "position": "seated", "cue": "pull", "expected_response": "seen",
    "stop_criteria": ["pain"], "contraindications": ["clot"], "basis": "convention", "weight_bearing": False,
    "stop_control": "patient", "notes": ["a note"], "equivalent": {"of": "2500 Hz", "note": "half"},
    "evidence": [{"citation": "A B. C 2001;1:1", "doi": "10.1/x", "url": "https://doi.org/10.1/x", "effect": "good",
                  "kind": "trial", "stance": "supports"}],
    "channel": [CHANNEL], "phase": [PHASE],
    "dose": {"sessions_per_day": 1, "days_per_week": 3, "weeks": 6, "blocks_per_session": 1, "as_needed": False,
             "min_hours_between": 6, "first_session_fraction": 0.5},
    "progression": [
        {"from_week": 3, "channel": "quadriceps", "note": "n", "set": {"output": "motor", "effort": "task", "on_s": 9,
         "amplitude_rule": "percent-mvic", "amplitude_target": 50.0}},
        {"from_week": 4, "set": {"off_s": 15, "contractions": 12, "sets": 3, "set_rest_s": 90, "ramp_up_s": 1.2,
         "relation": "together"}},
        {"from_session": 30, "set": {"duration_s": 600}},
    ],
    "criterion": [{"measure": "quadriceps-index", "at_least": 80, "action": "review"},
                  {"measure": "pain", "at_most": 2, "action": "prompt"}],
    "provenance": {"frequency_hz": {"mark": "read", "source": 1, "where": "table 1"}},
}  # fmt: skip


def variant(**phase: Any) -> dict[str, Any]:
    """The sample with another phase and nothing that speaks of the first one's times."""
    made = copy.deepcopy(WHOLE)
    kept = ("name", "kind", "frequency_hz", "pulse_width_us", "interphase_us", "ramp_up_s", "ramp_down_s")
    made["phase"] = [{key: PHASE[key] for key in kept} | {"waveform": "symmetric-biphasic"} | phase]
    made["progression"] = [{"from_week": 2, "set": {"duration_s": 300}}]
    return made


TIMES = {"max_on_s": 4, "min_on_s": 0.5, "extend_s": 0.1, "refractory_s": 1}
EMG = {"threshold_uv": 20, "debounce_ms": 150, "blanking_ms": 25, "lockout_s": 1, "rearm_percent": 50}
PADS = copy.deepcopy(WHOLE)
PADS["channel"][0] = {key: value for key, value in CHANNEL.items() if key != "electrode_cm"} | {
    "electrodes": ["a", "b"]
}
PADS["electrode"] = [{"id": name, "size_cm": [7.5, 13.0], "placement": "there"} for name in ("a", "b")]
POINTS = variant(
    mode="timed", on_s=8, off_s=20, contractions=5, waveform="points", waveform_fallback="symmetric-biphasic",
    interpulse_balance="within", point=[{"us": 200, "share": 1.0}, {"us": 400, "share": -0.5}],
)  # fmt: skip
del POINTS["phase"][0]["pulse_width_us"], POINTS["phase"][0]["interphase_us"]
TWO = variant(
    mode="timed", on_s=8, off_s=20, contractions=5,
    train={"kind": "catch", "repeat_every_s": 2.0,
           "first": {"pulses": 2, "interval_us": 8000, "times": 1, "at_least_device": True}},
    channel=[{"name": "quadriceps", "skip": 1},
             {"name": "hamstrings", "follows": {"channel": "quadriceps", "share": 0.8, "at_most_ma": 40.0}}],
)  # fmt: skip
SECOND = {key: value for key, value in CHANNEL.items() if key != "without_mvic"}
TWO["channel"].append(SECOND | {"name": "hamstrings", "muscle": "hamstrings"})
CRANK = variant(
    mode="triggered", duration_s=600,
    trigger={"source": "crank", "max_on_s": 4, "cadence_rpm": 40, "lead_limit_deg": 45,
             "lead_ms": {"on": 100, "off": 80}},
    channel=[{"name": "quadriceps", "crank_deg": [10, 110], "max_on_s": 3}],
)  # fmt: skip
CRANK["progression"] = [{"from_week": 2, "set": {"cadence_rpm": 50}}]
SAMPLES = {
    "timed": WHOLE,
    "pads": PADS,
    "burst": variant(mode="timed", on_s=8, off_s=20, contractions=5, burst={"pulses": 2, "interval_us": 8000}),
    "emg": variant(mode="emg-triggered", duration_s=600,
                   trigger={"source": "emg", "emg_side": "other", "hold": True, **TIMES, **EMG}),
    "crank": CRANK,
    "points": POINTS,
    "catch": TWO,
    "two-rate": variant(mode="timed", on_s=8, off_s=20, contractions=5,
                        train={"kind": "two-rate", "then_hz": 40.0, "after_s": 3.0}),
    "jitter": variant(mode="timed", on_s=8, off_s=20, contractions=5,
                      train={"kind": "jitter", "spread_percent": 10.0, "seed": 7}),
    "sensor": variant(
        mode="triggered", duration_s=600,
        trigger={"source": "sensor", "on": "heel-off", "off": "heel-strike", "hold": True, **TIMES},
        channel=[{"name": "quadriceps", "trigger_on": "a", "trigger_off": "b"}],
    ),
}  # fmt: skip

Place = tuple[str | int, ...]


def models(
    model: type[BaseModel], place: tuple[str, ...] = ()
) -> Iterator[tuple[type[BaseModel], str, tuple[str, ...]]]:
    """Every key of the schema: its model, its name in a file, and the tables around it."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        yield model, key, place
        inner = next(_inside(field.annotation), None)
        if inner is not None:
            yield from models(inner, (*place, key))


def _inside(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inside(argument)


KEYS = [(model, key, place) for model, key, place in models(Protocol)]


def places(document: Any, wanted: tuple[str, ...], place: Place = ()) -> Iterator[Place]:
    """Where a key stands in a sample; in `[provenance]` the keys between are the author's own."""
    if not wanted:
        yield place
    elif isinstance(document, list):
        for number, inner in enumerate(document):
            yield from places(inner, wanted, (*place, number))
    elif isinstance(document, dict):
        if wanted[0] in document:
            yield from places(document[wanted[0]], wanted[1:], (*place, wanted[0]))
        if place == ("provenance",):
            for key in document:
                yield from places(document[key], wanted, (*place, key))


@cache
def found_in(path: tuple[str, ...]) -> tuple[str, Place]:
    """A sample that holds the key, and where."""
    for name, sample in SAMPLES.items():
        for place in places(sample, path):
            return name, place
    raise AssertionError(f"no sample holds {'.'.join(path)}: add it, so that it is walked")


def changed(sample: str, place: Place, value: Any = None, *, remove: bool = False) -> dict[str, Any]:
    made = copy.deepcopy(SAMPLES[sample])
    holder: Any = made
    for part in place[:-1]:
        holder = holder[part]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return made


def number_at(path: tuple[str, ...]) -> bool:
    """Whether the key holds a number, or two: `on` is an event's name here and a time there."""
    sample, at = found_in(path)
    holder: Any = SAMPLES[sample]
    for part in at:
        holder = holder[part]
    return isinstance(holder[0] if isinstance(holder, list) else holder, int | float)


def problems(document: dict[str, Any], tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "own.toml"
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    return list(check_file(path, LIMITS, model="p24")["problems"])


_SAID: dict[str, set[str]] = {}


def said_of(sample: str, tmp_path: Path) -> set[str]:
    """What is said of a sample as it stands."""
    if sample not in _SAID:
        _SAID[sample] = {each["message"] for each in problems(SAMPLES[sample], tmp_path)}
    return _SAID[sample]


def named(found: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Refusals at this very key."""
    return [
        each
        for each in found
        if each["severity"] == "refuse" and key in {each["key"].rpartition(".")[2].partition("[")[0], each["key"]}
    ]


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "jitter"])  # which no device plays in therapy
def test_the_samples_are_right(name: str, tmp_path: Path) -> None:
    sample = copy.deepcopy(SAMPLES[name])
    sample["channel"][0].pop("without_mvic", None)  # which refuses every file without a patient
    found = problems(sample, tmp_path)
    assert [each["message"] for each in found if each["severity"] == "refuse"] == []


TODAY = of_this_turn(KEYS, 3)


@pytest.mark.parametrize(("model", "key", "place"), TODAY, ids=[".".join((*place, key)) for _, key, place in TODAY])
def test_a_wrong_value_is_named_at_its_key(
    model: type[BaseModel], key: str, place: tuple[str, ...], tmp_path: Path
) -> None:
    sample, at = found_in((*place, key))
    holder: Any = SAMPLES[sample]
    for part in at:
        holder = holder[part]
    number = 7 if isinstance(holder, str) else 5.25e12
    for wrong in (["no", {"x": 1}] if isinstance(holder, str | dict) else "no", number, "\x07"):
        found = named(problems(changed(sample, at, wrong), tmp_path), key)
        assert found, (model.__name__, key, wrong)
        assert all(each["line"] for each in found)
        assert all(each["message"] for each in found)


REQUIRED = [
    (model, key, place)
    for model, key, place in KEYS
    if any((field.alias or name) == key and field.is_required() for name, field in model.model_fields.items())
]


@pytest.mark.parametrize(
    ("model", "key", "place"), REQUIRED, ids=[".".join((*place, key)) for _, key, place in REQUIRED]
)
def test_a_missing_key_is_named(model: type[BaseModel], key: str, place: tuple[str, ...], tmp_path: Path) -> None:
    sample, at = found_in((*place, key))
    found = named(problems(changed(sample, at, remove=True), tmp_path), key)
    assert found, (model.__name__, key)
    assert all(each["line"] for each in found)


@pytest.mark.parametrize(("model", "key", "place"), TODAY, ids=[".".join((*place, key)) for _, key, place in TODAY])
def test_whatever_is_taken_away_is_named_where_it_is_missed(
    model: type[BaseModel], key: str, place: tuple[str, ...], tmp_path: Path
) -> None:
    sample, at = found_in((*place, key))
    known = said_of(sample, tmp_path)
    found = problems(changed(sample, at, remove=True), tmp_path)
    fresh = [each for each in found if each["severity"] == "refuse" and each["message"] not in known]
    assert not fresh or any(key in each["key"] or key in each["message"] for each in fresh), (model.__name__, fresh)
    assert all(each["line"] for each in fresh)


UNITS = [(model, key, place) for model, key, place in KEYS if key in SENSE and number_at((*place, key))]
NO_SLIP = {"crank_deg", "lead_limit_deg"}  # whole turns and whole degrees: what is far off is refused as it stands


def test_every_number_with_a_unit_is_walked() -> None:
    unit = re.compile(r"_(s|ms|us|hz|ma|uv|deg|rpm|cm|percent)$")
    united = {key for _, key, place in KEYS if unit.search(key) and number_at((*place, key))}
    assert united - {key for _, key, _ in UNITS} == NO_SLIP


@pytest.mark.parametrize(("model", "key", "place"), UNITS, ids=[".".join((*place, key)) for _, key, place in UNITS])
def test_a_number_in_another_unit_is_named_with_the_unit_that_was_meant(
    model: type[BaseModel], key: str, place: tuple[str, ...], tmp_path: Path
) -> None:
    sample, at = found_in((*place, key))
    holder: Any = SAMPLES[sample]
    for part in at:
        holder = holder[part]
    low, high, unit, slips = SENSE[key]
    whole = all(isinstance(each, int) for each in (holder if isinstance(holder, list) else [holder]))
    tried = 0
    for slip in slips:
        values = [
            slip.factor / v if slip.inverse else v / slip.factor
            for v in (holder if isinstance(holder, list) else [holder])
        ]
        if whole:
            values = [round(v) for v in values]
        if any(low <= v <= high or v <= 0 for v in values):
            continue
        tried += 1
        wrong = values if isinstance(holder, list) else values[0]
        found = [
            each
            for each in problems(changed(sample, at, wrong), tmp_path)
            if each["key"].rpartition(".")[2].partition("[")[0] == key and each["severity"] in {"refuse", "warn"}
        ]
        assert found, (model.__name__, key, wrong)
        assert any(f"looks like {slip.words}" in each["message"] and unit in each["message"] for each in found), (
            slip.words, found,
        )  # fmt: skip
        assert all(each["line"] for each in found)
    assert tried or key in {"cadence_rpm", "threshold_uv", "interphase_us", "rearm_percent"}  # in whole numbers none is


@pytest.mark.parametrize(("model", "key", "place"), TODAY, ids=[".".join((*place, key)) for _, key, place in TODAY])
def test_a_key_that_stands_in_another_table_is_named(
    model: type[BaseModel], key: str, place: tuple[str, ...], tmp_path: Path
) -> None:
    sample, at = found_in((*place, key))
    value: Any = SAMPLES[sample]
    for part in at:
        value = value[part]
    for table in ("dose", "phase", "channel"):
        document = copy.deepcopy(SAMPLES[sample])
        holder = document[table] if table == "dose" else document[table][0]
        if key in holder or _known(table, key):
            continue
        holder[key] = value
        found = named(problems(document, tmp_path), key)
        assert found, (model.__name__, key, table)
        assert all(each["line"] and each["rule"] == "unknown-key" for each in found)


def _known(table: str, key: str) -> bool:
    inner = next(_inside(Protocol.model_fields[table].annotation))
    return key in inner.model_fields


CULPRITS = [
    ({"ramp_up_s": 0.05}, {"ramp_up_s"}),
    ({"ramp_down_s": 0.01}, {"ramp_down_s"}),
    ({"channel": [{"name": "quadriceps", "delay_s": 25}]}, {"delay_s"}),
    ({"mode": "triggered"}, {"trigger", "on_s"}),  # it lacks the one and has no use for the other: both are told
    ({"mode": "emg-triggered"}, {"trigger", "on_s"}),
]


@pytest.mark.parametrize(("change", "keys"), CULPRITS)
def test_the_culprit_is_named_and_no_neighbour(change: dict[str, Any], keys: set[str], tmp_path: Path) -> None:
    document = variant(mode="timed", on_s=8, off_s=20, contractions=5)
    document["channel"][0].pop("without_mvic")
    before = problems(document, tmp_path)
    document["phase"][0] |= change
    known = {each["message"] for each in before}
    found = [each for each in problems(document, tmp_path) if each["message"] not in known]
    assert {each["key"].rpartition(".")[2] for each in found} == keys, found


# Sample, place of the change, the value (None: taken away), and where it is told.
FURTHER: list[tuple[str, Place, Any, str]] = [
    ("two-rate", ("phase", 0, "train", "then_hz"), 0.04, "phase[0].train.then_hz"),
    ("two-rate", ("phase", 0, "train", "then_hz"), 25_000, "phase[0].train.then_hz"),
    ("crank", ("phase", 0, "trigger", "threshold_uv"), 20, "phase[0].trigger.threshold_uv"),
    ("crank", ("phase", 0, "trigger", "lockout_s"), 1, "phase[0].trigger.lockout_s"),
    ("emg", ("phase", 0, "trigger", "lockout_s"), None, "phase[0].trigger.lockout_s"),
    ("emg", ("phase", 0, "trigger", "rearm_percent"), None, "phase[0].trigger.rearm_percent"),
    ("timed", ("channel", 0, "amplitude_minimum"), 60.0, "channel[0].amplitude_minimum"),
    ("timed", ("channel", 0, "amplitude_target"), 0.4, "channel[0].amplitude_target"),
    ("timed", ("criterion", 0, "at_least"), 0.8, "criterion[0].at_least"),
    ("timed", ("progression", 0, "set", "on_s"), 0.2, "progression[0].set.on_s"),
    ("timed", ("progression", 0, "set", "amplitude_target"), 0.5, "progression[0].set.amplitude_target"),
    ("timed", ("progression", 1, "set", "off_s"), 0.015, "progression[1].set.off_s"),
    ("timed", ("progression", 1, "set", "ramp_up_s"), 1_200, "progression[1].set.ramp_up_s"),
    ("timed", ("progression", 1, "set", "set_rest_s"), 3_000, "progression[1].set.set_rest_s"),
    ("timed", ("progression", 1, "from_week"), 40, "progression[1].from_week"),
    ("timed", ("phase", 0, "from_session"), 19, "phase[0].from_session"),
]  # fmt: skip


@pytest.mark.parametrize(("sample", "place", "value", "told"), FURTHER)
def test_patterns_courses_and_criteria_are_told_at_their_own_key(
    sample: str, place: Place, value: Any, told: str, tmp_path: Path
) -> None:
    without = changed(sample, ("channel", 0, "without_mvic"), remove=True)  # which refuses every file without a patient
    known = {each["message"] for each in problems(without, tmp_path)}
    made = changed(sample, place, value, remove=value is None)
    del made["channel"][0]["without_mvic"]
    found = problems(made, tmp_path)
    fresh = [each for each in found if each["message"] not in known and each["severity"] in {"refuse", "warn"}]
    assert told in {each["key"] for each in fresh}, found
    assert all(each["line"] for each in fresh)
    assert not any(
        each["message"].startswith("[") or "@" in each["message"] or "Tuple" in each["message"] for each in fresh
    )


def test_a_week_in_which_a_phase_rests_refuses_nothing_of_it(tmp_path: Path) -> None:
    """A change of sets, and from a later session on no sets any more: what was right of the whole file stays right."""
    made = changed("timed", ("channel", 0, "without_mvic"), remove=True)
    later = {"name": "later", "from_week": 5, "mode": "continuous", "duration_s": 18, "channel": []}
    made["phase"].append(copy.deepcopy(PHASE) | later)
    for key in ("on_s", "off_s", "contractions", "sets", "set_rest_s"):
        del made["phase"][1][key]
    made["phase"][0]["to_week"] = 4
    made["progression"] = [{"from_week": 2, "set": {"sets": 3, "set_rest_s": 60}}]
    assert [each for each in problems(made, tmp_path) if each["severity"] == "refuse"] == []
    made["phase"][1]["duration_s"] = 300
    told = {each["key"] for each in problems(made, tmp_path) if each["severity"] == "refuse"}
    assert told == {"phase[1].duration_s"}, "a continuous phase has no on time that could be wrong"
