"""What is wrong with a site's file is said with the file and the line, as with every other file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estim.cli import main

SITE = """responsible = "Lead"
date = "2026-01-05"
colour = "red"

[limits]
amplitude_ua = "low"
L99 = 3
block_us = 99999999999
"""


def problems(path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int | None]:
    assert main(["limits", "--site", str(path), "--home", str(home), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == str(path)
    return {problem["key"]: problem["line"] for problem in document["problems"]}


def test_each_fault_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    lines = {line.partition(" = ")[0]: number for number, line in enumerate(SITE.splitlines(), 1)}
    found = problems(path, tmp_path / "home", capsys)
    assert {key: found[key] for key in ("colour", "limits.amplitude_ua", "limits.L99", "limits.block_us")} == {
        "colour": lines["colour"],
        "limits.amplitude_ua": lines["amplitude_ua"],
        "limits.L99": lines["L99"],
        "limits.block_us": lines["block_us"],
    }
    assert found["signature"] is None, "there is none"
    assert found["reason"] == 1, "it is missing"


def test_what_is_no_toml_and_a_signature_have_theirs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text('responsible = "Lead"\nreason =\n', encoding="utf-8")
    assert problems(path, tmp_path / "home", capsys)["file"] == 2
    path.write_text(f"{SITE}# signature: 00\n", encoding="utf-8")
    assert problems(path, tmp_path / "home", capsys)["signature"] == len(SITE.splitlines()) + 1
