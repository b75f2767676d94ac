"""The JSON Schema of a protocol file, for editors: every key with meaning, unit and bounds, and the rules between keys.

Bounds are the kernel's absolute limits, so that an editor warns of 180 Hz while it is typed; a file for reference only
is not bound by them. The loader stays the judge: what the schema can't say (names that must exist) it leaves out.
"""

from __future__ import annotations

import re
from typing import Any

from estim.protocols.schema import SENSORY_RULES, Protocol
from estim.protocols.schema_phase import WAVEFORMS
from estim.protocols.schema_words import meaning
from estim.safety.limits_table import BY_KEY

_UNIT = re.compile(r"\[([^],]+)\]\.$")
SIDE_MAX_CM = 40.0  # a slip of mm and cm shows beyond; the largest pads in use are 13 × 20 cm
HOUR_S = 3_600


def json_schema() -> dict[str, Any]:
    """The schema, draft 2020-12."""
    schema = Protocol.model_json_schema(by_alias=True)
    for name, model in [("Protocol", schema), *schema["$defs"].items()]:
        model.pop("title", None)
        for key, entry in model.get("properties", {}).items():
            model["properties"][key] = _described(name, key, entry)
    _rules(schema)
    for named in (schema["properties"]["provenance"],):
        named["propertyNames"] = {"minLength": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "estim protocol",
        **schema,
    }


def _described(model: str, key: str, entry: dict[str, Any]) -> dict[str, Any]:
    """One key: without pydantic's title and null (TOML has none), with what it means and its unit."""
    entry = {name: value for name, value in entry.items() if name != "title"}
    branches = [branch for branch in entry.get("anyOf", []) if branch.get("type") != "null"]
    if "anyOf" in entry:
        del entry["anyOf"]
        entry = {**branches[0], **entry} if len(branches) == 1 else {"anyOf": branches, **entry}
        if entry.get("default", ...) is None:
            del entry["default"]
    words = meaning(model, key)
    if words:
        entry["description"] = words
        if unit := _UNIT.search(words):
            entry["x-unit"] = unit[1]
    return entry


def _absolute(key: str) -> float:
    row = BY_KEY[key]
    return row.absolute / row.scale


def _rules(schema: dict[str, Any]) -> None:
    """Rules between keys, and the absolute limits."""
    models = schema["$defs"]
    models["PhaseSpec"]["required"].remove("pulse_width_us")  # of points it is worked out
    models["PhaseSpec"]["allOf"] = [
        _when({"mode": {"const": "timed"}}, {"required": ["on_s", "off_s"], "not": {"required": ["trigger"]}}),
        _when({"mode": {"const": "continuous"}}, {"required": ["duration_s"], **_without("on_s", "off_s", "trigger")}),
        _when({"mode": {"const": "triggered"}}, {"required": ["trigger"], **_without("on_s", "off_s")}),
        _when({"mode": {"const": "emg-triggered"}}, {"required": ["trigger"], **_without("on_s", "off_s")}),
        _when(
            {"waveform": {"const": "points"}},
            {"required": ["point"]},
            otherwise={"required": ["pulse_width_us"], **_without("point", "interpulse_balance")},
        ),
        _when({"waveform": {"const": WAVEFORMS[1]}}, {"required": ["phase_ratio"]}, otherwise=_without("phase_ratio")),
        {"oneOf": [{"required": ["contractions"]}, {"required": ["duration_s"]}]},
    ]
    models["Channel"]["allOf"] = [
        {"oneOf": [{"required": ["electrode_cm"]}, {"required": ["electrodes"]}]},
        _when(
            {"output": {"const": "sensory"}},
            {
                "required": ["retitrate_every_s"],
                "properties": {
                    "retitrate_every_s": {"maximum": 600},
                    "amplitude_rule": {"enum": sorted(SENSORY_RULES)},
                },
            },
            otherwise={"properties": {"amplitude_rule": {"not": {"enum": sorted(SENSORY_RULES)}}}},
            needs="output",
        ),
        _when({"amplitude_rule": {"const": "percent-mvic"}}, {"required": ["amplitude_target"]}),
    ]
    models["TriggerSpec"]["allOf"] = [
        _when(
            {"source": {"const": "emg"}},
            {"required": ["threshold_uv", "debounce_ms", "blanking_ms", "lockout_s", "rearm_percent"]},
        ),
        _when({"source": {"const": "crank"}}, {"required": ["cadence_rpm"]}, otherwise=_without("cadence_rpm")),
    ]
    models["Progression"]["oneOf"] = [{"required": ["from_week"]}, {"required": ["from_session"]}]
    models["Criterion"]["oneOf"] = [{"required": ["at_least"]}, {"required": ["at_most"]}]
    for model, key in (("Channel", "electrode_cm"), ("Electrode", "size_cm")):
        models[model]["properties"][key]["items"] = {"type": "number", "exclusiveMinimum": 0, "maximum": SIDE_MAX_CM}
    schema["if"] = {"properties": {"basis": {"not": {"const": "reference-only"}}}}
    schema["then"] = {"properties": {"phase": {"items": _bounds()}}}


def _bounds() -> dict[str, Any]:
    """The absolute limits on what a phase may ask."""
    rate = {"minimum": _absolute("rate_min_mhz"), "maximum": _absolute("rate_mhz")}
    width = {"minimum": _absolute("pulse_width_min_us"), "maximum": _absolute("pulse_width_max_us")}
    gate = {"maximum": _absolute("on_triggered_us")}
    return {
        "properties": {
            "frequency_hz": rate,
            "pulse_width_us": width,
            "interphase_us": {"maximum": _absolute("interphase_us")},
            "duration_s": {"maximum": HOUR_S},
            "trigger": {"properties": {"max_on_s": gate}},
            "channel": {"items": {"properties": {"frequency_hz": rate, "pulse_width_us": width, "max_on_s": gate}}},
        }
    }


def _when(
    given: dict[str, Any], then: dict[str, Any], *, otherwise: dict[str, Any] | None = None, needs: str = ""
) -> dict[str, Any]:
    """`then` holds where the keys of `given` are so."""
    condition = {"properties": given, "required": [needs or next(iter(given))]}
    return {"if": condition, "then": then} | ({"else": otherwise} if otherwise is not None else {})


def _without(*keys: str) -> dict[str, Any]:
    """None of these keys may stand there."""
    return {"not": {"anyOf": [{"required": [key]} for key in keys]}}
