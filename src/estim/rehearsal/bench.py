"""A bench in simulated time: a stimulator plays a qualification into a dummy load, a simulated scope looks on."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from estim.desk.qualify import readings
from estim.desk.qualify.judge import USUAL_JITTER_US
from estim.desk.qualify.protocol import BENCH, LOAD, protocol_file
from estim.desk.qualify.steps import BenchPlan, BenchStep
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols.loader import load
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.world import World
from estim.safety.errors import UsageError
from estim.safety.limits import ABSOLUTE, DEFAULT
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import OpenLoad, ResistiveLoad
from firmware_sim.scope import FAULTS, Planted, Scope

PULL_AFTER_US = 1_500_000  # a lead, a cable: pulled on the plateau
SIDE_BY_SIDE = 3  # channels of the step that plays several at once
BENCH_FAULTS = ("overlap", "lead-silent", "clips-silent", "wakes-on")
OVERLAP_US = 2_000
CAPTURED = 60  # pulses of one capture: medians and a mean need no more, and files stay small
CAPTURED_PACED = 200  # a usual jitter is a spread, which 60 periods tell to 13 % alone
WATCHED_US = 15_000_000  # of what comes behind the pull; the longest bound of a step is 1 s
CONVERTER_UA = 50  # a plateau's pulses are told from its ramp's by so much


def simulate(
    plan: BenchPlan,
    steps: Sequence[BenchStep],
    folder: Path,
    device: str,
    faults: Sequence[str],
    told: Callable[[str], object],
) -> BenchPlan:
    """Play every step in simulated time with a scope across a shunt; gives the plan with the device's own id.

    Raises:
        UsageError: another model than the plan's, or a fault that can't be planted.
    """
    model = device.removeprefix("sim://").partition("?")[0]
    if model != plan.model:
        raise UsageError(f"--device {device}: the plan is for a {plan.model}")
    on_bench = {fault for fault in faults if fault in BENCH_FAULTS}
    try:
        planted = Planted.read([fault for fault in faults if fault not in on_bench])
    except ValueError as error:
        known = ", ".join((*FAULTS, *BENCH_FAULTS))
        raise UsageError(f"--fault: {str(error).removeprefix('--scope-fault ')}; there are {known}") from None
    typed = readings.load(folder)
    for number, step in enumerate(steps, start=1):
        told(f"{number} of {len(steps)}  {step.id}")
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
    readings.save(folder, typed)
    return plan


def _capture(step: BenchStep, seen: Sequence[Pulse], plan: BenchPlan, folder: Path, planted: Planted) -> None:
    with (folder / f"{step.id}.csv").open("w", encoding="ascii", newline="\n") as file:
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

    def __init__(self, step: BenchStep, plan: BenchPlan, folder: Path, faults: set[str]) -> None:
        together = SIDE_BY_SIDE if step.kind == "together" else 1
        path = protocol_file(step, folder, together)
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
        if self._pulled_us is not None and self.now_us > self._pulled_us + WATCHED_US:
            self.person.done = True  # a RehaStim 1 that was switched off answers nothing until somebody opens its panel
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
        paced = self._step.kind == "rate" and self._step.jitter_us > USUAL_JITTER_US
        return found if self._step.kind == "ramp" else found[: CAPTURED_PACED if paced else CAPTURED]

    def seen(self) -> Iterator[tuple[str, readings.Typed]]:
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

    def _side_by_side(self, seen: list[Pulse]) -> Iterator[tuple[str, readings.Typed]]:
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
