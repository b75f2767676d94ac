"""What finding levels and treatment share: checks, arm, start, channels under the fingers, pause, stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from estim.console import present
from estim.console.checks import NEEDS_A_WORD, check_words
from estim.console.coach import coach_lines, coached
from estim.console.comfort import ComfortClock
from estim.console.dialogs import RESET_REASONS, STOP_REASONS, WARN_REASONS, ReasonDialog, WordDialog
from estim.console.keys import bindings
from estim.console.raise_lock import RaiseLock
from estim.console.stage import StageScreen, hint
from estim.console.widgets import Channels, Cue, Envelope, PracticeLine
from estim.controller.interface import Answer
from estim.safety.reports import OutputState
from estim.session.events import (
    Arm,
    Confirm,
    ContractionSeen,
    Lower,
    Mark,
    Pause,
    Raise,
    ResetFault,
    Resume,
    Start,
    Trigger,
)
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

CUT_PERCENT = 20  # docs/decisions/session.md 18: one key, all channels
COMPACT_ABOVE = 4  # channels; more of them get one line each so that all fit on 24 rows
ROOMY_ROWS, EVENTS_AT_LEAST = 34, 6  # from this height on what happened is listed, in at least so many lines
LIVE = frozenset({Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING})


class LiveScreen(StageScreen):
    """A stage in which output can be on."""

    PURPOSE: ClassVar[Literal["titration", "therapy"]]
    BINDINGS: ClassVar[list[Any]] = [
        *bindings(
            "confirm", "arm", "start", "pause", "resume", "trigger", "raise", "lower", "cut", "seen", "sensory",
            "motor", "tolerated", "no-twitch", "comfort", "reset",
        )
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.chosen: int | None = None
        self.comfort_open = False
        self._was_live = False
        self._raise_said = ""
        self._raise_open = False
        self._comfort = ComfortClock()
        self._lock = RaiseLock()

    def compose_body(self) -> ComposeResult:
        """Progress, cue, envelope, channels, practice, checks."""
        yield Static(id="progress")
        yield Cue(id="cue")
        yield Envelope()
        yield Channels(id="channels")
        yield PracticeLine(id="practice")
        yield Static(id="checks")
        yield Static(id="live-note")
        yield Static(id="happened")

    # -- drawing ----------------------------------------------------------------------------------------------------

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """All parts, from one snapshot."""
        if snapshot is None:
            return
        self._choose_default(snapshot)
        self._watch_raises(snapshot)
        live = snapshot.phase in LIVE
        compact = len(snapshot.channels) > COMPACT_ABOVE and self.size.height < 40
        self.query_one("#progress", Static).update(Content(present.progress_line(snapshot, self.say)))
        cue, envelope = self.query_one(Cue), self.query_one(Envelope)
        coach = coached(snapshot)
        cue.display = live and not coach  # steps to take need the room
        envelope.display = live and not coach and not compact and (self.size.height >= 30 or len(snapshot.channels) < 3)
        if live:
            cue.show(snapshot)
            envelope.show(snapshot, rows=2 if self.size.height < 30 else 5)
        self.query_one(Channels).show(snapshot, chosen=self.chosen, compact=compact)
        self.query_one(PracticeLine).show(snapshot, key=self.console.key_names["room"])
        checks = self.query_one("#checks", Static)
        checks.display = not live or coach
        checks.update(self.checks(snapshot))
        self.query_one("#live-note", Static).update(Content(self.note(snapshot)))
        happened = self.query_one("#happened", Static)
        happened.display = self.size.height >= ROOMY_ROWS
        happened.update(
            Content("\n".join(self.console.happened.lines(self.size.height - ROOMY_ROWS + EVENTS_AT_LEAST)))
        )
        self._ask_after_stop(live=live)

    def checks(self, snapshot: Snapshot) -> Content:
        """What must be confirmed before arming, and how to go on; with a fault, what to do about it."""
        lines: list[Any] = []
        if coached(snapshot):
            lines += [
                Content.styled(line, "bold" if index == 0 else "")
                for index, line in enumerate(coach_lines(snapshot, self.say))
            ]
            return Content("\n").join(lines)
        lines.append(Content.styled(self.say("checks.title"), "bold"))
        for index, want in enumerate(snapshot.wants):
            text = check_words(want, snapshot.patient_id, self.say)
            lines.append(Content.styled(f" {'▶' if index == 0 else ' '} [ ] {text}", "bold" if index == 0 else ""))
        if not snapshot.wants:
            lines.append(Content(f" {self.say('checks.all')}"))
        lines += [Content(f"   ! {self.say.heard(warning)}") for warning in snapshot.warnings]
        lines.append(Content(self.how_to_go_on(snapshot)))
        return Content("\n").join(lines)

    def how_to_go_on(self, snapshot: Snapshot) -> str:
        """The two steps to output."""
        return f" {self.say('checks.then' if snapshot.wants else 'checks.now')}"

    def note(self, snapshot: Snapshot) -> str:
        """One line under the channels."""
        if self.comfort_open:
            return self.say("comfort.press")
        if snapshot.phase is Phase.RUNNING:
            due = self._comfort.due(snapshot) if self.PURPOSE == "therapy" else ""
            asks = (self.say(f"comfort.{due}"),) if due else ()
            return "\n".join((*asks, self.raise_words(snapshot), snapshot.cue, present.lease_line(snapshot, self.say)))
        if snapshot.phase is Phase.PAUSED and not coached(snapshot):
            return self.say("note.paused", waited=present.clock(snapshot.now_us - snapshot.output_since_us))
        return ""

    def raise_words(self, snapshot: Snapshot) -> str:
        """Why the chosen channel can't be raised just now."""
        waits = next((view.raise_locked for view in snapshot.channels if view.channel == self.chosen), "")
        if waits:
            return self.say("raise.waits", why=self.say.heard(self.say.of("raise-why", waits)))
        if self._lock.locked:
            return self.say("raise.locked", channel=self.chosen)
        said = f" · {self.say('raise.last', said=self._raise_said)}" if self._raise_said else ""
        return self.say("raise.can", channel=self.chosen) + said

    def _watch_raises(self, snapshot: Snapshot) -> None:
        running = snapshot.phase is Phase.RUNNING
        if not running:
            self._raise_open = False  # an answer that a stop overtook
            self._lock.touch()
        free = any(view.channel == self.chosen and not view.raise_locked for view in snapshot.channels)
        self._lock.observe(snapshot.now_us, possible=running and free)

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:
        """Keys that do something now."""
        if snapshot is None:
            return (hint("back"),)
        match snapshot.phase:
            case Phase.RUNNING:
                return (hint("raise"), hint("lower"), hint("cut"), hint("pause"), *self.live_hints(snapshot))
            case Phase.PAUSED:
                return () if coached(snapshot) else (hint("resume"),)
            case Phase.ARMED:
                return (hint("start"),)
            case Phase.FAULT | Phase.DISCONNECTED:
                return (hint("reset"),)
            case Phase.STOPPING:
                return ()
        first = (hint("confirm"),) if snapshot.wants else (hint("arm"),)
        return (*first, hint("next"), hint("back"))

    def live_hints(self, snapshot: Snapshot) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Further keys while running."""
        return ()

    # -- keys -------------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Digits choose the channel; after F a digit is the patient's comfort."""
        if self.comfort_open:
            self.comfort_open = False
            if event.key == "t" or event.key.isdigit():
                event.stop()
                event.prevent_default()
                self._note_comfort(10 if event.key == "t" else int(event.key))
            return
        if event.key.isdigit() and event.key != "0":
            event.stop()
            snapshot = self.console.snapshot
            if snapshot is not None and any(view.channel == int(event.key) for view in snapshot.channels):
                self.chosen = int(event.key)
                self._lock.touch()
                self.show(snapshot)

    def _note_comfort(self, value: int) -> None:
        snapshot = self.console.snapshot
        self._comfort.asked(snapshot)
        levels = {} if snapshot is None else {str(view.channel): view.sent_ua for view in snapshot.channels}
        fields: dict[str, object] = {"discomfort": value, "sent_ua": levels}
        self.console.note(fields)

    def _choose_default(self, snapshot: Snapshot) -> None:
        channels = [view.channel for view in snapshot.channels]
        if snapshot.titration_channel is not None and self.PURPOSE == "titration" and snapshot.phase is Phase.RUNNING:
            self.chosen = snapshot.titration_channel
        elif self.chosen not in channels:
            self.chosen = channels[0] if channels else None

    def action_confirm(self) -> None:
        """The marked check was done."""
        snapshot = self.console.snapshot
        if snapshot is None or snapshot.phase in LIVE or not snapshot.wants:
            return
        want = snapshot.wants[0]
        if want in NEEDS_A_WORD:
            title = self.say("checks.who", check=check_words(want, snapshot.patient_id, self.say))
            self.app.push_screen(WordDialog(title, "checks.who-example"), lambda word: self._confirm(want, word))
        elif want == "warnings":
            self.app.push_screen(ReasonDialog("ask.warnings", WARN_REASONS), lambda why: self._confirm(want, why))
        elif want != "screening":
            self._confirm(want, "yes")

    def _confirm(self, want: str, value: str | None) -> None:
        if value:
            self.console.send(Confirm(id=self.console.next_id(), what=want, value=value))

    def action_arm(self) -> None:
        """First step."""
        self.console.gate.unexplained = False  # what was stopped before is over
        self.console.send(Arm(id=self.console.next_id()))

    def action_start(self) -> None:
        """Second step."""
        self.console.send(Start(id=self.console.next_id()))

    def action_pause(self) -> None:
        """Off, with the place kept."""
        self.console.send(Pause(id=self.console.next_id()))

    def action_resume(self) -> None:
        """On again from 0 mA."""
        self.console.send(Resume(id=self.console.next_id()))

    def action_trigger(self) -> None:
        """One contraction of a key-triggered phase."""
        self.console.send(Trigger(id=self.console.next_id()))

    def action_raise_level(self) -> None:
        """One step up, on the snapshot that is on the screen."""
        snapshot = self.console.snapshot
        if snapshot is None or self.chosen is None or self._raise_open:
            return  # a held key asks again only when the last raise is answered
        if self._lock.locked:
            return  # nothing was done for a while: a channel's number or a lowering unlocks
        if any(view.channel == self.chosen and view.raise_locked for view in snapshot.channels):
            return  # the line under the channels says what it waits for
        request = Raise(id=self.console.next_id(), channel=self.chosen, snapshot_n=snapshot.n)
        self._raise_open = True
        self.console.send(request, self._raised)

    def _raised(self, answer: Answer) -> None:
        """A raise that was not possible is said where the hand's next look goes, without any red."""
        self._raise_open = False
        if answer.accepted:
            self._lock.touch()
        self._raise_said = "" if answer.accepted else self.say.heard(str(answer.problems[0].get("message", "")))

    def action_lower(self) -> None:
        """One step down."""
        self._lock.touch()
        self.console.send(Lower(id=self.console.next_id(), channel=self.chosen, percent=0))

    def action_cut(self) -> None:
        """All channels down by a fifth."""
        self._lock.touch()
        self.console.send(Lower(id=self.console.next_id(), channel=None, percent=CUT_PERCENT))

    def action_seen(self) -> None:
        """A sensory channel made the muscle contract."""
        if self.chosen is not None:
            self.console.send(ContractionSeen(id=self.console.next_id(), channel=self.chosen))

    def mark(self, kind: Literal["sensory", "motor", "max-tolerated", "no-twitch", "twitch"]) -> None:
        """The level that plays now is this one."""
        if self.chosen is not None:
            self.console.send(Mark(id=self.console.next_id(), channel=self.chosen, kind=kind))

    def action_sensory(self) -> None:
        """It is felt."""
        self.mark("sensory")

    def action_motor(self) -> None:
        """It contracts."""
        self.mark("motor")

    def action_tolerated(self) -> None:
        """The strongest that is tolerated."""
        self.mark("max-tolerated")

    def action_no_twitch(self) -> None:
        """None up to here."""
        self.mark("no-twitch")

    def action_comfort(self) -> None:
        """The next digit is the patient's comfort."""
        self.comfort_open = True
        self.show(self.console.snapshot)

    def action_reset(self) -> None:
        """Leave the fault, with a reason."""
        snapshot = self.console.snapshot
        if snapshot is None or snapshot.phase not in {Phase.FAULT, Phase.DISCONNECTED}:
            return
        if snapshot.output is not OutputState.OFF:
            self.refuse("refuse.not-off", safe=self.say.heard(snapshot.make_safe))
            self.console.send(ResetFault(id=self.console.next_id(), reason=""))  # asks a lost device again
        else:
            self.app.push_screen(ReasonDialog("ask.reset", RESET_REASONS), self._reset)

    def _reset(self, reason: str | None) -> None:
        if reason:
            self.console.send(ResetFault(id=self.console.next_id(), reason=reason))

    # -- after a stop -----------------------------------------------------------------------------------------------

    def _ask_after_stop(self, *, live: bool) -> None:
        """Once off after a stop key, ask why: a code, afterwards, never before the stop."""
        if live:
            self._was_live = True
            return
        gate = self.console.gate
        if not self._was_live or gate.closed or self.app.screen is not self:
            return  # asked as soon as nothing lies over this stage
        self._was_live = False
        if gate.unexplained:
            gate.unexplained = False
            self.app.push_screen(ReasonDialog("ask.stopped", STOP_REASONS), self._stopped)

    def _stopped(self, reason: str | None) -> None:
        if reason:
            self.console.draft.stop_reason = reason
            self.console.note({"stopped": reason}, kind="reason")
