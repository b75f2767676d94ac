"""The end of a course: what was reached and what not, first against last, given against planned; summary and letter."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from estim.care import course
from estim.care.course import Entry, Status, Week
from estim.care.measures import change_words, direction, measures
from estim.care.plan import Criterion
from estim.care.words import measure_name, unit_name, word
from estim.desk.paper import Paper, Section
from estim.desk.progress_curve import Curve, numbers, smallest_real_change, svg
from estim.records.course import Course

ADVICE = "A check 6 to 12 weeks from now; come back when the goal slips or a red flag appears."


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything about a course that has been, as numbers and words."""

    patient: str
    status: Status
    weeks: tuple[Week, ...]
    attended: int
    planned: int
    measures: tuple[tuple[str, str, str, str, str, tuple[str, ...]], ...]  # id, first day, first, last day, last, words
    t_score: float | None
    goal_levels: tuple[tuple[str, str], ...]
    drills: int
    mastered: tuple[str, ...]
    treatments_min: float
    home_done: int
    home_planned: int
    events: tuple[str, ...]
    gates: tuple[str, ...]
    given: tuple[Course, ...]
    doses: tuple[tuple[str, ...], ...]
    stimulated: tuple[int, int]
    curves: tuple[str, ...]
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
        goal_levels=tuple((goal.words, f"{scored[goal.id]:+g}" if goal.id in scored else "-") for goal in status.goals),
        drills=len(course.of_kind(lines, "drill")),
        mastered=course.mastered(lines),
        treatments_min=sum(float(entry.fields["minutes"]) for entry in course.of_kind(lines, "treatment")),
        home_done=done,
        home_planned=planned,
        events=tuple(f"{entry.day}: {entry.fields.get('words', '')}" for entry in course.of_kind(lines, "event")),
        gates=tuple(
            f"{entry.day}: left “{entry.fields['phase']}”"
            + (f", against its criteria: {entry.fields['reason']}" if entry.fields.get("reason") else "")
            for entry in course.of_kind(lines, "gate")
        ),
        given=tuple(given),
        doses=tuple(_doses(lines)),
        stimulated=course.stimulated(status.plan, lines, status.today),
        curves=tuple(_curves(status, lines)),
        end=ends[-1] if ends else None,
        sessions=tuple(course.of_kind(lines, "session")),
        simulated=simulated,
    )


