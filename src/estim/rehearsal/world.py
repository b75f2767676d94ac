"""Rehearsal: a whole session in simulated time. The same engine, kernel, driver and runner as a real one, in one
process with the simulated firmware, under a virtual clock. A seed reproduces it to the last byte of its record.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

from estim.controller.interface import ConfigureFrom
from estim.controller.loading import load_for
from estim.controller.runner import Runner
from estim.desk.script import ScriptedTherapist
from estim.drivers.models import MODELS
from estim.records.keys import Signer, seeded_signer
from estim.records.simulated import SimulatedWriter
from estim.rehearsal.link import SimulatedLink
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.room import RehearsedRoom
from estim.safety.errors import ProtocolError
from estim.session import events
from estim.session.effects import Reply
from estim.session.engine import SessionEngine
from estim.session.snapshot import Snapshot
from estim.session.state import Phase
from estim.version import software
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import Pulse
from firmware_sim.monitor import Monitor

HEARTBEAT_US = 100_000  # with the first turn from then on; fronts beat so often (docs/decisions/processes.md)
BEAT_ALONE_US = 550_000  # or in a turn of its own: a beat lasts 1 s, and a device is asked every 450 ms anyway
SLACK_US = 450_000  # so long a look that need not be on time waits for a turn that is made anyway: for the next poll
LOOK_US = 100_000  # how often the scripted person looks at the screen
WATCH_US = 1_000_000  # while the therapy runs by itself
CLOSE_US = 5_000_000
TIME_MAX_US = 4 * 3600 * 1_000_000
UTC = ""  # a rehearsal has no wall time: it is listed as one, not as a session of some day


class World:
    """One rehearsal. `run` plays it; the parts are attributes so that checkers can look at them."""

    def __init__(self, plan: RehearsalPlan) -> None:
        self.plan = plan
        self.now_us = 0
        chance = random.Random(plan.seed)
        self.device = make_device(plan.model, seed=plan.seed)
        self.purpose = "titration"
        self.monitor = Monitor(file=plan.pulses, purpose=lambda: self.purpose)
        self.room = RehearsedRoom(
            seed=plan.seed, profile=plan.patient_profile, cadence_per_min=plan.setup.cadence_per_min
        )
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
            self.runner.recording.record is not None
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
            if self.room.feels(
                self.now_us
            ):  # what came until now; a body that gets its pulses late has no force between
                self.device.advance(self.now_us)
            played = self.engine.played
            waits = played is not None and played.trigger is not None
            self.room.look(self.engine.awaited if waits else None, self.now_us)
            self.room.joins = played is not None and played.effort == "join"
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
            incoming.append(events.PressTrigger(id=self.person.next_id()))
        return incoming

    def _held_up(self) -> bool:
        """The host does not come to its turn now; for faults."""
        return False

    def _turned(self) -> None:
        """After each turn; for checkers."""

    def _host_us(self) -> int:
        """When the host has something to look at: answers, people, the disk, its own deadline."""
        due = [self._heartbeat_us - HEARTBEAT_US + BEAT_ALONE_US, self._look_us + (SLACK_US if self._calm else 0)]
        if (at_us := self.room.next_us()) is not None:
            due.append(at_us)
        if self._due_us is not None:
            due.append(self._due_us)
        if self.link.to_host:
            due.append(self.link.to_host[0][0])
        record = self.record if self.runner.recording.record is not None else None
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
            return replace(request, utc=UTC, software=software(), patient_flags=self.plan.patient_flags)
        if not isinstance(request, ConfigureFrom):
            return request
        try:
            return load_for(request, own=self.plan.own)
        except ProtocolError as error:
            self.person.replied(Reply(id=request.id, accepted=False, problems=error.problems))
            return None

    def _hear(self) -> None:
        for reply in self.runner.take_replies():
            self.person.replied(reply)
            if not reply.accepted or reply.id:
                self._look_us, self._calm = self.now_us, False  # an answer is looked at at once
