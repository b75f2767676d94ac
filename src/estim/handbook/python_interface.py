"""The Python interface, made from the source of `estim.api`: read, never imported, so that no page starts a session."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

API = Path(__file__).parents[1] / "api"
Call = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.ClassDef | Call


def page() -> str:
    """A heading for each public name: its signature, what it says of itself, its fields and calls."""
    lines = [
        "# Python interface",
        "",
        "Made from the docstrings of `estim.api`. [estim from Python](../python.md) tells how it is used;",
        "`tests/api/public.txt` is the list that a change of version is held against.",
        "",
    ]
    for name, found in sorted(public().items()):
        lines += [f"## api.{name}", ""]
        if isinstance(found, Call):
            lines += [f"`api.{name}{_signature(found)}`", "", *_prose(found)]
            continue
        if bases := ", ".join(ast.unparse(base) for base in found.bases):
            lines += [f"Is a: `{bases}`.", ""]
        lines += _prose(found)
        lines += [f"- `{field}`: `{kind}`" for field, kind in _fields(found)]
        lines.append("")
        for call in _calls(found):
            lines += [
                f"### {name}.{call.name}",
                "",
                f"`{_awaited(call)}{call.name}{_signature(call)}`",
                "",
                *_prose(call),
            ]
    return "\n".join(lines)


def public() -> dict[str, Definition]:
    """What stands in `api.__all__`, by its name, constants left out."""
    tree = ast.parse((API / "__init__.py").read_text("utf-8"))
    source = {
        alias.asname or alias.name: API / f"{(node.module or '').rpartition('.')[2]}.py"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("estim.api.")
        for alias in node.names
    }
    wanted = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    found = {}
    for name in wanted:
        inside = ast.parse(source[name].read_text("utf-8")) if name in source else tree
        for node in inside.body:
            if isinstance(node, Definition) and node.name == name:
                found[name] = node
    return found


def _fields(found: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            yield node.target.id, ast.unparse(node.annotation)


def _calls(found: ast.ClassDef) -> Iterator[Call]:
    return (node for node in found.body if isinstance(node, Call) and not node.name.startswith("_"))


def _awaited(found: Call) -> str:
    return "async " if isinstance(found, ast.AsyncFunctionDef) else ""


def _signature(found: Call) -> str:
    given = ast.unparse(found.args).removeprefix("self, ").removeprefix("self")
    return f"({given})" + (f" → {ast.unparse(found.returns)}" if found.returns else "")


def _prose(found: Definition) -> list[str]:
    """A docstring as Markdown: what stands below `Args:` and the like becomes a list."""
    lines: list[str] = []
    listed = False
    for line in (ast.get_docstring(found) or "").splitlines():
        if re.fullmatch(r"(Args|Attributes|Raises|Returns|Yields):", line):
            listed = True
            lines += [f"*{line}*", ""]
        elif listed and re.match(r"    \S", line):
            lines.append(f"- {line.strip()}")
        else:
            listed = listed and line.startswith(" ")
            lines.append(line if not listed else f"  {line.strip()}")
    return [*lines, ""]
