"""The index: what the records say, in SQLite, so that lists and searches are instant. Never the record itself: it can
be thrown away and built again from the records at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from estim.platform.files import private_folder, trouble
from estim.records.home import Home
from estim.records.index_around import enter_names, judged, left_out, look_around, take_around, unlike_rows
from estim.records.index_file import INDEX, MEMORY, IndexMark, open_index, same_code
from estim.records.index_looks import bytes_of, folders_in, look_of, mark_of
from estim.records.index_rows import summary_of, words_of
from estim.records.keys import station_signer
from estim.records.station import trusted_keys
from estim.records.summary import SessionSummary
from estim.safety.errors import RecordError

BATCH = 200  # sessions a transaction: an fsync each would cost more than the reading
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which sessions; None and "" leave a condition out. Simulated and real ones never stand in one list.

    Attributes:
        text: words that must all occur in patient, operator, protocol, title, device, outcome or notes.
        from_ms, until_ms: of the sign-in, since 1970.
    """

    simulated: bool
    patient: str = ""
    protocol: str = ""
    operator: str = ""
    outcome: str = ""
    ending: str = ""
    verified: bool | None = None
    text: str = ""
    from_ms: int | None = None
    until_ms: int | None = None

    def where(self) -> tuple[str, list[object]]:
        """The condition and its values. Values never stand in the SQL text."""
        terms, values = ["simulated = ?"], [int(self.simulated)]
        said: list[object] = list(values)
        for column in ("patient", "protocol", "operator", "outcome", "ending"):
            if wanted := getattr(self, column):
                terms.append(f"{column} = ?")
                said.append(wanted)
        if self.verified is not None:
            terms.append("verified = ?")
            said.append(int(self.verified))
        if self.from_ms is not None:
            terms.append("began_ms >= ?")
            said.append(self.from_ms)
        if self.until_ms is not None:
            terms.append("began_ms < ?")
            said.append(self.until_ms)
        for word in self.text.lower().split():
            terms.append("instr(words, ?) > 0")
            said.append(word)
        return " AND ".join(terms), said


UNREAD = -1  # bytes of a record that could not be read: no size of one, so the next look reads it again


