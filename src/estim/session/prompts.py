"""Prompts of a running therapy: a channel whose level must be asked for again, as its protocol says. Pure."""

from __future__ import annotations

from estim.safety.units import US_PER_S
from estim.session.core import Core


def ask_levels(core: Core) -> None:
    """Once `retitrate_every_s` has passed since the level was last changed or asked for, ask; output goes on."""
    loaded, run = core.sitting.loaded, core.run
    if loaded is None or loaded.purpose != "therapy" or loaded.cleared is None or run is None:
        return
    for channel in loaded.protocol.channel:
        if channel.retitrate_every_s is None:
            continue
        number = next((known.channel for known in loaded.cleared.schedule.channels if known.name == channel.name), 0)
        if number not in run.levels_ua:
            continue  # left out today
        after_us = round(channel.retitrate_every_s * US_PER_S)
        if run.reminders.due(number, run.levels_ua[number], after_us, core.now_us):
            code = f"retitrate-{number}"
            head = f"{channel.name}: {channel.retitrate_every_s / 60:g} min at one level"
            core.sitting.alarms.sound(code, "low", f"{head}. Find it again: {channel.amplitude_instruction}.")
            core.sitting.alarms.calm(code)  # nothing is wrong: it stands until somebody has seen it
