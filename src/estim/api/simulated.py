"""A session in simulated time: a rehearsal whose person is the script."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from estim.api.errors import NeedsAPerson
from estim.controller.interface import Answer, Takeover
from estim.desk.result import Measured, Seen
from estim.desk.script import ScriptedTherapist
from estim.drivers.side import parse_line
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.world import World
from estim.session import events
from estim.session.effects import Reply
from estim.session.snapshot import Snapshot


@dataclass(slots=True, kw_only=True)
class _Puppet(ScriptedTherapist):
    """The person of a world that is played from outside: hands over what was asked for, keeps the answers."""

    requests: list[events.Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def act(self, snapshot: Snapshot) -> list[events.Request]:
        """All of it, whatever the screen shows."""
        del snapshot
        requests, self.requests = self.requests, []
        return requests

    def replied(self, reply: Reply | Answer) -> None:
        """As a pipe would carry it."""
        if isinstance(reply, Reply):
            problems = tuple(problem.to_json() for problem in reply.problems)
            reply = Answer(id=reply.id, accepted=reply.accepted, problems=problems)
        self.answers.append(reply)


class _Driven(World):
    """A world that goes only as far as it is asked to."""

    def _person(self, next_id: Callable[[], int]) -> _Puppet:
        plan = self.plan
        self.puppet = _Puppet(source=plan.source, setup=plan.setup, levels_ua={}, motor_ua={}, next_id=next_id)
        return self.puppet

    def look_now(self) -> None:
        """The person looks at once."""
        self._look_us = self.now_us


class Simulated:
    """See `front.Front`; time is the world's, so a loop that takes an hour is tested in seconds."""

    simulated = True
    real_time = False
    pace_s = 0.25
    takeover: Takeover | None = None
    fatal = ""

    def __init__(self, plan: RehearsalPlan) -> None:
        self._plan = plan
        self._began = time.perf_counter()
        self._world = _Driven(plan)
        self._world.room.shows_force = bool(plan.patient_profile)
        self._world.room.resting = True  # nobody presses, walks or cycles but the script
        self._picture: Snapshot | None = None
        self._picture_us = -1

    @property
    def snapshot(self) -> Snapshot | None:
        """The picture of now."""
        if self._picture_us != self._world.now_us or self._picture is None:
            self._picture, self._picture_us = self._world.runner.snapshot(), self._world.now_us
        return self._picture

    @property
    def age_s(self) -> float:
        """It is of now."""
        return 0.0

    def next_id(self) -> int:
        """A fresh number."""
        return self._world.puppet.next_id()

    def send(self, request: events.Request) -> None:
        """Handed over at the world's next moment."""
        self._world.puppet.requests.append(request)
        self._world.look_now()

    def poll(self) -> tuple[Answer, ...]:
        """Answers."""
        answers, self._world.puppet.answers = self._world.puppet.answers, []
        return tuple(answers)

    def stop(self, source: str) -> None:
        """Off."""
        self._world.puppet.requests.insert(0, events.Stop(id=self.next_id(), source=source))
        self._world.look_now()

    def beat(self) -> None:
        """The world's own heartbeat stands for it: a script takes no simulated time but what it waits."""

    def wait(self, seconds: float) -> None:
        """Simulated time passes."""
        self._world.run_until(self._world.now_us + max(1, round(seconds * 1e6)))

    def hear(self, message: Mapping[str, object]) -> None:
        """Said by a sensor, parsed as from any bridge."""
        report = parse_line(json.dumps(message).encode())
        if report is not None:
            self._world.room.hear(report)
            self._world.look_now()

    def now_s(self) -> float:
        """The world's clock."""
        return self._world.now_us / 1e6

    def keys(self) -> str:
        """Nobody types."""
        return ""

    def ask_person(self, question: str, beat: Callable[[], None]) -> str:  # noqa: ARG002 - the front's signature
        """Nobody is there."""
        raise NeedsAPerson(question)

    def close(self) -> None:
        """Played to its end."""
        self._world.puppet.done = True
        self._world.run()

    def seen(self, source: str) -> Seen:
        """For the result."""
        world = self._world
        record, last = world.record, world.runner.snapshot()
        measured: dict[str, dict[int, Measured]] = {}
        for (purpose, channel), output in world.monitor.channels.items():
            measured.setdefault(purpose, {})[channel] = output
        return Seen(
            source=source,
            simulated=True,
            began=self._began,
            folder=self._plan.folder if record is not None else None,
            data=record.data if record is not None else b"",
            word_head=last.word_head,
            session_us=world.now_us,
            notes=self._plan.notes,
            measured=measured,
        )
