"""The course of care on disk: one signed chain a patient, entries only added. Practice and real people lie apart."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from estim.care.course import KINDS, Entry
from estim.records.beside import keep, read_kept
from estim.records.folders import safe_name
from estim.records.home import Home
from estim.records.keys import station_signer
from estim.records.personal import Cover, opened
from estim.records.pseudonym import normal, of_somebody_new, written
from estim.records.signed_chain import append_signed, read_chain
from estim.safety.errors import RecordError


def path_of(home: Home, patient: str, *, simulated: bool) -> Path:
    """The file of a person's course."""
    return home.root / "care" / ("simulated" if simulated else "real") / f"{safe_name(normal(patient))}.jsonl"


def enter(
    home: Home,
    patient: str,
    kind: str,
    fields: Mapping[str, Any],
    *,
    who: str,
    simulated: bool,
    day: datetime.date | None = None,
) -> Entry:
    """One entry, on the disk before this returns.

    Args:
        day: of what the entry says; None is today.

    Raises:
        RecordError: the kind is unknown, nobody enters it, or it can't be written.
    """
    if kind not in KINDS:
        raise RecordError(f"{kind!r} is no entry of a course; there are {', '.join(KINDS)}")
    if not who.strip():
        raise RecordError("an entry of a course needs the person who makes it")
    path = path_of(home, patient, simulated=simulated)
    named = written(patient) if path.exists() else of_somebody_new(patient)
    today = datetime.datetime.now().astimezone()
    said = day or today.date()
    line = {
        "event": kind,
        "patient": named,
        "day": said.isoformat(),
        "who": who.strip(),
        "utc": today.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        "simulated": simulated,
        "fields": _plain(fields) if simulated else Cover(home.root, named).value(_plain(fields)),
    }
    append_signed(path, station_signer(home.root), line)
    keep(home.root, path)
    return Entry(kind=kind, day=said, who=who.strip(), fields=dict(fields))


def _plain(value: Any) -> Any:
    """Numbers that are no integers as text: the chain's canonical form holds integers and text alone."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return f"{value:g}" if isinstance(value, float) else value


def read(home: Home, patient: str, *, simulated: bool) -> tuple[Entry, ...]:
    """Every entry of a person, the first first; () where there is no course.

    Raises:
        RecordError: the chain was changed, cut or removed.
    """
    path = path_of(home, patient, simulated=simulated)
    return tuple(_entry(home, path, entry) for entry in read_kept(home.root, path))


def _entry(home: Home, path: Path, line: Mapping[str, Any]) -> Entry:
    try:
        day, fields = datetime.date.fromisoformat(line["day"]), line["fields"]
        who = str(line["who"])
        if not isinstance(fields, dict):
            raise TypeError
    except (KeyError, ValueError, TypeError):
        raise RecordError(
            f"{path}: line {line['n']} is no entry of a course, although the chain was taken as it is: "
            "put the right file back from a backup"
        ) from None
    return Entry(kind=str(line["event"]), day=day, who=who, fields=opened(home.root, fields))


def patients(home: Home, *, simulated: bool) -> tuple[str, ...]:
    """Pseudonyms that have a course here."""
    folder = home.root / "care" / ("simulated" if simulated else "real")
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        reading = read_chain(path, path.name)
        if reading is not None and reading.entries:
            found.append(str(reading.entries[0]["patient"]))
    return tuple(found)


def state(home: Home) -> tuple[tuple[str, int, int], ...]:
    """Of the files of all courses: another one where something was entered. Cheap: none is opened."""
    with contextlib.suppress(OSError):
        found = [(path.name, path.stat()) for path in sorted((home.root / "care").glob("*/*.jsonl"))]
        return tuple((name, one.st_size, one.st_mtime_ns) for name, one in found)
    return ()
