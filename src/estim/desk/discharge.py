"""The end of a course: what was reached and what not, first against last, given against planned; summary and letter."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from estim.care import course, exercised
from estim.care.course import Entry, Status, Week
from estim.care.goals import Goal
from estim.care.measures import measures
from estim.desk.diary import told
from estim.records.course import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A measure of one side: day and value, the oldest first."""

    measure: str
    side: str
    values: tuple[tuple[datetime.date, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalReached:
    """How far a goal was reached: its level, or its measure's last value against the target; neither is not judged."""

    words: str
    level: int | None = None
    met: bool | None = None
    measure: str = ""
    last: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything about a course that has been, as numbers and words."""

    patient: str
    status: Status
    weeks: tuple[Week, ...]
    attended: int
    planned: int
    measures: tuple[Changed, ...]
    t_score: float | None
    goals: tuple[GoalReached, ...]
    drills: int
    mastered: tuple[str, ...]
    treatments_min: float
    home_done: int
    home_planned: int
    events: tuple[Entry, ...]
    falls: tuple[Entry, ...]  # lines of the diary that tell of one
    concerns: tuple[Entry, ...]
    reviews: tuple[Entry, ...]
    not_possible: tuple[Entry, ...]
    levels: tuple[tuple[str, float, float, int], ...]  # protocol and channel, mA first and last, days
    gates: tuple[Entry, ...]
    given: tuple[Course, ...]
    doses: tuple[tuple[str, int, int, int, int, int], ...]  # protocol, sessions, given, planned, at 95 %, minutes ON
    stimulated: tuple[int, int]
    end: Entry | None
    sessions: tuple[Entry, ...]
    simulated: bool


def report(
    patient: str, status: Status, entries: Sequence[Entry], given: Sequence[Course], *, simulated: bool
) -> Report:
    """The report of the latest course among the entries; `given` are the sessions of the records, by protocol."""
    lines = course.begun(entries)
    weeks = course.calendar(status.plan, lines, status.today)
    done, planned = course.adherence(status.plan, lines)
    scored = course.goal_scores(lines)
    ends = course.of_kind(lines, "end")
    return Report(
        patient=patient,
        status=status,
        weeks=weeks,
        attended=sum(len(week.attended) for week in weeks),
        planned=sum(week.planned for week in weeks),
        measures=tuple(_changes(lines)),
        t_score=course.t_score(lines),
        goals=tuple(_reached(goal, scored, lines) for goal in status.goals),
        drills=len({(entry.day, entry.fields.get("drill")) for entry in course.of_kind(lines, "drill")}),
        mastered=exercised.mastered(lines),
        treatments_min=sum(float(entry.fields["minutes"]) for entry in course.of_kind(lines, "treatment")),
        home_done=done,
        home_planned=planned,
        events=tuple(course.of_kind(lines, "event")),
        falls=tuple(each for each in course.of_kind(lines, "diary") if told(each.fields.get("falls"))),
        concerns=tuple(course.of_kind(lines, "concern")),
        reviews=tuple(course.of_kind(lines, "review")),
        not_possible=tuple(course.of_kind(lines, "not-possible")),
        levels=tuple(_levels(lines)),
        gates=tuple(course.of_kind(lines, "gate")),
        given=tuple(given),
        doses=tuple(_doses(lines)),
        stimulated=course.stimulated(status.plan, lines, status.today),
        end=ends[-1] if ends else None,
        sessions=tuple(course.of_kind(lines, "session")),
        simulated=simulated,
    )


def _doses(lines: Sequence[Entry]) -> list[tuple[str, int, int, int, int, int]]:
    """Of each protocol that was played in the course: sessions, contractions given and planned, reached, minutes ON."""
    sums: dict[str, list[float]] = {}
    for entry in course.of_kind(lines, "session"):
        fields = entry.fields
        row = sums.setdefault(f"{fields['protocol']} {fields['version']}", [0, 0, 0, 0, 0])
        for place, key in enumerate(("contractions", "planned", "reached", "on_s"), start=1):
            row[place] += float(fields.get(key, 0))
        row[0] += 1
    return [(name, *(int(each) for each in row[:4]), round(row[4] / 60)) for name, row in sums.items()]  # type: ignore[misc]


def _levels(lines: Sequence[Entry]) -> list[tuple[str, float, float, int]]:
    """Of each channel that was played: its highest current on the first and on the last day, and on how many days."""
    found: dict[str, dict[datetime.date, float]] = {}
    for entry in course.of_kind(lines, "session"):
        for name, said in dict(entry.fields.get("levels", {})).items():
            peak_ma = float(said)
            if peak_ma > 0:
                days = found.setdefault(f"{entry.fields['protocol']}: {name}", {})
                days[entry.day] = max(days.get(entry.day, 0.0), peak_ma)
    return [(name, days[min(days)], days[max(days)], len(days)) for name, days in found.items()]


def _reached(goal: Goal, scored: Mapping[str, float], lines: Sequence[Entry]) -> GoalReached:
    """By the level that was scored; else by the last value of its measure, in the direction from baseline to target."""
    if goal.id in scored:
        return GoalReached(words=goal.words, level=int(scored[goal.id]))
    measure = measures().get(goal.measure)
    found = course.values(lines, goal.measure) if measure is not None else []
    if measure is None or not found or not goal.target or measure.judge(goal.target):
        return GoalReached(words=goal.words)
    last, target = measure.rank(found[-1][1]), measure.rank(goal.target)
    begun = target if measure.judge(goal.baseline) else measure.rank(goal.baseline)
    down = begun > target or (begun == target and measure.better == "lower")
    met = last <= target if down else last >= target
    return GoalReached(words=goal.words, met=met, measure=goal.measure, last=found[-1][1], target=goal.target)


def _changes(lines: Sequence[Entry]) -> list[Changed]:
    named = dict.fromkeys(
        (str(entry.fields["measure"]), str(entry.fields.get("side", "")))
        for entry in course.of_kind(lines, "assessment")
    )
    found = ((name, side, course.values(lines, name, side=side)) for name, side in named)
    # The last of a day counts: it was the correction of the one before.
    return [Changed(measure=name, side=side, values=tuple(dict(had).items())) for name, side, had in found if had]


def span(planned: tuple[int, int] | None) -> str:
    """Planned sessions: one number, or from where to where."""
    if planned is None:
        return "-"
    return f"{planned[0]}" if planned[0] == planned[1] else f"{planned[0]} to {planned[1]}"
