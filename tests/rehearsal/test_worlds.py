"""Worlds: many seeds and not one broken invariant; and planted bugs, each of which the worlds must find."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import estim.drivers.sciencemode34 as wire
from estim.cli import main
from estim.rehearsal.campaign import FaultyWorld, play_world
from estim.rehearsal.world import Plan
from estim.safety.interlock import Interlock
from estim.safety.reports import OutputState
from estim.safety.units import MicroAmp
from estim.session import core, engine, events, play, player
from firmware_sim.faults import KINDS, Fault, FaultPlan, read_plan, time_us
from tests.support import DATA, plan

LONG = DATA / "worlds.toml"
MODELS = ["p24", "rehamove3", "rehastim2"]


def world_plan(model: str = "p24") -> Plan:
    made = plan(LONG, level_ma=8)
    made.model = model
    return made


@pytest.mark.parametrize("model", MODELS)
def test_nothing_breaks_in_many_worlds(model: str) -> None:
    for seed in range(40):
        verdict = play_world(world_plan(model), seed)
        replay = (
            f"estim rehearse tests/data/worlds.toml --level quadriceps=8 --device-model {model} --world --seed {seed}"
        )
        assert not verdict.broken, f"{verdict.broken}\nreplay: {replay}"
        assert verdict.pulses > 0 or verdict.outcome != "completed"


def test_a_world_is_the_same_every_time() -> None:
    def record(seed: int) -> bytes:
        made = world_plan()
        made.seed = seed
        world = FaultyWorld(made, FaultPlan.from_seed(seed, until_us=100_000_000))
        world.play()
        return world.record.data if world.record is not None else b""

    assert record(5) == record(5)
    assert record(5) != record(6)


def found(invariant: str, *, worlds: int = 40) -> int:
    """How many worlds it took until the invariant was seen broken."""
    for seed in range(worlds):
        if invariant in play_world(world_plan(), seed).broken:
            return seed + 1
    pytest.fail(f"{worlds} worlds did not find that {invariant!r} is broken")


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interlock that lets everything pass, so that bugs above it reach the wire."""
    monkeypatch.setattr(Interlock, "_judge", lambda *_: None)


def handler(monkeypatch: pytest.MonkeyPatch, kind: type, function: Callable[..., None]) -> None:
    monkeypatch.setattr(engine, "_HANDLERS", {**engine._HANDLERS, kind: function})


def test_found_a_stop_that_is_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.Core, "stop", lambda *_args, **_named: None)
    found("stop")


def test_found_a_pause_that_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    handler(monkeypatch, events.Pause, lambda session, request: session.accept(request.id))
    found("stop")


def test_found_a_late_turn_that_is_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    handler(monkeypatch, events.ClockJumped, lambda *_: None)
    found("stop", worlds=120)


def test_found_a_console_that_may_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.SessionEngine, "_leave", lambda *_: None)
    found("stop", worlds=120)


def test_found_a_lease_that_nobody_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = FaultPlan((Fault(at_us=40_000_000, kind="console-silent", for_us=5_000_000),))
    assert not FaultyWorld(world_plan(), faults, moody=False).play().broken
    monkeypatch.setattr(play, "HEARTBEAT_FRESH_US", 10**12)
    assert "stop" in FaultyWorld(world_plan(), faults, moody=False).play().broken


def test_found_an_amplitude_above_what_was_authorised(monkeypatch: pytest.MonkeyPatch) -> None:
    blind(monkeypatch)
    planned = player.WindowPlayer._planned
    monkeypatch.setattr(player.WindowPlayer, "_planned", lambda self, pulse: MicroAmp(2 * planned(self, pulse)))
    found("authorised", worlds=5)


def test_found_a_ramp_that_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    blind(monkeypatch)
    monkeypatch.setattr(player.WindowPlayer, "_ramp_pulses", lambda *_: 1)
    found("slew", worlds=5)


def test_found_charge_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = wire.encode_update

    def unbalanced(*arguments: Any, **named: Any) -> bytes:
        data = bytearray(encode(*arguments, **named))
        if len(data) > 4:
            data[-2] ^= 0x04  # half a milliampere on the last point
        return bytes(data)

    monkeypatch.setattr(wire, "encode_update", unbalanced)
    found("balance", worlds=5)


def test_found_a_rate_above_the_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = wire.encode_update

    def quick(*arguments: Any, **named: Any) -> bytes:
        data = bytearray(encode(*arguments, **named))
        if len(data) > 4:
            data[2:4] = (10 << 1).to_bytes(2, "big")  # 5 ms
        return bytes(data)

    monkeypatch.setattr(wire, "encode_update", quick)
    found("rate", worlds=5)


def test_found_an_off_that_nobody_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    def rash(session: core.Core, reason: str) -> None:  # noqa: ARG001
        session.see_output(OutputState.OFF)
        session.off_asked_us = None

    monkeypatch.setattr(core.Core, "off", rash)
    found("off")


def test_the_commands_of_a_campaign(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["rehearse", str(LONG), "--level", "quadriceps=8", "--home", str(tmp_path), "--json"]
    assert main([*arguments, "--worlds", "3", "--seed", "11"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["worlds"], document["broken"]) == (3, [])
    assert sum(document["outcomes"].values()) == 3
    assert main([*arguments, "--world", "--seed", "12"]) == 0
    assert json.loads(capsys.readouterr().out)["worlds"] == 1


def test_a_plan_in_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "faults.toml"
    file.write_text('[[fault]]\nat = "30 s"\nkind = "restart"\n', encoding="utf-8")
    arguments = [
        "rehearse",
        str(LONG),
        "--level",
        "quadriceps=8",
        "--home",
        str(tmp_path),
        "--json",
        "--faults",
        str(file),
    ]
    assert main(arguments) == 3
    assert json.loads(capsys.readouterr().out)["outcome"] == "fault"
    file.write_text(
        '[[fault]]\nat = "30"\nkind = "restart"\n[[fault]]\nat = "1 s"\nkind = "earthquake"\n', encoding="utf-8"
    )
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "fault[0]" in said
    assert "earthquake" in said


def test_plans_are_data() -> None:
    assert FaultPlan.from_seed(4, until_us=10**8) == FaultPlan.from_seed(4, until_us=10**8)
    kinds = {fault.kind for seed in range(400) for fault in FaultPlan.from_seed(seed, until_us=10**8).faults}
    assert kinds == set(KINDS)
    assert time_us("12.5 s") == 12_500_000
    with pytest.raises(ValueError, match="seed:N"):
        read_plan("seed:x")
