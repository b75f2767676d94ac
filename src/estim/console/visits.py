"""A treatment that was sealed here becomes a visit of the course, written by a thread that no screen waits for."""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path

from estim.desk.care import CareDesk
from estim.desk.course_session import CourseSession, Given, GivenChannel, sealed_elsewhere
from estim.desk.signed_later import signed_later
from estim.protocols.schema import Protocol
from estim.records.home import Home
from estim.safety.errors import EstimError
from estim.session.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A treatment that was given and sealed: to whom, by whom, what it came to, and the exercise it joined in."""

    patient: str
    operator: str
    simulated: bool
    protocol: Protocol
    given: Given
    drill: str = ""


def visit_of(snapshot: Snapshot, protocol: Protocol | None, drill: str = "") -> Visit | None:
    """What was given in the session that was sealed; None where nothing was."""
    if protocol is None or not snapshot.word_head or snapshot.purpose != "therapy" or not snapshot.given:
        return None
    return Visit(
        patient=snapshot.patient_id,
        operator=snapshot.operator,
        simulated=snapshot.simulated,
        protocol=protocol,
        drill=drill,
        given=Given(
            outcome=snapshot.outcome,
            contractions=snapshot.given,
            channels=tuple(
                GivenChannel(one.name, one.reached, one.on_us / 1e6, one.peak_ua / 1000) for one in snapshot.channels
            ),
            record=Path(snapshot.record_path).name,
        ),
    )


def enter_visit(home: Home, visit: Visit) -> None:
    """Into the patient's course; the record is sealed whatever comes of it, and `estim course note visit` is there."""
    with contextlib.suppress(EstimError, OSError):
        desk = CareDesk(home, visit.patient, visit.simulated, who=visit.operator)
        today = datetime.datetime.now().astimezone().date()
        if sealed_elsewhere(desk, visit.protocol, visit.given, day=today) and visit.drill:
            CourseSession(desk, today).drilled(visit.drill, visit.protocol, visit.given, {})


def enter_signed_later(home: Home, folder: str, *, simulated: bool, operator: str) -> None:
    """As `enter_visit`, from the record that was signed later."""
    with contextlib.suppress(EstimError, OSError):
        signed_later(home, folder, simulated=simulated, operator=operator)
