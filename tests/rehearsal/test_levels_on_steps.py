"""A level that a device can't have ends at the nearest below, never above what was asked, also while it is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.drivers.models import MODELS
from tests.support import SHORT


def rehearsed(capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["rehearse", str(SHORT), "--home", str(tmp_path), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def steps_ma(model: str) -> float:
    return max(1.0, MODELS[model].profile.amplitude_step_ua / 1_000)  # L15 raises by 1 mA, or by one device step


@pytest.mark.parametrize("asked_ma", [2.1, 6.9, 7.5, 13, 13.9])
@pytest.mark.parametrize("model", MODELS)
def test_a_level_ends_at_the_nearest_step_below(
    model: str, asked_ma: float, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    step = steps_ma(model)
    wanted = asked_ma // step * step
    code, report = rehearsed(capsys, tmp_path, "--level", f"quadriceps={asked_ma}", "--device-model", model)
    assert (code, report["outcome"]) == (0, "completed")
    assert [row["peak_ma"] for row in (*report["channels"], *report["titration"])] == [wanted, wanted]
    assert report["titration"][0]["pulses"] < 600, "it ends at once and does not step to and fro"
    said = [problem for problem in report["problems"] if problem["key"] == "level.quadriceps"]
    assert bool(said) == (wanted != asked_ma)
    for problem in said:
        assert (problem["asked"], problem["allowed"], problem["unit"]) == (asked_ma, wanted, "mA")
        for word in ("quadriceps", f"{asked_ma:g} mA", f"{wanted:g} mA", f"steps of {step:g} mA"):
            assert word in problem["message"]


@pytest.mark.parametrize("model", MODELS)
def test_below_one_step_it_is_refused_with_the_smallest(
    model: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = steps_ma(model) - 0.1
    code, report = rehearsed(capsys, tmp_path, "--level", f"quadriceps={asked:g}", "--device-model", model)
    assert (code, report["outcome"]) == (1, "refused")
    (problem,) = report["problems"]
    assert f"the smallest is {steps_ma(model):g} mA" in problem["message"]
    assert problem["allowed"] == steps_ma(model)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("named", ["", "quadriceps=9.5"])
def test_a_motor_mark_lies_on_the_steps_too(
    model: str, named: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Named, it ends at the step below; where nobody named one, above, so that the level stays below 90 % of it."""
    words = ["--level", "quadriceps=6", "--device-model", model, *(["--motor", named] if named else [])]
    text = SHORT.read_text(encoding="utf-8")
    sensory = tmp_path / "sensory.toml"
    rule = 'amplitude_rule = "max-tolerated"'
    text = text.replace(rule, 'output = "sensory"\nretitrate_every_s = 600\namplitude_rule = "sensory"')
    sensory.write_text(text, encoding="utf-8")
    code = main(["rehearse", str(sensory), "--home", str(tmp_path), "--json", *words])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["outcome"]) == (0, "completed"), report["problems"]
    step = steps_ma(model)
    assert report["channels"][0]["peak_ma"] == 6
    peak = report["titration"][0]["peak_ma"]
    assert peak == (9.5 // step * step if named else -(-8 // step) * step)
    notes = [problem for problem in report["problems"] if problem["key"] == "motor.quadriceps"]
    assert len(notes) == 1
