"""A treatment that was signed later becomes the visit of the day on which it was given, as its record tells it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from estim.care.drills import drills
from estim.desk.care import CareDesk
from estim.desk.course_session import CourseSession, Given, GivenChannel, sealed_elsewhere
from estim.protocols.catalogue import load_runnable
from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.records.chain import Entry
from estim.records.home import Home
from estim.records.summary import read_session

REACHED_PERCENT = 95  # of its level: as the session itself counts a contraction that reached it


def signed_later(home: Home, folder: str, *, simulated: bool, operator: str) -> bool:
    """Enter the session of `folder`; what its record does not show whole stays for `estim course note visit`.

    Returns:
        Whether it was entered: not where nothing was given, the record is damaged, or the course does not have it.

    Raises:
        EstimError, OSError: record, protocol or course can't be read.
    """
    read = read_session(home.records(simulated=simulated) / folder)
    told = read.summary
    if told.first_bad is not None or told.unreadable or not told.contractions or told.simulated != simulated:
        return False
    protocol, _ = load_runnable(told.protocol, own=home.protocols)
    if protocol.version != told.protocol_version:
        return False
    given = Given(
        outcome=told.outcome,
        contractions=told.contractions,
        channels=tuple(
            GivenChannel(one.name, _reached(read.entries, one.channel), one.on_us / 1e6, one.peak_ua / 1000)
            for one in told.channels
        ),
        record=folder,
    )
    day = datetime.datetime.fromisoformat(told.utc).astimezone().date()
    desk = CareDesk(home, told.patient, simulated, operator)
    entered = sealed_elsewhere(desk, protocol, given, day=day)
    if entered and (drill := _joined(read.entries)):
        CourseSession(desk, day).drilled(drill, protocol, given, {})
    return entered


def _joined(entries: Iterable[Entry]) -> str:
    """The exercise whose repetitions the contractions were, as the session's own note has it; "" where none was."""
    said = [str(entry.fields.get("drill", "")) for entry in entries if entry.kind == kinds.Note.KIND]
    return next((drill for drill in reversed(said) if drill in drills()), "")


def _reached(entries: Iterable[Entry], channel: int) -> int:
    """Whole contractions of treatment in which this channel came to its level."""
    played = (
        entry.fields
        for entry in entries
        if entry.kind == lines.Contraction.KIND and entry.fields.get("purpose") == "therapy"
    )
    return sum(
        row["channel"] == channel and row["peak_ua"] * 100 >= row["level_ua"] * REACHED_PERCENT
        for fields in played
        if fields.get("whole", True)
        for row in fields.get("channels") or ()
    )
