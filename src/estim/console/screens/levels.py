"""Finding levels: channel by channel from 0 mA, marks by one key each, nothing of it counted as treatment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from textual.content import Content

from estim.console import present
from estim.console.draft import Stage
from estim.console.keys import bindings
from estim.console.screens.live import LIVE, LiveScreen
from estim.console.stage import hint
from estim.protocols.schema import Channel
from estim.session.events import NextChannel
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Phase

LOW_RATE: Final = "low-rate"


class LevelsScreen(LiveScreen):
    """Sensory, motor, strongest: what the protocol's rule asks for on each channel. Before that, by one key, single
    twitches that show whether the pads lie over the motor point.
    """

    STAGE = Stage.LEVELS
    PURPOSE = "titration"
    BINDINGS: ClassVar[list[Any]] = bindings("channel-found", "low-rate")

    def note(self, snapshot: Snapshot) -> str:
        """What to look for on this channel."""
        if snapshot.phase is Phase.RUNNING and not self.comfort_open:
            channel = self._channel(snapshot)
            if channel is None:
                return super().note(snapshot)
            if snapshot.purpose == LOW_RATE:
                return f"{self.raise_words(snapshot)}\n" + self.say("levels.low-rate", name=channel.name)
            low, high = channel.plausible_ma
            return f"{self.raise_words(snapshot)}\n" + self.say(
                "levels.note",
                name=channel.name,
                instruction=channel.amplitude_instruction,
                low=f"{low:g}",
                high=f"{high:g}",
            )
        return super().note(snapshot)

    def checks(self, snapshot: Snapshot) -> Content:
        """Checks, and below them what was found."""
        found = [Content(line) for line in self.found_lines(snapshot)]
        return Content("\n").join([super().checks(snapshot), *found])

    def how_to_go_on(self, snapshot: Snapshot) -> str:
        """To output, or on to treatment once all levels are found."""
        if snapshot.purpose == LOW_RATE:
            return f" {self.say('levels.low-rate-next', hz=present.low_rate_hz(snapshot))}"
        if self._all_found(snapshot):
            return f" {self.say('levels.all-found')}"
        return f"{super().how_to_go_on(snapshot)} {self.say('levels.low-rate-first')}"

    def found_lines(self, snapshot: Snapshot) -> Sequence[str]:
        """Each channel's marks of today."""
        if snapshot.phase is Phase.RUNNING:
            return ()
        if snapshot.purpose == LOW_RATE:
            return ("", self.say("levels.twitches"), *(f"   {line}" for line in self._twitches(snapshot)))
        lines = ["", self.say("levels.found")]
        for view in snapshot.channels:
            marks = ", ".join(
                f"{word} {present.short_ma(ua)}"
                for word, ua in (
                    (self.say("levels.felt"), view.sensory_ua),
                    (self.say("levels.contracts"), view.motor_ua),
                    (self.say("levels.strongest"), view.max_tolerated_ua),
                    (self.say("levels.level"), self._level(view)),
                )
            )
            lines.append(f"   {view.channel} {view.muscle} {self.say.of('side', view.side)}: {marks}")
        return lines

    def _twitches(self, snapshot: Snapshot) -> Iterator[str]:
        hz = present.low_rate_hz(snapshot)
        for view in snapshot.channels:
            seen = self.say("levels.no-twitch")
            if view.twitch_ua is not None:
                seen = self.say("levels.twitch", level=present.short_ma(view.twitch_ua), hz=hz)
            yield f"{view.channel} {view.muscle} {self.say.of('side', view.side)}: {seen}"

    def _level(self, view: ChannelView) -> int | None:
        """The level of this channel: it stays in the draft after the titration's run is over, as long as its marks
        do.
        """
        if view.level_ua:
            return view.level_ua
        if (view.sensory_ua, view.motor_ua, view.max_tolerated_ua) == (None, None, None):
            return None  # a lost pad took them away
        known = self.console.draft.channels.get(view.name)
        return known.level_ua if known is not None else None

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """Take over levels as they are found: the controller holds the ones that count."""
        if snapshot is not None and snapshot.purpose == "titration":
            self.console.draft.take_levels(snapshot.channels)
        super().show_stage(snapshot)

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:
        """With output off, the way to the twitches and back from them."""
        hints = list(super().hints(snapshot))
        if snapshot is not None and snapshot.phase is Phase.CONFIGURED:
            back = snapshot.purpose == LOW_RATE
            hints.insert(1, hint("low-rate", "hint.find-levels" if back else "hint.low-rate"))
        return hints

    def live_hints(self, snapshot: Snapshot) -> Sequence[tuple[str, str]]:
        """Marks, and the next channel."""
        if snapshot.purpose == LOW_RATE:
            return (hint("low-rate"), hint("channel-found"))
        return (hint("sensory"), hint("motor"), hint("tolerated"), hint("channel-found"))

    def _channel(self, snapshot: Snapshot) -> Channel | None:
        protocol = self.console.draft.protocol
        view = next((view for view in snapshot.channels if view.channel == self.chosen), None)
        if protocol is None or view is None:
            return None
        return next((channel for channel in protocol.channel if channel.name == view.name), None)

    def _all_found(self, snapshot: Snapshot) -> bool:
        if snapshot.purpose == LOW_RATE:
            return False  # what plays there is no level
        return bool(snapshot.channels) and all(self._level(view) for view in snapshot.channels)

    def action_channel_found(self) -> None:
        """This one is found: the next, or the end of the titration."""
        self.console.send(NextChannel(id=self.console.next_id()))

    def action_low_rate(self) -> None:
        """While twitches play: here it is. With output off: over to them, and back to finding levels."""
        snapshot = self.console.snapshot
        if snapshot is None:
            return
        if snapshot.phase is Phase.RUNNING and snapshot.purpose == LOW_RATE:
            self.mark("twitch")
        elif snapshot.phase in LIVE:
            self.refuse("refuse.levels-running")
        else:
            self.configure("titration" if snapshot.purpose == LOW_RATE else LOW_RATE)

    def action_next(self) -> None:
        """Configure the therapy at these levels; the controller judges the whole of it."""
        snapshot = self.console.snapshot
        if snapshot is None or snapshot.phase in LIVE:
            self.refuse("refuse.levels-running")
            return
        self.configure("therapy", lambda: self.console.go(Stage.RUN))

    def action_back(self) -> None:
        """Only with output off."""
        snapshot = self.console.snapshot
        if snapshot is not None and snapshot.phase in LIVE:
            self.refuse("refuse.levels-running")
            return
        self.console.go_back()
