"""The speed of rehearsals: a 30-minute session through the whole stack (engine, interlock, both codecs, wire, device,
skin, one-fibre muscle, chained record, verification), as a ratio to real time, and what the time goes to.

python bench/rehearsal.py             Markdown table: rhythm, simulated, CPU, ratio; then shares of the 15/45 s session
python bench/rehearsal.py --worlds 20 also the pace of worlds on each device

Aims (docs/decisions/rehearsal.md): 2,000 times for 15/45 s on one channel, 1,000 times at half duty or continuous.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.desk.setup_from import SetupWords, setup_from  # noqa: E402
from estim.drivers.models import MODELS  # noqa: E402
from estim.protocols.loader import load  # noqa: E402
from estim.records.chain import read  # noqa: E402
from estim.rehearsal import RehearsalPlan, World  # noqa: E402
from estim.rehearsal.campaign import play_world  # noqa: E402
from estim.safety.limits import ABSOLUTE, DEFAULT  # noqa: E402
from firmware_sim.body.load import SkinLoad  # noqa: E402
from firmware_sim.body.muscle import SETS, Fibre  # noqa: E402
from firmware_sim.devices.interface import Pulse  # noqa: E402

WORLDS = ROOT / "tests" / "data" / "worlds.toml"
TIMED = ('mode = "timed"', "on_s = 2\noff_s = 2", "contractions = 22", "frequency_hz = 40\npulse")
RHYTHMS = {
    "15/45 s": ("on_s = 15\noff_s = 45", "contractions = 30"),
    "10/10 s": ("on_s = 10\noff_s = 10", "contractions = 90"),
    "continuous": ("", "duration_s = 1800"),
}


def protocol(rhythm: str, folder: Path) -> Path:
    """The worlds' protocol at 50 Hz in another rhythm."""
    text = WORLDS.read_text(encoding="utf-8")
    times, count = RHYTHMS[rhythm]
    text = text.replace(TIMED[3], "frequency_hz = 50\npulse").replace(TIMED[2], count)
    text = text.replace(TIMED[1], times)
    if not times:
        text = text.replace(TIMED[0], 'mode = "continuous"').replace('goal = "strength"', 'goal = "pain"')
        text = text.replace('expected_response = "contraction"', 'expected_response = "relief"')
        text = text.replace(
            'amplitude_rule = "max-tolerated"',
            'output = "sensory"\nretitrate_every_s = 600\namplitude_rule = "sensory"',
        )
    file = folder / f"{rhythm.replace('/', '-').replace(' ', '')}.toml"
    file.write_text(text, encoding="utf-8")
    return file


def world(file: Path) -> World:
    """One rehearsal with skin and muscle behind the electrodes."""
    words = ("quadriceps=8",)
    said = setup_from(load(file), SetupWords(patient="bench", levels=words, motor=("quadriceps=12",)), simulated=True)
    made = World(
        RehearsalPlan(
            source=str(file),
            setup=said.setup,
            levels_ua=said.levels_ua,
            motor_ua=said.motor_ua,
            limits=ABSOLUTE & DEFAULT,
        )
    )
    made.device.set_load(1, SkinLoad())
    fibre, last_s = Fibre(SETS["ding2003"], fatigue=True), 0.0
    seen = made.device.on_pulse

    def watched(pulse: Pulse) -> None:
        nonlocal last_s
        seen(pulse)
        now_s = pulse.t_us / 1e6
        fibre.advance(last_s, now_s)
        fibre.pulse(now_s)
        last_s = now_s

    made.device.on_pulse = watched
    return made


def play(file: Path) -> tuple[World, float]:
    """From the first event to the verified record; seconds of processor time, which others do not add to."""
    made = world(file)
    began = time.process_time()
    made.run()
    if made.record is None or read(made.record.data).first_bad is not None:
        sys.exit(f"{file}: no record, or one that does not verify")
    return made, time.process_time() - began


