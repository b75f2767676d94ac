"""Practice: what can be made to happen in the simulated room, to learn its handling. Never with a real device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult, SystemCommand
from textual.content import Content
from textual.widgets import Static

from estim.console.contract import Console
from estim.console.language import ENGLISH, Words
from estim.console.stage import Dialog, StageScreen
from estim.session.events import RoomAction
from estim.session.snapshot import Snapshot

_PADS = ("lift", "dry", "place")
_REST: tuple[tuple[str, dict[str, object]], ...] = (
    ("switch", {"type": "switch", "pressed": True}),
    ("walk", {"type": "walk", "walks": True}),
    ("stand", {"type": "walk", "walks": False}),
    ("effort", {"type": "effort", "percent": 80, "seconds": 2}),
)
RoomMessage = dict[str, object]


def room_actions(
    snapshot: Snapshot | None, say: Words = ENGLISH, *, channel: int | None = None
) -> tuple[tuple[str, str, RoomMessage], ...]:
    """(title, explanation, message for the room) of each thing that can happen; nothing beside a real device.

    Args:
        channel: the pads of this one alone.
    """
    if snapshot is None or not snapshot.simulated:
        return ()
    pads = tuple(
        (
            say(f"practice.{what}", channel=view.channel),
            say("practice.place-of", muscle=view.muscle, side=say.of("side", view.side)),
            {"type": "pad", "channel": view.channel, "do": what},
        )
        for view in snapshot.channels
        if channel in {None, view.channel}
        for what in _PADS
    )
    return (*pads, *((say(f"practice.{what}"), say("practice.room"), message) for what, message in _REST))


class RoomDialog(Dialog[RoomMessage]):
    """One digit has one thing happen in the simulated room; F7 leaves without. Stop keys stop here as everywhere."""

    BINDINGS: ClassVar[list[Any]] = [("f7", "cancel", "Back")]

    def __init__(self, actions: Sequence[tuple[str, str, RoomMessage]]) -> None:
        super().__init__()
        self._actions = tuple(actions)[:9]

    def compose_body(self) -> ComposeResult:
        """What can happen, with its digits."""
        yield Static(Content.styled(self.say("practice.title"), "bold"))
        yield Static(Content("\n".join(f"  {n}  {title}" for n, (title, *_) in enumerate(self._actions, start=1))))

    def hints(self) -> Sequence[tuple[str, str]]:
        """Digits and the way back."""
        return ((f"1-{len(self._actions)}", "hint.choose"), ("F7", "hint.back"))

    def on_key(self, event: events.Key) -> None:
        """A digit chooses."""
        if event.character and event.character.isdigit() and 1 <= int(event.character) <= len(self._actions):
            event.stop()
            self.dismiss(self._actions[int(event.character) - 1][2])

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss({})


def room_commands(console: Console) -> Iterator[SystemCommand]:
    """The same for the palette, for all channels."""
    for title, about, message in room_actions(console.snapshot, console.say):
        yield SystemCommand(title, about, partial(_happens, console, message))


def open_room(console: Console) -> None:
    """Ask what happens, for the chosen channel's pads; beside a real device nothing can."""
    screen = console.screen
    actions = room_actions(console.snapshot, console.say, channel=getattr(screen, "chosen", None) or 1)
    if actions and isinstance(screen, StageScreen):
        console.push_screen(RoomDialog(actions), partial(_happens, console))


def _happens(console: Console, message: RoomMessage | None) -> None:
    if message:
        console.send(RoomAction(id=console.next_id(), message=message))
