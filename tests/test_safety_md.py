"""SAFETY.md says what is true: its limits are the code's, every hazard is there, every test it names exists."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from estim.safety.limits_table import TABLE

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SAFETY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", TEXT)))
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")]


def limits_of(text: str) -> list[str]:
    return text.split("<!-- limits:")[1].split("<!-- end of limits -->", maxsplit=1)[0].splitlines()[3:]


def test_the_limit_table_is_the_codes() -> None:
    expected = []
    for row in TABLE:
        word = "≤" if row.sense == "max" else "≥"
        warn = "" if row.warn is None else f"{row.shown(row.warn):g}"
        expected.append(
            f"| {row.rule} | {row.words} | {word} {row.shown(row.absolute):g} | {word} {row.shown(row.default):g} "
            f"| {warn} | {row.unit} | {row.mark} | {row.source} |"
        )
    assert [line for line in limits_of(TEXT) if line.strip()] == expected


def test_the_limits_are_what_was_reviewed() -> None:
    """Whoever changes a limit changes this digest in the same commit, and says why there."""
    said = json.dumps([[row.key, row.absolute, row.default, row.warn, row.sense] for row in TABLE]).encode()
    assert hashlib.sha256(said).hexdigest() == "e433c750c5008f0e22389b715716b3af774612689e24bc9f22fabd1e205cb0ff"


def test_all_hazards_are_there_with_controls_owner_and_proof() -> None:
    hazards = {row[0]: row for row in ROWS if re.fullmatch(r"H\d\d", row[0])}
    assert sorted(hazards) == [f"H{number:02}" for number in range(1, 53)]
    for row in hazards.values():
        assert all(row[1:5]), row
        assert "tests/" in row[4] or set(row[3].split()) <= {"V", "O"}, row


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_exists(file: str, test: str) -> None:
    path = ROOT / file
    assert path.exists(), f"SAFETY.md names {file}"
    assert re.search(rf"^(?:async )?def {test}\b", path.read_text(encoding="utf-8"), re.MULTILINE), (
        f"{file} has no {test}"
    )


def test_the_default_leaves_room_for_a_device_that_is_off_by_a_fifth() -> None:
    by_key = {row.key: row for row in TABLE}
    for key in ("rms_ua", "density_ua_per_cm2"):
        assert by_key[key].default * 12 <= by_key[key].absolute * 10


def test_requirements_are_pinned_by_hash() -> None:
    for name in ("dev.txt", "run.txt"):
        lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        packages = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert all("==" in line for line in packages)
        assert sum("--hash=sha256:" in line for line in lines) >= len(packages)
        assert not any("://" in line for line in lines)
