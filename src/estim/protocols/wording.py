"""What is wrong with a protocol file, in its author's words: the value, what belongs there, and why. Pure."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from estim.protocols.schema_course import Mark
from estim.protocols.schema_words import meaning
from estim.safety.errors import brief

_UNIT = re.compile(r"^(.*)_(s|ms|us|hz|khz|mhz|cm|mm|ma|ua|uv|mv)$")
# Unit suffix → what it measures, and how much of the base unit one is.
UNITS: Mapping[str, tuple[str, float]] = {
    "s": ("time", 1.0), "ms": ("time", 1e-3), "us": ("time", 1e-6),
    "hz": ("rate", 1.0), "khz": ("rate", 1e3), "mhz": ("rate", 1e6),
    "cm": ("length", 1.0), "mm": ("length", 0.1),
    "ma": ("current", 1.0), "ua": ("current", 1e-3),
    "uv": ("voltage", 1.0), "mv": ("voltage", 1e3),
}  # fmt: skip
WRITTEN = {"us": "µs", "uv": "µV", "ua": "µA", "ma": "mA", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "mv": "mV"}
PATTERNS = {
    "id": "small letters, digits and hyphens, e.g. calf-after-cast",
    "version": "three numbers, e.g. 1.0.0",
    "name": "letters, digits, spaces and . _ -, beginning with a letter or digit",
}
CURRENT = re.compile(r"amplitude|current|intensity_ma|level|^ma$|_m?u?a$")
CURRENT_HINT = (
    "; a file never holds a current to deliver, it says how the level is found: amplitude_rule, "
    "amplitude_instruction, plausible_ma"
)


def shown(value: object) -> int | float | str | bool | None:
    """A value as a report holds it: short, and JSON (which has no nan)."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if abs(value) < 2**63 else f"{str(value)[:20]}… ({len(str(value))} digits)"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else f"an array of {len(value)}"
    text = str(value)
    return brief(text)


def as_in_the_file(value: object) -> str:
    """The value as the file writes it."""
    short = shown(value)
    if isinstance(short, bool):
        return str(short).lower()
    return f'"{short}"' if isinstance(value, str) else str(short)


def needed(model: str, key: str) -> str:
    """Why a key must be there."""
    words = meaning(model, key)
    return (
        f"is missing and must be given: {words[0].lower()}{words[1:].rstrip('.')}"
        if words
        else ("is missing and must be given")
    )


def wrong(kind: str, value: object, context: Mapping[str, Any], *, key: str, fallback: str) -> tuple[str, str | None]:
    """The message for one of pydantic's findings, and what is allowed.

    Args:
        kind: pydantic's error type.
        key: the last part of the place.
        fallback: pydantic's own words.
    """
    given = as_in_the_file(value)
    if kind in {"float_type", "int_type", "int_from_float", "float_parsing", "int_parsing"}:
        return _no_number(kind, value, given)
    if kind == "finite_number":
        return f"{given} is no finite number", "a finite number"
    bounds = {"greater_than": ("gt", "greater than"), "greater_than_equal": ("ge", "greater than or equal to"),
              "less_than": ("lt", "less than"), "less_than_equal": ("le", "less than or equal to")}  # fmt: skip
    if kind in bounds:
        name, words = bounds[kind]
        bound = f"{words} {context[name]:g}"
        return f"{given} must be {bound}", bound
    if kind == "literal_error":
        allowed = str(context.get("expected", ""))
        near = difflib.get_close_matches(str(value), re.findall(r"'([^']+)'", allowed), n=1)
        return f"{given} is none of {allowed}" + (f"; did you mean {near[0]!r}?" if near else ""), allowed
    if kind == "string_type":
        return f"{given} must be a text, in quotes (a string)", "a text"
    if kind == "bool_type":
        return f"{given} must be true or false, without quotes (a boolean)", "true or false"
    if kind == "string_pattern_mismatch":
        allowed = PATTERNS.get(key, str(context.get("pattern", "")))
        return f"{given} does not fit the pattern: {allowed}", allowed
    if kind in {"too_short", "too_long"}:
        return _length(kind, context)
    if kind in {"string_too_short", "string_too_long"}:
        bound = context.get("min_length", context.get("max_length"))
        words = f"at least {bound}" if kind == "string_too_short" else f"at most {bound}"
        return f"{given} has {len(str(value))} characters, {words} belong here", f"{words} characters"
    if kind == "tuple_type":
        return f"{given} must be an array, in square brackets", "an array"
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        if isinstance(value, list):
            return f"{given} must be one table: write [{key}] once, not [[{key}]]", "a table"
        return f"{given} must be a table with keys of its own: [{key}], or {key} = {{ … }}", "a table"
    return f"{given}: {fallback}", None


def no_mark(value: object) -> tuple[str, str]:
    """A value of `[provenance]`, which is a word or a table."""
    words = ", ".join(f'"{mark}"' for mark in get_args(Mark))
    allowed = f'{words}, or {{ mark = "read", source = 1, where = "table 2" }}'
    return f"{as_in_the_file(value)} stands where a number's source is named: write {allowed}", allowed


def _no_number(kind: str, value: object, given: str) -> tuple[str, str]:
    allowed = "a whole number (integer)" if kind.startswith("int") else "a number"
    if isinstance(value, str):
        return f"{given} is a text and must be {allowed}, without quotes", allowed
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{given} is too large to be {allowed}", allowed
    return f"{given} must be {allowed}", allowed


def _length(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
    return f"has {context['actual_length']} entries, {bound} belong here", bound


def unknown(key: str, value: object, known: Sequence[str]) -> str:
    """An unknown key, with the one that was probably meant: the same name in another unit, or one spelt alike."""
    text = f"there is no key {brief(key)!r} here"
    converted = _other_unit(key, value, known)
    if converted:
        return f"{text}; {converted}"
    near = difflib.get_close_matches(key, known, n=1)
    if CURRENT.search(key) and key.partition("_")[0] in {"amplitude", "current", "level", "ma", "ua"}:
        return text + CURRENT_HINT
    if near:
        return f"{text}; did you mean {near[0]!r}?"
    return f"{text}; known here: {', '.join(sorted(known))}"


def _other_unit(key: str, value: object, known: Sequence[str]) -> str:
    """`pulse_width_ms = 0.25` was meant to be `pulse_width_us = 250`."""
    match = _UNIT.match(key)
    if match is None:
        return ""
    stem, unit = match[1], match[2]
    for other in known:
        there = _UNIT.match(other)
        if there is None or there[1] != stem or UNITS[there[2]][0] != UNITS[unit][0]:
            continue
        words = f"did you mean {other!r}?"
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            factor = UNITS[unit][1] / UNITS[there[2]][1]
            words += f" {value:g} {WRITTEN.get(unit, unit)} are {value * factor:g} {WRITTEN.get(there[2], there[2])}"
        return words
    return ""


_TWICE = re.compile(r"Cannot (?:overwrite|declare|mutate|redefine)|already|twice", re.IGNORECASE)
_KEY = re.compile(r"""^\s*(?:\[+\s*)?("[^"]*"|[A-Za-z0-9_.-]+)""")


def no_toml(reason: str, line_text: str) -> tuple[str, str]:
    """What a TOML parser's complaint means here: the place and the words.

    Args:
        line_text: the line that it stopped at.
    """
    found = _KEY.match(line_text)
    key = found[1].strip('"') if found else "file"
    if _TWICE.search(reason) and found:
        return key, f"{brief(key)!r} stands twice: a file says each thing once ({reason})"
    return "file", f"not a TOML file: {reason}"
