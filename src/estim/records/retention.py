"""How long records are kept: the site's own rule, what is past it, and its removal. Nothing goes by itself.

A person's sessions are kept until so many years after the last of them; those of somebody who was a child then, longer.
What goes leaves a signed line in the station's chain with its head, who and why, so that `verify` tells what a site let
go from what somebody took. Both chains stay whole: that there was a session, when, and its hash, is never removed.
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.platform.files import trouble
from estim.records.canonical import unhex
from estim.records.home import Home
from estim.records.in_chain import at_home, in_its_chain
from estim.records.keys import key_id_of, signed_by
from estim.records.master import KINDS
from estim.records.patients import load_patients
from estim.records.pseudonym import normal
from estim.records.quick import verify_quickly
from estim.records.segment import open_segment, segments
from estim.records.station import enter_station, one_person, read_station, station_lines, trusted_keys
from estim.safety.errors import RecordError

RULES = ("real", "child", "simulated")
_RULE = "keep-years-"
YEARS_MAX = 100
SOON_DAYS = 90  # what goes within a quarter of a year is listed before it may
_LINES = 200  # header, screening and setup stand among the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A session whose time is over, or soon will be.

    Attributes:
        kind: real or simulated.
        last: day of this person's last session of that kind.
        until: kept up to and with this day.
        child: kept by the rule for children.
    """

    session: str
    kind: str
    patient: str
    last: datetime.date
    until: datetime.date
    child: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal did: sessions that are gone, those that were left and why, and people without a session now."""

    sessions: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    people: tuple[str, ...]


def rules(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Years by rule, as the site last set them; 0 or missing: kept for ever."""
    found = {}
    for line in lines:
        if line["event"] == "rule" and str(line["what"]).startswith(_RULE):
            found[str(line["what"]).removeprefix(_RULE)] = int(line["value"])
    return found


def set_rule(home: Path, rule: str, years: int, *, operator: str, reason: str) -> None:
    """The site's own rule, a signed line.

    Raises:
        RecordError: the station's chain can't be written, or no such rule or number of years.
    """
    if rule not in RULES or not 0 <= years <= YEARS_MAX:
        raise RecordError(f"{rule}={years}: {', '.join(RULES)} and 0 (for ever) to {YEARS_MAX} years are allowed")
    enter_station(home, "rule", what=f"{_RULE}{rule}", value=years, operator=operator, reason=reason)


def due(home: Home, today: datetime.date, *, within_days: int = SOON_DAYS) -> list[Due]:
    """Sessions that the rule lets go by then, the longest overdue first.

    Raises:
        RecordError: the station's chain or the patients' register was changed.
    """
    lines = station_lines(home.root)
    years = rules(lines)
    young = {normal(one.id) for one in load_patients(home.patients).values() if "child" in one.flags}
    found: list[Due] = []
    for kind in KINDS:
        if not years.get(kind):
            continue
        for name, folders in _by_person(home.root / "records" / kind, lines).items():
            last = max(_day(folder) for folder in folders)
            if _after(last, years[kind]) > today + datetime.timedelta(days=within_days):
                continue
            child = kind == "real" and (name in young or any(_child(folder) for folder in folders))
            longest = max(years[kind], years.get("child", years[kind])) if child else years[kind]
            until = _after(last, longest)
            if child and "child" in years and not years["child"]:
                continue  # children's for ever
            if until <= today + datetime.timedelta(days=within_days):
                found += [
                    Due(session=one.name, kind=kind, patient=_patient(one), last=last, until=until, child=child)
                    for one in folders
                ]
    return sorted(found, key=lambda one: (one.until, one.session))


