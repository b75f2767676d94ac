"""The whole tree's imports: no circle anywhere, wherever in a file the import stands. Layers are import-linter's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("src/estim", "firmware_sim", "tools", "bench")


def modules(root: Path) -> dict[str, ast.Module]:
    """Each module of the tree, parsed."""
    found = {}
    for tree in TREES:
        for path in sorted((root / tree).rglob("*.py")):
            parts = list(path.relative_to(root).with_suffix("").parts)
            parts = parts[1:] if parts[0] == "src" else parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text("utf-8"))
    return found


def imports(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Module → modules of the tree that it imports: within functions and for the types alone as well."""
    found: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & trees.keys()
            elif isinstance(node, ast.ImportFrom) and node.module in trees:
                below = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= below & trees.keys() or {node.module}
    return found


def circles(graph: dict[str, set[str]]) -> dict[str, list[str]]:
    """Modules that reach themselves; whoever imports nobody of the rest, and whom nobody of the rest imports, goes."""
    left = {name: needs - {name} for name, needs in graph.items()}
    while True:
        needed = {need for needs in left.values() for need in needs}
        out = {name for name, needs in left.items() if not needs & left.keys() or name not in needed}
        if not out:
            return {name: sorted(needs & left.keys()) for name, needs in left.items()}
        left = {name: needs - out for name, needs in left.items() if name not in out}


def test_no_circle_in_the_whole_tree() -> None:
    assert circles(imports(modules(ROOT))) == {}


@pytest.mark.parametrize(
    "where", ["import pkg.b", "from pkg import b", "from pkg.b import x", "def f():\n    import pkg.b"]
)
def test_a_circle_is_found(where: str) -> None:
    trees = {
        "pkg": ast.parse(""),
        "pkg.a": ast.parse(where),
        "pkg.b": ast.parse("from pkg.a import y"),
        "c": ast.parse("import pkg.a"),
    }
    assert set(circles(imports(trees))) == {"pkg.a", "pkg.b"}
