"""A patient's progress in words and text plots: read from the records, set nowhere. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from estim.console.language import ENGLISH, Words
from estim.console.textplot import side_by_side, text_plot
from estim.records.course import Course, SessionChange, changes, number
from estim.records.course_report import SHOWN_APART
from estim.records.plots import Series

PLOT_COLUMNS = 38  # at least so wide: two beside each other on 80 columns
LOWEST, HIGHEST = 8, 14  # rows of a plot: two of the lowest fill a page of 24 rows
HELD = "\u00a0"  # a space at which no line ends


def progress_lines(course: Course, *, columns: int, rows: int, say: Words = ENGLISH) -> list[str]:
    """Facts, what changed since the session before, and as many plots beside each other as fit.

    Args:
        columns, rows: of the space for it; with more rows the plots are higher.
    """
    across = max(1, (columns + 1) // (PLOT_COLUMNS + 1))
    width = (columns + 1) // across - 1
    said = [*fact_lines(course, say), "", *change_lines(course, say), ""]
    words = [
        part.replace(HELD, " ")
        for line in said
        for part in textwrap.wrap(line, columns, subsequent_indent="  ", drop_whitespace=True) or [""]
    ]
    count = len(_plots(course, say))
    bands = -(-count // across)
    height = max(LOWEST, min(HIGHEST, (rows - len(words)) // max(1, bands) - 1))
    blocks = [
        text_plot(title, series, columns=width, rows=height, whole_x=len(course.points))
        for title, series in _plots(course, say)
    ]
    return words + side_by_side(blocks, columns=width, across=across)


def fact_lines(course: Course, say: Words = ENGLISH) -> list[str]:
    """The course in brief: delivered against planned, and the last levels as the suggestion that they are."""
    done, planned = course.contractions
    due = ""
    if course.planned is not None:
        low, high = course.planned
        due = say("course.due", due=f"{low}" if low == high else f"{low}-{high}")
        if course.adherence_percent is not None:
            due += f" ({course.adherence_percent} %)"
    contractions = say("course.of-planned", done=done, planned=planned) if planned else f"{done}"
    lines = [
        say("course.title", patient=course.patient, title=course.title),
        say("course.delivered", count=course.delivered, due=due, contractions=contractions),
    ]
    bad = [str(point.number) for point in course.points if not point.verified]
    if bad:
        lines.append(say("course.not-verified", numbers=", ".join(bad)))
    if course.last_levels_ua:
        levels = ", ".join(f"{name} {level / 1000:g} mA" for name, (level, _) in course.last_levels_ua.items())
        day = next(iter(course.last_levels_ua.values()))[1]
        lines += [say("course.last", day=day, levels=levels), say("course.never-set")]
    return lines


def change_lines(course: Course, say: Words = ENGLISH) -> list[str]:
    """What the last session with treatment had otherwise than the one before."""
    found = changes(course)
    if found is None:
        return [say("course.one-session")]
    before, after, changed = found
    head = say("course.changed", before=before, after=after)
    said = " · ".join(_change(one, say).replace(" ", HELD) for one in changed)  # broken between changes alone
    return [head, f"  {said}"] if said else [f"{head} {say('course.nothing')}"]


def _change(change: SessionChange, say: Words) -> str:
    what = say.of("course-what", change.what, name=change.name)
    return f"{what}: {change.before or '–'} → {change.after or '–'}"


def _plots(course: Course, say: Words) -> list[tuple[str, Sequence[Series]]]:
    """Levels, time with current, contractions, discomfort and each measure with numbers, against sessions."""
    points = course.points
    names = list(dict.fromkeys(name for point in points for name in point.levels_ua))
    found: list[tuple[str, Sequence[Series]]] = [
        (say("course.levels"), [_line(course, name, [p.levels_ua.get(name) for p in points], 1000) for name in names]),
        (say("course.time"), [_line(course, name, [p.on_us.get(name) for p in points], 60_000_000) for name in names]),
        (
            say("course.contractions"),
            [
                _line(course, say("course.done"), [p.contractions for p in points]),
                _line(course, say("course.planned"), [p.planned or None for p in points]),
            ],
        ),
        (
            say("course.sessions"),
            [
                _line(course, say("course.done"), course.delivered_by() if course.due else ()),
                _line(course, say("course.due-line"), course.due),
            ],
        ),
        (say("course.discomfort"), [_line(course, "", [p.discomfort for p in points])]),
    ]
    for measure in course.measures():
        if measure not in SHOWN_APART:
            values = [number(point.outcomes.get(measure, "")) for point in points]
            found.append((say.of("course-measure", measure), [_line(course, "", values)]))
    return [(title, series) for title, series in found if any(one.points for one in series)]


def _line(course: Course, name: str, values: Sequence[float | None], scale: int = 1) -> Series:
    pairs = zip(course.points, values, strict=False)  # no values at all where there is no plan
    return Series(name, [(float(point.number), value / scale) for point, value in pairs if value is not None])
