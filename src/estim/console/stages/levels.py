"""Finding levels: channel by channel from 0 mA, marks by one key each, nothing of it counted as treatment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.content import Content

from estim.console import present
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.console.scope import draw_scope
from estim.console.stages.end_today import end_today
from estim.console.stages.live import LivePane
from estim.console.widgets import channel_lines, practice_lines
from estim.protocols.schema import Channel
from estim.safety.caps import sensory_ceiling_ua
from estim.session.events import NextChannel
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import BEGUN, Cycle, Phase

LOW_RATE: Final = "low-rate"
TINGLING, MOVES, STRONG = "tingling", "moves", "strong"  # of the virtual patient's sentences
WORKING: dict[str, Literal["sensory_ua", "motor_ua", "max_tolerated_ua"]] = {
    "sensory": "sensory_ua",
    "motor-visible": "motor_ua",
    "percent-motor-threshold": "motor_ua",
}


class LevelsPane(LivePane):
    """Felt, moves, strongest: what the protocol's rule asks for on each channel. Single twitches by one key."""

    NAME: ClassVar[str] = "levels"
    PURPOSE: ClassVar[Literal["titration", "therapy"]] = "titration"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._sent = self._next_sent = False

    def compose(self) -> ComposeResult:
        """Envelope, marks, what is going on, checks."""
        yield Panel("", id="envelope")
        yield Panel(self.say("checks.title"), id="checks")
        yield Panel(self.say("levels.marks"), id="marks")
        yield Panel(self.say("live.channels"), id="channels")

    def show(self, snapshot: Snapshot | None) -> None:
        """All panels, from one snapshot."""
        if snapshot is None:
            return
        self.take_in(snapshot)
        if snapshot.purpose == "titration":
            self.console.draft.take_levels(snapshot.channels)
        live, view = snapshot.phase in BEGUN, self.view
        checks = self.panel("checks")
        checks.display = not live
        if not live:
            twitches = snapshot.purpose == LOW_RATE
            checks.title(self.numbered("levels.twitch-checks" if twitches else "levels.checks"))
            why = [*self.why_lines(checks.columns), *self.said_lines(whole=True)]
            checks.lines([*why, *self.check_lines(snapshot)])
        envelope = self.panel("envelope")
        envelope.display = live
        name = self.numbered("levels.twitch-title" if snapshot.purpose == LOW_RATE else "levels.title")
        envelope.title(f"{name} · {self._titled(view)}" if view is not None else name)
        if view is not None and self.plot.due(snapshot, envelope.columns, envelope.rows, self.chosen):
            grey = self.grey_ua(view)
            words = self.say("levels.grey", day=self.console.draft.last_day)
            marks = [(grey, words)] if grey else []
            envelope.lines(
                draw_scope(
                    self.trace,
                    snapshot,
                    columns=envelope.columns,
                    rows=envelope.rows,
                    channel=self.chosen,
                    back_s=15,
                    ahead_s=5,
                    protocol=None,
                    marks=marks,
                    now=self.say("treat.now"),
                )
            )
        self.panel("marks").lines(self._mark_lines(snapshot))
        lines = [] if view is None else self._now_lines(snapshot, view)
        channels = self.panel("channels")
        lines += channel_lines(snapshot, self.say, chosen=self.chosen, columns=channels.columns, short=True)
        lines += practice_lines(snapshot, self.say, self.console.key_names["room"])
        channels.lines(lines)

    def _titled(self, view: ChannelView) -> str:
        muscle, side = self.say.short_muscle(view.muscle), self.say.of("side", view.side)
        return self.say("levels.of", channel=view.channel, muscle=muscle, side=side)

    def _now_lines(self, snapshot: Snapshot, view: ChannelView) -> list[Content | str]:
        rests = snapshot.phase is Phase.RUNNING and view.cycle is Cycle.REST
        asked = self.say(
            "levels.now-rest" if rests else "levels.now",
            level=present.short_ma(view.level_ua),
            sent=present.short_ma(view.sent_ua if snapshot.acknowledged else None),
            age=snapshot.lease_us[1] // 1000,
            hz=f"{view.frequency_mhz / 1000:g}",
            us=view.pulse_width_us,
        )
        channel = self._channel(view)
        lines: list[Content | str] = [Content.styled(asked, "bold")]
        if channel is not None and snapshot.phase is Phase.RUNNING:
            key = "levels.look-twitch" if snapshot.purpose == LOW_RATE else f"levels.look.{channel.amplitude_rule}"
            lines.append(self.say(key))
        return lines

    def _mark_lines(self, snapshot: Snapshot) -> list[Content | str]:
        say, draft = self.say, self.console.draft
        lines: list[Content | str] = []
        for view in snapshot.channels:
            last = draft.last_marks.get(view.name, {})
            if len(snapshot.channels) > 1:
                lines.append(Content.styled(self._titled(view), "bold" if view.channel == self.chosen else ""))
            if snapshot.purpose == LOW_RATE:
                lines.append(f" W {say('levels.twitch-at')} {present.short_ma(view.twitch_ua):>5}")
                continue
            for letter, kind, value in (
                ("S", "sensory", view.sensory_ua),
                ("M", "motor", view.motor_ua),
                ("T", "max-tolerated", view.max_tolerated_ua),
            ):
                grey = f" / {present.short_ma(last.get(kind)):>5}" if last else ""
                lines.append(
                    Content.assemble(
                        (
                            f" {letter} {say(f'levels.mark.{kind}'):<10} {present.short_ma(value):>5}",
                            "" if value is None else "bold",
                        ),
                        (grey, "dim"),
                    )
                )
            if hurt_ua := draft.hurting.from_ua(view.channel):
                lines.append(Content.styled(f" ! {say('levels.hurt'):<10} {present.short_ma(hurt_ua):>5}", "bold"))
        if draft.last_marks and snapshot.purpose != LOW_RATE:
            lines.append(Content.styled(say("levels.was"), "dim"))
        if snapshot.purpose != LOW_RATE:
            lines += ["", say("levels.no-treatment")]
        return lines

    def _channel(self, view: ChannelView | None) -> Channel | None:
        protocol = self.console.draft.protocol
        if protocol is None or view is None:
            return None
        return next((channel for channel in protocol.channel if channel.name == view.name), None)

    def _found(self, view: ChannelView) -> bool:
        """Its working mark is made: what the protocol's rule asks for, as far as the motor mark lets it play."""
        channel = self._channel(view)
        rule = channel.amplitude_rule if channel is not None else "max-tolerated"
        return getattr(view, WORKING.get(rule, "max_tolerated_ua")) is not None and not self._short(view)

    def _short(self, view: ChannelView) -> bool:
        """What is felt is the level, and today's motor mark, or none up to there, does not let it play (L26)."""
        channel, known = self._channel(view), self.console.draft.channels.get(view.name)
        if channel is None or channel.amplitude_rule != "sensory" or view.output != "sensory":
            return False
        level_ua = view.level_ua or (known.level_ua if known is not None else None) or 0
        return view.sensory_ua is not None and level_ua > sensory_ceiling_ua(view.motor_ua or 0)

    def _all_found(self, snapshot: Snapshot) -> bool:
        """Each channel has its level; nothing of it was taken away since."""
        if snapshot.purpose == LOW_RATE or not snapshot.channels:
            return False
        known = self.console.draft.channels
        return all(
            (view.level_ua or (known[view.name].level_ua if view.name in known else 0))
            and view.found
            and self._found(view)
            for view in snapshot.channels
        )

    # -- keys -------------------------------------------------------------------------------------------------------

    def ready(self, snapshot: Snapshot) -> Sequence[Command]:
        """Arm, or on to treatment once all levels are found."""
        say = self.say
        back = self.does("back", partial(self.console.go, Stage.PADS), label=say("hint.back"))
        if (where := self.back_for(snapshot)) is not None:
            return (*where, back)
        twitch = self.does(
            "low-rate",
            self._change_rate,
            label=say("hint.find-levels" if snapshot.purpose == LOW_RATE else "hint.low-rate"),
        )
        armed = self.arm_commands(snapshot)
        if self.unwell:
            return (self.to_outcome(), *armed, twitch, back)
        if self._all_found(snapshot):
            if self._was_live or self._sent:  # it goes on by itself: nothing else is named for that moment
                return (self.does("next", self._on, refusal=say("refuse.opening")), back)
            on = self.does("next", self._on, says=say("levels.all-found"))
            return (on, *armed, twitch, back)
        on = self.does("next", self._on, label="", refusal=say("levels.find-first"))
        return (*armed, on, twitch, end_today(self), back)

    def live_first(self, snapshot: Snapshot) -> Sequence[Command]:
        """What the (virtual) patient says, as the mark that it asks for; once the working one is made: on."""
        view = self.view
        if (said := self._said_mark(snapshot, view)) is not None:
            return (said,)
        if snapshot.purpose == LOW_RATE:
            made = view is not None and view.twitch_ua is not None
        else:
            made = view is not None and self._found(view)
        short = view is not None and snapshot.purpose != LOW_RATE and self._short(view)
        if short and view is not None and (towards := self._towards_ceiling(view)) is not None:
            return (towards,)
        refusal = "" if made else self.say("levels.ceiling-first" if short else "levels.mark-first")
        if made and view is not None and snapshot.purpose != LOW_RATE:
            refusal = self.hurts_there(view)
            made = not refusal
        says = self.say("levels.next-says") if made else ""  # what + waits for comes first, not the mark after it
        return (self.does("channel-found", self._next, label="" if not made else None, says=says, refusal=refusal),)

    def _towards_ceiling(self, view: ChannelView) -> Command | None:
        """What is felt plays below a motor mark, or below where no muscle moved: up, that mark, and down again."""
        if view.motor_ua is not None:
            return self.does("lower", self._lower, kind=Kind.FREE, says=self.say("levels.lower-says"))
        if sensory_ceiling_ua(view.level_ua) < (view.sensory_ua or 0) or self.mark_refusal("no-twitch"):
            return None
        return self.does("no-twitch", partial(self.mark, "no-twitch"), says=self.say("levels.no-twitch-says"))

    def _said_mark(self, snapshot: Snapshot, view: ChannelView | None) -> Command | None:
        """In practice: what was felt first, then that it moves, then that it is strong; at the limit, the strongest.

        What another day's mark shows in grey is passed on the way up: S and M mark it anew, and nobody has to.
        """
        practice = snapshot.practice
        if snapshot.purpose == LOW_RATE or view is None:
            return None
        at_limit = bool(view.raise_locked) and view.level_ua + view.raise_step_ua > view.cap_ua
        felt = practice is not None and practice.channel == view.channel and practice.says
        known = self.console.draft.last_marks.get(view.name, {})
        for words, action, kind, made in (
            (TINGLING, "sensory", "sensory", view.sensory_ua), (MOVES, "motor", "motor", view.motor_ua),
            (STRONG, "tolerated", "max-tolerated", view.max_tolerated_ua),
        ):  # fmt: skip
            asked = bool(felt) and practice is not None and words in practice.says and (words == STRONG or not known)
            asked = asked or (at_limit and kind == "max-tolerated")
            if asked and made is None and not self.mark_refusal(kind):  # type: ignore[arg-type]
                act = self._strongest if kind == "max-tolerated" else partial(self.mark, kind)  # type: ignore[arg-type]
                return self.does(action, act, says=self.say(f"levels.said.{kind}"))
        return None

    def live_keys(self, snapshot: Snapshot) -> Sequence[Command]:
        """Marks: each refused while nothing flows."""
        if snapshot.purpose == LOW_RATE:
            return (
                self.does(
                    "low-rate",
                    partial(self.mark, "twitch"),
                    label=self.say("action.low-rate.label"),
                    refusal=self.mark_refusal("twitch"),
                ),
            )
        view = self.view
        channel = self._channel(view)
        wants_t = channel is None or channel.amplitude_rule not in {
            "sensory",
            "motor-visible",
            "percent-motor-threshold",
        }
        marks = (
            self.does("sensory", partial(self.mark, "sensory"), refusal=self.mark_refusal("sensory")),
            self.does("motor", partial(self.mark, "motor"), refusal=self.mark_refusal("motor")),
            self.does("tolerated", self._strongest, refusal=self.mark_refusal("max-tolerated")),
        )
        extra = (self.does("no-twitch", partial(self.mark, "no-twitch"), refusal=self.mark_refusal("no-twitch")),)
        sensory = (self.does("seen", self.seen),) if view is not None and view.output == "sensory" else ()
        return (*marks, *sensory, *(extra if not wants_t or sensory else ()))

    def raise_says(self, snapshot: Snapshot) -> str:
        """Up, looking at what the rule asks for; among single twitches at the muscle alone."""
        if snapshot.purpose == LOW_RATE:
            return self.say("levels.raise.twitch")
        if self.view is not None and self._short(self.view):
            return self.say("levels.raise.ceiling")
        channel = self._channel(self.view)
        rule = channel.amplitude_rule if channel is not None else "max-tolerated"
        return self.say(f"levels.raise.{rule}")

    def cut_command(self, says: str = "") -> Command:
        """The one that is sought alone: what was found on the others did not hurt."""
        snapshot = self.now
        if snapshot is None or len(snapshot.channels) < 2:
            return super().cut_command(says)
        label, words = self.say("levels.cut", channel=self.chosen), self.say("levels.cut-says", channel=self.chosen)
        return self.does(
            "cut", partial(self._cut, self.chosen), label=label, says=words if says else "", kind=Kind.FREE
        )

    def _strongest(self) -> None:
        """The strongest that is tolerated: there is nothing above it to look for on this channel."""
        self.mark("max-tolerated")
        self._next()

    def _next(self) -> None:
        self._held.other_key()
        self.console.send(NextChannel(id=self.console.next_id()))

    def _change_rate(self) -> None:
        snapshot = self.now
        if snapshot is not None:
            self.configure("titration" if snapshot.purpose == LOW_RATE else LOW_RATE)

    def _on(self) -> None:
        """Configure the therapy at these levels; the controller judges the whole of it."""
        self._sent = True  # until it is answered nothing else leads on
        self.configure("therapy", partial(self.console.go, Stage.TREAT), self._refused)

    def _refused(self) -> None:
        self._sent = False

    def take_in(self, snapshot: Snapshot) -> None:
        """Once all is found and the output is off, it goes on by itself: nothing is left to say here."""
        was_live = self._was_live
        super().take_in(snapshot)
        over = was_live and not self._was_live and snapshot.phase is Phase.CONFIGURED
        if over and not self.asks_why and not self._sent and self._all_found(snapshot):
            self._on()

    def find_again(self) -> None:
        """From a pause: off, and again from 0 mA."""
        self.console.client.stop("console")

    def end(self) -> None:
        """Finding levels ends."""
        self.console.client.stop("console")
