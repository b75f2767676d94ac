"""Patients and past sessions, read-only: the one place where the console touches the home directory.

What is read here only helps to fill in forms; the controller asks and judges everything again. Records are read line by
line without checking their seals (`estim records verify` does that). Simulated sessions and real ones never mix.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from estim.records.course import Course
from estim.records.home import Home
from estim.records.operators import load_operators
from estim.records.past_course import courses
from estim.records.patients import Patient, load_patients
from estim.records.segment import segments
from estim.safety.errors import RecordError

SESSIONS_READ = 400  # the latest ones: enough for a year of a busy therapist, read in about a second
_WANTED = tuple(f'"kind":"{kind}"'.encode() for kind in ("header", "screening", "setup", "note", "outcome", "end"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPatient:
    """What the console needs of a patient it has treated before.

    Attributes:
        id: pseudonym.
        second_identifier: what is read back beside the pseudonym, e.g. year of birth; "" if none is kept.
        sessions: how many were attended (with treatment).
        last_protocol, last_day: of the latest one, "" for none.
        answers: the latest screening's answers, for the re-confirmation.
        last_protocol_id, last_version, last_week, last_session: of it; week 0 for none.
        pad_uses: label of a pair of pads → sessions in which it was used on this patient.
        condition, side, assigned, assigned_week: as the patients' file has it; "" and 0 for what it does not say.
        skin_blocked: what the skin was graded if 2 or 3 at the end of the last session, in words; "" if not.
    """

    id: str
    second_identifier: str = ""
    sessions: int = 0
    last_protocol: str = ""
    last_day: str = ""
    answers: Mapping[str, bool | str] = field(default_factory=dict)
    last_protocol_id: str = ""
    last_version: str = ""
    last_week: int = 0
    last_session: int = 0
    pad_uses: Mapping[str, int] = field(default_factory=dict)
    condition: str = ""
    side: str = ""
    assigned: str = ""
    assigned_week: int = 0
    skin_blocked: str = ""


class HomeView(Protocol):
    """What the console reads at home; calls return at once."""

    def patients(self, *, simulated: bool) -> tuple[PastPatient, ...]:
        """Everybody who was treated here, the latest first."""

    def courses(self, patient_id: str, *, simulated: bool) -> tuple[Course, ...] | None:
        """This patient's courses, the latest first; None while they are being read."""

    def own_protocols(self) -> tuple[str, ...]:
        """Paths of the site's own protocol files."""

    def asks_pin(self) -> bool:
        """This home knows operators, so signing in and signing take a PIN."""

    def printed_name(self, operator: str) -> str:
        """The name that this operator's signature prints, "" where this home knows none."""


@dataclass(frozen=True, slots=True)
class EmptyHome:
    """No home: every patient is new, but for those named."""

    known: tuple[PastPatient, ...] = ()
    past: tuple[Course, ...] = ()

    def patients(self, *, simulated: bool) -> tuple[PastPatient, ...]:  # noqa: ARG002
        """The ones that were given."""
        return self.known

    def courses(self, patient_id: str, *, simulated: bool) -> tuple[Course, ...] | None:
        """Those that were given."""
        return tuple(one for one in self.past if (one.patient, one.simulated) == (patient_id, simulated))

    def own_protocols(self) -> tuple[str, ...]:
        """None."""
        return ()

    def asks_pin(self) -> bool:
        """Nobody is known."""
        return False

    def printed_name(self, operator: str) -> str:  # noqa: ARG002
        """Nobody's."""
        return ""


