"""Rehearsals with faults: what came out of the simulated output stage, held against the bounds that the record proves,
how wide these are, and the record played again on a fresh device.

python bench/faults.py [--first 0] [--number 250] [--replay-each 5]      NUMBER seeds on each device model
"""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.drivers.models import MODELS  # noqa: E402
from estim.record_lines.bounds import BoundsOfDose  # noqa: E402
from estim.records.chain import Entry, read  # noqa: E402
from estim.rehearsal.faulty import FaultyWorld  # noqa: E402
from estim.rehearsal.replaying import replay_on_simulator  # noqa: E402
from firmware_sim.devices import tells_of_leads  # noqa: E402
from firmware_sim.faults import read_plan  # noqa: E402
from tests.support import made_in, plan  # noqa: E402

# A device that acknowledges updates and does not obey them, and whose status shows nothing of it, is taken at its word.
LIAR = "ignore-update"
# So is one that does not know that a lead is off, and one whose weak check took a command that the cable had changed.
BLIND, CHANGED = "a lead off that it does not find", "a command that the cable changed"
PROTOCOLS = (ROOT / "tests" / "data" / "short.toml", ROOT / "tests" / "data" / "worlds.toml")


Made = dict[tuple[str, int], list[int]]  # (purpose, channel) → pulses, charge in pC


@dataclass
class Tally:
    """What all rehearsals together showed.

    Attributes:
        outside_all: beyond what holds whatever the device hid: from what its status showed to the most. Nothing is
            left out here.
        outside: beyond what holds of a device that did what it acknowledged, where nothing says that it did not.
        untold: what devices hid, and the rows outside of the latter bounds because of it.
        shown, shown_charges: most less shown, as a share of the most, of devices that can be asked, in percent.
        widths: most less least, as a share of the most, of each channel and purpose, in percent.
        pulses: the same in pulses.
    """

    runs: int = 0
    without_record: int = 0
    outside: list[str] = field(default_factory=list)
    outside_all: list[str] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    shown_charges: list[float] = field(default_factory=list)
    untold_rows: list[str] = field(default_factory=list)
    untold: collections.Counter[str] = field(default_factory=collections.Counter)
    pulses: list[int] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    charges: list[float] = field(default_factory=list)
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    kinds: collections.Counter[str] = field(default_factory=collections.Counter)
    replayed: int = 0
    differing: int = 0
    unexplained: list[str] = field(default_factory=list)
    causes: collections.Counter[str] = field(default_factory=collections.Counter)


def play(source: Path, model: str, seed: int) -> tuple[tuple[Entry, ...] | None, Made, str, str]:
    """The record's lines, (purpose, channel) → [pulses, charge in pC] of what came out, the outcome, and what the
    device hid from the host, if it hid anything.
    """
    faults = read_plan(f"seed:{seed}")
    world = FaultyWorld(replace(plan(source, seed=seed), model=model), faults)
    out = made_in(world)
    kinds = {fault.kind for fault in faults.faults}
    hid = LIAR if LIAR in kinds else BLIND if "lead-off" in kinds and not tells_of_leads(model) else ""
    if not hid and world.watch.damaged is not None and world.watch.damaged.taken:
        hid = CHANGED
    if world.record is None:
        return None, out, "no record", hid
    entries = tuple(read(world.record.data).entries)
    ended = [entry.fields.get("outcome", "") for entry in entries if entry.kind == "end"]
    return entries, out, str(ended[-1] if ended else "not ended"), hid


def judge(tally: Tally, name: str, hid: str, entries: tuple[Entry, ...], made: Made) -> None:
    bounds = BoundsOfDose()
    can_not_be_asked = any(entry.fields.get("lists_least") is not None for entry in entries)
    for entry in entries:
        bounds.take(entry.kind, entry.fields, entry.t_us)
    for key in sorted({*made, *bounds.channels()}):
        pulses, charge_pc = made.get(key, [0, 0])
        proved = bounds.of(*key)
        row = f"{name} {key[0]}/{key[1]}: {pulses} pulses, {charge_pc} pC made; {proved}"
        pulses_hold = proved.pulses_shown <= pulses <= proved.pulses_most
        if not pulses_hold or not proved.charge_shown_pc <= charge_pc <= proved.charge_most_pc:
            tally.outside_all.append(row)
        pulses_hold = proved.pulses_least <= pulses <= proved.pulses_most
        if not pulses_hold or not proved.charge_least_pc <= charge_pc <= proved.charge_most_pc:
            tally.untold.update([f"{hid}: rows outside"] if hid else [])
            (tally.untold_rows if hid else tally.outside).append(row)
        if proved.pulses_most and not can_not_be_asked:
            tally.shown.append(100 * (proved.pulses_most - proved.pulses_shown) / proved.pulses_most)
            tally.shown_charges.append(100 * (proved.charge_most_pc - proved.charge_shown_pc) / proved.charge_most_pc)
        if proved.pulses_most:
            tally.pulses.append(proved.pulses_most - proved.pulses_least)
            tally.widths.append(100 * (proved.pulses_most - proved.pulses_least) / proved.pulses_most)
        if proved.charge_most_pc:
            tally.charges.append(100 * (proved.charge_most_pc - proved.charge_least_pc) / proved.charge_most_pc)


