"""The receiving side: what arrived is verified with the stations' keys, and the index is made from it, never from what
a station claims.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from estim.records.clinic_push import connect, digest_of
from estim.records.clinic_schema import ARRIVAL, CHUNK, SESSION, STATION
from estim.records.master import parse_master
from estim.records.summary import Read, understand
from estim.records.verify import read_segments
from estim.records.verify_home import latest, master_signed
from estim.safety.errors import RecordError


@dataclass(slots=True)
class Checked:
    """What one pass came to.

    Attributes:
        bad: session or chain, and why.
        missing: sessions that a station's master chain names and that have not arrived.
    """

    sessions: int = 0
    bad: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


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
    keys = {row.key_id: row.public_key for row in database.execute(select(STATION))}
    checked = select(SESSION.c.key_id, SESSION.c.kind, SESSION.c.session)
    known = {(row.key_id, row.kind, row.session) for row in database.execute(checked)}
    arrivals = list(database.execute(select(ARRIVAL).order_by(ARRIVAL.c.arrived, ARRIVAL.c.session)))
    for row in arrivals:
        if again or (row.key_id, row.kind, row.session) not in known:
            _one(database, row, keys[row.key_id])
            done.sessions += 1
    for key_id, public in keys.items():
        for kind in ("real", "simulated"):
            _against_master(database, key_id, public, kind, done)
    bad = select(SESSION.c.key_id, SESSION.c.kind, SESSION.c.session, SESSION.c.reason)
    for row in database.execute(bad.where(SESSION.c.verified.is_(False))):
        done.bad.append((f"{row.key_id}/{row.kind}/{row.session}", row.reason))
    return done


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


def _one(database: Connection, row: Any, public: str) -> None:
    parts = _parts(database, row.key_id, row.kind, row.session)
    read = understand(Path(row.session), read_segments(parts), keys={row.key_id: public})
    reason = read.summary.reason
    if digest_of(parts) != row.sha256:
        reason = "what arrived is not what the station says it sent"
    elif read.summary.simulated is not (row.kind == "simulated"):
        reason = f"this is no {row.kind} session"
    elif read.summary.name not in {"", row.session}:
        reason = f"this record was written as session {read.summary.name}"
    _put(database, row, read, reason)


def _put(database: Connection, row: Any, read: Read, reason: str) -> None:
    summary = read.summary
    began = datetime.datetime.fromtimestamp(summary.began_ms / 1_000, datetime.UTC) if summary.began_ms else None
    values = {
        "key_id": row.key_id, "kind": row.kind, "session": row.session, "patient": summary.patient,
        "operator": summary.operator, "protocol": summary.protocol, "began": began, "outcome": summary.outcome,
        "ending": summary.ending, "verified": summary.verified and not reason, "reason": reason, "head": summary.head,
        "lines": summary.records, "summary": summary.to_json(),
    }  # fmt: skip
    same = ["key_id", "kind", "session"]
    changed = {key: value for key, value in values.items() if key not in same}
    database.execute(insert(SESSION).values(values).on_conflict_do_update(index_elements=same, set_=changed))
    database.commit()


def _against_master(database: Connection, key_id: str, public: str, kind: str, done: Checked) -> None:
    data = b"".join(_parts(database, key_id, kind, ""))
    master = parse_master(data)
    name = f"{key_id}/{kind}/master chain"
    if master.first_bad is not None:
        done.bad.append((name, master.reason))
    for entry in master.entries:
        if not master_signed(entry, {key_id: public}, strict=kind == "real"):
            done.bad.append((name, f"line {entry['n']} is not signed with the station's key"))
            break
    here = {
        row.session: row
        for row in database.execute(select(SESSION).where(SESSION.c.key_id == key_id, SESSION.c.kind == kind))
    }
    seen = latest(master.entries)
    done.missing += [f"{key_id}/{kind}/{session}" for session in seen if session not in here]
    for session, row in here.items():
        reason = _differs(seen.get(session), row)
        if reason and row.verified:
            wrong = SESSION.update().where(
                SESSION.c.key_id == key_id, SESSION.c.kind == kind, SESSION.c.session == session
            )
            database.execute(wrong.values(verified=False, reason=reason))
            database.commit()


def _differs(entry: Mapping[str, Any] | None, row: Any) -> str:
    if entry is None:
        return "the station's master chain does not name this session"
    if entry["event"] == "sealed" and entry["head"] != row.head:
        return "this is not the record that the station's master chain saw sealed"
    return ""
