"""Channels and their pads in words: what is still to be said, where they lie, how often they were used. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from estim.console.coach import cable_of
from estim.console.draft import pad_area_cm2
from estim.console.language import ENGLISH, Words
from estim.protocols.schema import Channel
from estim.protocols.setup import ChannelSetup
from estim.safety.units import UA_PER_MA

ANY_REGION = "any-permitted"
USES_LOOK, USES_MOST = 10, 30  # reusable gel pads last 10-30 uses (clinical evidence table, pads)


def missing(rows: Sequence[tuple[Channel, ChannelSetup]], say: Words = ENGLISH, *, simulated: bool) -> tuple[str, ...]:
    """What must still be said before anything may be configured."""
    problems = []
    used: dict[int, str] = {}
    for channel, setup in rows:
        if not setup.included:
            continue
        if setup.side not in {"left", "right"}:
            problems.append(say("pads.which-side", name=channel.name))
        if channel.region == ANY_REGION and setup.region is None:
            problems.append(say("pads.which-region", name=channel.name))
        if setup.pads_cm is None and not simulated:
            problems.append(say("pads.which-pads", name=channel.name))
        if setup.channel in used:
            problems.append(say("pads.twice", output=setup.channel, one=used[setup.channel], other=channel.name))
        used[setup.channel] = channel.name
    return tuple(problems)


def _pads_words(channel: Channel, setup: ChannelSetup, say: Words) -> str:
    if setup.pads_cm is not None:
        sizes = [" x ".join(f"{side:g}" for side in size) for size in setup.pads_cm]
        return sizes[0] if sizes[0] == sizes[1] else " / ".join(sizes)
    size = " x ".join(f"{side:g}" for side in channel.electrode_cm) if channel.electrode_cm else ""
    return f"{size} {say('pads.as-protocol')}".strip()


def row(channel: Channel, setup: ChannelSetup, say: Words, *, chosen: bool) -> Content:
    """One channel's line in the table."""
    region = setup.region or (channel.region if channel.region != ANY_REGION else "?")
    side = say.of("side", setup.side) if setup.side else "?"
    words = f" {'▶' if chosen else ' '}   {setup.channel:<4} {channel.muscle[:24]:<24} {side:<6} {region:<11} "
    words += _pads_words(channel, setup, say) if setup.included else say("pads.left-out")
    return Content.styled(words, "bold" if chosen else "")


def placement_lines(
    channel: Channel, setup: ChannelSetup, model: str, say: Words = ENGLISH, *, simulated: bool
) -> tuple[str, ...]:
    """Where the pads go, which cable, how large, how the skin is prepared."""
    size = setup.pads_cm[0] if setup.pads_cm is not None else channel.electrode_cm
    area = say("pads.area", area=f"{pad_area_cm2(tuple(size)):.0f}") if size else say("pads.area-protocol")
    side = say.of("side", setup.side) if setup.side else say("pads.side-open")
    lines = [
        "",
        f"{channel.name}, {side}",
        channel.placement,
        say("pads.cable", cable=cable_of(model, setup.channel, say), area=area),
        "",
        *say.lines("pads.care"),
    ]
    if setup.cap_ua is not None:
        lines.append(say("pads.cap", cap=f"{setup.cap_ua / UA_PER_MA:g}"))
    if simulated and setup.pads_cm is None:
        lines.append(say("pads.simulated"))
    return tuple(lines)


def uses_line(label: str | None, uses: Mapping[str, int], say: Words = ENGLISH) -> str:
    """How often this pair was used on this patient; today's use counts."""
    if not label:
        return say("pads.no-label")
    count = uses.get(label, 0) + 1
    advice = say("pads.uses-most") if count > USES_MOST else say("pads.uses-look") if count >= USES_LOOK else ""
    return say("pads.uses", label=label, count=count) + (f" {advice}" if advice else "")
