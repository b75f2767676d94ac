"""Faults as a coach: what happened, at which muscle and cable, what to do. Words alone; nothing here acts."""

from __future__ import annotations

import re

from estim.console.language import ENGLISH, Words
from estim.drivers.models import MODELS
from estim.safety.reports import OutputState
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Phase


def cable_of(model: str, channel: int, say: Words = ENGLISH) -> str:
    """Where this channel comes out of the stimulator."""
    leads = MODELS[model].profile.leads if model in MODELS else ()
    if not 1 <= channel <= len(leads):
        return say("cable.output", channel=channel)
    lead = leads[channel - 1]
    colour = say(f"colour.{lead.colour}")
    if lead.side:
        return say("cable.colour", colour=colour, side=lead.side)
    return (
        say("cable.plug", plug=say(f"colour.{lead.plug}"), colour=colour)
        if lead.plug
        else say("cable.lead", colour=colour)
    )


def channel_words(snapshot: Snapshot, view: ChannelView, say: Words = ENGLISH) -> str:
    """`channel 2, quadriceps left, blue lead, side A`."""
    cable = cable_of(snapshot.model, view.channel, say)
    side = say.of("side", view.side)
    return say("cable.channel", channel=view.channel, muscle=say.short_muscle(view.muscle), side=side, cable=cable)


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
    if code == "output-uncertain" and not snapshot.watchdog_us:
        key = "coach.output-no-timer"
    watchdog = f"{snapshot.watchdog_us / 1_000_000:g}"
    steps = say.lines(key, safe=say.heard(snapshot.make_safe), watchdog=watchdog)
    lines += [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
    return (*lines, *(f"   → {channel_words(snapshot, view, say)}" for view in concerned(snapshot, text)))


def concerned(snapshot: Snapshot, text: str) -> tuple[ChannelView, ...]:
    """The channels that an alarm names; all of them where it names none."""
    named = {int(number) for number in re.findall(r"channel (\d+)", text, re.IGNORECASE)}
    return tuple(view for view in snapshot.channels if view.channel in named) or snapshot.channels
