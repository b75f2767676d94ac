"""Rehearsal: a whole session in simulated time. The same engine, kernel, driver and runner as a real one, in one
process with the simulated firmware, under a virtual clock. A seed reproduces it to the last byte of its record.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from estim.controller.interface import ConfigureFrom
from estim.controller.loading import load_for
from estim.controller.runner import Runner
from estim.controller.script import ScriptedTherapist
from estim.controller.summary import agrees, channels_json
from estim.drivers.models import MODELS
from estim.protocols.setup import Setup
from estim.records.keys import Signer, seeded_signer
from estim.records.simulated import SimulatedWriter
from estim.rehearsal.link import SimulatedLink
from estim.rehearsal.room import RehearsedRoom
from estim.safety.errors import Problem, ProtocolError, UsageError
from estim.safety.limits import Limits
from estim.session import events
from estim.session.effects import Reply
from estim.session.engine import SessionEngine
from estim.session.snapshot import Snapshot
from estim.session.state import Phase
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import read_plan
from firmware_sim.monitor import Monitor, Output

HEARTBEAT_US = 250_000  # with the first turn from then on
SLACK_US = 200_000  # what need not be on time waits so long for a turn that is made anyway
LOOK_US = 100_000  # how often the scripted person looks at the screen
WATCH_US = 1_000_000  # while the therapy runs by itself
CLOSE_US = 5_000_000
TIME_MAX_US = 4 * 3600 * 1_000_000
UTC = "2000-01-01T00:00:00Z"  # a rehearsal has no wall time


@dataclass(slots=True, kw_only=True)
class Plan:
    """What to rehearse.

    Attributes:
        folder: where the record goes; None keeps it in memory.
        pulses: gets every pulse as a CSV row.
        limits: absolute & site.
        patient_profile: the virtual patient on the electrodes; "" is a plain resistor.
    """

    source: str
    setup: Setup
    levels_ua: dict[str, int]
    motor_ua: dict[str, int]
    model: str = "p24"
    seed: int = 0
    limits: Limits
    folder: Path | None = None
    own: Path | None = None
    pulses: TextIO | None = None
    patient_profile: str = ""


@dataclass(slots=True)
class Rehearsed:
    """How it went: the JSON of DESIGN 9, and the record's bytes."""

    report: dict[str, Any]
    data: bytes
    problems: list[Problem] = field(default_factory=list)


