"""A world in which things go wrong by plan and people act on a whim, watched from the device's side at every pulse."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from estim.records.chain import check_signatures, read
from estim.records.keys import signed_by
from estim.records.simulated import SimulatedWriter
from estim.rehearsal import accounts
from estim.rehearsal.invariants import AtTheElectrode
from estim.rehearsal.lawful import Lawful
from estim.rehearsal.link import FaultyLink
from estim.rehearsal.moods import MoodyTherapist, Whim
from estim.rehearsal.stopping import NOTICE_US, StopWatch
from estim.rehearsal.world import HEARTBEAT_US, Plan, World
from estim.safety.electrodes import electrode_from_cm
from estim.safety.reports import OutputState, PatientSwitch
from estim.session import events
from estim.session.state import Phase
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import OpenLoad, ResistiveLoad
from firmware_sim.faults import BODY, DEVICE, STALLS, Fault, FaultPlan

WORLD_US = 120_000_000
AFTER_US = 6_000_000  # longer than any device's own timer: at the end nothing may pulse any more
LEASE_US = 1_000_001  # heartbeats stay fresh for 1 s
RECORD_US = 2_000_001  # so does the record for 2 s
SLOW_DISK_US = 400_000  # times size
_LOADS = {"lead-off": OpenLoad(), "dry": ResistiveLoad(3_000), "low-current": ResistiveLoad(9_000)}


@dataclass(slots=True)
class Verdict:
    """One world: what broke, how it ended, how long output went on after each cause to end it."""

    seed: int
    broken: dict[str, str] = field(default_factory=dict)
    outcome: str = ""
    simulated_us: int = 0
    pulses: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    worst_us: dict[str, int] = field(default_factory=dict)


class FaultyWorld(World):
    """One world.

    Args:
        faults: of wire, device, pads and host.
        whims: what people do beside the script.
        stubborn: the therapist resets faults and begins again.
    """

    def __init__(
        self, plan: Plan, faults: FaultPlan, *, whims: tuple[Whim, ...] = (), stubborn: bool = False
    ) -> None:
        self.faults, self._whims, self._stubborn = faults, whims, stubborn
        super().__init__(plan)
        self.broken: dict[str, str] = {}
        self.stops = StopWatch(self.broken, plan.model, faults.faults)
        self.lawful = Lawful(self.broken, plan.model, faults.faults)
        sensory = frozenset(channel.channel for channel in plan.setup.channels if channel.name in plan.motor_ua)
        self._electrode = AtTheElectrode(self.broken, _areas(plan), sensory)
        self.pulses: list[Pulse] = []
        self.causes: Counter[str] = Counter()
        self._chance = random.Random(plan.seed ^ 0x5EED)
        changes = [(fault.at_us, True, fault) for fault in faults.faults]
        changes += [(fault.end_us, False, fault) for fault in faults.faults]
        self._changes = sorted(changes, key=lambda change: change[0])
        self._stalled_until_us = -1
        self._late_us = 0
        self._stutter_until_us = -1
        self._silent_until_us = -1
        self._beat_us = 0
        self._noted: list[events.Event] = []
        self._gone = self._left = False
        self._phase = Phase.DISCONNECTED
        self._off_since_us: int | None = None
        self._schedule: object = None
        self._levels: Mapping[int, int] = {}
        self._written: list[tuple[int, dict[int, int]]] = []
        self._failed = self._faulted = False
        self._heard = accounts.Heard()
        self._asked: dict[int, events.Request] = {}
        self._bad_pads: Counter[int] = Counter()
        self.measured_pc: dict[tuple[str, int], int] = defaultdict(int)
        self.link = self.runner.link = FaultyLink(self.device, random.Random(self._chance.getrandbits(64)), faults)
        seen = self.monitor.see

        def watch(pulse: Pulse) -> None:
            seen(pulse)
            self._see(pulse)

        self.device.on_pulse = watch

    def _person(self, next_id: Callable[[], int]) -> MoodyTherapist:
        plan = self.plan
        self.moody = MoodyTherapist(
            source=plan.source,
            setup=plan.setup,
            levels_ua=plan.levels_ua,
            motor_ua=plan.motor_ua,
            next_id=next_id,
            whims=self._whims,
            stubborn=self._stubborn,
        )
        return self.moody

    # -- the record ---------------------------------------------------------------------------------------------------

    def _open_record(self, _patient_id: str) -> SimulatedWriter:
        faults = self.faults.faults
        slow = tuple((f.at_us, f.end_us, SLOW_DISK_US * f.size) for f in faults if f.kind == "slow-disk")
        failing = next((f for f in faults if f.kind in {"full-disk", "failing-fsync"}), None)
        full = failing is None or failing.kind == "full-disk"
        record = SimulatedWriter(
            self.plan.folder,
            signer=self._signer,
            seed=self._disk_seed,
            slow=slow,
            fail_at_us=failing.at_us if failing is not None else None,
            fail_reason="No space left on device" if full else "Input/output error",
        )
        append = record.append

        def watched(kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:
            number = append(kind, fields, now_us, durable=durable)
            self._written_line(number, kind, fields)
            return number

        record.append = watched  # type: ignore[method-assign]
        self.record = record
        self._failed = False
        self._written.clear()
        return record

    def _written_line(self, number: int, kind: str, fields: Mapping[str, object]) -> None:
        if kind == "authorise":
            rows = fields["channels"]
            self._written.append((number, {row["channel"]: row["peak_ua"] for row in rows}))  # type: ignore[attr-defined]
        elif kind == "lowered":
            self.device.advance(self.now_us)
            self.lawful.lowered(int(str(fields["channel"])), int(str(fields["level_ua"])), self.now_us)
        elif kind == "fault":
            if fields["cause"] == "interlock":  # the engine made a command that must never be made
                self.broken.setdefault("tripped", f"at {self.now_us / 1e6:.4f} s: {fields['text']}")

    def _watch_record(self) -> None:
        if self.record is None:
            return
        status = self.record.poll(self.now_us)
        while self._written and self._written[0][0] <= status.durable_n:
            self.device.advance(self.now_us)
            self.lawful.granted(self._written.pop(0)[1], self.now_us)
        if status.failed is not None and not self._failed:
            self._failed = True
            self._end_output("failing record", self.now_us)
        pending_us = status.oldest_pending_since_us
        if pending_us is not None and self.now_us - pending_us >= RECORD_US:
            self._end_output("late record", pending_us + RECORD_US)

    # -- time ---------------------------------------------------------------------------------------------------------

    def _next_us(self) -> int:
        times = [self._changes[0][0]] if self._changes else []
        if self.now_us < self._stalled_until_us:
            times.append(self._stalled_until_us)
            if self.link.to_device:
                times.append(self.link.to_device[0][0])
            return max(self.now_us, min(times))
        if self._noted:
            return self.now_us
        act_us = self.moody.next_act_us()
        if act_us is not None and self._console_lives():
            times.append(act_us)
        return min([super()._next_us(), *times])

    def _console_lives(self) -> bool:
        return not self._gone and self.now_us >= self._silent_until_us

    def _held_up(self) -> bool:
        while self._changes and self._changes[0][0] <= self.now_us:
            _, begins, fault = self._changes.pop(0)
            if begins:
                self._begin(fault)
            elif fault.for_us:
                self._end(fault)
        return self.now_us < self._stalled_until_us

    def _incoming(self) -> list[events.Event]:
        incoming, self._noted = self._noted, []
        if self._late_us:
            incoming.append(events.ClockJumped(late_us=self._late_us))
            self._late_us = 0
        if self._console_lives():
            incoming += super()._incoming()
            incoming += self._pressed()
            if self.now_us + HEARTBEAT_US == self._heartbeat_us:
                self._beat_us = self.now_us
        else:  # nobody looks and nobody beats; time goes on all the same
            self._heartbeat_us = self._look_us = self.now_us + HEARTBEAT_US
        if self._gone or self._left:
            incoming.append(events.Heartbeat())  # as the controller does while it leaves
        elif self.now_us - self._beat_us >= LEASE_US:
            self._end_output("silent console", self._beat_us + LEASE_US)
        if self.now_us < self._stutter_until_us:
            self._stalled_until_us = self.now_us + self._chance.randrange(10_000, 240_000)
        return incoming

    def _pressed(self) -> list[events.Event]:
        act_us = self.moody.next_act_us()
        if act_us is None or act_us > self.now_us:
            return []
        acts = list(self.moody.pressed(self.runner.snapshot(), self.now_us))
        for at_us, event in acts:
            if isinstance(event, events.Request):
                self._asked[event.id] = event
            if isinstance(event, events.Stop | PatientSwitch) or (
                isinstance(event, events.Pause) and not self._weight_bearing()
            ):
                self._end_output(_NAMES[type(event)], max(at_us, self._silent_until_us))
        return [event for _, event in acts]

    def _weight_bearing(self) -> bool:
        cleared = self.engine.core.cleared
        return cleared is not None and cleared.schedule.weight_bearing

    def _load(self, request: events.Request) -> events.Event | None:
        event = super()._load(request)
        self._asked[request.id] = request
        return event

    # -- faults -------------------------------------------------------------------------------------------------------

    def _begin(self, fault: Fault) -> None:
        kind = fault.kind
        self.device.advance(self.now_us)
        if kind in DEVICE:
            self.device.inject(DeviceEvent(kind, fault.size if kind == "refuse" else 1), self.now_us)
            self.lawful.lying = self.lawful.lying or kind == "ignore-update"
        elif kind in BODY:
            self.device.set_load(fault.channel, _LOADS[kind])
            self._bad_pads[fault.channel] += 1
            self.lawful.pads_changed(fault.channel)
        if kind in {"vanish", "restart"}:
            self._end_output(kind, self.now_us)
        elif kind in STALLS:
            self._stalled_until_us = max(self._stalled_until_us, fault.end_us)
            self._late_us = max(self._late_us, fault.for_us)
            self._end_output(kind, self.now_us)
        elif kind == "stutter":
            self._stutter_until_us = fault.end_us
        elif kind == "console-silent":
            self._silent_until_us = max(self._silent_until_us, fault.end_us)
        elif kind in {"console-gone", "signal", "clock-jump"}:
            self._leave(kind)

    def _leave(self, kind: str) -> None:
        self._end_output(kind, self.now_us)
        if kind == "clock-jump":
            self._noted.append(events.ClockJumped(late_us=400_000))
        elif kind == "signal":
            self._left = True
            self._noted.append(events.Signal(name="SIGTERM"))
        else:
            self._gone = True
            self._noted.append(events.ConsoleGone())

    def _end(self, fault: Fault) -> None:
        kind = fault.kind
        self.device.advance(self.now_us)
        if kind == "hang":
            self.device.inject(DeviceEvent("resume"), self.now_us)
        elif kind in {"ignore-stop", "ignore-update"}:
            self.device.inject(DeviceEvent(kind, 0), self.now_us)
            self.lawful.lying = False
        elif kind in BODY:
            self.device.set_load(fault.channel, ResistiveLoad())
            self._bad_pads[fault.channel] -= 1
        if kind in {"silence", "hang"} and fault.for_us > NOTICE_US and self.stops.open:
            self._end_output(kind, fault.at_us + NOTICE_US, fed_us=fault.at_us)

    def _end_output(self, cause: str, at_us: int, *, fed_us: int | None = None) -> None:
        self.device.advance(self.now_us)
        self.stops.asked(cause, at_us, fed_us=fed_us)

    # -- what is seen -------------------------------------------------------------------------------------------------

    def _see(self, pulse: Pulse) -> None:
        self.pulses.append(pulse)
        self.measured_pc[self.purpose, pulse.channel] += pulse.phase1_pc
        self._electrode.see(pulse)
        self.lawful.see(pulse, pads_right=not self._bad_pads[pulse.channel])
        self.stops.see(pulse)
        off_us = self._off_since_us
        if off_us is not None and pulse.t_us > off_us and pulse.peak_ua:
            self.broken.setdefault("off", f"a pulse at {pulse.t_us / 1e6:.4f} s; OFF since {off_us / 1e6:.4f} s")

    def _turned(self) -> None:
        core = self.engine.core
        off = core.output is OutputState.OFF
        if off != (self._off_since_us is not None):
            self.device.advance(self.now_us)  # what fell before the engine knew is lawful
            self._off_since_us = self.now_us if off else None
        if self._phase is Phase.RUNNING and core.phase is not Phase.RUNNING:
            self._end_output(core.cause or core.phase.value, self.now_us)
            self.lawful.returned()
            self.causes[f"{core.phase.value}: {core.cause}"] += 1
        if core.phase is Phase.FAULT:
            self._faulted = True
        self._phase = core.phase
        if core.cleared is not None and core.cleared is not self._schedule:
            self._schedule = core.cleared
            shapes: dict[int, set[tuple[int, int, int, int]]] = defaultdict(set)
            for phase in core.cleared.schedule.phases:
                for w in phase.windows:
                    shapes[w.channel].add((w.pulse_width_us, w.interphase_us, w.period_us, w.burst_pulses))
            self.lawful.cleared({channel: frozenset(known) for channel, known in shapes.items()})
        self._watch_record()

    def _hear(self) -> None:
        for reply in self.runner.replies:
            request = self._asked.pop(reply.id, None)
            if request is None or not reply.accepted:
                continue
            if self.runner.record is not None or isinstance(request, events.Sign):
                self._heard.accepted[type(request).__name__.removesuffix("From")] += 1
            if isinstance(request, events.Start | events.Resume) and self._phase is Phase.RUNNING:
                self._began_again()
        super()._hear()

    def _began_again(self) -> None:
        self.device.advance(self.now_us)
        self.stops.opened()
        if self._faulted:
            self.lawful.forgotten()
        self._faulted = False

    # -- the whole ----------------------------------------------------------------------------------------------------

    def play(self) -> Verdict:
        """The whole world and a while after it."""
        self.run_until(WORLD_US)
        core = self.engine.core
        outcome = self.person.outcome or core.outcome or core.phase.value
        if not self._gone:
            self._leave("console-gone")
        self.run_until(self.now_us + AFTER_US)
        self.device.advance(self.now_us)
        if self.record is not None:
            self._judge_record(self.record)
        return Verdict(
            self.plan.seed, self.broken, outcome, self.now_us, len(self.pulses), self.causes, self.stops.worst_us
        )

    def _judge_record(self, record: SimulatedWriter) -> None:
        reading = read(record.data)
        if reading.first_bad is not None:
            self.broken.setdefault("record", reading.reason)
            return
        entries, faults = reading.entries, self.faults.faults
        public = self._signer.public_hex
        wrong, reason = check_signatures(entries, lambda _id, message, made: signed_by(public, message, made))
        found = {
            "record": reason if wrong is not None else "",
            "closed": "" if entries[-1].kind == "seal" else "the record was never sealed",
            "missing": accounts.missing(entries, self._heard),
            "off-in-record": accounts.off_and_pulsing(entries, self.pulses),
            "charge": accounts.unexplained(entries, self.pulses, faults),
            "dose": accounts.dose_differs(entries, self.measured_pc, faults, self.pulses),
        }
        for name, text in found.items():
            if text:
                self.broken.setdefault(name, text)


_NAMES = {events.Stop: "stop key", events.Pause: "pause key", PatientSwitch: "patient's switch"}


def _areas(plan: Plan) -> dict[int, int]:
    """Device channel → area of its smaller pad in mm²; a simulated pad may be the protocol's own, then 1 dm²."""
    areas = {}
    for channel in plan.setup.channels:
        pads = channel.pads_cm or ((10.0, 10.0), (10.0, 10.0))
        areas[channel.channel] = min(electrode_from_cm("pad", pad).area_mm2 for pad in pads)
    return areas
