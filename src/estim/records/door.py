"""The door of a session: who this patient is, what is known of them, and whether everything fits its chain."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from estim.platform.files import no_device, open_private, private_folder, trouble
from estim.platform.processes import is_alive
from estim.protocols.unseen import shown
from estim.records.chain import LINE_MAX, entry_of
from estim.records.clocks import Clock
from estim.records.guard import adopt, check
from estim.records.home import Home
from estim.records.lock import try_lock
from estim.records.master import home_of_records
from estim.records.patients import find_patient, load_patients
from estim.records.pseudonym import normal, of_somebody_new, written
from estim.records.recent_chain import clock_notes
from estim.records.segment import RECORD
from estim.records.site import site_problem
from estim.records.station import begin_station, not_ours, one_person, read_station, station_lines
from estim.records.today import minutes_today
from estim.safety.errors import LinkLost, RecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAtTheDoor:
    """What a sign-in learns.

    Attributes:
        patient: the pseudonym as this home writes it.
        person: normal forms of all pseudonyms of this person.
        minutes_today: `muscle/side` → minutes of motor output today (L27).
        flags: facts that tighten limits, from every spelling.
        notes: what must be said: a clock that was set, a person in two spellings.
    """

    patient: str
    person: frozenset[str]
    minutes_today: Mapping[str, int]
    flags: tuple[str, ...]
    notes: tuple[str, ...]


def open_door(home: Home, typed: str, *, simulated: bool, now: datetime.datetime | None = None) -> KnownAtTheDoor:
    """What is known of the patient that was typed.

    Raises:
        RecordError: no pseudonym; a register is not the one that its chain names; or what was given today is unknown.
    """
    patient = written(typed)
    signer = begin_station(home.root)
    adopt(home.root)
    check(home.root, "site")
    problem = site_problem(home)
    if problem and not simulated:
        raise RecordError(problem)
    known = load_patients(home.patients)
    lines = station_lines(home.root)
    if strange := not_ours(home.root, signer.key_id, lines):
        raise RecordError(strange)
    person = one_person(lines, patient)
    filed, flags = find_patient(known, person)
    patient = filed or of_somebody_new(patient)
    clock = Clock.system(now)
    notes = [*clock_notes(home, clock), *([problem] if problem else [])]
    rows = [name for name in known if normal(name) in person]
    if len(rows) > 1:
        both = " and ".join(sorted(rows))
        notes.append(f"{both} are one person in two rows: `estim records join {rows[0]} {rows[1]} --reason TEXT`")
    return KnownAtTheDoor(
        patient=patient,
        person=person,
        minutes_today=minutes_today(home, patient, simulated=simulated, clock=clock),
        flags=flags,
        notes=tuple(notes),
    )


def written_here(home: Home, typed: str) -> str:
    """A pseudonym before anything is begun: as it is written in a record's name.

    Raises:
        RecordError: what no pseudonym can be, or the register can't be read.
    """
    known = {normal(name) for name in load_patients(home.patients)}
    return (written if normal(typed) in known else of_somebody_new)(typed)


def flags_of(home: Home, patient: str) -> tuple[str, ...]:
    """What a rehearsal learns of a patient: the facts that tighten limits, under any spelling of this person.

    Raises:
        RecordError: the register can't be read.
    """
    station = read_station(home.root)
    person = one_person(station.entries if station is not None else (), patient)
    return find_patient(load_patients(home.patients), person)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where a session runs that another process holds: what `here` wrote of it."""

    device: str
    since: str
    process: int
    machine: str


_SINCE = "%Y-%m-%d %H:%M %z"
_HERE = re.compile(r"on (.*), since (.*), process (\d+) of (.*)", re.DOTALL)


def in_session(home: Home, patient: str) -> Elsewhere | None:
    """The session that this patient is in now, on whatever device of this home; None where no process holds one.

    What a process that was killed wrote stays in the file, so its lock is asked: for that moment the place is taken,
    and only where a process of that number lives, which is where a session runs or a number was used again.
    """
    path = home.root / "records" / "open" / f"of-{normal(patient)}.lock"
    found = _HERE.fullmatch(_says(path)) if path.exists() else None
    if found is None or not is_alive(int(found[3])):
        return None
    try:
        with path.open("r+b") as file:
            if try_lock(file):
                return None
    except OSError:  # gone, or where nothing can be locked no session begins
        return None
    return Elsewhere(device=found[1], since=found[2], process=int(found[3]), machine=found[4])


