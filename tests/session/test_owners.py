"""Each piece of the session's state has one owner, no owner knows the core, and nobody imports in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.session import owners
from tests.session.owners import SESSION, imports_of, written

FIELDS_MAX = 20  # was 65 in one class
COORDINATORS = {"after_stop", "arming", "device", "ending", "engine", "levels", "play", "preparing", "processes",
                "prompts", "record_json", "requests", "view"}  # fmt: skip
ROOT = SESSION.parents[2]


def test_a_field_is_written_by_its_owner_alone() -> None:
    assert owners.foreign() == []
    assert {name: modules for name, modules in owners.writers().items() if len(modules) > 1} == {}


def test_no_owner_holds_more_than_it_can_answer_for() -> None:
    large = {owner.name: len(owner.changing) for owner in owners.owners() if len(owner.changing) > FIELDS_MAX}
    assert large == {}


def test_the_core_is_known_to_those_alone_who_let_its_owners_work_together() -> None:
    knows = {path.stem for path in SESSION.glob("*.py") if "core" in imports_of(path.stem)}
    assert knows <= COORDINATORS
    assert {owner.module for owner in owners.owners()} & COORDINATORS <= {"engine"}


def test_nobody_imports_in_a_circle() -> None:
    imports = {path.stem: imports_of(path.stem) for path in SESSION.glob("*.py")}
    while imports:
        free = {name for name, needs in imports.items() if not needs & imports.keys()}
        assert free, {name: sorted(needs & imports.keys()) for name, needs in imports.items()}
        imports = {name: needs for name, needs in imports.items() if name not in free}


def test_tests_ask_from_outside() -> None:
    inside = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "engine._core" in line and path != Path(__file__)
    ]
    assert inside == []


@pytest.mark.parametrize(
    "code",
    ["x.y = 1", "x.y += 1", "del x.y", "x.y[1] = 2", "a, x.y = 1, 2", "x.y.append(1)", "x.y[1].pop()", "x.y: int = 1"],
)
def test_every_way_to_write_is_seen(code: str) -> None:
    found = [ast.unparse(target) for node in ast.walk(ast.parse(code)) for target in written(node)]
    assert found == ["x.y"]
