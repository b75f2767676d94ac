"""The body behind the simulator, held against the reference results (`reference.json`), and its behaviour in a room."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.body.emg import Emg
from firmware_sim.body.load import STATES, SkinLoad, charge_share, needed_v
from firmware_sim.body.muscle import SETS, Fibre, Parameters, force_trace
from firmware_sim.body.patients import PROFILES, SITES, draw
from firmware_sim.body.recruitment import Pools, recruited
from firmware_sim.body.room import make_room, names
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


def test_a_short_and_a_bridge_look_implausibly_low_and_a_lifted_pad_open() -> None:
    # 3.3: a short or gel bridge is below 100 to 200 ohm, an electrode error above 10 kohm.
    assert SkinLoad("short").test_ohm(0) < 150
    assert SkinLoad("bridge").test_ohm(0) <= 200
    assert SkinLoad("lift").test_ohm(0) > 10_000
    assert all(150 < SkinLoad(state).test_ohm(0) < 10_000 for state in ("good", "fresh", "warm", "dry", "partial"))


def test_pads_settle_in_minutes_and_dry_over_hours() -> None:
    at = [SkinLoad().skin(minutes * 60_000_000).rp0 for minutes in (0, 15, 240)]
    assert at[1] < at[0]
    assert at[2] > at[1]


def test_no_such_pads_are_named() -> None:
    with pytest.raises(ValueError, match="partial"):
        SkinLoad().set_state("wet", 0)


@pytest.mark.parametrize(("ma", "us", "share"), [(20, 300, 0.003), (40, 300, 0.155), (60, 300, 0.5), (60, 150, 0.118)])
def test_recruitment_is_the_references(ma: float, us: float, share: float) -> None:
    assert recruited(60.0, 0.40, ma, us) == pytest.approx(share, abs=0.002)


def pooled(train: list[tuple[float, float]], end_s: float, width_us: float = 300, *, fatigue: bool) -> list[float]:
    """Force at every 20 ms of the reference's twelve pools; `train` holds (time in s, mA)."""
    pools = Pools(SETS["ding2003"], half_ma=60.0, spread=0.40, fatigue=fatigue)
    out, left = [], sorted(train)
    for step in range(1, round(end_s * 50) + 1):
        while left and left[0][0] <= step * 0.02:
            at, ma = left.pop(0)
            pools.pulse(round(at * 1e6), ma, width_us)
        pools.advance(step * 20_000)
        out.append(pools.force_n)
    return out


@pytest.mark.parametrize(
    ("ma", "us", "peak"),
    [(20, 300, 0), (40, 300, 44.88), (60, 300, 134.64), (80, 300, 201.97), (60, 150, 22.44), (60, 500, 201.97)],
)
def test_pools_pull_as_the_references(ma: float, us: float, peak: float) -> None:
    assert max(pooled([(k / 33, ma) for k in range(33)], 1.4, us, fatigue=False)) == pytest.approx(peak, rel=1e-4)


def test_more_current_recruits_fresh_fibres() -> None:
    # pool_cases: 50 mA for 20 s, then 90 mA for 5 s, at 33 Hz; forces at 1, 20, 21 and 25 s.
    force = pooled([(k / 33, 50 if k < 660 else 90) for k in range(825)], 25, fatigue=True)
    assert [force[at * 50 - 1] for at in (1, 20, 21, 25)] == pytest.approx([90.1685, 61.9109, 194.8858, 186.1898], 1e-3)


@pytest.mark.parametrize("name", PROFILES)
def test_drawn_patients_have_the_tables_medians(name: str) -> None:
    profile = PROFILES[name]
    site, people = SITES[profile.site], [draw(name, seed) for seed in range(200)]
    for mine, median in (
        ([p.motor_ua for p in people], site.motor_ma * profile.motor),
        ([p.half_ua for p in people], site.half_ma * profile.motor),
    ):
        # 200 people, log-SD 0.3: the median's own standard error is 2.7 %; drawing order again shifts it a little.
        assert np.median(mine) == pytest.approx(1000 * median, rel=0.12)
        assert np.std(np.log(mine)) == pytest.approx(site.log_sd, rel=0.2)
    assert all(p.sensory_ua < p.motor_ua < p.half_ua for p in people)


def test_another_day_is_another_placement() -> None:
    first, second = draw("able", 3), draw("able", 3, day=2)
    assert first != second
    assert 0.6 < second.half_ua / first.half_ua < 1.6


def play(room: Any, ma: float, *, seconds: float, begin_us: int = 0, hz: int = 50) -> list[dict[str, Any]]:
    said = []
    for index in range(round(seconds * hz)):
        at = begin_us + index * 1_000_000 // hz
        room.advance(at)
        room.on_pulse(Pulse(at, 1, round(ma * 250_000), -round(ma * 250_000), 250, 100, round(ma * 1000)))
        said += room.messages()
    return said


