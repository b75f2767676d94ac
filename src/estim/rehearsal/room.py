"""What stands beside a rehearsed patient: who presses the key or the switch, walks, cycles, or makes an effort.

It does what the present phase waits for, again and again, drawn from the seed: so that a triggered protocol is
rehearsed to its end like any other.
The effort is the virtual patient's own EMG (`firmware_sim.body`), fetched as messages of the side channel and parsed by
the same code that serves a real bridge.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from itertools import pairwise

from estim.drivers.side import parse_line
from estim.protocols.gait import GAIT, SLOW_STEPS_PER_MIN, stride_us
from estim.safety.reports import CrankAngle, PatientSwitch, Report, SensorEvent
from estim.safety.schedule import PhasePlan, Trigger
from firmware_sim.body.room import CHANNELS, Room, make_room, names
from firmware_sim.devices.interface import Pulse, SimulatedDevice

STRIDE_JITTER = 0.03
FIRST_US = 1_000_000  # nobody begins before a second has passed
DUTY = 0.5  # share of the time that a key or switch asks for: well below L20's bound for triggered output
EFFORT_US = 1_500_000
JOIN_PERCENT = 60  # of a full effort: submaximal, as one works along (convention)
LET_GO_US = 400_000  # longer than any period of a fused contraction: then the next pulse begins another one
EFFORT_AFTER_US = (2_000_000, 6_000_000)  # once a new effort would be heard
CRANK_EVERY_US = 20_000
EMG_EVERY_US = 50_000  # the body's own batches
DEGREES = 360
FEELS_EVERY_US = 200_000  # how often the body says what it feels, and shows its force
EMG_PATIENT = "stroke"


def profiles() -> tuple[str, ...]:
    """The virtual patients by name."""
    return names()


@dataclass(slots=True)
class RehearsedRoom:
    """A room for `Runner`: `poll` gives what was said since, `next_us` when there will be something.

    Args:
        profile: the virtual patient who feels, speaks and presses the switch; "" leaves all that out, and an EMG that
            is waited for is that of `EMG_PATIENT`.
        cadence_per_min: turns of the crank, or steps; None: the protocol's turns, and a slow walker's steps.

    Attributes:
        body: the virtual patient, once there is one.
        shows_force: somebody looks at the muscle's force; else it is not worked out.
        resting: nobody presses, walks or tries: noise alone is left.
        presses: the key should be pressed now; whoever drives the session takes it away.
        joins: what plays now asks the patient to pull with it.
        efforts: when the patient began an effort, in µs. Who shall join pulls with the current, who shall try first
            tries before it, who shall relax or is asked nothing never pulls.
    """

    seed: int
    profile: str = ""
    cadence_per_min: int | None = None
    body: Room | None = None
    shows_force: bool = False
    resting: bool = False
    presses: bool = False
    efforts: list[int] = field(default_factory=list)
    joins: bool = False
    _felt_us: int = -1 << 40
    _phase: PhasePlan | None = None
    _script: list[tuple[int, str]] = field(default_factory=list)
    _next_us: int | None = None
    _emg_us: int = 0
    _began_us: int = 0
    _reports: list[Report] = field(default_factory=list)
    _chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._chance.seed(f"room {self.seed}")
        if self.profile:
            self.body = make_room(self.profile, self.seed)

    def attach(self, device: SimulatedDevice) -> None:
        """Put the patient's skin on the electrodes."""
        if self.body is not None:
            for channel in range(1, CHANNELS + 1):
                device.set_load(channel, self.body.load(channel))

    def on_pulse(self, pulse: Pulse) -> None:
        """The body feels it, and its EMG shows it; who shall join pulls as soon as the current is felt."""
        if self.joins and not self._hears_emg() and pulse.t_us - self._felt_us > LET_GO_US:
            self.efforts.append(pulse.t_us)
            if self.body is not None:
                self.body.handle({"type": "effort", "percent": JOIN_PERCENT, "seconds": EFFORT_US / 1e6})
        self._felt_us = pulse.t_us
        if self.body is not None:
            self.body.on_pulse(pulse)

    def look(self, phase: PhasePlan | None, now_us: int) -> None:
        """See which phase waits for somebody now, and do what it waits for when its time has come."""
        if phase is not self._phase:
            self._phase, self._script = phase, []
            self._next_us = None if phase is None else now_us + FIRST_US
            self._began_us = now_us + FIRST_US
        if self.body is None and self._hears_emg():
            self.body = make_room(EMG_PATIENT, self.seed)
        if self._next_us is not None and now_us >= self._next_us:
            if phase is None or phase.trigger is None or self.resting:
                self._next_us = None
            else:
                self._act(phase, phase.trigger, now_us)
        if self.body is not None and now_us >= self._emg_us:
            hears = self._hears_emg()
            self._emg_us = now_us + (EMG_EVERY_US if hears else FEELS_EVERY_US)
            self.body.shows_emg, self.body.shows_force = hears, self.shows_force
            self.body.advance(now_us)
            for message in self.body.messages():
                if self.profile or message["type"] == "emg":
                    report = parse_line(json.dumps(message).encode())
                    self._reports += [report] if report is not None else []

    def feels(self, now_us: int) -> bool:
        """A body takes the pulses of the last moments in, at this look."""
        return self.body is not None and now_us >= self._emg_us

    def next_us(self) -> int | None:
        """When `look` has something to do."""
        due = [self._next_us] if self._next_us is not None else []
        if self.body is not None and (self.profile or self._hears_emg()):
            due.append(self._emg_us)
        return min(due, default=None)

    def poll(self) -> list[Report]:
        """What was said since."""
        said, self._reports = self._reports, []
        return said

    def hear(self, report: Report) -> None:
        """A sensor beside the room says something."""
        self._reports.append(report)

    def send(self, message: object) -> None:
        """Something is done in the room."""
        if self.body is not None and isinstance(message, dict):
            self.body.handle(message)

    def close(self) -> None:
        """Nobody is there any more."""
        self.resting = True

    def _hears_emg(self) -> bool:
        return self._phase is not None and self._phase.mode == "emg-triggered"

    def _act(self, phase: PhasePlan, trigger: Trigger, now_us: int) -> None:
        if trigger.source == "key":
            self.presses = True
            self._next_us = now_us + _period_us(phase, trigger)
        elif trigger.source == "switch":
            self._switch(phase, trigger, now_us)
        elif trigger.source == "sensor":
            self._step(phase, now_us)
        elif trigger.source == "crank":
            turns_per_min = self.cadence_per_min or trigger.cadence_rpm or 1
            turned = (now_us - self._began_us) * turns_per_min * DEGREES / 60_000_000
            self._reports.append(CrankAngle(deg=int(turned) % DEGREES))
            self._next_us = now_us + CRANK_EVERY_US
        elif self.body is not None:
            held_us = trigger.max_on_us * 3 // 4 if trigger.hold else EFFORT_US
            effort = {"type": "effort", "percent": 100, "seconds": held_us / 1e6, "limb": trigger.emg_side}
            self.body.handle(effort)
            self.efforts.append(now_us)
            deaf_us = _longest_us(phase) + max(trigger.lockout_us, trigger.refractory_us)
            self._next_us = now_us + deaf_us + self._chance.randrange(*EFFORT_AFTER_US)

    def _switch(self, phase: PhasePlan, trigger: Trigger, now_us: int) -> None:
        down = not self._script
        self._reports.append(PatientSwitch(pressed=down))
        held_us = trigger.max_on_us * 3 // 4
        self._script = [(0, "held")] if down else []
        self._next_us = now_us + (held_us if down else _period_us(phase, trigger) - held_us)

    def _step(self, phase: PhasePlan, now_us: int) -> None:
        """The next event of the stride; a new stride where the last one is over."""
        if self._script:
            self._reports.append(SensorEvent(name=self._script.pop(0)[1]))
        if not self._script:
            usual_us = stride_us(self.cadence_per_min or SLOW_STEPS_PER_MIN)
            whole_us = round(usual_us * self._chance.uniform(1 - STRIDE_JITTER, 1 + STRIDE_JITTER))
            at = {name: round(share * whole_us) for name, share in _events(phase).items()}
            self._script = sorted((at_us, name) for name, at_us in at.items())
            self._script = [(after - before, name) for (before, _), (after, name) in _paired(self._script)]
            self._next_us = now_us + max(1, whole_us - sum(gap_us for gap_us, _ in self._script))
        else:
            self._next_us = now_us + max(1, self._script[0][0])


def _paired(script: list[tuple[int, str]]) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    """Each event with the one before it; the first with itself."""
    return [(script[0], script[0]), *pairwise(script)] if script else []


def _events(phase: PhasePlan) -> dict[str, float]:
    """The events that the phase's windows wait for, as shares of a stride; names that are not of gait by their role."""
    found: dict[str, float] = {}
    for window in phase.windows:
        begin, end = window.trigger_on, window.trigger_off
        found[begin] = GAIT.get(begin, 0.3)
        if end and end != "timeout":
            found[end] = GAIT.get(end, 0.7)
    return found


def _longest_us(phase: PhasePlan) -> int:
    return max(window.offset_us + window.max_on_us for window in phase.windows)


def _period_us(phase: PhasePlan, trigger: Trigger) -> int:
    """From one press to the next: contraction, refractory time, and rest enough."""
    longest_us = _longest_us(phase)
    on_us = max(window.max_on_us for window in phase.windows)
    return max(longest_us + trigger.refractory_us + 500_000, round(on_us / DUTY))
