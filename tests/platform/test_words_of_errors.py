"""What the system says of a file reaches people in words: no place of the source prints an `OSError` as Python has it,
with its number in brackets (`[Errno 2] ...`).
"""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "estim"
OF_THE_SYSTEM = frozenset({"OSError", "IOError", "FileNotFoundError", "PermissionError", "ConnectionError"})
# How a cluster's scheduler is reached, and what a plan of faults or an odd address is: texts of libraries, not files.
OTHERS = frozenset({"cluster.py", "asked.py"})


def caught(handler: ast.ExceptHandler) -> set[str]:
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else set()


def raw(handler: ast.ExceptHandler) -> list[int]:
    """Lines in which the error itself becomes a text."""
    asked = [
        node
        for node in ast.walk(handler)
        if (isinstance(node, ast.If | ast.IfExp) and "isinstance" in ast.dump(node.test))  # each kind has its own words
        or (isinstance(node, ast.BoolOp) and "strerror" in ast.dump(node.values[0]))  # the system's words come first
    ]
    decided = {id(inner) for node in asked for inner in ast.walk(node)}
    found = []
    for node in ast.walk(handler):
        if not isinstance(node, ast.FormattedValue | ast.Call):
            continue
        value = node.value if isinstance(node, ast.FormattedValue) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str" and node.args:
            value = node.args[0]
        if isinstance(value, ast.Name) and value.id == handler.name and id(node) not in decided:
            found.append(node.lineno)
    return found


def test_no_error_of_the_system_is_printed_as_python_has_it() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name in OTHERS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler) and node.name and caught(node) & OF_THE_SYSTEM:
                found += [f"{path.relative_to(SOURCE)}:{line}" for line in raw(node)]
    assert found == []


def test_this_sees_one() -> None:
    text = "try:\n    pass\nexcept (OSError, ValueError) as error:\n    print(f'{error}', str(error))\n"
    (handler,) = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler))
    assert (caught(handler) & OF_THE_SYSTEM, raw(handler)) == ({"OSError"}, [4, 4])
