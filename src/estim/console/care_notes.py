"""What a therapist enters into a course at the console, written by a thread that no screen waits for."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from estim.desk.care import CareDesk
from estim.platform.files import trouble
from estim.records.home import Home
from estim.safety.errors import EstimError


@dataclass(frozen=True, slots=True, kw_only=True)
class CareNote:
    """One entry: whose course, who makes it, what it says, of which day."""

    patient: str
    operator: str
    simulated: bool
    kind: str
    fields: Mapping[str, object]
    day: datetime.date


@dataclass(slots=True)
class Entering:
    """An entry on its way.

    Attributes:
        done: it was written, or refused.
        why: why it was refused, "" where it stands in the course.
    """

    done: bool = False
    why: str = ""


def enter_note(home: Home, note: CareNote) -> str:
    """Into the patient's course, after the desk's own check; why not, "" where it stands there."""
    try:
        CareDesk(home, note.patient, note.simulated, who=note.operator).note(note.kind, note.fields, day=note.day)
    except EstimError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or home.root}: {trouble(error)}"
    return ""
