"""The locks are whole: what they hold asks for nothing that they don't hold, on any system, extras included."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WITH_ESTIM = [("run.txt", ("build",)), ("dev.txt", ("dev",)), ("mutants.txt", ("dev", "mutants"))]
WHOLE = [*WITH_ESTIM, ("docs.txt", ("docs",)), ("lock.txt", ("lock",)), ("release.txt", ("release",))]

Lock = dict[str, list[tuple[str, Marker | None]]]


def parsed(text: str) -> Lock:
    """Package → its versions and where each holds."""
    found: Lock = {}
    for line in re.split(r"\n(?=\S)", text):
        if line.strip() and not line.startswith("#"):
            asked = Requirement(line.partition("\\")[0].strip())
            (pin,) = asked.specifier
            assert (pin.operator, asked.extras, asked.url) == ("==", set(), None), line
            found.setdefault(canonicalize_name(asked.name), []).append((pin.version, asked.marker))
    return found


def places() -> list[dict[str, str]]:
    """The environments that a lock serves."""
    systems = [("linux", "posix", "Linux", "x86_64"), ("win32", "nt", "Windows", "AMD64")]
    systems += [("darwin", "posix", "Darwin", machine) for machine in ("arm64", "x86_64")]
    found = []
    for python in ("3.11", "3.12", "3.13", "3.14"):
        for platform, kind, system, machine in systems:
            there = {key: str(value) for key, value in default_environment().items()}
            there |= {
                "python_version": python,
                "python_full_version": f"{python}.4",
                "implementation_version": f"{python}.4",
            }
            there |= {"sys_platform": platform, "os_name": kind, "platform_system": system, "platform_machine": machine}
            found.append({**there, "extra": ""})
    return found


def roots(groups: tuple[str, ...], *, package: bool) -> list[Requirement]:
    asked = list(PROJECT["project"]["dependencies"]) if package else []
    for group in groups:
        for line in PROJECT["dependency-groups"][group]:
            if isinstance(line, dict):
                asked += [str(item) for item in roots((line["include-group"],), package=False)]
            else:
                asked.append(line)
    return [Requirement(line) for line in asked]


def gaps(lock: Lock, wanted: list[Requirement], there: dict[str, str]) -> list[str]:
    """What is asked for in this environment, by the roots or by what they pull in, and not held by the lock."""
    missing, seen, todo = [], set(), [(item, "pyproject.toml") for item in wanted]
    while todo:
        item, asker = todo.pop()
        name = canonicalize_name(item.name)
        held = [version for version, marker in lock.get(name, []) if marker is None or marker.evaluate(there)]
        if len(held) != 1 or not item.specifier.contains(held[0], prereleases=True):
            missing.append(f"{asker} asks for {item}: {held or 'not held'}")
        for extra in ("", *item.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                asks = importlib.metadata.requires(name) or []
            except importlib.metadata.PackageNotFoundError:
                continue  # of another system: not installed here, so its own wishes can't be read here
            for line in asks:
                wish = Requirement(line)
                if wish.marker is None or wish.marker.evaluate({**there, "extra": extra}):
                    todo.append((wish, name))
    return missing


@pytest.mark.parametrize(("file", "groups"), WHOLE)
def test_nothing_is_left_to_resolve_on_any_system(file: str, groups: tuple[str, ...]) -> None:
    lock = parsed((ROOT / "requirements" / file).read_text(encoding="utf-8"))
    wanted = roots(groups, package=(file, groups) in WITH_ESTIM)
    assert [
        (there["sys_platform"], there["python_version"], gap) for there in places() for gap in gaps(lock, wanted, there)
    ] == []


def test_a_gap_would_be_found_behind_an_extra_too() -> None:
    lock = parsed((ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8"))
    del lock["psycopg-binary"]
    assert any("psycopg-binary" in gap for gap in gaps(lock, roots(("dev",), package=True), places()[0]))


def test_the_smaller_lock_is_part_of_the_larger() -> None:
    run, dev, mutants = (parsed((ROOT / "requirements" / name).read_text(encoding="utf-8")) for name, _ in WITH_ESTIM)
    assert run.items() <= dev.items() <= mutants.items()


@pytest.mark.parametrize("file", [path.name for path in sorted((ROOT / "requirements").glob("*.txt"))])
def test_each_line_is_pinned_by_hash_and_names_no_host(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    lines = [line for line in re.split(r"\n(?=\S)", text) if line.strip() and not line.startswith("#")]
    assert lines
    assert all("--hash=sha256:" in line for line in lines)
    assert "://" not in text


def test_running_needs_no_tool_of_a_developer() -> None:
    run = parsed((ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"))
    assert not {"mypy", "ruff", "pytest", "hypothesis", "typst", "sqlalchemy", "science-mode-4"} & run.keys()


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_make_lock_says_what_came_went_and_moved() -> None:
    before = (
        "numpy==2.4.6 ; python_version < '3.12' \\\n    --hash=x\nnumpy==2.5.5 ; y \\\nrich==15.0.0 \\\nold-one==1 \\\n"
    )
    after = before.replace("numpy==2.5.5", "numpy==2.6.0").replace("old-one==1", "new.one==0.1")
    assert tool("lock").changes(before, after) == [
        "+ new.one 0.1",
        "- old-one 1",
        "  numpy 2.4.6, 2.5.5 -> 2.4.6, 2.6.0",
    ]
    assert tool("lock").changes(before, before) == []
    assert "hashes" in tool("lock").changes(before, before.replace("hash=x", "hash=z"))[0]
