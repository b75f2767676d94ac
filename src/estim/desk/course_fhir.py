"""A course of care in FHIR R5: the plan with its phases and criteria, the person's own goals and how far each was
reached, the first and the last value of each measure. `records.fhir_r4.as_r4` makes R4 of it.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from estim.care import course
from estim.care.measures import measures
from estim.care.plan import CoursePhase
from estim.desk.care import CareDesk
from estim.desk.discharge import GoalReached, Report, report
from estim.records import care_log
from estim.records.fhir import procedure_of
from estim.records.fhir_parts import Resource, concept, refer, resource, url_of
from estim.records.home import Home
from estim.records.pseudonym import normal
from estim.records.summary import SessionSummary

_ACHIEVED = "http://terminology.hl7.org/CodeSystem/goal-achievement"
_EXPECTED_LEVEL = 0  # of the five of a goal attainment scale


def courses_of(home: Home, sessions: Sequence[SessionSummary]) -> dict[str, Resource]:
    """Plan, goals and measures of each patient of these sessions who has a course of care; name → resource.

    Raises:
        RecordError: a course was changed, cut or removed.
    """
    found: dict[str, Resource] = {}
    for patient, simulated in dict.fromkeys((one.patient, one.simulated) for one in sessions):
        if not patient or not course.begun(care_log.read(home, patient, simulated=simulated)):
            continue
        desk = CareDesk(home=home, patient=patient, simulated=simulated, who="")
        status = desk.status()
        made = report(patient, status, desk.entries(), (), simulated=simulated)
        last = made.end.day if made.end is not None else status.today
        mine = [
            procedure_of(one)
            for one in sessions
            if (normal(one.patient), one.simulated) == (normal(patient), simulated)
            and one.began_ms
            and status.began <= datetime.datetime.fromtimestamp(one.began_ms / 1_000).date() <= last
        ]
        found |= dict(course_resources(made, procedures=mine))
    return found


def course_resources(made: Report, *, procedures: Sequence[str] = ()) -> Iterator[tuple[str, Resource]]:
    """The patient, the plan, a request for each phase, each goal, each measure; with their names.

    Args:
        procedures: names of the sessions of this course that stand in the same bundle.
    """
    status = made.status
    key = (made.simulated, made.patient, status.plan.id, status.began.isoformat())
    patient = url_of("patient", made.simulated, made.patient)
    yield patient, resource(
        "Patient", patient, simulated=made.simulated,
        identifier=[{"system": "urn:estim:patient", "value": made.patient}],
    )  # fmt: skip
    phases = [url_of("phase", *key, number) for number in range(len(status.plan.phase))]
    for number, (url, phase) in enumerate(zip(phases, status.plan.phase, strict=True)):
        yield url, _phase(made, phase, number, url, patient)
    goals = [url_of("course-goal", *key, goal.id) for goal in status.goals]
    for number, url in enumerate(goals):
        yield url, _goal(made, number, url, patient)
    seen = []
    for number, changed in enumerate(made.measures):
        for at, (day, value) in enumerate(dict.fromkeys((changed.values[0], changed.values[-1]))):
            url = url_of("course-measure", *key, number, at)
            seen.append(url)
            yield url, _measure(made, changed.measure, changed.side, day.isoformat(), value, url, patient)
    plan = url_of("course-plan", *key)
    yield plan, resource(
        "CarePlan", plan, simulated=made.simulated, status=_status(made), intent="plan", title=status.plan.title,
        identifier=[{"system": "urn:estim:plan", "value": f"{status.plan.id} {status.plan.version}"}],
        description="; ".join(status.plan.conditions), subject=refer(patient), created=status.began.isoformat(),
        period={"start": status.began.isoformat()} | ({"end": made.end.day.isoformat()} if made.end else {}),
        goal=[refer(url) for url in goals], supportingInfo=[refer(url) for url in seen],
        activity=[*({"plannedActivityReference": refer(url)} for url in phases),
                  *({"performedActivity": [{"reference": refer(url)}]} for url in procedures)],
        note=[{"text": text} for text in _notes(made)],
    )  # fmt: skip


def course_bundle(made: Report) -> Resource:
    """The course alone, as one bundle."""
    entries = dict(course_resources(made))
    for number, entry in enumerate(made.sessions):
        url = url_of("course-session", made.simulated, made.patient, entry.day, number)
        entries[url] = resource(
            "Procedure", url, simulated=made.simulated,
            status="completed" if entry.fields["outcome"] == "completed" else "stopped",
            code=concept(f"Neuromuscular electrical stimulation, {entry.fields['protocol']}"),
            subject=refer(url_of("patient", made.simulated, made.patient)),
            occurrencePeriod={"start": entry.day.isoformat(), "end": entry.day.isoformat()},
            note=[{"text": f"{entry.fields['contractions']} of {entry.fields.get('planned', '-')} contractions"}],
        )  # fmt: skip
    name = hashlib.sha256("/".join(entries).encode()).hexdigest()
    return resource(
        "Bundle", url_of("bundle", name), simulated=made.simulated, type="collection",
        timestamp=f"{made.status.today.isoformat()}T00:00:00+00:00",
        entry=[{"fullUrl": url, "resource": one} for url, one in entries.items()],
    )  # fmt: skip


def _status(made: Report) -> str:
    if made.end is not None:
        return "completed"
    return "active" if made.status.consent else "on-hold"


def _notes(made: Report) -> Iterator[str]:
    status = made.status
    yield f"{made.attended} of {made.planned} planned visits"
    yield f"Phase {status.phase + 1} of {len(status.plan.phase)} since {status.phase_began}"
    yield "The person consented" if status.consent else "There is no consent that holds"
    if made.t_score is not None:
        yield f"Goal attainment scaling, T score {made.t_score:.1f}"
    yield from (f"Worry: {words}" for words in status.concerns if words)
    yield from (f"Ends it: {stop.criterion.words}" for stop in status.stops)


def _phase(made: Report, phase: CoursePhase, number: int, url: str, patient: str) -> Resource:
    at, ended = made.status.phase, made.end is not None
    done = number < at or (number == at and ended)
    visits = phase.visits_per_week or made.status.plan.visits_per_week
    said = [f"{name}: {', '.join(what)}" for name, what in (
        ("Protocols", phase.protocols), ("Drills", phase.drills), ("At home", phase.home)
    ) if what]  # fmt: skip
    said += [f"Goes on when: {gate.words}" for gate in phase.gate]
    state = "completed" if done else "revoked" if ended else "active" if number == at else "draft"
    return resource(
        "ServiceRequest", url, simulated=made.simulated, status=state, intent="plan",
        code={"concept": concept(phase.name)}, subject=refer(patient), asNeededBoolean=phase.as_needed or None,
        occurrenceTiming=None if phase.as_needed else {
            "repeat": {"frequency": visits, "period": 1, "periodUnit": "wk"}
        },
        note=[{"text": text} for text in [*said, *([phase.note] if phase.note else [])]],
    )  # fmt: skip


def _goal(made: Report, number: int, url: str, patient: str) -> Resource:
    goal, reached = made.status.goals[number], made.goals[number]
    measure = measures().get(goal.measure)
    target: dict[str, Any] = {"dueDate": goal.by} if goal.by else {}
    if measure is not None and goal.target:
        target |= {"measure": concept(measure.name), **_target(goal.target, measure.unit, grades=bool(measure.grades))}
    notes = [f"At first: {goal.baseline}"] if goal.baseline else []
    notes += [f"Level {level:+d}: {words}" for level, words in sorted(goal.levels.items())]
    if goal.importance is not None and goal.difficulty is not None:
        notes.append(f"Importance {goal.importance}, difficulty {goal.difficulty} of 3")
    notes += [f"Signed by {goal.signed_by}"] if goal.signed_by else []
    return resource(
        "Goal", url, simulated=made.simulated, lifecycleStatus="completed" if made.end is not None else "active",
        identifier=[{"system": "urn:estim:goal", "value": goal.id}],
        achievementStatus=_achieved(reached), description=concept(goal.words), subject=refer(patient),
        source=refer(patient), target=[target] if target else None, note=[{"text": text} for text in notes],
    )  # fmt: skip


def _target(text: str, unit: str, *, grades: bool) -> dict[str, Any]:
    try:
        value = float(text)
    except ValueError:
        return {"detailString": text}
    return {"detailString": text} if grades else {"detailQuantity": {"value": value, "unit": unit}}


def _achieved(reached: GoalReached) -> dict[str, Any] | None:
    """By the scored level, or by its measure; nothing where nobody judged it."""
    if reached.level is not None:
        met, text = reached.level >= _EXPECTED_LEVEL, f"level {reached.level:+d}"
    elif reached.met is not None:
        met, text = reached.met, f"{reached.measure}: {reached.last}, wanted {reached.target}"
    else:
        return None
    code = {"system": _ACHIEVED, "code": "achieved" if met else "not-achieved"}
    return concept(text, code)


def _measure(made: Report, name: str, side: str, day: str, value: str, url: str, patient: str) -> Resource:
    measure = measures()[name]
    said: dict[str, Any] = {"valueString": value}
    if not measure.grades:
        said = {"valueQuantity": {"value": float(value), "unit": measure.unit}}
    return resource(
        "Observation", url, simulated=made.simulated, status="final", subject=refer(patient), effectiveDateTime=day,
        code=concept(f"{measure.name} ({f'{name} {side}'.strip()})"), **said,
    )  # fmt: skip
