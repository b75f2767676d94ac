"""A station's side of the clinic's database: whole records, after they are on its own disk, in pieces.

It only reads the home, in a process of its own: a lost network, a slow database or a fault in here never touches a
running session. What has arrived is not sent again; what was interrupted goes on at the next piece.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from estim.records.clinic_schema import ARRIVAL, CHUNK, PASS, SCHEMA, STATION
from estim.records.home import Home
from estim.records.keys import known_keys
from estim.records.master import MASTER
from estim.records.master import STATION as STATION_CHAIN
from estim.records.segment import PACKED, read_segment, segments
from estim.safety.errors import RecordError

STATION_KIND = "station"  # the kind of the station's own chain
PIECE = 1024 * 1024
# A session that is not sealed is pushed when nothing was written for so long: its process is gone.
QUIET_S = 3_600.0


@dataclass(slots=True)
class Pushed:
    """What one pass came to.

    Attributes:
        differs: sessions whose bytes are not those that arrived before.
    """

    sessions: int = 0
    pieces: int = 0
    waiting: int = 0
    differs: list[str] = field(default_factory=list)


def connect(url: str) -> Connection:
    """A connection to the clinic's database.

    Raises:
        RecordError: it can't be reached, or the address can't be.
    """
    try:
        full = url.replace("postgresql://", "postgresql+psycopg://", 1)
        return create_engine(full, poolclass=NullPool, connect_args={"connect_timeout": 5}).connect()
    except (SQLAlchemyError, ValueError) as error:
        raise RecordError(f"the clinic's database can't be reached: {_brief(error)}") from None


def _brief(error: Exception) -> str:
    """The first line; never the address, which may hold a password."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause).splitlines() or [""])[0] or type(cause).__name__


def push(home: Home, url: str, *, simulated: bool = False, quiet_s: float = QUIET_S,
         stop: Callable[[], bool] = lambda: False) -> Pushed:  # fmt: skip
    """One pass: everything that is whole here and not there yet.

    Args:
        stop: asked between pieces.

    Raises:
        RecordError: the database can't be reached, or does not know this station. What was sent stays sent.
    """
    with connect(url) as database:
        try:
            return _Pass(home, database, simulated=simulated, stop=stop).run(quiet_s)
        except SQLAlchemyError as error:
            raise RecordError(f"the clinic's database: {_brief(error)}") from None


