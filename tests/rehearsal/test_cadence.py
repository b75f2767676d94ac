"""What is asked arrives at each cadence, or `check` says beforehand how much of it will."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.checking import check_protocol
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols.catalogue import load_runnable
from estim.rehearsal import RehearsalPlan, World, rehearse
from tests.support import LIMITS, crank_sample, plan, sample

GAIT = "stroke-gait-dorsi-plantarflexors"


def reached(
    source: str, cadence: int | None, level_ma: int, contractions_from: int = 2, model: str = "p24"
) -> dict[str, float]:
    """Channel → the worst share of its level from the third contraction on, in a rehearsal."""
    protocol, _ = load_runnable(source)
    levels = tuple(f"{channel.name}={level_ma}" for channel in protocol.channel)
    said = setup_from(protocol, SetupWords(patient="c", levels=levels, cadence=cadence), simulated=True)
    done = rehearse(
        RehearsalPlan(
            source=source,
            setup=said.setup,
            levels_ua=said.levels_ua,
            motor_ua=said.motor_ua,
            limits=LIMITS,
            model=model,
        )
    )
    names = {each.channel: each.name for each in said.setup.channels}
    shares: dict[str, list[float]] = {}
    for line in map(json.loads, done.data.splitlines()):
        if line["kind"] == "contraction" and line["fields"]["purpose"] == "therapy":
            for row in line["fields"]["channels"]:
                shares.setdefault(names[row["channel"]], []).append(row["peak_ua"] / row["level_ua"])
    return {name: min(each[contractions_from:]) for name, each in shares.items()}


def foretold(source: str, cadence: int | None, model: str = "p24") -> set[str]:
    """Channels of which check says that their level is not reached at this cadence."""
    protocol, _ = load_runnable(source)
    found = check_protocol(protocol, LIMITS, model=model, cadence=cadence)
    return {problem.message.partition(":")[0] for problem in found if "% of the level is reached" in problem.message}


@pytest.mark.parametrize("turns_per_min", [20, 50, 100])
def test_a_crank_at_three_cadences(turns_per_min: int, tmp_path: Path) -> None:
    path = tmp_path / "crank.toml"
    path.write_text(crank_sample(25), encoding="utf-8")
    said = foretold(str(path), turns_per_min)
    (worst,) = reached(str(path), turns_per_min, 30).values()
    assert worst >= 0.95 or said == {"quadriceps"}
    assert (turns_per_min < 100) == (worst >= 0.95), "90 degrees at 100 turns pass in 0.15 s"


def percent_foretold(source: str, cadence: int | None, model: str) -> int:
    """The least share of the level that check foretells on this device; 100 where it says nothing."""
    protocol, _ = load_runnable(source)
    found = check_protocol(protocol, LIMITS, model=model, cadence=cadence)
    said = [re.search(r"at least (\d+) % of the level is reached", problem.message) for problem in found]
    return min((int(each[1]) for each in said if each), default=100)


@pytest.mark.parametrize(
    ("model", "hz", "turns_per_min", "short"),
    [
        ("rehastim2", 40, 25, False),
        ("rehastim2", 25, 45, True),  # steps of the ramp may not fall together there: each second pulse has one
        ("rehastim1", 25, 35, True),  # and here each third
        ("p24", 12, 60, True),  # five pulses of a slow rate take longer than the shortest ramp
        ("p24", 30, 45, False),
    ],
)
def test_a_window_is_foretold_by_the_steps_that_this_device_and_rate_need(
    model: str, hz: int, turns_per_min: int, short: bool, tmp_path: Path
) -> None:
    path = tmp_path / "crank.toml"
    path.write_text(crank_sample(25).replace("frequency_hz = 50", f"frequency_hz = {hz}"), encoding="utf-8")
    percent = percent_foretold(str(path), turns_per_min, model)
    (worst,) = reached(str(path), turns_per_min, 60, model=model).values()
    assert (percent < 100) == (worst < 0.95) == short
    assert percent <= worst * 100, "what is said is the least"


@pytest.mark.parametrize(("model", "short"), [("p24", False), ("rehastim2", False), ("rehastim1", True)])
def test_an_on_time_that_a_device_needs_for_its_ramp_is_foretold(model: str, short: bool, tmp_path: Path) -> None:
    path = tmp_path / "timed.toml"
    text = sample("on_s = 2\n", "on_s = 0.75\n").replace("frequency_hz = 50", "frequency_hz = 20")
    text = text.replace("ramp_up_s = 0.5\nramp_down_s = 0.3\n", "ramp_up_s = 0.2\nramp_down_s = 0.1\n")
    path.write_text(text, encoding="utf-8")
    percent = percent_foretold(str(path), None, model)
    (worst,) = reached(str(path), None, 22, model=model).values()
    assert (percent < 100) == (worst < 0.95) == short
    assert percent <= worst * 100


def test_a_push_off_is_foretold_for_a_cadence_and_names_the_trigger() -> None:
    assert foretold(GAIT, 50) == set()
    protocol, _ = load_runnable(GAIT)
    (problem,) = [
        each
        for each in check_protocol(protocol, LIMITS, model="p24", cadence=180)
        if "% of the level" in each.message and "gastrocnemius" in each.message
    ]
    assert problem.key == "phase[0].channel.trigger_on"
    assert "100 % up to" in problem.message


@pytest.mark.parametrize(("effort", "tries"), [("relax", False), ("join", True), ("free", False)])
def test_the_virtual_patient_acts_by_the_effort_that_is_asked(effort: str, tries: bool, tmp_path: Path) -> None:
    path = tmp_path / "effort.toml"
    path.write_text(sample("on_s = 2\n", f'on_s = 2\neffort = "{effort}"\n'), encoding="utf-8")
    world = World(plan(path))
    world.run()
    assert world.record is not None
    begun = [
        line["t_us"]
        for line in map(json.loads, world.record.data.splitlines())
        if line["kind"] == "contraction" and line["fields"]["purpose"] == "therapy"
    ]
    assert len(begun) == 3
    assert len(world.room.efforts) == (3 if tries else 0), "with each contraction of the therapy, never while levels"
    for effort_us, over_us in zip(world.room.efforts, begun, strict=False):
        assert 0 < over_us - effort_us < 2_500_000, "it comes with the current, not before it"


def test_a_cadence_is_refused_where_nobody_moves_and_where_nobody_can(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["tens-conventional-pain", "--cadence", "40"], "nobody walks or cycles"),
        ([GAIT, "--cadence", "500"], "20 to 180 steps"),
        (["leg-cycling", "--cadence", "2"], "5 to 120 turns"),
    ):
        assert main(["rehearse", *words]) == 2
        assert said in capsys.readouterr().err
