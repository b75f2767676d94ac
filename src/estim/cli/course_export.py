"""The course of care that exported sessions belong to."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from estim.care import course
from estim.desk.care import CareDesk
from estim.desk.course_fhir import course_resources
from estim.desk.discharge import report
from estim.records import care_log
from estim.records.fhir import procedure_of
from estim.records.fhir_parts import Resource
from estim.records.home import Home
from estim.records.pseudonym import normal
from estim.records.summary import SessionSummary


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
