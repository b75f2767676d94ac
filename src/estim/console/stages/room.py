"""Practice: what can be made to happen in the simulated room, to learn its handling. Never with a real device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult

from estim.console.command import Command
from estim.console.language import ENGLISH, Words
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.session.events import RoomAction
from estim.session.snapshot import Snapshot

_PADS = ("lift", "dry", "place")
_REST: tuple[tuple[str, dict[str, object]], ...] = (
    ("switch", {"type": "switch", "pressed": True}),
    ("walk", {"type": "walk", "walks": True}),
    ("stand", {"type": "walk", "walks": False}),
    ("effort", {"type": "effort", "percent": 100, "seconds": 2}),
)
RoomMessage = dict[str, object]


def room_actions(
    snapshot: Snapshot | None, say: Words = ENGLISH, *, channel: int = 1
) -> tuple[tuple[str, RoomMessage], ...]:
    """(title, message for the room) of each thing that can happen to this channel; nothing beside a real device."""
    if snapshot is None or not snapshot.simulated:
        return ()
    pads = tuple(
        (say(f"practice.{what}", channel=channel), {"type": "pad", "channel": channel, "do": what}) for what in _PADS
    )
    led = {"limb": "other"} if snapshot.emg_side == "other" else {}  # whose muscle is heard, pulls
    rest = ((what, message | led if what == "effort" else message) for what, message in _REST)
    return (*pads, *((say(f"practice.{what}"), message) for what, message in rest))


class RoomPane(Pane):
    """One digit has one thing happen in the simulated room. Stop keys stop here as everywhere."""

    NAME: ClassVar[str] = "room"
    whole: ClassVar[bool] = False
    passes: ClassVar[bool] = True

    def _actions(self) -> tuple[tuple[str, RoomMessage], ...]:
        return room_actions(self.now, self.say, channel=self.console.chosen_channel())

    def compose(self) -> ComposeResult:
        """What can happen, with its digits."""
        yield Panel(self.say("practice.title"), id="room-list")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The list; where nobody lies on the pads, how somebody does."""
        if self.console.station.empty_room:
            self.panel("room-list").lines(self.say.lines("practice.nobody"))
            return
        self.panel("room-list").lines(f" {n}  {title}" for n, (title, _) in enumerate(self._actions(), start=1))

    def commands(self) -> Sequence[Command]:
        """Digits and the way back."""
        if self.console.station.empty_room:
            says = self.say("practice.nobody-says")
            close = self.does("back", lambda: self.console.close(self), label=self.say("hint.back"), says=says)
            return (close, Command(keys=("h",), act=close.act))
        acts = [
            self.digit(str(n), partial(self._happens, message), kind=Kind.MOVE)
            for n, (_, message) in enumerate(self._actions(), 1)
        ]
        close = self.does("back", lambda: self.console.close(self), label=self.say("hint.back"))
        again = Command(keys=("h",), act=close.act)
        return (
            Command(keys=("1",), act=acts[0].act, label=self.say("hint.choose"), kind=Kind.MOVE),
            *acts,
            close,
            again,
        )

    def _happens(self, message: RoomMessage) -> None:
        if self.now is not None:
            self.console.draft.in_room_us = self.now.now_us
        self.console.close(self)
        self.console.send(RoomAction(id=self.console.next_id(), message=message))
