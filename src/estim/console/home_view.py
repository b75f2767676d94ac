"""Patients and past sessions, read-only: the one place where the console touches the home directory.

What is read here only helps to fill in forms; the controller asks and judges everything again. Simulated sessions and
real ones never mix.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from estim.console.care_notes import CareNote, Entering, enter_note
from estim.console.due import courses_today
from estim.console.empty_home import EmptyHome
from estim.console.home_people import with_courses, with_file, with_minutes, with_running
from estim.console.home_reading import read_sessions, unfinished
from estim.console.past import OpenSession, PastPatient, PastSession
from estim.console.visits import Visit, enter_signed_later, enter_visit
from estim.records import care_log, training
from estim.records.beside import blinded_sessions
from estim.records.course import Course
from estim.records.door import in_session
from estim.records.home import Home
from estim.records.operators import load_operators
from estim.records.past_course import courses
from estim.records.patients import Patient, load_patients
from estim.records.qualification import qualified_words
from estim.records.reception import admit
from estim.records.today import minutes_today
from estim.safety.errors import RecordError

__all__ = ["EmptyHome", "HomeView", "OpenSession", "PastPatient", "PastSession", "RecordsHome", "with_file"]


_ENTERING = threading.Lock()
SEALED_S = 0.3  # so long a seal takes to be on the disk


class HomeView(Protocol):
    """What the console reads at home; calls return at once."""

    def patients(self, *, simulated: bool) -> tuple[PastPatient, ...]:
        """Everybody who was treated here, the latest first."""

    def courses(self, patient_id: str, *, simulated: bool) -> tuple[Course, ...] | None:
        """This patient's courses, the latest first; None while they are being read."""

    def sessions(self, *, simulated: bool) -> tuple[PastSession, ...]:
        """The sessions of this home, the latest first."""

    def read(self) -> bool:
        """What is here was read, so whoever is not known is new."""

    def open_sessions(self, *, simulated: bool) -> tuple[OpenSession, ...]:
        """Those in which something was done and that nobody signed; `runs` says which another process plays."""

    def look_again(self) -> None:
        """A record was written: read anew, without waiting for it."""

    def look_at_courses(self) -> None:
        """One may have begun, or been told something, elsewhere: read anew where that is so, without waiting for it."""

    def last_operator(self) -> str:
        """Who signed in here last, "" for nobody."""

    def turns_away(self, operator: str, pin: str) -> str:
        """Why this operator is not let in; "" where they are. The controller asks again."""

    def own_protocols(self) -> tuple[str, ...]:
        """Paths of the site's own protocol files."""

    def own_folder(self) -> Path | None:
        """Where they lie, None for no home."""

    def practice(self, operator: str) -> Mapping[str, str]:
        """Objectives of practice that this operator has met, with their day."""

    def practised(self, operator: str, objective: str, session: str) -> None:
        """One was met; returns at once."""

    def given(self, visit: Visit) -> None:
        """A treatment was sealed: it stands in the patient's course, where one runs and has it; returns at once."""

    def signed_later(self, folder: str, *, simulated: bool, operator: str) -> None:
        """The same of a session that was signed only now; everything is read anew after it, without waiting."""

    def enter(self, note: CareNote) -> Entering:
        """Into the patient's course; returns at once, and what became of it stands in what it gives."""

    def asks_pin(self) -> bool:
        """This home knows operators, so signing in and signing take a PIN."""

    def qualified(self, model: str, device_id: str, *, simulated: bool) -> str:
        """What a bench last said of this stimulator; "" where it never was on one."""

    def printed_name(self, operator: str) -> str:
        """The name that this operator's signature prints, "" where this home knows none."""


