"""The world that `explore` plays in: a session's engine with the real interlock, a device of two values and a disk;
what must hold in every state; what can happen, and the stands from which it is played.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.safety import reports
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.interlock import Interlock
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.reports import Acknowledged, DeviceStatus, OutputState, Prepared
from estim.safety.schedule import Schedule, Window
from estim.safety.units import Micros
from estim.safety.verdict import ClearedSchedule
from estim.session import effects, events
from estim.session.snapshot import Snapshot
from estim.session.state import TABLE, Phase, Turn
from tests.session.copying import Copier
from tests.session.desk import Desk
from tests.session.interlocked import tell

NEVER_CHANGE = (
    Limits, DeviceProfile, Schedule, ClearedSchedule, Setup, Protocol, Window, Snapshot, MappingProxyType,
)  # fmt: skip
COPY = Copier(*NEVER_CHANGE)

LIVE = {Phase.ARMED, Phase.RUNNING}
TURNS_MAX = 100  # at one and the same time
GRAIN_US = 50_000  # two states whose next deadlines lie this near count as one


class Broken(AssertionError):
    """An invariant does not hold."""


class World:
    """An engine, the interlock that judges what it makes, a device of two values, and a disk."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.desk.answers = self.desk.grants = False  # this world answers for them
        self.turns: list[tuple[Phase, Turn, Phase]] = []
        self.desk.engine.watch_turns(self._turned)
        self.interlock = Interlock(None)
        self.level = False
        self.output: SetOutput | None = None
        self.deaf = False
        self.written: list[int] = []
        self.allowed = False  # a person has started or resumed
        self.stirred = True  # since it was copied something happened but refusals
        self.seen = self.desk.look()

    def _turned(self, before: Phase, turn: Turn, after: Phase) -> None:
        self.turns.append((before, turn, after))

    def copy(self) -> World:
        """The same once more; what can't change is shared."""
        self.desk.effects.clear()
        made: World = COPY(self)
        made.stirred = False
        return made

    # -- the runner, the device, the disk ----------------------------------------------------------------------------

    def step(self, event: Any) -> None:
        """One event, and all that follows from it at once."""
        self.stirred |= not isinstance(event, events.Request)
        done = list(self.desk.engine.step(event, self.desk.now_us))
        while done:
            effect = done.pop(0)
            self.desk.effects.append(effect)
            for answer in self._serve(effect):
                done += self.desk.engine.step(answer, self.desk.now_us)

    def _serve(self, effect: effects.Effect) -> list[Any]:
        if isinstance(effect, effects.Send):
            return self._send(effect)
        if not tell(self, effect) and isinstance(effect, effects.Prepare) and not self.deaf:
            self.level = True
            return [Prepared()]
        return []

    def _send(self, effect: effects.Send) -> list[Any]:
        try:
            self.interlock.admit(effect.command, self.desk.now_us)
        except InterlockTripped as error:
            raise Broken(f"the interlock tripped: {error}") from None
        if self.deaf:
            return []
        if isinstance(effect.command, OutputOff):
            self.output, self.level = None, False
        else:
            self.output = effect.command
        return [Acknowledged(seq=effect.command_n, round_trip_us=Micros(1_000))]

    def ask(self, request: type[events.Request], **fields: Any) -> bool:
        """A person asks; True if it was accepted."""
        self.desk.number += 1
        before = len(self.desk.effects)
        if request is events.Raise:
            self.interlock.asked(fields["channel"], self.desk.now_us)
        self.step(request(id=self.desk.number, **fields))
        replies = [e for e in self.desk.effects[before:] if isinstance(e, effects.Reply) and e.id == self.desk.number]
        if len(replies) != 1:
            raise Broken(f"{request.__name__} was answered {len(replies)} times")
        self.stirred |= replies[0].accepted or request is events.Raise  # which the interlock was told of
        return replies[0].accepted

    def status(self) -> None:
        """The device says how it is."""
        if not self.deaf:
            on = self.output is not None and bool(self.output.channels)
            self.step(DeviceStatus(output_on=on, level_open=self.level))

    def durable(self) -> None:
        """All that was written is on the disk."""
        written, self.written = self.written, []
        for number in written:
            self.interlock.grant(number, self.desk.now_us)
            self.step(events.Granted(n=number))

    def wait(self, for_us: int, *, beats: bool = True, beat_us: int = 250_000) -> None:
        """Time passes; so often, and when something is due, is a turn."""
        until_us, turns, before_us = self.desk.now_us + for_us, 0, self.desk.now_us
        while self.desk.now_us < until_us:
            turns, before_us = turns + 1 if self.desk.now_us == before_us else 0, self.desk.now_us
            if turns > TURNS_MAX:
                raise Broken("turn after turn is due, and time stands still")
            due_us = self.desk.engine.next_deadline_us()
            next_us = self.desk.now_us + beat_us
            self.desk.now_us = min(until_us, max(self.desk.now_us, min(due_us or next_us, next_us)))
            if beats:
                self.step(events.Heartbeat())
            self.step(events.Tick())  # as the loop ends each turn
            self.status()

    # -- what is looked at --------------------------------------------------------------------------------------------

    def digest(self) -> bytes:
        """What could be seen of this state when it was checked."""
        engine, shown = self.desk.engine, self.seen
        due_us = engine.next_deadline_us()
        seen = (
            shown.phase, shown.output, shown.purpose, shown.cause, shown.outcome, shown.level_open, shown.acknowledged,
            shown.plan_phase_index, shown.plan_set, shown.contraction, shown.wants,
            tuple(
                (view.cycle, view.level_ua, view.sent_ua, view.raise_locked, view.found, view.motor_ua)
                for view in shown.channels
            ),
            tuple((alarm.code, alarm.active, alarm.acknowledged) for alarm in shown.alarms),
            None if due_us is None else (due_us - self.desk.now_us) // GRAIN_US,
            tuple(age_us // 250_000 for age_us in shown.lease_us),
            len(self.written), self.level, self.deaf, bool(self.output and self.output.channels), engine.finished,
        )  # fmt: skip
        return hashlib.blake2b(repr(seen).encode(), digest_size=12).digest()

    def check(self) -> None:
        """What must hold in every state.

        Raises:
            Broken: something does not.
        """
        engine, self.seen = self.desk.engine, self.desk.look()
        for before, turn, after in self.turns:
            if TABLE[before, turn] is not after:
                raise Broken(f"{before} {turn} led to {after}")
            if after is Phase.RUNNING and turn not in {Turn.START, Turn.RESUME}:
                raise Broken(f"{turn} began a run")
        self.turns.clear()
        flows = self.output is not None and bool(self.output.channels)
        if engine.output is OutputState.OFF and flows:
            raise Broken("OFF is said and output flows")
        if flows and not self.deaf and engine.phase is not Phase.RUNNING:
            raise Broken(f"output flows in {engine.phase}")
        if flows and not self.allowed:
            raise Broken("output flows and nobody has started it")
        if engine.output is OutputState.UNCERTAIN and engine.phase in LIVE:
            raise Broken(f"UNCERTAIN was left for {engine.phase}")
        if flows and self.output is not None:
            levels_ua = {view.channel: view.level_ua for view in self.seen.channels}
            for output in self.output.channels:
                if engine.phase is Phase.RUNNING and output.amplitude_ua > levels_ua[output.channel]:
                    raise Broken(f"{output.amplitude_ua} µA flow, the level is {levels_ua[output.channel]}")


# -- what can happen ---------------------------------------------------------------------------------------------------


def _arm(world: World) -> None:
    for what in world.desk.look().wants:
        if what != "screening":
            world.ask(events.Confirm, what=what, value="by the explorer")
    world.ask(events.Arm)


def _start(world: World) -> None:
    world.allowed = world.ask(events.Start) or world.allowed


def _resume(world: World) -> None:
    world.allowed = world.ask(events.Resume) or world.allowed


def _configure(purpose: str) -> Callable[[World], None]:
    def configure(world: World) -> None:
        from estim.desk.setup_from import SetupWords, setup_from

        setup = setup_from(world.desk.source, SetupWords(patient="p"), simulated=True).setup
        world.ask(
            events.Configure,
            protocol=world.desk.source, protocol_sha256=world.desk.digest, setup=setup, purpose=purpose,
        )  # fmt: skip

    return configure


def _must_end(act: Callable[[World], object], what: str) -> Callable[[World], None]:
    def ended(world: World) -> None:
        act(world)
        if world.desk.phase in LIVE:
            raise Broken(f"{what}, and it is {world.desk.phase}")

    return ended


def _raise(age_us: int) -> Callable[[World], None]:
    def press(world: World) -> None:
        shown = world.desk.look().n
        if age_us:
            world.wait(age_us)
        before = [view.level_ua for view in world.desk.look().channels]
        accepted = world.ask(events.Raise, channel=1, snapshot_n=shown)
        if accepted and age_us:
            raise Broken("a raise on an old screen was accepted")
        if [view.level_ua for view in world.desk.look().channels] != before:
            raise Broken("a raise was played before it was durable")

    return press


def _stop(world: World) -> None:
    before = len(world.desk.effects)
    if not world.ask(events.Stop):
        raise Broken("a stop was refused")
    sent = [e for e in world.desk.effects[before:] if isinstance(e, effects.Send)]
    if not sent or not isinstance(sent[0].command, OutputOff):
        raise Broken("a stop sent no off")


def _lower(percent: int) -> Callable[[World], None]:
    def press(world: World) -> None:
        before = [view.level_ua for view in world.desk.look().channels]
        world.ask(events.Lower, percent=percent)
        after = [view.level_ua for view in world.desk.look().channels]
        if any(now > then for now, then in zip(after, before, strict=True)):
            raise Broken(f"a fall of {percent} % raised {before} to {after}")

    return press


def _deafen(world: World) -> None:
    world.deaf, flowed = True, world.output is not None and bool(world.output.channels)
    world.wait(2_300_000)  # 1 s without a status, 1 s without a confirmed off
    if flowed and world.desk.engine.output is not OutputState.UNCERTAIN:
        raise Broken(f"the device that gave output fell silent, and {world.desk.engine.output.value} is said")


def _hear(world: World) -> None:
    if world.deaf:
        world.deaf = False
        world.output, world.level = None, False  # its own timer has ended it
        world.wait(1_000_000)


def _lose_level(world: World) -> None:
    world.output, world.level = None, False
    world.status()


def _identify(world: World) -> None:
    world.deaf, world.output, world.level = False, None, False
    world.step(reports.Identified(model="p24", device_id="SIM0000001", firmware="1"))


def _pad_off(world: World) -> None:
    world.output = None
    world.step(reports.ChannelFault(channel=1, kind="electrode", text="a pad"))


def _old_answers(world: World) -> None:
    for seq in (0, 1, 2):
        world.step(Acknowledged(seq=seq, round_trip_us=Micros(1_000)))
        if seq not in world.written:  # that one would not be old
            world.step(events.Granted(n=seq))
    world.step(Prepared())


EVENTS: Mapping[str, Callable[[World], object]] = {
    "titration": _configure("titration"),
    "therapy": _configure("therapy"),
    "arm": _arm,
    "start": _start,
    "resume": _resume,
    "pause": lambda world: world.ask(events.Pause),
    "stop": _must_end(_stop, "stopped"),
    "raise": _raise(0),
    "raise on an old screen": _raise(2_000_000),
    "lower": _lower(20),
    "lower by -400 %": _lower(-400),
    "mark": lambda world: world.ask(events.Mark, channel=1, kind="max-tolerated"),
    "next": lambda world: world.ask(events.NextChannel),
    "skip": lambda world: world.ask(events.SkipPhase, reason="because"),
    "end": lambda world: world.ask(events.EndEarly, reason="because"),
    "reset": lambda world: world.ask(events.ResetFault, reason="because"),
    "switch": _must_end(lambda world: world.step(reports.PatientSwitch(pressed=True)), "the patient's switch"),
    "a moment": lambda world: world.wait(100_000),
    "a second": lambda world: world.wait(1_200_000),
    "a minute": lambda world: world.wait(65_000_000, beat_us=500_000),
    "durable": World.durable,
    "record fails": _must_end(lambda world: world.step(events.RecordFailed(reason="full")), "the record failed"),
    "console silent": _must_end(lambda world: world.wait(1_500_000, beats=False), "the console fell silent"),
    "clock jumps": _must_end(lambda world: world.step(events.ClockJumped(late_us=400_000)), "the clock jumped"),
    "console gone": _must_end(lambda world: world.step(events.ConsoleGone()), "the console is gone"),
    "deaf": _must_end(_deafen, "the device fell silent"),
    "hears": _hear,
    "loses its level": _lose_level,
    "identified": _identify,
    "pad off": _pad_off,
    "old answers": _old_answers,
}


def _ready(world: World) -> None:
    _identify(world)
    assert world.ask(events.SignIn, operator="o", patient_id="p")
    from estim.session import screening

    assert world.ask(events.Screen, answers=screening.scripted_answers(), scripted=True)


def _run(world: World, purpose: str) -> None:
    EVENTS[purpose](world)
    _arm(world)
    _start(world)
    for _ in range(20):
        world.durable()
        world.wait(100_000)


def _titrating(world: World) -> None:
    _ready(world)
    _run(world, "titration")
    while world.desk.look().channels[0].level_ua < 3_000:
        if not world.desk.look().channels[0].raise_locked:
            world.ask(events.Raise, channel=1, snapshot_n=world.desk.look().n)
        world.durable()
        world.wait(100_000)


def _treating(world: World) -> None:
    _titrating(world)
    world.ask(events.NextChannel)
    world.wait(100_000)
    _run(world, "therapy")


STANDS: Mapping[str, Callable[[World], None]] = {
    "ready": _ready,
    "titrating": _titrating,
    "in therapy": _treating,
}
THEN = {"armed": ("ready", ["titration", "arm"]), "paused": ("in therapy", ["pause"]),
        "stopping": ("in therapy", ["deaf"]), "fault": ("in therapy", ["clock jumps"])}  # fmt: skip


def stands() -> dict[str, World]:
    """A world in each stand."""
    made: dict[str, World] = {}
    for name, build in STANDS.items():
        world = World()
        build(world)
        world.check()
        made[name] = world
    for name, (begin, acts) in THEN.items():
        world = made[begin].copy()
        for act in acts:
            EVENTS[act](world)
        world.check()
        made[name] = world
    return made