class _Pass:
    def __init__(self, home: Home, database: Connection, *, simulated: bool, stop: Callable[[], bool]) -> None:
        self._home = home
        self._root = home.records(simulated=simulated)
        self._kind = self._root.name
        self._database = database
        self._stop = stop
        self._done = Pushed()
        self._key_id = _name_here(database, home)

    def run(self, quiet_s: float) -> Pushed:
        """The chains first: a session that is removed before it was sent is missed all the same. Then what they name;
        at the end that all of it was sent, as far as this pass knew the chain.
        """
        lines = self._chain(self._kind, self._root / MASTER)
        self._chain(STATION_KIND, self._home.root / STATION_CHAIN)
        arrived, waiting = self._arrived(), list[str]()
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else []:
            files = segments(folder) if folder.is_dir() else []
            if not files or self._stop():
                continue
            if folder.name not in arrived and not _finished(files, quiet_s):
                waiting.append(folder.name)
                continue
            self._session(folder.name, files, arrived)
        self._done.waiting = len(waiting)
        self._chain(self._kind, self._root / MASTER)
        if not self._stop():
            ended = {"key_id": self._key_id, "kind": self._kind, "lines": lines, "waiting": waiting}
            self._database.execute(insert(PASS).values(ended))
            self._database.commit()
        return self._done

    def _arrived(self) -> Mapping[str, str]:
        query = select(ARRIVAL.c.session, ARRIVAL.c.sha256).where(
            ARRIVAL.c.key_id == self._key_id, ARRIVAL.c.kind == self._kind
        )
        return {row.session: row.sha256 for row in self._database.execute(query)}

    def _session(self, name: str, files: list[Path], arrived: Mapping[str, str]) -> None:
        parts = [read_segment(path) for path in files]
        digest = digest_of(parts)
        if name in arrived:
            if arrived[name] != digest:
                self._done.differs.append(name)
            return
        for number, data in enumerate(parts):
            self._pieces(name, number, data)
        if self._stop():
            return
        row = {"key_id": self._key_id, "kind": self._kind, "session": name, "segments": len(parts), "sha256": digest}
        self._database.execute(insert(ARRIVAL).values(row).on_conflict_do_nothing())
        self._database.commit()
        self._done.sessions += 1

    def _pieces(self, name: str, segment: int, data: bytes) -> None:
        """Each piece is a transaction of its own; those that are there are not sent again."""
        there = self._there(name, segment)
        for first in range(0, len(data), PIECE):
            if first not in there and not self._stop():
                self._put(name, segment, first, data[first : first + PIECE])

    def _there(self, name: str, segment: int) -> set[int]:
        query = select(CHUNK.c.first_byte).where(
            CHUNK.c.key_id == self._key_id, CHUNK.c.kind == self._kind, CHUNK.c.session == name,
            CHUNK.c.segment == segment,
        )  # fmt: skip
        return {row.first_byte for row in self._database.execute(query)}

    def _put(self, name: str, segment: int, first: int, data: bytes, *, kind: str = "") -> None:
        row = {
            "key_id": self._key_id, "kind": kind or self._kind, "session": name, "segment": segment,
            "first_byte": first, "data": data,
        }  # fmt: skip
        self._database.execute(insert(CHUNK).values(row).on_conflict_do_nothing())
        self._database.commit()
        self._done.pieces += 1

    def _chain(self, kind: str, path: Path) -> int:
        """A chain grows at its end: its whole lines that are not there yet. Gives how many lines it has."""
        data = path.read_bytes() if path.exists() else b""
        data = data[: data.rfind(b"\n") + 1]
        query = select(func.coalesce(func.sum(func.octet_length(CHUNK.c.data)), 0)).where(
            CHUNK.c.key_id == self._key_id, CHUNK.c.kind == kind, CHUNK.c.session == ""
        )
        sent = int(self._database.execute(query).scalar_one())
        if sent > len(data):
            if path.name not in self._done.differs:
                self._done.differs.append(path.name)
            return 0
        for first in range(sent, len(data), PIECE):
            self._put("", 0, first, data[first : first + PIECE], kind=kind)
        return data.count(b"\n")


def _name_here(database: Connection, home: Home) -> str:
    """The key that a station is named by here: the first of those with its login, if this home has one of them.

    Raises:
        RecordError: the database does not know this station, or is of another version.
    """
    if not inspect(database).has_table(PASS.name, schema=SCHEMA):
        raise RecordError("the clinic's database is of an earlier version: an administrator runs `estim clinic schema`")
    mine = select(STATION.c.key_id).where(STATION.c.login == func.current_user())
    known = [row.key_id for row in database.execute(mine.order_by(STATION.c.entered, STATION.c.key_id))]
    if not set(known) & known_keys(home.root).keys():
        raise RecordError("the clinic's database does not know this station's key: an administrator enters it")
    return str(known[0])


def _finished(files: list[Path], quiet_s: float) -> bool:
    """Sealed, or nobody writes it any more."""
    if files[-1].suffix == PACKED:
        return True
    with files[-1].open("rb") as file:
        file.seek(max(0, files[-1].stat().st_size - 4_096))
        last = file.read().splitlines()[-1:]
    sealed = bool(last) and b'"kind":"seal"' in last[0]
    return sealed or time.time() - files[-1].stat().st_mtime > quiet_s


def digest_of(parts: list[bytes]) -> str:
    """SHA-256 over all segments, each with its length before it."""
    whole = hashlib.sha256()
    for data in parts:
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()
