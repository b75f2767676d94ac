"""The tables of docs/record-format.md, from the declared kinds: `python -m tests.record_lines.page` renews them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

from estim.record_lines.schema import Said, fields_of, row_fields, unit_of
from estim.record_lines.table import KINDS
from estim.records.station import EVENTS

PAGE = Path(__file__).parents[2] / "docs" / "record-format.md"
BEGIN, END = "<!-- kinds: made by tests/record_lines/page.py -->", "<!-- end of kinds -->"


def type_of(hint: Any, nouns: dict[str, Any]) -> str:
    """A type in words; rows and nouns by their name."""
    words = {
        int: "integer", str: "text", bool: "true or false", type(None): "null", float: "integer or text", Any: "any",
        object: "any",
    }  # fmt: skip
    if hint in words:
        return words[hint]
    inner = get_args(hint)
    if hasattr(hint, "__metadata__"):
        return type_of(inner[0], nouns)
    if hasattr(hint, "__supertype__"):
        return type_of(hint.__supertype__, nouns)
    name = getattr(getattr(hint, "__origin__", None), "__name__", type(hint).__name__)
    if name in {"UnionType", "Union", "_UnionGenericAlias"}:
        return " or ".join(dict.fromkeys(type_of(one, nouns) for one in inner))
    if name == "Literal" or str(hint).startswith("typing.Literal"):
        return " or ".join(f"`{one}`" for one in inner)
    if name in {"Mapping", "dict"}:
        return f"object of {type_of(inner[1], nouns)}"
    if name == "tuple" and Ellipsis not in inner:
        return "list: " + ", ".join(type_of(one, nouns) for one in inner)
    if name in {"Sequence", "tuple", "list"}:
        return f"list of {type_of(inner[0], nouns)}"
    nouns[hint.__name__] = hint
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


def rows_of(said: Iterable[Said], nouns: dict[str, Any]) -> list[str]:
    rows = ["| Field | Type | Unit | Meaning |", "|---|---|---|---|"]
    for one in said:
        left = "" if one.needed else "; may be missing"
        kind = type_of(one.noun or one.type, nouns)
        rows.append(f"| `{one.name}` | {kind}{left} | {unit_of(one.name)} | {one.text or '–'} |".replace("  |", " |"))
    return rows


def noun_fields(noun: Any) -> list[Said]:
    if is_typeddict(noun):
        return list(row_fields(noun))
    hints = get_type_hints(noun, include_extras=True)
    told = meanings(cleandoc(noun.__doc__ or ""))
    return [
        Said(row.name, hints[row.name], None, told.get(row.name, ""), needed=True) for row in dataclasses.fields(noun)
    ]


def meanings(doc: str) -> dict[str, str]:
    """What a docstring's `Attributes:` say of each name."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in doc.split("Attributes:", 1)[-1].splitlines():
        said = re.match(r"^ {4}([a-z_0-9, ]+): (.*)", line)
        if said:
            names = [name.strip() for name in said[1].split(",")]
            found |= dict.fromkeys(names, said[2].strip())
        elif names and re.match(r"^ {8}\S", line):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return {name: text.replace("|", "or").rstrip(".") for name, text in found.items()}


def text_of(noun: Any) -> str:
    return cleandoc(noun.__doc__ or "").split("\n\n", 1)[0].replace("\n", " ")


def tables() -> str:
    """All kinds, then the rows and nouns that stand in them, then the events of the station's chain."""
    parts: list[str] = []
    nouns: dict[str, Any] = {}
    for name, kind in KINDS.items():
        parts += [f"### {name}", "", text_of(kind), ""]
        if kind.OPEN:
            parts += ["Its keys are chosen by a person or a front; values are any.", ""]
        else:
            parts += [*rows_of(fields_of(kind), nouns), ""]
    parts += ["## 10. What stands inside lines", ""]
    done: set[str] = set()
    while waiting := [name for name in nouns if name not in done]:
        for name in waiting:
            done.add(name)
            parts += [f"### {name}", "", text_of(nouns[name]), "", *rows_of(noun_fields(nouns[name]), nouns), ""]
    parts += ["## 11. Events of the station's chain", "", "| Event | Says |", "|---|---|"]
    parts += [f"| `{event}` | {text} |" for event, text in EVENTS.items()]
    return "\n".join(parts) + "\n"


def renewed(page: str) -> str:
    """The page with its tables as they are now."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n\n{tables()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
