"""docs/json.md names every key that the documents of the commands have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.drivers.models import MODELS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "json.md").read_text("utf-8")
NAMED = set(re.findall(r"`([a-z_]+)`", PAGE))
COMMANDS = (
    ("rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20"),
    ("records", "verify"),
    ("records", "audit"),
    ("limits",),
    ("protocols", "check", "calf-pump-oedema"),
    ("devices",),
    ("doctor",),
)
OPEN = {"devices": set(MODELS)}  # keys that are names


def keys(document: Any, inside: str = "") -> Iterator[str]:
    """Every key of a document, to two levels of rows."""
    if isinstance(document, list):
        for each in document:
            yield from keys(each, inside)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key not in OPEN.get(inside, ()):
                yield key
                yield from keys(value, key)


def test_each_key_that_a_command_prints_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESTIM_HOME", str(tmp_path))
    printed: set[str] = set()
    for words in COMMANDS:
        assert main([*words, "--json"]) in {0, 1}
        printed |= set(keys(json.loads(capsys.readouterr().out)))
    untold = {key for key in printed if key not in NAMED}
    assert sorted(untold) == []
    assert len(printed) > 80
