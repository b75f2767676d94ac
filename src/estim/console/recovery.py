"""The way back to treatment after a lost pad, a pause, a fault: numbered steps, each with the key that does it.

What the controller can see is ticked by what it saw; what only a person can see is a press. Each key works from where
it is named: the console stops and configures between the steps by itself where that flows no current.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from estim.console.coach import channel_words, concerned
from estim.console.command import Command
from estim.console.language import Words
from estim.console.present import clock
from estim.console.presses import Kind
from estim.safety.reports import OutputState
from estim.session.play import ARMED_MAX_US, KEEP_LEVELS_PAUSE_US, PAUSED_MAX_US
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

PAUSE_EXPIRED = "pause-expired"  # as the session calls it


@dataclass(frozen=True, slots=True)
class RecoveryStep:
    """One step of the way."""

    words: str
    key: str
    done: bool = False


class Way(Protocol):
    """What the steps do, of the stage that they stand in."""

    @property
    def say(self) -> Words:
        """The words."""

    def does(
        self,
        id: str,  # noqa: A002
        act: Callable[[], None],
        *,
        label: str | None = None,
        says: str = "",
        refusal: str = "",
        kind: Kind = Kind.ACT,
    ) -> Command:
        """A command of the key table."""

    def acknowledge_first(self, snapshot: Snapshot) -> Sequence[Command]:
        """An alarm that nobody has read."""

    def resume(self) -> None:
        """On again from 0 mA."""

    def find_again(self) -> None:
        """Back to the levels, output off."""

    def end(self) -> None:
        """End here."""


class Recovery:
    """What broke off, and how far the way back is."""

    def __init__(self) -> None:
        self.cause = ""
        self.text = ""
        self.skin_seen = False
        self.before: dict[str, tuple[int | None, int | None, int | None]] = {}
        self.levels_ua: dict[str, int] = {}
        self._live: dict[str, tuple[int | None, int | None, int | None]] = {}

    def observe(self, snapshot: Snapshot) -> None:
        """Remember the marks before the stop, and why it came."""
        if snapshot.phase is Phase.RUNNING:
            self.cause, self.text, self.skin_seen = "", "", False
            for view in snapshot.channels:
                marks = (view.sensory_ua, view.motor_ua, view.max_tolerated_ua)
                if any(marks) or view.level_ua:
                    self.before[view.name] = marks
                    self.levels_ua[view.name] = view.level_ua
        elif snapshot.phase in {Phase.PAUSED, Phase.FAULT} and not self.cause:
            self.cause = snapshot.cause
            self.text = next((alarm.text for alarm in snapshot.alarms if alarm.code == snapshot.cause), "")

    def active(self, snapshot: Snapshot) -> bool:
        """A way back stands on the screen."""
        return snapshot.phase in {Phase.PAUSED, Phase.FAULT} or (bool(self.cause) and snapshot.outcome != "completed")

    def lost(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Channels whose level must be found again."""
        return tuple(view.name for view in snapshot.channels if not view.found)

    def anew(self, snapshot: Snapshot) -> bool:
        """The level must be found from 0 mA before it goes on."""
        waited_us = snapshot.now_us - snapshot.output_since_us
        return bool(self.lost(snapshot)) or (snapshot.phase is Phase.PAUSED and waited_us > KEEP_LEVELS_PAUSE_US)

    def commands(self, way: Way, snapshot: Snapshot) -> Sequence[Command]:
        """While paused: read the alarm; then go on, or find the level again; or end."""
        say, first = way.say, way.acknowledge_first(snapshot)
        end = way.does("end", way.end, label=say("recovery.end"))
        arm = way.does("arm", way.find_again, label=say("recovery.find"), says=say("recovery.find-says"))
        if self.anew(snapshot):
            start = way.does("start", lambda: None, label="", refusal=say("recovery.find-first"))
            return (*first, arm, start, end)
        off = snapshot.output.value == "OFF"
        resume = way.does(
            "start",
            way.resume,
            label=say("recovery.resume"),
            says=say("recovery.resume-says", k=next_of_plan(snapshot)),
            refusal="" if off else say("recovery.not-off"),
        )
        again_f2 = way.does("arm", lambda: None, label="", refusal=say("recovery.resume-first"))
        return (*first, resume, end, again_f2)

    def lines(self, snapshot: Snapshot, say: Words, keys: dict[str, str], *, short: bool = False) -> list[str]:
        """The strip: what happened, the steps; `short`: the alarm's words stand in its bar alone, so all steps fit."""
        cause = say.of("cause", self.cause) if self.cause else say("recovery.paused")
        off_us = snapshot.now_us - snapshot.output_since_us
        off = snapshot.output is OutputState.OFF  # said only where the device said it
        lines = [say("recovery.head", time=clock(off_us), cause=cause) if off else cause]
        lines += expired_lines(snapshot, say)
        if self.text and not (short and any(alarm.code == self.cause for alarm in snapshot.alarms)):
            lines.append(f"! {say.heard(self.text)}")
        if self.cause in {"lead-off", "low-current", "pulse-timeout"}:
            lines += [f"  {channel_words(snapshot, view, say)}" for view in concerned(snapshot, self.text)[:2]]
        read = not any(not alarm.acknowledged and alarm.priority in {"high", "medium"} for alarm in snapshot.alarms)
        steps = [RecoveryStep(say("recovery.step-read"), keys["acknowledge"], read)]
        if snapshot.output is OutputState.UNCERTAIN:  # before anything else; what goes on stands here once it is OFF
            return [*lines, *numbered([RecoveryStep(say("recovery.step-off"), ""), *steps])]
        if self.cause in {"lead-off", "low-current", "pulse-timeout"}:
            calls = any(alarm.code == self.cause and alarm.active for alarm in snapshot.alarms)
            steps.append(RecoveryStep(say("recovery.step-pad"), "", not calls))
        opens = f"{keys['arm']} {keys['start']}"
        anew, paused = self.anew(snapshot), snapshot.phase is Phase.PAUSED
        if anew:
            steps.append(RecoveryStep(say("recovery.step-find"), opens))
        go_on = keys["start"] if paused and not anew else opens  # a pause alone goes on without being armed
        steps.append(RecoveryStep(say("recovery.step-go-on", k=next_of_plan(snapshot)), go_on))
        ends = [say("recovery.or-end", key=keys["end"])] if paused else []  # whatever was stopped has ended already
        return [*lines, *numbered(steps), *ends]

    def before_lines(self, snapshot: Snapshot, say: Words) -> list[str]:
        """What stood before the stop: grey, never played."""
        lines = []
        for view in snapshot.channels:
            sensory, motor, tolerated = self.before.get(view.name, (None, None, None))
            marks = " ".join(
                f"{letter} {'–' if ua is None else f'{ua / 1000:.1f}'}"
                for letter, ua in (("S", sensory), ("M", motor), ("T", tolerated))
            )
            lines.append(say("recovery.marks", channel=view.channel, marks=marks))
        return lines


def expired_lines(snapshot: Snapshot, say: Words) -> list[str]:
    """What ended by itself while nobody did anything: whoever comes back finds it off, and reads why."""
    key = f"expired.{snapshot.cause}"
    if snapshot.phase is not Phase.CONFIGURED or not say.has(key):
        return []
    return [say(key, time=clock(PAUSED_MAX_US if snapshot.cause == PAUSE_EXPIRED else ARMED_MAX_US))]


def next_of_plan(snapshot: Snapshot) -> int:
    """The contraction that it goes on with."""
    return (snapshot.contraction or 1) if snapshot.contractions else snapshot.given + 1


def numbered(steps: Sequence[RecoveryStep]) -> list[str]:
    """Done ones ticked, the first open one marked, each with its key."""
    current = next((n for n, step in enumerate(steps) if not step.done), len(steps))
    marks = ("✓" if step.done else "▸" if n == current else " " for n, step in enumerate(steps))
    return [
        f"{mark} {n} {step.words}" + (f"  {step.key}" if step.key else "")
        for n, (mark, step) in enumerate(zip(marks, steps, strict=True), 1)
    ]
