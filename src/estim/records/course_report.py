"""The course report: progress over sessions, as text and as one HTML page with plots."""

from __future__ import annotations

from collections.abc import Mapping

from estim.protocols.unseen import in_one_line
from estim.records.course import Course, Point, number
from estim.records.page import Html, facts, page, table, tag
from estim.records.plots import Series, line_plot
from estim.records.report import clock

# The outcome line's own keys that are asked after each session have their names; others are shown by their key.
_NAMES: Mapping[str, str] = {"pain": "Pain of the condition (0 to 10)", "rpe": "Effort (Borg, 6 to 20)"}
SHOWN_APART = frozenset({"discomfort", "skin"})
HEADS = ("#", "Day (UTC)", "Week", "Ended", "Contractions", "Therapy", "Levels", "Discomfort", "Measures", "Record")


def marks(course: Course) -> list[str]:
    """What must be read first."""
    found = ["SIMULATED SESSIONS: no person was stimulated."] if course.simulated else []
    bad = [str(point.number) for point in course.points if not point.verified]
    if bad:
        found.append(f"The records of session {', '.join(bad)} are not verified.")
    return found


def fact_rows(course: Course) -> list[tuple[str, str]]:
    """The course in brief."""
    done, planned = course.contractions
    due = ""
    if course.planned is not None:
        low, high = course.planned
        due = f" of {low if low == high else f'{low} to {high}'} due"
        if course.adherence_percent is not None:
            due += f" ({course.adherence_percent} %)"
    last = "; ".join(
        f"{name} {level / 1_000:g} mA{f' on {day}' if day else ''}"
        for name, (level, day) in course.last_levels_ua.items()
    )
    return [
        ("Patient (pseudonym)", course.patient),
        ("Protocol", f"{course.title} ({course.protocol})"),
        ("Sessions delivered", f"{course.delivered}{due}"),
        ("Contractions", f"{done} of {planned} planned ({done * 100 // planned} %)" if planned else str(done)),
        ("Last levels", f"{last}: a place to begin the search near, never a setting" if last else ""),
    ]


def session_rows(course: Course) -> list[tuple[object, ...]]:
    """One row for each session."""
    return [_row(point) for point in course.points]


def _row(point: Point) -> tuple[object, ...]:
    kept = {key: value for key, value in point.outcomes.items() if key != "discomfort"}
    return (
        point.number,
        point.utc[:10],
        point.week or "",
        point.outcome,
        f"{point.contractions} of {point.planned}" if point.planned else str(point.contractions),
        clock(point.therapy_us),
        ", ".join(f"{name} {level / 1_000:g} mA" for name, level in point.levels_ua.items()),
        "" if point.discomfort is None else f"{point.discomfort:g}",
        ", ".join(f"{key} {value}" for key, value in kept.items()),
        "verified" if point.verified else "NOT VERIFIED",
    )


def course_text(course: Course) -> str:
    """Plain text for the clinic's own system."""
    lines = ["COURSE REPORT" + (" (SIMULATED)" if course.simulated else ""), ""]
    lines += [f"!! {mark}" for mark in marks(course)]
    lines += [f"{name}: {value}" for name, value in fact_rows(course) if value]
    lines.append("")
    for row in session_rows(course):
        said = "; ".join(f"{head} {value}" for head, value in zip(HEADS[3:], row[3:], strict=True) if value != "")
        lines.append(f"  {row[0]:>3}. {row[1]}{f' week {row[2]}' if row[2] else ''}: {said}")
    return "\n".join(map(in_one_line, lines)) + "\n"


def course_html(course: Course) -> str:
    """One self-contained page."""
    title = "Course report" + (" (simulated)" if course.simulated else "")
    marked = frozenset(n for n, point in enumerate(course.points) if not point.verified or point.outcome == "fault")
    return page(
        title,
        *(tag("p", mark, klass="mark") for mark in marks(course)),
        facts(fact_rows(course)),
        tag("h2", "Progress"),
        *progress_plots(course),
        tag("h2", "Sessions"),
        table(HEADS, session_rows(course), marked=marked),
    )


def progress_plots(course: Course) -> list[Html]:
    """Levels, contractions, comfort and each outcome measure against sessions."""
    points, whole = course.points, len(course.points)
    names = list(dict.fromkeys(name for point in points for name in point.levels_ua))
    levels = [_series(points, name, [point.levels_ua.get(name) for point in points], 1_000) for name in names]
    counts = [
        _series(points, "done", [point.contractions for point in points]),
        _series(points, "planned", [point.planned or None for point in points]),
    ]
    found = [
        line_plot("Level at the end of therapy", "mA", levels, whole_x=whole),
        line_plot("Time with current", "min", [_series(points, name, [point.on_us.get(name) for point in points],
                                                       60_000_000) for name in names], whole_x=whole),
        line_plot("Contractions", "", counts, whole_x=whole),
        line_plot("Sessions", "", [_series(points, "delivered", [*course.delivered_by()]),
                                   _series(points, "due", [*course.due])] if course.due else [], whole_x=whole),
        line_plot("Discomfort", "0 to 10", [_series(points, "", [point.discomfort for point in points])],
                  whole_x=whole),
    ]  # fmt: skip
    for measure in course.measures():
        if measure in SHOWN_APART:
            continue
        values = [number(point.outcomes.get(measure, "")) for point in points]
        found.append(line_plot(_NAMES.get(measure, measure), "", [_series(points, "", values)], whole_x=whole))
    return [plot for plot in found if plot]


def _series(points: tuple[Point, ...], name: str, values: list[int | None] | list[float | None] | list[int],
            scale: int = 1) -> Series:  # fmt: skip
    pairs = zip(points, values, strict=True)
    return Series(name, [(float(point.number), value / scale) for point, value in pairs if value is not None])
