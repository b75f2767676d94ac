"""Plots as SVG, black on white: told apart by dashes and marks, so that they survive copiers and colour blindness."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from estim.records.page import Html, join, tag

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 800, 62, 12, 20, 34
_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_MARKS = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one line, in the plot's units."""

    name: str
    points: Sequence[tuple[float, float]]


def nice_step(span: float, ticks: int = 5) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives about so many ticks."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    raw = span / ticks
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= raw * 0.999)


@dataclass(frozen=True, slots=True)
class _Frame:
    height: int
    x_max: float
    y_min: float
    y_max: float
    x_min: float = 0.0

    def x(self, value: float) -> float:
        return round(LEFT + (value - self.x_min) / ((self.x_max - self.x_min) or 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        inner = self.height - TOP - BOTTOM
        return round(TOP + inner - (value - self.y_min) / ((self.y_max - self.y_min) or 1) * inner, 1)

    def axes(self, title: str, unit: str, x_name: str) -> Html:
        bottom, right = self.height - BOTTOM, WIDTH - RIGHT
        parts = [
            tag("text", f"{title}{f' ({unit})' if unit else ''}", x=LEFT, y=13, font_weight="bold"),
            tag("text", x_name, x=right, y=self.height - 4, text_anchor="end"),
            _line(LEFT, bottom, right, bottom),
            _line(LEFT, TOP, LEFT, bottom),
        ]
        for value in _ticks(self.y_min, self.y_max, 4):
            parts.append(_line(LEFT, self.y(value), right, self.y(value), stroke="#ccc"))
            parts.append(tag("text", f"{value:g}", x=LEFT - 5, y=self.y(value) + 4, text_anchor="end"))
        for value in _ticks(self.x_min, self.x_max, 10):
            parts.append(_line(self.x(value), bottom, self.x(value), bottom + 4))
            parts.append(tag("text", f"{value:g}", x=self.x(value), y=bottom + 16, text_anchor="middle"))
        return join(parts)


def _ticks(low: float, high: float, count: int) -> list[float]:
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 6) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = "#111", dash: str | None = None) -> Html:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_dasharray=dash)


def _svg(height: int, label: str, *parts: object) -> Html:
    body = tag(
        "svg", *parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height,
        role="img", aria_label=label, font_family="sans-serif", font_size=11,
    )  # fmt: skip
    return tag("figure", body)


def amplitude_plot(
    title: str,
    points: Sequence[tuple[int, int]],
    end_us: int,
    *,
    level_ua: int = 0,
    events: Iterable[tuple[int, str]] = (),
) -> Html:
    """One channel's acknowledged amplitude over the session, as an envelope of 700 columns.

    Args:
        points: (session time, µA) of each change.
        level_ua: drawn as a dashed line, 0 for none.
        events: (session time, one letter), drawn above the envelope.
    """
    columns = envelope(points, end_us, 700)
    top_ma = max([*columns, level_ua, 1_000]) / 1_000
    frame = _Frame(150, max(end_us, 1) / 60e6, 0, math.ceil(top_ma / nice_step(top_ma, 4)) * nice_step(top_ma, 4))
    width_min = frame.x_max / len(columns)
    path = "".join(
        f"M{frame.x(i * width_min)},{frame.y(0)}V{frame.y(value / 1_000)}H{frame.x((i + 1) * width_min)}V{frame.y(0)}"
        for i, value in enumerate(columns)
        if value
    )
    parts: list[object] = [frame.axes(title, "mA, acknowledged", "min"), tag("path", d=path or "M0,0", fill="#777")]
    if level_ua:
        y = frame.y(level_ua / 1_000)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, dash="6 4"))
    for at_us, letter in events:
        x = frame.x(at_us / 60e6)
        parts.append(_line(x, TOP, x, frame.height - BOTTOM, dash="2 2"))
        parts.append(tag("text", letter, x=x + 2, y=TOP + 9, font_weight="bold"))
    return _svg(frame.height, f"{title}: amplitude over time", *parts)


def envelope(points: Sequence[tuple[int, int]], end_us: int, columns: int) -> list[int]:
    """The highest amplitude in each of so many equal parts of the session."""
    found = [0] * columns
    end_us = max(end_us, 1)
    for index, (at_us, amplitude_ua) in enumerate(points):
        if amplitude_ua <= 0:
            continue
        until_us = points[index + 1][0] if index + 1 < len(points) else end_us
        first = min(columns - 1, max(0, at_us * columns // end_us))
        last = min(columns - 1, max(first, (until_us - 1) * columns // end_us))
        for column in range(first, last + 1):
            found[column] = max(found[column], amplitude_ua)
    return found


def line_plot(title: str, unit: str, series: Sequence[Series], *, x_name: str = "session", whole_x: int = 0) -> Html:
    """Lines over sessions; nothing where there is nothing to show.

    Args:
        whole_x: how many sessions the axis shows at least.
    """
    shown = [one for one in series if one.points]
    if not shown:
        return Html("")
    values = [y for one in shown for _, y in one.points]
    low, high = min(0.0, *values), max(values)
    high = high if high > low else low + 1
    step = nice_step(high - low, 4)
    x_max = max([x for one in shown for x, _ in one.points] + [whole_x, 2])
    frame = _Frame(170, x_max, math.floor(low / step) * step, math.ceil(high / step) * step, 1)
    parts: list[object] = [frame.axes(title, unit, x_name)]
    for number, one in enumerate(shown):
        spots = [(frame.x(x), frame.y(y)) for x, y in one.points]
        dash = _DASHES[number % len(_DASHES)] or None
        line = " ".join(f"{x},{y}" for x, y in spots)
        parts.append(tag("polyline", points=line, fill="none", stroke="#111", stroke_width=1.5, stroke_dasharray=dash))
        parts += [_mark(_MARKS[number % len(_MARKS)], x, y) for x, y in spots]
        if len(shown) > 1:
            x = LEFT + 250 + number % 4 * 130
            parts += [_mark(_MARKS[number % len(_MARKS)], x, 9), tag("text", one.name[:20], x=x + 8, y=13)]
    return _svg(frame.height, title, *parts)


def _mark(kind: str, x: float, y: float) -> Html:
    if kind == "circle":
        return tag("circle", cx=x, cy=y, r=3.5, fill="#111")
    if kind == "square":
        return tag("rect", x=x - 3, y=y - 3, width=6, height=6, fill="#fff", stroke="#111")
    if kind == "triangle":
        return tag("path", d=f"M{x - 4},{y + 3}L{x + 4},{y + 3}L{x},{y - 4}Z", fill="#111")
    return tag("path", d=f"M{x - 4},{y}L{x},{y - 4}L{x + 4},{y}L{x},{y + 4}Z", fill="#fff", stroke="#111")
