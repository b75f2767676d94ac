"""The receiving side: what arrived is verified with the stations' keys, and the index is made from it, never from what
a station claims.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, case, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from estim.records.clinic_chain import KnownStation, known_stations, read_on
from estim.records.clinic_push import connect, digest_of
from estim.records.clinic_schema import ARRIVAL, CHUNK, NAMED, PASS, SESSION
from estim.records.summary import Read, understand
from estim.records.verify import read_segments
from estim.safety.errors import RecordError

_PAGE = 500
# A session of a day is missed the same day: one that is named, and that no pass brings for so long, is missing although
# its station says that it is not finished, or says nothing at all.
PATIENCE = datetime.timedelta(hours=12)
SHORTER = "at the station it is shorter than what it sent: it was cut there, or an older copy was put back"
UNNAMED = "the station's master chain does not name this session"
ANOTHER = "this is not the record that the station's master chain saw sealed"


@dataclass(slots=True)
class Checked:
    """What one pass came to.

    Attributes:
        sessions: how many were verified now.
        bad: session or chain, and why.
        missing: sessions that a station's chain names, and that it has not sent although it came to the end of a pass.
        waiting: sessions that are named and on their way or not finished, or here and not yet named.
    """

    sessions: int = 0
    bad: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def check(url: str, *, again: bool = False) -> Checked:
    """Verify what arrived and was not verified yet (or all of it again), and hold it against the master chains.

    Raises:
        RecordError: the database can't be reached or read.
    """
    with connect(url) as database:
        try:
            return _check(database, again=again)
        except SQLAlchemyError as error:
            raise RecordError(f"the clinic's database: {str(error).splitlines()[0]}") from None


def _check(database: Connection, *, again: bool) -> Checked:
    done = Checked()
    stations = {station.name: station for station in known_stations(database)}
    for row in _todo(database, again=again):
        # A key that was entered later has rows of its own where an earlier program sent everything anew.
        station = stations.get(row.key_id) or next(one for one in stations.values() if row.key_id in one.keys)
        _one(database, row, station)
        done.sessions += 1
    for station in stations.values():
        for kind in ("real", "simulated"):
            bad = read_on(database, station, kind, again=again)
            if bad:
                done.bad.append((f"{station.name}/{kind}/master chain", bad))
    _cut_there(database, done)
    _hold_against_chains(database)
    wrong = select(SESSION.c.key_id, SESSION.c.kind, SESSION.c.session, SESSION.c.reason)
    for row in database.execute(wrong.where(SESSION.c.verified.is_(False))):
        done.bad.append((f"{row.key_id}/{row.kind}/{row.session}", row.reason))
    _missing(database, done)
    return done


def _todo(database: Connection, *, again: bool) -> Iterator[Any]:
    """Arrivals to verify, a page at a time."""
    here = tuple_(ARRIVAL.c.key_id, ARRIVAL.c.kind, ARRIVAL.c.session)
    known = select(SESSION.c.session).where(
        SESSION.c.key_id == ARRIVAL.c.key_id, SESSION.c.kind == ARRIVAL.c.kind, SESSION.c.session == ARRIVAL.c.session
    )
    last = ("", "", "")
    while True:
        query = select(ARRIVAL).where(here > tuple_(*map(literal, last))).order_by(*here.clauses).limit(_PAGE)
        page = list(database.execute(query if again else query.where(~known.exists())))
        yield from page
        if len(page) < _PAGE:
            return
        last = (page[-1].key_id, page[-1].kind, page[-1].session)


def _parts(database: Connection, key_id: str, kind: str, session: str) -> list[bytes]:
    """A record's segments, put together from their pieces."""
    query = (
        select(CHUNK.c.segment, CHUNK.c.data)
        .where(CHUNK.c.key_id == key_id, CHUNK.c.kind == kind, CHUNK.c.session == session)
        .order_by(CHUNK.c.segment, CHUNK.c.first_byte)
    )
    parts: dict[int, list[bytes]] = {}
    for row in database.execute(query):
        parts.setdefault(row.segment, []).append(bytes(row.data))
    return [b"".join(parts[number]) for number in sorted(parts)]


def _one(database: Connection, row: Any, station: KnownStation) -> None:
    parts = _parts(database, row.key_id, row.kind, row.session)
    read = understand(Path(row.session), read_segments(parts), keys=station.keys)
    reason = read.summary.reason
    if digest_of(parts) != row.sha256:
        reason = "what arrived is not what the station says it sent"
    elif read.summary.simulated is not (row.kind == "simulated"):
        reason = f"this is no {row.kind} session"
    elif read.summary.name not in {"", row.session}:
        reason = f"this record was written as session {read.summary.name}"
    _put(database, row, read, reason or ("" if read.summary.verified else "it does not verify"))