def still_running(folder: Path) -> Elsewhere | None:
    """Where the session of this record runs, if a process of its home holds it; None for every other.

    The patient's place was taken just before the record was begun, so what was begun earlier is another session's.
    """
    try:
        with no_device(folder / RECORD).open("rb") as file:
            header = entry_of(file.readline(LINE_MAX).removesuffix(b"\n")).fields
        home = home_of_records(folder.absolute().parent)
        elsewhere = in_session(Home(home), str(header["patient"])) if home is not None else None
        if elsewhere is None:
            return None
        began = datetime.datetime.fromisoformat(str(header["utc"]))
        return elsewhere if began >= datetime.datetime.strptime(elsewhere.since, _SINCE) else None
    except (OSError, RecordError, ValueError, KeyError, TypeError):
        return None


class InTheRoom:
    """One person is in one session at a time, wherever the same records are: locks beside the records, which fall with
    the process that holds them. Each name of the person has one, since names may be joined while a session runs.
    """

    def __init__(self, home: Home) -> None:
        self._folder = home.root / "records" / "open"
        self._held: list[BinaryIO] = []

    def enter(self, person: frozenset[str], where: str) -> None:
        """Take the person's place; a place that this object held before is left.

        Args:
            where: what to tell who else asks: device, process and machine.

        Raises:
            RecordError: another session has it, and which; or the place can't be made.
        """
        self.leave()
        try:
            for name in sorted(person):
                self._held.append(self._take(self._folder / f"of-{name}.lock", where))
        except RecordError:
            self.leave()
            raise

    def _take(self, path: Path, where: str) -> BinaryIO:
        try:
            private_folder(self._folder)
            file = open_private(path, "a+b")
        except OSError as error:
            raise RecordError(f"{path}: can't be made: {trouble(error)}") from None
        try:
            free = try_lock(file)
        except OSError as error:
            file.close()
            raise RecordError(f"{path}: can't be locked: {trouble(error)}") from None
        if not free:
            said = _says(path)
            file.close()
            raise RecordError(f"this patient is in a session already: {said}")
        with contextlib.suppress(OSError):
            file.truncate(0)
            file.write(where.encode("utf-8"))
            file.flush()
        return file

    def __del__(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the place free."""
        while self._held:
            with contextlib.suppress(OSError):  # at the process' end another thread than the one that took it closes it
                self._held.pop().close()


def hold_stimulator(home: Home, device: str, named: str = "") -> BinaryIO | None:
    """Take a stimulator for this process, which holds it until it ends or closes what is given back. Who else asks is
    told whose it is; a socket, unlike a port, has no owner that the system knows, and the second only heard nothing.

    None where no lock can be made: the record of a session says what is wrong with such a home.

    Raises:
        LinkLost: another session on this home has it, and which.
    """
    where = device if "://" in device else os.path.realpath(device)
    path = home.root / "records" / "open" / f"device-{hashlib.sha256(where.encode()).hexdigest()[:16]}.lock"
    try:
        private_folder(path.parent)
        file = open_private(path, "a+b")
    except OSError:
        return None
    try:
        if not try_lock(file):
            file.close()
            raise LinkLost(f"this stimulator is in use by another session: {_says(path)}")
        file.truncate(0)
        file.write(here(named or device).encode("utf-8"))
        file.flush()
    except OSError:
        file.close()
        return None
    return file


def _says(path: Path) -> str:
    try:
        return shown(no_device(path).read_bytes()[:400].decode("utf-8", "replace")) or "where is not known"
    except OSError:
        return "where is not known"


def here(device: str) -> str:
    """What this process tells others of its session."""
    began = datetime.datetime.now().astimezone().strftime(_SINCE)
    return f"on {device}, since {began}, process {os.getpid()} of {socket.gethostname()}"
