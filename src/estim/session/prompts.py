"""Prompts of a running therapy: a channel whose level must be asked for again, as its protocol says. Pure."""

from __future__ import annotations

from estim.safety.units import US_PER_S
from estim.session.core import Core


def ask_levels(core: Core) -> None:
    """Once `retitrate_every_s` has passed since the level was last changed or asked for, ask; output goes on."""
    if core.purpose != "therapy" or core.protocol is None or core.cleared is None or core.run is None:
        return
    for channel in core.protocol.channel:
        if channel.retitrate_every_s is None:
            continue
        number = next((known.channel for known in core.cleared.schedule.channels if known.name == channel.name), 0)
        level_ua = core.run.levels_ua.get(number)
        if level_ua is None:
            continue  # left out today
        asked_ua, since_us = core.run.asked.get(number, (-1, core.now_us))
        if asked_ua != level_ua:
            core.run.asked[number] = (level_ua, core.now_us)
        elif core.now_us - since_us >= channel.retitrate_every_s * US_PER_S:
            core.run.asked[number] = (level_ua, core.now_us)
            code = f"retitrate-{number}"
            head = f"{channel.name}: {channel.retitrate_every_s / 60:g} min at one level"
            core.alarms.sound(code, "low", f"{head}. Find it again: {channel.amplitude_instruction}.")
            core.alarms.calm(code)  # nothing is wrong: it stands until somebody has seen it