class Index:
    """The index of one home; in memory, and so built anew each time, where its file can't be written (a share that may
    only be read, a full disk, a file system without locks).

    Raises:
        RecordError: its file is damaged; it may be deleted, nothing is lost. Or there is no home and none can be made.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._trusted: Mapping[str, str] | None = None
        with self._said():
            try:
                private_folder(home.root)
                self._key = station_signer(home.root).secret(b"estim index\n")
                self._mark: IndexMark | None = IndexMark(home.root, self._key)
                self._db = open_index(str(home.root / INDEX))
                self._mark.opened(self._db)
            except (OSError, sqlite3.OperationalError, RecordError):  # the last: no key can be made there
                if not home.root.is_dir():
                    raise
                self._key, self._mark = secrets.token_bytes(32), None
                self._db = open_index(MEMORY)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, OSError) and not self._home.root.is_dir():  # the trouble is not the index
                raise RecordError(f"home {self._home.root}: it can't be made: {trouble(error)}") from None
            why = trouble(error) if isinstance(error, OSError) else error
            message = f"the index {self._home.root / INDEX} can't be used: {why}; it may be deleted"
            raise RecordError(message) from None

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its file."""
        if self._mark is None:
            self._db.close()
        else:
            self._mark.close(self._db)

    # -- building ---------------------------------------------------------------------------------------------------

    def rebuild(self, progress: Progress | None = None) -> int:
        """Throw everything away and read all records; gives the number of sessions."""
        with self._said(), self._db:
            self._db.execute("DELETE FROM session")
            self._db.execute("DELETE FROM seen")
        return self.refresh(progress)

    def refresh(self, progress: Progress | None = None) -> int:
        """Look at every folder: take in the sessions that are new or have grown, forget those that are gone.

        Args:
            progress: told (done, all) after each.

        Returns:
            how many were read.
        """
        with self._said():
            self._drop_forged()
            marks = self._marks()  # before the look: nothing falls between
            known = dict(self._db.execute("SELECT path, size FROM session"))
            there = {str(path): size for folder in marks for path in folders_in(folder) if (size := bytes_of(path))}
            read = self._take({path: size for path, size in there.items() if known.get(path) != size}, progress)
            with self._db:
                self._db.executemany(
                    "DELETE FROM session WHERE path = ?", [(path,) for path in known if path not in there]
                )
                for folder, mark in marks.items():
                    enter_names(self._db, folder, 0, mark[0])
                    self._look_around(folder, mark)
        return read

    def _marks(self) -> dict[Path, tuple[int, str, str]]:
        """Where each chain of sessions ends, and how it and its folder look."""
        return {folder: (*mark_of(folder), look_around(folder)) for folder in self._roots()}

    def _look_around(self, folder: Path, mark: tuple[int, str, str]) -> None:
        settled = take_around(self._db, folder, self._keys())
        seen = (str(folder), *mark[:2], mark[2] if settled else "")
        if self._db.execute("SELECT * FROM seen WHERE folder = ?", seen[:1]).fetchone() != seen:
            self._db.execute("REPLACE INTO seen VALUES (?, ?, ?, ?)", seen)

    def _keys(self) -> Mapping[str, str]:
        """Those that the station's chain vouches for, as `verify` trusts them."""
        if self._trusted is None:
            self._trusted = trusted_keys(self._home.root)[0]
        return self._trusted

    def _drop_forged(self) -> None:
        """Without the mark of the last time: each row that is not as this program wrote it goes, and is read anew."""
        if self._mark is None or self._mark.sure:
            return
        rows = self._db.execute("SELECT session.*, summary FROM session LEFT JOIN summary USING (path)")
        forged: list[str] = []
        while some := rows.fetchmany(BATCH):
            forged += self._believed(some)[1]
        with self._db:
            self._db.executemany("DELETE FROM session WHERE path = ?", [(path,) for path in forged])
            self._db.execute("REINDEX")  # its own search trees may have been made to pass rows by
        self._mark.sure = True

    def catch_up(self, progress: Progress | None = None) -> int:
        """Take in what the master chain says is new, without looking at the 100 000 others; gives how many were read.

        A master chain that is not the one that was seen before leads to a `refresh`. What was put into the folders by
        hand, or taken out, is noticed by the folder's own times; a record that was changed where it lies, when it is
        asked for.
        """
        todo: set[Path] = set()
        if self._mark is not None and not self._mark.sure:
            return self.refresh(progress)
        with self._said():
            seen = {row[0]: row[1:] for row in self._db.execute("SELECT folder, bytes, tail, looked FROM seen")}
            marks, touched = self._marks(), []
            for folder, mark in marks.items():
                before = seen.get(str(folder), (0, "", ""))
                if mark[0] < before[0] or (before[0] and mark_of(folder, before[0])[1] != before[1]):
                    return self.refresh(progress)
                if before[0] == 0 and folder.is_dir():
                    return self.refresh(progress)
                if mark[:2] != before[:2]:
                    todo |= {folder / name for name in enter_names(self._db, folder, before[0], mark[0])}
                if mark != before or not mark[2]:
                    todo |= unlike_rows(self._db, folder)
                    touched.append(folder)
            open_ones = self._db.execute("SELECT path FROM session WHERE ending IN ('torn', 'incomplete')")
            todo |= {Path(path) for (path,) in open_ones}
            sizes = {str(path): bytes_of(path) for path in todo}
            read = self._take(
                {path: size for path, size in sizes.items() if size and not self._knows(path, size)}, progress
            )
            with self._db:
                gone = [(path,) for path, size in sizes.items() if not size]
                self._db.executemany("DELETE FROM session WHERE path = ?", gone)
                for folder in touched:
                    self._look_around(folder, marks[folder])
        return read

    def _knows(self, path: str, size: int) -> bool:
        return (
            self._db.execute("SELECT 1 FROM session WHERE path = ? AND size = ?", (path, size)).fetchone() is not None
        )

    def _roots(self) -> list[Path]:
        return [self._home.records(simulated=simulated) for simulated in (False, True)]

    def _take(self, todo: Mapping[str, int], progress: Progress | None) -> int:
        keys, paths = self._keys() if todo else {}, sorted(todo)
        for first in range(0, len(paths), BATCH):
            batch = [(path, *summary_of(Path(path), keys)) for path in paths[first : first + BATCH]]
            with self._db:
                for path, summary, read in batch:
                    self._put(summary, path, todo[path] if read else UNREAD)
            if progress is not None:
                progress(min(first + BATCH, len(paths)), len(paths))
        return len(paths)

    def _put(self, summary: SessionSummary, path: str, size: int) -> None:
        self._db.execute("DELETE FROM session WHERE path = ?", (path,))
        # The folder decides, not the record: a forged flag must not move a session among the real ones.
        simulated = Path(path).parent == self._home.records(simulated=True)
        whole = json.dumps(summary.to_json(), ensure_ascii=False, separators=(",", ":"))
        looked = look_of(Path(path))
        row = (
            path, size, int(simulated), summary.began_ms, summary.patient, summary.operator, summary.protocol,
            summary.outcome, summary.ending, int(summary.verified), words_of(summary), looked,
        )  # fmt: skip
        values = ", ".join("?" * (len(row) + 1))
        self._db.execute(f"INSERT INTO session VALUES ({values})", (*row, self._mac(row, whole)))  # noqa: S608
        self._db.execute("INSERT INTO summary VALUES (?, ?)", (path, whole))

    def _mac(self, row: Sequence[object], summary: str) -> str:
        """Over a row and its summary, with a key that only this station has: who edits the file is found out."""
        said = json.dumps([*row, summary], ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()

    def _believed(self, rows: Iterable[Sequence[Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """The summaries of rows that are as this program wrote them and whose record is as it was then; the paths of
        all others.
        """
        good: list[dict[str, Any]] = []
        bad: list[str] = []
        for *row, mac, summary in rows:
            path = str(row[0])
            if same_code(str(mac), self._mac(row, summary)) and look_of(Path(path)) == row[-1]:
                good.append(json.loads(summary))
            else:
                bad.append(path)
        return good, bad

    def _read_again(self, paths: Iterable[str]) -> None:
        """Rows that can't be believed: their records are read anew, or the rows go."""
        sizes = {path: bytes_of(Path(path)) for path in paths}
        with self._db:
            self._db.executemany("DELETE FROM session WHERE path = ?", [(path,) for path in sizes])
        self._take({path: size for path, size in sizes.items() if size and self._inside(path)}, None)
        for folder in {Path(path).parent for path, size in sizes.items() if not size} & set(self._roots()):
            with self._db:  # it was emptied or taken away where it lay: that is said of it
                take_around(self._db, folder, self._keys())

    def _inside(self, path: str) -> bool:
        return Path(path).parent in self._roots()

    # -- asking -----------------------------------------------------------------------------------------------------

    def sessions(self, wanted: Filter, *, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        """Sessions in brief, the latest first. What the index says is checked against itself and the record's file."""
        where, values = wanted.where()
        with self._said():
            for _ in range(2):
                rows = self._db.execute(
                    "SELECT session.*, summary FROM session JOIN summary USING (path)"  # noqa: S608 - our own columns
                    f" WHERE {where} ORDER BY began_ms DESC, path DESC LIMIT ? OFFSET ?",
                    [*values, limit, offset],
                ).fetchall()
                good, bad = self._believed(rows)
                if not bad:
                    return self._judged(good, self._home.records(simulated=wanted.simulated))
                self._read_again(bad)
        raise RecordError(f"{self._home.root / INDEX}: the index changes while it is read; it may be deleted")

    def count(self, wanted: Filter) -> int:
        """How many sessions there are."""
        where, values = wanted.where()
        with self._said():
            row = self._db.execute(f"SELECT COUNT(*) FROM session WHERE {where}", values).fetchone()  # noqa: S608
            return int(row[0])

    def summaries(self, paths: Iterable[Path]) -> list[dict[str, Any]]:
        """What these sessions come to: from rows that can be believed, else from the records."""
        wanted = [str(path) for path in paths]
        found: dict[str, dict[str, Any]] = {}
        with self._said():
            for _ in range(2):
                for path in wanted:
                    if path in found:
                        continue
                    rows = self._db.execute(
                        "SELECT session.*, summary FROM session JOIN summary USING (path) WHERE path = ?", (path,)
                    ).fetchall()
                    for one in self._believed(rows)[0]:
                        found[path] = one
                if missing := [path for path in wanted if path not in found]:
                    self._read_again(missing)
            for root in self._roots():
                mine = [path for path in found if Path(path).parent == root]
                found |= dict(zip(mine, self._judged([found[path] for path in mine], root), strict=True))
        return [found[path] for path in wanted if path in found]

    def _judged(self, rows: list[dict[str, Any]], root: Path) -> list[dict[str, Any]]:
        return judged(self._db, root, rows, self._keys()) if rows else rows

    def left_out(self, *, simulated: bool) -> list[tuple[str, str]]:
        """What the chain of sessions names and is not there, and what lies among them and can't be listed: path, why;
        before it what is wrong with the chain itself.
        """
        with self._said():
            return left_out(self._db, self._home.records(simulated=simulated))
