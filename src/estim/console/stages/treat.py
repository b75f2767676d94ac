"""The treatment as an instrument: what the patient does, what flows, what was given, the way back when it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.content import Content

from estim.care.drills import drills
from estim.care.words import drill_title, drill_words
from estim.console import present
from estim.console.bigtext import big
from estim.console.comfort import PAIN_FROM
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.corrected import END_REASONS, STOP_REASONS
from estim.console.cue import cue_of
from estim.console.dose import dose_lines, enough, ran_out
from estim.console.draft import Stage
from estim.console.ending import ending_words
from estim.console.panel import Panel
from estim.console.recovery import expired_lines
from estim.console.scope import draw_scope
from estim.console.stages.beside import show_atlas
from estim.console.stages.live import LivePane
from estim.console.stages.reason import ask_reason
from estim.console.widgets import channel_lines, emg_lines, force_lines, practice_lines
from estim.controller.interface import Answer
from estim.desk.sounds import Sounder
from estim.session.events import EndEarly, SkipPhase
from estim.session.snapshot import Snapshot
from estim.session.state import BEGUN, Cycle, Phase

SKIP_REASONS = ("fatigue", "discomfort", "short-of-time", "not-needed", "other")
STEPS_COME_US = 6_000_000  # so long after a step, or after the room was told of one, nobody is asked for another


class TreatPane(LivePane):
    """Arm, start, contract and rest, adjust, pause, end."""

    NAME: ClassVar[str] = "treat"
    PURPOSE: ClassVar[Literal["titration", "therapy"]] = "therapy"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._sounder = Sounder(lambda: self.app.call_from_thread(self.app.bell))
        self._stepped_us: int | None = None
        self._pads_shown: dict[str, tuple[str, int, int]] = {}
        self._finding = False  # F2 after a lost level: stop, then back to the levels as soon as output is off

    def compose(self) -> ComposeResult:
        """All panels; the style sheet says which of them a size has."""
        yield Panel("", id="way-back")
        yield Panel(self.say("pads.atlas"), id="back-pads")
        yield Panel(self.say("recovery.before"), id="before")
        yield Panel("", id="cue")
        yield Panel(self.say("treat.dose"), id="dose")
        yield Panel(self.say("treat.words"), id="words")
        yield Panel(self.say("treat.envelope"), id="envelope")
        yield Panel(self.say("treat.force"), id="force")
        yield Panel(self.say("live.channels"), id="channels")
        yield Panel(self.say("pads.atlas"), id="treat-pads")
        yield Panel(self.say("treat.happened"), id="happened")

    # -- drawing ----------------------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot | None) -> None:
        """All panels, from one snapshot."""
        if snapshot is None:
            return
        self.take_in(snapshot)
        live = snapshot.phase in BEGUN
        back = snapshot.phase in {Phase.PAUSED, Phase.FAULT} or (not live and self.recovery.active(snapshot))
        back = back and not (self.console.draft.end_reason and snapshot.phase is Phase.CONFIGURED)
        self.set_class(back, "-back")
        self.set_class(self.asks_why, "-why")
        for name in ("cue", "dose", "envelope"):
            self.panel(name).set_class(back, "-gone")
        for name in ("way-back", "back-pads", "before"):
            self.panel(name).set_class(not back, "-gone")
        if back:
            way = self.panel("way-back")
            way.title(self.say("recovery.title"))
            short = self.console.rows < 34
            steps = self.recovery.lines(snapshot, self.say, self.console.key_names, short=short)
            way.lines([*self.why_lines(way.columns), *steps])
            lost = self.recovery.lost(snapshot)
            self._show_pads("back-pads", lost[0] if lost else self._chosen_name())
            before = self.recovery.before_lines(snapshot, self.say)
            self.panel("before").lines([*before, "", *dose_lines(snapshot, self.say, self.comfort)])
        else:
            self._show_cue(snapshot, live=live)
            self.panel("dose").lines(dose_lines(snapshot, self.say, self.comfort))
            self._show_envelope(snapshot)
        channels = self.panel("channels")
        tight = self.console.rows < 34 and len(snapshot.channels) > 2
        lines = channel_lines(snapshot, self.say, chosen=self.chosen, columns=channels.columns, short=tight)
        lines += practice_lines(snapshot, self.say, self.console.key_names["room"])
        channels.lines(lines)
        self.panel("force").lines(force_lines(snapshot, self.say, self.panel("force").columns))
        happened = self.panel("happened")
        happened.newest(self.console.happened.lines(max(1, happened.rows)) or [self.say("happened.nothing")])
        self._show_pads("treat-pads", self._chosen_name())
        self.panel("words").lines(present.lease_lines(snapshot, self.say))

    def _chosen_name(self) -> str:
        return self.view.name if self.view is not None else ""

    def _show_pads(self, where: str, name: str) -> None:
        """They lie where they lay: drawn anew for another channel or size alone."""
        panel = self.panel(where)
        shown = (name, panel.columns, panel.rows)
        if panel.size.height and shown != self._pads_shown.get(where):
            self._pads_shown[where] = shown
            show_atlas(self.console, panel, name)

    def _show_cue(self, snapshot: Snapshot, *, live: bool) -> None:
        panel = self.panel("cue")
        if not live:
            over = bool(snapshot.outcome or self.console.draft.therapy_began)
            panel.title(self.numbered("treat.over" if over else "treat.checks"))
            panel.lines(self._before(snapshot, over=over, columns=panel.columns))
            return
        cue = cue_of(snapshot, self.say)
        self._sounder.hear(cue.id, snapshot.cue_signal)  # as the protocol asks for it
        panel.title(self.numbered("treat.cue"))
        left = "" if cue.seconds_left is None else f"  {cue.seconds_left}"
        lines: list[Content | str] = list(big(cue.word + left, panel.columns))
        if snapshot.waits_for == "emg" and snapshot.emg_uv is not None:  # the bar stands under the word at every size
            lines += emg_lines(snapshot, self.say, panel.columns)
        about = self._repetition(snapshot) or cue.about
        panel.lines([*lines, about] if about else lines)

    def _repetition(self, snapshot: Snapshot) -> str:
        """What the therapist says to this contraction; who shall relax is told what is done, never to do it."""
        drill = drills().get(self.console.draft.drill)
        if drill is None or snapshot.purpose != "therapy":
            return ""
        said = drill_words(drill, self.say.language)
        words = said["name"] if snapshot.effort == "relax" else said["cue"]
        of = str(snapshot.contractions or "–")
        return self.say("treat.repetition", k=max(1, snapshot.contraction), of=of, words=words)

    def _before(self, snapshot: Snapshot, *, over: bool, columns: int) -> list[Content | str]:
        """With output off: how it ended, or what is asked before it begins."""
        if over:
            words = ending_words(snapshot, self.console.draft, self.say)
            lines: list[Content | str] = [Content.styled(words, "bold"), *expired_lines(snapshot, self.say)]
            return [*lines, *self.lower_lines(snapshot), *self.said_lines(whole=False), *self.why_lines(columns)]
        drill = self.console.draft.drill
        joins = [self.say("treat.with-drill", name=drill_title(drill, self.say.language))] if drill else []
        return [*self.lower_lines(snapshot), *self.why_lines(columns), *self.check_lines(snapshot), *joins]

    def _show_envelope(self, snapshot: Snapshot) -> None:
        panel = self.panel("envelope")
        if not panel.display or not panel.size.height:
            return
        wide = panel.columns
        if not self.plot.due(snapshot, wide, panel.rows, self.chosen):
            return
        back, ahead = (120, 30) if wide > 140 else (60, 20) if wide > 85 else (20, 10)
        several = len(snapshot.channels) > 1 and wide > 140
        panel.title(self.say("treat.envelope" if several else "treat.envelope-of", channel=self.chosen or 1))
        panel.lines(
            draw_scope(
                self.trace,
                snapshot,
                columns=wide,
                rows=panel.rows,
                channel=None if several else self.chosen,
                back_s=back,
                ahead_s=ahead,
                protocol=self.console.draft.protocol,
                now=self.say("treat.now"),
            )
        )

    # -- keys -------------------------------------------------------------------------------------------------------

    def ready(self, snapshot: Snapshot) -> Sequence[Command]:
        """Checks and arm; after the end the outcome; after a lost level the way to find it."""
        say, draft = self.say, self.console.draft
        back = self.does("back", self._back, label=say("hint.back"))
        if (where := self.back_for(snapshot)) is not None:
            return (*where, self._on(snapshot, first=False), back)
        if snapshot.purpose != "therapy" or self.recovery.lost(snapshot):
            find = self.does("arm", self.find_again, label=say("recovery.find"), says=say("recovery.find-says"))
            start = self.does("start", lambda: None, label="", refusal=say("recovery.find-first"))
            if draft.end_reason or self.unwell:  # whoever ended it here is not led back to treatment
                return (self._on(snapshot, first=True), find, start, back)
            return (find, start, self._on(snapshot, first=False), back)
        armed = self.arm_commands(snapshot)
        finished = snapshot.outcome == "completed" or draft.end_reason or self.unwell or ran_out(snapshot)
        if finished:
            return (self._on(snapshot, first=True), *armed, back)
        if snapshot.outcome:
            return (*armed, self._on(snapshot, first=False), back)
        return (*armed, self._on(snapshot, first=False), back)

    def _on(self, snapshot: Snapshot, *, first: bool) -> Command:
        on = self.to_outcome()
        return on if first or snapshot.outcome else replace(on, says="")

    def live_first(self, snapshot: Snapshot) -> Sequence[Command]:
        """What the treatment waits for, where it waits for a hand or the room."""
        waiting = snapshot.waits_for
        if waiting == "key":
            return (self.does("trigger", self.trigger, says=self.say("treat.trigger-says")),)
        due = self.comfort.due(snapshot)
        if due:
            return (self.does("comfort", self._open_comfort, says=self.say(f"comfort.{due}")),)
        return ()

    def raise_says(self, snapshot: Snapshot) -> str:
        """Up; while the room is waited for, that comes first. Where it hurt today, or at the strongest that was found,
        whoever raises does it unasked.
        """
        view = self.view
        strongest = view is not None and view.max_tolerated_ua and view.level_ua >= view.max_tolerated_ua
        unasked = strongest or self.console.draft.hurt or self._room_says(snapshot)
        return "" if unasked else super().raise_says(snapshot)

    def _room_says(self, snapshot: Snapshot) -> str:
        """What the room is asked for, "" for nothing: whoever walks takes the next step by herself."""
        waiting = snapshot.waits_for
        if snapshot.practice is None or waiting not in {"sensor", "emg"}:
            return ""
        came = [self.console.draft.in_room_us, self._stepped_us if waiting == "sensor" else None]
        if any(at_us is not None and snapshot.now_us - at_us < STEPS_COME_US for at_us in came):
            return ""
        return self.say("treat.walks" if waiting == "sensor" else "treat.tries")

    def live_keys(self, snapshot: Snapshot) -> Sequence[Command]:
        """Marks, skipping, ending."""
        say = self.say
        sensory = any(view.output == "sensory" for view in snapshot.channels)
        skip = (self.does("skip", self._skip),) if snapshot.plan_phases > 1 else ()
        says = self._room_says(snapshot)
        room = (self.does("room", self._room, says=says),) if says else ()
        return (
            *room,
            self.does("tolerated", partial(self.mark, "max-tolerated"), refusal=self.mark_refusal("max-tolerated")),
            *((self.does("seen", self.seen),) if sensory else ()),
            *skip,
            self.does("end", self.end, says=say("treat.end-says") if self._may_be_enough(snapshot) else ""),
        )

    @staticmethod
    def _may_be_enough(snapshot: Snapshot) -> bool:
        """A triggered plan has no number to reach: near the end of its time, ending is the next thing to think of."""
        return not snapshot.contractions and enough(snapshot)

    def _room(self) -> None:
        self.console.open_room()

    def _skip(self) -> None:
        ask_reason(self.console, self.say("ask.skip"), SKIP_REASONS, self._skipped)

    def _skipped(self, reason: str) -> None:
        self.console.send(SkipPhase(id=self.console.next_id(), reason=reason))

    def end(self) -> None:
        """Ends here, with a reason; a goal is reached only by whoever was treated."""
        snapshot = self.now
        reached = ("goal-reached",) if snapshot is not None and enough(snapshot) else ()
        ask_reason(self.console, self.say("ask.end"), (*reached, *END_REASONS), self._ended)

    def _ended(self, reason: str) -> None:
        self.console.draft.end_reason = reason
        self.console.send(EndEarly(id=self.console.next_id(), reason=reason), partial(self._end_answered, reason))

    def _end_answered(self, reason: str, answer: Answer) -> None:
        """A pain counts as that of a stop; also where a stop came first, whose reason it is then."""
        draft = self.console.draft
        if not answer.accepted:
            draft.end_reason = ""
            if reason in STOP_REASONS:
                draft.asks_of_therapy, self.console.gate.unexplained = True, False
                self.stopped_since(reason)
            return
        draft.reasons_said = [reason]
        if reason == "pain":
            draft.stopped_for = reason
            draft.stops.append(reason)
            draft.felt_ua = self.felt.highest_ua
            draft.hurting.said(PAIN_FROM, draft.felt_ua)

    def find_again(self) -> None:
        """Off first; then the levels are configured anew, and found from 0 mA."""
        snapshot = self.now
        if snapshot is None:
            return
        self._finding, self.console.draft.end_reason = True, ""
        if snapshot.phase is Phase.PAUSED:
            self.console.client.stop("console")
        else:
            self._find()

    def _find(self) -> None:
        self._finding = False
        self.configure("titration", partial(self.console.go, Stage.LEVELS))

    def take_in(self, snapshot: Snapshot) -> None:
        """A way back that waits for the device's own off goes on once it is said."""
        super().take_in(snapshot)
        if any(view.cycle is not Cycle.REST for view in snapshot.channels):
            self._stepped_us = snapshot.now_us
        if self._finding and snapshot.phase is Phase.CONFIGURED and not self.console.gate.closed:
            self.console.draft.asks_why = False
            self._find()

    def _back(self) -> None:
        """Back to the levels: configures them anew, so checks are asked again."""
        self.configure("titration", partial(self.console.go, Stage.LEVELS))
