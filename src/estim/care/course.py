"""One person's course of care, computed from its entries: where it stands, what is due, which gate is open. Pure.

An entry is never changed: a later one of the same kind stands beside it, and a withdrawal is an entry as well.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from estim.care.goals import Goal, gas_t
from estim.care.measures import measures
from estim.care.plan import AGE_DAYS, Criterion, Plan

Date = datetime.date
KINDS = (
    "begin", "consent", "consent-withdrawn", "assessment", "not-possible", "goal", "goal-score", "check", "gate",
    "visit", "session", "missed", "drill", "treatment", "diary", "event", "concern", "review", "leaflet", "end",
)  # fmt: skip
ATTENDED = ("visit", "session", "drill", "treatment")  # done by or beside a therapist: that day was a visit
GAS_T = "GAS T"  # a question with these words names the T score: what is known of it is shown beside the question
MADE = frozenset({"begin", "gate", "session", "leaflet"})  # by the program: by no one's typing alone
State = Literal["met", "not met", "missing", "too old"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the course.

    Attributes:
        kind: one of `KINDS`. day: of what it says, not of the typing. who: the operator.
    """

    kind: str
    day: Date
    who: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One criterion today: its state, the value behind it, and how old that is."""

    criterion: Criterion
    state: State
    value: str = ""
    days_old: int | None = None

    @property
    def words(self) -> str:
        """For a screen."""
        age = f", {self.days_old} days ago" if self.days_old else ""
        value = f": {self.value}{age}" if self.value else ""
        return f"{self.criterion.words}{value} ({'not answered' if self.unanswered else self.state})"

    @property
    def unanswered(self) -> bool:
        """Whether what is known stands here already and a person's answer alone is missing."""
        return self.state == "missing" and bool(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that is due today: kind, what, why."""

    kind: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week of the calendar, from its Monday."""

    number: int
    monday: Date
    planned: int
    attended: tuple[Date, ...]
    missed: tuple[tuple[Date, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a course stands on a day."""

    plan: Plan
    today: Date
    began: Date
    side: str
    phase: int
    phase_began: Date
    gates: tuple[Gate, ...]
    stops: tuple[Gate, ...]
    baseline_missing: tuple[str, ...]
    goals: tuple[Goal, ...]
    concerns: tuple[str, ...]
    due: tuple[Due, ...]
    consent: bool
    ended: bool

    @property
    def gate_open(self) -> bool:
        """Every criterion met and the least time over: a person may pass it, the program never does."""
        least = self.plan.phase[self.phase].min_days
        return all(gate.state == "met" for gate in self.gates) and (self.today - self.phase_began).days >= least


def of_kind(entries: Iterable[Entry], *kinds: str) -> list[Entry]:
    """Entries of these kinds, in order."""
    return [entry for entry in entries if entry.kind in kinds]


def begun(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of the latest course: a new beginning closes the one before."""
    starts = [number for number, entry in enumerate(entries) if entry.kind == "begin"]
    return list(entries[starts[-1] :]) if starts else []


def values(entries: Iterable[Entry], measure: str, *, side: str = "") -> list[tuple[Date, str]]:
    """Day and value of an assessment before that day's output, the oldest first.

    A measure taken after output is kept and never decides: strength is less then.
    """
    return [
        (entry.day, str(entry.fields["value"]))
        for entry in sorted(of_kind(entries, "assessment"), key=lambda entry: entry.day)
        if entry.fields.get("measure") == measure
        and not entry.fields.get("after_output")
        and side in {"", str(entry.fields.get("side", ""))}
    ]


def judge(
    criterion: Criterion, entries: Sequence[Entry], today: Date, *, phase: str | None = None, side: str = ""
) -> Gate:
    """A criterion on a day. A check holds for the phase in which it was answered; without a phase, for the course."""
    if criterion.check is not None:
        said = [
            entry
            for entry in of_kind(entries, "check")
            if entry.fields.get("check") == criterion.check
            and (phase is None or entry.fields.get("phase", phase) == phase)
        ]
        if not said:
            score = t_score(entries) if GAS_T in criterion.check else None
            return Gate(criterion=criterion, state="missing", value=f"{GAS_T} {score:.1f}" if score is not None else "")
        yes = said[-1].fields.get("yes") is True  # an older entry may hold a text: no text is a yes
        value = f"{'yes' if yes else 'no'}, {said[-1].who}"
        return Gate(
            criterion=criterion,
            state="met" if yes else "not met",
            value=value,
            days_old=(today - said[-1].day).days,
        )
    wanted = side if criterion.side == "treated" else ""
    found = values(entries, criterion.measure or "", side=wanted)
    found = [each for each in found if each[0] <= today]
    if not found:
        return Gate(criterion=criterion, state="missing")
    day, value = found[-1]
    old = (today - day).days
    state: State = "met" if criterion.meets(value) else "not met"
    if old > (criterion.not_older_than_days or AGE_DAYS):
        state = "too old"
    return Gate(criterion=criterion, state=state, value=value, days_old=old)


def status(plan: Plan, entries: Sequence[Entry], today: Date) -> Status:
    """Where the course stands, by what is of that day or before it: what was entered for later days is not known yet.

    Raises:
        ValueError: no course has begun.
    """
    course = [entry for entry in begun(entries) if entry.day <= today]
    if not course or course[0].kind != "begin":
        raise ValueError("no course has begun")
    first = course[0]
    passed = of_kind(course, "gate")
    number = min(len(passed), len(plan.phase) - 1)
    since = passed[-1].day if passed else first.day
    phase, side = plan.phase[number], str(first.fields.get("side", ""))
    asked = [*of_kind(course, "assessment"), *of_kind(course, "not-possible")]
    had = {str(entry.fields.get("measure")) for entry in asked}
    consents = of_kind(course, "consent", "consent-withdrawn")
    made = Status(
        plan=plan,
        today=today,
        began=first.day,
        side=side,
        phase=number,
        phase_began=since,
        gates=tuple(judge(gate, course, today, phase=phase.name, side=side) for gate in phase.gate),
        stops=tuple(judge(stop, course, today, side=side) for stop in plan.stop),
        baseline_missing=tuple(name for name in plan.baseline if name not in had),
        goals=goals(course),
        concerns=tuple(str(entry.fields.get("words", "")) for entry in of_kind(course, "concern")),
        due=(),
        consent=bool(consents) and consents[-1].kind == "consent",
        ended=bool(of_kind(course, "end")),
    )
    return _with_due(made, course)


def goals(entries: Iterable[Entry]) -> tuple[Goal, ...]:
    """The signed goals; one with an id that was there replaces nothing, it is another goal."""
    found: dict[str, Goal] = {}
    for entry in of_kind(entries, "goal"):
        levels = {int(level): str(words) for level, words in dict(entry.fields.get("levels", {})).items()}
        known = {
            key: entry.fields[key] for key in Goal.__slots__ if key in entry.fields and key not in {"id", "levels"}
        }
        for name in ("importance", "difficulty"):
            if name in known:
                known[name] = int(known[name])
        found.setdefault(str(entry.fields["id"]), Goal(id=str(entry.fields["id"]), levels=levels, **known))
    return tuple(found.values())


def goal_scores(entries: Iterable[Entry]) -> dict[str, float]:
    """Goal → the latest attained level."""
    return {str(entry.fields["goal"]): float(entry.fields["level"]) for entry in of_kind(entries, "goal-score")}


def t_score(entries: Sequence[Entry]) -> float | None:
    """The GAS T score of the goals that were scored; None before the first."""
    scored = goal_scores(entries)
    pairs = [(goal.weight, scored[goal.id]) for goal in goals(entries) if goal.levels and goal.id in scored]
    return gas_t(pairs) if any(weight for weight, _ in pairs) else None  # goals of no importance make no score


def planned_per_week(plan: Plan, phase: int) -> int:
    """Visits a week in a phase; none are counted where it is used as needed."""
    return 0 if plan.phase[phase].as_needed else plan.phase[phase].visits_per_week or plan.visits_per_week


def phase_of(plan: Plan, entries: Sequence[Entry], day: Date) -> int:
    """The number of the phase that `day` ended in."""
    return min(sum(entry.day <= day for entry in of_kind(begun(entries), "gate")), len(plan.phase) - 1)


def stimulated(plan: Plan, entries: Sequence[Entry], today: Date) -> tuple[int, int]:
    """Days with a session of this course, and visits that were planned in weeks whose phase has stimulation."""
    course = begun(entries)
    days = {entry.day for entry in of_kind(course, "session")}
    weeks = calendar(plan, course, today)
    ends = [week.monday + datetime.timedelta(days=6) for week in weeks]
    planned = sum(
        week.planned for week, end in zip(weeks, ends, strict=True) if plan.phase[phase_of(plan, course, end)].protocols
    )
    return len(days), planned


def calendar(plan: Plan, entries: Sequence[Entry], today: Date) -> tuple[Week, ...]:
    """Week by week from the Monday of the first day: planned, attended, missed with reasons."""
    course = begun(entries)
    if not course:
        return ()
    ended = of_kind(course, "end")
    last = min(today, ended[-1].day) if ended else today
    monday = course[0].day - datetime.timedelta(days=course[0].day.weekday())
    weeks = []
    for number in range((last - monday).days // 7 + 1):
        begins = monday + datetime.timedelta(days=7 * number)
        ends = begins + datetime.timedelta(days=7)
        phase = sum(entry.day < ends for entry in of_kind(course, "gate"))
        weeks.append(
            Week(
                number=number + 1,
                monday=begins,
                planned=planned_per_week(plan, min(phase, len(plan.phase) - 1)),
                attended=tuple(sorted({each.day for each in of_kind(course, *ATTENDED) if begins <= each.day < ends})),
                missed=tuple(
                    (each.day, str(each.fields.get("reason", "")))
                    for each in of_kind(course, "missed")
                    if begins <= each.day < ends
                ),
            )
        )
    return tuple(weeks)


def adherence(plan: Plan, entries: Sequence[Entry]) -> tuple[int, int]:
    """Home exercises done and planned over the days that the diary covers, each by its own phase; without a line: 0."""
    diary = of_kind(entries, "diary")
    if not diary:
        return 0, 0
    kept = {entry.day for entry in diary}
    first = min(kept)
    span = [first + datetime.timedelta(days=number) for number in range((max(kept) - first).days + 1)]
    done = sum(1 for entry in diary if entry.fields.get("done"))
    return done, sum(len(plan.home_drills(phase_of(plan, entries, day))) for day in span)


def _with_due(made: Status, course: Sequence[Entry]) -> Status:
    if made.ended:
        return made
    return replace(made, due=tuple(_due(made, course)))


def _due(made: Status, course: Sequence[Entry]) -> Iterator[Due]:
    """What comes first today."""
    if not made.consent:
        yield Due(kind="consent", what="explain the course and ask for consent", why="none stands in this course")
    for name in made.baseline_missing:
        minutes = measures()[name].minutes
        yield Due(
            kind="assessment", what=measures()[name].name, why=f"baseline, {minutes:g} min, before the first pulse"
        )
    if not made.goals:
        yield Due(kind="goal", what="write down the first goal", why="a course needs one")
    for gate in made.stops:
        if gate.state == "met":
            yield Due(kind="stop", what=gate.words, why="a reason to end stimulation or the course is met")
    if made.gate_open:
        last = made.phase == len(made.plan.phase) - 1
        what = "end the course" if last else f"pass to: {made.plan.phase[made.phase + 1].name}"
        yield Due(kind="gate", what=what, why="every criterion of this phase is met")
    for gate in made.gates:
        if gate.criterion.measure in made.baseline_missing:
            continue  # asked for already
        if gate.state in {"missing", "too old"} and gate.criterion.measure is not None:
            yield Due(kind="assessment", what=measures()[gate.criterion.measure].name, why=f"gate: {gate.state}")
    reviewed = of_kind(course, "review")
    since = (made.today - (reviewed[-1].day if reviewed else made.began)).days
    if since >= made.plan.review_every_days:
        yield Due(kind="review", what="review of the course", why=f"{since} days since the last")
    week = calendar(made.plan, course, made.today)[-1]
    if len(week.attended) < week.planned and made.today not in week.attended:
        phase = made.plan.phase[made.phase]
        what = ", ".join((*phase.protocols, *phase.drills))
        yield Due(kind="visit", what=what, why=f"{len(week.attended)} of {week.planned} visits of this week")