def _doses(lines: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Of each protocol that was played in the course: sessions, contractions given and planned, reached, minutes ON."""
    sums: dict[str, list[float]] = {}
    for entry in course.of_kind(lines, "session"):
        fields = entry.fields
        row = sums.setdefault(f"{fields['protocol']} {fields['version']}", [0, 0, 0, 0, 0])
        for place, key in enumerate(("contractions", "planned", "reached", "on_s"), start=1):
            row[place] += float(fields.get(key, 0))
        row[0] += 1
    return [
        (
            name,
            f"{row[0]:g}",
            f"{row[1]:g} of {row[2]:g}" if row[2] else f"{row[1]:g}",
            f"{row[3]:g}",
            f"{row[4] / 60:.0f}",
        )
        for name, row in sums.items()
    ]


def _curves(status: Status, lines: Sequence[Entry]) -> list[str]:
    """A picture of each measure with numbers of two days or more, with its gate's bound and smallest real change."""
    bounds = {gate.measure: gate.at_least if gate.at_least is not None else gate.at_most for gate in _criteria(status)}
    named = dict.fromkeys(
        (str(entry.fields["measure"]), str(entry.fields.get("side", "")))
        for entry in course.of_kind(lines, "assessment")
    )
    pictures = []
    for name, side in named:
        measure = measures()[name]
        if measure.grades:
            continue  # a grade is no distance: it is not drawn as one
        points = numbers(course.values(lines, name, side=side))
        if len(points) < 2:
            continue
        bound = bounds.get(name)
        curve = Curve(
            title=f"{measure.name} {side}".strip(),
            unit=measure.unit,
            points=points,
            target=float(bound) if isinstance(bound, int | float) else None,
            error=smallest_real_change(measure, status.plan.conditions),
            words=("target", "smallest real change"),
        )
        pictures.append(str(svg(curve)))
    return pictures


def _criteria(status: Status) -> list[Criterion]:
    """All gates of the plan, the present phase's last so that it stands where several ask for one measure."""
    phases = [*status.plan.phase, status.plan.phase[status.phase]]
    return [gate for phase in phases for gate in phase.gate if gate.measure is not None]


def _changes(lines: Sequence[Entry]) -> list[tuple[str, str, str, str, str, tuple[str, ...]]]:
    named = dict.fromkeys(
        (str(entry.fields["measure"]), str(entry.fields.get("side", "")))
        for entry in course.of_kind(lines, "assessment")
    )
    rows = []
    for name, side in named:
        found = course.values(lines, name, side=side)
        if not found:
            continue
        (first_day, first), (last_day, last) = found[0], found[-1]
        words = tuple(change_words(measures()[name], first, last)) if len(found) > 1 else ("measured once",)
        shown = f"{name} {side}".strip()
        rows.append((shown, first_day.isoformat(), first, last_day.isoformat(), last, words))
    return rows


def summary(made: Report, *, who: str) -> Paper:
    """The discharge summary."""
    status = made.status
    facts = [
        ("What", "Value"),
        ("Patient", made.patient),
        ("Course", f"{status.plan.title} ({status.plan.id} {status.plan.version})"),
        ("Side", status.side),
        ("From, to", f"{status.began} to {made.end.day if made.end else status.today}"),
        ("Phase reached", status.plan.phase[status.phase].name),
        ("Why it ends", str(made.end.fields["reason"]) if made.end else "it goes on"),
        ("Visits", f"{made.attended} of {made.planned} planned"),
        ("Missed", str(sum(len(week.missed) for week in made.weeks))),
        ("Home exercises", f"{made.home_done} of {made.home_planned} planned" if made.home_planned else "no diary"),
        ("Exercises at visits", f"{made.drills}; mastered: {', '.join(made.mastered) or 'none'}"),
        ("Treatment by hand", f"{made.treatments_min:g} min"),
        ("GAS T score", f"{made.t_score:.1f}" if made.t_score is not None else "not scored"),
    ]
    changed = [("Measure", "First", "Last", "Change, each threshold with its population")]
    changed += [
        (name, f"{first} ({first_day})", f"{last} ({last_day})", "; ".join(words))
        for name, first_day, first, last_day, last, words in made.measures
    ]
    in_course = [("Protocol and version", "Sessions", "Contractions", "at 95 % or more", "min ON"), *made.doses]
    done, planned = made.stimulated
    dose = [("Protocol, by the records", "Sessions", "Planned by its dose", "Contractions done of planned")]
    dose += [
        (one.protocol, str(one.delivered), _span(one.planned), f"{one.contractions[0]} of {one.contractions[1]}")
        for one in made.given
    ]
    sections = [
        Section(lines=("SIMULATED: practice, no patient",) if made.simulated else (), rows=tuple(facts)),
        Section(head="Goals", rows=(("Goal", "Level reached (-2 to +2)"), *made.goal_levels)),
        Section(head="Measures", rows=tuple(changed)),
        *([Section(head="Progress", pictures=made.curves, wide=True)] if made.curves else []),
        Section(
            head="Stimulation given",
            lines=(f"Days with stimulation: {done} of {planned} visits planned in phases with stimulation",),
            rows=tuple(in_course),
        ),
        *([Section(rows=tuple(dose))] if made.given else []),
        Section(head="Phases", items=made.gates or ("the first phase was not left",)),
        Section(head="Criteria today", items=tuple(gate.words for gate in (*status.gates, *status.stops))),
        Section(head="Adverse events", items=made.events or ("none was entered",)),
        Section(head="Advice", lines=(str(made.end.fields.get("advice", ADVICE)) if made.end else ADVICE,)),
    ]
    footer = f"{made.patient}, {status.today}, {who}"
    return Paper(title="Discharge summary", language="en", footer=footer, sections=tuple(sections))


def letter(made: Report, *, who: str, to: str, language: str = "en") -> Paper:
    """A letter to the referrer: half a page."""
    status = made.status
    best = [_in_brief(row, language) for row in made.measures]
    german = language == "de"
    lines = [
        f"{'An' if german else 'To'}: {to}",
        f"{'Patient/in' if german else 'Patient'}: {made.patient}",
        (
            f"Behandelt vom {status.began} bis {status.today}: {made.attended} von {made.planned} Terminen."
            if german
            else f"Treated from {status.began} to {status.today}: {made.attended} of {made.planned} visits."
        ),
    ]
    head = ("Ergebnis", "Empfehlung") if german else ("Result", "Recommendation")
    advice = str(made.end.fields.get("advice", ADVICE)) if made.end else ADVICE
    sections = (
        Section(lines=(*((word("simulated", language),) if made.simulated else ()), *lines)),
        Section(head=head[0], items=tuple(best) or ("-",)),
        Section(head=head[1], lines=(advice, who)),
    )
    title = "Arztbrief" if german else "Letter to the referrer"
    return Paper(title=title, language=language, footer=f"{made.patient}, {status.today}", sections=sections)


def _in_brief(row: tuple[str, str, str, str, str, tuple[str, ...]], language: str) -> str:
    """`Timed Up and Go: 16 → 10.5 s (better)`, in the letter's language."""
    shown, first_day, first, last_day, last, _ = row
    name, _, side = shown.partition(" ")
    measure = measures()[name]
    title = " ".join(part for part in (measure_name(measure, language), word(side, language) if side else "") if part)
    unit = unit_name(measure.unit, language)
    if first_day == last_day:
        return f"{title}: {last} {unit} ({word('once', language)})"
    went = direction(measure, first, last)
    return f"{title}: {first} → {last} {unit}" + (f" ({word(went, language)})" if went else "")


def to_fhir(made: Report) -> dict[str, Any]:
    """CarePlan, goals and observations as a FHIR R4 collection Bundle; the patient is a pseudonym."""
    status, subject = made.status, {"identifier": {"value": made.patient}}
    over = made.end is not None
    plan = {
        "resourceType": "CarePlan",
        "status": "completed" if over else "active",
        "intent": "plan",
        "title": status.plan.title,
        "subject": subject,
        "period": {"start": status.began.isoformat()} | ({"end": made.end.day.isoformat()} if made.end else {}),
        "note": [{"text": f"{made.attended} of {made.planned} planned visits"}],
    }
    goals = [
        {
            "resourceType": "Goal",
            "lifecycleStatus": "completed" if over else "active",
            "description": {"text": goal.words},
            "subject": subject,
            "target": [{"dueDate": goal.by}],
        }
        for goal in status.goals
    ]
    observations = [
        _observation(name, day, value, subject)
        for name, first_day, first, last_day, last, _ in made.measures
        for day, value in dict.fromkeys(((first_day, first), (last_day, last)))
    ]
    sessions = [
        {
            "resourceType": "Procedure",
            "status": "completed" if entry.fields["outcome"] == "completed" else "stopped",
            "code": {"text": f"Neuromuscular electrical stimulation, {entry.fields['protocol']}"},
            "subject": subject,
            "performedDateTime": entry.day.isoformat(),
            "note": [{"text": f"{entry.fields['contractions']} of {entry.fields.get('planned', '-')} contractions"}],
        }
        for entry in made.sessions
    ]
    stamp = datetime.datetime.combine(status.today, datetime.time(), tzinfo=datetime.UTC).isoformat()
    resources = [plan, *goals, *observations, *sessions]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": stamp,
        "entry": [
            {"fullUrl": f"urn:estim:{made.patient}:{number}", "resource": each} for number, each in enumerate(resources)
        ],
    }


def _observation(name: str, day: str, value: str, subject: dict[str, Any]) -> dict[str, Any]:
    measure = measures()[name.split(" ", maxsplit=1)[0]]
    said = (
        {"valueString": value} if measure.grades else {"valueQuantity": {"value": float(value), "unit": measure.unit}}
    )
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": f"{measure.name} ({name})"},
        "subject": subject,
        "effectiveDateTime": day,
        **said,
    }


def _span(planned: tuple[int, int] | None) -> str:
    if planned is None:
        return "-"
    return f"{planned[0]}" if planned[0] == planned[1] else f"{planned[0]} to {planned[1]}"
