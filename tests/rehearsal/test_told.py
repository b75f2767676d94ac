"""What a rehearsal with faults tells: what was planned or drawn, and why it ended as it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estim.cli import main
from firmware_sim.faults import FaultPlan

REHEARSE = ("rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20")


def plan(folder: Path, kind: str, at: str = "100 s") -> str:
    path = folder / "plan.toml"
    path.write_text(f'[[fault]]\nat = "{at}"\nkind = "{kind}"\nfor = "8 s"\n', encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("kind", "code", "outcome", "cause"),
    [
        ("vanish", 4, "uncertain", "Make it safe: pull the USB cable"),
        ("silence", 4, "uncertain", "The device can't be reached"),
        ("restart", 3, "fault", "left its stimulation level"),
        ("full-disk", 3, "fault", "No space left on device"),
        ("lead-off", 0, "stopped", "channel 1 (yellow-red cable)"),
        ("console-silent", 0, "stopped", "The console stopped answering"),
        ("signal", 0, "stopped", ""),
    ],
)
def test_a_bad_end_has_its_cause_and_its_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, code: int, outcome: str, cause: str
) -> None:
    words = [*REHEARSE, "--faults", plan(tmp_path, kind), "--home", str(tmp_path)]
    assert main(words) == code
    said = capsys.readouterr().out
    assert f": {outcome}, 1 contractions" in said
    assert cause in said
    assert f"fault planned: {kind}{', channel 1' if kind == 'lead-off' else ''} at 100 s for 8 s\n" in said
    assert main([*words, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert any(cause in text for text in ["", *document["alarms"]])
    (row,) = document["faults"]
    assert (row["kind"], row["at_s"], row["for_s"], row["reached"]) == (kind, 100, 8, True)


def test_a_stimulator_that_is_lost_before_anything_runs_is_a_fault_and_no_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*REHEARSE, "--faults", plan(tmp_path, "vanish", "200 ms"), "--home", str(tmp_path), "--json"]
    assert main(words) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "fault"
    assert "can't be reached" in " ".join(problem["message"] for problem in document["problems"])
    end = (Path(document["record"]) / "record.jsonl").read_text(encoding="utf-8").splitlines()
    (line,) = [json.loads(line) for line in end if '"kind":"end"' in line]
    assert (line["fields"]["outcome"], line["fields"]["output"]) == ("fault", "OFF")


def test_what_a_seed_drew_is_said_also_where_it_drew_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = {seed: FaultPlan.from_seed(seed, until_us=120_000_000).faults for seed in range(8)}
    some = next(seed for seed, faults in drawn.items() if len(faults) > 1)
    none = next(seed for seed, faults in drawn.items() if not faults)
    main([*REHEARSE, "--faults", f"seed:{some}", "--home", str(tmp_path)])
    said = capsys.readouterr().out
    assert [line.split()[2].rstrip(",") for line in said.splitlines() if "fault planned" in line] == [
        fault.kind for fault in drawn[some]
    ]
    assert main([*REHEARSE, "--faults", f"seed:{none}", "--home", str(tmp_path)]) == 0
    assert "fault planned: none" in capsys.readouterr().out
    assert main([*REHEARSE, "--home", str(tmp_path)]) == 0
    assert "fault" not in capsys.readouterr().out


def test_a_plan_without_a_fault_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.toml").write_text("", encoding="utf-8")
    assert main([*REHEARSE, "--faults", str(tmp_path / "plan.toml"), "--home", str(tmp_path)]) == 2
    assert "no fault is in it" in capsys.readouterr().err