class World:
    """One rehearsal. `run` plays it; the parts are attributes so that checkers can look at them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.now_us = 0
        chance = random.Random(plan.seed)
        self.device = make_device(plan.model, seed=plan.seed)
        self.purpose = "titration"
        self.monitor = Monitor(file=plan.pulses, purpose=lambda: self.purpose)
        self.room = RehearsedRoom(seed=plan.seed, profile=plan.patient_profile)
        self.room.attach(self.device)
        self.device.on_pulse = self._feel
        self.link = SimulatedLink(self.device, random.Random(chance.getrandbits(64)))
        model = MODELS[plan.model]
        self.engine = SessionEngine(model.profile, plan.limits, simulated=True)
        self._signer: Signer = seeded_signer(plan.seed)
        self._disk_seed = chance.getrandbits(32)
        self.record: SimulatedWriter | None = None
        self.runner = Runner(
            self.engine,
            model.make(),
            self.link,
            clock=lambda: self.now_us,
            open_record=self._open_record,
            room=self.room,
        )
        self.runner.on_purpose = self._note_purpose
        numbers = itertools.count(1)
        self.person = self._person(lambda: next(numbers))
        self.extra: list[events.Event] = []
        self._started_up = False
        self._due_us: int | None = 0
        self._heartbeat_us = 0
        self._look_us = 0
        self._calm = False

    def _person(self, next_id: Callable[[], int]) -> ScriptedTherapist:
        return ScriptedTherapist(
            source=self.plan.source,
            setup=self.plan.setup,
            levels_ua=self.plan.levels_ua,
            motor_ua=self.plan.motor_ua,
            next_id=next_id,
        )

    def _open_record(self, _patient_id: str) -> SimulatedWriter:
        self.record = SimulatedWriter(self.plan.folder, signer=self._signer, seed=self._disk_seed)
        return self.record

    def _feel(self, pulse: Pulse) -> None:
        self.monitor.see(pulse)
        self.room.on_pulse(pulse)

    def _note_purpose(self, purpose: str) -> None:
        self.device.advance(self.now_us)
        self.purpose = purpose

    def run(self) -> None:
        """Play to the end of the script, or until nothing can happen any more."""
        self.run_until(TIME_MAX_US)
        if (
            self.runner.record is not None
        ):  # a fault or a loss ended the script: the controller closes the record itself
            self.extra.append(events.ConsoleGone())
            self.run_until(self.now_us + CLOSE_US)
        self.device.advance(self.now_us)

    def run_until(self, end_us: int) -> None:
        """Play until `end_us`, or until the script is done (then no further)."""
        if not self._started_up:
            self._started_up = True
            self.runner.start()
        while self.now_us < end_us and not (self.person.done and not self.extra and end_us == TIME_MAX_US):
            host_us = self._host_us()
            self.now_us = min(end_us, max(self.now_us, min(host_us, self.link.reaches_device_us())))
            self.link.now_us = self.now_us
            self.link.deliver()
            if self.now_us < host_us or self._held_up():
                continue  # what reaches the device wakes nobody here
            self.room.look(self.engine.core, self.now_us)
            incoming = self._incoming()
            incoming += self.extra
            self.extra.clear()
            self._due_us = self.runner.turn(incoming)
            self._turned()
            self._hear()

    def _incoming(self) -> list[events.Event]:
        incoming: list[events.Event] = []
        if self.now_us >= self._heartbeat_us:
            self._heartbeat_us = self.now_us + HEARTBEAT_US
            incoming.append(events.Heartbeat())
        if self.now_us >= self._look_us:
            incoming += self._look()
        if self.room.presses:
            self.room.presses = False
            incoming.append(events.Trigger(id=self.person.next_id()))
        return incoming

    def _held_up(self) -> bool:
        """The host does not come to its turn now; for faults."""
        return False

    def _turned(self) -> None:
        """After each turn; for checkers."""

    def _host_us(self) -> int:
        """When the host has something to look at: answers, people, the disk, its own deadline."""
        due = [self._heartbeat_us + SLACK_US, self._look_us + (SLACK_US if self._calm else 0)]
        if (at_us := self.room.next_us()) is not None:
            due.append(at_us)
        if self._due_us is not None:
            due.append(self._due_us)
        if self.link.to_host:
            due.append(self.link.to_host[0][0])
        record = self.record if self.runner.record is not None else None
        if record is not None and (at_us := record.next_deadline_us()) is not None:
            due.append(at_us)
        return min(due)

    def _look(self) -> list[events.Event]:
        snapshot = self.runner.snapshot()
        self._calm = self.person.done or (snapshot.phase is Phase.RUNNING and snapshot.purpose == "therapy")
        self._look_us = self.now_us + (WATCH_US if self._calm else LOOK_US)
        return [event for request in self._act(snapshot) if (event := self._load(request)) is not None]

    def _act(self, snapshot: Snapshot) -> list[events.Request]:
        return self.person.act(snapshot)

    def _load(self, request: events.Request) -> events.Event | None:
        if isinstance(request, events.SignIn):
            return events.SignIn(id=request.id, operator=request.operator, patient_id=request.patient_id, utc=UTC)
        if not isinstance(request, ConfigureFrom):
            return request
        try:
            return load_for(request, own=self.plan.own)
        except ProtocolError as error:
            self.person.replied(Reply(id=request.id, accepted=False, problems=error.problems))
            return None

    def _hear(self) -> None:
        replies, self.runner.replies = self.runner.replies, []
        for reply in replies:
            self.person.replied(reply)
            if not reply.accepted or reply.id:
                self._look_us, self._calm = self.now_us, False  # an answer is looked at at once


def rehearse(plan: Plan, *, faults: str | None = None) -> Rehearsed:
    """Play `plan`; gives the report of DESIGN 9 (`record_verified` is filled in by who can read the folder).

    Args:
        faults: a fault plan's file, or `seed:N`.

    Raises:
        UsageError: not a fault plan.
    """
    began = time.perf_counter()
    if faults is None:
        world = World(plan)
    else:
        from estim.rehearsal.faulty import FaultyWorld  # noqa: PLC0415 - it builds on this module

        try:
            world = FaultyWorld(plan, read_plan(faults))
        except ValueError as error:
            raise UsageError(str(error)) from None
    world.run()
    core = world.engine.core
    measured: dict[int, Output] = {
        channel: output for (purpose, channel), output in world.monitor.channels.items() if purpose == "therapy"
    }
    titrated: dict[int, Output] = {
        channel: output for (purpose, channel), output in world.monitor.channels.items() if purpose == "titration"
    }
    refused = [problem for problem in world.person.refused if isinstance(problem, Problem)]
    outcome = world.person.outcome or core.outcome or "stopped"
    rows = channels_json(core, "therapy", measured) if core.purpose == "therapy" else []
    report: dict[str, Any] = {
        "outcome": outcome,
        "simulated": True,
        "protocol": core.protocol.id if core.protocol is not None else plan.source,
        "record": str(plan.folder) if plan.folder is not None and world.record is not None else None,
        "record_verified": False,
        "contractions": core.contractions_done,
        "channels": rows,
        "dose_agrees": agrees(rows),
        "titration": channels_json(core, "titration", titrated) if core.cleared is not None else [],
        "bends": [bend.to_json() for bend in (core.cleared.schedule.bends if core.cleared is not None else ())],
        "problems": [problem.to_json() for problem in refused],
        "alarms": [alarm.text for alarm in core.alarms.values()],
        "seed": plan.seed,
        "word_head": world.runner.word_head,
        "simulated_s": world.now_us / 1_000_000,
        "wall_s": time.perf_counter() - began,
    }
    return Rehearsed(report, world.record.data if world.record is not None else b"", refused)
