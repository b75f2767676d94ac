"""A line's fields held against the published schema of its kind: who reads a record is told the line, the field and
what was expected there, whatever another program wrote. Pure.

A record verifies by its bytes, whatever its fields say (docs/record-format.md, section 3); this is for those who go on
to understand it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from estim.record_lines.schema import schema

SHOWN = 40  # letters of a value that is none of what was expected
# What is counted from one, or divided by; and what is never below nothing, by the end of its name.
_LEAST = {"channel": 1, "period_us": 1, "frequency_mhz": 1}
_COUNTED = ("_ua", "_pc", "pulses", "pulse_width_us", "on_us")
# What a reader meets in lines of the right types that don't fit one another: a number of no channel, a day of no month.
UNFIT = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
NO_SENSE = "each has the fields of its kind, and what they say does not fit together"


class Odd(NamedTuple):
    """The first thing in a value that is not as declared: where in it, and what is wrong."""

    where: str
    what: str


class HasFields(Protocol):
    """A line as it was read."""

    @property
    def n(self) -> int: ...  # noqa: D102 - as in the record
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def fields(self) -> Mapping[str, Any]: ...  # noqa: D102


Check = Callable[[Any, str], Odd | None]  # value; which field that is missing is odd too: "" for none
ANY = "*"


def odd(kind: str, fields: Mapping[str, Any], *, missing: str = "") -> str:
    """What is wrong with a line's fields, in words; "" for nothing, and for a kind that this version does not know.

    Args:
        missing: a field of this name that is missing is wrong too, or ANY one. Older programs wrote fewer.
    """
    check = _kinds().get(kind)
    found = None if check is None else check(fields, missing)
    return "" if found is None else f"{kind}, field {found.where}: {found.what}"


def first_odd(entries: Iterable[HasFields], *, missing: str = "") -> str:
    """The first of these lines that is not as declared, with its number; "" where all are."""
    for entry in entries:
        if said := odd(entry.kind, entry.fields, missing=missing):
            return f"line {entry.n}, {said}"
    return ""


def why(entries: Sequence[HasFields], error: Exception) -> str:
    """Which line, and what of it, a reader of these stumbled over, as far as can be told."""
    looked_for = [str(error.args[0])] if isinstance(error, KeyError) and error.args else []
    for missing in (*looked_for, ANY):
        if said := first_odd(entries, missing=missing):
            return said
    return NO_SENSE


def as_declared(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that are not as declared."""
    return {key: value for key, value in fields.items() if not odd(kind, {key: value})}


@cache
def _kinds() -> Mapping[str, Check]:
    """Kind → its check; made once, since it is asked of each of thousands of lines."""
    whole = schema()
    definitions: dict[str, Any] = whole["$defs"]
    made: dict[str, Check] = {}
    return {part["if"]["properties"]["kind"]["const"]: _check(part["then"]["properties"]["fields"], definitions, made)
            for part in whole["allOf"]}  # fmt: skip


_TYPES: Mapping[str, tuple[type, str]] = {
    "boolean": (bool, "true or false"), "integer": (int, "an integer"), "string": (str, "text"),
    "null": (type(None), "null"), "object": (dict, "an object"), "array": (list, "a list"),
}  # fmt: skip


def _words(said: Mapping[str, Any]) -> str:
    """What may stand there."""
    if "enum" in said:
        return "one of " + ", ".join(json.dumps(one) for one in said["enum"])
    if "anyOf" in said or "allOf" in said:
        return " or ".join(_words(one) for one in said.get("anyOf", said.get("allOf")))
    types = said.get("type", "object")
    return " or ".join(_TYPES[one][1] for one in ([types] if isinstance(types, str) else types))


def short(value: Any) -> str:
    """A value in a message: ASCII, so that what nobody can see is an escape, and not longer than a few words."""
    said = json.dumps(value)
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"


def _not(expected: str, value: Any) -> Odd:
    return Odd("", f"{expected} is expected, not {short(value)}")


