"""docs/clauses.md: each test that it names is there, and a clause that is met names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "clauses.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d", line)
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_is_met_is_met_by_a_test_that_exists(row: list[str]) -> None:
    assert row[2] in {"yes", "in part", "no"}
    assert row[3]
    named = re.findall(r"`(test_\w+)`", row[4])
    assert named or row[2] != "yes"
    for name in named:
        assert any(f"def {name}(" in path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")), name


def test_the_table_has_both_standards() -> None:
    assert len(ROWS) >= 28
    assert {row[0].split("(")[0] for row in ROWS} >= {"11.10", "11.50", "11.70", "11.100", "11.200", "11.300", "7.3"}
