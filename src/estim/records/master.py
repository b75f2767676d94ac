"""The master chain: one signed line in `master.jsonl` when a session begins and one when it is sealed.

A session whose folder disappears is missed here, sealed or not; a record that was rewritten has another head than the
one that was seen sealed. Each line follows the one before it by its hash and is signed with the station's key.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from estim.records.canonical import canonical
from estim.records.chain import GENESIS
from estim.records.keys import Signer
from estim.records.lock import locked
from estim.records.segment import sync_folder
from estim.safety.errors import RecordError

MASTER = "master.jsonl"
LOCK = "master.lock"
_TAIL = 64 * 1024  # a line has some 450 bytes


@dataclass(frozen=True, slots=True)
class MasterReading:
    """The master chain as read.

    Attributes:
        entries: its good lines.
        first_bad: number of the first bad line, None if all are good.
        reason: what is wrong there.
        torn: an unfinished last line, as a power cut leaves it.
    """

    entries: tuple[Mapping[str, Any], ...]
    first_bad: int | None
    reason: str
    torn: bool


def enter_master(records: Path, session: str, head: str, signer: Signer, *, event: str, lines: int) -> None:
    """One line in the master chain of `records`, on the disk before this returns.

    An unfinished last line (a power cut) is moved into a file of its own beside the chain, whole, and named in the
    new line: nothing is thrown away, and nothing has to be repaired by hand.

    Args:
        session: name of its folder.
        head: hash of its last line, or GENESIS when it begins.
        event: `opened` | `sealed`.
        lines: how many the record has.

    Raises:
        RecordError: it can't be written, or another process does not give the lock back.
    """
    path = records / MASTER
    try:
        with locked(records / LOCK), path.open("a+b") as file:
            torn = _quarantine(records, file)
            before = _last_line(file)
            entry: dict[str, object] = {
                "n": before[0] + 1, "event": event, "session": session, "head": head, "lines": lines,
                "prev": before[1], "key_id": signer.key_id, **torn,
            }  # fmt: skip
            digest = hashlib.sha256(canonical(entry)).hexdigest()
            entry["hash"] = digest
            entry["signature"] = signer.sign(bytes.fromhex(digest)).hex()
            file.write(canonical(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(records)
    except OSError as error:
        raise RecordError(f"{path}: the master chain can't be written: {error.strerror or error}") from None


def _quarantine(records: Path, file: BinaryIO) -> dict[str, object]:
    """Move an unfinished last line into `master.torn.N`; what the next line says about it."""
    size = file.seek(0, os.SEEK_END)
    tail = _tail_of(file, size)
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return {}
    number = 0
    while (kept := records / f"master.torn.{number}").exists():
        number += 1
    with kept.open("xb") as copy:
        copy.write(torn)
        copy.flush()
        os.fsync(copy.fileno())
    sync_folder(records)
    file.truncate(size - len(torn))
    return {"torn_file": kept.name, "torn_sha256": hashlib.sha256(torn).hexdigest()}


def _tail_of(file: BinaryIO, size: int) -> bytes:
    """The end of the file, with at least its last line."""
    length = _TAIL
    while True:
        file.seek(max(0, size - length))
        tail = file.read()
        if length >= size or tail.count(b"\n") > 1:
            return tail
        length *= 4


def _last_line(file: BinaryIO) -> tuple[int, str]:
    """Number and hash of the last line; (-1, GENESIS) where there is none.

    A last line that was changed can't be gone on from: the new line then follows the bytes that stand there, so that
    sessions are still entered and `verify` names the bad line.
    """
    size = file.seek(0, os.SEEK_END)
    lines = _tail_of(file, size).splitlines()
    if not lines:
        return -1, GENESIS
    try:
        entry = json.loads(lines[-1])
        return int(entry["n"]), str(entry["hash"])
    except (ValueError, KeyError, TypeError):
        file.seek(0)
        return sum(1 for _ in file) - 1, hashlib.sha256(lines[-1]).hexdigest()


def read_master(records: Path) -> MasterReading | None:
    """The chain of a folder; None where there is none."""
    path = records / MASTER
    return parse_master(path.read_bytes()) if path.exists() else None


def parse_master(data: bytes) -> MasterReading:
    """Check the chain line by line. Signatures are judged by who knows the keys."""
    entries: list[Mapping[str, Any]] = []
    prev = GENESIS
    lines = data.split(b"\n")
    tail = lines.pop()
    for number, raw in enumerate(lines):
        entry = _good(raw, number, prev)
        if entry is None:
            reason = f"line {number} of the master chain was changed or is missing"
            return MasterReading(tuple(entries), number, reason, torn=False)
        prev = entry["hash"]
        entries.append(entry)
    if tail:
        reason = "the last line of the master chain is unfinished: a power cut, or its end was cut off"
        return MasterReading(tuple(entries), len(entries), reason, torn=True)
    return MasterReading(tuple(entries), None, "", torn=False)


def _good(raw: bytes, number: int, prev: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(raw)
        if canonical(entry) != raw or entry["n"] != number or entry["prev"] != prev:
            return None
        texts = (entry["event"], entry["session"], entry["head"], entry["hash"], entry["signature"], entry["key_id"])
        body = {key: value for key, value in entry.items() if key not in {"hash", "signature"}}
        whole = hashlib.sha256(canonical(body)).hexdigest() == entry["hash"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RecordError):
        return None
    if not whole or not all(type(text) is str for text in texts) or type(entry.get("lines")) is not int:
        return None
    # The signature is not under the hash, so its spelling must be the one and only.
    return entry if re.fullmatch("[0-9a-f]{128}", entry["signature"]) else None
