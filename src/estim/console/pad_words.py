"""Channels and their pads in words: what is still to be said, where they lie, how often they were used. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from estim.console.coach import cable_of
from estim.console.draft import Draft, pad_area_cm2
from estim.console.language import ENGLISH, Words
from estim.console.present import clip
from estim.protocols.schema import ANY_REGION, Channel
from estim.protocols.setup import ChannelSetup
from estim.safety.units import UA_PER_MA

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


def channel_lines(
    rows: Sequence[tuple[Channel, ChannelSetup]], draft: Draft, say: Words, *, at: int, columns: int
) -> list[Content | str]:
    """One line a channel: output, muscle, side, pads, what was said of it."""
    lines: list[Content | str] = []
    for n, (channel, setup) in enumerate(rows):
        side = say.of("side-short", setup.side) if setup.side else "?"
        done = "✓" if channel.name in draft.lie_as_drawn else "·"
        pads = _pads_words(channel, setup, say) if setup.included else say("pads.left-out")
        text = f"{'▸' if n == at else ' '} {done} {setup.channel} {say.muscle(channel.muscle)} {side} {pads}"
        lines.append(Content.styled(clip(text, columns), "bold" if n == at else ""))
    return lines


def placement_lines(
    channel: Channel, setup: ChannelSetup, model: str, say: Words = ENGLISH, *, simulated: bool
) -> tuple[str, ...]:
    """Where the pads go, which cable, how large, how the skin is prepared."""
    size = setup.pads_cm[0] if setup.pads_cm is not None else channel.electrode_cm
    area = say("pads.area", area=f"{pad_area_cm2(tuple(size)):.0f}") if size else say("pads.area-protocol")
    lines = [
        say("pads.cable", cable=cable_of(model, setup.channel, say), area=area),
        *say.own(channel.placement),
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
