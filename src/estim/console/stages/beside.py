"""What larger terminals show beside a stage: where the pads lie, what will be played. The style sheet says who may."""

from __future__ import annotations

from estim.console.atlas import draw_atlas
from estim.console.contract import Console
from estim.console.panel import Panel
from estim.console.preview import preview_lines


def show_atlas(console: Console, panel: Panel, name: str = "") -> None:
    """The pads of channel `name`, or of the first; nothing where the panel has no room or nothing is chosen."""
    draft = console.draft
    if not panel.size.height or draft.protocol is None:
        return
    channels = draft.protocol.channel
    channel = next((one for one in channels if one.name == name), channels[0])
    if channel.name in draft.channels:
        model = console.snapshot.model if console.snapshot is not None else ""
        setup, columns, rows = draft.channels[channel.name], panel.columns, panel.rows
        panel.lines(draw_atlas(channel, setup, model, console.say, columns=columns, rows=rows, view=0))


def show_plays(console: Console, panel: Panel) -> None:
    """What this protocol plays today on this stimulator."""
    draft, snapshot = console.draft, console.snapshot
    if not panel.size.height or draft.protocol is None or snapshot is None:
        return
    week, session = draft.week, draft.session
    lines = preview_lines(
        draft.protocol, model=snapshot.model, week=week, session=session, columns=panel.columns, say=console.say
    )
    panel.lines([draft.protocol.title, "", *lines])
