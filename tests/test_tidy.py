"""Modules and functions keep their size: what has outgrown its room is named, with the place to split it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "firmware_sim").rglob("*.py")])
MODULE_LINES_MAX, FUNCTION_LINES_MAX = 350, 70

Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def largest(body: list[ast.stmt]) -> str:
    """The largest statement of a body, as a place to cut at."""
    node = max(body, key=length)
    called = getattr(node, "name", type(node).__name__.lower())
    return f"line {node.lineno}: {called}, {length(node)} lines"


def offences(text: str, called: str) -> list[str]:
    module = ast.parse(text)
    found = []
    lines = len(text.splitlines())
    if lines > MODULE_LINES_MAX:
        found.append(
            f"{called} has {lines} lines of {MODULE_LINES_MAX}; split by meaning, largest {largest(module.body)}"
        )
    for node in ast.walk(module):
        if isinstance(node, Function) and length(node) > FUNCTION_LINES_MAX:
            found.append(
                f"{called}:{node.lineno} {node.name} has {length(node)} lines of {FUNCTION_LINES_MAX}; "
                f"give a part its own name, largest {largest(node.body)}"
            )
    return found


def test_modules_and_functions_keep_their_size() -> None:
    assert SOURCES, "this looks at nothing"
    called = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SOURCES}
    assert [offence for name, text in called.items() for offence in offences(text, name)] == []


def test_both_bounds_from_both_sides() -> None:
    def function(lines: int) -> str:
        return "def grown() -> None:\n" + "    x = 1\n" * (lines - 1)

    assert offences(function(FUNCTION_LINES_MAX), "m.py") == []
    (found,) = offences(function(FUNCTION_LINES_MAX + 1), "m.py")
    assert found.startswith("m.py:1 grown has 71 lines of 70")
    assert offences("x = 1\n" * MODULE_LINES_MAX, "m.py") == []
    (found,) = offences("x = 1\n" * (MODULE_LINES_MAX + 1), "m.py")
    assert found.startswith("m.py has 351 lines of 350")