def shares(file: Path) -> list[tuple[str, float]]:
    """Share of the time by part of the code, own time of each function, library code to the part that called it."""
    profile = cProfile.Profile()
    profile.enable()
    play(file)
    profile.disable()
    parts: dict[str, float] = defaultdict(float)
    for (filename, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        parts[_part(filename)] += own
    total = sum(parts.values())
    return sorted(((part, own / total) for part, own in parts.items()), key=lambda entry: -entry[1])


def _part(filename: str) -> str:
    for part in ("session", "drivers", "records", "safety", "controller", "rehearsal", "protocols"):
        if f"estim/{part}/" in filename:
            return f"estim.{part}"
    for part in ("body", "devices", "wire"):
        if f"firmware_sim/{part}/" in filename:
            return f"firmware_sim.{part}"
    return "built-ins and libraries"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=0)
    given = parser.parse_args()
    print("| Session | simulated s | pulses | CPU s | times real time | outcome |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for rhythm in RHYTHMS:
            file = protocol(rhythm, Path(name))
            made, cpu_s = min((play(file) for _ in range(3)), key=lambda done: done[1])
            simulated_s = made.now_us / 1e6
            print(
                f"| {rhythm} | {simulated_s:.0f} | {made.monitor.count} | {cpu_s:.2f} | {simulated_s / cpu_s:.0f} |"
                f" {made.engine.outcome} |"
            )
        patients(protocol("15/45 s", Path(name)))
        parts = shares(protocol("15/45 s", Path(name)))
        print("\n15/45 s, profiled: " + ", ".join(f"{part} {share:.0%}" for part, share in parts if share > 0.01))
    if given.worlds:
        pace(given.worlds)


def loop_s() -> float:
    """Five million additions in pure Python: the unit that a busy machine cancels out of."""
    began, total = time.process_time(), 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - began


def patients(file: Path) -> None:
    """The same session with and without a virtual patient on the electrodes, per 1,000 s, in units of that loop."""
    said = setup_from(load(file), SetupWords(patient="bench", levels=("quadriceps=8",)), simulated=True)
    plan = RehearsalPlan(
        source=str(file), setup=said.setup, levels_ua=said.levels_ua, motor_ua={}, limits=ABSOLUTE & DEFAULT
    )
    print("\n| 15/45 s, virtual patient | CPU s | times real time | loops for 1,000 s |\n|---|---|---|---|")
    for profile in ("", "knee-replacement"):
        unit, best_s, simulated_s = min(loop_s() for _ in range(3)), float("inf"), 0.0
        for _ in range(3):
            made = World(replace(plan, patient_profile=profile))
            began = time.process_time()
            made.run()
            best_s, simulated_s = min(best_s, time.process_time() - began), made.now_us / 1e6
        loops = best_s / simulated_s * 1e3 / unit
        print(f"| {profile or 'none'} | {best_s:.2f} | {simulated_s / best_s:.0f} | {loops:.1f} |")


def pace(worlds: int) -> None:
    """How fast worlds are."""
    print("\n| Worlds on | worlds | simulated s | CPU s | times real time | ms a world |\n|---|---|---|---|---|---|")
    words = SetupWords(patient="bench", levels=("quadriceps=20",))
    said = setup_from(load(WORLDS), words, simulated=True)
    plan = RehearsalPlan(
        source=str(WORLDS), setup=said.setup, levels_ua=said.levels_ua, motor_ua={}, limits=ABSOLUTE & DEFAULT
    )
    for model in MODELS:
        began = time.process_time()
        verdicts = [play_world(replace(plan, model=model), seed) for seed in range(worlds)]
        cpu_s = time.process_time() - began
        simulated_s = sum(verdict.simulated_us for verdict in verdicts) / 1e6
        each = cpu_s / worlds * 1e3
        print(f"| {model} | {worlds} | {simulated_s:.0f} | {cpu_s:.1f} | {simulated_s / cpu_s:.0f} | {each:.0f} |")


if __name__ == "__main__":
    main()
