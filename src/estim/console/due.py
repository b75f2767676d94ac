"""What is due today in a patient's course of care, for the home screen; read by the thread that reads records."""

from __future__ import annotations

import contextlib
import datetime
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from estim.care.course import begun
from estim.care.measures import measures
from estim.care.words import drill_title, measure_name, plan_words
from estim.console.care_words import Care, care_of
from estim.console.language import Words
from estim.desk.care import CareDesk
from estim.protocols import library
from estim.protocols.loader import load
from estim.records import care_log
from estim.records.home import Home
from estim.records.pseudonym import normal
from estim.safety.errors import EstimError


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseToday:
    """Where one course stands today.

    Attributes:
        plan, phase: titles; phase `k` of `n`. side: the treated one.
        protocol: what today's visit plays, "" where no visit is due. drills: with it.
        due: (kind, what) of everything that is due, the first first.
        care: goals, the phase's gate, exercises, what was done by hand.
    """

    patient: str
    plan: str
    phase: str
    k: int
    n: int
    side: str
    protocol: str
    drills: tuple[str, ...]
    due: tuple[tuple[str, str], ...]
    care: Care = field(default_factory=Care)


def courses_today(home: Home, *, simulated: bool, today: datetime.date) -> Mapping[str, CourseToday]:
    """Normal pseudonym → its course; those that have ended or can't be read are left out (`estim course` says why)."""
    found: dict[str, CourseToday] = {}
    for patient in care_log.patients(home, simulated=simulated):
        with contextlib.suppress(EstimError, OSError):
            desk = CareDesk(home, patient, simulated, who="")
            status = desk.status(today)
            if status.ended:
                continue
            phase = status.plan.phase[status.phase]
            visit = any(due.kind == "visit" for due in status.due)
            found[normal(patient)] = CourseToday(
                patient=patient,
                plan=status.plan.title,
                phase=phase.name,
                k=status.phase + 1,
                n=len(status.plan.phase),
                side=status.side,
                protocol=phase.protocols[0] if visit and phase.protocols else "",
                drills=tuple(phase.drills) if visit else (),
                due=tuple((due.kind, due.what) for due in status.due),
                care=care_of(status, begun(desk.entries())),
            )
    return found


def due_lines(course: CourseToday, say: Words) -> list[str]:
    """The course in one line, then what is due, the first first."""
    lines = [course_title(course, say)]
    named = {"assessment": _assessment, "visit": _visit}
    lines += [
        f"▸ {say.of('due-kind', kind)}{f': {named[kind](what, say)}' if kind in named else ''}"
        for kind, what in dict.fromkeys(course.due)
    ]
    return lines


def course_title(course: CourseToday, say: Words) -> str:
    """Plan and phase; a template's in the screen's language, an own plan's in its own."""
    plan, phase = (plan_words(course.care.plan_id, text, say.language) for text in (course.plan, course.phase))
    return str(say("due.course", plan=plan, phase=phase, k=course.k, n=course.n))


def _assessment(what: str, say: Words) -> str:
    return next((measure_name(one, say.language) for one in measures().values() if one.name == what), what)


def _visit(what: str, say: Words) -> str:
    """Treatments by their titles, exercises by their names; one of the site's own by its id."""
    names = what.split(", ")
    return ", ".join(title if (title := title_of(name)) != name else drill_title(name, say.language) for name in names)


@functools.cache
def title_of(name: str) -> str:
    """What the library calls this treatment; another one by its id."""
    with contextlib.suppress(EstimError, OSError):
        return load(library.path(name)).title if name in library.names() else name
    return name