def words(messages: list[dict[str, Any]]) -> list[str]:
    return [message["sensation"] for message in messages if message["type"] == "says"]


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_feels_complains_and_presses_the_switch_in_this_order(seed: int) -> None:
    room, heard, pressed = make_room("able", seed), [], []
    for ma in range(1, 131, 3):
        said = play(room, ma, seconds=0.5, begin_us=ma * 6_000_000)
        heard += words(said)
        pressed += [ma for message in said if message["type"] == "patient-switch"]
    order = ["sensory", "motor", "strong", "limit", "pain"]
    first = [word for index, word in enumerate(heard) if word not in heard[:index]]
    assert first == [word for word in order if word in first]
    assert {"sensory", "strong", "limit", "pain"} <= set(first)
    assert pressed


def test_habituation_lets_more_current_through() -> None:
    def strong_from(name: str) -> float:
        room = make_room("able", 4)
        room = type(room)(replace(room.patient, profile=PROFILES[name]), 4)
        return next(
            ma for ma in range(5, 130) if "strong" in words(play(room, ma, seconds=0.5, begin_us=ma * 6_000_000))
        )

    assert strong_from("trained") > strong_from("able")


def test_a_ramp_up_to_what_is_strong_is_not_called_weaker() -> None:
    room = make_room("foot-drop", 0)
    said = []
    for contraction in range(6):
        for step, ma in enumerate((6, 12, 17, 21, 21, 21)):
            said += words(play(room, ma, seconds=0.2, begin_us=contraction * 2_000_000 + step * 200_000))
    assert said[-1] == "strong"
    assert "sensory" not in said[said.index("strong") :]


def test_who_can_not_tell_says_nothing() -> None:
    said = play(make_room("spinal-cord-injury", 1), 120, seconds=1)
    assert {message["type"] for message in said} == {"practice"}


def test_the_muscle_pulls_and_tires() -> None:
    lines = [m for m in play(make_room("foot-drop", 1), 40, seconds=60) if m["type"] == "practice"]
    assert max(line["force_percent"] for line in lines) > 20
    assert lines[-1]["fatigue"] > 10
    assert lines[-1]["force_n"] < max(line["force_n"] for line in lines)


def test_a_room_costs_nothing_when_nothing_happens() -> None:
    room = make_room("able", 1)
    room.advance(3_600_000_000)
    assert [message["type"] for message in room.messages()].count("emg") <= 20


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


def test_the_m_wave_grows_with_recruitment() -> None:
    def later(ma: float) -> int:
        """Swing between 5 and 15 ms after a pulse, where the artefact is over."""
        room = make_room("able", 1)
        room.on_pulse(Pulse(1_000_000, 1, 0, 0, 250, 100, round(ma * 1000)))
        room.advance(1_100_000)
        samples = [
            v for m in room.messages() if m["type"] == "emg" and m["t0_us"] == 1_000_000 for v in m["samples_uv"]
        ]
        return int(max(samples[10:30]) - min(samples[10:30]))

    assert later(120) > 2_000
    assert later(10) < 300


def test_pads_are_lifted_and_placed() -> None:
    room = make_room("able", 1)
    room.handle({"type": "pad", "channel": 1, "do": "lift"})
    assert room.load(1).test_ohm(0) > 10_000
    assert room.load(1).deliver(50_000, 250, 100, 0) == 0
    assert "practice" not in {message["type"] for message in play(room, 50, seconds=1)}
    room.handle({"type": "pad", "channel": 1, "do": "place"})
    assert room.load(1).deliver(50_000, 250, 100, 0) == 50_000


def test_a_walking_patient_tells_the_feet_and_skips_what_nobody_saw() -> None:
    room = make_room("foot-drop", 1)

    def told(until_us: int) -> list[str]:
        room.advance(until_us)
        return [message["name"] for message in room.messages() if message["type"] == "sensor"]

    room.advance(10_000_000)
    assert told(10_500_000) == []  # stands
    room.handle({"type": "walk"})
    assert told(10_500_000) == ["heel-strike"]
    assert told(11_590_000) == ["mid-stance", "heel-off"]
    assert told(12_310_000) == ["toe-off", "heel-strike"]
    assert told(60_000_000) == [
        "heel-strike"
    ]  # a simulator that slept: one step now, not the fifty that it slept through
    room.handle({"type": "walk", "walks": False})
    assert told(70_000_000) == []


@pytest.mark.parametrize("steps_per_min", [30, 50, 100])
def test_push_off_lasts_from_31_to_62_percent_of_a_stride_at_each_cadence(steps_per_min: int) -> None:
    room = make_room("foot-drop", 1)
    room.handle({"type": "walk", "cadence": steps_per_min})
    at: list[tuple[int, str]] = []
    for now_us in range(0, 12_000_000, 10_000):
        room.advance(now_us)
        at += [(now_us, message["name"]) for message in room.messages() if message["type"] == "sensor"]
    strikes = [now_us for now_us, name in at if name == "heel-strike"]
    stride_us = 120_000_000 / steps_per_min
    assert strikes[1] - strikes[0] == pytest.approx(stride_us, abs=10_000)
    share = {name: (now_us - strikes[0]) / stride_us for now_us, name in reversed(at) if now_us < strikes[1]}
    assert share["heel-off"] == pytest.approx(0.31, abs=0.01)
    assert share["toe-off"] == pytest.approx(0.62, abs=0.01)


