"""The index's file: its tables, and whether it is as this program left it. If not, every row is looked at before any
question is put to it: one that was changed or removed by hand would be missed by the very question it is for.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import sqlite3
from pathlib import Path

from estim.platform.files import no_device, open_private, replace_whole

INDEX = "index.sqlite3"
MARK = "index.mark"
FILES = (INDEX, f"{INDEX}-wal", f"{INDEX}-shm", MARK)
VERSION = 6  # another one throws the file's contents away
_SAME_ROWS = 5  # its sessions are as they are now: no record is read again
# Narrow rows are searched, whole summaries lie apart: a search over 100 000 sessions reads some 30 MB, not 300.
SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, simulated INTEGER NOT NULL, began_ms INTEGER NOT NULL,
    patient TEXT NOT NULL, operator TEXT NOT NULL, protocol TEXT NOT NULL, outcome TEXT NOT NULL,
    ending TEXT NOT NULL, verified INTEGER NOT NULL, words TEXT NOT NULL, looked TEXT NOT NULL, mac TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS session_by_time ON session (simulated, began_ms, path);
CREATE INDEX IF NOT EXISTS session_by_patient ON session (simulated, patient, began_ms, path);
CREATE INDEX IF NOT EXISTS session_by_protocol ON session (simulated, protocol, began_ms, path);
CREATE INDEX IF NOT EXISTS session_unsealed ON session (path) WHERE ending IN ('torn', 'incomplete');
CREATE TABLE IF NOT EXISTS summary (
    path TEXT PRIMARY KEY REFERENCES session (path) ON DELETE CASCADE, summary TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS seen (
    folder TEXT PRIMARY KEY, bytes INTEGER NOT NULL, tail TEXT NOT NULL, looked TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS named (
    folder TEXT NOT NULL, session TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (folder, session, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS beside (
    folder TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (folder, path)
) STRICT;
"""
MEMORY = ":memory:"


def open_index(where: str) -> sqlite3.Connection:
    """The tables, ready. Closed again where they can't be: a damaged file's owner is told to delete it."""
    with contextlib.ExitStack() as way_out:
        if where != MEMORY:
            open_private(Path(where), "ab").close()
        db = sqlite3.connect(where, timeout=5.0)
        way_out.callback(db.close)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == _SAME_ROWS:
            db.executescript(f"DROP TABLE IF EXISTS seen; PRAGMA user_version = {VERSION};")
        elif version != VERSION:
            db.executescript(
                "DROP TABLE IF EXISTS seen; DROP TABLE IF EXISTS summary; DROP TABLE IF EXISTS muscle_time;"
                "DROP TABLE IF EXISTS session; DROP TABLE IF EXISTS named; DROP TABLE IF EXISTS beside;"
                f"PRAGMA user_version = {VERSION};"
            )
        db.executescript(SCHEMA)
        if _tables(db) != _tables_made():
            raise sqlite3.DatabaseError("its tables are not those that this program makes")
        db.execute("BEGIN IMMEDIATE")  # can it be written at all?
        db.rollback()
        way_out.pop_all()
        return db


def _tables(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Also views and triggers, which would change what is asked for or written."""
    return sorted(db.execute("SELECT type, name, COALESCE(sql, '') FROM sqlite_master"))


@functools.cache
def _tables_made() -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(MEMORY)) as db:
        db.executescript(SCHEMA)
        return _tables(db)


def same_code(said: str, right: str) -> bool:
    """Whether a code that a file says is the right one; what it says may be any text."""
    return hmac.compare_digest(said.encode("utf-8", "replace"), right.encode("ascii"))


class IndexMark:
    """Kept beside the index: size and times of its files, of which nobody can set the change's, under a code that only
    this station's key can make.

    Args:
        key: what the code is made with.

    Attributes:
        sure: every row is as this program wrote it, and none is missing.
    """

    def __init__(self, root: Path, key: bytes) -> None:
        self._root, self._key, self._version = root, key, -1
        # Before the index is opened: what opening does to its files is not somebody else's doing.
        self.sure = same_code(self._kept(), self._now())

    def opened(self, db: sqlite3.Connection) -> None:
        """What another process writes from now on is not marked as right."""
        self._version = _version(db)

    def close(self, db: sqlite3.Connection) -> None:
        """Close the index, and mark its files as they then are, where nobody else wrote in them meanwhile."""
        alone = False
        try:
            alone = self.sure and _version(db) == self._version
            if alone:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            alone = False
        finally:
            db.close()
        now = self._now()
        if alone and now != self._kept():
            with contextlib.suppress(OSError):  # without it all rows are looked at again
                replace_whole(self._root / MARK, now.encode("ascii"))

    def _kept(self) -> str:
        try:
            return no_device(self._root / MARK).read_bytes()[:200].decode("ascii", "replace")
        except OSError:
            return ""

    def _now(self) -> str:
        looks = []
        for name in (INDEX, f"{INDEX}-wal"):
            with contextlib.suppress(OSError):
                one = (self._root / name).stat()
                if name == INDEX or one.st_size:
                    looks.append(f"{name} {one.st_ino}:{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}")
        return hmac.new(self._key, "\n".join(looks).encode("ascii"), hashlib.sha256).hexdigest()


def _version(db: sqlite3.Connection) -> int:
    """Another one than before when another process wrote."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])
