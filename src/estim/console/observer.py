"""Looking on: the run screen of a session that another front holds. One thing can be done here, and that is to stop it.

No request leaves this process, none of the session's keys is bound, and its terminal is no part of the lease: when it
goes away the session goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import App, ComposeResult, SystemCommand
from textual.content import Content
from textual.screen import Screen

from estim.console import present
from estim.console.app import EstimConsole
from estim.console.bigtext import big
from estim.console.comfort import ComfortClock
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.cue import cue_of
from estim.console.dose import dose_lines
from estim.console.frame import Banner
from estim.console.keys import keys_of
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.console.recovery import Recovery
from estim.console.scope import Trace, draw_scope
from estim.console.stages.help import HelpPane
from estim.console.stop_gate import is_stop_key
from estim.console.widgets import channel_lines, force_lines, practice_lines
from estim.controller.observing import ObserverClient
from estim.session.snapshot import Snapshot
from estim.session.state import BEGUN


class WatchPane(Pane):
    """What the therapist's run screen shows, without its keys."""

    NAME: ClassVar[str] = "treat"

    def __init__(self, console: Console, watched: ObserverClient) -> None:
        super().__init__(console)
        self._watched = watched
        self._trace, self._comfort, self._recovery = Trace(), ComfortClock(), Recovery()

    def compose(self) -> ComposeResult:
        """The same panels as the treatment's."""
        yield Panel(self.numbered("treat.cue"), id="cue")
        yield Panel(self.say("treat.dose"), id="dose")
        yield Panel(self.say("observe.title"), id="words")
        yield Panel(self.say("treat.envelope"), id="envelope")
        yield Panel(self.say("treat.force"), id="force")
        yield Panel(self.say("live.channels"), id="channels")
        yield Panel(self.say("treat.happened"), id="happened")

    def show(self, snapshot: Snapshot | None) -> None:
        """All panels, from one snapshot."""
        say = self.say
        key = "observe.gone" if self._watched.ended else "observe.look" if snapshot is not None else "observe.waiting"
        notes = [say(key)]
        if snapshot is None:
            self.panel("cue").lines(notes)
            return
        self._trace.observe(snapshot)
        self._recovery.observe(snapshot)
        if snapshot.weight_bearing:
            notes.append(say("observe.standing"))
        cue = self.panel("cue")
        if self._recovery.active(snapshot) and snapshot.phase.value in {"PAUSED", "FAULT"}:
            cue.lines(self._recovery.lines(snapshot, say, self.console.key_names)[:5])
        elif snapshot.phase in BEGUN:
            word = cue_of(snapshot, say)
            left = "" if word.seconds_left is None else f"  {word.seconds_left}"
            lines: list[Content | str] = list(big(word.word + left, cue.columns))
            cue.lines(lines)
        else:
            cue.lines(notes)
        self.panel("dose").lines([*dose_lines(snapshot, say, self._comfort), *notes])
        scope = self.panel("envelope")
        scope.lines(
            draw_scope(
                self._trace,
                snapshot,
                columns=scope.columns,
                rows=scope.rows,
                channel=None,
                back_s=60,
                ahead_s=5,
                protocol=None,
                now=say("treat.now"),
            )
        )
        channels = self.panel("channels")
        lines = channel_lines(snapshot, say, chosen=None, columns=channels.columns, short=self.console.rows < 34)
        channels.lines([*lines, *practice_lines(snapshot, say, "–")])
        self.panel("force").lines(force_lines(snapshot, say, self.panel("force").columns))
        self.panel("happened").lines(self.console.happened.lines(max(1, self.panel("happened").rows)))
        self.panel("words").lines([*notes, "", *present.lease_lines(snapshot, say)])


class SameRoomPane(Pane):
    """A stop drops a standing patient's support: only from the same room (docs/decisions/session.md 35)."""

    NAME: ClassVar[str] = "same-room"
    whole: ClassVar[bool] = False

    def compose(self) -> ComposeResult:
        """The question."""
        yield Panel(self.say("observe.title"), id="same")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """Why it is asked."""
        self.panel("same").lines([self.say("observe.standing"), "", self.say("observe.same-room")])

    def commands(self) -> Sequence[Command]:
        """Y stops, N does not."""
        yes = self.does("confirm", self._yes, label=self.say("hint.yes"), says=self.say("observe.yes-says"))
        no = Command(keys=("n", "f7"), act=lambda: self.console.close(self), label=self.say("hint.no"))
        return (yes, no)

    def _yes(self) -> None:
        self.console.close(self)
        self.console.client.stop("key")
        self.console.stop_sent = True


class ObserverConsole(EstimConsole):
    """The console without anything that changes a session."""

    TITLE = "estim, observer"

    def __init__(self, client: ObserverClient, **options: Any) -> None:  # those of EstimConsole
        super().__init__(client, **options)
        self.watched = client
        self.pane = WatchPane(self, client)
        self.station.operator = self.say("observe.title")

    def stop_needs_a_question(self) -> bool:
        """While a standing patient is treated."""
        return self.snapshot is not None and self.snapshot.weight_bearing

    async def on_event(self, event: events.Event) -> None:
        """Over the question about the room, a stop key is no answer."""
        key = isinstance(event, events.Key) and is_stop_key(event.key)
        if key and self.gate.closed and self.stop_needs_a_question():
            self._ask_room()
            return
        await super().on_event(event)

    def _ask_room(self) -> None:
        if not any(isinstance(each, SameRoomPane) for each in self.questions):
            self.ask(SameRoomPane(self))

    def offered(self) -> Sequence[Command]:
        """Help and looking away: nothing else is an observer's."""
        top = self.on_top()

        def of(id: str, act: Any) -> Command:  # noqa: A002
            label = self.say("hint.watch-leave" if id == "leave" else f"action.{id}.label")
            return Command(keys=keys_of(id, self.keymap), act=act, label=label, kind=Kind.MOVE)

        mine = [] if isinstance(top, HelpPane) else [of("help", lambda: self.ask(HelpPane(self, self.offered())))]
        return [
            *(top.commands() if self.questions else ()),
            *mine,
            of("more", top.more),
            of("leave", lambda: self.exit(0)),
        ]

    def on_banner_clicked(self, _: Banner.Clicked | None = None) -> None:
        """A click stops no standing patient without asking."""
        if self.gate.closed and self.stop_needs_a_question():
            self._ask_room()
        else:
            super().on_banner_clicked()

    def leave(self) -> None:
        """Look away: the session goes on."""
        self.exit(0)

    async def action_quit(self) -> None:
        """The same."""
        self.exit(0)

    def action_help_quit(self) -> None:
        """The same."""
        self.exit(0)

    def exit_code(self) -> int:
        """Nothing here can go wrong with the output: it is not held here."""
        return 0

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's own; what happens in the practice room is not an observer's."""
        yield from App.get_system_commands(self, screen)
