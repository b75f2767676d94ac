"""The JSON Schema of a record line, made from the table of kinds: `estim records schema`. Pure."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints, is_typeddict

from estim.record_lines.base import INTEGER_MAX, Line
from estim.record_lines.table import FORMAT, KINDS

ID = f"urn:estim:record-line:{FORMAT}"
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_UNITS = {
    "_us": "µs", "_ms": "ms", "_ua": "µA", "_pc": "pC", "_uc": "µC", "_mhz": "mHz", "_hz": "Hz", "_mm": "mm",
    "_cm": "cm", "_mm2": "mm²", "_uv": "µV", "_permille": "‰", "_percent": "%", "_deg": "°", "_rpm": "1/min", "_s": "s",
}  # fmt: skip


def unit_of(name: str) -> str:
    """The unit that a field's name ends with; "" for none."""
    return next((unit for ending, unit in _UNITS.items() if name.endswith(ending) and len(name) > len(ending)), "")


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """One field as declared.

    Attributes:
        type: without its notes.
        noun: the dataclass whose plain JSON stands here, if any.
        text: its meaning.
        needed: every line of the kind has it.
    """

    name: str
    type: Any
    noun: type | None
    text: str
    needed: bool


def fields_of(kind: type[Line]) -> tuple[Said, ...]:
    """The declared fields of a kind, in the order of the declaration."""
    if kind.OPEN:
        return ()
    hints = get_type_hints(kind, include_extras=True)
    rows: tuple[Any, ...] = dataclasses.fields(kind)  # type: ignore[arg-type]
    return tuple(_said(row.name, hints[row.name], needed=row.default is not None) for row in rows)


def row_fields(row: Any) -> tuple[Said, ...]:
    """The same of a row that stands inside a line."""
    hints = get_type_hints(row, include_extras=True)
    return tuple(_said(name, hint, needed=name in row.__required_keys__) for name, hint in hints.items())


def _said(name: str, hint: Any, *, needed: bool) -> Said:
    notes: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        notes = tuple(rest)
    noun = next((note for note in notes if isinstance(note, type)), None)
    return Said(name, hint, noun, next((note for note in notes if isinstance(note, str)), ""), needed)


def schema() -> dict[str, Any]:
    """The schema of one line. A kind that it does not name is a newer version's, and valid."""
    definitions: dict[str, Any] = {}
    kinds = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {"properties": {"fields": {"$ref": f"#/$defs/{name}"}}},
        }
        for name in KINDS
    ]
    for name, kind in KINDS.items():
        definitions[name] = {"description": _text(kind), "x-since-format": kind.SINCE, **_of_kind(kind, definitions)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": f"A line of an estim record, format {FORMAT}",
        "type": "object",
        "required": ["n", "t_us", "kind", "simulated", "fields", "prev", "hash"],
        "additionalProperties": False,
        "properties": {
            "n": {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX},
            "t_us": {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
            "kind": {"type": "string", "examples": list(KINDS)},
            "simulated": {"type": "boolean"},
            "fields": {"type": "object"},
            "prev": _HASH,
            "hash": _HASH,
        },
        "allOf": kinds,
        "$defs": definitions,
    }


def _of_kind(kind: type[Line], definitions: dict[str, Any]) -> dict[str, Any]:
    if kind.OPEN:
        return {"type": "object"}
    return _object(fields_of(kind), definitions)


def _object(rows: Sequence[Said], definitions: dict[str, Any]) -> dict[str, Any]:
    """Keys of a newer format may stand beside the known ones."""
    properties: dict[str, Any] = {}
    for row in rows:
        said = _type(row.noun or row.type, definitions)
        about = {"description": row.text} if row.text else {}
        unit = {"x-unit": unit_of(row.name)} if unit_of(row.name) and said.get("type") != "string" else {}
        properties[row.name] = {**said, **about, **unit} if "$ref" not in said else {"allOf": [said], **about}
    return {"type": "object", "required": [row.name for row in rows if row.needed], "properties": properties}


_SIMPLE: Mapping[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
    str: {"type": "string"},
    type(None): {"type": "null"},
    # No floats stand in a record: what is no whole number is text of full precision.
    float: {"type": ["integer", "string"]},
    Any: {},
    object: {},
}


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_type(one, definitions) for one in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(inner[1], definitions)}
    if origin is tuple and Ellipsis not in inner:
        return {"type": "array", "prefixItems": [_type(one, definitions) for one in inner], "items": False}
    if origin is not None and issubclass(origin, Sequence):
        return {"type": "array", "items": _type(inner[0], definitions)}
    return _named(hint, definitions)


def _named(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """A row or a noun: once under `$defs`, by its name."""
    name = hint.__name__
    if name not in definitions:
        definitions[name] = {}  # a noun that holds itself ends here
        if is_typeddict(hint):
            said = _object(row_fields(hint), definitions)
        elif dataclasses.is_dataclass(hint):
            hints = get_type_hints(hint, include_extras=True)
            rows = [_said(row.name, hints[row.name], needed=True) for row in dataclasses.fields(hint)]
            said = _object(rows, definitions)
        else:
            raise TypeError(f"{hint!r} can't stand in a record")
        definitions[name] = {"description": _text(hint), **said}
    return {"$ref": f"#/$defs/{name}"}


def _text(noun: Any) -> str:
    return cleandoc(noun.__doc__ or "").split("\n\n", 1)[0].replace("\n", " ")
