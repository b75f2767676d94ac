"""What every stage has: help, the rest of a long panel, alarms, commands, the simulated room, leaving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from estim.console import present
from estim.console.command import Command
from estim.console.draft import Draft
from estim.console.frame import Footer
from estim.console.hands import Handled
from estim.console.keys import keys_of
from estim.console.pane import Pane
from estim.console.presses import Kind
from estim.console.stages.help import HelpPane
from estim.console.stages.leave import LeavePane
from estim.console.stages.past import CoursePane, RecordsPane
from estim.console.stages.practice import PracticePane
from estim.console.stages.room import RoomPane, room_actions
from estim.session.events import Acknowledge


class Whole(Handled, Protocol):
    """A console with its palette and its door."""

    pane: Pane
    questions: list[Pane]

    def query_frame(self, kind: type) -> Any:
        """A line of the frame."""

    def open_palette(self) -> None:
        """All commands by name."""

    def exit_code(self) -> int:
        """Of the process."""

    def on_banner_clicked(self) -> None:
        """Stop, where output may be on."""

    def exit(self, result: int | None = None) -> None:
        """Leave."""


def always(console: Whole) -> Sequence[Command]:
    """The console's own commands; leaving is the last."""
    say = console.say

    def of(id: str, act: Callable[[], None], *, refusal: str = "", kind: Kind = Kind.MOVE, says: str = "") -> Command:  # noqa: A002
        keys = keys_of(id, console.keymap)
        return Command(keys=keys, act=act, label=say(f"action.{id}.label"), refusal=refusal, kind=kind, says=says)

    commands: list[Command] = []
    top = console.on_top()
    types = bool(top.field)  # a letter is typed there, whatever it does elsewhere
    waiting = [alarm for alarm in present.alarms_shown(console.snapshot, None) if not alarm.acknowledged]
    if waiting and not types:
        code = waiting[0].code
        commands.append(
            of("acknowledge", lambda: console.send(Acknowledge(id=console.next_id(), code=code)), kind=Kind.ACT)
        )
    if not isinstance(top, HelpPane):
        commands.append(of("help", lambda: console.ask(HelpPane(console, console.offered()))))
    commands.append(of("more", lambda: more(console)))
    if room_actions(console.snapshot, say) and not types and not isinstance(top, RoomPane):
        commands.append(of("room", lambda: console.ask(RoomPane(console))))
    if snapshot_simulated(console) and not console.gate.closed and not isinstance(top, PracticePane):
        commands.append(of("practice", lambda: console.ask(PracticePane(console))))
    if not console.gate.closed:
        patient_id = console.draft.patient_id
        if console.past_patient(patient_id) is not None:
            commands.append(of("course", lambda: console.ask(CoursePane(console, patient_id))))
        commands.append(of("records", lambda: console.ask(RecordsPane(console))))
    commands.append(of("commands", console.open_palette))
    commands.append(of("leave", lambda: leave(console), kind=Kind.MOVE))
    return commands


def snapshot_simulated(console: Whole) -> bool:
    """Nothing here can stimulate anybody."""
    return console.snapshot is not None and console.snapshot.simulated


def more(console: Whole) -> None:
    """One page further in what does not fit, in the question or in what lies under it; else what else there is."""
    if any(pane.more() for pane in (*reversed(console.questions), console.pane) if pane.display):
        return
    if any(pane.too_long() for pane in (*console.questions, console.pane) if pane.display):
        console.said(console.say("refuse.list-goes-on"))
        return
    left_out = console.query_frame(Footer).left_out
    name = "refuse.more-keys" if left_out else "refuse.all-in-sight"
    console.said(console.say(name, count=left_out, help=console.key_names["help"]))


def leave(console: Whole) -> None:
    """Stop, wait until the device says off, then ask; nothing is asked where no controller ever began."""
    console.on_banner_clicked()
    if console.client.fatal and console.gate.never_out:
        console.exit(console.exit_code())
        return
    if not isinstance(console.on_top(), LeavePane):
        for under in [each for each in console.questions if isinstance(each, LeavePane)]:
            console.close(under)  # it stands there once
        console.ask(LeavePane(console, lambda: console.exit(console.exit_code())))


__all__ = ["Draft", "always", "leave"]
