"""SAFETY.md says what is true: its limits are the code's, every hazard is there, and its tests are those that carry the
hazard's mark, both ways.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from estim.safety.guardrail import Guardrail
from estim.safety.limits_table import TABLE
from tests.system.bounds import BEGIN, END, table

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SAFETY.md").read_text(encoding="utf-8")
HAZARDS = tuple(f"H{number:02}" for number in range(1, 58))
NO_SOFTWARE = {"V", "O"}  # owners whose controls no test of software can show

Marks = Mapping[str, Sequence[str]]  # `file::test` → the hazards whose control it is marked for


def rows_of(text: str) -> dict[str, list[str]]:
    """Hazard → cells of its row."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    return {row[0]: row for row in cells if re.fullmatch(r"H\d+", row[0])}


def named_in(text: str) -> list[str]:
    """Tests that `text` names, as `file::test`."""
    return [f"{file}::{test}" for file, test in re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", text)]


def marks_of(file: str, source: str) -> dict[str, list[str]]:
    """Every test function of a file with the hazards in its `pytest.mark.hazard`, read and not imported.

    Raises:
        ValueError: a mark that stands elsewhere than over a test function, where it would not be found.
    """
    module = ast.parse(source)
    found: dict[str, list[str]] = {}
    read: set[ast.AST] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            marks = [mark for mark in node.decorator_list if is_hazard(mark)]
            read.update(marks)
            found[f"{file}::{node.name}"] = [ast.literal_eval(word) for mark in marks for word in words_of(mark)]
    for node in ast.walk(module):
        if is_hazard(node) and node not in read:
            raise ValueError(f"{file}: a hazard's mark that stands over no test")
    return found


def is_hazard(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "hazard" and ast.unparse(called) == "pytest.mark.hazard"


def words_of(mark: ast.expr) -> list[ast.expr]:
    return mark.args if isinstance(mark, ast.Call) else []


@cache
def all_marks() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        found |= marks_of(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    return found


def gaps(text: str, marks: Marks) -> list[str]:
    """Where SAFETY.md and the tests differ, in both directions."""
    found = []
    rows = rows_of(text)
    if sorted(rows) != sorted(HAZARDS):
        found.append(f"hazards missing or unknown: {sorted(set(rows) ^ set(HAZARDS))}")
    for hazard, row in rows.items():
        named = named_in(row[4])
        if not all(row[1:5]):
            found.append(f"{hazard}: an empty cell")
        if not named and not set(row[3].split()) <= NO_SOFTWARE:
            found.append(f"{hazard}: no test shows its control")
        found += [f"{hazard} names {test} twice" for test in {test for test in named if named.count(test) > 1}]
        found += [f"{hazard} names {test}, which is not marked for it" for test in named
                  if hazard not in marks.get(test, ())]  # fmt: skip
    found += [f"{test} is named and does not exist" for test in sorted(set(named_in(text))) if test not in marks]
    for test, hazards in marks.items():
        if len(set(hazards)) != len(hazards):
            found.append(f"{test} is marked twice for one hazard")
        found += [f"{test} is marked for {hazard}, whose row does not name it" for hazard in hazards
                  if hazard not in rows or test not in named_in(rows[hazard][4])]  # fmt: skip
    return found


def limit_row(row: Guardrail) -> str:
    word = "≤" if row.sense == "max" else "≥"
    warn = "" if row.warn is None else f"{row.shown(row.warn):g}"
    return (
        f"| {row.rule} | {row.words} | {word} {row.shown(row.absolute):g} | {word} {row.shown(row.default):g} "
        f"| {warn} | {row.unit} | {row.mark} | {row.source} |"
    )


def limit_gaps(text: str, table: Sequence[Guardrail]) -> list[str]:
    """Rows of the limit table that only one of text and code has, in the order of the longer one."""
    block = text.split("<!-- limits:")[1].split("<!-- end of limits -->", maxsplit=1)[0].splitlines()[3:]
    said, meant = [line for line in block if line.strip()], [limit_row(row) for row in table]
    if said == meant:
        return []
    return [row for row in (*said, *meant) if (row in said) != (row in meant)] or ["rows in another order"]


def test_the_limit_table_is_the_codes() -> None:
    assert limit_gaps(TEXT, TABLE) == []


def test_every_hazard_has_its_control_and_the_tests_that_carry_its_mark() -> None:
    assert gaps(TEXT, all_marks()) == []


@pytest.mark.hazard("H32")
def test_the_limits_are_what_was_reviewed() -> None:
    """Whoever changes a limit changes this digest in the same commit, and says why there."""
    said = json.dumps([[row.key, row.absolute, row.default, row.warn, row.sense] for row in TABLE]).encode()
    digest = hashlib.sha256(said).hexdigest()
    reviewed = "0e16b221eca8b4bad2bc8d7fff48145daf6520296d99d0c587b92aff0ddb75e8"
    assert digest == reviewed, f"the limits are not those that were reviewed; their digest is {digest}"


# -- that these checks find --

NAMED = sorted(set(named_in("\n".join(row[4] for row in rows_of(TEXT).values()))))


def test_any_test_or_mark_taken_away_is_missed() -> None:
    """The test itself, its mark, its name in the table: each of them, of all 113."""
    marks = all_marks()
    for test in NAMED:
        found = gaps(TEXT, {name: hazards for name, hazards in marks.items() if name != test})
        assert f"{test} is named and does not exist" in found
        assert [line for line in found if test not in line] == []
        (first, *others) = marks[test]
        assert gaps(TEXT, {**marks, test: others}) == [f"{first} names {test}, which is not marked for it"]
        found = gaps(TEXT.replace(f"`{test}`", ""), marks)
        assert {f"{test} is marked for {hazard}, whose row does not name it" for hazard in marks[test]} <= set(found)


def test_any_row_taken_away_is_missed() -> None:
    for hazard in HAZARDS:
        text = "\n".join(line for line in TEXT.splitlines() if not line.startswith(f"| {hazard} |"))
        assert f"hazards missing or unknown: ['{hazard}']" in gaps(text, all_marks())


def test_other_slips_are_found() -> None:
    test = "tests/safety/test_limits.py::test_l6_all_channels_of_a_patient_together"
    assert f"{test} is marked for H58, whose row does not name it" in gaps(TEXT, {**all_marks(), test: ["H30", "H58"]})
    assert gaps(TEXT, {**all_marks(), test: ["H30", "H30"]}) == [f"{test} is marked twice for one hazard"]
    assert gaps(TEXT.replace(f"`{test}`", f"`{test}` `{test}`"), all_marks()) == [f"H30 names {test} twice"]
    assert "H37: an empty cell" in gaps(TEXT.replace("Another model or version is refused", ""), all_marks())
    lines = [line.replace("| V O |", "| K |") if line.startswith("| H52 ") else line for line in TEXT.splitlines()]
    assert gaps("\n".join(lines), all_marks()) == ["H52: no test shows its control"]


def test_marks_are_read_wherever_a_test_can_stand() -> None:
    source = (
        '@pytest.mark.hazard("H01", "H02")\nasync def test_a() -> None: ...\n'
        'class TestB:\n    @pytest.mark.hazard("H03")\n    @other\n    def test_c(self) -> None: ...\n'
        "def test_d() -> None: ...\n"
    )
    assert marks_of("f.py", source) == {"f.py::test_a": ["H01", "H02"], "f.py::test_c": ["H03"], "f.py::test_d": []}
    with pytest.raises(ValueError, match=r"f\.py: a hazard's mark that stands over no test"):
        marks_of("f.py", 'pytestmark = pytest.mark.hazard("H01")\n' + source)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.key)
def test_any_changed_number_is_seen(row: Guardrail) -> None:
    for changed in (
        replace(row, absolute=row.absolute + row.scale),
        replace(row, default=row.default + row.scale),
        replace(row, warn=(row.warn or 0) + row.scale),
        replace(row, source="hearsay"),
    ):
        table = [changed if one is row else one for one in TABLE]
        assert limit_gaps(TEXT, table) == [limit_row(row), limit_row(changed)]


def test_a_limit_more_or_less_is_seen() -> None:
    assert limit_gaps(TEXT, TABLE[1:]) == [limit_row(TABLE[0])]
    assert limit_gaps(TEXT.replace(limit_row(TABLE[0]) + "\n", ""), TABLE) == [limit_row(TABLE[0])]
    assert limit_gaps(TEXT, TABLE[::-1]) == ["rows in another order"]


# -- controls that are shown here --


@pytest.mark.hazard("H38")
def test_the_default_leaves_room_for_a_device_that_is_off_by_a_fifth() -> None:
    by_key = {row.key: row for row in TABLE}
    for key in ("rms_ua", "density_ua_per_cm2"):
        assert by_key[key].default * 12 <= by_key[key].absolute * 10


@pytest.mark.hazard("H51")
def test_requirements_are_pinned_by_hash() -> None:
    for name in ("dev.txt", "run.txt"):
        lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        packages = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert all("==" in line for line in packages)
        assert sum("--hash=sha256:" in line for line in lines) >= len(packages)
        assert not any("://" in line for line in lines)


# -- the bounds --


def test_the_table_of_bounds_is_the_one_that_is_measured() -> None:
    """Each row of it is a row of `make bounds`, word for word, and stands on a test that is there."""
    begin, end = TEXT.index(BEGIN) + len(BEGIN), TEXT.index(END)
    said = [line.strip("| ").split(" | ") for line in TEXT[begin:end].strip().splitlines()[2:]]
    made = [line.strip("| ").split(" | ") for line in table({}).strip().splitlines()[2:]]
    assert [(row[0], row[1], row[-1]) for row in said] == [(row[0], row[1], row[-1]) for row in made]
    assert all(len(row) == 4 for row in said), "a row without a figure: make bounds"
    for test in named_in(TEXT[begin:end]):
        file, name = test.split("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test