def test_a_riding_patient_turns_the_crank_at_the_cadence_that_is_said() -> None:
    room = make_room("foot-drop", 1)
    room.handle({"type": "ride", "cadence": 30})
    angles = []
    for now_us in range(0, 4_000_000, 10_000):
        room.advance(now_us)
        angles += [message["deg"] for message in room.messages() if message["type"] == "crank"]
    assert sum(after < before for before, after in itertools.pairwise(angles)) == 1, "4 s are two turns"
    assert angles[50] == 180
    room.handle({"type": "ride", "rides": False})
    room.advance(5_000_000)
    assert not [message for message in room.messages() if message["type"] == "crank"]


@pytest.mark.parametrize("action", ["misplace", "bridge", "short"])
def test_badly_placed_pads_cost_force(action: str) -> None:
    def force(do: str) -> int:
        room = make_room("able", 1)
        room.handle({"type": "pad", "channel": 1, "do": do})
        return max((m["force_n"] for m in play(room, 60, seconds=1) if m["type"] == "practice"), default=0)

    assert force(action) < 0.7 * force("place")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "pad", "channel": [1], "do": "lift"},
        {"type": "pad", "channel": 99, "do": "lift"},
        {"type": "pad", "channel": 1, "do": "eat"},
        {"type": "effort", "percent": "much"},
        {"type": "effort", "percent": 50, "seconds": math.inf},
    ],
)
def test_what_makes_no_sense_changes_nothing(message: dict[str, Any]) -> None:
    room = make_room("able", 1)
    room.handle(message)
    room.advance(100_000)
    assert room.load(1).state == "good"


def test_the_same_seed_says_the_same() -> None:
    first, second = (play(make_room("stroke", 5), 30, seconds=3) for _ in range(2))
    assert first == second
    assert first != play(make_room("stroke", 6), 30, seconds=3)
    assert all(isinstance(v, int | str | bool | list) for message in first for v in message.values())


def test_unknown_patients_are_named() -> None:
    assert {"able", "foot-drop", "stroke", "spinal-cord-injury", "knee-replacement", "child"} <= set(names())
    with pytest.raises(ValueError, match="knee-replacement"):
        make_room("nobody", 1)
    assert set(SETS) == {"ding2003", "ding2007", "hmed2018"}


def test_what_nobody_looks_at_is_not_worked_out_and_changes_nothing_that_the_patient_feels() -> None:
    watched, unwatched = make_room("stroke", 5), make_room("stroke", 5)
    unwatched.shows_force = unwatched.shows_emg = False
    felt = [
        [message for message in play(room, 30, seconds=3) if message["type"] in ("says", "patient-switch")]
        for room in (watched, unwatched)
    ]
    assert felt[0] == felt[1] != []
    assert {message["type"] for message in play(unwatched, 30, seconds=1)} <= {"says", "patient-switch"}


def test_force_that_is_read_late_is_the_force_that_was_read_all_along() -> None:
    often, late = (Pools(SETS["ding2003"], half_ma=20.0, spread=0.4, jitter=0.03, seed=3) for _ in range(2))
    for k in range(150):
        assert often.pulse(k * 20_000, 22.0, 300) == late.pulse(k * 20_000, 22.0, 300)
        assert often.force_n >= 0
    assert late.force_n == pytest.approx(often.force_n, rel=1e-6)
    assert late.lost == pytest.approx(often.lost, rel=1e-6)


def test_emg_after_a_gap_goes_on_with_the_effort_that_was_made_meanwhile() -> None:
    rests, works = Emg(effort_uv=200, seed=2), Emg(effort_uv=200, seed=2)
    rests.batch(0, 0.0)
    works.batch(0, 0.0)
    quiet, loud = rests.batch(1_000_000, 0.0), works.batch(1_000_000, 1.0)
    assert max(map(abs, loud)) > 5 * max(map(abs, quiet))


def test_the_nodes_that_are_written_out_are_those_of_gauss_and_legendre() -> None:
    from firmware_sim.body import muscle

    nodes, weights = np.polynomial.legendre.leggauss(5)
    nodes, weights = (nodes + 1) / 2, weights / 2
    powers = np.arange(5)
    up_to = (nodes[:, None] ** (powers + 1) / (powers + 1)) @ np.linalg.inv(nodes[:, None] ** powers)
    written = [[getattr(muscle, f"{row}{column}") for column in range(5)] for row in "XVABCDE"]
    assert np.allclose(written, [nodes, weights, *up_to], rtol=1e-12, atol=1e-15)


def test_a_simulated_patient_and_a_rehearsal_load_no_numpy() -> None:
    code = (
        "import sys, estim.rehearsal, estim.console.app, estim.lines\n"
        "import firmware_sim.body.room, firmware_sim.__main__\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
