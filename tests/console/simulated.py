"""A session in simulated time behind the `SessionClient` protocol: the real engine, kernel, runner, driver and the
simulated stimulator, as a rehearsal has them, with the console in the place of the scripted person.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from estim.controller.interface import Answer, Takeover
from estim.desk.script import ScriptedTherapist
from estim.protocols.setup import Setup
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.world import World
from estim.safety.errors import LinkLost
from estim.safety.limits import ABSOLUTE, DEFAULT
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.effects import Reply
from estim.session.snapshot import Snapshot

STEP_US = 20_000


class _Hands(ScriptedTherapist):
    """Does nothing by itself: what the console sends is played, what is answered goes back."""

    def __init__(self, next_id: Callable[[], int]) -> None:
        super().__init__(source="", setup=Setup(patient_id="", channels=()), levels_ua={}, motor_ua={}, next_id=next_id)
        self.answers: list[Answer] = []

    def act(self, snapshot: Snapshot) -> list[events.Request]:  # noqa: ARG002
        return []

    def replied(self, reply: Reply | Answer) -> None:
        problems = tuple(
            dict(problem) if isinstance(problem, dict) else dict(problem.to_json()) for problem in reply.problems
        )
        self.answers.append(Answer(id=reply.id, accepted=reply.accepted, problems=problems))


class _World(World):
    """A world whose person is the console, and whose room does only what it is told."""

    def _person(self, next_id: Callable[[], int]) -> ScriptedTherapist:
        return _Hands(next_id)


class SimulatedSession:
    """One controller and one stimulator of `model`, with the virtual patient `patient` on its pads.

    `folder`: where the record goes once it is closed; without it the record stays in memory. `utc`: when it begins.
    """

    def __init__(
        self,
        *,
        model: str = "p24",
        patient: str = "foot-drop",
        seed: int = 0,
        folder: Path | None = None,
        utc: str = "",
    ) -> None:
        plan = RehearsalPlan(
            source="", setup=Setup(patient_id="", channels=()), levels_ua={}, motor_ua={}, model=model, seed=seed,
            limits=ABSOLUTE & DEFAULT, patient_profile=patient, folder=folder,
        )  # fmt: skip
        self.world = _World(plan)
        self.world.room.resting = True
        self.world.room.shows_force = True
        self.requests: list[events.Request] = []
        self.stops: list[str] = []
        self.heartbeats = 0
        self.utc = utc
        self.closed = False
        self.lost: Takeover | None = None
        self.unable = ""
        self.overlay: dict[str, Any] = {}  # what a test says of the snapshot, over what the engine says
        self._numbers = itertools.count(1)
        self.advance(1.0)

    @property
    def person(self) -> _Hands:
        person = self.world.person
        assert isinstance(person, _Hands)
        return person

    # -- SessionClient ----------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        if self.unable:
            return None  # it never said a word
        snapshot = self.world.runner.snapshot()
        path = "records/simulated/in-memory" if snapshot.patient_id else ""
        return replace(snapshot, **{"record_path": path, **self.overlay})

    @property
    def takeover(self) -> Takeover | None:
        return self.lost

    @property
    def fatal(self) -> str:
        return self.unable

    def next_id(self) -> int:
        return next(self._numbers)

    def send(self, request: events.Request) -> None:
        self.requests.append(request)
        if self.lost is None:
            event = self.world._load(request)
            if isinstance(event, events.SignIn) and self.utc:
                event = replace(event, utc=self.utc)
            if event is not None:
                self._play(event)

    def stop(self, source: str) -> int:
        self.stops.append(source)
        number = self.next_id()
        if self.lost is None:
            self._play(events.Stop(id=number, source=source))
        return number

    def heartbeat(self) -> None:
        self.heartbeats += 1

    def poll(self) -> tuple[Answer, ...]:
        answers, self.person.answers = tuple(self.person.answers), []
        return answers

    def close(self) -> None:
        self.closed = True

    # -- what happens -----------------------------------------------------------------------------------------------

    def _play(self, event: events.Event) -> None:
        self.world.extra.append(event)
        self.world._due_us = self.world.now_us
        self.world.run_until(self.world.now_us + STEP_US)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_until(self.world.now_us + round(seconds * 1e6))

    def unplug(self) -> None:
        """The stimulator's cable is pulled: nothing goes out or comes back, and the port says so."""

        def gone(*_data: bytes) -> bytes:
            raise LinkLost("unplugged")

        self.world.link.write = self.world.link.read = gone  # type: ignore[assignment,method-assign]

    def lose(self, output: OutputState, cause: str = "eof") -> None:
        """The controller is gone; the client took the device over."""
        self.lost = Takeover(
            cause=cause, output=output.value, text=f"Stop sent 3 times, the device says: {output.value}."
        )

    def killed(self) -> None:
        """The console is gone without a word: the controller ends it, as beside a killed process."""
        self.world.extra.append(events.ConsoleGone())
        self.advance(2.0)

    def room(self, **message: object) -> None:
        """Something happens beside the device."""
        self.world.room.send(message)
