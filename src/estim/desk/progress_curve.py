"""How one assessment went over a course, as SVG: values by day, the target, and the smallest real change. Pure.

Black on white, told apart by dashes and marks, so that it survives a copier and colour blindness.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from estim.care.measures import Measure, is_error
from estim.care.words import day_words, number_words
from estim.records.page import Html, join, tag

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 220, 44, 10, 26, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One measure over the days of a course, as it is drawn on paper.

    Attributes:
        title: name and side.
        points: day and value, the oldest first, at least two.
        target: what a gate or goal asks for; None where nothing does.
        error: the measurement's own error, in the measure's unit: within it of the first value nothing is said to have
            changed; None where none was published.
        words: target, error, in the paper's language.
        language: of its numbers and days.
    """

    title: str
    unit: str
    points: tuple[tuple[datetime.date, float], ...]
    target: float | None
    error: float | None
    words: tuple[str, str]
    language: str = "en"


def smallest_real_change(measure: Measure, conditions: Sequence[str] = ()) -> float | None:
    """The published measurement error of who has these conditions, else the greatest of any; None where none is."""
    errors = [
        (each.population.casefold(), abs(each.number)) for each in measure.change if each.number and is_error(each)
    ]
    wanted = [condition.replace("-", " ") for condition in conditions]
    own = [error for population, error in errors if any(name in population for name in wanted)]
    return max(own or [error for _, error in errors], default=None)


def svg(curve: Curve) -> Html:
    """The drawing; its text is its own, so that it reads alone."""
    values = [value for _, value in curve.points]
    first = values[0]
    marked = [curve.target] if curve.target is not None else []
    marked += [first - curve.error, first + curve.error] if curve.error is not None else []
    low, high = min((*values, *marked)), max((*values, *marked))
    room = (high - low) * 0.08 or 1.0
    low, high = low - room, high + room
    days = [(day - curve.points[0][0]).days for day, _ in curve.points]
    span = max(1, days[-1])

    def x(day: int) -> float:
        return round(LEFT + day / span * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    def number(value: float) -> str:
        return number_words(f"{value:g}", curve.language)

    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [tag("text", f"{curve.title} ({curve.unit})", x=6, y=14, font_weight="bold")]
    if curve.error is not None:
        top = y(first + curve.error)
        parts.append(tag("rect", x=LEFT, y=top, width=right - LEFT, height=y(first - curve.error) - top, fill="#ddd"))
        parts.append(tag("text", f"{curve.words[1]} ±{number(curve.error)}", x=LEFT + 3, y=top + 10))
    parts += [_line(LEFT, bottom, right, bottom), _line(LEFT, TOP, LEFT, bottom)]
    for value in sorted({min(values), max(values)}):
        parts.append(tag("text", number(value), x=LEFT - 4, y=y(value) + 4, text_anchor="end"))
    if curve.target is not None:
        at = y(curve.target)
        parts.append(_line(LEFT, at, right, at, dashes="6 3"))
        parts.append(tag("text", f"{curve.words[0]} {number(curve.target)}", x=right - 2, y=at - 3, text_anchor="end"))
    along = " ".join(f"{x(day)},{y(value)}" for day, value in zip(days, values, strict=True))
    parts.append(tag("polyline", points=along, fill="none", stroke="black", stroke_width="1.5"))
    parts += [tag("circle", cx=x(day), cy=y(value), r="3") for day, value in zip(days, values, strict=True)]
    for day, (date, _), anchor in ((0, curve.points[0], "start"), (days[-1], curve.points[-1], "end")):
        parts.append(tag("text", day_words(date, curve.language), x=x(day), y=bottom + 14, text_anchor=anchor))
    return tag(
        "svg",
        join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        font_family="sans-serif",
        font_size="12",
    )


def _line(x1: float, y1: float, x2: float, y2: float, *, dashes: str = "") -> Html:
    dash = {"stroke_dasharray": dashes} if dashes else {}
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke="black", **dash)


def numbers(found: Sequence[tuple[datetime.date, str]]) -> tuple[tuple[datetime.date, float], ...]:
    """Days with a number; the last of a day counts, since it was the correction of the one before."""
    return tuple({day: float(value) for day, value in found}.items())
