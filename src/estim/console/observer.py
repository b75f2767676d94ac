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
from textual.widgets import Static

from estim.console import present
from estim.console.app import EstimConsole
from estim.console.coach import coach_lines, coached
from estim.console.dialogs import HelpDialog
from estim.console.draft import Stage
from estim.console.keys import bindings
from estim.console.screens.live import COMPACT_ABOVE, LIVE
from estim.console.stage import Dialog, StageScreen, hint, named
from estim.console.stop_gate import is_stop_key
from estim.console.widgets import Channels, Cue, Envelope, KeyLine, PracticeLine
from estim.controller.observing import ObserverClient
from estim.session.snapshot import Snapshot


class WatchScreen(StageScreen, inherit_bindings=False):
    """What the therapist's run screen shows, without its keys."""

    STAGE = Stage.RUN
    BINDINGS: ClassVar[list[Any]] = bindings("more")

    def compose_body(self) -> ComposeResult:
        """Who is treated, plan, cue, channels."""
        yield Static(id="watch-note")
        yield Static(id="progress")
        yield Cue(id="cue")
        yield Envelope()
        yield Channels(id="channels")
        yield PracticeLine(id="practice")
        yield Static(id="checks")
        yield Static(id="happened")

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """All parts, from one snapshot."""
        console = self.console
        if not isinstance(console, ObserverConsole):
            return
        note = (
            "observe.gone" if console.watched.ended else "observe.look" if snapshot is not None else "observe.waiting"
        )
        lines = [self.say(note)]
        if snapshot is not None and snapshot.weight_bearing:
            lines.append(self.say("observe.standing"))
        self.query_one("#watch-note", Static).update(Content.styled("\n".join(lines), "bold"))
        if snapshot is None:
            return
        live, coach = snapshot.phase in LIVE, coached(snapshot)
        compact = len(snapshot.channels) > COMPACT_ABOVE and self.size.height < 40
        self.query_one("#progress", Static).update(Content(present.progress_line(snapshot, self.say)))
        cue, envelope = self.query_one(Cue), self.query_one(Envelope)
        cue.display = live and not coach
        envelope.display = live and not coach and not compact and self.size.height >= 24
        cue.show(snapshot)
        envelope.show(snapshot, rows=2 if self.size.height < 30 else 5)
        self.query_one(Channels).show(snapshot, chosen=None, compact=compact)
        self.query_one(PracticeLine).show(snapshot)
        checks = self.query_one("#checks", Static)
        checks.display = coach
        checks.update(Content("\n".join(coach_lines(snapshot, self.say)) if coach else ""))
        self.query_one("#happened", Static).update(Content("\n".join(console.happened.lines(6))))

    def show_keys(self, snapshot: Snapshot | None) -> None:
        """The stop first; then the two keys that change nothing."""
        hints = [hint("leave", "hint.watch-leave"), hint("help")]
        closed = self.console.gate.closed
        stop = present.stop_hint(snapshot, closed=True, say=self.say) if closed else self.say("observe.title")
        self.query_one(KeyLine).show(stop, named(self.console, hints), closed=closed)

    def action_next(self) -> None:
        """There is no next."""

    def action_back(self) -> None:
        """Nor anything before."""

    def action_acknowledge(self) -> None:
        """The therapist reads the alarms."""


class SameRoomDialog(Dialog[bool]):
    """A stop drops a standing patient's support: only from the same room (docs/decisions/session.md 35)."""

    BINDINGS: ClassVar[list[Any]] = [("y", "yes", "Yes"), ("f7", "no", "No")]

    def compose_body(self) -> ComposeResult:
        """The question."""
        yield Static(Content(f"{self.say('observe.standing')}\n\n{self.say('observe.same-room')}"))

    def hints(self) -> Sequence[tuple[str, str]]:
        """Two answers."""
        return (("Y", "hint.yes"), ("F7", "hint.no"))

    def action_yes(self) -> None:
        """I can hold the patient."""
        self.dismiss(True)  # noqa: FBT003  # the dialog's answer

    def action_no(self) -> None:
        """No stop."""
        self.dismiss(False)  # noqa: FBT003


class ObserverConsole(EstimConsole):
    """The console without anything that changes a session."""

    BINDINGS: ClassVar[list[Any]] = bindings("help", "leave")
    TITLE = "estim, observer"
    ROLE: ClassVar[str] = "banner.observer"

    def __init__(self, client: ObserverClient, **options: Any) -> None:  # those of EstimConsole
        super().__init__(client, **options)
        self.watched = client

    def first_screen(self) -> Screen[Any]:
        """The run screen is the only one."""
        return WatchScreen()

    def stop_needs_a_question(self) -> bool:
        """While a standing patient is treated."""
        return self.snapshot is not None and self.snapshot.weight_bearing

    async def on_event(self, event: events.Event) -> None:
        """Over the question about the room, a stop key is no answer."""
        key = isinstance(event, events.Key) and is_stop_key(event.key)
        if key and self.gate.closed and self.stop_needs_a_question():
            if not isinstance(self.screen, SameRoomDialog):
                self.push_screen(SameRoomDialog(), self._same_room)
            return
        await super().on_event(event)

    def _same_room(self, same: bool | None) -> None:  # noqa: FBT001  # the dialog's answer
        if same:
            self.client.stop("key")
            self.on_stop_pressed()

    def on_banner_clicked(self) -> None:
        """A click stops no standing patient."""
        if not self.stop_needs_a_question():
            super().on_banner_clicked()

    def action_leave(self) -> None:
        """Look away: the session goes on."""
        self.exit(0)

    def exit_code(self) -> int:
        """Nothing here can go wrong with the output: it is not held here."""
        return 0

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's own; what happens in the practice room is not an observer's."""
        yield from App.get_system_commands(self, screen)

    def action_room(self) -> None:
        """Not an observer's."""

    def action_help(self) -> None:
        """All keys, as the therapist has them."""
        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog())
