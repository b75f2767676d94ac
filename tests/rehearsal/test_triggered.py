"""Triggered phases in a whole rehearsal: who triggers is the room, through the side channel's own messages."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols import library
from estim.protocols.loader import load
from estim.rehearsal import RehearsalPlan, World
from estim.rehearsal.room import RehearsedRoom, profiles
from estim.safety.reports import EmgSamples, Report
from tests.support import LIMITS, crank_sample, plan, sample
from tests.turns import seeds

EMG = """\
source = "emg"
off = "timeout"
max_on_s = 3
refractory_s = 0
threshold_uv = 20
debounce_ms = 150
blanking_ms = 25
lockout_s = 0.5
rearm_percent = 50
"""


def emg_file(tmp_path: Path, *, seconds: float, changes: tuple[str, str] = ("", "")) -> Path:
    """The sample as an EMG-triggered phase without a refractory time: nothing but the lock-out protects it."""
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "emg-triggered"')
    text = text.replace("contractions = 3\n", f"duration_s = {seconds}\n[phase.trigger]\n{EMG.replace(*changes)}")
    path = tmp_path / "effort.toml"
    path.write_text(text, encoding="utf-8")
    return path


def gates(world: World) -> list[tuple[float, bool]]:
    """When gates opened and closed, in seconds, as the record has it."""
    assert world.record is not None
    lines = [json.loads(line) for line in world.record.data.splitlines()]
    return [(line["t_us"] / 1e6, line["fields"]["opens"]) for line in lines if line["kind"] == "gate"]


def opened(world: World) -> list[float]:
    return [at for at, opens in gates(world) if opens]


class OneEffort:
    """Listens to the room, and lets the patient try once: then she rests, or tries for as long as is said."""

    def __init__(self, room: RehearsedRoom, *, seconds: float = 0) -> None:
        self._room, self._seconds = room, seconds
        self.loudest_uv = 0

    def poll(self) -> list[Report]:
        reports = self._room.poll()
        for report in reports:
            if isinstance(report, EmgSamples):
                self.loudest_uv = max(self.loudest_uv, *map(abs, report.samples_uv))
        if self._room.efforts and not self._room.resting:
            self._room.resting = True
            if self._seconds:
                self._room.send({"type": "effort", "percent": 100, "seconds": self._seconds})
        return reports

    def close(self) -> None:
        """Nobody is there any more."""

    def send(self, message: object) -> None:
        self._room.send(message)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_effort_of_the_patient_starts_one_contraction(tmp_path: Path, seed: int) -> None:
    world = World(plan(emg_file(tmp_path, seconds=120), seed=seed))
    world.run()
    assert world.person.outcome == "completed"
    tried = [at / 1e6 for at in world.room.efforts]
    efforts = [at for at in tried if at < tried[0] + 118]  # one in the last second of the phase is not heard out
    assert len(efforts) > 12
    begun = opened(world)
    assert len(begun) == len(efforts)
    late = [at - effort for at, effort in zip(begun, efforts, strict=True)]
    assert all(0.15 <= delay <= 0.8 for delay in late), late


def test_the_other_hands_effort_leads_a_whole_phase(tmp_path: Path) -> None:
    path = tmp_path / "led.toml"
    text = library.path("stroke-hand-contralateral").read_text(encoding="utf-8")
    path.write_text(text.replace("duration_s = 1320", "duration_s = 60"), encoding="utf-8")
    protocol = load(path)
    words = SetupWords(patient="p", levels=tuple(f"{channel.name}=20" for channel in protocol.channel))
    said = setup_from(protocol, words, simulated=True)
    world = World(
        RehearsalPlan(
            source=str(path), setup=said.setup, levels_ua=said.levels_ua, motor_ua=said.motor_ua, limits=LIMITS
        )
    )
    world.run()
    assert world.person.outcome == "completed"
    pairs = list(zip(gates(world)[::2], gates(world)[1::2], strict=True))
    assert len(pairs) >= 3
    for (opens_s, opens), (closes_s, closes), effort_us in (
        (*pair, at) for pair, at in zip(pairs, world.room.efforts, strict=False)
    ):
        assert (opens, closes) == (True, False)
        assert 0.1 <= opens_s - effort_us / 1e6 <= 0.5
        assert 6.0 <= closes_s - effort_us / 1e6 <= 6.6, "three quarters of 8 s, and until its end is heard"


def test_ten_minutes_of_rest_start_nothing(tmp_path: Path) -> None:
    for seed in seeds(fixed=1, changing=0, whole=2):
        world = World(plan(emg_file(tmp_path, seconds=600), seed=4 + seed))
        world.room.resting = True
        world.run()
        assert world.now_us > 600_000_000
        assert gates(world) == []
        assert world.record is not None
        lines = [json.loads(line) for line in world.record.data.splitlines()]
        ran = [line["n"] for line in lines if line["kind"] == "phase" and line["fields"]["after"] == "RUNNING"]
        left = [line["fields"] for line in lines if line["kind"] == "phase" and line["fields"]["before"] == "RUNNING"]
        # The titration, then ten minutes that nobody stopped: they were over.
        assert [(move["turn"], move["cause"]) for move in left] == [("complete", "completed")] * 2
        read = [line["fields"] for line in lines if line["kind"] == "status" and line["n"] > ran[1]]
        assert len(read) > 400
        assert not any(status["output_on"] for status in read)
        end = next(line["fields"] for line in lines if line["kind"] == "end")
        assert end == {"contractions": 0, "dose": [], "outcome": "stopped", "output": "OFF"}
        assert world.person.outcome == "stopped"  # what gave nothing was never a complete treatment


@pytest.mark.parametrize("level_ma", [10, 60])
def test_artefact_and_m_wave_never_trigger_again(tmp_path: Path, level_ma: int) -> None:
    """At 60 mA each pulse evokes an M-wave of millivolts, and its artefact drives the amplifier to its rail."""
    world = World(plan(emg_file(tmp_path, seconds=60), level_ma=level_ma, seed=6))
    listening = OneEffort(world.room)
    world.runner._room = listening
    world.run()
    assert len(world.room.efforts) == 1
    assert len(opened(world)) == 1
    assert listening.loudest_uv >= (1_000 if level_ma == 10 else 4_000)


def test_an_effort_that_goes_on_through_the_contraction_must_fall_first(tmp_path: Path) -> None:
    world = World(plan(emg_file(tmp_path, seconds=60), seed=7))
    world.runner._room = OneEffort(world.room, seconds=3_600)
    world.run()
    assert len(opened(world)) == 1


def test_a_crank_opens_its_window_once_a_turn(tmp_path: Path) -> None:
    path = tmp_path / "crank.toml"
    path.write_text(crank_sample(61), encoding="utf-8")
    world = World(plan(path))
    world.run()
    assert world.person.outcome == "completed"
    begun, moves = opened(world), gates(world)
    assert len(begun) in {19, 20}  # 20 turns a minute; 0° is within the window, so the first turn does not count
    assert all(abs(after - before - 3.0) < 0.05 for before, after in itertools.pairwise(begun))
    closed = [at for at, opens in moves if not opens]
    assert all(abs(end - begin - 0.75) < 0.05 for begin, end in zip(begun, closed, strict=False))  # 90° of 3 s


def test_a_crank_without_windows_is_not_run_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("spinal-cord-injury-cycling", "multiple-sclerosis-cycling-slow"):
        assert main(["rehearse", name, "--level", "quadriceps-right=20", "--home", str(tmp_path)]) == 1
        assert "crank_deg is not given for" in capsys.readouterr().err


SWITCH = '[phase.trigger]\nsource = "switch"\non = "press"\nmax_on_s = 4\nhold = true\n'


def test_a_switch_that_holds_is_let_go_before_the_longest_time(tmp_path: Path) -> None:
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "triggered"')
    path = tmp_path / "switch.toml"
    path.write_text(text.replace("contractions = 3\n", "contractions = 5\n" + SWITCH), encoding="utf-8")
    world = World(plan(path))
    world.run()
    assert world.person.outcome == "completed"
    moves = gates(world)
    assert [opens for _, opens in moves] == [True, False] * 5
    assert all(abs(end[0] - begin[0] - 3.0) < 0.05 for begin, end in zip(moves[::2], moves[1::2], strict=True))


def test_a_virtual_patient_feels_speaks_and_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "knee-replacement" in profiles()
    arguments = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(tmp_path)]
    assert main([*arguments, "--patient-profile", "knee-replacement", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["record_verified"] is True
    assert '"patient-says"' in (Path(report["record"]) / "record.jsonl").read_text(encoding="utf-8")
    assert main([*arguments, "--patient-profile", "nobody"]) == 2
    assert "knee-replacement" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_record_to_the_last_byte_with_a_body_too(tmp_path: Path) -> None:
    def played(seed: int) -> bytes:
        world = World(plan(emg_file(tmp_path, seconds=30), seed=seed))
        world.run()
        assert world.record is not None
        return bytes(world.record.data)

    assert played(8) == played(8)
    assert played(8) != played(9)


def test_gates_that_overlap_end_the_phase_by_count_and_by_time_all_the_same(tmp_path: Path) -> None:
    """Four windows follow one another round the crank: one of them plays always, and the phase must end."""
    begin = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "triggered"')
    begin = begin.replace("ramp_up_s = 0.5\nramp_down_s = 0.3\n", "ramp_up_s = 0.2\nramp_down_s = 0.3\n")
    block = begin[begin.index("[[channel]]") : begin.index("[[phase]]")]
    names = ["quadriceps", *(f"q{number}" for number in range(3))]
    begin = begin.replace(block, "".join(block.replace('"quadriceps"', f'"{name}"') for name in names))
    trigger = '[phase.trigger]\nsource = "crank"\nmax_on_s = 2\ncadence_rpm = 30\n'
    for at, name in enumerate(names):
        trigger += f'[[phase.channel]]\nname = "{name}"\ncrank_deg = [{at * 90}, {(at * 90 + 120) % 360}]\n'
    path = tmp_path / "round.toml"
    for extent, gates_max in (("contractions = 3\n", 3), ("duration_s = 20\n", 10)):
        path.write_text(begin.replace("contractions = 3\n", extent + trigger), encoding="utf-8")
        said = setup_from(load(path), SetupWords(patient="t", levels=tuple(f"{n}=4" for n in names)), simulated=True)
        world = World(
            RehearsalPlan(
                source=str(path), setup=said.setup, levels_ua=said.levels_ua, motor_ua=said.motor_ua, limits=LIMITS
            )
        )
        world.run()
        assert world.person.outcome == "completed"
        first = opened(world)[0]
        assert max(at for at, _ in gates(world)) - first <= 23
        lines = [json.loads(line) for line in world.record.data.splitlines()]  # type: ignore[union-attr]
        begun = [line["fields"]["channels"] for line in lines if line["kind"] == "gate" and line["fields"]["opens"]]
        for channel in (1, 2, 3, 4):
            had = sum(channel in channels for channels in begun)
            assert had == gates_max if gates_max == 3 else 8 <= had <= gates_max
