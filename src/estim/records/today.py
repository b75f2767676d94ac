"""What a patient's muscles had today (L27), from verified records alone.

The chain of sessions says which there must be: one that is gone, cut or changed makes unknown what the patient had, and
unknown counts as all that a day allows, until a person clears it with a reason.
"""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from estim.platform.files import unread
from estim.protocols.muscles import accounts
from estim.records.clocks import Clock, day_began, milliseconds
from estim.records.folders import moment_in, patient_of
from estim.records.home import Home
from estim.records.keys import known_keys
from estim.records.pseudonym import normal
from estim.records.recent_chain import HOW_TO_CLEAR, Chained, chained_recently, earliest_name, moved
from estim.records.segment import segments
from estim.records.spacing import Past
from estim.records.station import cleared, one_person, seen_by_this_station, station_lines
from estim.records.summary import SessionSummary, summarise
from estim.safety.errors import RecordError


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
    calendar day, in the zone that it has now and in the one that it had then. A session that reaches over midnight
    counts whole, and so does one that a clock set back has put into the future, or that a clock put right since then
    has left on another day, in this boot or in an earlier one (the chain of sessions says what came before it): more
    than the truth, never less. A record that broke off counts its output until the device's own timer has run out.

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
    for ended, summary, zone in _recent(home, patient, simulated=simulated, when=when):
        if ended < day_began(when.now, zone):
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
) -> Iterator[tuple[datetime.datetime, SessionSummary, str]]:
    """When each session of this person that can reach into today or lies a day before it ended, what it was, and in
    which zone it was written.
    """
    records = home.records(simulated=simulated)
    lines = station_lines(home.root)
    person, done = one_person(lines, patient), cleared(lines)
    chained = chained_recently(records, done, when, seen_by_this_station(home.root, lines, records.name))
    for name in _candidates(records, chained, person, when):
        if name in done:
            continue
        summary = _known(home, records / name, chained.get(name))
        if summary.records and normal(summary.patient) not in person:
            continue
        said = chained.get(name)
        yield _ended(summary, name, said, when), summary, str(said.opened.get("zone", "")) if said is not None else ""


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
            zone=zone,
        )
        for ended, summary, zone in _recent(home, patient, simulated=simulated, when=when)
        if any(channel.pulses for channel in summary.channels)
    )


def _candidates(records: Path, chained: Mapping[str, Chained], person: frozenset[str], when: Clock) -> list[str]:
    """Names of sessions of this person that can reach into today, there or only in the chain."""
    earliest = earliest_name(when)
    names = set(chained)
    try:
        if records.is_dir():
            with os.scandir(records) as there:  # one name at a time: there may be 100 000
                names.update(one.name for one in there if one.name[:8] >= earliest)
    except OSError as error:
        raise RecordError(f"{records}: what was given today can't be read: {unread(error)}") from None
    mine = (name for name in names if normal(patient_of(name)) in person)
    return sorted(name for name in mine if name in chained or segments(records / name))


def _known(home: Home, folder: Path, said: Chained | None) -> SessionSummary:
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
        raise RecordError(f"{folder}: what was given today can't be read: {unread(error)}") from None
    reason = summary.unreadable
    if summary.first_bad is not None and summary.ending != "torn":
        reason = summary.reason
    if said is not None and said.sealed is not None and said.sealed["head"] != summary.head:
        reason = reason or f"it was sealed with {said.sealed['lines']} lines, and is not that record any more"
    if reason:
        raise RecordError(f"{folder}: {reason}; what this patient was given today is unknown. {how}")
    return summary


def _ended(summary: SessionSummary, name: str, said: Chained | None, when: Clock) -> datetime.datetime:
    """When the session ended at the latest, by the wall clock that puts it later."""
    began_ms = summary.began_ms or milliseconds(moment_in(name))
    began = datetime.datetime.fromtimestamp(began_ms / 1_000, datetime.UTC)
    return max(began, moved(said, when) or began) + datetime.timedelta(microseconds=summary.duration_us)