def remove(home: Home, today: datetime.date, *, operator: str, reason: str) -> Removed:
    """Let go what is past its time: each session a signed line first, then its folder.

    Raises:
        RecordError: as `due`; or a line or folder can't be written: what went before is gone and named.
    """
    keys = trusted_keys(home.root)[0]
    known = removed(home.root)
    done: list[str] = []
    left: list[tuple[str, str]] = []
    rows = [one for one in due(home, today, within_days=0) if one.until < today]
    for one in rows:
        folder = home.root / "records" / one.kind / one.session
        if linked := next((path for path in (folder, *segments(folder)) if path.is_symlink()), None):
            # What else lies where a link leads is nobody's to remove; and the link alone would leave the record there.
            left.append((one.session, f"{linked} is a link to {linked.resolve()}: put the record itself in its place"))
            continue
        verdict = in_its_chain(folder, at_home(verify_quickly(folder, keys=keys)), keys)
        honest = verdict.ok or verdict.first_bad is None or verdict.ending == "torn"
        if not honest:
            left.append((one.session, f"it does not verify, so nobody knows what would be let go: {verdict.reason}"))
            continue
        if one.session not in known:
            enter_station(
                home.root, "removed", session=one.session, kind=one.kind, head=verdict.head, lines=verdict.records,
                until=one.until.isoformat(), operator=operator, reason=reason,
            )  # fmt: skip
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise RecordError(f"{folder}: it can't be removed: {trouble(error)}; begin again then") from None
        done.append(one.session)
    still = {normal(_patient(path)) for kind in KINDS for path in _folders(home.root / "records" / kind)}
    people = {one.patient for one in rows if one.session in done and normal(one.patient) not in still}
    return Removed(tuple(done), tuple(left), tuple(sorted(people)))


def removed(home: Path) -> dict[str, Mapping[str, Any]]:
    """Session → the line with which a site let it go; lines that no trusted key signed count for nothing."""
    reading = read_station(home)
    lines = [line for line in (reading.entries if reading is not None else ()) if line["event"] == "removed"]
    if not lines:
        return {}
    keys = trusted_keys(home)[0]
    return {
        str(line["session"]): line
        for line in lines
        if (public := keys.get(str(line["key_id"]))) is not None
        and key_id_of(public) == line["key_id"]
        and signed_by(public, unhex(line["hash"], 32), unhex(line["signature"], 64))
    }


def _folders(root: Path) -> list[Path]:
    return [path for path in sorted(root.iterdir()) if path.is_dir() and segments(path)] if root.is_dir() else []


def _by_person(root: Path, lines: Iterable[Mapping[str, Any]]) -> dict[str, list[Path]]:
    """Normal form of a pseudonym (one of them where several are one person) → the person's folders."""
    told = tuple(lines)
    names: dict[str, str] = {}
    found: dict[str, list[Path]] = {}
    for folder in _folders(root):
        name = normal(_patient(folder))
        if name not in names:
            names |= dict.fromkeys(one_person(told, name), min(one_person(told, name)))
            names.setdefault(name, name)
        found.setdefault(names[name], []).append(folder)
    return found


def _patient(folder: Path) -> str:
    return folder.name.split("Z-", maxsplit=1)[-1]


def _day(folder: Path) -> datetime.date:
    """Of its beginning; a name that no clock gave is of no day that is ever over."""
    try:
        return datetime.date.fromisoformat(f"{folder.name[:4]}-{folder.name[4:6]}-{folder.name[6:8]}")
    except ValueError:
        return datetime.date.max.replace(year=datetime.date.max.year - YEARS_MAX - 1)


def _after(day: datetime.date, years: int) -> datetime.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, month=3, day=1)


def _child(folder: Path) -> bool:
    """Whether this session's own lines say that the patient was a child; what can't be read is kept as one."""
    try:
        with open_segment(segments(folder)[0]) as file:
            for _ in range(_LINES):
                line = file.readline()
                if not line:
                    return False
                entry = json.loads(line)
                fields = entry["fields"]
                if entry["kind"] == "header" and "child" in fields.get("patient_flags", ()):
                    return True
                if entry["kind"] == "setup":
                    return bool(fields["setup"]["patient"]["child"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return True
    return False
