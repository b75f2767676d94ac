"""Worlds: rehearsals with faults and a moody therapist, all drawn from a seed, watched from the device's side."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from estim.records.chain import read
from estim.records.simulated import SimulatedWriter
from estim.rehearsal.invariants import DEVICE_TIMER_US, STOP_US, Checker
from estim.rehearsal.world import HEARTBEAT_US, Plan, SimulatedLink, World
from estim.safety.errors import LinkLost
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.snapshot import Snapshot
from estim.session.state import Phase
from firmware_sim.devices.interface import DeviceEvent
from firmware_sim.devices.load_port import OpenLoad, ResistiveLoad
from firmware_sim.faults import DEVICE, WIRE, Fault, FaultPlan, FaultyWire

WORLD_US = 120_000_000
AFTER_US = 6_000_000  # longer than any device's own timer: at the end nothing may pulse any more
SILENT_US = 1_300_000  # heartbeats are 250 ms apart and stay fresh for 1 s
MOODS = ("lower", "cut", "pause", "stop", "raise", "early", "nothing")


class FaultyLink(SimulatedLink):
    """The simulated wire under a fault plan."""

    def __init__(self, world: World, delays: random.Random, plan: FaultPlan) -> None:
        super().__init__(world.device, delays)
        self._plan = plan
        self._out = FaultyWire(plan, delays.getrandbits(32))
        self._back = FaultyWire(plan, delays.getrandbits(32))

    def write(self, data: bytes) -> None:
        """Bytes for the device, if they get there."""
        if self._plan.active("vanish", self.now_us):
            raise LinkLost("unplugged")
        for delay_us, piece in self._out.take(data, self.now_us):
            at_us = self.now_us + delay_us + self._delays.randint(200, 900)
            if self.to_device:
                at_us = max(at_us, self.to_device[-1][0])
            self.to_device.append((at_us, piece))

    def read(self) -> bytes:
        """Answers, if they come back."""
        if self._plan.active("vanish", self.now_us):
            raise LinkLost("unplugged")
        return super().read()

    def answer(self, data: bytes, at_us: int) -> None:
        """An answer on its way back."""
        for delay_us, piece in self._back.take(data, at_us):
            super().answer(piece, at_us + delay_us)


@dataclass(slots=True)
class Verdict:
    """One world: what broke, how it ended."""

    seed: int
    broken: dict[str, str] = field(default_factory=dict)
    outcome: str = ""
    simulated_us: int = 0
    pulses: int = 0


class FaultyWorld(World):
    """A world in which things go wrong by plan, and whose therapist acts on a whim."""

    def __init__(self, plan: Plan, faults: FaultPlan, *, moody: bool = True) -> None:
        super().__init__(plan)
        self.faults = faults
        self.checker = Checker()
        self._chance = random.Random(plan.seed ^ 0x5EED)
        self._whim_us = self._chance.randrange(5_000_000, 60_000_000) if moody else 1 << 60
        self._started: set[int] = set()
        self._over: set[int] = set()
        self._silenced: set[int] = set()
        self._phase = Phase.DISCONNECTED
        self._gone = False
        self._last_peaks: dict[int, int] = {}
        link = FaultyLink(self, random.Random(self._chance.getrandbits(64)), faults)
        self.link = self.runner.link = link
        seen = self.monitor.see

        def watch(pulse: Any) -> None:
            seen(pulse)
            self.checker.see(pulse)

        self.device.on_pulse = watch

    def _open_record(self, _patient_id: str) -> SimulatedWriter:
        slow = tuple((f.at_us, f.end_us, 50_000 * f.size) for f in self.faults.faults if f.kind == "slow-disk")
        full = next((f.at_us for f in self.faults.faults if f.kind == "full-disk"), None)
        self.record = SimulatedWriter(
            self.plan.folder, signer=self._signer, seed=self._disk_seed, slow=slow, fail_at_us=full
        )
        append = self.record.append

        def watched(kind: str, fields: Any, now_us: int, *, durable: bool = False) -> int:
            if kind == "authorise":
                peaks = {entry["channel"]: entry["peak_ua"] for entry in fields["channels"]}
                for channel, peak_ua in peaks.items():
                    self.checker.ceilings_ua[channel] = max(peak_ua, self._last_peaks.get(channel, 0))
                self._last_peaks = peaks
            return append(kind, fields, now_us, durable=durable)

        self.record.append = watched  # type: ignore[method-assign]
        return self.record

    def _next_us(self) -> int:
        times = [f.at_us for i, f in enumerate(self.faults.faults) if i not in self._started]
        times += [f.at_us + SILENT_US for f in self.faults.faults if f.kind == "console-silent"]
        times += [f.end_us for i, f in enumerate(self.faults.faults) if i in self._started and i not in self._over]
        times.append(self._whim_us)
        later = [at for at in times if at > self.now_us]
        return min([super()._next_us(), *later])

    def _incoming(self) -> list[events.Event]:
        incoming = list(self._host_faults())
        if not self._gone and not self.faults.active("console-silent", self.now_us):
            return incoming + super()._incoming()
        # Nobody looks and nobody beats; time goes on all the same.
        self._heartbeat_us = self._look_us = self.now_us + HEARTBEAT_US
        if self._gone:
            incoming.append(events.Heartbeat())
        return incoming

    def _host_faults(self) -> Iterator[events.Event]:
        for index, fault in enumerate(self.faults.faults):
            if index not in self._started and self.now_us >= fault.at_us:
                self._started.add(index)
                yield from self._begin(fault)
            elif index in self._started and index not in self._over and self.now_us >= fault.end_us:
                self._over.add(index)
                self._end(fault)
        for index, fault in enumerate(self.faults.faults):
            silent = fault.kind == "console-silent" and fault.for_us > SILENT_US
            if silent and index not in self._silenced and self.now_us >= fault.at_us + SILENT_US:
                self._silenced.add(index)
                self._stop_asked()
        self.checker.lawless = self.faults.active("ignore-stop", self.now_us) or self._ignored(self.now_us)
        obeys = not any(
            fault.kind in {*WIRE, *DEVICE}
            and fault.at_us - DEVICE_TIMER_US <= self.now_us <= fault.end_us + DEVICE_TIMER_US
            for fault in self.faults.faults
        )
        self.checker.stop_allowed_us = STOP_US if obeys else DEVICE_TIMER_US + STOP_US

    def _ignored(self, now_us: int) -> bool:
        """While the device ignores updates, and for as long as it may go on with an old one."""
        return any(
            fault.kind in {"ignore-update", "ignore-stop"}
            and fault.at_us <= now_us <= fault.end_us + 2 * DEVICE_TIMER_US
            for fault in self.faults.faults
        )

    def _begin(self, fault: Fault) -> Iterator[events.Event]:
        if fault.kind in {"restart", "hang", "refuse", "ignore-stop", "ignore-update"}:
            self.device.inject(DeviceEvent(fault.kind, fault.size if fault.kind == "refuse" else 1), self.now_us)
        elif fault.kind == "lead-off":
            self.device.advance(self.now_us)
            self.device.set_load(fault.channel, OpenLoad())
        elif fault.kind in {"dry", "low-current"}:
            self.device.advance(self.now_us)
            self.device.set_load(fault.channel, ResistiveLoad(3_000 if fault.kind == "dry" else 9_000))
        elif fault.kind == "late-turn":
            self._stop_asked()
            yield events.ClockJumped(late_us=fault.size * 1_000)
        elif fault.kind == "console-gone":
            self._gone = True
            self._stop_asked()
            yield events.ConsoleGone()

    def _end(self, fault: Fault) -> None:
        if fault.kind == "hang":
            self.device.inject(DeviceEvent("resume"), self.now_us)
        elif fault.kind in {"ignore-stop", "ignore-update"}:
            self.device.inject(DeviceEvent(fault.kind, 0), self.now_us)
        elif fault.kind in {"lead-off", "dry", "low-current"}:
            self.device.advance(self.now_us)
            self.device.set_load(fault.channel, ResistiveLoad())

    def _stop_asked(self) -> None:
        self.device.advance(self.now_us)
        self.checker.stop_us = self.now_us

    def _act(self, snapshot: Snapshot) -> list[events.Request]:
        requests = super()._act(snapshot)
        if self.now_us >= self._whim_us and not requests:
            self._whim_us = self.now_us + self._chance.randrange(2_000_000, 40_000_000)
            whim = self._whim(snapshot)
            if whim is not None:
                return [whim]
        if snapshot.phase is Phase.PAUSED and not requests and self._chance.random() < 0.05:
            return [events.Resume(id=self.person.next_id())]
        return requests

    def _whim(self, snapshot: Snapshot) -> events.Request | None:
        mood = self._chance.choice(MOODS)
        number = self.person.next_id()
        if snapshot.phase not in {Phase.RUNNING, Phase.PAUSED, Phase.ARMED} or not snapshot.channels:
            return None
        if mood == "lower":
            return events.Lower(id=number, channel=snapshot.channels[0].channel)
        if mood == "cut":
            return events.Lower(id=number, percent=20)
        if mood == "raise":
            return events.Raise(id=number, channel=snapshot.channels[0].channel, snapshot_n=snapshot.n)
        if mood == "pause" and snapshot.phase is Phase.RUNNING:
            self._stop_asked()
            return events.Pause(id=number)
        if mood in {"stop", "early"}:
            self._stop_asked()
            self.person.halt()
            return events.Stop(id=number)
        return None

    def _turned(self) -> None:
        core = self.engine.core
        off = core.output is OutputState.OFF
        if off and self.checker.off_since_us is None:
            self.device.advance(self.now_us)  # what fell before the engine knew is lawful
            self.checker.off_since_us = self.now_us
        elif not off:
            self.checker.off_since_us = None
        if core.phase is Phase.RUNNING and self._phase is not Phase.RUNNING:
            self.checker.stop_us = None  # begun anew, by start or resume
        self._phase = core.phase

    def play(self) -> Verdict:
        """The whole world and a while after it."""
        self.run_until(WORLD_US)
        outcome = self.person.outcome or self.engine.core.phase.value
        if not self._gone:
            self._gone = True
            self._stop_asked()
            self.extra.append(events.ConsoleGone())
        begun_us = self.now_us
        self.run_until(begun_us + AFTER_US)
        self.device.advance(self.now_us)
        if self.monitor.last_us > begun_us + AFTER_US - 1_000_000 and not self.checker.lawless:
            self.checker.say("end", f"a pulse at {self.monitor.last_us / 1e6:.3f} s, long after everything ended")
        if self.record is not None:
            reading = read(self.record.data)
            if reading.first_bad is not None:
                self.checker.say("record", reading.reason)
        return Verdict(self.plan.seed, self.checker.broken, outcome, self.now_us, self.checker.pulses)


def play_world(plan: Plan, seed: int) -> Verdict:
    """One world by its seed."""
    faults = FaultPlan.from_seed(seed, until_us=WORLD_US - 20_000_000)
    return FaultyWorld(dataclasses.replace(plan, seed=seed, folder=None, pulses=None), faults).play()


def _play(item: tuple[Plan, int]) -> Verdict:
    return play_world(*item)


def campaign(
    plan: Plan, *, worlds: int, first_seed: int, jobs: int, replay: str, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Many worlds; the document of DESIGN 9.

    Args:
        replay: command line that plays one world again, with `{seed}` in it.
    """
    began = time.perf_counter()
    outcomes: Counter[str] = Counter()
    broken: list[dict[str, Any]] = []
    simulated_us = pulses = 0
    items = [(plan, first_seed + index) for index in range(worlds)]
    with ProcessPoolExecutor(jobs) if jobs > 1 else _Here() as pool:
        for done, verdict in enumerate(pool.map(_play, items, chunksize=8), start=1):
            outcomes[verdict.outcome] += 1
            simulated_us += verdict.simulated_us
            pulses += verdict.pulses
            for name, text in verdict.broken.items():
                broken.append(
                    {"seed": verdict.seed, "invariant": name, "text": text, "replay": replay.format(seed=verdict.seed)}
                )
            if progress is not None:
                progress(done)
    return {
        "worlds": worlds,
        "broken": broken,
        "outcomes": dict(sorted(outcomes.items())),
        "pulses": pulses,
        "simulated_s": simulated_us / 1e6,
        "wall_s": time.perf_counter() - began,
    }


class _Here:
    """A pool of one: this process."""

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def map(self, function: Callable[[Any], Verdict], items: list[Any], chunksize: int) -> Iterator[Verdict]:  # noqa: ARG002
        """One after the other."""
        return map(function, items)
