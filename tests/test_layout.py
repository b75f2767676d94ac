"""The house's layout and rules, held by reading the sources."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "firmware_sim").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES_MAX, FUNCTION_MAX = 350, 70


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(module: ast.Module, function: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == function)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == function)
        )
        for node in ast.walk(module)
    )


FIXED = [
    "pyproject.toml",
    "Makefile",
    "LICENSE",
    "README.md",
    "SAFETY.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    ".ci/run",
    "requirements/dev.txt",
    "requirements/run.txt",
    "src/estim/drivers",
    "src/estim/protocols",
    "firmware_sim",
    "tests",
    "bench",
    "docs/README.md",
]


@pytest.mark.parametrize("path", FIXED)
def test_the_fixed_points_are_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("maker", "only"),
    [("Admitted", "src/estim/safety/interlock.py"), ("ClearedSchedule", "src/estim/safety/verdict.py")],
)
def test_only_the_kernel_makes_what_a_driver_accepts(maker: str, only: str) -> None:
    assert [name(path) for path in SOURCES if calls(tree(path), maker)] == [only]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_assert_no_print_no_leftovers(path: Path) -> None:
    module = tree(path)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(module)), "an assert disappears under -O: raise"
    prints = {"src/estim/cli", "src/estim/lines.py", "firmware_sim/__main__.py"}
    if not any(name(path).startswith(allowed) for allowed in prints):
        assert not calls(module, "print")
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_and_functions_keep_their_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES_MAX, f"{name(path)} has outgrown its room: split it by meaning"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < FUNCTION_MAX, f"{name(path)}: {node.name} does more than one thing"


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_tests_use_fakes_and_do_not_sleep(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "unittest" + ".mock" not in text
    if not any(folder in path.parts for folder in ("system", "console", "records", "drivers")):
        assert not calls(tree(path), "sleep")


def committed() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines()]


def test_nothing_committed_names_this_machine_or_a_registry() -> None:
    forbidden = re.compile(
        "|".join(["/" + "work/", "/" + "farm", "/" + "root/", "pypi" + r"\.", "files\\.python" + "hosted"])
    )
    wrong = []
    for path in committed():
        if path.suffix in {".png", ".svg"} or not path.exists():
            continue
        found = forbidden.search(path.read_text(encoding="utf-8", errors="replace"))
        if found:
            wrong.append(f"{name(path)}: {found[0]}")
    assert wrong == []
    assert not [path for path in committed() if path.name == "uv.lock"]


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{name(path)} links to {target}"


def test_every_doc_page_is_in_the_list() -> None:
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed
