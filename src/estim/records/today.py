"""What a patient's muscles had today (L27), from verified records alone.

The chain of sessions says which there must be: one that is gone, cut or changed makes unknown what the patient had, and
unknown counts as all that a day allows, until a person clears it with a reason.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.platform.clocks import boot_us
from estim.protocols.muscles import accounts
from estim.records.clocks import as_of_now, boot_id, milliseconds, moment_of
from estim.records.home import Home
from estim.records.keys import known_keys
from estim.records.master import MASTER, read_master
from estim.records.pseudonym import normal
from estim.records.segment import segments
from estim.records.spacing import Past
from estim.records.station import cleared, one_person, station_lines
from estim.records.summary import SessionSummary, summarise
from estim.safety.errors import RecordError

EARLIEST = datetime.datetime.fromtimestamp(0, datetime.UTC)
SESSION = re.compile(r"\d{8}T\d{6}\.\d{1,9}Z-.+")
# A session lasts some hours at most; folders named by an earlier moment than this before the day can't reach into it.
LONGEST = datetime.timedelta(hours=24)
HOW_TO_CLEAR = "`estim records clear SESSION --operator ID --reason TEXT`"


def safe_name(patient: str) -> str:
    """The patient's part of a session folder's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in patient)[:40]


def folder_name(moment: datetime.datetime, patient: str) -> str:
    """A session folder's name: UTC, then the patient's pseudonym."""
    return f"{moment.astimezone(datetime.UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{safe_name(patient)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The present moment, by each of this computer's clocks."""

    now: datetime.datetime
    boot_us: int
    boot_id: str

    @classmethod
    def system(cls, now: datetime.datetime | None = None) -> Clock:
        """As the system has it; of a moment that is given nobody knows which boot it belongs to."""
        if now is not None:
            return cls(now=now, boot_us=0, boot_id="")
        return cls(now=datetime.datetime.now().astimezone(), boot_us=boot_us(), boot_id=boot_id())

    @property
    def midnight(self) -> datetime.datetime:
        """The beginning of the station's calendar day."""
        return self.now.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class _Chained:
    """What the chain of sessions says of one session.

    Attributes:
        after: the latest moment, not past the present one, that the chain said before it: whatever the clock showed
            when it was opened, it was not earlier.
    """

    opened: Mapping[str, Any]
    sealed: Mapping[str, Any] | None
    after: datetime.datetime


def minutes_today(
    home: Home,
    patient: str,
    *,
    simulated: bool,
    now: datetime.datetime | None = None,
    clock: Clock | None = None,
) -> Mapping[str, int]:
    """L27: minutes of motor ON time above 15 Hz that each muscle had in therapy since midnight, rounded up.

    Finding levels stands apart, as in the dose: some protocols come to the limit exactly. The day is the station's own
    calendar day. A session that reaches over midnight counts whole, and so does one that a clock set back has put into
    the future, or that a clock put right since then has left on another day, in this boot or in an earlier one (the
    chain of sessions says what came before it): more than the truth, never less. A record that broke off
    counts its output until the device's own timer has run out.

    Args:
        patient: any spelling of any pseudonym that is this person's.
        now: aware local time; None is the system's.

    Returns:
        `muscle-id/side` → minutes, by the muscle that it counts for, as `safety.verdict.clear` takes them.

    Raises:
        RecordError: a session of today is gone, cut or changed, or the records can't be read. What was given today is
            then unknown, and nothing may be given.
    """
    when = clock or Clock.system(now)
    total_us: dict[str, int] = {}
    for ended, summary in _recent(home, patient, simulated=simulated, when=when):
        if ended < when.midnight:
            continue
        for channel in summary.channels:
            # By the vocabulary, whatever the record calls it: two names of one thigh are one account. Two channels on
            # one muscle at the same time count once each: more than the truth, never less.
            for muscle in accounts(channel.muscle):
                key = f"{muscle}/{channel.side}"
                total_us[key] = total_us.get(key, 0) + channel.motor_on_us
    return {key: math.ceil(on_us / 60_000_000) for key, on_us in total_us.items() if on_us}


def _recent(
    home: Home, patient: str, *, simulated: bool, when: Clock
) -> Iterator[tuple[datetime.datetime, SessionSummary]]:
    """When each session of this person that can reach into today or lies a day before it ended, and what it was."""
    records = home.records(simulated=simulated)
    lines = station_lines(home.root)
    person, done = one_person(lines, patient), cleared(lines)
    chained = _chained(records, done, when)
    for name in _candidates(records, chained, person, when):
        if name in done:
            continue
        summary = _known(home, records / name, chained.get(name))
        if summary.records and normal(summary.patient) not in person:
            continue
        yield _ended(summary, name, chained.get(name), when), summary


def recent_sessions(home: Home, patient: str, *, simulated: bool, clock: Clock | None = None) -> tuple[Past, ...]:
    """Sessions since yesterday in which this person had therapy, for the pause between two and the sessions of a day.

    Raises:
        RecordError: as `minutes_today`.
    """
    when = clock or Clock.system()
    return tuple(
        Past(
            protocol=summary.protocol,
            protocol_sha256=summary.protocol_sha256,
            began=ended - datetime.timedelta(microseconds=summary.duration_us),
            ended=ended,
        )
        for ended, summary in _recent(home, patient, simulated=simulated, when=when)
        if any(channel.pulses for channel in summary.channels)
    )


def _chained(records: Path, done: set[str], when: Clock) -> dict[str, _Chained]:
    """Every session that the chain knows.

    Raises:
        RecordError: the chain was changed: nobody knows which sessions there were.
    """
    reading = read_master(records)
    if reading is None:
        return {}
    if reading.first_bad is not None and not reading.torn and MASTER not in done:
        how = HOW_TO_CLEAR.replace("SESSION", MASTER)
        raise RecordError(f"{records / MASTER}: {reading.reason}; what was given today is unknown. {how}")
    found: dict[str, _Chained] = {}
    after = EARLIEST
    for entry in reading.entries:
        name = str(entry["session"])
        before = found.get(name)
        sealed = entry if entry["event"] == "sealed" else None
        found[name] = _Chained(
            before.opened if before else entry,
            sealed or (before.sealed if before else None),
            before.after if before else after,
        )
        said = moment_of(entry)
        if said is not None and after < said <= when.now:
            after = said
    return found


def _candidates(records: Path, chained: Mapping[str, _Chained], person: frozenset[str], when: Clock) -> list[str]:
    """Names of sessions of this person that can reach into today, there or only in the chain."""
    earliest = folder_name(when.midnight - LONGEST, "")[:8]
    try:
        there = set(os.listdir(records)) if records.is_dir() else set()  # names alone: there may be 100 000
    except OSError as error:
        raise RecordError(f"what was given today can't be read: {error}") from None
    found = []
    for name in there | chained.keys():
        said = chained.get(name)
        moment = _moved(said, when)
        recent = name[:8] >= earliest or (moment is not None and moment >= when.midnight - LONGEST)
        if recent and normal(_patient_of(name)) in person and (said is not None or segments(records / name)):
            found.append(name)
    return sorted(found)


def _patient_of(name: str) -> str:
    return name.split("Z-", maxsplit=1)[-1]


def _moved(said: _Chained | None, when: Clock) -> datetime.datetime | None:
    """When the session was opened, by the present wall clock if this boot saw it, and not before what came first."""
    if said is None:
        return None
    moved = as_of_now(said.opened, when.now, now_boot_us=when.boot_us, now_boot_id=when.boot_id)
    return said.after if moved is None else max(moved, said.after)


def _known(home: Home, folder: Path, said: _Chained | None) -> SessionSummary:
    """One session, read and verified.

    Raises:
        RecordError: it is gone, cut, changed, or can't be understood.
    """
    how = HOW_TO_CLEAR.replace("SESSION", folder.name)
    if not segments(folder):
        raise RecordError(
            f"{folder}: this session was opened here, and its record is gone; what this patient was given today is "
            f"unknown and counts as all that a day allows. {how}"
        )
    try:
        summary = summarise(folder, keys=known_keys(home.root))
    except OSError as error:
        raise RecordError(f"what was given today can't be read: {error}") from None
    reason = summary.unreadable
    if summary.first_bad is not None and summary.ending != "torn":
        reason = summary.reason
    if said is not None and said.sealed is not None and said.sealed["head"] != summary.head:
        reason = reason or f"it was sealed with {said.sealed['lines']} lines, and is not that record any more"
    if reason:
        raise RecordError(f"{folder}: {reason}; what this patient was given today is unknown. {how}")
    return summary


def _ended(summary: SessionSummary, name: str, said: _Chained | None, when: Clock) -> datetime.datetime:
    """When the session ended at the latest, by the wall clock that puts it later."""
    began_ms = summary.began_ms or milliseconds(_moment_in(name))
    began = datetime.datetime.fromtimestamp(began_ms / 1_000, datetime.UTC)
    moved = _moved(said, when)
    return max(began, moved or began) + datetime.timedelta(microseconds=summary.duration_us)


def _moment_in(name: str) -> str:
    stamp = name.split("Z-", maxsplit=1)[0]
    if len(stamp) < 15:
        return ""
    day, clock = stamp[:8], stamp[9:]
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}+00:00"


def _newest(records: Path) -> tuple[datetime.datetime, str]:
    """When the latest session that lies here began, by its name, and which it is."""
    with contextlib.suppress(OSError, ValueError):  # what is there and can't be read is refused where minutes are
        names = (name for name in os.listdir(records) if SESSION.fullmatch(name))
        name = max(names, default="")
        return datetime.datetime.fromisoformat(_moment_in(name)), name
    return EARLIEST, ""


def clock_notes(home: Home, when: Clock) -> tuple[str, ...]:
    """What must be said of this computer's clock before a session: it went back, or was set since the last session."""
    notes = []
    for kind in ("real", "simulated"):
        records = home.root / "records" / kind
        reading = read_master(records)
        last = max(reading.entries, key=lambda entry: str(entry.get("utc", ""))) if reading and reading.entries else {}
        said = moment_of(last)
        newest, name = max(_newest(records), (said or EARLIEST, str(last.get("session", ""))))
        if newest > when.now + datetime.timedelta(minutes=5):
            stamp = newest.astimezone(datetime.UTC)
            notes.append(f"the clock went back: the session {name} was written at {stamp:%Y-%m-%d %H:%M} UTC")
        moved = as_of_now(last, when.now, now_boot_us=when.boot_us, now_boot_id=when.boot_id)
        if said is not None and moved is not None and abs(moved - said) > datetime.timedelta(minutes=10):
            notes.append(
                f"the clock was set since the session {last['session']}: what it then called "
                f"{said:%Y-%m-%d %H:%M} UTC was {moved.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC by today's clock"
            )
        notes += _written_too_early(reading.entries if reading else (), when)
    return tuple(notes)


def _written_too_early(entries: Iterable[Mapping[str, Any]], when: Clock) -> list[str]:
    """The last session that was written under a clock which had gone back since the one before it, if any today."""
    before, found = EARLIEST, ""
    for entry in entries:
        said = moment_of(entry)
        if said is None or said > when.now:
            continue
        if said < before - datetime.timedelta(minutes=10) and before >= when.midnight - LONGEST:
            found = (
                f"the session {entry['session']} was written under a clock that said {said:%Y-%m-%d %H:%M} UTC, "
                f"after one of {before:%Y-%m-%d %H:%M} UTC: it counts as of then"
            )
        before = max(before, said)
    return [found] if found else []
