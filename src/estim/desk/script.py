"""A scripted person for simulated devices: does by request what a therapist does by key, and nothing else.

`--level quadriceps=40` means: find this level by a titration, from 0 mA, one step at a time
(docs/decisions/session.md 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from estim.controller.interface import Answer, ConfigureFrom
from estim.desk.drill_session import drill_line
from estim.protocols.setup import Setup
from estim.record_lines.base import SCRIPTED
from estim.safety.errors import Problem
from estim.safety.schedule import Purpose
from estim.safety.units import US_PER_S
from estim.session import events, screening
from estim.session.effects import Reply
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Cycle, Phase


def stopped_first(reply: Reply | Answer) -> bool:
    """Whether it was refused since a stop had come before it: output is going off, and nothing is wrong with it."""
    said = [str(each["message"]) if isinstance(each, Mapping) else each.message for each in reply.problems]
    return not reply.accepted and any(Phase.STOPPING.value in words for words in said)


@dataclass(slots=True, kw_only=True)
class ScriptedTherapist:
    """Drives one whole session.

    Args:
        source: library name or path of the protocol.
        levels_ua: channel name → level to establish.
        motor_ua: channel name → motor mark (sensory channels).
        next_id: gives request numbers.
        twitches_first: test the pads at the low rate before levels are found.

    Attributes:
        refused: problems of the request that ended the script, and of signing what was left.
        noted: what had to be said at sign-in.
        done: the session is signed, or the script gave up.
    """

    source: str
    setup: Setup
    levels_ua: Mapping[str, int]
    motor_ua: Mapping[str, int]
    next_id: Callable[[], int]
    operator: str = "script"
    twitches_first: bool = False
    refused: tuple[Problem | Mapping[str, Any], ...] = ()
    noted: tuple[Problem | Mapping[str, Any], ...] = ()
    done: bool = False
    outcome: str = ""
    _stage: str = "sign-in"
    _waiting: int = 0
    _confirms: list[str] = field(default_factory=list)
    _twitched: bool = False
    _therapy: bool = False
    _looks_first: bool = False  # told that the console stood still: a second's look, then again
    _looks_until_us: int = 0
    _marked: set[str] = field(default_factory=set)
    _drilled: bool = False

    def replied(self, reply: Reply | Answer) -> None:
        """An answer came."""
        if reply.id != self._waiting:
            return
        self._waiting = 0
        if reply.accepted:
            self.noted += reply.problems
        if not reply.accepted and self._stage == "start" and _keys(reply) == {"console"}:
            self._stage, self._looks_first = "arm", True
            return
        if not reply.accepted and self._stage == "start" and "levels" in _keys(reply):
            self._therapy, self._stage = False, "titrate"  # a lost pad or a long pause took them: find them again
            self._marked.clear()
            return
        if self._stage == "run" and stopped_first(reply):
            self._stage = "halted"
            return
        if not reply.accepted and self._stage != "raise":
            self.refused += tuple(reply.problems)
            # A sign-in that is refused (its answer comes while the screening is next) leaves nothing to sign.
            self._stage = "sign" if self._stage not in {"sign-in", "screen", "sign", "signed"} else "end"
            self.outcome = "refused"

    def act(self, snapshot: Snapshot) -> list[events.Request]:
        """What the person does on seeing this snapshot."""
        if self._looks_first:
            self._looks_first, self._looks_until_us = False, snapshot.now_us + US_PER_S
        if self.done or self._waiting or snapshot.now_us < self._looks_until_us:
            return []
        if self._stage == "end":
            self.done = True
            return []
        request = self._next(snapshot)
        if request is None:
            return []
        self._waiting = request.id
        return [request]

    def _next(self, snapshot: Snapshot) -> events.Request | None:
        broken = any(alarm.code == "record-failed" and alarm.active for alarm in snapshot.alarms)
        if snapshot.phase is Phase.FAULT or broken:
            self.done = True
            self.outcome = "fault"
            return None
        if self._stage == "sign-in":
            if snapshot.phase is not Phase.READY:
                return None
            self._stage = "screen"
            return events.SignIn(id=self.next_id(), operator=self.operator, patient_id=self.setup.patient_id)
        if self._stage == "screen":
            self._stage = "titrate"
            return events.Screen(id=self.next_id(), answers=screening.scripted_answers(), scripted=True)
        if self._stage == "titrate":
            self._stage = "arm"
            return self._configure("low-rate" if self.twitches_first and not self._twitched else "titration")
        if self._stage == "arm":
            if snapshot.phase is not Phase.CONFIGURED:
                return None
            if snapshot.wants:
                return events.Confirm(id=self.next_id(), what=snapshot.wants[0], value="script")
            self._stage = "start"
            return events.Arm(id=self.next_id())
        if self._stage == "halted":
            return self._sign_stopped(snapshot)
        if self._stage == "start":
            if snapshot.phase is Phase.CONFIGURED:  # somebody stopped before it began
                return self._sign_stopped(snapshot)
            if not snapshot.level_open:
                return None
            self._stage = "run" if self._therapy else "raise"
            return events.Start(id=self.next_id())
        if self._stage == "raise":
            return self._titrate(snapshot)
        if self._stage == "run":
            if snapshot.phase is Phase.RUNNING:
                return None
            if snapshot.phase is Phase.CONFIGURED and self.setup.drill and not self._drilled:
                self._drilled = True
                return events.Note(id=self.next_id(), kind="note", fields=drill_line(self.setup.drill, snapshot.given))
            if snapshot.phase is Phase.CONFIGURED:
                self.outcome = snapshot.outcome or "stopped"
                self._stage = "signed"
                return events.Sign(id=self.next_id(), operator=self.operator, meaning=SCRIPTED)
            return None
        if self._stage == "sign":
            self._stage = "signed"
            return events.Sign(id=self.next_id(), operator=self.operator, meaning=SCRIPTED)
        self.done = True
        return None

    def halt(self) -> None:
        """Somebody stopped by hand: nothing is begun any more, the session is signed as stopped."""
        if self._stage not in {"sign", "signed", "end"}:
            self._stage, self._waiting = "halted", 0

    def _sign_stopped(self, snapshot: Snapshot) -> events.Request | None:
        if snapshot.phase in {Phase.RUNNING, Phase.ARMED, Phase.PAUSED, Phase.STOPPING}:
            return None
        self.outcome = self.outcome or "stopped"
        if snapshot.phase is Phase.DISCONNECTED or not snapshot.patient_id:
            self.done = True
            return None
        self._stage = "signed"
        return events.Sign(id=self.next_id(), operator=self.operator, meaning=SCRIPTED)

    def _configure(self, purpose: Purpose) -> events.Request:
        return ConfigureFrom(id=self.next_id(), source=self.source, setup=self.setup, purpose=purpose)

    def _titrate(self, snapshot: Snapshot) -> events.Request | None:
        if snapshot.phase is Phase.CONFIGURED and snapshot.cause != "completed":
            return self._sign_stopped(snapshot)
        if snapshot.phase is Phase.CONFIGURED:  # all channels were found
            self._stage = "arm"
            if snapshot.purpose == "low-rate":
                self._twitched = True
                self._marked.clear()
                return self._configure("titration")
            self._therapy = True
            return self._configure("therapy")
        for alarm in snapshot.alarms:
            if alarm.code.startswith("warn-"):
                return events.Acknowledge(id=self.next_id(), code=alarm.code)
        number = snapshot.titration_channel
        channel = next((view for view in snapshot.channels if view.channel == number), None)
        if snapshot.phase is not Phase.RUNNING or channel is None or channel.cycle is not Cycle.HOLD:
            return None
        return self._look(snapshot, channel) if snapshot.purpose == "low-rate" else self._find(snapshot, channel)

    def _look(self, snapshot: Snapshot, channel: ChannelView) -> events.Request | None:
        """Up to half the level that will be looked for, where a twitch is said to be seen; then the next channel."""
        if _below(channel, self.levels_ua.get(channel.name, 0) // 2) and "limit" not in channel.raise_locked:
            if channel.raise_locked:
                return None
            return events.Raise(id=self.next_id(), channel=channel.channel, snapshot_n=snapshot.n)
        if channel.name not in self._marked:
            self._marked.add(channel.name)
            return events.Mark(id=self.next_id(), channel=channel.channel, kind="twitch")
        return events.NextChannel(id=self.next_id())

    def _find(self, snapshot: Snapshot, channel: ChannelView) -> events.Request | None:
        wanted_ua = self.levels_ua.get(channel.name, 0)
        motor_ua = self.motor_ua.get(channel.name)
        if motor_ua is not None and channel.motor_ua is None:
            if _below(channel, motor_ua) and not channel.raise_locked:
                return events.Raise(id=self.next_id(), channel=channel.channel, snapshot_n=snapshot.n)
            if not _below(channel, motor_ua) or "limit" in channel.raise_locked:
                return events.Mark(id=self.next_id(), channel=channel.channel, kind="motor")
            return None
        if channel.level_ua > wanted_ua:
            return events.Lower(id=self.next_id(), channel=channel.channel)
        at_limit = "limit" in channel.raise_locked
        if _below(channel, wanted_ua) and not at_limit:
            if channel.raise_locked:
                return None
            return events.Raise(id=self.next_id(), channel=channel.channel, snapshot_n=snapshot.n)
        if channel.name not in self._marked:
            self._marked.add(channel.name)
            kind = "sensory" if channel.output == "sensory" else "max-tolerated"
            return events.Mark(id=self.next_id(), channel=channel.channel, kind=kind)  # type: ignore[arg-type]
        return events.NextChannel(id=self.next_id())


def _below(channel: ChannelView, wanted_ua: int) -> bool:
    """One more step does not go beyond what is wanted: never above it, also not on the way."""
    return channel.level_ua + channel.raise_step_ua <= wanted_ua


def _keys(reply: Reply | Answer) -> set[str]:
    """What a refusal is about."""
    return {str(each["key"]) if isinstance(each, dict) else each.key for each in reply.problems}
