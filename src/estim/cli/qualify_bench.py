"""`estim qualify run`: a person is guided through the steps; a simulated stimulator plays and measures by itself."""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from estim.desk.qualify import readings
from estim.desk.qualify.protocol import LOAD, protocol_of
from estim.desk.qualify.steps import BenchPlan, Step
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols.loader import load
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.world import World
from estim.safety.errors import UsageError
from estim.safety.limits import ABSOLUTE, DEFAULT
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import OpenLoad, ResistiveLoad
from firmware_sim.scope import FAULTS, Planted, Scope

BENCH = "bench"  # the pseudonym under which a bench's sessions stand in the records
SAFE = "no person"
PULL_AFTER_US = 1_500_000  # a lead, a cable: pulled on the plateau
SIDE_BY_SIDE = 3  # channels of the step that plays several at once
BENCH_FAULTS = ("overlap", "lead-silent", "clips-silent", "wakes-on")
OVERLAP_US = 2_000
CAPTURED = 60  # pulses of one capture: medians and a mean need no more, and files stay small
CONVERTER_UA = 50  # a plateau's pulses are told from its ramp's by so much


# -- a person at a bench --


def guide(plan: BenchPlan, steps: Sequence[Step], folder: Path, given: argparse.Namespace) -> bool:
    """Step by step: what to clip and set, then the capture's file or typed readings; False if it was left early.

    What was measured before stays, so that a bench can be left and gone on with.
    """
    typed = readings.load(folder)
    say(f"{plan.model} {plan.device_id}: {len(steps)} steps; captures and readings in {folder}")
    say(f"Before each step: no person on any channel, every pad cable off the bench's people. Type: {SAFE}")
    for number, step in enumerate(steps, start=1):
        done = step.id in typed or (folder / f"{step.id}.csv").exists()
        if done and not given.again:
            continue
        say(f"\n{number} of {len(steps)}  {step.id}: {step.words}")
        _say_how(plan, step, folder, given.device)
        answer = _answer(f"{SAFE}? (q leaves) ")
        while answer not in {SAFE, "q"}:
            answer = _answer(f"type {SAFE!r} once nobody is connected, or q: ")
        if answer == "q" or not _taken(step, folder, typed):
            say("left; the same command goes on from here")
            return False
        readings.save(folder, typed)
    return True


def say(text: str) -> None:
    """Standard output holds the result alone."""
    print(text, file=sys.stderr)


def _say_how(plan: BenchPlan, step: Step, folder: Path, device: str) -> None:
    """Channel, load and command."""
    ohm = step.load_ohm or plan.load_ohm
    say(f"  clip: channel {step.channel} alone, {ohm:g} ohm, across the {plan.shunt_ohm:g} ohm; one clip at a time")
    if step.kind == "zero":
        return
    file = _protocol_file(step, folder, 1)
    address = device or f"{plan.model}:PORT"
    say(f"  in a second terminal: estim run {file} --device {address} --patient {BENCH}")
    say(f"  raise load1 to {step.amplitude_ma:g} mA there, then press single on the oscilloscope; F12 stops, as ever")


def _taken(step: Step, folder: Path, typed: dict[str, dict[str, readings.Answer]]) -> bool:
    """Its capture is there, or its readings were typed; False to leave."""
    path = folder / f"{step.id}.csv"
    while True:
        if step.kind not in readings.TYPED_ONLY:
            answer = _answer(f"Enter: the capture is saved as {path.name}; t: type readings; s: later; q: leave: ")
            if answer in {"s", "q"}:
                return answer == "s"
            if answer == "" and path.exists():
                return True
            if answer == "":
                say(f"  there is no {path}")
            if answer != "t":
                continue
        found = _readings(step)
        if found is None:
            return False
        typed[step.id] = found
        return True