def replay(tally: Tally, name: str, entries: tuple[Entry, ...]) -> None:
    replayed = replay_on_simulator(entries)
    tally.replayed += 1
    tally.differing += bool(replayed.differences)
    for one in replayed.differences:
        tally.causes[one.why or "(nothing)"] += 1
        if not one.why:
            tally.unexplained.append(f"{name}: {one}")


def shares(values: list[float] | list[int]) -> str:
    """Median, 90, 95 and 99 of 100, and the most."""
    ranked = sorted(values)
    at = (
        [ranked[min(len(ranked) - 1, int(len(ranked) * share))] for share in (0.5, 0.9, 0.95, 0.99, 1)]
        if ranked
        else []
    )
    return " / ".join(f"{one:.4g}" for one in at)


def rows(first: int, number: int) -> Iterator[tuple[Path, str, int]]:
    for seed in range(first, first + number):
        for model in MODELS:
            yield PROTOCOLS[seed % len(PROTOCOLS)], model, seed


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--number", type=int, default=250)
    asked.add_argument("--replay-each", type=int, default=5)
    given = asked.parse_args()
    tally = Tally()
    for at, (source, model, seed) in enumerate(rows(given.first, given.number)):
        faults = [fault.kind for fault in read_plan(f"seed:{seed}").faults]
        name = f"{source.stem} {model} seed {seed}"
        entries, made, outcome, hid = play(source, model, seed)
        tally.runs += 1
        tally.untold.update([hid] if hid else [])
        tally.outcomes[outcome] += 1
        tally.kinds.update(set(faults))
        if entries is None:
            tally.without_record += 1
            continue
        judge(tally, f"{name} {faults}", hid, entries, made)
        if at % given.replay_each == 0:
            replay(tally, name, entries)
        if at % 100 == 99:
            print(f"… {at + 1}: {len(tally.outside)} outside, {len(tally.unexplained)} unexplained", flush=True)
    say(tally)


def say(tally: Tally) -> None:
    print(f"{tally.runs} rehearsals with faults; {tally.without_record} without a record; {dict(tally.outcomes)}")
    print(f"faults: {dict(tally.kinds.most_common())}")
    print(
        f"outside of shown to most, whatever the device hid, none left out: {len(tally.outside_all)} of "
        f"{len(tally.pulses)} channels and purposes"
    )
    for row in tally.outside_all:
        print(f"  {row}")
    print(
        f"outside of least to most, where the device did what it acknowledged: {len(tally.outside)}; where it hid that "
        f"it did not: {len(tally.untold_rows)}"
    )
    for row in tally.outside:
        print(f"  {row}")
    print(
        "rehearsals in which the device itself did not know, and did not say, that its pulses were not those asked for:"
    )
    for what, number in sorted(tally.untold.items()):
        print(f"  {number:5} {what}")
    for row in tally.untold_rows:
        print(f"  {row}")
    print("width of the bounds (median / 90 / 95 / 99 of 100 / most):")
    print(f"  pulses {shares(tally.pulses)}")
    print(f"  from what was shown, of devices that can be asked: pulses {shares(tally.shown)} % of the most")
    print(f"  the same of charge: {shares(tally.shown_charges)} %")
    print(f"  share of the most: pulses {shares(tally.widths)} %, charge {shares(tally.charges)} %")
    unexplained = len(tally.unexplained)
    print(f"{tally.replayed} records replayed: {tally.differing} with differences, {unexplained} unexplained")
    for row in tally.unexplained:
        print(f"  {row}")
    for why, number in tally.causes.most_common():
        print(f"  {number:5} {why}")


if __name__ == "__main__":
    main()
