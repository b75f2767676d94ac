"""The pad atlas: where each pad lies, drawn and in words, for terminal, report and leaflet."""

from __future__ import annotations

from textual.content import Content

from estim.console.bodymap import figure
from estim.console.language import ENGLISH, Words
from estim.protocols.schema import Channel
from estim.protocols.setup import ChannelSetup


def draw_atlas(
    channel: Channel,
    setup: ChannelSetup,
    model: str,
    say: Words = ENGLISH,
    *,
    columns: int,
    rows: int,
    view: int = 0,
) -> list[Content | str]:
    """The figure."""
    del model, columns, rows, view
    return list(figure(setup.region or str(channel.region), setup.side, say))
