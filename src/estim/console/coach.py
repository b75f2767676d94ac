"""Faults as a coach: what happened, at which muscle and cable, what to do. Words alone; nothing here acts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from estim.safety.reports import OutputState
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Phase

_REHASTIM2_COLOURS = ("red", "blue", "black", "white")  # channels 1-4 on one side, 5-8 on the other (ScienceMode2)

_LINK = (
    "The computer does not reach the stimulator any more.",
    "Look at the USB cable and its plug at both ends; is the stimulator switched on?",
    "Once it is back: reset (X), confirm the checks, arm, start. Levels begin at 0 mA.",
)
_DEVICE = (
    "The stimulator did something else than it was told. Take the pads' plugs off before you look further.",
    "Switch the stimulator off and on. Once it answers: reset (X). If it happens again, use another one.",
)
_RECORD = (
    "The record can't be written, so no output is allowed.",
    "Is the disk full, or was it taken out? Make room, then reset (X).",
)

STEPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "output-uncertain": (
            "Nobody knows whether current still flows. Do this now:",
            "pull {cable}, or take the pads' plugs off at the stimulator.",
            "The stimulator ends output by itself after {watchdog} s without word from here.",
            "This stays until the stimulator itself says that it is off.",
        ),
        "lead-off": (
            "A pad or cable came off. The output is off and the therapy clock stands.",
            "Press the pad on from its middle outwards, or take a new one; push the plug in. Look at the skin.",
            "SPACE ends the pause. F7 goes back to the levels: contact is not what it was, find this one again.",
            "Then arm and start: it begins at 0 mA, with the contraction that was broken.",
        ),
        "low-current": (
            "Less current flowed than was asked: usually a dry pad or a loose plug.",
            "Moisten or replace the pad, push the plug in, look at the skin.",
            "SPACE ends the pause. F7 goes back to the levels: find this one again, then arm and start.",
        ),
        "pulse-timeout": (
            "The stimulator could not finish its pulses on this channel: look at cable and pads.",
            "SPACE ends the pause. F7 goes back to the levels: find this one again, then arm and start.",
        ),
        "link-lost": _LINK,
        "device-lost": _LINK,
        "device-silent": _LINK,
        "device-on": _DEVICE,
        "device-refused": _DEVICE,
        "output-lost": _DEVICE,
        "level-lost": _DEVICE,
        "wrong-device": (
            "Another stimulator answers than the one that was asked for.",
            "Connect the right one, or leave (^Q) and start for this one.",
        ),
        "record-failed": _RECORD,
        "record-late": _RECORD,
        "clock-jumped": (
            "The computer slept or stood still; the session was stopped and does not catch up.",
            "Keep it from sleeping during treatment, then reset (X) and go on.",
        ),
        "interlock": (
            "The program's own interlock refused a command and switched off. This must never happen.",
            "Do not treat with it. Sign the session and send the record to whoever maintains the program.",
        ),
    }
)
DEFAULT_STEPS = ("The output is off. Read the cause, look at patient, pads and cables, then reset (X).",)


def cable_of(model: str, channel: int) -> str:
    """Where this channel comes out of the stimulator."""
    name = model.lower()
    if "rehastim2" in name and 1 <= channel <= 8:
        return f"{_REHASTIM2_COLOURS[(channel - 1) % 4]} lead, side {'A' if channel <= 4 else 'B'}"
    if "p24" in name and 1 <= channel <= 8:
        return f"connector {(channel - 1) // 4 + 1}, lead {(channel - 1) % 4 + 1}"
    return f"output {channel}"


def channel_words(snapshot: Snapshot, view: ChannelView) -> str:
    """`channel 2, quadriceps left, blue lead, side A`."""
    return f"channel {view.channel}, {view.muscle} {view.side}, {cable_of(snapshot.model, view.channel)}"


def coached(snapshot: Snapshot) -> bool:
    """Something happened that needs steps: a fault, an uncertain output, a pause that nobody asked for."""
    paused = snapshot.phase is Phase.PAUSED and snapshot.cause in STEPS
    return paused or snapshot.phase is Phase.FAULT or snapshot.output is OutputState.UNCERTAIN


def coach_lines(snapshot: Snapshot) -> tuple[str, ...]:
    """What happened and what to do, step by step, with the channels and cables."""
    code = "output-uncertain" if snapshot.output is OutputState.UNCERTAIN else snapshot.cause
    text = next((alarm.text for alarm in snapshot.alarms if alarm.code == code), "")
    lines = [f"{snapshot.phase.value}: {text or code or 'cause unknown'}"]
    lines += [
        f"{number}. {step}".format(cable=snapshot.cable, watchdog=f"{snapshot.watchdog_us / 1_000_000:g}")
        for number, step in enumerate(STEPS.get(code, DEFAULT_STEPS), start=1)
    ]
    return (*lines, *(f"   → {channel_words(snapshot, view)}" for view in snapshot.channels))