def _readings(step: Step) -> dict[str, readings.Answer] | None:
    found: dict[str, readings.Answer] = {}
    for question in readings.QUESTIONS[step.kind]:
        while question.key not in found:
            unit = f" [{question.unit}]" if question.unit else " [yes or no]"
            answer = _answer(f"  {question.words}{unit}: ").replace(",", ".").lower()
            if answer == "q":
                return None
            if not question.unit and answer in {"yes", "y", "no", "n"}:
                found[question.key] = answer.startswith("y")
            elif question.unit:
                try:
                    found[question.key] = float(answer)
                except ValueError:
                    print(f"  a number in {question.unit}, or q to leave", file=sys.stderr)
    return found


def _answer(words: str) -> str:
    """A typed line; the end of input leaves."""
    print(words, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else "q"


def _protocol_file(step: Step, folder: Path, together: int) -> Path:
    path = folder / "protocols" / f"{step.id}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(protocol_of(step, together=together), encoding="utf-8")
    return path


# -- a simulated stimulator --


def simulate(plan: BenchPlan, steps: Sequence[Step], folder: Path, given: argparse.Namespace) -> BenchPlan:
    """Play every step in simulated time with a scope across a shunt; gives the plan with the device's own id.

    Raises:
        UsageError: another model than the plan's, or a fault that can't be planted.
    """
    model = given.device.removeprefix("sim://").partition("?")[0]
    if model != plan.model:
        raise UsageError(f"--device {given.device}: the plan is for a {plan.model}")
    on_bench = {fault for fault in given.fault if fault in BENCH_FAULTS}
    try:
        planted = Planted.read([fault for fault in given.fault if fault not in on_bench])
    except ValueError as error:
        known = ", ".join((*FAULTS, *BENCH_FAULTS))
        raise UsageError(f"--fault: {str(error).removeprefix('--scope-fault ')}; there are {known}") from None
    typed = readings.load(folder)
    for number, step in enumerate(steps, start=1):
        print(f"\r{number} of {len(steps)}  {step.id:28}", end="", file=sys.stderr, flush=True)
        if step.kind == "zero":
            _capture(step, (), plan, folder, planted)
            continue
        bench = _Bench(step, plan, folder, on_bench)
        bench.run()
        plan = replace(plan, device_id=plan.device_id or bench.device_id, firmware=plan.firmware or bench.firmware)
        if step.kind in readings.TYPED_ONLY:
            typed[step.id] = dict(bench.seen())
        else:
            _capture(step, bench.pulses(), plan, folder, planted)
    print(file=sys.stderr)
    readings.save(folder, typed)
    return plan


def _capture(step: Step, seen: Sequence[Pulse], plan: BenchPlan, folder: Path, planted: Planted) -> None:
    with (folder / f"{step.id}.csv").open("w", encoding="ascii") as file:
        name = step.id.rpartition("-ch")[0]
        scope = Scope(file, shunt_ohm=plan.shunt_ohm, channel=step.channel, step=name, planted=planted)
        for pulse in seen:
            scope.see(pulse)
        scope.close()


@dataclass(slots=True)
class _Row:
    pulse: Pulse
    purpose: str


class _Bench(World):
    """One step played by engine, driver and simulated device into a dummy load; a hand pulls what the step says."""

    def __init__(self, step: Step, plan: BenchPlan, folder: Path, faults: set[str]) -> None:
        together = SIDE_BY_SIDE if step.kind == "together" else 1
        path = _protocol_file(step, folder, together)
        words = tuple(f"{LOAD.format(n)}={step.amplitude_ma:g}" for n in range(1, together + 1))
        said = setup_from(load(path), SetupWords(patient=BENCH, levels=words), simulated=True)
        channels = tuple(replace(one, channel=step.channel + n) for n, one in enumerate(said.setup.channels))
        if together > 1:
            channels = said.setup.channels
        self._out = io.StringIO()
        super().__init__(
            RehearsalPlan(
                source=str(path), setup=replace(said.setup, channels=channels), levels_ua=said.levels_ua, motor_ua={},
                model=plan.model, limits=ABSOLUTE & DEFAULT, pulses=self._out,
            )
        )  # fmt: skip
        self._step, self._faults = step, faults
        self.device.set_load(step.channel, ResistiveLoad(round(step.load_ohm or plan.load_ohm)))
        self._pulled_us: int | None = None
        self._begun_us: int | None = None

    @property
    def device_id(self) -> str:
        """As the device says it."""
        return self.engine.device_id

    @property
    def firmware(self) -> str:
        """As the device says it."""
        return self.engine.firmware

    def _turned(self) -> None:
        if self._step.kind not in {"open-lead", "restart"} or self.purpose != "therapy":
            return
        plays = any(view.sent_ua >= view.target_ua > 0 for view in self.runner.snapshot().channels)
        if plays and self._begun_us is None:
            self._begun_us = self.now_us
        if self._begun_us is None or self._pulled_us is not None or self.now_us < self._begun_us + PULL_AFTER_US:
            return
        self._pulled_us = self.now_us
        self.device.advance(self.now_us)
        if self._step.kind == "open-lead":
            silent = "lead-silent" in self._faults
            self.device.set_load(self._step.channel, ResistiveLoad() if silent else OpenLoad())
        elif "wakes-on" not in self._faults:
            self.device.inject(DeviceEvent("restart"), self.now_us)

    def _rows(self) -> Iterator[_Row]:
        for row in csv.DictReader(io.StringIO(self._out.getvalue())):
            numbers = {key: int(row[key]) for key in row if key != "purpose"}
            yield _Row(Pulse(**numbers), row["purpose"])

    def pulses(self) -> list[Pulse]:
        """Of the therapy: of the plateau, or for a ramp all of them."""
        asked_ua = self._step.amplitude_ma * 1_000
        found = [
            row.pulse
            for row in self._rows()
            if row.purpose == "therapy" and (self._step.kind == "ramp" or row.pulse.peak_ua >= asked_ua - CONVERTER_UA)
        ]
        return found if self._step.kind == "ramp" else found[:CAPTURED]

    def seen(self) -> Iterator[tuple[str, readings.Answer]]:
        """What a person on this bench would type."""
        kind = self._step.kind
        rows = list(self._rows())
        if kind == "together":
            yield from self._side_by_side([row.pulse for row in rows if row.purpose == "therapy"])
        elif kind == "open-lead":
            pulled_us = self._pulled_us or 0
            flowed = [row.pulse.t_us for row in rows if row.pulse.t_us >= pulled_us and row.pulse.peak_ua]
            yield "reported", any("lead" in text or "pad" in text or "current" in text for text in self._alarms())
            yield "off_ms", (max(flowed, default=pulled_us) - pulled_us) / 1_000
        elif kind == "compliance":
            yield "i1_ma", max((row.pulse.peak_ua for row in rows), default=0) / 1_000
            yield "said", bool(self._alarms()) and "clips-silent" not in self._faults
        else:
            pulled_us = self._pulled_us or 0
            yield "silent", not any(row.pulse.t_us > pulled_us and row.pulse.peak_ua for row in rows)

    def _alarms(self) -> list[str]:
        return [alarm.text.lower() for alarm in self.runner.snapshot().alarms]

    def _side_by_side(self, seen: list[Pulse]) -> Iterator[tuple[str, readings.Answer]]:
        shift_us = OVERLAP_US if "overlap" in self._faults else 0
        spans = sorted(
            (
                one.t_us - (shift_us if one.channel == 2 else 0),
                one.t_us + 2 * one.pulse_width_us + one.interphase_us,
                one.channel,
            )
            for one in seen
        )
        pauses = [b[0] - a[1] for a, b in itertools.pairwise(spans) if a[2] != b[2]]
        yield "least_pause_us", float(min(pauses, default=0))
        order = [channel for _, _, channel in spans]
        yield "in_order", all(channel == order[n % SIDE_BY_SIDE] for n, channel in enumerate(order))
