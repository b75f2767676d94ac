"""Chains that arrived at the clinic, read on from where the last check ended, a line at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from estim.records.chain import GENESIS
from estim.records.clinic_push import STATION_KIND
from estim.records.clinic_schema import CHUNK, NAMED, READ_TO, STATION
from estim.records.keys import key_id_of
from estim.records.signed_chain import good_line
from estim.records.station import signed_lines

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class KnownStation:
    """A station: its name here (its first key's id), and every key that it has or had, id → public key."""

    name: str
    keys: Mapping[str, str]


def known_stations(database: Connection) -> list[KnownStation]:
    """Every station that an administrator entered; a key that an earlier one introduced needs no entering."""
    rows: dict[str, list[Any]] = {}
    for row in database.execute(select(STATION).order_by(STATION.c.entered, STATION.c.key_id)):
        rows.setdefault(row.login, []).append(row)
    found = []
    for keys in rows.values():
        known = {row.key_id: row.public_key for row in keys}
        for entry in _lines(database, keys[0].key_id, STATION_KIND, _Start()):
            if entry["event"] == "key" and signed_lines([entry], known) is None:
                known[key_id_of(str(entry["public_key"]))] = str(entry["public_key"])
        found.append(KnownStation(str(keys[0].key_id), known))
    return found


@dataclass(slots=True)
class _Start:
    """Where a reading begins, and how far it came: bytes, lines and the hash of the last one; why it ended there."""

    size: int = 0
    lines: int = 0
    head: str = GENESIS
    bad: str = ""


def read_on(database: Connection, station: KnownStation, kind: str, *, again: bool) -> str:
    """Take what a chain of sessions names into the checker's table; gives why it can't be read to its end, or "".

    Args:
        again: from its beginning.
    """
    mine = and_(READ_TO.c.key_id == station.name, READ_TO.c.kind == kind)
    if again:
        database.execute(delete(READ_TO).where(mine))
        database.execute(delete(NAMED).where(NAMED.c.key_id == station.name, NAMED.c.kind == kind))
    row = database.execute(select(READ_TO).where(mine)).first()
    at = _Start(row.bytes, row.lines, row.head) if row is not None else _Start()
    keys = station.keys if kind == "real" else {}  # rehearsals sign with keys of their own
    batch: dict[str, dict[str, Any]] = {}
    for entry in _lines(database, station.name, kind, at, keys=keys):
        before = batch.get(entry["session"])
        if before is None or before["event"] != "sealed":
            batch[entry["session"]] = {
                "key_id": station.name, "kind": kind, "session": entry["session"], "event": entry["event"],
                "head": entry["head"], "line": entry["n"],
            }  # fmt: skip
        if len(batch) >= _BATCH:
            _name(database, batch)
    _name(database, batch)
    values = {"bytes": at.size, "lines": at.lines, "head": at.head, "bad": at.bad}
    put = insert(READ_TO).values(key_id=station.name, kind=kind, **values)
    database.execute(put.on_conflict_do_update(index_elements=["key_id", "kind"], set_=values))
    database.commit()
    return at.bad


def _name(database: Connection, batch: dict[str, dict[str, Any]]) -> None:
    """A seal is never taken back."""
    if batch:
        put = insert(NAMED)
        changed = {key: put.excluded[key] for key in ("event", "head", "line")}
        put = put.on_conflict_do_update(
            index_elements=["key_id", "kind", "session"], set_=changed, where=NAMED.c.event != "sealed"
        )
        database.execute(put, list(batch.values()))
        batch.clear()


def _lines(
    database: Connection, name: str, kind: str, at: _Start, *, keys: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Good lines from `at` on; `at` moves with them, and says why they end.

    Args:
        keys: of which one must have signed; {} or None asks for no signature.
    """
    held = b""
    for data in _pieces(database, name, kind, at.size):
        *whole, held = (held + data).split(b"\n")
        for raw in whole:
            entry = good_line(raw, at.lines, at.head)
            if entry is None or (kind != STATION_KIND and type(entry.get("session")) is not str):
                at.bad = f"line {at.lines} of the {_what(kind)} was changed or is missing"
                return
            if keys and signed_lines([entry], keys) is not None:
                at.bad = f"line {at.lines} is not signed with a key of this station"
                return
            at.size, at.lines, at.head = at.size + len(raw) + 1, at.lines + 1, str(entry["hash"])
            yield entry


def _what(kind: str) -> str:
    return "station's chain" if kind == STATION_KIND else "master chain"


def _pieces(database: Connection, name: str, kind: str, first: int) -> Iterator[bytes]:
    """The chain's bytes from `first` on, a piece at a time."""
    while True:
        query = (
            select(CHUNK.c.first_byte, CHUNK.c.data)
            .where(
                CHUNK.c.key_id == name, CHUNK.c.kind == kind, CHUNK.c.session == "",
                CHUNK.c.first_byte + func.octet_length(CHUNK.c.data) > first,
            )
            .order_by(CHUNK.c.first_byte)
            .limit(1)
        )  # fmt: skip
        row = database.execute(query).first()
        if row is None or row.first_byte > first:
            return  # a gap is not read over
        yield bytes(row.data)[first - row.first_byte :]
        first = row.first_byte + len(row.data)
