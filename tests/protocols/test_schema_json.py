"""The JSON Schema that editors use: it takes what the loader takes, and says what each key means and where it ends."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema
import pytest

from estim.cli import main
from estim.protocols import library
from estim.protocols.authoring import new_protocol
from estim.protocols.schema_json import json_schema
from estim.protocols.schema_words import WORDS
from tests.support import sample

SCHEMA = json_schema()
VALID = jsonschema.Draft202012Validator(SCHEMA)  # `validate` would judge the schema itself each time


@pytest.mark.parametrize("name", library.names())
def test_editors_accept_what_the_loader_accepts(name: str) -> None:
    VALID.validate(tomllib.loads(library.path(name).read_text(encoding="utf-8")))


def test_it_is_a_schema_and_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert main(["protocols", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
    VALID.validate(tomllib.loads(new_protocol("mine")))


def keys() -> list[tuple[str, str]]:
    models = {"Protocol": SCHEMA, **SCHEMA["$defs"]}
    return [(name, key) for name, model in models.items() for key in model["properties"]]


def test_every_key_says_what_it_means_and_nothing_is_explained_that_is_not_there() -> None:
    assert set(keys()) == set(WORDS)
    for name, key in keys():
        model = SCHEMA if name == "Protocol" else SCHEMA["$defs"][name]
        assert model["properties"][key]["description"] == WORDS[name, key]


@pytest.mark.parametrize(
    ("ending", "unit"), [("_hz", "Hz"), ("_us", "µs"), ("_ms", "ms"), ("_s", "s"), ("_cm", "cm"), ("_ma", "mA"),
                         ("_uv", "µV"), ("_percent", "%"), ("_deg", "°")]
)  # fmt: skip
def test_every_key_with_a_unit_in_its_name_has_it_in_its_words(ending: str, unit: str) -> None:
    named = [(name, key) for name, key in keys() if key.endswith(ending)]
    assert named
    for name, key in named:
        model = SCHEMA if name == "Protocol" else SCHEMA["$defs"][name]
        assert model["properties"][key]["x-unit"] == unit


def test_nothing_may_be_null_and_nothing_unknown() -> None:
    assert '"null"' not in json.dumps(SCHEMA)
    for model in (SCHEMA, *SCHEMA["$defs"].values()):
        assert model["additionalProperties"] is False


WARNED = [
    ("frequency_hz = 50\n", "frequency_hz = 180\n"),
    ("frequency_hz = 50\n", "frequency_hz = 0.5\n"),
    ("frequency_hz = 50\n", 'frequency_hz = "50"\n'),
    ("frequency_hz = 50\n", "frequency = 50\n"),
    ("frequency_hz = 50\n", ""),
    ("pulse_width_us = 250", "pulse_width_us = 0.25"),
    ("pulse_width_us = 250", "pulse_width_us = 2500"),
    ("interphase_us = 100", "interphase_us = 5000"),
    ("on_s = 2\n", ""),
    ("off_s = 2\n", ""),
    ("contractions = 3", ""),
    ("contractions = 3", "contractions = 3\nduration_s = 60"),
    ("contractions = 3", "duration_s = 7200"),
    ("contractions = 3", 'contractions = 3\n[phase.trigger]\nsource = "key"\nmax_on_s = 4'),
    ('mode = "timed"', 'mode = "triggered"'),
    ('waveform = "symmetric-biphasic"', 'waveform = "asymmetric-balanced-biphasic"'),
    ('waveform = "symmetric-biphasic"', 'waveform = "symmetric-biphasic"\nphase_ratio = 2'),
    ('waveform = "symmetric-biphasic"', 'waveform = "monophasic"'),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = [76, 127]"),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = [-7.6, 12.7]"),
    ("electrode_cm = [7.6, 12.7]", ""),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "sensory"'),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "percent-mvic"'),
    ('region = "thigh"', 'region = "neck"'),
    ("days_per_week = 1", "days_per_week = 9"),
]


@pytest.mark.parametrize(("before", "after"), WARNED, ids=[after or f"no {before}" for before, after in WARNED])
def test_an_editor_warns_while_it_is_typed(before: str, after: str) -> None:
    VALID.validate(tomllib.loads(sample()))
    with pytest.raises(jsonschema.ValidationError):
        VALID.validate(tomllib.loads(sample(before, after)))


def test_what_is_for_reference_only_is_not_bound() -> None:
    text = sample("pulse_width_us = 250", "pulse_width_us = 75000").replace('"convention"\n[', '"reference-only"\n[', 1)
    document: dict[str, Any] = tomllib.loads(text)
    assert document["basis"] == "reference-only"
    VALID.validate(document)


def test_a_triggered_phase_needs_its_trigger_and_no_times() -> None:
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "triggered"')
    trigger = '\n[phase.trigger]\nsource = "key"\nmax_on_s = {}\n'
    VALID.validate(tomllib.loads(text.replace("contractions = 3\n", "contractions = 3" + trigger.format(4))))
    with pytest.raises(jsonschema.ValidationError):
        VALID.validate(tomllib.loads(text.replace("contractions = 3\n", "contractions = 3" + trigger.format(11))))