class RecordsHome:
    """The records under a home directory, read by a thread of its own so that no screen waits for a disk."""

    def __init__(self, root: Path) -> None:
        self._home = Home(root)
        self._patients: dict[bool, tuple[PastPatient, ...]] = {}
        self._courses: dict[tuple[str, bool], tuple[Course, ...]] = {}
        self._reading: dict[tuple[str, bool], threading.Thread] = {}
        self._thread = threading.Thread(target=self._read, name="home-view", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until everything was read."""
        self._thread.join()

    def patients(self, *, simulated: bool) -> tuple[PastPatient, ...]:
        """What was read so far: nothing in the first moment, everything soon after."""
        return self._patients.get(simulated, ())

    def courses(self, patient_id: str, *, simulated: bool) -> tuple[Course, ...] | None:
        """Read by a thread of its own the first time that somebody asks for this patient."""
        asked = (patient_id, simulated)
        if asked not in self._reading:
            self._reading[asked] = threading.Thread(target=self._read_courses, args=asked, name="courses", daemon=True)
            self._reading[asked].start()
        return self._courses.get(asked)

    def _read_courses(self, patient_id: str, simulated: bool) -> None:  # noqa: FBT001 - a thread's argument
        found: tuple[Course, ...] = ()
        with contextlib.suppress(OSError, RecordError):  # what can't be read is not shown; `records verify` says why
            now_ms = time.time_ns() // 1_000_000
            found = courses(self._home, patient_id, simulated=simulated, now_ms=now_ms)
        self._courses[patient_id, simulated] = found

    def asks_pin(self) -> bool:
        """Where there is an operators' file."""
        return self._home.operators.exists()

    def printed_name(self, operator: str) -> str:
        """As the operators' file has it; the controller reads it again when it writes the signature."""
        with contextlib.suppress(RecordError):
            known = load_operators(self._home.operators).get(operator)
            return known.name if known is not None else ""
        return ""

    def own_protocols(self) -> tuple[str, ...]:
        """The `.toml` files in the home's protocol folder."""
        with contextlib.suppress(OSError):
            return tuple(str(path) for path in sorted(self._home.protocols.glob("*.toml")))
        return ()

    def _read(self) -> None:
        for simulated in (True, False):
            with contextlib.suppress(OSError):
                self._patients[simulated] = read_patients(self._home.records(simulated=simulated))
        filed: dict[str, Patient] = {}
        with contextlib.suppress(RecordError):  # a broken file helps nobody here; `estim records patients` says why
            filed = load_patients(self._home.patients)
        for simulated, known in list(self._patients.items()):
            self._patients[simulated] = with_file(known, filed)


def with_file(known: tuple[PastPatient, ...], filed: Mapping[str, Patient]) -> tuple[PastPatient, ...]:
    """Those with records first, each with what the patients' file says; then those who are only in the file."""
    seen = {patient.id for patient in known}
    new = tuple(PastPatient(id=name) for name in filed if name not in seen)
    return tuple(
        replace(patient, condition=file.condition, side=file.side, assigned=file.protocol, assigned_week=file.week)
        if (file := filed.get(patient.id)) is not None
        else patient
        for patient in (*known, *new)
    )


def read_patients(records: Path) -> tuple[PastPatient, ...]:
    """The patients of the latest sessions under `records`, the latest first.

    Raises:
        OSError: the folder can't be read.
    """
    known: dict[str, PastPatient] = {}
    if not records.is_dir():
        return ()
    folders = sorted((path for path in records.iterdir() if path.is_dir()), key=lambda path: path.name)
    for folder in folders[-SESSIONS_READ:]:  # names begin with the time, so later sessions come later
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # a torn one helps nobody
            _take(folder, known)
    return tuple(reversed(known.values()))


def _take(folder: Path, known: dict[str, PastPatient]) -> None:
    patient: PastPatient | None = None
    schedule: dict[str, Any] = {}
    pads: set[str] = set()
    for kind, fields in _lines(folder):
        if kind == "header":
            patient = known.get(fields["patient"]) or PastPatient(id=fields["patient"])
            patient = replace(patient, last_day=str(fields["utc"])[:10], skin_blocked="")
        elif patient is None:
            return
        elif kind == "screening" and not fields.get("scripted"):
            patient = replace(patient, answers=dict(fields["answers"]))
        elif kind == "setup":
            schedule = fields["schedule"]
        elif kind == "note":
            pads |= {str(label) for label in fields.get("pads", {}).values()}
        elif kind == "outcome" and str(fields.get("skin", "0"))[:1] in {"2", "3"}:
            patient = replace(patient, skin_blocked=f"{fields['skin']} ({_title(schedule)})")
        elif kind == "end" and any(channel["pulses"] for channel in fields.get("dose", ())):
            patient = _treated(patient, schedule, pads)
    if patient is not None:
        known.pop(patient.id, None)  # in again at the end: the latest session comes last
        known[patient.id] = patient


def _title(schedule: Mapping[str, Any]) -> str:
    return str(schedule.get("protocol_title", ""))


def _treated(patient: PastPatient, schedule: Mapping[str, Any], pads: set[str]) -> PastPatient:
    """One more session, with what it was."""
    return replace(
        patient,
        sessions=patient.sessions + 1,
        last_protocol=_title(schedule),
        last_protocol_id=str(schedule.get("protocol_id", "")),
        last_version=str(schedule.get("protocol_version", "")),
        last_week=int(schedule.get("week", 1)),
        last_session=int(schedule.get("session", 1)),
        pad_uses={**patient.pad_uses, **{label: patient.pad_uses.get(label, 0) + 1 for label in pads}},
    )


def _lines(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in segments(folder):
        for line in path.read_bytes().split(b"\n"):
            if any(kind in line for kind in _WANTED):
                with contextlib.suppress(ValueError):  # an unfinished last line, as a power cut leaves it
                    entry = json.loads(line)
                    yield entry["kind"], entry["fields"]
