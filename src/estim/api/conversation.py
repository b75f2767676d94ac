"""How a session's script and its controller talk: turns, signs of life, answers, and what a script must be told.

The script's own loop is the lease. Every call beats once; who is silent for 1 s has no output any more, and is told so
by the next call. Nothing beats from a thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from estim.api.errors import Fault, NeedsAPerson, Refused, Stale, Stopped, TooFast, Uncertain
from estim.api.front import Front
from estim.api.state import State, state_of
from estim.api.words import for_a_script
from estim.controller.interface import Answer, ConfigureFrom
from estim.drivers.models import MODELS
from estim.protocols.setup import Setup
from estim.safety.errors import quoted
from estim.safety.schedule import Purpose
from estim.safety.units import UA_PER_MA
from estim.session import events
from estim.session.snapshot import ChannelView, Snapshot, new_alarms
from estim.session.state import Phase

PERIOD_S = 0.05
ANSWER_S = 5.0
OFF_S = 4.0  # longer than any device's own timer
SILENCE_S = 1.0  # the lease of a front: who stood still for longer does not go on by itself
LOOK_S = 1.2  # after a standstill the session wants a second's look before it goes on
DONE = frozenset({Phase.CONFIGURED, Phase.READY})
_mine = threading.local()  # a thread's number goes to the next thread once it has ended; what stands here does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a session was asked for: protocol, setup, levels for a scripted titration, who sits there."""

    source: str
    setup: Setup
    levels_ua: Mapping[str, int]
    motor_ua: Mapping[str, int]
    operator: str
    on_event: Callable[[str, str], object] | None = None


