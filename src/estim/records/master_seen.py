"""How far a chain of sessions was verified before, so that a sign-in need not look at each of 200 000 lines again.

The mark that is kept beside the records holds the digest of the bytes that it is about, and is sealed with a key that
only this station can make: of bytes that are as they were each line is as it was, and all others are looked at again.
Without the mark, or with a foreign one, the whole chain is. Nothing is believed because of it that the chain itself
does not say.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from estim.platform.files import no_device, replace_whole, trouble
from estim.records.chain import GENESIS
from estim.records.keys import PRIVATE, station_signer
from estim.records.master import MASTER, NAME, home_of_records, names_session
from estim.records.signed_chain import good_line
from estim.safety.errors import RecordError

MARKS = "chain-marks.json"
_PURPOSE = b"estim chain marks\n"
_BLOCK = 1024 * 1024
LINE_MAX = 1024 * 1024
_WORTH = 200  # lines: looking at fewer takes less time than a file that is written durably


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The good part of a chain of sessions.

    Attributes:
        size: its bytes.
        lines, head: how many lines they are, and the hash of the last.
        station: the most lines of the station's chain that one of them names, and the hash there.
        reason: what is wrong behind it, "" if nothing is; `torn`: an unfinished last line alone.
    """

    size: int = 0
    lines: int = 0
    head: str = GENESIS
    station: tuple[int, str] = (0, "")
    reason: str = ""
    torn: bool = False


_KNOWN: dict[
    Path, tuple[object, Seen]
] = {}  # of this process: by sizes and times, of which nobody can set the change's


def seen_master(records: Path) -> Seen | None:
    """Look at the chain of a folder of sessions as far as it was not looked at before; None where there is none.

    Raises:
        RecordError: it can't be read.
    """
    path = records / MASTER
    try:
        with no_device(path).open("rb") as file:
            stat = path.stat()
            look = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            known = _KNOWN.get(path)
            if known is not None and known[0] == look:
                return known[1]
            mark = _marked(records, file, stat.st_size)
            file.seek(mark.size)
            found = _looked_on(file, mark)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"{path}: this chain can't be read: {trouble(error)}") from None
    if len(_KNOWN) > 16:
        _KNOWN.clear()
    _KNOWN[path] = (look, found)
    if found.lines - mark.lines >= _WORTH:
        _keep(records, path, found)
    return found


def good_lines(records: Path, seen: Seen) -> Iterator[bytes]:
    """The lines that `seen` is about, without their newline, one at a time."""
    left = seen.size
    with (records / MASTER).open("rb") as file:
        while left > 0 and (raw := file.readline(LINE_MAX + 1)):
            left -= len(raw)
            yield raw[:-1]


def hash_at(records: Path, seen: Seen, number: int) -> str:
    """The hash of a line that `seen` is about."""
    if number == seen.lines - 1:
        return seen.head
    raw = next(itertools.islice(good_lines(records, seen), number, None), b"{}")
    return str(json.loads(raw).get("hash", ""))


def _looked_on(file: BinaryIO, mark: Seen) -> Seen:
    size, lines, head, station = mark.size, mark.lines, mark.head, mark.station
    while raw := file.readline(LINE_MAX + 1):
        if not raw.endswith(b"\n") and len(raw) <= LINE_MAX:
            reason, torn = f"the last line of the {NAME} is unfinished: a power cut, or its end was cut off", True
            return Seen(size=size, lines=lines, head=head, station=station, reason=reason, torn=torn)
        entry = good_line(raw[:-1], lines, head)
        if entry is None or not names_session(entry):
            why = "was changed or is missing" if entry is None else "names no session"
            reason = f"line {lines} of the {NAME} {why}"
            return Seen(size=size, lines=lines, head=head, station=station, reason=reason)
        size, lines, head = size + len(raw), lines + 1, entry["hash"]
        said = entry.get("station")
        if isinstance(said, list) and len(said) == 2 and type(said[0]) is int and said[0] >= station[0]:
            station = (said[0], str(said[1]))
    return Seen(size=size, lines=lines, head=head, station=station)


# -- the mark ---------------------------------------------------------------------------------------------------------


def _marked(records: Path, file: BinaryIO, size: int) -> Seen:
    """What is marked of this file, if its bytes are those; else nothing."""
    home = home_of_records(records)
    said = _marks(home).get(records.name) if home is not None else None
    if home is None or not isinstance(said, dict):
        return Seen()
    with contextlib.suppress(KeyError, TypeError, ValueError, RecordError, OSError):
        told = said["seen"]
        if not hmac.compare_digest(_mac(home, records.name, told, said["sha256"]), said["mac"]):
            return Seen()
        mark = Seen(**{**told, "station": (int(told["station"][0]), str(told["station"][1]))})
        if mark.size <= size and _digest(file, mark.size) == said["sha256"]:
            return mark
    return Seen()


def _keep(records: Path, path: Path, found: Seen) -> None:
    """A home that can't be written, or has no key, is read anew each time."""
    home = home_of_records(records)
    if home is None or not (home / "keys" / PRIVATE).exists():
        return
    told = {**asdict(found), "station": list(found.station), "reason": "", "torn": False}
    with contextlib.suppress(OSError, RecordError):
        with path.open("rb") as file:
            sha256 = _digest(file, found.size)
        one = {"seen": told, "sha256": sha256, "mac": _mac(home, records.name, told, sha256)}
        kept = {**_marks(home), records.name: one}
        replace_whole(home / MARKS, json.dumps(kept, sort_keys=True).encode("ascii"))


def _marks(home: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        said = json.loads(no_device(home / MARKS).read_bytes()[:_BLOCK])
        return said if isinstance(said, dict) else {}
    return {}


def _mac(home: Path, kind: str, told: Mapping[str, Any], sha256: str) -> str:
    if not (home / "keys" / PRIVATE).exists():
        raise RecordError("no key")  # none is made for a question
    said = json.dumps([kind, told, sha256], sort_keys=True).encode("ascii")
    return hmac.new(station_signer(home).secret(_PURPOSE), said, hashlib.sha256).hexdigest()


def _digest(file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0 and (block := file.read(min(size, _BLOCK))):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()
