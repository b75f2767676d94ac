"""The pad atlas in a terminal: the limb with two numbered pads, beside it the whole body where there is room. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from estim.console.canvas import Canvas
from estim.console.language import ENGLISH, Words
from estim.protocols.atlas import Line, View, view_of
from estim.protocols.muscles import muscles
from estim.protocols.schema import Channel
from estim.protocols.setup import ChannelSetup

BODY_COLUMNS = 16
PAD = ("▟█▙", "▜{}▛")
NUMBERS = "①②"


def places_of(channel: Channel) -> tuple[str, ...]:
    """The two places by the vocabulary; else the protocol's own words as one."""
    muscle = muscles().get(channel.muscle)
    if muscle is not None and muscle.placements:
        return muscle.placements[0].pads
    return (channel.placement,) if channel.placement else ()


def draw_atlas(
    channel: Channel, setup: ChannelSetup, model: str, say: Words = ENGLISH, *, columns: int, rows: int, view: int = 0,
) -> list[Content | str]:  # fmt: skip
    """The picture, its side in words above it.

    Args:
        view: 0 what fits, 1 the limb alone, 2 the body alone.
    """
    del model
    region = setup.region or (str(channel.region) if channel.region != "any-permitted" else "")
    found = view_of(region, setup.side, places_of(channel) if region else ())
    side = say.of("side", setup.side).upper() if setup.side else "?"
    head = say(
        "atlas.head",
        side=side,
        region=say.of("region", region),
        view=say("atlas.back" if found.behind else "atlas.front"),
    )
    high = max(4, rows - 2)
    both = view % 3 == 0 and columns >= BODY_COLUMNS + 18
    body = _body(found, min(BODY_COLUMNS, columns), high) if both or view % 3 == 2 else []
    wide = min(2 * high, columns - (BODY_COLUMNS + 2 if both else 0))
    limb = _limb(found, max(10, wide), high) if view % 3 != 2 else []
    picture = (
        [Content.assemble(one, "  ", other) for one, other in zip(body, limb, strict=True)] if both else body or limb
    )
    return [Content.styled(head, "bold"), *picture]


def _limb(view: View, columns: int, rows: int) -> list[Content]:
    canvas = Canvas(columns, rows)
    for line in view.lines:
        _outline(canvas, line)
    for number, (x, y) in zip(NUMBERS, view.pads, strict=False):
        column = max(0, min(columns - 3, round(x * (columns - 1)) - 1))
        row = max(0, min(rows - 2, round(y * (rows - 1))))
        canvas.letters(column, row, PAD[0], "$accent")
        canvas.letters(column, row + 1, PAD[1].format(number), "$accent bold")
    return canvas.lines()


def _body(view: View, columns: int, rows: int) -> list[Content]:
    canvas = Canvas(columns, rows)
    for line in view.body:
        _outline(canvas, line)
    if view.spot is not None:
        x, y = view.spot
        canvas.letters(round(x * (columns - 1)), min(rows - 1, round(y * (rows - 1))), "█", "$accent bold")
    return canvas.lines()


def _outline(canvas: Canvas, line: Line) -> None:
    points: Sequence[tuple[int, int]] = [
        (round(x * (canvas.width - 1)), round(y * (canvas.height - 1))) for x, y in line
    ]
    canvas.curve(points)