class RecordsHome:
    """The records under a home directory, read by a thread of its own so that no screen waits for a disk."""

    def __init__(self, root: Path) -> None:
        self._home = Home(root)
        self._qualified: dict[tuple[str, str, bool], str] = {}
        self._patients: dict[bool, tuple[PastPatient, ...]] = {}
        self._sessions: dict[bool, tuple[PastSession, ...]] = {}
        self._practice: dict[str, dict[str, str]] = {}
        self._given: set[str] = set()
        self._courses: dict[tuple[str, bool], tuple[Course, ...]] = {}
        self._reading: dict[tuple[str, bool], threading.Thread] = {}
        self._no_course: dict[bool, tuple[PastPatient, ...]] = {}  # who is known, before their courses
        self._care: object = None  # as the courses' files were when they were read
        self._was_read = False
        self._thread = threading.Thread(target=self._read, name="home-view", daemon=True)
        self._thread.start()

    def read(self) -> bool:
        """Once; what is added later is read again in a moment."""
        return self._was_read

    def wait(self) -> None:
        """Until everything was read."""
        self._thread.join()

    def patients(self, *, simulated: bool) -> tuple[PastPatient, ...]:
        """What was read so far: nothing in the first moment, everything soon after."""
        return self._patients.get(simulated, ())

    def sessions(self, *, simulated: bool) -> tuple[PastSession, ...]:
        """What was read so far."""
        return self._sessions.get(simulated, ())

    def open_sessions(self, *, simulated: bool) -> tuple[OpenSession, ...]:
        """Of those, the ones that nobody signed."""
        return unfinished(self.sessions(simulated=simulated))

    def look_again(self) -> None:
        """In a thread of its own, once the present one is through."""
        self._then(lambda: None)

    def look_at_courses(self) -> None:
        """In a thread of its own, where none reads already."""
        if not self._thread.is_alive():
            self._after(self._read_care_if_changed, daemon=True)

    def signed_later(self, folder: str, *, simulated: bool, operator: str) -> None:
        """Entered by the thread that reads anew after it."""
        self._then(partial(enter_signed_later, self._home, folder, simulated=simulated, operator=operator))

    def enter(self, note: CareNote) -> Entering:
        """Entered by a thread that leaving the console waits for; the courses are read anew before it is said."""
        entering = Entering()

        def enter() -> None:
            try:
                entering.why = enter_note(self._home, note)
                self._read_care()
            finally:
                entering.done = True

        self._after(enter, daemon=False)
        return entering

    def _then(self, first: Callable[[], None]) -> None:
        def read() -> None:
            time.sleep(SEALED_S)
            first()
            self._read()

        self._reading.clear()
        self._after(read, daemon=True)

    def _after(self, act: Callable[[], None], *, daemon: bool) -> None:
        """In a thread of its own, once the one before is through."""
        before = self._thread

        def follow() -> None:
            before.join()
            act()

        self._thread = threading.Thread(target=follow, name="home-view", daemon=daemon)
        self._thread.start()

    def last_operator(self) -> str:
        """As the latest signature has it."""
        signed = [one for kind in (True, False) for one in self._sessions.get(kind, ()) if one.signed_by]
        return max(signed, key=lambda one: (one.day, one.time)).signed_by if signed else ""

    def turns_away(self, operator: str, pin: str) -> str:
        """Whoever knows no PIN of this home is not let in, on a simulated device neither."""
        try:
            known = load_operators(self._home.operators)
            if known:
                admit(self._home, known, operator, pin, ("therapist",), "sign-in")
        except RecordError as error:
            return str(error)
        return ""

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

    def qualified(self, model: str, device_id: str, *, simulated: bool) -> str:
        """Read once a device: it changes on a bench, not in a session."""
        which = model, device_id, simulated
        if which not in self._qualified:
            self._qualified[which] = qualified_words(self._home.root, model, device_id, simulated=simulated)
        return self._qualified[which]

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

    def own_folder(self) -> Path | None:
        """The home's."""
        return self._home.protocols

    def practice(self, operator: str) -> Mapping[str, str]:
        """As the home's file has it, and what was met since it was read."""
        return self._practice.get(operator, {})

    def practised(self, operator: str, objective: str, session: str) -> None:
        """Shown at once; written by a thread of its own, since no screen waits for a disk."""
        known = self._practice.setdefault(operator, {})
        if objective not in known:
            known[objective] = datetime.datetime.now().astimezone().date().isoformat()
            arguments = (self._home, operator, objective, session)
            threading.Thread(target=_enter_quietly, args=arguments, name="training").start()

    def given(self, visit: Visit) -> None:
        """Once a record; written by a thread of its own, since no screen waits for a disk."""
        if visit.given.record not in self._given:
            self._given.add(visit.given.record)
            threading.Thread(target=enter_visit, args=(self._home, visit), name="visit").start()

    def _read(self) -> None:
        try:
            self._read_all()
        finally:
            self._was_read = True

    def _read_all(self) -> None:
        sealed = blinded_sessions(self._home.root)
        for simulated in (True, False):
            with contextlib.suppress(OSError):
                today = datetime.datetime.now(datetime.UTC).date().isoformat()
                found, sessions = read_sessions(self._home.records(simulated=simulated), today, sealed)
                sessions = with_running(sessions, partial(in_session, self._home))
                self._patients[simulated], self._sessions[simulated] = found, sessions
        with contextlib.suppress(RecordError):  # a broken file helps nobody here; `operators training` says why
            self._practice = {who: dict(found) for who, found in training.met(self._home).items()}
        filed: dict[str, Patient] = {}
        with contextlib.suppress(RecordError):  # a broken file helps nobody here; `estim records patients` says why
            filed = load_patients(self._home.patients)
        for simulated, known in list(self._patients.items()):
            now = datetime.datetime.now(datetime.UTC)  # a day of the station is a part of two of these
            days = {(now - datetime.timedelta(days=ago)).date().isoformat() for ago in (0, 1)}
            had = with_minutes(known, days, partial(self._had_today, simulated=simulated))
            self._no_course[simulated] = with_file(had, filed)
        self._read_care()

    def _read_care_if_changed(self) -> None:
        if care_log.state(self._home) != self._care:
            self._read_care()

    def _read_care(self) -> None:
        self._care = care_log.state(self._home)  # before they are read: what comes meanwhile is seen the next time
        for simulated, known in list(self._no_course.items()):
            self._patients[simulated] = self._in_courses(known, simulated=simulated)

    def _had_today(self, patient: str, *, simulated: bool) -> Mapping[str, int]:
        try:
            return minutes_today(self._home, patient, simulated=simulated)
        except RecordError:  # the door lets nobody in then, and says why
            return {}

    def _in_courses(self, known: tuple[PastPatient, ...], *, simulated: bool) -> tuple[PastPatient, ...]:
        today = datetime.datetime.now().astimezone().date()
        return with_courses(known, courses_today(self._home, simulated=simulated, today=today))


def _enter_quietly(home: Home, operator: str, objective: str, session: str) -> None:
    with contextlib.suppress(RecordError), _ENTERING:  # it is practised again
        training.enter(home, operator, objective, session)
