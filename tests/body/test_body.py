"""The body behind the simulator, held against the reference results (`reference.json`), and its behaviour in a room."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.body.load import STATES, SkinLoad, charge_share, needed_v
from firmware_sim.body.muscle import SETS, Fibre, Parameters, force_trace
from firmware_sim.body.room import PATIENTS, make_room, names, recruited
from firmware_sim.devices.interface import Pulse

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "reference.json").read_text(encoding="utf-8"))


def spread(value: Any, count: int) -> list[float] | None:
    if value is None:
        return None
    return [float(value)] * count if isinstance(value, int | float) else [float(entry) for entry in value]


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["name"])
def test_force_is_the_references(case: dict[str, Any]) -> None:
    count = len(case["pulses_s"])
    trace = force_trace(
        case["parameters"],
        case["pulses_s"],
        case["t_end"],
        widths_us=spread(case.get("width_us"), count),
        currents_ma=spread(case.get("current_ma"), count),
    )
    assert trace.peak_n == pytest.approx(case["peak_N"], rel=2e-6, abs=1e-6)
    assert trace.impulse_ns == pytest.approx(case["FTI_Ns"], rel=2e-6, abs=1e-6)
    if case["peak_N"]:
        # A tetanus is flat: the top of its last ripples lies within a period of the reference's.
        assert trace.time_of_peak_s == pytest.approx(case["t_peak_s"], abs=0.002)
        grid = np.arange(len(case["trace_F_N"])) * case["trace_dt_s"]
        assert np.max(np.abs(trace.at(grid) - case["trace_F_N"])) <= 5e-6 * case["peak_N"]


@pytest.mark.parametrize(
    "case", [c for c in REFERENCE["fatigue_cases"] if c["R0"].startswith("fixed")], ids=lambda case: case["name"]
)
def test_fatigue_is_the_references(case: dict[str, Any]) -> None:
    rate, on, off, count = case["frequency_Hz"], case["on_s"], case["off_s"], case["contractions"]
    pulses = [k * (on + off) + j / rate for k in range(count) for j in range(math.ceil(rate * on))]
    trace = force_trace(case["parameters"], pulses, count * (on + off), fatigue=True)
    peaks = [float(trace.at(np.arange(k * (on + off), k * (on + off) + on + off, 0.001)).max()) for k in range(count)]
    for mine, theirs in zip(peaks, case["peak_N"], strict=True):
        assert 100 * abs(mine / peaks[0] - theirs / case["peak_N"][0]) <= 0.002
    assert trace.impulse_ns == pytest.approx(sum(case["FTI_Ns"]), rel=1e-6)


def run_fibre(parameters: Parameters, times: list[float], end_s: float) -> Fibre:
    """A fibre by itself, stepped as a room does it: longer steps than a trace takes."""
    fibre, now = Fibre(parameters, fatigue=True), 0.0
    for at in times:
        fibre.advance(now, at)
        fibre.pulse(at)
        now = at
    fibre.advance(now, end_s)
    return fibre


def test_the_force_debt_is_the_references() -> None:
    # analytic_checks, "one fatigue state": 33 Hz for 10 s, read at 12 s.
    assert run_fibre(SETS["ding2003"], [k / 33 for k in range(330)], 12.0).debt_ns == pytest.approx(2532.75917965)


@given(scale=st.floats(0.05, 20), rate=st.integers(5, 100))
@settings(max_examples=20, deadline=None)
def test_a_muscle_of_another_size_tires_alike(scale: float, rate: int) -> None:
    # Scale covariance: A·s, aK/s, aT/s give s times the force and the same relative fatigue.
    base = SETS["ding2003"]
    other = replace(base, a=base.a * scale, ak=base.ak / scale, at=base.at / scale)
    times = [k / rate for k in range(2 * rate)]
    mine, theirs = run_fibre(base, times, 2.02), run_fibre(other, times, 2.02)
    assert theirs.force_n == pytest.approx(scale * mine.force_n, rel=1e-9)
    assert theirs.debt_ns == pytest.approx(scale * mine.debt_ns, rel=1e-9)


def test_calcium_of_one_pulse_and_of_a_steady_train_is_exact() -> None:
    p = SETS["ding2003"]
    assert run_fibre(p, [0.0], p.tauc).calcium == pytest.approx(math.exp(-1), rel=1e-12)
    assert run_fibre(p, [k / 33 for k in range(100)], 100 / 33).calcium == pytest.approx(0.5642000294736377, rel=1e-9)


def test_rest_costs_nothing_and_forgets_as_it_must() -> None:
    p = SETS["ding2003"]
    times = [k / 33 for k in range(330)]
    before, after = run_fibre(p, times, 20.0), run_fibre(p, times, 20.0 + p.tfat)
    assert after.debt_ns == pytest.approx(before.debt_ns * math.exp(-1), rel=1e-9)


def test_force_scales_with_the_share_that_is_recruited() -> None:
    pulses = [k / 33 for k in range(33)]
    full = force_trace("ding2003", pulses, 1.5).peak_n
    assert full == pytest.approx(269.2958805, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ding1998", [0.0], 1.0), "ding2003"),
        (("ding2003", [0.1, 0.0], 1.0), "ascend"),
        (("ding2007", [0.0], 1.0, [1.0, 2.0]), "entries"),
    ],
)
def test_bad_trains_are_named(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        force_trace(*arguments)


SKINS = {"good 5x5 cm pair (nonlinear)": "good", "dry gel": "dry", "partial contact 25 %": "partial"}


@pytest.mark.parametrize("row", [r for r in REFERENCE["load"]["rows"] if r["load"] in SKINS], ids=str)
def test_the_skin_needs_the_references_voltage(row: dict[str, Any]) -> None:
    skin = STATES[SKINS[row["load"]]]
    assert needed_v(skin, row["mA"] / 1e3, row["us"] / 1e6) == pytest.approx(row["V_needed"], abs=0.06)
    share = charge_share(skin, row["mA"] / 1e3, row["us"] / 1e6)
    assert share == pytest.approx(row["charge_share_at_150V"], abs=0.0015)


def test_never_more_current_flows_than_was_asked() -> None:
    for state in (*STATES, "lift"):
        load = SkinLoad(state)
        assert all(0 <= load.deliver(ua, us, 0, 0) <= ua for ua in range(0, 130_001, 500) for us in (50, 250, 500))


@pytest.mark.parametrize(("ma", "us", "share"), [(20, 300, 0.003), (40, 300, 0.155), (60, 300, 0.5), (60, 150, 0.118)])
def test_recruitment_is_the_references(ma: float, us: float, share: float) -> None:
    assert recruited(PATIENTS["able"], ma, us) == pytest.approx(share, abs=0.002)


def pulses(room: Any, ma: float, *, seconds: float, begin_us: int = 0, hz: int = 50) -> list[dict[str, Any]]:
    said = []
    for index in range(round(seconds * hz)):
        at = begin_us + index * 1_000_000 // hz
        room.advance(at)
        room.on_pulse(Pulse(at, 1, round(ma * 250_000), -round(ma * 250_000), 250, 100, round(ma * 1000)))
        said += room.messages()
    return said


def test_a_patient_feels_moves_and_complains_in_this_order() -> None:
    room = make_room("able", 1)
    heard = []
    for step, ma in enumerate((5, 12, 25, 70, 85, 110)):
        said = [m["sensation"] for m in pulses(room, ma, seconds=1, begin_us=step * 10_000_000) if m["type"] == "says"]
        heard.append(said[-1] if said else "")
    assert heard == ["", "sensory", "motor", "strong", "limit", "pain"]


def test_who_can_not_tell_says_nothing() -> None:
    room = make_room("spinal-cord-injury", 1)
    assert not [m for m in pulses(room, 120, seconds=1) if m["type"] == "says"]


def test_the_muscle_pulls_and_tires() -> None:
    room = make_room("able", 1)
    lines = [m for m in pulses(room, 80, seconds=60) if m["type"] == "practice"]
    assert max(line["force_n"] for line in lines) > 100
    assert lines[-1]["fatigue"] > 20
    assert lines[-1]["force_n"] < max(line["force_n"] for line in lines)


def test_an_effort_shows_in_the_emg() -> None:
    room = make_room("stroke", 1)

    def rms(begin_us: int) -> float:
        values: list[int] = []
        for at in range(begin_us, begin_us + 1_000_000, 50_000):
            room.advance(at)
            values += [v for m in room.messages() if m["type"] == "emg" for v in m["samples_uv"]]
        return math.sqrt(sum(v * v for v in values) / len(values))

    rest = rms(50_000)
    room.handle({"type": "effort", "percent": 100})
    assert rms(2_000_000) > 5 * rest


def test_pads_are_lifted_and_placed() -> None:
    room = make_room("able", 1)
    room.handle({"type": "pad", "channel": 1, "do": "lift"})
    assert room.load(1).test_ohm(0) > 10_000
    assert room.load(1).deliver(50_000, 250, 100, 0) == 0
    room.handle({"type": "pad", "channel": 1, "do": "place"})
    assert room.load(1).deliver(50_000, 250, 100, 0) == 50_000


def test_the_same_seed_says_the_same() -> None:
    assert pulses(make_room("stroke", 5), 30, seconds=3) == pulses(make_room("stroke", 5), 30, seconds=3)


def test_unknown_patients_are_named() -> None:
    assert "able" in names()
    with pytest.raises(ValueError, match="knee-replacement"):
        make_room("nobody", 1)
    assert set(SETS) == {"ding2003", "ding2007", "hmed2018"}
