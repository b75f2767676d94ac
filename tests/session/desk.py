"""An engine with a well-behaved device, console and record around it, for tests that look at one thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.p24 import PROFILE
from estim.protocols.catalogue import load_runnable
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.profile import DeviceProfile
from estim.safety.reports import Acknowledged, DeviceStatus, Identified, Prepared
from estim.safety.units import Micros
from estim.session import effects, events, screening
from estim.session.effects import Effect
from estim.session.engine import SessionEngine
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase, Turn
from tests.support import SHORT

OFF = DeviceStatus(output_on=False, level_open=False, active_channels=())


class Desk:
    """An engine with a well-behaved device, console and record around it."""

    def __init__(
        self,
        source: str = str(SHORT),
        *,
        limits: Limits = ABSOLUTE & DEFAULT,
        profile: DeviceProfile = PROFILE,
        simulated: bool = True,
    ) -> None:
        self.profile = profile
        self.engine = SessionEngine(profile, limits, simulated=simulated)
        self.now_us = 0
        self.number = 0
        self.effects: list[Effect] = []
        self.engine.start(0)
        self.beats = True
        self.answers = True
        self.grants = True
        self.source, self.digest = load_runnable(source)
        self.regions = tuple(f"{c.name}=low-back" for c in self.source.channel if c.region == "any-permitted")

    def step(self, event: Any) -> tuple[Effect, ...]:
        done = self.engine.step(event, self.now_us)
        self.effects += done
        for effect in done:
            self._serve(effect)
        return done

    def _serve(self, effect: Effect) -> None:
        if isinstance(effect, effects.Send) and self.answers:
            if isinstance(effect.command, OutputOff):
                self.step(OFF)
            else:
                self.step(Acknowledged(seq=effect.command_n, round_trip_us=Micros(1_000)))
        elif isinstance(effect, effects.Prepare) and self.answers:
            self.step(Prepared())
        elif isinstance(effect, effects.RequestStatus) and self.answers:
            on = bool(self.last().channels) if self.sent() else False
            self.step(DeviceStatus(output_on=on, level_open=self.phase in {Phase.ARMED, Phase.RUNNING}))
        elif isinstance(effect, effects.Authorise) and self.grants:
            self.step(events.Granted(n=effect.n))

    @property
    def command_n(self) -> int:
        """Number of the last command that was sent."""
        return max((effect.command_n for effect in self.effects if isinstance(effect, effects.Send)), default=0)

    def sent(self) -> list[SetOutput | OutputOff]:
        return [effect.command for effect in self.effects if isinstance(effect, effects.Send)]

    def last(self) -> SetOutput:
        command = self.sent()[-1]
        return command if isinstance(command, SetOutput) else SetOutput(channels=())

    @property
    def phase(self) -> Phase:
        return self.engine.phase

    def ask(self, request: type[events.Request], /, **fields: Any) -> effects.Reply:
        self.number += 1
        before = len(self.effects)
        self.step(request(id=self.number, **fields))
        (reply,) = [e for e in self.effects[before:] if isinstance(e, effects.Reply) and e.id == self.number]
        return reply

    def let_pass(self, seconds: float) -> None:
        until = self.now_us + round(seconds * 1e6)
        while self.now_us < until:
            due = self.engine.next_deadline_us()
            beat = self.now_us // 250_000 * 250_000 + 250_000
            self.now_us = min(until, max(self.now_us, min(due if due is not None else beat, beat)))
            if self.beats:
                self.step(events.Heartbeat())
            self.step(events.Tick())  # as the loop ends each turn

    def look(self) -> Snapshot:
        return self.engine.snapshot(self.now_us)

    def sign_in(self) -> None:
        self.step(Identified(model=self.profile.model, device_id="SIM0000001", firmware="1"))
        assert self.ask(events.SignIn, operator="o", patient_id="p").accepted
        assert self.ask(events.Screen, answers=screening.scripted_answers(), scripted=True).accepted

    def configure(self, purpose: str) -> effects.Reply:
        setup = setup_from(self.source, SetupWords(patient="p", regions=self.regions), simulated=True).setup
        return self.ask(
            events.Configure, protocol=self.source, protocol_sha256=self.digest, setup=setup, purpose=purpose
        )

    def arm(self) -> effects.Reply:
        for what in self.look().wants:
            assert self.ask(events.Confirm, what=what, value="by the desk").accepted
        return self.ask(events.Arm)

    def logged(self, kind: str) -> list[Mapping[str, Any]]:
        """The lines of this kind so far."""
        return [e.fields for e in self.effects if isinstance(e, effects.Log) and e.kind == kind]

    def hold(self, channel: int = 1) -> None:
        """Until the channel holds its plateau."""
        for _ in range(3_000):
            if any(view.channel == channel and view.cycle is Cycle.HOLD for view in self.look().channels):
                return
            self.let_pass(0.05)
        raise AssertionError("never held")

    def titrate(self, steps: int = 5) -> None:
        assert self.configure("titration").accepted
        assert self.arm().accepted
        assert self.ask(events.Start).accepted
        while (number := self.look().titration_channel) is not None:
            view = next(view for view in self.look().channels if view.channel == number)
            if view.level_ua >= steps * 1_000:
                assert self.ask(events.NextChannel).accepted
            elif not view.raise_locked:
                assert self.ask(events.Raise, channel=number, snapshot_n=self.look().n).accepted
            self.let_pass(0.1)

    def find_sensory(self, level_ua: int = 10_000) -> None:
        """The levels of a sensory protocol: marked without a twitch, then well below."""
        assert self.configure("titration").accepted
        assert self.arm().accepted
        assert self.ask(events.Start).accepted
        while (number := self.look().titration_channel) is not None:
            view = next(view for view in self.look().channels if view.channel == number)
            if view.level_ua >= level_ua:
                assert self.ask(events.Mark, channel=number, kind="no-twitch").accepted
                assert self.ask(events.Lower, channel=number, percent=20).accepted
                assert self.ask(events.NextChannel).accepted
            elif not view.raise_locked:
                assert self.ask(events.Raise, channel=number, snapshot_n=self.look().n).accepted
            self.let_pass(0.1)

    def triggered(self) -> None:
        """A therapy that waits for its first gate."""
        self.sign_in()
        self.titrate(8)
        reply = self.configure("therapy")
        assert reply.accepted, reply.problems
        assert self.arm().accepted
        assert self.ask(events.Start).accepted
        self.let_pass(1.5)
        assert self.phase is Phase.RUNNING
        assert not self.last().channels

    def therapy(self) -> None:
        self.sign_in()
        self.titrate()
        assert self.configure("therapy").accepted
        assert self.arm().accepted
        assert self.ask(events.Start).accepted
        self.let_pass(2)
        assert self.last().channels


Made = list[tuple[Phase, Turn, Phase]]


class Watched(Desk):
    """A desk that keeps every turn which its session takes, also where no record is open."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Made()
        self.engine.watch_turns(self.took)

    def took(self, before: Phase, turn: Turn, after: Phase) -> None:
        self.made.append((before, turn, after))
