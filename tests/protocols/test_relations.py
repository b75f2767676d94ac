"""What a protocol's course and channels compile to: hand-over, doublets, crank windows, criteria."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.checking import check_protocol, compiled_for
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols.loader import load, parse
from estim.protocols.schema import Protocol
from estim.rehearsal import RehearsalPlan, World, rehearse
from estim.safety.errors import ProtocolError, ProtocolRejected
from estim.safety.schedule import Schedule
from firmware_sim.devices.interface import Pulse
from tests.protocols.test_resolve import SECOND
from tests.support import LIMITS, plan, sample

S = 1_000_000


def two(relation: str, *, on_s: float = 2, off_s: float = 4, blocks: str = "") -> Protocol:
    text = sample("[[phase]]", SECOND + "[[phase]]").replace(
        "on_s = 2\noff_s = 2\n", f"on_s = {on_s}\noff_s = {off_s}\n"
    )
    text = text.replace("contractions = 3\n", f'contractions = 3\nrelation = "{relation}"\n{blocks}')
    return parse(text.encode())


def compiled(protocol: Protocol, model: str = "p24") -> Schedule:
    return compiled_for(protocol, model, week=1, session=2)


def offsets(protocol: Protocol) -> list[float]:
    return [window.offset_us / S for window in compiled(protocol).phases[0].windows]


@pytest.mark.parametrize(
    ("relation", "expected"),
    [("together", [0, 0]), ("alternating", [0, 3]), ("sequenced", [0, 2]), ("overlapping", [0, 1.7]),
     ("interleaved", [0, 0.01])],
)  # fmt: skip
def test_each_relation_places_the_second_channel(relation: str, expected: list[float]) -> None:
    assert offsets(two(relation)) == expected


def test_a_hand_over_rises_while_the_channel_before_falls_and_an_own_delay_says_otherwise() -> None:
    block = '[[phase.channel]]\nname = "hamstrings"\ndelay_s = {}\n'
    assert offsets(two("overlapping", blocks=block.format(0.5))) == [0, 0.5]
    assert offsets(two("overlapping", blocks=block.format(0))) == [0, 0]


def test_a_hand_over_may_reach_into_the_next_cycle() -> None:
    phase = compiled(two("overlapping", on_s=2, off_s=1)).phases[0]
    assert phase.cycle_us == 3 * S
    assert phase.windows[1].offset_us + phase.windows[1].on_us > phase.cycle_us


def test_a_sequence_that_does_not_fit_its_cycle_is_refused() -> None:
    with pytest.raises(ProtocolRejected, match="need 4 s"):
        compiled(two("sequenced", on_s=2, off_s=1))


@pytest.mark.parametrize("relation", ["alternating", "sequenced", "overlapping"])
def test_a_continuous_phase_has_nothing_to_share(relation: str) -> None:
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', f'mode = "continuous"\nrelation = "{relation}"')
    with pytest.raises(ProtocolError, match="this phase is continuous"):
        parse(text.replace("contractions = 3", "duration_s = 60").encode())


def doublet(tmp_path: Path, *, hz: float = 25) -> Path:
    path = tmp_path / "doublet.toml"
    text = sample("frequency_hz = 50\n", f"frequency_hz = {hz}\n")
    path.write_text(text.replace("contractions = 3", "contractions = 3\nburst = { pulses = 2, interval_us = 8000 }"))
    return path


def test_doublets_are_played_where_the_device_has_them_and_counted_pulse_by_pulse(tmp_path: Path) -> None:
    report = rehearse(plan(doublet(tmp_path))).report
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"] is True
    single = rehearse(plan(seed=0)).report["channels"][0]["pulses"]
    assert report["channels"][0]["pulses"] == pytest.approx(single, abs=8)  # 25 doublets a second are 50 pulses


def test_doublets_are_refused_where_the_device_can_not_space_them_so(tmp_path: Path) -> None:
    file = doublet(tmp_path)
    assert not [p for p in check_protocol(load(file), LIMITS, model="rehastim2") if p.severity == "refuse"]
    file.write_text(file.read_text(encoding="utf-8").replace("interval_us = 8000", "interval_us = 5000"))
    problems = check_protocol(load(file), LIMITS, model="rehastim2")
    (refused,) = [problem for problem in problems if problem.severity == "refuse"]
    assert refused.rule == "burst"
    assert "8000 to 129000" in refused.message


CRANK = '[phase.trigger]\nsource = "crank"\nmax_on_s = 2\ncadence_rpm = {}\n[[phase.channel]]\nname = "quadriceps"\n'


def crank(cadence_rpm: int, window: str) -> str:
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "triggered"')
    return text.replace("contractions = 3\n", "duration_s = 60\n" + CRANK.format(cadence_rpm) + window)


def test_a_cycling_file_runs_once_its_windows_are_given() -> None:
    assert not parse(crank(40, "delay_s = 0\n").encode()).runnable
    given = parse(crank(40, "crank_deg = [300, 30]\n").encode())
    assert given.runnable
    assert compiled(given).phases[0].windows[0].crank_deg == (300, 30)


def test_a_window_that_a_fast_crank_passes_within_its_ramps_is_said() -> None:
    def warned(cadence_rpm: int) -> list[str]:
        protocol = parse(crank(cadence_rpm, "crank_deg = [300, 30]\n").encode())
        return [found.message for found in check_protocol(protocol, LIMITS, model="p24") if found.severity == "warn"]

    assert any("46 % of the level" in message and "100 % up to 28" in message for message in warned(60))
    assert not any("of the level is reached" in message for message in warned(28))


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("crank_deg = [30, 30]\n", "never ends"),
        ("crank_deg = [0, 360]\n", "never ends"),
        ("crank_deg = [-10, 30]\n", "greater than or equal to 0"),
        ("crank_deg = [0, 361]\n", "less than or equal to 360"),
        ("crank_deg = [0]\n", "array"),
    ],
)
def test_a_crank_window_that_is_none_is_refused(window: str, words: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse(crank(40, window).encode())
    assert words in str(refused.value) or "missing" in str(refused.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [('trigger_on = "x"', "sensor or switch"), ("max_on_s = 2", "triggered phase"), ("crank_deg = [0, 9]", "crank")],
)
def test_keys_of_a_channel_go_with_their_mode(key: str, words: str) -> None:
    text = sample("contractions = 3\n", f'contractions = 3\n[[phase.channel]]\nname = "quadriceps"\n{key}\n')
    with pytest.raises(ProtocolError, match=words):
        parse(text.encode())


def test_a_criterion_that_is_met_ends_the_course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def rehearsed(measure: str) -> tuple[int, str]:
        code = main(
            ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--json", "--home",
             str(tmp_path), "--measure", measure]
        )  # fmt: skip
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    assert rehearsed("quadriceps-index=79")[0] == 0
    code, text = rehearsed("quadriceps-index=80")
    assert code == 1
    (problem,) = json.loads(text)["problems"]
    assert (problem["rule"], problem["asked"], problem["allowed"]) == ("criterion", 80, 80)
    assert "ends here" in problem["message"]
    assert rehearsed("quadriceps-index=good")[0] == 2
    assert "quadriceps-index" in rehearsed("strength=9")[1]


def test_a_criterion_to_review_is_shown_and_the_session_goes_on(tmp_path: Path) -> None:
    text = sample("[dose]", '[[criterion]]\nmeasure = "pain"\nat_most = 3\naction = "review"\n[dose]')
    path = tmp_path / "review.toml"
    path.write_text(text, encoding="utf-8")
    asked = plan(path)
    asked.setup = type(asked.setup)(
        **{name: getattr(asked.setup, name) for name in asked.setup.__slots__} | {"measures": (("pain", 2.0),)}
    )
    report = rehearse(asked).report
    assert report["outcome"] == "completed"
    assert any("pain is 2" in bend["message"] for bend in report["bends"])


def test_a_level_is_asked_for_again_as_often_as_the_file_says(tmp_path: Path) -> None:
    text = sample("plausible_ma = [5, 60]", "plausible_ma = [5, 60]\nretitrate_every_s = 60")
    path = tmp_path / "again.toml"
    path.write_text(text.replace("contractions = 3", "contractions = 50"), encoding="utf-8")
    lines = [json.loads(line) for line in rehearse(plan(path)).data.splitlines()]
    asked = [line["t_us"] / S for line in lines if line["kind"] == "alarm" and line["fields"]["code"] == "retitrate-1"]
    assert len(asked) == 3  # 200 s of therapy
    assert all(abs(later - before - 60) < 1 for before, later in itertools.pairwise(asked))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pulse_width_us = 250", "pulse_width_us = 250.7"),
        ("frequency_hz = 50\n", "frequency_hz = 33.3\n"),
        ("on_s = 2\noff_s = 2\n", "on_s = 2.0005\noff_s = 2.0013\n"),
        ("ramp_up_s = 0.5\nramp_down_s = 0.3", "ramp_up_s = 0\nramp_down_s = 0"),
    ],
)
def test_numbers_between_the_grids_are_played_below_what_was_asked(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(sample(before, after), encoding="utf-8")
    report = rehearse(plan(path)).report
    assert (report["outcome"], report["contractions"], report["dose_agrees"]) == ("completed", 3, True)


@pytest.mark.parametrize("hz", [1, 2, 4])
def test_single_twitches_are_played_and_their_level_is_found(tmp_path: Path, hz: int) -> None:
    """A level is raised in the last period of a window here, where nothing may be lost."""
    path = tmp_path / "slow.toml"
    text = sample("frequency_hz = 50\n", f"frequency_hz = {hz}\n")
    path.write_text(text.replace("on_s = 2\noff_s = 2\n", "on_s = 20\noff_s = 20\n"), encoding="utf-8")
    report = rehearse(plan(path)).report
    assert (report["outcome"], report["contractions"], report["dose_agrees"]) == ("completed", 3, True)


WARM_UP = """\
[[phase]]
name = "warm-up"
kind = "warm-up"
mode = "timed"
waveform = "symmetric-biphasic"
frequency_hz = 50
pulse_width_us = 250
interphase_us = 100
on_s = 3
off_s = 3
ramp_up_s = 0.2
ramp_down_s = 0.2
contractions = 2
intensity = 0.33
"""


def test_a_level_that_titration_held_is_ramped_to_as_the_protocol_says(tmp_path: Path) -> None:
    """The first contraction at the whole level needs no long ramp (L17a) again, and the interlock agrees."""
    path = tmp_path / "parts.toml"
    path.write_text(sample("[[phase]]", WARM_UP + "[[phase]]").replace("ramp_up_s = 0.5", "ramp_up_s = 0.2"))
    world = World(plan(path, level_ma=30))
    peaks: list[tuple[int, int]] = []
    seen = world.device.on_pulse

    def watch(pulse: Pulse) -> None:
        seen(pulse)
        if world.purpose == "therapy":
            peaks.append((pulse.t_us, pulse.peak_ua))

    world.device.on_pulse = watch
    world.run()
    assert world.person.outcome == "completed"
    starts = [at for (before, _), (at, _) in zip([(-S, 0), *peaks], peaks, strict=False) if at - before > S]
    assert len(starts) == 5
    first = next(at for at, peak in peaks if peak == 30_000) - starts[2]
    later = next(at for at, peak in peaks if peak == 30_000 and at > starts[3]) - starts[3]
    assert first <= 0.2 * S
    assert 0.15 * S <= later <= 0.3 * S


@pytest.mark.parametrize("relation", ["together", "alternating", "overlapping", "sequenced"])
@pytest.mark.parametrize("ramps", [(0.0, 0.0), (0.5, 0.3), (1.0, 0.1)])
def test_on_a_device_with_one_grid_and_one_command_a_period_every_pulse_is_counted_right(
    tmp_path: Path, relation: str, ramps: tuple[float, float]
) -> None:
    """Channels of different levels leave 0 mA at different pulses, and ramps change with every pulse."""
    path = tmp_path / "grid.toml"
    text = sample("[[phase]]", SECOND + "[[phase]]").replace("frequency_hz = 50\n", "frequency_hz = 25\n")
    text = text.replace("contractions = 3\n", f'contractions = 2\nrelation = "{relation}"\n').replace(
        "off_s = 2\n", "off_s = 6\n"
    )
    text = text.replace("ramp_up_s = 0.5\nramp_down_s = 0.3", f"ramp_up_s = {ramps[0]}\nramp_down_s = {ramps[1]}")
    path.write_text(text, encoding="utf-8")
    for seed in range(3):
        words = SetupWords(patient="test", levels=("quadriceps=12", "hamstrings=4"))
        said = setup_from(load(path), words, simulated=True)
        report = rehearse(
            RehearsalPlan(
                source=str(path), setup=said.setup, levels_ua=said.levels_ua, motor_ua=said.motor_ua, limits=LIMITS,
                model="rehastim2", seed=seed,
            )
        ).report  # fmt: skip
        assert (report["outcome"], report["contractions"], report["dose_agrees"]) == ("completed", 2, True)