class Conversation:
    """The inside of `api.Session`.

    Attributes:
        wanted: what was asked for. found_ua: channel's name → the level that was found in this session.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.found_ua: dict[str, int] = {}
        self._front_made: Front | None = None
        self._owner = me()
        self._answers: dict[int, Answer] = {}
        self._awaited = 0
        self._began = self._stopped_by_us = self._over = False
        self._last_beat_s: float | None = None
        self._last: Snapshot | None = None
        self._keys = ""

    def stop(self) -> None:
        """Off, confirmed."""
        raise NotImplementedError

    def _follow(self) -> None:
        """After each turn."""

    @property
    def simulated(self) -> bool:
        """No real device stands behind it."""
        return self._front.simulated

    def now_s(self) -> float:
        """Monotonic time of the script's own clock."""
        return self._front.now_s()

    def next_id(self) -> int:
        """A fresh request number."""
        return self._front.next_id()

    def person(self, question: str) -> str:
        """One line from a person at the terminal, while the heartbeat goes on."""
        return self._front.ask_person(question, self._beat)

    @property
    def _front(self) -> Front:
        if self._front_made is None:
            raise Refused("this session is not open: use it inside its with block")
        return self._front_made

    @property
    def snapshot(self) -> Snapshot:
        """The session's state as the controller told it last."""
        snapshot = self._front.snapshot
        if snapshot is None:
            raise Refused("nothing is known of the device yet")
        return snapshot

    def _state(self, late_s: float) -> State:
        keys, self._keys = self._keys, ""
        age_s = self._front.age_s
        return state_of(self.snapshot, self.found_ua, age_s=age_s, late_s=late_s, keys=keys)

    def alive(self) -> None:
        """A sign of life from the thread that owns the session; what happened meanwhile is told."""
        self._own()
        now_s = self._front.now_s()
        silent_s = now_s - self._last_beat_s if self._last_beat_s is not None else 0.0
        if silent_s > SILENCE_S and self.snapshot.phase in {Phase.ARMED, Phase.RUNNING}:
            self._front.stop("script-silent")  # the controller has done so, or is about to: nothing goes on by itself
        self._beat()
        self._check(silent_s)

    def _own(self) -> None:
        if self._owner != me():
            what = "thread" if self._owner[0] == os.getpid() else "process, not to a fork of it; the thread"
            raise Refused(f"a session belongs to the {what} that opened it: its loop is what keeps output alive")

    def _beat(self) -> None:
        if self._owner != me():  # whoever else calls is no sign that the script's own loop lives
            return
        self._last_beat_s = self._front.now_s()
        self._front.beat()

    def turn(self, seconds: float) -> None:
        """Let time pass with a sign of life; hear what came."""
        self._front.wait(seconds)
        if self._owner != me():
            return  # it may look, and stop
        self._beat()
        for answer in self._front.poll():
            if answer.id == self._awaited:
                self._answers[answer.id] = answer
        self._keys += self._front.keys()
        self._tell()
        self._check(0.0)
        self._follow()

    def _tell(self) -> None:
        snapshot, last = self._front.snapshot, self._last
        if snapshot is None or snapshot is last:
            return
        self._last = snapshot
        if (tell := self.wanted.on_event) is None:
            return
        if last is None or snapshot.phase is not last.phase:
            tell("phase", snapshot.phase.value)
        if last is None or snapshot.output is not last.output:
            tell("output", snapshot.output.value)
        for alarm in new_alarms(last.alarms if last is not None else (), snapshot.alarms):
            tell("alarm", alarm.text)

    def _ended(self) -> bool:
        if not self._began or self._over:
            return self._over
        if self.snapshot.phase in DONE:
            self._over = True
        return self._over

    def _check(self, silent_s: float) -> None:
        """Raise what the script must know."""
        front = self._front
        if front.takeover is not None:
            text = front.takeover.text
            raise self._uncertain(text) if front.takeover.output != "OFF" else Fault(text, front.takeover.cause)
        if front.fatal:
            raise Fault(front.fatal, "controller")
        snapshot = front.snapshot
        if snapshot is None or not self._began or self._over or self._stopped_by_us:
            return
        if snapshot.phase in {Phase.FAULT, Phase.DISCONNECTED}:
            self._over = True
            self._fault(snapshot)
        if snapshot.phase in {Phase.STOPPING, Phase.CONFIGURED, Phase.READY} or silent_s > SILENCE_S:
            self._settle()
            ended = self.snapshot
            if ended.phase in DONE and ended.outcome != "completed":
                self._over = True
                if ended.outcome == "fault":  # nobody stopped it: what it is written to failed
                    self._fault(ended)
                words = f"; the script was silent for {silent_s:.1f} s" if silent_s > SILENCE_S else ""
                raise Stopped(f"the session was stopped ({ended.cause or 'stop'}){words}; output is off", ended.cause)

    def _settle(self) -> None:
        """Until a stop is confirmed."""
        until_s = self._front.now_s() + OFF_S
        while self._front.now_s() < until_s and self._front.takeover is None:
            snapshot = self.snapshot
            if snapshot.phase in {Phase.CONFIGURED, Phase.READY, Phase.FAULT, Phase.DISCONNECTED}:
                return
            self._front.wait(PERIOD_S)
            self._beat()

    def _fault(self, snapshot: Snapshot) -> None:
        until_s = self._front.now_s() + OFF_S
        while self._front.now_s() < until_s and self.snapshot.output.value != "OFF":
            self._front.wait(PERIOD_S)
            self._beat()
        if self.snapshot.output.value != "OFF":
            raise self._uncertain(snapshot.cause)
        alarms = "; ".join(alarm.text for alarm in self.snapshot.alarms if alarm.active)
        raise Fault(f"{snapshot.cause}: {alarms or 'output is off'}", snapshot.cause)

    def _uncertain(self, why: str) -> Uncertain:
        snapshot = self._last
        safe = snapshot.make_safe if snapshot is not None else "pull the stimulator's cable"
        text = f"{why}: output is UNCERTAIN. Make it safe: {safe}; then look at the patient"
        return Uncertain(text, why, safe)

    def until(self, true: Callable[[Snapshot], bool], seconds: float, otherwise: str) -> None:
        """Turn until it is true."""
        until_s = self._front.now_s() + seconds
        while self._front.snapshot is None or not true(self.snapshot):
            if self._front.now_s() > until_s:
                raise Fault(otherwise, "timeout")
            self.turn(PERIOD_S)

    def ask(self, request: events.Request) -> Answer:
        """Send, and wait for the answer."""
        self._own()
        self._awaited = request.id
        self._front.send(request)
        until_s = self._front.now_s() + ANSWER_S
        while request.id not in self._answers:
            if self._front.now_s() > until_s:
                raise Fault("the controller does not answer", "timeout")
            self.turn(PERIOD_S / 5)
        answer = self._answers.pop(request.id)
        if not answer.accepted:
            raise _refusal(answer)
        return answer

    def _request(self, request: events.Request) -> None:
        self.alive()
        self.ask(request)

    def _patiently(self, make: Callable[[int], events.Request]) -> None:
        """After the loop stood still the session wants a second's look before it goes on."""
        self.alive()
        try:
            self.ask(make(self._front.next_id()))
        except Refused as refused:
            if {problem["key"] for problem in refused.problems} != {"console"}:
                raise
            until_s = self._front.now_s() + LOOK_S
            while self._front.now_s() < until_s:
                self.turn(PERIOD_S)
            self.ask(make(self._front.next_id()))

    def configure(self, purpose: Purpose) -> None:
        """Load the protocol for a purpose, and have confirmed what wants it."""
        wanted = self.wanted
        self.ask(ConfigureFrom(id=self._front.next_id(), source=wanted.source, setup=wanted.setup, purpose=purpose))
        self.until(lambda s: s.phase is Phase.CONFIGURED and s.purpose == purpose, ANSWER_S, "not configured")
        while wants := [what for what in self.snapshot.wants if what not in {"level", "levels"}]:
            said = wanted.operator
            if not self._front.simulated:
                said = self.person(f"{wants[0]}: confirm by your name, an empty line stops: ")
            if not said:
                raise NeedsAPerson(f"{wants[0]} was not confirmed")
            self.ask(events.Confirm(id=self._front.next_id(), what=wants[0], value=said))
            before = wants[0]
            self.until(lambda s, before=before: before not in s.wants, ANSWER_S, f"{before} stays open")  # type: ignore[misc]

    def arm_and_start(self) -> None:
        """The two steps to output."""
        self._patiently(lambda number: events.Arm(id=number))
        self.until(lambda s: s.level_open or s.phase is not Phase.ARMED, ANSWER_S, "the device does not open its level")
        self._patiently(lambda number: events.Start(id=number))
        self.until(lambda s: s.phase is not Phase.ARMED, ANSWER_S, "it does not start")

    def number(self, channel: str) -> int:
        """A channel's number, by its name."""
        for view in self.snapshot.channels:
            if view.name == channel:
                return view.channel
        for planned in self.wanted.setup.channels:
            if planned.name == channel and planned.included:
                return planned.channel
        names = ", ".join(planned.name for planned in self.wanted.setup.channels)
        raise Refused(f"no channel {quoted(channel)}; there are {names}")

    def view(self, number: int) -> ChannelView:
        """A channel, by its number."""
        return next(view for view in self.snapshot.channels if view.channel == number)

    def step_ua(self) -> int:
        """One step up on this device."""
        step = MODELS[self.snapshot.model].profile.amplitude_step_ua
        return max(step, UA_PER_MA // step * step)


def me() -> tuple[int, object]:
    """This thread of this process."""
    if not hasattr(_mine, "token"):
        _mine.token = object()
    return os.getpid(), _mine.token


def _refusal(answer: Answer) -> Refused:
    problems = [{**problem, "message": for_a_script(str(problem["message"]))} for problem in answer.problems]
    text = "; ".join(str(problem["message"]) for problem in problems) or "refused"
    keys = {str(problem["key"]) for problem in problems}
    if "raise" in keys:
        return Stale(text, problems) if "older than 1 s" in text else TooFast("raise", text, problems)
    return Refused(text, problems)
