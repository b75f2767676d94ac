"""The protocol file's keys, made from the published JSON Schema."""

from __future__ import annotations

from typing import Any


def page(schema: dict[str, Any]) -> str:
    """Every table and key of a protocol file: type, bounds, whether it may be left out, what it means.

    Raises:
        ValueError: a key has no description.
    """
    lines = [
        "# Protocol file, key by key",
        "",
        "Made from the schema that `estim protocols schema` prints and `estim protocols check` judges by. A key",
        "that is not here is refused. Keys in **bold** must be there.",
        "",
    ]
    lines += _table("The file", schema)
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            lines += _table(name, part)
    return "\n".join(lines)


def _table(title: str, part: dict[str, Any]) -> list[str]:
    required = set(part.get("required", ()))
    lines = [f"## {title}", ""]
    if part.get("description"):
        lines += [part["description"], ""]
    lines += ["| key | type | what it means |", "|---|---|---|"]
    for key, about in part["properties"].items():
        if not about.get("description") and "$ref" not in about and not _inner(about):
            raise ValueError(f"{title}.{key} has no description")
        shown = f"**`{key}`**" if key in required else f"`{key}`"
        lines.append(f"| {shown} | {_type(about)} | {about.get('description', '').replace('|', chr(92) + '|')} |")
    return [*lines, ""]


def _inner(about: dict[str, Any]) -> bool:
    return bool(_references(about))


def _references(about: dict[str, Any]) -> list[str]:
    found = [about["$ref"].rsplit("/", 1)[-1]] if "$ref" in about else []
    for part in (*about.get("anyOf", ()), *about.get("allOf", ()), about.get("items") or {}):
        if isinstance(part, dict):
            found += _references(part)
    return found


def _type(about: dict[str, Any]) -> str:
    if "enum" in about:
        return " \\| ".join(f"`{value}`" for value in about["enum"])
    if "const" in about:
        return f"`{about['const']}`"
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(_type(part) for part in about["anyOf"] if part.get("type") != "null"))
    if "$ref" in about:
        name = about["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    bounds = [
        f"{sign} {about[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in about
    ]
    kind = str(about.get("type", "any"))
    if kind == "array" and isinstance(about.get("items"), dict):
        kind = f"list of {_type(about['items'])}"
    return ", ".join([kind, *bounds])
