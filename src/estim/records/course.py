"""A course of treatment: what one patient was given of one protocol, against what was planned. Made from sessions'
summaries; levels of the last session are a suggestion to begin the search from, never a setting.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescribed:
    """What the protocol asks for.

    Attributes:
        days_per_week: lowest and highest.
    """

    sessions_per_day: int
    days_per_week: tuple[float, float]
    weeks: int

    @property
    def per_week(self) -> tuple[float, float]:
        """Sessions a week, lowest and highest."""
        low, high = self.days_per_week
        return low * self.sessions_per_day, high * self.sessions_per_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One session of a course."""

    number: int
    began_ms: int
    utc: str
    week: int
    outcome: str
    verified: bool
    contractions: int
    planned: int
    therapy_us: int
    levels_ua: Mapping[str, int]
    tolerated_ua: Mapping[str, int]
    on_us: Mapping[str, int]
    discomfort: float | None  # the most of all that was entered, in treatment or after it
    outcomes: Mapping[str, str]
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One patient's sessions of one protocol, the first first.

    Attributes:
        delivered: sessions with output in therapy.
        planned: lowest and highest number of sessions that were due until `now_ms`; None without a plan.
        due: for each point the fewest sessions that were due by its day, this one counted; () without a plan.
        contractions: done and planned, over all sessions with output.
        last_levels_ua: channel → level of the last session that was completed, with its day: a suggestion.
    """

    patient: str
    protocol: str
    title: str
    simulated: bool
    points: tuple[Point, ...]
    delivered: int
    planned: tuple[int, int] | None
    contractions: tuple[int, int]
    last_levels_ua: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    due: tuple[int, ...] = ()

    def delivered_by(self) -> tuple[int, ...]:
        """For each point the sessions with output in therapy up to it."""
        return tuple(itertools.accumulate(int(any(point.on_us.values())) for point in self.points))

    @property
    def adherence_percent(self) -> int | None:
        """Delivered sessions in percent of the fewest that were due, at most 100."""
        if self.planned is None or not self.planned[0]:
            return None
        return min(100, self.delivered * 100 // self.planned[0])

    def measures(self) -> tuple[str, ...]:
        """Outcome measures that have at least one number."""
        found: list[str] = []
        for point in self.points:
            found += [key for key, value in point.outcomes.items() if key not in found and number(value) is not None]
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChange:
    """What one session had otherwise than the one before.

    Attributes:
        what: level | contractions | discomfort | week | measure.
        name: the channel's or the measure's, "" for the others.
        before, after: as shown, "" where it was not there.
    """

    what: str
    name: str = ""
    before: str
    after: str


def changes(course: Course) -> tuple[int, int, tuple[SessionChange, ...]] | None:
    """The last two sessions with treatment by their numbers, and what changed from one to the other; None where there
    are not two.
    """
    treated = [point for point in course.points if any(point.on_us.values())]
    if len(treated) < 2:
        return None
    one, other = treated[-2:]
    pairs: list[tuple[str, str, str, str]] = [("week", "", f"{one.week}", f"{other.week}")]
    for name in dict.fromkeys((*one.levels_ua, *other.levels_ua)):
        pairs.append(("level", name, _ma(one.levels_ua.get(name)), _ma(other.levels_ua.get(name))))
    pairs.append(("contractions", "", _share(one), _share(other)))
    pairs.append(("discomfort", "", _plain(one.discomfort), _plain(other.discomfort)))
    for name in dict.fromkeys((*one.outcomes, *other.outcomes)):
        if name != "discomfort":
            pairs.append(("measure", name, one.outcomes.get(name, ""), other.outcomes.get(name, "")))
    found = tuple(SessionChange(what=what, name=name, before=a, after=b) for what, name, a, b in pairs if a != b)
    return one.number, other.number, found


def _ma(level_ua: int | None) -> str:
    return "" if level_ua is None else f"{level_ua / 1_000:g} mA"


def _share(point: Point) -> str:
    return f"{point.contractions}/{point.planned}" if point.planned else f"{point.contractions}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def number(value: str) -> float | None:
    """A finite number, or None."""
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def course(
    sessions: Iterable[Mapping[str, Any]], patient: str, protocol: str, *, plan: Prescribed | None = None, now_ms: int
) -> Course:
    """The course of `patient` with `protocol` among summaries as the index gives them."""
    mine = sorted(
        (row for row in sessions if row["patient"] == patient and row["protocol"] == protocol),
        key=lambda row: (row["began_ms"], row["session"]),
    )
    points = tuple(_point(number, row) for number, row in enumerate(mine, 1))
    treated = [point for point in points if any(point.on_us.values())]
    began_ms = (treated[0].began_ms or None) if treated else None  # rehearsals have no day
    days = {point.session: point.utc[:10] for point in treated}
    last = next((point for point in reversed(treated) if point.outcome == "completed"), None)
    return Course(
        patient=patient,
        protocol=protocol,
        title=mine[-1]["title"] if mine else "",
        simulated=any(row["simulated"] for row in mine),
        points=points,
        delivered=len(treated),
        planned=None if began_ms is None or plan is None else _due(plan, began_ms, now_ms),
        contractions=(sum(point.contractions for point in treated), sum(point.planned for point in treated)),
        last_levels_ua={name: (level, days[last.session]) for name, level in last.levels_ua.items()} if last else {},
        due=() if began_ms is None or plan is None else tuple(_due(plan, began_ms, p.began_ms)[0] for p in points),
    )


def _due(plan: Prescribed, first_ms: int, now_ms: int) -> tuple[int, int]:
    """Sessions due from the first one's day until now: whole weeks as planned, the present one by its days."""
    days = max(0, now_ms - first_ms) // DAY_MS + 1
    whole, rest = divmod(min(days, plan.weeks * 7), 7)
    low, high = plan.per_week
    return (
        math.floor(whole * low + min(low, rest * low / 7)),
        math.ceil(whole * high + min(high, float(rest * plan.sessions_per_day))),
    )


def _measured(said: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What was measured before output, by its name, and by its side too where both were."""
    names = [one["name"] for one in said]
    return {
        f"{one['name']} {one.get('side', '')}".strip() if names.count(one["name"]) > 1 else one["name"]: one["value"]
        for one in said
    }


def _point(position: int, row: Mapping[str, Any]) -> Point:
    channels: Sequence[Mapping[str, Any]] = row["channels"]
    values = [float(value) for _, value in row["comfort"]]
    said = number(str(row["outcomes"].get("discomfort", "")))
    return Point(
        number=position,
        began_ms=row["began_ms"],
        utc=row["utc"],
        week=row["week"],
        outcome=row["outcome"] or row["ending"],
        verified=row["verified"],
        contractions=row["contractions"],
        planned=row["contractions_planned"],
        therapy_us=row["therapy_us"],
        levels_ua={one["name"]: one["level_ua"] for one in channels},
        tolerated_ua={one["name"]: one["max_tolerated_ua"] for one in channels if one["max_tolerated_ua"] is not None},
        on_us={one["name"]: one["on_us"] for one in channels},
        discomfort=max(values if said is None else [*values, said], default=None),
        outcomes=_measured(row.get("measured", ())) | row["outcomes"],
        session=row["session"],
    )
