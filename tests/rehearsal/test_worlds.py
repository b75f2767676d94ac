"""Worlds: many seeds on three devices and not one broken invariant; the commands, the plans, the shrinker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.models import MODELS
from estim.protocols.catalogue import find
from estim.protocols.loader import load
from estim.rehearsal import RehearsalPlan
from estim.rehearsal.campaign import Story, play_story, play_world, shrink
from estim.rehearsal.faulty import FaultyWorld
from estim.rehearsal.moods import KINDS as WHIMS
from estim.rehearsal.moods import Whim
from estim.rehearsal.stopping import LIE_US, OBEY_US, TIMER_US, clear_by_us, noticed_by_us
from estim.session import events
from firmware_sim.faults import EVERY, KINDS, Fault, FaultPlan, read_plan, time_us
from tests.rehearsal.hardships import session
from tests.rehearsal.planted import handle, world_plan
from tests.support import DATA, LIMITS
from tests.turns import of_this_turn, seeds

LONG = DATA / "worlds.toml"
TIMED = [name for name, model in MODELS.items() if model.profile.has_timer]  # the others end by themselves at once
# Of each model, 0.2 s a world and more. In 4 and 7 somebody stops, 20 is the first in which a RehaStim 2 is lost, so
# that the endings below do not hang on what today's changing seeds happen to bring.
SEEDS = sorted({4, 7, 20, *seeds(fixed=1, changing=3, whole=60)})
# 2,000,124: raises that a stutter held back came within 0.2 s.
AROUND_SEEDS = sorted({2_000_124, *seeds(fixed=1, changing=0, whole=60)})


@pytest.mark.parametrize("model", MODELS)
def test_nothing_breaks_in_many_worlds(model: str) -> None:
    made = world_plan(model)
    endings: set[str] = set()
    for seed in SEEDS:
        verdict = play_world(made, seed)
        replay = (
            f"estim rehearse tests/data/worlds.toml --level quadriceps=20 --device-model {model} --world --seed {seed}"
        )
        assert not verdict.broken, f"{verdict.broken}\nreplay: {replay}"
        endings |= set(verdict.causes)
    assert {"STOPPING: completed", "STOPPING: stop-key", "FAULT: device-lost"} <= endings  # and they are no quiet ones


@pytest.mark.parametrize(
    "protocol", ["multiple-sclerosis-ankle", "immobilised-quadriceps-atrophy", "stroke-foot-drop-peroneal"]
)
def test_nothing_breaks_with_several_channels_rates_and_triggers(protocol: str) -> None:
    read = load(find(protocol))
    words = SetupWords(patient="test", levels=tuple(f"{channel.name}=14" for channel in read.channel))
    said = setup_from(read, words, simulated=True)
    made = RehearsalPlan(
        source=protocol, setup=said.setup, levels_ua=said.levels_ua, motor_ua=said.motor_ua, limits=LIMITS, seed=0
    )
    verdicts = [play_world(made, seed) for seed in range(4)]
    assert [verdict.broken for verdict in verdicts] == [{}] * 4
    assert any(verdict.pulses > 100 for verdict in verdicts)


def record_of(seed: int) -> bytes:
    made = world_plan()
    made.seed = seed
    story = Story.from_seed(seed)
    world = FaultyWorld(
        made, FaultPlan(story.faults), whims=story.whims, stubborn=story.stubborn, twitches=story.twitches
    )
    world.play()
    return world.record.data if world.record is not None else b""


def test_a_world_is_the_same_every_time() -> None:
    assert record_of(5) == record_of(5)
    assert record_of(5) != record_of(6)


def test_a_record_is_the_same_in_every_process_whatever_the_hashes() -> None:
    code = (
        "import hashlib; from tests.rehearsal.test_worlds import record_of;"
        "from estim.rehearsal import rehearse; from tests.support import plan;"
        "print(hashlib.sha256(record_of(3) + rehearse(plan(seed=3)).data).hexdigest())"
    )
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root / "src"), str(root)])
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path, "TZ": zone},
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, zone in (("0", "UTC"), ("4711", "Asia/Kathmandu"))
    ]
    assert said[0] == said[1]
    assert len(said[0].strip()) == 64


def test_the_commands_of_a_campaign(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["rehearse", str(LONG), "--level", "quadriceps=8", "--home", str(tmp_path)]
    assert main([*arguments, "--json", "--worlds", "3", "--seed", "11"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["worlds"], document["first_seed"], document["broken"]) == (3, 11, [])
    assert sum(document["outcomes"].values()) == 3
    assert document["simulated_s"] >= 3 * 120
    assert set(document["worst_ms"]) <= {*document["worst_ms"]}
    assert main([*arguments, "--json", "--world", "--seed", "12"]) == 0
    assert json.loads(capsys.readouterr().out)["worlds"] == 1
    assert main([*arguments, "--worlds", "2"]) == 0
    said = capsys.readouterr().out
    assert "h simulated in" in said
    assert "broken: 0 worlds" in said


def test_a_failing_world_is_printed_with_its_replay_and_shrinks_to_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    handle(monkeypatch, events.ClockJumped, lambda *_: None)
    made = world_plan()
    seed = next(seed for seed in range(40) if len(Story.from_seed(seed).parts) > 2 and play_world(made, seed).broken)
    arguments = ["rehearse", str(LONG), "--level", "quadriceps=20", "--home", str(tmp_path)]
    assert main([*arguments, "--worlds", "1", "--seed", str(seed)]) == 1
    said = capsys.readouterr().out
    assert f"--device-model p24 --world --seed {seed}" in said
    parts, verdict = shrink(made, Story.from_seed(seed))
    assert len(parts) == 1
    assert set(verdict.broken) == {"stop"}
    assert main([*arguments, "--world", "--seed", str(seed), "--shrink"]) == 1
    said = capsys.readouterr().out
    assert f"--only {parts[0]}" in said
    assert f"{parts[0]}: " in said
    assert main([*arguments, "--world", "--seed", str(seed), "--only", parts[0]]) == 1
    assert main([*arguments, "--world", "--seed", str(seed), "--only", "f99"]) == 2


def test_a_crash_is_a_finding_of_its_world(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("nobody thought of that")

    handle(monkeypatch, events.Lower, stumble)
    verdicts = [play_world(world_plan(level_ma=8), seed) for seed in range(12)]
    found = [verdict.broken["crash"] for verdict in verdicts if "crash" in verdict.broken]
    assert found
    assert "nobody thought of that" in found[0]
    assert "stumble" in found[0]


def test_a_whole_world_and_its_parts_are_the_same_world() -> None:
    made, story = world_plan(), Story.from_seed(3)
    assert play_story(made, story).pulses == play_story(made, story.only(story.parts)).pulses


@pytest.mark.parametrize("model", [model for model in MODELS if model not in TIMED])
@pytest.mark.parametrize("kind", ["silence", "vanish", "drop", "hang", "stutter", "late-turn", "ignore-stop"])
def test_where_each_list_is_asked_for_nothing_in_the_way_of_a_stop_lengthens_output(model: str, kind: str) -> None:
    fault = Fault(at_us=0, kind=kind, for_us=900_000, size=1)
    assert clear_by_us(100_000, model, (fault,)) <= 100_000 + TIMER_US[model] + OBEY_US


@pytest.mark.parametrize("model", TIMED)
def test_a_stop_is_bounded_by_what_is_in_its_way(model: str) -> None:
    def after(kind: str, *, at: int = 0, for_us: int = 600_000, size: int = 3, asked: int = 100_000) -> int:
        fault = Fault(at_us=at, kind=kind, for_us=for_us, size=size)
        return clear_by_us(asked, model, (fault,)) - asked

    timer = TIMER_US[model] + OBEY_US
    assert clear_by_us(100_000, model, ()) - 100_000 == OBEY_US
    assert after("silence") == 500_000 + 35_000
    assert after("hang", for_us=9_000_000) == timer
    assert after("vanish") == timer
    assert after("drop") <= 125_000
    assert after("late") == 3 * 40_000 + OBEY_US
    assert after("restart") == OBEY_US
    assert after("silence", at=900_000) == OBEY_US  # it begins when all is over
    assert after("silence", for_us=50_000) == OBEY_US  # it ended before
    assert after("lead-off") == OBEY_US


@pytest.mark.parametrize("model", MODELS)
def test_a_stop_asked_for_again_waits_for_the_repeat_of_the_first(model: str) -> None:
    """The repeat just before a silence ends is not heard; the next comes 30 ms later, whoever asks meanwhile."""
    silence = Fault(at_us=0, kind="silence", for_us=500_000, size=1)
    assert clear_by_us(510_000, model, (silence,), since_us=300_000) == 535_000
    assert clear_by_us(510_000, model, (silence,)) == 510_000 + OBEY_US  # the first leaves at once
    assert clear_by_us(540_000, model, (silence,), since_us=300_000) == 540_000 + OBEY_US  # the repeat was heard


@pytest.mark.parametrize("model", TIMED)
def test_a_host_that_stutters_sends_its_first_stop_and_every_repeat_late(model: str) -> None:
    stutter = Fault(at_us=0, kind="stutter", for_us=900_000, size=1)
    silence = Fault(at_us=0, kind="silence", for_us=500_000, size=1)
    lies = Fault(at_us=0, kind="ignore-stop", for_us=9_000_000, size=1)
    fed_us = 240_000 + LIE_US[model] if LIE_US[model] else 0  # only its timer is fed by what it does not obey
    assert clear_by_us(100_000, model, (stutter,)) == 100_000 + 240_000 + OBEY_US
    assert clear_by_us(1_100_000, model, (stutter,)) == 1_100_000 + 240_000 + OBEY_US  # its last turn is late as well
    assert clear_by_us(1_140_000, model, (stutter,)) == 1_140_000 + OBEY_US
    assert clear_by_us(100_000, model, (silence, stutter)) == 500_000 + 240_000 + 35_000
    assert clear_by_us(100_000, model, (lies, stutter)) == 100_000 + fed_us + TIMER_US[model] + OBEY_US
    assert noticed_by_us(0, ()) == 720_000
    assert noticed_by_us(0, (stutter,)) == 720_000 + 480_000


@pytest.mark.parametrize("model", MODELS)
def test_what_a_host_sends_as_it_wakes_feeds_a_device_that_lies(model: str) -> None:
    stands = Fault(at_us=0, kind="late-turn", for_us=400_000, size=1)
    lies = Fault(at_us=0, kind="ignore-stop", for_us=9_000_000, size=1)
    fed_us = 300_000 + LIE_US[model] if LIE_US[model] else 0
    assert clear_by_us(100_000, model, (stands, lies)) == 100_000 + fed_us + TIMER_US[model] + OBEY_US


@pytest.mark.parametrize("model", TIMED)
def test_a_fault_that_takes_one_piece_waits_for_it_while_the_host_stands(model: str) -> None:
    drop = Fault(at_us=0, kind="drop", for_us=2_500_000, size=1)
    stands = Fault(at_us=100_000, kind="late-turn", for_us=1_500_000, size=1)
    assert clear_by_us(1_600_000, model, (drop,)) == 1_600_000 + OBEY_US  # a question had it
    assert clear_by_us(1_600_000, model, (drop, stands)) > 1_600_000 + 100_000  # the stop has it, as the host wakes
    assert clear_by_us(2_800_000, model, (drop, stands)) == 2_800_000 + OBEY_US


def test_every_kind_of_trouble_and_of_whim_is_drawn() -> None:
    stories = [Story.from_seed(seed) for seed in range(600)]
    assert {fault.kind for story in stories for fault in story.faults} == set(KINDS)
    assert {whim.kind for story in stories for whim in story.whims} == set(WHIMS)
    assert any(not story.parts for story in stories)
    assert {story.share_percent for story in stories} == {25, 50, 100}


@pytest.mark.parametrize(
    ("model", "seed"),
    [
        ("rehastim1", 3001029),  # an update held up by the line: the next one came 3 ms after its pulse
        (
            "rehastim1",
            3000996,
        ),  # a host that slept over an answer, and again: 400 ms of nothing, and on at that height
        ("rehastim1", 3007731),  # a list that a wrong bit made continuous plays at its own pace
        ("rehastim1", 3000392),  # the disk fails before a session begins: there is nothing to seal
        (
            "rehastim2",
            3002498,
        ),  # a rise answered late, the next before a pulse had shown it: 4 mA at once
        ("rehastim2", 3002914),  # it ignores the stop, is asked again and again, and plays on when the record is closed
    ],
)
def test_worlds_that_broke_once(model: str, seed: int) -> None:
    assert play_world(world_plan(model), seed).broken == {}


def test_what_surrounds_a_controller_is_added_to_the_same_world() -> None:
    plain, more = ([Story.from_seed(seed, around=around) for seed in range(100)] for around in (False, True))
    assert {fault.kind for story in more for fault in story.faults} == set(EVERY)
    for one, other in zip(plain, more, strict=True):
        assert set(one.faults) < set(other.faults)
        assert (one.whims, one.stubborn, one.twitches) == (other.whims, other.stubborn, other.twitches)


@pytest.mark.parametrize("model", MODELS)
def test_nothing_breaks_in_worlds_with_all_that_surrounds_a_controller(model: str) -> None:
    for seed in AROUND_SEEDS:
        assert not play_world(world_plan(model), seed, around=True).broken, f"{model}, --around, seed {seed}"


@pytest.mark.parametrize("seed", [3, 4, 12, 59, 61])
def test_a_slow_disk_late_turns_and_a_front_that_stands_end_no_session(seed: int) -> None:
    """3, 4, 61: a raise of 1.5 mA at once. 12, 59: durable in a ramp down that was late, and the end was never sent."""
    outcome, broken, stood = session(seed)
    assert (outcome, broken) == ("completed", {})
    assert stood > 50


def test_odd_lines_are_refused_or_mean_what_they_say() -> None:
    """Half a minute of them in titration and therapy: nothing breaks, and the session is not held up by them."""
    odd = Fault(at_us=0, kind="odd-lines", for_us=60_000_000)
    verdict = FaultyWorld(world_plan(), FaultPlan((odd,))).play()
    assert not verdict.broken
    assert verdict.pulses > 100


@pytest.mark.parametrize("kind", of_this_turn(WHIMS, 3))
def test_each_whim_is_harmless(kind: str) -> None:
    """Right in a contraction of the therapy, and in the rest after it."""
    whims = tuple(Whim(at_us=at_us, kind=kind, for_us=1_500_000) for at_us in (27_000_000, 44_500_000))
    assert not FaultyWorld(world_plan(level_ma=8), FaultPlan(), whims=whims, stubborn=True).play().broken


def test_a_plan_in_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "faults.toml"
    file.write_text('[[fault]]\nat = "30 s"\nkind = "restart"\n', encoding="utf-8")
    arguments = ["rehearse", str(LONG), "--level", "quadriceps=8", "--home", str(tmp_path), "--json", "--faults"]
    assert main([*arguments, str(file)]) == 3
    assert json.loads(capsys.readouterr().out)["outcome"] == "fault"
    file.write_text(
        '[[fault]]\nat = "30"\nkind = "restart"\n[[fault]]\nat = "1 s"\nkind = "earthquake"\n', encoding="utf-8"
    )
    assert main([*arguments, str(file)]) == 2
    said = capsys.readouterr().err
    assert "fault[0]" in said
    assert "earthquake" in said


def test_plans_are_data() -> None:
    assert FaultPlan.from_seed(4, until_us=10**8) == FaultPlan.from_seed(4, until_us=10**8)
    assert time_us("12.5 s") == 12_500_000
    with pytest.raises(ValueError, match="seed:N"):
        read_plan("seed:x")
