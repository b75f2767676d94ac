"""Plots in text: lines of braille dots between marks, so that they are told apart without colour. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from estim.records.plots import Series, nice_step

MARKS = ("●", "■", "▲", "◆")  # more lines than these are marked by numbers
SEVERAL = "✱"  # marks of more than one line in one place
AXIS = 7  # columns of the numbers on the left and the axis
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, by row from above and column


class _Canvas:
    """Cells with two by four dots each; dot 0 0 is below on the left."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[0] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}

    def line(self, begin: tuple[int, int], end: tuple[int, int]) -> None:
        """All dots from one to the other."""
        (x1, y1), (x2, y2) = begin, end
        steps = max(abs(x2 - x1), abs(y2 - y1), 1)
        for step in range(steps + 1):
            x, y = x1 + round((x2 - x1) * step / steps), y1 + round((y2 - y1) * step / steps)
            below = self.rows * 4 - 1 - y
            self._cells[below // 4][x // 2] |= _DOTS[below % 4][x % 2]

    def mark(self, x: int, y: int, glyph: str) -> None:
        """A mark in the cell of this dot."""
        cell = (self.rows - 1 - y // 4, x // 2)
        self._marks[cell] = glyph if self._marks.get(cell, glyph) == glyph else SEVERAL

    def drawn(self) -> list[str]:
        """The rows, from above."""
        return [
            "".join(
                self._marks.get((row, column), chr(0x2800 + dots) if dots else " ") for column, dots in enumerate(cells)
            )
            for row, cells in enumerate(self._cells)
        ]


def text_plot(title: str, series: Sequence[Series], *, columns: int, rows: int, whole_x: int = 0) -> tuple[str, ...]:
    """Lines over sessions in `columns` × `rows` characters: title, names where there are several, curve, axis. Nothing
    where there is nothing to show.

    Args:
        whole_x: how many sessions the axis shows at least.
    """
    shown = [one for one in series if one.points]
    if not shown:
        return ()
    values = [y for one in shown for _, y in one.points]
    low, high = min(0.0, *values), max(values)
    step = nice_step(high - low if high > low else 1.0, 2)
    low, high = math.floor(low / step) * step, max(math.ceil(high / step), math.floor(low / step) + 1) * step
    last = max(2, whole_x, *(math.ceil(x) for one in shown for x, _ in one.points))
    glyphs = MARKS if len(shown) <= len(MARKS) else tuple(str(number) for number in range(1, len(shown) + 1))
    heads = [_clip(title, columns)]
    if len(shown) > 1:
        names = "  ".join(f"{glyph} {one.name}" for glyph, one in zip(glyphs, shown, strict=False))
        heads.append(_clip(names, columns))
    canvas = _Canvas(max(8, columns - AXIS), max(3, rows - len(heads) - 1))

    def place(x: float, y: float) -> tuple[int, int]:
        across = (x - 1) / (last - 1) * (canvas.columns * 2 - 1)
        return round(across), round((y - low) / (high - low) * (canvas.rows * 4 - 1))

    for one in shown:
        spots = [place(x, y) for x, y in one.points]
        for begin, end in itertools.pairwise(spots):
            canvas.line(begin, end)
    for glyph, one in zip(glyphs, shown, strict=False):
        for x, y in one.points:
            canvas.mark(*place(x, y), glyph)
    return (*heads, *_framed(canvas, low, high), _ground(canvas.columns, last))


def _framed(canvas: _Canvas, low: float, high: float) -> list[str]:
    numbers = {0: high, canvas.rows - 1: low}
    if canvas.rows >= 5:
        numbers[canvas.rows - 1 - (canvas.rows * 4 - 1) // 2 // 4] = (low + high) / 2
    return [
        f"{f'{numbers[row]:.3g}' if row in numbers else '':>{AXIS - 2}} {'┤' if row in numbers else '│'}{line}"
        for row, line in enumerate(canvas.drawn())
    ]


def _ground(columns: int, last: int) -> str:
    right = f" {last}"
    return f"{'':>{AXIS - 2}} └1{'─' * max(0, columns - 1 - len(right))}{right}"


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(1, width - 1)] + "…"


def side_by_side(blocks: Sequence[Sequence[str]], *, columns: int, across: int) -> list[str]:
    """Blocks of lines in rows of `across`, each `columns` wide, an empty line between rows."""
    lines: list[str] = []
    for at in range(0, len(blocks), across):
        beside = blocks[at : at + across]
        height = max(len(block) for block in beside)
        if lines:
            lines.append("")
        for row in range(height):
            cells = (block[row] if row < len(block) else "" for block in beside)
            lines.append(" ".join(f"{cell:<{columns}}" for cell in cells).rstrip())
    return lines
