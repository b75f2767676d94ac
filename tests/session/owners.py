"""Who owns what in `estim.session`, read from its source: `python -m tests.session.owners` prints the count.

A field belongs to the class that makes it. Whoever else assigns it, or changes the container in it, writes what is not
its own.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SESSION = Path(__file__).parents[2] / "src" / "estim" / "session"
CHANGERS = frozenset({
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popleft", "remove", "setdefault",
    "update",
})  # fmt: skip


class Owner(NamedTuple):
    """A class whose fields change.

    Attributes:
        changing: fields that some method assigns or changes after the object was made.
    """

    module: str
    name: str
    changing: frozenset[str]


class Foreign(NamedTuple):
    """A place where somebody writes a field that is not its own."""

    module: str
    line: int
    text: str


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Each module of the package, parsed."""
    for path in sorted(SESSION.glob("*.py")):
        yield path.stem, ast.parse(path.read_text(encoding="utf-8"))


def written(node: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that this statement or call assigns, deletes or changes."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGERS:
        targets = [node.func.value]
    while targets:
        target = targets.pop()
        if isinstance(target, ast.Tuple | ast.List):
            targets += target.elts
        elif isinstance(target, ast.Subscript):
            targets.append(target.value)
        elif isinstance(target, ast.Attribute):
            yield target


def _is_own(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == "self"


def owners() -> list[Owner]:
    """Every class with fields that change."""
    found = []
    for module, tree in modules():
        for entry in tree.body:
            if not isinstance(entry, ast.ClassDef):
                continue
            changing: set[str] = set()
            for method in entry.body:
                if isinstance(method, ast.FunctionDef) and method.name not in {"__init__", "__post_init__"}:
                    changing |= {
                        target.attr for node in ast.walk(method) for target in written(node) if _is_own(target)
                    }
            if changing:
                found.append(Owner(module, entry.name, frozenset(changing)))
    return found


def foreign() -> list[Foreign]:
    """Every place that writes a field through anything but `self`, also one that its own class never changes."""
    return [
        Foreign(module, target.lineno, ast.unparse(target))
        for module, tree in modules()
        for node in ast.walk(tree)
        for target in written(node)
        if not _is_own(target)
    ]


def writers() -> dict[str, set[str]]:
    """Owner → modules that write its fields."""
    found = {owner.name: {owner.module} for owner in owners()}
    by_field: dict[str, list[str]] = defaultdict(list)
    for owner in owners():
        for field in owner.changing:
            by_field[field].append(owner.name)
    for place in foreign():
        for name in by_field[place.text.rsplit(".", 1)[-1]]:
            found[name].add(place.module)
    return found


def imports_of(module: str) -> set[str]:
    """The modules of the package that `module` imports."""
    tree = ast.parse((SESSION / f"{module}.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "estim.session":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("estim.session."):
            found.add(node.module.removeprefix("estim.session."))
    return found


def main() -> None:
    """Print each owner, how many fields of it change, and who writes them."""
    by_writer = writers()
    for owner in sorted(owners(), key=lambda one: (-len(one.changing), one.name)):
        print(f"{len(owner.changing):3} {owner.name:16} {', '.join(sorted(by_writer[owner.name]))}")  # noqa: T201


if __name__ == "__main__":
    main()
