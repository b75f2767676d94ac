"""The ten laboratory scripts, played whole in simulated time as the handbook's page has them."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estim import api

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "ten-scripts.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^`(\w+)\.py`\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SCRIPTS = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__")


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Any]:
    """Runs the `main` of a script of the page in simulated time."""
    rehearse = functools.partial(api.rehearse, home=tmp_path)

    def run(name: str, **given: Any) -> Any:
        script: dict[str, Any] = {"__name__": name}
        exec(compile(BLOCKS[name], f"{name}.py", "exec"), script)  # noqa: S102 - the handbook's own words
        return script["main"](rehearse, **given)

    return run


def sound(result: api.Result) -> None:
    assert result.verified
    assert result.outcome in {"completed", "stopped"}
    assert all(row["net_pc"] == 0 for row in result.channels)


def test_ten_scripts_each_of_at_most_forty_lines_stand_in_the_handbook_to_the_byte() -> None:
    assert len(SCRIPTS) == 10
    assert {path.stem: path.read_text("utf-8") for path in SCRIPTS} == BLOCKS
    assert all(len(text.splitlines()) <= 40 for text in BLOCKS.values())
    told = (ROOT / "docs" / "python.md").read_text("utf-8")
    assert [path.name for path in SCRIPTS if f"examples/{path.name}" not in told] == []


def test_connect(play: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    sound(play("connect"))
    assert "P24" in capsys.readouterr().out


def test_timed_train(play: Callable[..., Any]) -> None:
    result = play("timed_train")
    sound(result)
    assert result.contractions == 3
    assert result.channels[0]["peak_ma"] == 8


def test_staircase(play: Callable[..., Any]) -> None:
    result, level_ma = play("staircase")
    sound(result)
    assert 10 < level_ma <= 40
    assert result.document["titration"][0]["peak_ma"] == level_ma


def test_keyboard(play: Callable[..., Any]) -> None:
    typed = iter(["-", "-", "", "+", "p", "p"])

    def keys(state: api.State) -> str:
        if state.contraction > 1:
            return "q"
        moved = state.phase == "PAUSED" or not state.channels["quadriceps"].locked
        return next(typed, "") if moved else ""

    result = play("keyboard", keys=keys)
    sound(result)
    assert result.channels[0]["peak_ma"] <= 8


def test_emg_trigger(play: Callable[..., Any]) -> None:
    chance = random.Random(1)

    def samples(t_s: float) -> list[int]:
        return [round(chance.gauss(0, 150 if 10 < t_s % 30 < 12 else 2)) for _ in range(100)]

    result = play("emg_trigger", samples=samples)
    sound(result)
    assert result.contractions >= 2


def test_joint_angle(play: Callable[..., Any]) -> None:
    held: list[float] = []

    def angle(state: api.State) -> float:
        degrees = 4.0 * (state.force_percent or 0)
        if state.channels["quadriceps"].cycle == "HOLD" and state.contraction >= 2:
            held.append(degrees)
        return degrees

    result, late_s = play("joint_angle", seconds=130, angle=angle)
    sound(result)
    assert result.channels[0]["peak_ma"] <= 36
    assert 24 < sum(held[20:]) / len(held[20:]) < 36  # the goal is 30°: the loop moves something, and holds it
    assert max(late_s) < 0.01  # simulated time: the body of the loop takes none


def test_cycling(play: Callable[..., Any]) -> None:
    result = play("cycling", seconds=15)
    sound(result)
    assert all(row["pulses"] > 0 for row in result.channels)


def test_gait(play: Callable[..., Any]) -> None:
    result = play("gait")
    sound(result)
    assert result.contractions >= 5


def test_markers(play: Callable[..., Any]) -> None:
    result, curve = play("markers")
    sound(result)
    assert len(curve) == 4
    assert max(curve) <= 8


def test_fatigue(play: Callable[..., Any]) -> None:
    result, peak = play("fatigue")
    sound(result)
    assert result.outcome == "completed"
    assert max(force for (phase, _), force in peak.items() if phase == "doublets") > 0


def test_all_ten_can_be_played_on_one_day() -> None:
    """All were p1's: the third on a day was refused, with a traceback, until tomorrow."""
    patients = re.findall(r'patient="([^"]+)"', PAGE)
    assert len(patients) == 10
    assert len(set(patients)) == 10
