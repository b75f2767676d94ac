"""Faults as a coach: what happened, at which muscle and cable, what to do. Words alone; nothing here acts."""

from __future__ import annotations

import re

from estim.console.language import ENGLISH, Words
from estim.safety.reports import OutputState
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Phase

# Channels 1-4, and 5-8 once more: on the RehaStim2's other side (ScienceMode2), at the P24's green plug.
_COLOURS = ("red", "blue", "black", "white")


def cable_of(model: str, channel: int, say: Words = ENGLISH) -> str:
    """Where this channel comes out of the stimulator."""
    name = model.lower()
    channels = 4 if "rehamove3" in name else 8
    if not 1 <= channel <= channels:
        return say("cable.output", channel=channel)
    colour = say(f"colour.{_COLOURS[(channel - 1) % 4]}")
    if "rehastim2" in name:
        return say("cable.colour", colour=colour, side="A" if channel <= 4 else "B")
    if "p24" in name:
        plug = say("colour.yellow" if channel <= 4 else "colour.green")
        return say("cable.plug", plug=plug, colour=colour)
    if "rehamove3" in name:
        return say("cable.lead", colour=colour)
    return say("cable.output", channel=channel)


def channel_words(snapshot: Snapshot, view: ChannelView, say: Words = ENGLISH) -> str:
    """`channel 2, quadriceps left, blue lead, side A`."""
    cable = cable_of(snapshot.model, view.channel, say)
    side = say.of("side", view.side)
    return say("cable.channel", channel=view.channel, muscle=view.muscle, side=side, cable=cable)


def coached(snapshot: Snapshot) -> bool:
    """Something happened that needs steps: a fault, an uncertain output, a pause that nobody asked for."""
    paused = snapshot.phase is Phase.PAUSED and ENGLISH.has(f"coach.{snapshot.cause}")
    return paused or snapshot.phase is Phase.FAULT or snapshot.output is OutputState.UNCERTAIN


def coach_lines(snapshot: Snapshot, say: Words = ENGLISH) -> tuple[str, ...]:
    """What happened and what to do, step by step, with the channels and cables."""
    code = "output-uncertain" if snapshot.output is OutputState.UNCERTAIN else snapshot.cause
    text = next((alarm.text for alarm in snapshot.alarms if alarm.code == code), "")
    lines = [f"{say.of('phase', snapshot.phase.value)}: {say.heard(text) or code or say('coach-unknown')}"]
    key = f"coach.{code}" if say.has(f"coach.{code}") else "coach-default"
    watchdog = f"{snapshot.watchdog_us / 1_000_000:g}"
    steps = say.lines(key, cable=say.heard(snapshot.cable), watchdog=watchdog)
    lines += [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
    return (*lines, *(f"   → {channel_words(snapshot, view, say)}" for view in concerned(snapshot, text)))


def concerned(snapshot: Snapshot, text: str) -> tuple[ChannelView, ...]:
    """The channels that an alarm names; all of them where it names none."""
    named = {int(number) for number in re.findall(r"channel (\d+)", text, re.IGNORECASE)}
    return tuple(view for view in snapshot.channels if view.channel in named) or snapshot.channels
