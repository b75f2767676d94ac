"""What came out of the simulated output stage lies between the record's bounds, under every fault that is drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from estim.drivers.models import MODELS
from estim.record_lines.bounds import Bounds, BoundsOfDose
from estim.records.audit import audit
from estim.records.chain import read
from estim.rehearsal.faulty import FaultyWorld
from estim.rehearsal.world import World
from firmware_sim.faults import read_plan
from tests.support import SHORT, made_in, plan
from tests.turns import of_this_turn

# A device that acknowledges updates and does not obey them, and whose status shows nothing of it, is taken at its word
# by the least; what was shown and the most hold of it too.
LIARS = frozenset({"ignore-update"})
DATA = Path(__file__).parents[1] / "data"


def played(
    seed: int, model: str, *, faults: bool, source: Path = SHORT
) -> tuple[World, dict[tuple[str, int], list[int]]]:
    drawn = read_plan(f"seed:{seed}")
    made = replace(plan(source, seed=seed), model=model)
    world = FaultyWorld(made, drawn) if faults else World(made)
    return world, made_in(world)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", of_this_turn(range(8), 2))
@pytest.mark.parametrize("faults", [False, True])
def test_made_pulses_lie_between_the_bounds(seed: int, model: str, *, faults: bool) -> None:
    lies = faults and any(fault.kind in LIARS for fault in read_plan(f"seed:{seed}").faults)
    world, made = played(seed, model, faults=faults)
    bounds = BoundsOfDose()
    assert world.record is not None
    rows: dict[tuple[str, int], dict[str, int]] = {}
    for entry in read(world.record.data).entries:
        bounds.take(entry.kind, entry.fields, entry.t_us)
        if entry.kind == "dose":
            rows |= {(entry.fields["purpose"], row["channel"]): row for row in entry.fields["channels"]}
    for key in {*made, *bounds.channels()}:
        pulses, charge_pc = made.get(key, [0, 0])
        proved = bounds.of(*key)
        assert proved.pulses_shown <= pulses <= proved.pulses_most
        assert proved.charge_shown_pc <= charge_pc <= proved.charge_most_pc
        if not lies:
            assert proved.pulses_least <= pulses
            assert proved.charge_least_pc <= charge_pc
        if (row := rows.get(key)) is not None:  # what the record says of itself, without a reader's arithmetic
            assert row["pulses_shown" if lies else "pulses_least"] <= pulses <= row["pulses_most"]
            assert row["charge_shown_pc"] <= charge_pc <= row["charge_most_pc"]
        if not faults:
            assert proved.pulses_most - proved.pulses_least <= 60


# All that lay outside of the least and the most in 1,000 rehearsals with faults. 12, 133, 156: the device acknowledged
# updates and did not obey them, and no status shows it. 195: a lead in the air, which this device does not find.
# 158: it took noise on its cable as a command for a channel that nobody used.
@pytest.mark.parametrize(
    ("source", "model", "seed"),
    [
        ("short", "rehastim1", 12), ("worlds", "rehastim1", 133), ("short", "p24", 156), ("short", "rehamove3", 156),
        ("short", "rehastim1", 156), ("worlds", "rehastim1", 195), ("short", "rehastim1", 158),
    ],
)  # fmt: skip
def test_what_a_device_hid_lies_between_what_it_showed_and_the_most(source: str, model: str, seed: int) -> None:
    world, made = played(seed, model, faults=True, source=DATA / f"{source}.toml")
    assert world.record is not None
    bounds, beyond = BoundsOfDose(), 0
    entries = read(world.record.data).entries
    for entry in entries:
        bounds.take(entry.kind, entry.fields, entry.t_us)
    used = set(bounds.channels())
    for key, (pulses, charge_pc) in made.items():
        proved = bounds.of(*key)
        assert proved.pulses_shown <= pulses <= proved.pulses_most
        assert proved.charge_shown_pc <= charge_pc <= proved.charge_most_pc
        beyond += pulses < proved.pulses_least or key not in used
    assert beyond, "else these say nothing"
    stray = [finding for finding in audit(entries) if finding.rule == "stray"]
    assert bool(stray) == (seed == 158)
    assert all("any channel" in finding.message for finding in stray)


def test_an_answer_to_what_nobody_asked_widens_the_most_of_every_channel() -> None:
    bounds = BoundsOfDose()
    bounds.take("setup", {"purpose": "therapy", "schedule": {"phases": []}}, 1)
    row = {"channel": 1, "amplitude_ua": 10_000, "pulse_width_us": 250, "interphase_us": 0, "period_us": 20_000}
    bounds.take("command", {"sent_us": 1_000_000, "channels": [row]}, 1_000_000)
    bounds.take("command", {"sent_us": 2_000_000, "channels": []}, 2_000_000)
    bounds.take("output", {"state": "OFF"}, 2_000_000)
    before = bounds.of("therapy", 1)
    bounds.take("noise", {"count": 1, "text": "bytes outside any frame"}, 2_000_000)
    assert bounds.of("therapy", 1) == before
    assert bounds.of("therapy", 2) == Bounds()
    bounds.take("noise", {"count": 1, "text": "an answer", "pulses_most": 3, "charge_most_pc": 900}, 2_000_000)
    wider = replace(before, pulses_most=before.pulses_most + 3, charge_most_pc=before.charge_most_pc + 900)
    assert bounds.of("therapy", 1) == wider
    assert bounds.of("therapy", 2) == Bounds(pulses_most=3, charge_most_pc=900)
    assert bounds.of("titration", 1) == Bounds()


def test_what_was_never_confirmed_off_counts_until_the_timer() -> None:
    bounds = BoundsOfDose()
    bounds.take("header", {"device": {"profile": {"watchdog_us": 2_000_000}}}, 0)
    bounds.take("setup", {"purpose": "therapy", "schedule": {"phases": []}}, 1)
    row = {"channel": 1, "amplitude_ua": 10_000, "pulse_width_us": 250, "interphase_us": 0, "period_us": 20_000}
    bounds.take("command", {"sent_us": 1_000_000, "channels": [row]}, 1_010_000)
    bounds.take("status", {"output_on": True, "level_open": True}, 2_010_000)
    bounds.take("phase", {"before": "RUNNING", "after": "FAULT"}, 3_000_000)
    proved = bounds.of("therapy", 1)
    assert (proved.pulses_least, proved.pulses_most) == (50, 201)
    bounds.take("output", {"state": "OFF"}, 3_100_000)
    assert (bounds.of("therapy", 1).pulses_least, bounds.of("therapy", 1).pulses_most) == (50, 106)


@pytest.mark.parametrize(("source", "seed"), [("short", 150), ("worlds", 195)])
def test_a_lead_that_was_off_before_anybody_looked_proves_no_pulse(source: str, seed: int) -> None:
    # Seed 150: it came off in a rest; 0.3 s of the next contraction were acknowledged and never came.
    world, made = played(seed, "rehamove3", faults=True, source=DATA / f"{source}.toml")
    assert world.record is not None
    bounds = BoundsOfDose()
    entries = read(world.record.data).entries
    assert any(entry.kind == "lead-off" for entry in entries)
    for entry in entries:
        bounds.take(entry.kind, entry.fields, entry.t_us)
    for key, (pulses, charge_pc) in made.items():
        proved = bounds.of(*key)
        assert proved.pulses_least <= pulses <= proved.pulses_most
        assert charge_pc <= proved.charge_most_pc
    assert sum(bounds.of(*key).pulses_least for key in made) >= sum(pulses for pulses, _ in made.values()) // 2


@pytest.mark.parametrize(("seed", "width"), [(47, 130), (103, 30), (189, 30), (193, 30)])
def test_a_device_that_plays_each_list_once_is_counted_by_its_answers(seed: int, width: int) -> None:
    # 189, 193: the host was held up and asked for fewer lists than their period says. 47: one arrived twice.
    # 103: the stop came before the last one's pulse.
    world, made = played(seed, "rehastim1", faults=True, source=DATA / "worlds.toml")
    assert world.record is not None
    bounds = BoundsOfDose()
    for entry in read(world.record.data).entries:
        bounds.take(entry.kind, entry.fields, entry.t_us)
    pulses, charge_pc = made["therapy", 1]
    proved = bounds.of("therapy", 1)
    assert proved.pulses_least <= pulses <= proved.pulses_most
    assert proved.charge_least_pc <= charge_pc <= proved.charge_most_pc
    assert proved.pulses_most - proved.pulses_least <= width


def counted(amplitude_ua: int, least: int, most: int, at_us: int) -> tuple[str, dict[str, object], int]:
    row = {"channel": 1, "amplitude_ua": amplitude_ua, "pulse_width_us": 250, "interphase_us": 0, "period_us": 20_000}
    said = {"sent_us": at_us - 5_000, "channels": [row], "lists_least": least, "lists_most": most}
    return "command", said, at_us


def test_lists_that_were_answered_bound_what_the_clock_can_not() -> None:
    bounds = BoundsOfDose()
    bounds.take("setup", {"purpose": "therapy", "schedule": {"phases": []}}, 1)
    bounds.take(*counted(10_000, 7, 7, 1_000_000))
    bounds.take(*counted(12_000, 17, 17, 2_000_000))  # 10 lists in a second in which 50 had time
    bounds.take(*counted(0, 27, 28, 3_000_000))  # 10 more, one of them twice; a stop may have cut the last
    proved = bounds.of("therapy", 1)
    assert (proved.pulses_least, proved.pulses_most) == (19, 22)
    assert proved.charge_least_pc == 10 * 10_000 * 250 + 9 * 12_000 * 250
    assert proved.charge_most_pc == 10 * 10_000 * 250 + 12 * 12_000 * 250


def test_lists_after_which_nothing_was_heard_are_bounded_by_the_clock() -> None:
    bounds = BoundsOfDose()
    bounds.take("header", {"device": {"profile": {"watchdog_us": 2_000_000}}}, 0)
    bounds.take("setup", {"purpose": "therapy", "schedule": {"phases": []}}, 1)
    bounds.take(*counted(10_000, 0, 0, 1_000_000))
    bounds.take("status", {"output_on": True, "level_open": True, "lists_least": 30, "lists_most": 30}, 2_000_000)
    bounds.take("phase", {"before": "RUNNING", "after": "FAULT"}, 2_500_000)
    proved = bounds.of("therapy", 1)
    assert (proved.pulses_least, proved.pulses_most) == (29, 176)
    bounds.take("status", {"output_on": False, "level_open": False, "lists_least": 40, "lists_most": 40}, 2_600_000)
    bounds.take("output", {"state": "OFF"}, 2_600_000)
    proved = bounds.of("therapy", 1)
    assert (proved.pulses_least, proved.pulses_most) == (39, 41)
