"""Who is known at home: those with records, in the patients' file, in a course of care. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from estim.console.due import CourseToday
from estim.console.past import PastPatient, PastSession
from estim.records.door import Elsewhere
from estim.records.patients import Patient
from estim.records.pseudonym import normal


def with_courses(known: tuple[PastPatient, ...], courses: Mapping[str, CourseToday]) -> tuple[PastPatient, ...]:
    """What a course has due today comes first; whoever has a course and no record yet is there as well."""
    here = {normal(patient.id) for patient in known}
    new = tuple(PastPatient(id=course.patient) for name, course in courses.items() if name not in here)
    joined = [_in_course(patient, courses.get(normal(patient.id))) for patient in (*new, *known)]
    return tuple(sorted(joined, key=lambda patient: patient.course is None or not patient.course.protocol))


def _in_course(patient: PastPatient, course: CourseToday | None) -> PastPatient:
    if course is None:
        return patient
    side = course.side if course.side in {"left", "right"} else patient.side
    return replace(
        patient, course=course, due=bool(course.due), side=side, assigned=course.protocol or patient.assigned
    )


def with_file(known: tuple[PastPatient, ...], filed: Mapping[str, Patient]) -> tuple[PastPatient, ...]:
    """Those with records first, each with what the patients' file says; then those who are only in the file."""
    seen = {patient.id for patient in known}
    new = tuple(PastPatient(id=name) for name in filed if name not in seen)
    return tuple(
        replace(
            patient,
            condition=file.condition,
            side=file.side if file.side in {"left", "right"} else patient.side,
            assigned=file.protocol,
            assigned_week=file.week,
        )
        if (file := filed.get(patient.id)) is not None
        else patient
        for patient in (*known, *new)
    )


def with_minutes(
    known: tuple[PastPatient, ...], days: Container[str], had: Callable[[str], Mapping[str, int]]
) -> tuple[PastPatient, ...]:
    """What the muscles of those had who were here on one of these days, as the limit of a day counts it (L27)."""
    return tuple(
        replace(patient, minutes_today=had(patient.id)) if patient.last_day in days else patient for patient in known
    )


def with_running(sessions: tuple[PastSession, ...], runs: Callable[[str], Elsewhere | None]) -> tuple[PastSession, ...]:
    """Of a patient's records without an end the latest one is played now, where `runs` knows one in a session."""
    found = list(sessions)
    latest = {one.patient_id: n for n, one in reversed(list(enumerate(sessions)))}
    for name, n in latest.items():
        if found[n].how == "torn" and (where := runs(name)) is not None:
            found[n] = replace(found[n], how="running", runs=where)
    return tuple(found)
