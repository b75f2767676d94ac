"""The house's layout and rules, held by reading the sources."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "firmware_sim").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def each(paths: Sequence[Path], judge: Callable[[Path], None]) -> None:
    """Many files in one test, each with its name where it fails: as many tests would cost more than what they see."""
    assert paths, "this looks at nothing"
    wrong = []
    for path in paths:
        try:
            judge(path)
        except AssertionError as why:
            wrong.append(f"{name(path)}: {why}")
    assert wrong == []


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


def test_no_assert_no_print_no_leftovers() -> None:
    each(SOURCES, _no_assert_no_print_no_leftovers)


def _no_assert_no_print_no_leftovers(path: Path) -> None:
    module = tree(path)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(module)), "an assert disappears under -O: raise"
    prints = {"src/estim/cli", "src/estim/lines", "firmware_sim/__main__.py"}
    if not any(name(path).startswith(allowed) for allowed in prints):
        assert not calls(module, "print")
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> set[str]:
    """The top packages that a module imports, at its head or inside a function."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


ONLY_IN = {
    "serial": ("src/estim/drivers/serial_link.py", "src/estim/drivers/discovery.py"),
    "textual": ("src/estim/console/",),
    "firmware_sim": ("src/estim/rehearsal/", "firmware_sim/"),
    "estim": ("src/estim/",),
}


def test_each_door_has_its_place() -> None:
    for package in ONLY_IN:
        _has_its_place(package)


def _has_its_place(package: str) -> None:
    users = [name(path) for path in SOURCES if package in imports(path)]
    assert users, f"nobody imports {package}: this test looks at nothing"
    assert [user for user in users if not user.startswith(ONLY_IN[package])] == []


# The drivers that do input and output; every other module of the package is sans-IO, also one that comes later.
IO_DRIVERS = {
    *(
        "serial_link.py",
        "kept_link.py",
        "socket_link.py",
        "discovery.py",
        "asking.py",
        "link.py",
        "side.py",
        "lsl.py",
        "room.py",
    ),
}
PURE = [
    path
    for path in sorted((ROOT / "src" / "estim").rglob("*.py"))
    if path.parent.name in {"safety", "session", "protocols"}
    or (path.parent.name == "drivers" and path.name not in IO_DRIVERS)
    or (path.parent.name == "records" and path.name in {"chain.py", "canonical.py"})
]
IMPURE = {
    *("serial", "textual", "asyncio", "threading", "multiprocessing", "socket", "subprocess", "time", "datetime"),
    *("random", "os", "uuid", "secrets", "select", "signal", "logging"),
}


def test_the_pure_core_takes_time_and_bytes_as_arguments() -> None:
    def judge(path: Path) -> None:
        assert imports(path) & IMPURE == set()

    each(PURE, judge)


def test_import_linter_watches_every_sans_io_driver() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    pure = next(contract for contract in contracts if contract["name"].startswith("The pure core"))
    drivers = {f"estim.drivers.{path.stem}" for path in PURE if path.parent.name == "drivers"} - {
        "estim.drivers.__init__"
    }
    assert drivers - set(pure["source_modules"]) == set()


def test_the_libraries_are_packages() -> None:
    folders = {path.parent for path in SOURCES}
    assert [name(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
    assert (ROOT / "src/estim/py.typed").exists()
    assert (ROOT / "firmware_sim/py.typed").exists()


def test_tests_use_fakes_and_do_not_sleep() -> None:
    each(TESTS, _uses_fakes_and_does_not_sleep)


def _uses_fakes_and_does_not_sleep(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "unittest" + ".mock" not in text
    # The record's writer is a real thread in front of a real fsync: its tests wait for it.
    if "system" not in path.parts and name(path) != "tests/records/test_records.py":
        assert "sleep" not in text or not calls(tree(path), "sleep")


def committed() -> list[Path]:
    # -z: a name of other letters would stand in quotes otherwise, and its file would be looked at by nobody.
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / os.fsdecode(each) for each in done.stdout.split(b"\0") if each]


def unlike_others(names: Sequence[str]) -> list[str]:
    """Names that some system can't hold or that fall together there: Windows keeps nul.txt and takes A for a."""
    kept = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
    wrong = [
        name
        for name in names
        if not re.fullmatch(r"[A-Za-z0-9._/-]{1,180}", name)
        or any(kept.match(part) or part.endswith(".") for part in name.split("/"))
    ]
    seen: dict[str, str] = {}
    return wrong + [name for name in names if seen.setdefault(name.casefold(), name) != name]


def test_each_committed_name_can_be_had_everywhere() -> None:
    """A try at the root wrote a file named by the one byte E9, and it was committed: such a clone ends on macOS."""
    assert unlike_others([os.fsdecode(path.relative_to(ROOT)) for path in committed()]) == []


def test_a_name_that_some_system_lacks_is_found() -> None:
    odd = ["caf\udce9", *(f"docs/{name}.md" for name in ("nul", "a b", "Readme")), "end."]
    assert sorted(unlike_others(["docs/README.md", "docs/console.md", *odd])) == sorted(odd)


def test_nothing_committed_names_this_machine_or_a_registry() -> None:
    forbidden = re.compile(
        "|".join(
            [
                r"(?<!\w)/(?:work|farm|root|home|opt)" + "/",
                "pypi" + r"\.",
                "python" + "hosted",
                r"--(extra-)?index-" + "url ",
            ]
        )
    )
    wrong = []
    for path in committed():
        if not path.exists():
            continue
        found = forbidden.search(path.read_text(encoding="utf-8", errors="replace"))
        if found:
            wrong.append(f"{name(path)}: {found[0]}")
    assert wrong == []
    assert not [path for path in committed() if path.name in {"uv.lock", ".env", "pip.conf"}]


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{name(path)} links to {target}"


def test_every_doc_page_is_in_the_list() -> None:
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed


def test_nobody_committed_a_home() -> None:
    """A registers' file or a key of a station, written by a test or a try at the root, belongs to nobody's clone."""
    kept = [path.relative_to(ROOT) for path in committed()]
    made = {"station.key", "station.jsonl", "patients.json", "station-keys.txt"}
    assert [str(each) for each in kept if each.name in made and each.parts[0] != "tests"] == []
