"""What finding levels and treatment share: arm, start, channels under the fingers, pause, stop, the way back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.presses import Kind
from estim.console.recovery import Recovery
from estim.console.scope import Pace, Trace
from estim.console.stages.felt import FeltPane
from estim.console.stages.why import by_somebody_else, correction
from estim.controller.interface import Answer
from estim.safety.reports import OutputState
from estim.session.events import Acknowledge, ContractionSeen, Mark, Pause, PressTrigger, Raise, Resume, Start
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import BEGUN, Cycle, Phase

MarkKind = Literal["sensory", "motor", "max-tolerated", "no-twitch", "twitch"]


class LivePane(FeltPane):
    """A stage in which output can be on."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.trace = Trace()
        self.plot = Pace()
        self.recovery = Recovery()
        self._raise_open = False
        self._raise_said = ""
        self._was_live = False

    # -- what it knows ----------------------------------------------------------------------------------------------

    def take_in(self, snapshot: Snapshot) -> None:
        """Take the snapshot in, before it is drawn."""
        self._choose_default(snapshot)
        self.trace.observe(snapshot)
        self.felt.observe(snapshot)
        self.answer_as_before(snapshot)
        self.recovery.observe(snapshot)
        running = snapshot.phase is Phase.RUNNING
        if not running:
            self._raise_open = False  # an answer that a stop overtook
            self.comfort_open = self.comfort_open and snapshot.phase is Phase.PAUSED
            self.raise_lock.touch()
        view = self.view
        self.raise_lock.observe(snapshot.now_us, possible=running and view is not None and not view.raise_locked)
        gate, live = self.console.gate, snapshot.phase in BEGUN
        if live:
            self._was_live = True
            self.begun()
        elif self._was_live and not gate.closed:
            self._was_live = False
            self.console.draft.felt_ua = self.felt.highest_ua
            self.stopped(unexplained=gate.unexplained or by_somebody_else(snapshot))
            gate.unexplained = False

    def _choose_default(self, snapshot: Snapshot) -> None:
        channels = [view.channel for view in snapshot.channels]
        if snapshot.titration_channel is not None and self.PURPOSE == "titration" and snapshot.phase is Phase.RUNNING:
            self.chosen = snapshot.titration_channel
        elif self.chosen not in channels:
            self.chosen = channels[0] if channels else None

    def grey_ua(self, view: ChannelView) -> int:
        """The level of the last session here, 0 for none: a mark to look near, never one to play."""
        marks = self.console.draft.last_marks.get(view.name, {})
        return marks.get("level") or marks.get("max-tolerated") or marks.get("motor") or marks.get("sensory") or 0

    # -- keys -------------------------------------------------------------------------------------------------------

    def commands(self) -> Sequence[Command]:
        """By what the session does now."""
        snapshot = self.now
        if snapshot is None:
            return ()
        match snapshot.phase:
            case Phase.RUNNING:
                return self._comfort_commands() if self.comfort_open else self.running(snapshot)
            case Phase.PAUSED:
                if self.comfort_open:
                    return self._comfort_commands()
                cut = self._cut_first(snapshot)
                return (*cut, *self.paused(snapshot), *self._felt_in_pause(with_cut=not cut))
            case Phase.ARMED:
                waits = "" if snapshot.level_open else self.say("refuse.opens")
                return (self.does("start", self._start, says=self.say("live.start-says"), refusal=waits),)
            case Phase.STOPPING:
                return ()
            case Phase.FAULT | Phase.DISCONNECTED:
                # Nobody is led away from an output that may be on.
                back = () if snapshot.output is OutputState.UNCERTAIN else self.ready(snapshot)[-1:]
                return (*self.acknowledge_first(snapshot), *self.reset_commands(snapshot), *back)
        cut, ready = self._cut_first(snapshot), self.ready(snapshot)
        if self.unwell:  # the outcome comes before all that leads on
            ready, cut = (*ready, *cut), ()
        asked = self.reasons() or correction(self)  # answers stand in the pane
        return (*self.acknowledge_first(snapshot), *cut, *ready, *asked)

    def acknowledge_first(self, snapshot: Snapshot) -> Sequence[Command]:
        """A high alarm that nobody has read stands in the way."""
        alarm = next(
            (one for one in snapshot.alarms if not one.acknowledged and one.priority in {"high", "medium"}), None
        )
        if alarm is None:
            return ()
        return (self.does("acknowledge", partial(self._acknowledge, alarm.code), says=self.say("live.read-alarm")),)

    def _acknowledge(self, code: str) -> None:
        self.console.send(Acknowledge(id=self.console.next_id(), code=code))

    def find_again(self) -> None:
        """Output off, and back to 0 mA where a level was lost."""
        raise NotImplementedError

    def end(self) -> None:
        """End here."""
        raise NotImplementedError

    def ready(self, snapshot: Snapshot) -> Sequence[Command]:
        """With output off."""
        raise NotImplementedError

    def arm_commands(self, snapshot: Snapshot) -> Sequence[Command]:
        """The checks, then F2; F9 says that F2 comes first."""
        say = self.say
        asked = self.check_commands(snapshot)
        check = self.open_check(snapshot)
        refusal = ""
        if self.why_first(snapshot):
            refusal = say("refuse.why-first")
        elif check or "screening" in snapshot.wants:
            first = asked[0] if asked else None
            refusal = (
                say(
                    "refuse.check",
                    check=self.check_name(check or "screening"),
                    key=self.check_key(check) if check else "Enter",
                )
                if first
                else say("checks.wait")
            )
        lower = self.lowered and snapshot.purpose == "therapy"  # finding begins at 0 mA
        says = say("live.arm-lower-says" if lower else "live.arm-says")
        if self.unwell:
            arm = self.does("arm", self.ask_go_on, says=say("live.go-on-says"), refusal=refusal)
        else:
            arm = self.does("arm", self.arm, says=says, refusal=refusal)
        after = say("refuse.start-first", reason=refusal) if refusal else say("refuse.start-after")
        start = self.does("start", lambda: None, label="", refusal=after)
        return (*asked, arm, start)

    def running(self, snapshot: Snapshot) -> Sequence[Command]:
        """While output runs: levels under the fingers."""
        say, view = self.say, self.view
        raise_refusal = self._raise_refusal(view)
        digits = [
            Command(keys=(str(one.channel),), act=partial(self._choose, one.channel), kind=Kind.MOVE)
            for one in snapshot.channels
        ]
        hurts = self.comfort.hurts(snapshot)  # comes before all that leads on
        cut = self.cut_command("live.hurts-says" if hurts else "")
        return (
            *((cut,) if hurts else ()),
            *self.live_first(snapshot),
            self.does("raise", self.raise_level, says=self.raise_says(snapshot), refusal=raise_refusal, kind=Kind.STEP),
            self.does("lower", self._lower, kind=Kind.FREE),
            cut,
            self.does("pause", self._pause),
            self.does("comfort", self._open_comfort),
            *self.live_keys(snapshot),
            self.does("start", lambda: None, label="", refusal=say("refuse.runs")),
            self.does("arm", lambda: None, label="", refusal=say("refuse.runs")),
            *digits,
        )

    def live_first(self, snapshot: Snapshot) -> Sequence[Command]:
        """What leads on while it runs, ahead of raising."""
        raise NotImplementedError

    def live_keys(self, snapshot: Snapshot) -> Sequence[Command]:
        """Further keys while running."""
        raise NotImplementedError

    def raise_says(self, snapshot: Snapshot) -> str:  # noqa: ARG002
        """What + does, for the next line."""
        return self.say("live.raise-says", channel=self.chosen)

    def _raise_refusal(self, view: ChannelView | None) -> str:
        if view is None:
            return self.say("live.no-channel")
        if view.raise_locked:
            return self.say("raise.waits", why=self.say.heard(self.say.of("raise-why", view.raise_locked)))
        if self.raise_lock.locked:
            return self.say("raise.locked", channel=self.chosen)
        return ""

    def paused(self, snapshot: Snapshot) -> Sequence[Command]:
        """The way back, each step by its key; ending is always possible."""
        return self.recovery.commands(self, snapshot)

    # -- what they do -----------------------------------------------------------------------------------------------

    def _choose(self, channel: int) -> None:
        self.chosen = channel
        if self.now is not None:
            self._choose_default(self.now)  # what is sought stays: a fall must meet what flows
        self.raise_lock.touch()
        self._held.other_key()

    def _start(self) -> None:
        draft = self.console.draft
        if self.PURPOSE == "therapy":
            draft.stop_reason = draft.end_reason = ""  # of what goes on now
        drill = draft.drill
        if drill and self.now is not None and self.now.purpose == "therapy":
            self.console.note({"drill": drill})  # a session that breaks off has joined it too
        self.console.send(Start(id=self.console.next_id()))

    def resume(self) -> None:
        """On again from 0 mA."""
        self.console.send(Resume(id=self.console.next_id()))

    def trigger(self) -> None:
        """One contraction of a key-triggered phase."""
        self.console.send(PressTrigger(id=self.console.next_id()))

    def _pause(self) -> None:
        self.console.send(Pause(id=self.console.next_id()))

    def raise_level(self) -> None:
        """One step up, on the snapshot that is on the screen."""
        snapshot, view = self.now, self.view
        if snapshot is None or view is None:
            return
        why = self._held.press(self.console.clock(), snapshot, view, self.grey_ua(view), view.raise_step_ua)
        if why:
            if why != "other":
                self.console.said(self.say(f"raise.held-{why}"))
            return
        if self._raise_open:
            return  # a held key asks again only when the last raise is answered
        self._raise_open = True
        request = Raise(id=self.console.next_id(), channel=view.channel, snapshot_n=snapshot.n)
        self.console.send(request, self._raised)

    def _raised(self, answer: Answer) -> None:
        """A raise that was not possible is said where the next look goes, without any red."""
        self._raise_open = False
        if answer.accepted:
            self.raise_lock.touch()
        self._raise_said = "" if answer.accepted else self.say.heard(str(answer.problems[0].get("message", "")))

    def seen(self) -> None:
        """A sensory channel made the muscle contract."""
        if self.chosen is not None:
            self.console.send(ContractionSeen(id=self.console.next_id(), channel=self.chosen))

    def mark_refusal(self, kind: MarkKind) -> str:
        """Why the level can't be marked now; "" where it can."""
        view, snapshot, say = self.view, self.now, self.say
        if view is None or snapshot is None:
            return say("live.no-channel")
        if not view.level_ua or (not view.sent_ua and view.cycle is Cycle.REST and not view.pulses):
            return say("mark.nothing-flows")
        if not snapshot.acknowledged:
            return say("mark.not-acknowledged")
        level = view.level_ua
        below = {"motor": view.sensory_ua, "max-tolerated": view.motor_ua or view.sensory_ua}.get(kind)
        above = {"sensory": view.motor_ua or view.max_tolerated_ua, "motor": view.max_tolerated_ua}.get(kind)
        if below is not None and level < below:
            return say(f"mark.below-{'sensory' if kind == 'motor' else 'motor'}", level=f"{below / 1000:.1f}")
        if above is not None and level > above:
            return say(f"mark.above-{'motor' if kind == 'sensory' else 'tolerated'}", level=f"{above / 1000:.1f}")
        return self.hurts_there(view) if kind == "max-tolerated" else ""

    def mark(self, kind: MarkKind) -> None:
        """The level that plays now is this one."""
        self._held.other_key()
        if self.chosen is not None:
            self.console.send(Mark(id=self.console.next_id(), channel=self.chosen, kind=kind))
