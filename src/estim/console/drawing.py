"""The frame's lines from what the console knows: made anew with each picture, written where something changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, cast

from estim.console import present
from estim.console.command import Command, next_of
from estim.console.draft import Draft
from estim.console.frame import AlarmBar, Banner, Footer, NextLine, Said, Strip
from estim.console.hands import Handled
from estim.console.keys import shown
from estim.console.language import Words
from estim.console.pane import Pane
from estim.console.presses import Kind
from estim.console.spoken import Spoken
from estim.session.snapshot import Snapshot
from estim.session.state import Phase


class Framed(Handled, Protocol):
    """What the frame shows of a console."""

    spoken: Spoken
    pane: Pane
    questions: list[Pane]

    @property
    def silent_s(self) -> float:
        """How old the last snapshot is."""

    def wall(self) -> str:
        """The time of day."""

    def query_frame(self, kind: type) -> object:
        """A line of the frame."""


def draw_frame(console: Framed) -> None:
    """Strip, banner, what was said, what is next, alarms, keys."""
    snapshot, say = console.snapshot, console.say
    takeover, closed = console.client.takeover, console.gate.closed
    state = present.state_of(
        snapshot,
        takeover,
        stop_sent=console.stop_sent,
        testing_stop=console.pane.NAME == "device",
        nobody=not console.draft.signed_in,
        silent_s=console.silent_s,
        fatal=console.client.fatal,
        say=say,
    )
    nothing = not closed and snapshot is None and takeover is None  # no controller: off is nobody's word
    stop = say("stop.nothing") if nothing else present.stop_hint(closed=closed, say=say)
    line(console, Strip).show(strip_parts(snapshot, console.draft, console.station.operator, say), console.wall())
    line(console, Banner).show(state, stop)
    line(console, Said).show(console.spoken.text)
    offered = console.offered()
    line(console, NextLine).show(*following(console, offered), say)
    alarms = present.alarms_shown(snapshot, takeover)
    read = console.key_names["acknowledge"]
    reads = any(say.key(shown(each.keys[0])) == read and not each.refusal for each in offered)
    line(console, AlarmBar).show(alarms, say, read if reads else "")
    short = say("stop.short" if closed else "stop.nothing" if nothing else "stop.off")
    line(console, Footer).show(short, offered, say, closed=closed)


def draw_panes(panes: Sequence[Pane], snapshot: Snapshot | None) -> None:
    """The stage, and what is asked over it."""
    for pane in panes:
        if pane.composed and pane.display:
            pane.show(snapshot)


LineT = TypeVar("LineT")


def line(console: Framed, kind: type[LineT]) -> LineT:
    """One line of the frame."""
    return cast("LineT", console.query_frame(kind))


def following(console: Framed, offered: Sequence[Command]) -> tuple[Command | None, str]:
    """The next step, or why none counts just now: a key that was pressed a moment ago must be let go first."""
    command = next_of(offered)
    if command is None:
        waits = next((each.refusal for each in offered if each.says and each.refusal), "")
        asked = bool(console.questions) and any("1" in each.keys and not each.refusal for each in offered)
        plays = console.snapshot is not None and console.snapshot.phase is Phase.RUNNING
        return None, f"· {waits}" if waits else console.say(
            f"next.{'choose' if asked else 'plays' if plays else 'wait'}"
        )
    if command.kind is Kind.ACT and not console.judge.would_count(command.keys[0], console.clock()):
        return None, console.say("next.again", key=console.say.key(shown(command.keys[0])))
    return command, ""


def strip_parts(snapshot: Snapshot | None, draft: Draft, operator: str, say: Words) -> list[tuple[str, int]]:
    """(words, rank): whose session is open, on which side, what is treated, with what; the lowest rank goes first
    where there is no room.
    """
    if not draft.signed_in:
        parts = [(say("strip.nobody"), 9), (say("strip.operator", operator=operator) if operator else "", 4)]
    else:
        side = say.of("side", draft.side) if draft.side else ""
        parts = [(f"{draft.patient_id} {side}".strip(), 9)]
        if draft.protocol is not None:
            version = draft.protocol.version.split(".")[0]
            parts += [
                (f"{short_title(draft.protocol.title)} v{version}", 3),
                (say("strip.visit", week=draft.week, session=draft.session), 2),
            ]
    if snapshot is not None:
        parts += [
            (snapshot.model.upper() if len(snapshot.model) <= 4 else snapshot.model, 5),
            (say("device.simulated" if snapshot.simulated else "device.real"), 8),
            (say.heard(snapshot.intended_use).split(" (")[0], 1),
        ]
    return [(text, rank) for text, rank in parts if text]


def short_title(title: str) -> str:
    """A protocol's title up to its first pause."""
    for mark in (": ", ", ", " ("):
        title = title.split(mark, maxsplit=1)[0]
    return title
