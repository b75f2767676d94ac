"""A world in which things go wrong by plan and people act on a whim, watched from the device's side at every pulse."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from estim.records.simulated import SimulatedWriter
from estim.rehearsal.around import FoundOpen, OddLines
from estim.rehearsal.link import FaultyLink
from estim.rehearsal.moods import MoodyTherapist, Whim
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.stopping import noticed_by_us
from estim.rehearsal.watch import Watch
from estim.rehearsal.world import HEARTBEAT_US, World
from estim.safety.reports import PatientSwitch
from estim.session import events
from estim.session.snapshot import Snapshot
from firmware_sim.devices import tells_of_leads
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import ResistiveLoad
from firmware_sim.faults import BODY, DEVICE, STALLS, Fault, FaultPlan

WORLD_US = 120_000_000
AFTER_US = 6_000_000  # longer than any device's own timer: at the end nothing may pulse any more
LEASE_US = 1_000_001  # heartbeats stay fresh for 1 s
SLOW_DISK_US = 400_000  # times size
JUMP_US = 400_000
SPINS = 200  # turns at one and the same time
SPIN_US = 5_000  # then time goes on at the pace of a real loop
TURN_LATE_US = (10_000, 240_000)  # of a host that stutters; 250 ms would be a fault (L23)
_OHM = {"dry": 3_000, "low-current": 9_000}


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
    damaged: int = 0  # pulses that the device made out of bytes that the wire had changed (rehearsal/damaged.py)


class FaultyWorld(World):
    """One world.

    Args:
        faults: of wire, device, pads and host.
        whims: what people do beside the script.
        stubborn: the therapist resets faults and begins again.
        twitches: the therapist tests the pads at the low rate before levels are found.
    """

    def __init__(
        self,
        plan: RehearsalPlan,
        faults: FaultPlan,
        *,
        whims: tuple[Whim, ...] = (),
        stubborn: bool = False,
        twitches: bool = False,
    ) -> None:
        self.faults, self._whims, self._stubborn, self._twitches = faults, whims, stubborn, twitches
        super().__init__(plan)
        self.watch = Watch(plan, faults.faults, self.device, lambda: self.purpose)
        self._chance = random.Random(plan.seed ^ 0x5EED)
        changes = [(fault.at_us, True, fault) for fault in faults.faults]
        changes += [(fault.end_us, False, fault) for fault in faults.faults if fault.for_us]
        self._changes = sorted(changes, key=lambda change: change[0])
        self._stalled_until_us = self._stutter_until_us = self._silent_until_us = -1
        self._turns, self._turns_us = 0, -1
        self._late_us = self._beat_us = 0
        self._noted: list[events.Event] = []
        self._recorded = False  # a record was open before this turn: a stop goes before the sign-in that opens one
        self._gone = self._left = False
        self._odd = OddLines(faults.faults, plan.seed, functools.partial(self.watch.broken.setdefault, "odd-line"))
        self._bad_pads: Counter[int] = Counter()
        self._open_us: dict[int, int] = {}  # channel → when its lead was found in the air, and it has not played since
        self.link = self.runner.link = FaultyLink(
            self.device, random.Random(self._chance.getrandbits(64)), faults, self.watch.writes, self.watch.arrives
        )
        seen = self.monitor.see

        def watched(pulse: Pulse) -> None:
            seen(pulse)
            self.watch.see(pulse)
            if pulse.peak_ua:
                self._open_us.pop(pulse.channel, None)

        self.device.on_pulse = watched

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
            twitches_first=self._twitches,
        )
        return self.moody

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
            self.watch.wrote(number, kind, fields, now_us)
            return number

        record.append = watched  # type: ignore[method-assign]
        self.record = record
        self.watch.opened()
        return record

    # -- time ---------------------------------------------------------------------------------------------------------

    def _host_us(self) -> int:
        times = [self._changes[0][0]] if self._changes else []
        if self.now_us < self._stalled_until_us:
            times.append(self._stalled_until_us)
            return max(self.now_us, min(times))
        if self._noted:
            return self.now_us
        act_us = self.moody.next_act_us()
        if act_us is not None and self._console_lives():
            times.append(act_us)
        return min([super()._host_us(), *times])

    def _console_lives(self) -> bool:
        return not self._gone and self.now_us >= self._silent_until_us

    def _held_up(self) -> bool:
        self._turns = self._turns + 1 if self.now_us == self._turns_us else 0
        self._turns_us = self.now_us
        if self._turns > (SPINS if "spins" not in self.watch.broken else 2):
            self.watch.broken.setdefault("spins", f"at {self.now_us / 1e6:.4f} s: turn after turn, and none was due")
            self._stalled_until_us = self.now_us + SPIN_US
        while self._changes and self._changes[0][0] <= self.now_us:
            _, begins, fault = self._changes.pop(0)
            if begins:
                self._begin(fault)
            else:
                self._end(fault)
        return self.now_us < self._stalled_until_us

    def _incoming(self) -> list[events.Event]:
        incoming, self._noted = self._noted, []
        self._recorded = self.runner.recording.record is not None
        if self._late_us:
            incoming.append(events.ClockJumped(late_us=self._late_us))
            self._late_us = 0
        if self._console_lives():
            incoming += super()._incoming()
            incoming += self._pressed()
            incoming += self._odd_lines()
            if self.now_us + HEARTBEAT_US == self._heartbeat_us:
                self._beat_us = self.now_us
        else:  # nobody looks and nobody beats; time goes on all the same
            self._heartbeat_us = self._look_us = self.now_us + HEARTBEAT_US
        if self._gone or self._left:
            incoming.append(events.Heartbeat())  # as the controller does while it leaves
        elif self.now_us - self._beat_us >= LEASE_US:
            self._end_output("silent console", self._beat_us + LEASE_US)
        if self.now_us < self._stutter_until_us:
            self._stalled_until_us = self.now_us + self._chance.randrange(*TURN_LATE_US)
        return incoming

    def _pressed(self) -> list[events.Event]:
        act_us = self.moody.next_act_us()
        if act_us is None or act_us > self.now_us:
            return []
        snapshot = self.runner.snapshot()
        self.watch.shown(snapshot.n, self.now_us)
        acts = list(self.moody.pressed(snapshot, self.now_us))
        for at_us, event in acts:
            if isinstance(event, events.Request):
                self.watch.asked[event.id] = event
            pauses = isinstance(event, events.Pause) and not self._weight_bearing()
            if pauses or isinstance(event, events.Stop | PatientSwitch):
                self._end_output(_NAMES[type(event)], max(at_us, self._silent_until_us))
        return [event for _, event in acts]

    def _odd_lines(self) -> list[events.Event]:
        heard = list(self._odd.heard(self.now_us))
        for event in heard:
            if isinstance(event, events.Request):
                self.watch.asked[event.id] = event
            if isinstance(event, events.Stop):
                self._end_output("stop key", self.now_us)
        return heard

    def _act(self, snapshot: Snapshot) -> list[events.Request]:
        self.watch.shown(snapshot.n, self.now_us)
        return super()._act(snapshot)

    def _weight_bearing(self) -> bool:
        cleared = self.engine.cleared
        return cleared is not None and cleared.schedule.weight_bearing

    def _load(self, request: events.Request) -> events.Event | None:
        self.watch.asked[request.id] = request
        return super()._load(request)

    # -- faults -------------------------------------------------------------------------------------------------------

    def _begin(self, fault: Fault) -> None:
        kind = fault.kind
        self.device.advance(self.now_us)
        if kind in DEVICE:
            self.device.inject(DeviceEvent(kind, fault.size if kind == "refuse" else 1), self.now_us)
            self.watch.lawful.lying = self.watch.lawful.lying or kind == "ignore-update"
        elif kind in BODY:
            load = (
                FoundOpen(functools.partial(self._open_seen, fault.channel))
                if kind == "lead-off"
                else ResistiveLoad(_OHM[kind])
            )
            self.device.set_load(fault.channel, load)
            self._bad_pads[fault.channel] += 1
            self.watch.lawful.pads_changed(fault.channel, self.now_us, right=False)
        if kind in {"vanish", "restart"}:
            self._end_output(kind, self.now_us)
        elif kind in STALLS:
            self._stalled_until_us = max(self._stalled_until_us, fault.end_us)
            self._late_us = max(self._late_us, fault.for_us)
            self._end_output(kind, self.now_us)
        elif kind == "stutter":
            self._stutter_until_us = fault.end_us
        elif kind in {"console-silent", "front-stalled"}:
            if kind == "front-stalled" and self.now_us >= self._heartbeat_us and self._console_lives():
                self._noted, self._beat_us = [*self._noted, events.Heartbeat()], self.now_us  # it beat in time
            self._silent_until_us = max(self._silent_until_us, fault.end_us)
        elif kind in {"console-gone", "signal", "clock-jump"}:
            self._leave(kind)

    def _leave(self, kind: str) -> None:
        self._end_output(kind, self.now_us)
        if kind == "clock-jump":
            self._noted.append(events.ClockJumped(late_us=JUMP_US))
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
            if not self.faults.active("hang", self.now_us):
                self.device.inject(DeviceEvent("resume"), self.now_us)
        elif kind in {"ignore-stop", "ignore-update"}:
            self.device.inject(DeviceEvent(kind, 0), self.now_us)
            if kind == "ignore-update":
                self.watch.lawful.lied()
        elif kind == "front-stalled":  # what was due meanwhile it does at once
            self._heartbeat_us = self.now_us
        elif kind in BODY:
            self.device.set_load(fault.channel, ResistiveLoad())
            self._bad_pads[fault.channel] -= 1
            right = not self._bad_pads[fault.channel]
            self.watch.lawful.pads_changed(fault.channel, self.now_us, right=right)
        if kind in {"silence", "hang"} and self.watch.stops.open:
            by_us = noticed_by_us(fault.at_us, self.faults.faults)
            if fault.end_us > by_us:
                self._end_output(kind, by_us, fed_us=fault.at_us)

    def _open_seen(self, channel: int, at_us: int) -> None:
        """The device itself found a lead in the air: it stops the channel, and its next status says so.

        Unless an update enables the channel before that and it plays: then the device has forgotten (SAFETY.md,
        residual risks).
        """
        if tells_of_leads(self.plan.model):  # one that tells nobody goes on without that channel
            self._open_us.setdefault(channel, at_us)

    def _expect_lead_off(self) -> None:
        if not self.watch.stops.open:
            self._open_us.clear()  # it was stopped: whoever starts again opens the level anew
        by_us = {channel: noticed_by_us(at_us, self.faults.faults) for channel, at_us in self._open_us.items()}
        if not any(self.now_us >= us for us in by_us.values()):
            return
        self.device.advance(self.now_us)  # a pulse that played takes the claim back
        for channel in list(self._open_us):
            if self.now_us >= by_us[channel]:
                del self._open_us[channel]
                if self.watch.stops.open:
                    self._end_output("lead-off", by_us[channel])

    def _end_output(self, cause: str, at_us: int, *, fed_us: int | None = None) -> None:
        self.watch.end_output(cause, at_us, self.now_us, fed_us=fed_us)

    # -- the whole ----------------------------------------------------------------------------------------------------

    def _turned(self) -> None:
        self._expect_lead_off()
        record = self.record if self.runner.recording.record is not None else None  # closed ones are not asked any more
        self.watch.turned(self.engine, record, self.now_us)

    def _hear(self) -> None:
        if self.runner.recording.answers:
            self.device.advance(self.now_us)
            for reply in self.runner.recording.answers:
                recording = self._recorded and self.runner.recording.record is not None
                self.watch.heard(reply, self.now_us, recording=recording)
        super()._hear()

    def play(self, for_us: int = WORLD_US) -> Verdict:
        """The whole world and a while after it."""
        self.run_until(for_us)
        outcome = self.person.outcome or self.engine.outcome or self.engine.phase.value
        if not self._gone:
            self._leave("console-gone")
        self.run_until(self.now_us + AFTER_US)
        self.device.advance(self.now_us)
        watch = self.watch
        if self.record is not None:
            watch.judge_record(self.record.data, self._signer.public_hex)
        return Verdict(
            self.plan.seed, watch.broken, outcome, self.now_us, len(watch.pulses), watch.causes, watch.stops.worst_us,
            watch.damaged.pulses if watch.damaged is not None else 0,
        )  # fmt: skip


_NAMES = {events.Stop: "stop key", events.Pause: "pause key", PatientSwitch: "patient's switch"}
