"""The library: every file valid, every number the reference's, every runnable protocol rehearsed whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols import library
from estim.rehearsal import RehearsalPlan, rehearse
from tests.support import DATA, LIMITS, protocols, runnable
from tests.turns import of_this_turn

ROWS: list[dict[str, Any]] = json.loads((DATA / "protocol_reference.json").read_text(encoding="utf-8"))
NAMES = library.names()


def test_the_library_is_the_reference() -> None:
    assert {row["id"] for row in ROWS} <= set(NAMES)
    assert len(ROWS) == 47
    assert set(NAMES) - {row["id"] for row in ROWS} == {  # from later reading; their marks say what was read
        "arm-reach", "heart-failure-quadriceps-15-hz", "hip-knee-slow-gluteals", "knee-co-contraction",
        "knee-quadriceps-high-intensity", "knee-replacement-gait", "leg-cycling", "leg-cycling-leading",
        "quadriceps-catch-train", "quadriceps-doublets", "quadriceps-stepped-recovery", "quadriceps-two-rates",
        "sit-to-stand-key", "spinal-cord-injury-abdominal", "stroke-hand-contralateral", "tibial-nerve-bladder",
    }  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_each_file_is_named_after_its_id_and_condition(row: dict[str, Any]) -> None:
    protocol = protocols()[row["id"]]
    assert protocol.id == row["id"]
    assert set(protocol.conditions) == set(row["conditions"])


def test_check_passes_on_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "check", *[str(library.path(name)) for name in NAMES], "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    still = {Path(entry["file"]).stem for entry in files if not entry["runnable"]}
    assert still == {
        "denervated-muscle-long-pulse", "multiple-sclerosis-cycling-slow", "spinal-cord-injury-abdominal",
        "spinal-cord-injury-cycling",
    }  # fmt: skip


PLAYED = runnable()


@pytest.mark.parametrize("name", of_this_turn(PLAYED, 20))
def test_every_protocol_plays_whole_and_its_dose_is_what_was_measured(name: str) -> None:
    protocol = protocols()[name]
    levels = tuple(f"{channel.name}={channel.plausible_ma[0]}" for channel in protocol.channel)
    regions = tuple(f"{channel.name}=low-back" for channel in protocol.channel if channel.region == "any-permitted")
    said = setup_from(protocol, SetupWords(patient="test", levels=levels, regions=regions, session=2), simulated=True)
    report = rehearse(
        RehearsalPlan(source=name, setup=said.setup, levels_ua=said.levels_ua, motor_ua=said.motor_ua, limits=LIMITS)
    ).report
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"] is True
    assert report["contractions"] > 0
    assert all(channel["charge_pc"] > 0 for channel in report["channels"])
    assert all(channel["net_pc"] == 0 for channel in report["channels"])


def test_nothing_for_reference_only_is_ever_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["rehearse", "denervated-muscle-long-pulse", "--level", "x=5", "--home", str(tmp_path)]
    assert main(arguments) == 1
    assert "reference only" in capsys.readouterr().err
