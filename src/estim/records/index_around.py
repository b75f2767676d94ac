"""What lies around the rows of the index: which line of the chain of sessions names which session, what the chain names
and is not there, and what lies among the sessions and is none that can be listed.

Kept in the index, and looked at anew when a folder of sessions or its chain was touched: a list of 100 000 sessions
asks for two stats. A line of the chain is believed for its own signature, whatever the index says where it stands.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from estim.platform.files import no_device
from estim.protocols.unseen import in_one_line
from estim.records.clocks import moment_of
from estim.records.in_chain import CHAIN_GONE, at_home, gone, held_to, latest, let_go, master_signed
from estim.records.index_looks import is_text, names_between
from estim.records.master import MASTER, STATION, names_session
from estim.records.master_seen import LINE_MAX, seen_master
from estim.records.retention import removed
from estim.records.segment import RECORD, segments
from estim.records.signed_chain import good_line
from estim.records.station import read_station, seen_by_this_station, unlike_seen
from estim.records.verify import SessionVerdict
from estim.safety.errors import RecordError

Left = tuple[Path, str | None]  # a path, and why no session is listed for it; None where it may be one in a moment
# A session that is being begun has a line before it has a folder, and a folder before its first line; and what was
# touched just now may be touched again within one tick of the disk's clock.
_JUST_NOW_S = 10.0


def look_around(records: Path) -> str:
    """What tells that something was put into a folder, taken out, or entered in its chain; "" where that can't be told
    yet.
    """
    looks, newest = [], 0
    for path in (records, records / MASTER):
        try:
            one = path.stat()
        except OSError:
            looks.append("none")
            continue
        newest = max(newest, one.st_mtime_ns, one.st_ctime_ns)
        looks.append(f"{one.st_ino}:{one.st_mtime_ns}:{one.st_ctime_ns}")
        if path != records:
            looks.append(str(one.st_size))
    return "" if _just_now(newest / 1e9) else " ".join(looks)


def _just_now(at_s: float) -> bool:
    return time.time() - at_s < _JUST_NOW_S


def enter_names(db: sqlite3.Connection, records: Path, begin: int, end: int) -> set[str]:
    """Keep where the chain names which session, between two places of it; gives the sessions. From its beginning on,
    what was known before is forgotten.
    """
    if begin == 0:
        db.execute("DELETE FROM named WHERE folder = ?", (records.name,))
    found = list(names_between(records, begin, end)) if end > begin else []
    db.executemany("REPLACE INTO named VALUES (?, ?, ?)", [(records.name, name, at) for at, name in found])
    return {name for _, name in found}


def take_around(db: sqlite3.Connection, records: Path, keys: Mapping[str, str]) -> bool:
    """Look what is missing in this folder of sessions, and what else lies there; gives whether that will stay so."""
    rows = db.execute("SELECT path FROM session WHERE simulated = ?", (int(records.name == "simulated"),))
    listed = {os.path.basename(path) for (path,) in rows}
    found = [*_chain_wrong(records, listed), *_odd(records, listed), *_missing(db, records, listed, keys)]
    said = sorted((in_one_line(str(path)), in_one_line(reason)) for path, reason in found if reason is not None)
    if said != left_out(db, records):
        db.execute("DELETE FROM beside WHERE folder = ?", (records.name,))
        db.executemany("REPLACE INTO beside VALUES (?, ?, ?)", [(records.name, *one) for one in said])
    return len(said) == len(found)


def unlike_rows(db: sqlite3.Connection, records: Path) -> set[Path]:
    """Folders that no row is about, and folders of rows that are not there any more."""
    rows = db.execute("SELECT path FROM session WHERE simulated = ?", (int(records.name == "simulated"),))
    there = set()
    with contextlib.suppress(FileNotFoundError), os.scandir(records) as entries:
        there = {one.path for one in entries if is_text(one.name) and one.is_dir()}
    return {Path(path) for path in there ^ {path for (path,) in rows}}


def left_out(db: sqlite3.Connection, records: Path) -> list[tuple[str, str]]:
    """What the last look found: the path, and why it is not listed."""
    found = db.execute("SELECT path, reason FROM beside WHERE folder = ? ORDER BY path", (records.name,))
    return [(str(path), str(reason)) for path, reason in found]


def judged(
    db: sqlite3.Connection, records: Path, rows: Sequence[dict[str, Any]], keys: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Rows of this folder as its chain has them: what it does not name, or saw as another record, is not verified."""
    return [_judged(db, records, row, keys) for row in rows]


