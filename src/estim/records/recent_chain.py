"""What the chain of sessions says of the last days, in one pass that holds no more than these: a clinic's chain may
have 200 000 lines.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from estim.records.clocks import Clock, as_of_now, moment_of, offset_of
from estim.records.folders import SESSION, folder_name, moment_in
from estim.records.home import Home
from estim.records.master import MASTER
from estim.records.master_seen import Seen, good_lines, seen_master
from estim.records.signed_chain import last_of
from estim.records.station import unlike_seen
from estim.safety.errors import RecordError

EARLIEST = datetime.datetime.fromtimestamp(0, datetime.UTC)
# A session lasts some hours at most; folders named by an earlier moment than this before the day can't reach into it.
LONGEST = datetime.timedelta(hours=24)
SUMMER = datetime.timedelta(hours=1)  # so far summer time moves a zone, and nobody has to be told
HOW_TO_CLEAR = "`estim records clear SESSION --operator ID --reason TEXT`"
_ZONES = datetime.timedelta(days=2)  # a day that a line names is at most a day from the same moment's in another zone
_UTC_BYTES = len("2026-11-21T12:00:00.000+00:00")


@dataclass(frozen=True, slots=True)
class Chained:
    """What the chain of sessions says of one session.

    Attributes:
        after: the latest moment, not past the present one, that the chain said before it: whatever the clock showed
            when it was opened, it was not earlier.
    """

    opened: Mapping[str, Any]
    sealed: Mapping[str, Any] | None
    after: datetime.datetime


@dataclass(slots=True)
class _Pass:
    """What one pass finds.

    Attributes:
        sessions: those that the days since the earliest know.
        last_utc, last: the latest time that any line says, and that line.
        early: what to tell of a session that was written under a clock which had gone back.
    """

    sessions: dict[str, Chained] = field(default_factory=dict)
    last_utc: bytes = b""
    last: bytes = b""
    early: str = ""


def earliest_name(when: Clock) -> str:
    """No folder whose name begins with less is of a session that can reach into today."""
    return folder_name(when.midnight - LONGEST, "")[:8]


def moved(said: Chained | None, when: Clock) -> datetime.datetime | None:
    """When the session was opened, by the present wall clock if this boot saw it, and not before what came first."""
    if said is None:
        return None
    at = as_of_now(said.opened, when.now, now_boot_us=when.boot_us, now_boot_id=when.boot_id)
    return said.after if at is None else max(at, said.after)


def chained_recently(
    records: Path, done: set[str], when: Clock, known: tuple[int, str] = (0, "")
) -> Mapping[str, Chained]:
    """Every session that the chain knows and that can reach into today or the day before.

    Args:
        done: what a person has cleared.
        known: how many lines the station's chain knows of it, and the hash of the last of these.

    Raises:
        RecordError: the chain was changed or cut: nobody knows which sessions there were.
    """
    seen = seen_master(records)
    changed = seen.reason if seen is not None and not seen.torn else ""
    if reason := changed if changed and MASTER not in done else _shorter(records, known, changed=bool(changed)):
        how = HOW_TO_CLEAR.replace("SESSION", MASTER)
        raise RecordError(f"{records / MASTER}: {reason}; what was given today is unknown. {how}")
    return _passed(records, seen, when).sessions if seen is not None else {}


def _shorter(records: Path, known: tuple[int, str], *, changed: bool) -> str:
    """Why the chain is not all that the station's chain knows of. Of one that was changed, and that a person cleared
    since, no more can be asked than how many lines it has.
    """
    if not changed:
        return unlike_seen(records, known)[0]
    there = int(str(last_of(records / MASTER)[0]))
    return f"it has {there} lines, the station's chain saw {known[0]}: its end was cut off" if known[0] > there else ""


@lru_cache(maxsize=4)  # a sign-in asks for today's minutes, for yesterday's sessions and for the clock's state
def _passed(records: Path, seen: Seen, when: Clock) -> _Pass:
    found, latest, before = _Pass(), b"", EARLIEST
    threshold = when.midnight - LONGEST
    for raw in good_lines(records, seen):
        utc = _old(raw, when) if before < threshold else b""
        if utc:
            latest = max(latest, utc)
            if utc > found.last_utc:
                found.last_utc, found.last = utc, raw
            continue
        if latest:
            before = max(before, datetime.datetime.fromisoformat(latest.decode("ascii")))
            latest = b""
        entry = json.loads(raw)
        text = str(entry.get("utc", "")).encode("utf-8")
        if text > found.last_utc or not found.last:
            found.last_utc, found.last = text, raw
        said = moment_of(entry)
        _enter(found, entry, before, records, seen, when)
        if said is None or said > when.now:
            continue
        if said < before - datetime.timedelta(minutes=10) and before >= threshold:
            found.early = (
                f"the session {entry['session']} was written under a clock that said {said:%Y-%m-%d %H:%M} UTC, "
                f"after one of {before:%Y-%m-%d %H:%M} UTC: it counts as of then"
            )
        before = max(before, said)
    earliest = earliest_name(when)
    found.sessions = {
        name: said
        for name, said in found.sessions.items()
        if name[:8] >= earliest or (moved(said, when) or EARLIEST) >= threshold
    }
    return found


def _enter(
    found: _Pass, entry: Mapping[str, Any], after: datetime.datetime, records: Path, seen: Seen, when: Clock
) -> None:
    name = str(entry["session"])
    before = found.sessions.get(name)
    unknown = before is None and entry["event"] != "opened" and name[:8] < earliest_name(when)
    if unknown and _opened_long_ago(records, seen, name, int(entry["n"])):
        return
    sealed = entry if entry["event"] == "sealed" else None
    found.sessions[name] = Chained(
        before.opened if before else entry,
        sealed or (before.sealed if before else None),
        before.after if before else after,
    )


def _opened_long_ago(records: Path, seen: Seen, name: str, until: int) -> bool:
    """An earlier line names it, and was passed by: it began before the days that are asked about."""
    for number, raw in enumerate(good_lines(records, seen)):
        if number >= until:
            return False
        if b'"session":' in raw and json.loads(raw).get("session") == name:
            return True
    return False


def _old(raw: bytes, when: Clock) -> bytes:
    """The time that a line says, if that line as a whole plainly is of days before those that are asked about."""
    at, begin = raw.rfind(b'"utc":"') + 7, raw.find(b'"session":"') + 11
    utc = raw[at : at + _UTC_BYTES]
    if at < 7 or begin < 11 or b"\\" in raw or raw.count(b"{") != 1 or utc[-6:] != b"+00:00" or utc[10:11] != b"T":
        return b""
    earliest, day, boot = _bounds(when)
    recent = utc[:10] >= day or raw[begin : begin + 8] >= earliest or (boot and boot in raw)
    return utc if utc[:10].replace(b"-", b"").isdigit() and not recent else b""


@lru_cache(maxsize=4)
def _bounds(when: Clock) -> tuple[bytes, bytes, bytes]:
    day = (when.midnight - LONGEST - _ZONES).astimezone(datetime.UTC).strftime("%Y-%m-%d")
    return earliest_name(when).encode("ascii"), day.encode("ascii"), when.boot_id.encode("utf-8")


# -- what the clock did -----------------------------------------------------------------------------------------------


def _names(records: Path) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(records) as there:
        yield from (one.name for one in there)


def _newest(records: Path) -> tuple[datetime.datetime, str]:
    """When the latest session that lies here began, by its name, and which it is."""
    name = ""
    for one in _names(records):  # what is there and can't be read is refused where minutes are
        if one > name and SESSION.fullmatch(one):
            name = one
    with contextlib.suppress(ValueError):
        return datetime.datetime.fromisoformat(moment_in(name)), name
    return EARLIEST, ""


def clock_notes(home: Home, when: Clock) -> tuple[str, ...]:
    """What must be said of this computer's clock before a session: it went back, or was set since the last session."""
    notes = []
    for kind in ("real", "simulated"):
        records = home.root / "records" / kind
        seen = seen_master(records)
        found = _passed(records, seen, when) if seen is not None else _Pass()
        last: Mapping[str, Any] = json.loads(found.last) if found.last else {}
        said = moment_of(last)
        newest, name = max(_newest(records), (said or EARLIEST, str(last.get("session", ""))))
        if newest > when.now + datetime.timedelta(minutes=5):
            stamp = newest.astimezone(datetime.UTC)
            notes.append(f"the clock went back: the session {name} was written at {stamp:%Y-%m-%d %H:%M} UTC")
        at = as_of_now(last, when.now, now_boot_us=when.boot_us, now_boot_id=when.boot_id)
        if said is not None and at is not None and abs(at - said) > datetime.timedelta(minutes=10):
            notes.append(
                f"the clock was set since the session {last['session']}: what it then called "
                f"{said:%Y-%m-%d %H:%M} UTC was {at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC by today's clock"
            )
        then, here = offset_of(last.get("zone", "")), when.now.utcoffset()
        if then is not None and here is not None and abs(here - then) > SUMMER:
            notes.append(
                f"the time zone was changed since the session {last['session']}: it was {last['zone']} and is "
                f"{when.now:%z}; that session counts until the day is over in both"
            )
        notes += [found.early] if found.early else []
    return tuple(notes)