def _put(database: Connection, row: Any, read: Read, reason: str) -> None:
    summary = read.summary
    began = datetime.datetime.fromtimestamp(summary.began_ms / 1_000, datetime.UTC) if summary.began_ms else None
    values = {
        "key_id": row.key_id, "kind": row.kind, "session": row.session, "patient": summary.patient,
        "operator": summary.operator, "protocol": summary.protocol, "began": began, "outcome": summary.outcome,
        "ending": summary.ending, "verified": not reason, "reason": reason, "sound": reason, "head": summary.head,
        "lines": summary.records, "summary": summary.to_json(),
    }  # fmt: skip
    same = ["key_id", "kind", "session"]
    changed = {key: value for key, value in values.items() if key not in same}
    database.execute(insert(SESSION).values(values).on_conflict_do_update(index_elements=same, set_=changed))
    database.commit()


def _hold_against_chains(database: Connection) -> None:
    """Each session against what its station's chain says of it; a verdict is taken back when the chain has come."""

    def of(table: Any) -> Any:
        return (table.c.key_id == SESSION.c.key_id) & (table.c.kind == SESSION.c.kind)

    named = select(NAMED.c.session).where(of(NAMED), NAMED.c.session == SESSION.c.session)
    ended = (
        select(PASS.c.lines)
        .join(ARRIVAL, (ARRIVAL.c.key_id == PASS.c.key_id) & (ARRIVAL.c.kind == PASS.c.kind))
        .where(of(PASS), ARRIVAL.c.session == SESSION.c.session, PASS.c.finished > ARRIVAL.c.arrived)
    )
    other = named.where(NAMED.c.event == "sealed", NAMED.c.head != SESSION.c.head)
    reason = case(
        (SESSION.c.sound != "", SESSION.c.sound),
        (other.exists(), ANOTHER),
        (~named.exists() & ended.exists(), UNNAMED),
        else_="",
    )
    database.execute(update(SESSION).where(SESSION.c.reason != reason).values(reason=reason, verified=reason == ""))
    database.commit()


def _cut_there(database: Connection, done: Checked) -> None:
    """Stations whose chain of sessions was shorter in their last pass than it had been: what arrived stays, and who
    cut it at the station would be told by nobody here.
    """
    which = (PASS.c.key_id, PASS.c.kind)
    most = select(*which, func.max(PASS.c.lines).label("lines"), func.max(PASS.c.finished).label("last"))
    known = most.group_by(*which).subquery()
    last = (PASS.c.key_id == known.c.key_id) & (PASS.c.kind == known.c.kind) & (PASS.c.finished == known.c.last)
    for row in database.execute(select(*which).join(known, last).where(PASS.c.lines < known.c.lines)):
        done.bad.append((f"{row.key_id}/{row.kind}/master chain", SHORTER))


def _missing(database: Connection, done: Checked) -> None:
    """What is named and not here, and what is here and not named."""
    arrived = select(ARRIVAL.c.session).where(
        ARRIVAL.c.key_id == NAMED.c.key_id, ARRIVAL.c.kind == NAMED.c.kind, ARRIVAL.c.session == NAMED.c.session
    )
    of_its_station = (PASS.c.key_id == NAMED.c.key_id, PASS.c.kind == NAMED.c.kind)
    # A chain only grows: what a pass once came to the end of is not on its way again when the chain was cut since.
    most = select(func.max(PASS.c.lines).label("lines")).where(*of_its_station).lateral()
    last = select(PASS.c.waiting).where(*of_its_station).order_by(PASS.c.finished.desc()).limit(1).lateral()
    query = (
        select(NAMED, most.c.lines, last.c.waiting, (func.now() - NAMED.c.seen).label("age"))
        .select_from(NAMED.outerjoin(most, literal(value=True)).outerjoin(last, literal(value=True)))
        .where(~arrived.exists())
        .order_by(NAMED.c.key_id, NAMED.c.kind, NAMED.c.line)
    )
    for row in database.execute(query):
        held = row.event != "sealed" and row.session in (row.waiting or ())
        gone = (row.lines is not None and row.line < row.lines and not held) or row.age > PATIENCE
        (done.missing if gone else done.waiting).append(f"{row.key_id}/{row.kind}/{row.session}")
    unnamed = select(SESSION.c.key_id, SESSION.c.kind, SESSION.c.session).where(
        SESSION.c.verified,
        ~select(NAMED.c.session)
        .where(
            NAMED.c.key_id == SESSION.c.key_id, NAMED.c.kind == SESSION.c.kind, NAMED.c.session == SESSION.c.session
        )
        .exists(),
    )  # fmt: skip
    done.waiting += [f"{row.key_id}/{row.kind}/{row.session}" for row in database.execute(unnamed)]