def _judged(db: sqlite3.Connection, records: Path, row: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    before = SessionVerdict(
        path=row["path"], ok=row["verified"], records=row["records"], first_bad=row["first_bad"], ending=row["ending"],
        simulated=row["simulated"], head=row["head"], session=row["name"], reason=row["reason"],
    )  # fmt: skip
    after = at_home(before)
    if (records / MASTER).is_file():
        after = held_to(after, _said_of(db, records, row["session"], keys), lambda: _is_whole(records))
    elif row["verified"] and (records.parents[1] / STATION).exists():
        after = replace(before, ok=False, first_bad=0, reason=CHAIN_GONE)
    if after is before:
        return row
    return {**row, "verified": after.ok, "first_bad": after.first_bad, "reason": after.reason}


def _said_of(db: sqlite3.Connection, records: Path, session: str, keys: Mapping[str, str]) -> Mapping[str, Any] | None:
    """What the chain last said of a session, by its own lines and their signatures."""
    places = db.execute("SELECT at FROM named WHERE folder = ? AND session = ? ORDER BY at", (records.name, session))
    said = []
    with contextlib.suppress(OSError), no_device(records / MASTER).open("rb") as file:
        for (at,) in places:
            file.seek(at)
            raw = file.readline(LINE_MAX + 1)
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                before = json.loads(raw)
                entry = good_line(raw.removesuffix(b"\n"), before["n"], before["prev"])
                if entry is not None and names_session(entry) and entry["session"] == session:
                    said.append(entry)
    strict = records.name != "simulated"
    seals_first = sorted(said, key=lambda one: one["event"] != "sealed")  # each look at a signature takes its time
    signed = (one for one in seals_first if master_signed(one, keys, strict=strict))
    first = next(signed, None)
    return first if first is None or first["event"] == "sealed" else latest((first, *signed))[session]


def _is_whole(records: Path) -> bool:
    try:
        seen = seen_master(records)
    except RecordError:
        return False
    return seen is not None and not seen.reason


def _chain_wrong(records: Path, listed: set[str]) -> Iterator[Left]:
    home, chain = records.parents[1], records / MASTER
    try:
        seen = seen_master(records)
    except RecordError as error:
        yield chain, str(error).removeprefix(f"{chain}: ")
        return
    if seen is None and listed and (home / STATION).exists():
        yield chain, "sessions are here, their master chain is not"
    elif seen is not None and seen.reason and not seen.torn:
        yield chain, seen.reason
    else:
        station = read_station(home)
        lines = station.entries if station is not None else ()
        reason, _ = unlike_seen(records, seen_by_this_station(home, lines, records.name))
        if reason:
            yield chain, reason


def _odd(records: Path, listed: set[str]) -> Iterator[Left]:
    if not records.is_dir():
        return
    with os.scandir(records) as entries:
        there = sorted(one.name for one in entries if one.name not in listed and not _of_ours(one.name))
    for name in there:
        path = records / name
        newest = max((_touched(one) for one in (path, path / RECORD)), default=0.0)
        yield path, None if path.is_dir() and _just_now(newest) else _why(path)


def _touched(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.lstat().st_mtime
    return 0.0


def _missing(db: sqlite3.Connection, records: Path, listed: set[str], keys: Mapping[str, str]) -> Iterator[Left]:
    names = {name for (name,) in db.execute("SELECT DISTINCT session FROM named WHERE folder = ?", (records.name,))}
    lost = sorted(name for name in names - listed if not os.path.lexists(records / name))
    ended = removed(records.parents[1]) if lost else {}
    for name in lost:
        entry = _said_of(db, records, name, keys)
        if entry is None:
            yield records / name, "the master chain names it in a line that nobody who is trusted signed; it is gone"
        elif not let_go(entry, ended.get(name), records.name):
            said = moment_of(entry)
            young = entry["event"] == "opened" and said is not None and _just_now(said.timestamp())
            yield records / name, None if young else gone(entry)


def _of_ours(name: str) -> bool:
    """The chain, its lock, what a power cut left of a line of it; and what systems put into any folder."""
    return name.startswith((".", "master.")) or name in {"Thumbs.db", "desktop.ini"}


def _why(path: Path) -> str:
    """Why an entry of a folder of sessions is none that can be listed."""
    if not is_text(path.name):
        return "its name is not UTF-8, as a session's is"
    if not path.is_dir():
        return f"it is {_what(path)}, not a session's folder"
    if files := segments(path):
        return "its record is empty" if files[0].is_file() else f"its {RECORD} is {_what(files[0])}"
    record = path / RECORD
    if record.is_symlink():
        return f"its {RECORD} is {_nowhere(record)}"
    if any(path.glob("record.*.jsonl*")):
        return f"it has no {RECORD}, only what follows it"
    return f"it has no {RECORD}"


def _what(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        return _nowhere(path) if path.is_symlink() else "nothing that can be looked at"
    kinds = {stat.S_IFREG: "a file", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _nowhere(path: Path) -> str:
    return f"a link to {os.readlink(path)}, which is not there"