def _under(key: str | int, found: Odd) -> Odd:
    step = f"[{key}]" if isinstance(key, int) else key
    joint = "" if found.where[:1] in {"", "["} else "."
    return Odd(f"{step}{joint}{found.where}", found.what)


def _check(said: Mapping[str, Any], definitions: Mapping[str, Any], made: dict[str, Check]) -> Check:
    if "$ref" in said:
        name = said["$ref"].rpartition("/")[2]
        if name not in made:
            made[name] = _not_yet(made, name)
            made[name] = _check(definitions[name], definitions, made)
        return made[name]
    if "allOf" in said:
        return _check(said["allOf"][0], definitions, made)
    if "anyOf" in said:
        return _any_of(said, definitions, made)
    if "enum" in said:
        return lambda value, _missing: None if value in said["enum"] else _not(_words(said), value)
    if said.get("type") == "object":
        return _object(said, definitions, made)
    if said.get("type") == "array":
        return _list(said, definitions, made)
    if "type" not in said:
        return lambda _value, _missing: None
    types = [said["type"]] if isinstance(said["type"], str) else said["type"]
    right, words = frozenset(_TYPES[one][0] for one in types), _words(said)
    return lambda value, _missing: None if type(value) in right else _not(words, value)


def _not_yet(made: Mapping[str, Check], name: str) -> Check:
    """For a noun that holds itself: its check, once it is made."""

    def check(value: Any, missing: str) -> Odd | None:
        return made[name](value, missing)

    return check


def _any_of(said: Mapping[str, Any], definitions: Mapping[str, Any], made: dict[str, Check]) -> Check:
    """One of several; where none fits, what is wrong by that one whose type the value has."""
    checks = [(_check(one, definitions, made), _opens(one)) for one in said["anyOf"]]
    words = _words(said)

    def check(value: Any, missing: str) -> Odd | None:
        found = None
        for one, opens in checks:
            wrong = one(value, missing)
            if wrong is None:
                return None
            found = wrong if type(value) is opens else found
        return found or _not(words, value)

    return check


def _opens(said: Mapping[str, Any]) -> type | None:
    """What a value is that holds others."""
    return {"array": list, "object": dict}.get(str(said.get("type", "object")))


def _object(said: Mapping[str, Any], definitions: Mapping[str, Any], made: dict[str, Check]) -> Check:
    fields = {name: _bounded(name, _check(one, definitions, made)) for name, one in said.get("properties", {}).items()}
    needed = {name: _words(said["properties"][name]) for name in said.get("required", ())}
    others = said.get("additionalProperties")
    inside = _check(others, definitions, made) if isinstance(others, dict) else None

    def check(value: Any, missing: str) -> Odd | None:
        if type(value) is not dict:
            return _not("an object", value)
        for key, one in value.items():
            inner = fields.get(key, inside)
            if inner is not None and (found := inner(one, missing)) is not None:
                return _under(key, found)
        if missing:
            for name, words in needed.items():
                if name not in value and missing in {name, ANY}:
                    return Odd(name, f"missing; {words} is expected")
        return None

    return check


def _bounded(name: str, check: Check) -> Check:
    """A current below zero, or a pulse each 0 µs, is a number and can't be."""
    least = _LEAST.get(name, 0 if name.endswith(_COUNTED) else None)
    if least is None:
        return check

    def bounded(value: Any, missing: str) -> Odd | None:
        if type(value) is int and value < least:
            return _not(f"an integer of at least {least}", value)
        return check(value, missing)

    return bounded


def _list(said: Mapping[str, Any], definitions: Mapping[str, Any], made: dict[str, Check]) -> Check:
    first = [_check(one, definitions, made) for one in said.get("prefixItems", ())]
    others = None if said["items"] is False else _check(said["items"], definitions, made)

    def check(value: Any, missing: str) -> Odd | None:
        if type(value) is not list:
            return _not("a list", value)
        if others is None and len(value) != len(first):
            return _not(f"a list of {len(first)}", value)
        for at, one in enumerate(value):
            inner = first[at] if others is None else others
            if (found := inner(one, missing)) is not None:
                return _under(at, found)
        return None

    return check
