"""A chain of signed lines in one file: who opened what and when, on the disk before the caller goes on.

A line is one canonical JSON object: `n` counts from 0, `prev` is the hash of the line before, `hash` is SHA-256 over
the canonical line without `hash` and `signature`, `signature` is the station's Ed25519 signature over the 32 bytes of
that hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from estim.platform.files import make_durable, no_device, open_private, private_folder, sync_folder, trouble
from estim.records.canonical import canonical, decode, spelled, suspects
from estim.records.chain import GENESIS
from estim.records.keys import Signer
from estim.records.lock import locked
from estim.safety.errors import RecordError

_TAIL = 64 * 1024  # a line has some 450 bytes
_SIGNATURE = re.compile("[0-9a-f]{128}")
_TEXTS = ("event", "prev", "key_id", "hash", "signature")


@dataclass(frozen=True, slots=True)
class ChainReading:
    """A chain as read.

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

    @property
    def head(self) -> tuple[int, str]:
        """How many good lines there are, and the hash of the last one."""
        return len(self.entries), str(self.entries[-1]["hash"]) if self.entries else GENESIS


def append_signed(path: Path, signer: Signer, what: Mapping[str, object]) -> Mapping[str, Any]:
    """One line at the end of the chain, on the disk before this returns; gives the whole line.

    An unfinished last line (a power cut) is moved into a file of its own beside the chain, whole, and named in the
    new line: nothing is thrown away, and nothing has to be repaired by hand.

    Args:
        what: the line's own keys, `event` among them.

    Raises:
        RecordError: it can't be written, or another process does not give the lock back.
    """
    try:
        private_folder(path.parent)
        with locked(path.with_suffix(".lock")), open_private(path, "a+b") as file:
            torn = _quarantine(path, file)
            before = _last_line(file)
            entry: dict[str, object] = {
                "n": before[0] + 1, **what, "prev": before[1], "key_id": signer.key_id, **torn,
            }  # fmt: skip
            digest = hashlib.sha256(canonical(entry)).hexdigest()
            entry["hash"] = digest
            entry["signature"] = signer.sign(bytes.fromhex(digest)).hex()
            file.write(canonical(entry) + b"\n")
            file.flush()
            make_durable(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise RecordError(f"{path}: this chain can't be written: {trouble(error)}") from None
    return entry


def _quarantine(path: Path, file: BinaryIO) -> dict[str, object]:
    """Move an unfinished last line into `NAME.torn.N`; what the next line says about it."""
    size = file.seek(0, os.SEEK_END)
    tail = _tail_of(file, size)
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return {}
    number = 0
    while (kept := path.with_name(f"{path.stem}.torn.{number}")).exists():
        number += 1
    with open_private(kept, "xb") as copy:
        copy.write(torn)
        copy.flush()
        make_durable(copy.fileno())
    sync_folder(path.parent)
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


def _last_line(file: BinaryIO, *, whole: bool = False) -> tuple[int, str]:
    """Number and hash of the last line; (-1, GENESIS) where there is none.

    Args:
        whole: an unfinished one, which the next line will move away, is passed over.

    A last line that was changed can't be gone on from: the new line then follows the bytes that stand there, so that
    sessions are still entered and `verify` names the bad line.
    """
    size = file.seek(0, os.SEEK_END)
    tail = _tail_of(file, size)
    lines = (tail[: tail.rfind(b"\n") + 1] if whole else tail).splitlines()
    if not lines:
        return -1, GENESIS
    try:
        entry = json.loads(lines[-1])
        return int(entry["n"]), str(entry["hash"])
    except (ValueError, KeyError, TypeError, RecursionError):
        file.seek(0)
        return sum(1 for _ in file) - 1, hashlib.sha256(lines[-1]).hexdigest()


def last_of(path: Path) -> list[object]:
    """Number of lines and hash of the last one, as other chains refer to this one; [0, GENESIS] where there is none."""
    try:
        with no_device(path).open("rb") as file:
            number, head = _last_line(file, whole=True)
    except OSError:
        return [0, GENESIS]
    return [number + 1, head]


def is_head(said: object) -> bool:
    """It says how far a chain is: lines, and the hash of the last."""
    return isinstance(said, list) and len(said) == 2 and type(said[0]) is int and type(said[1]) is str


def read_chain(path: Path, name: str) -> ChainReading | None:
    """The chain in a file; None where there is none.

    Args:
        name: what to call it in a reason.
    """
    if not path.exists():
        return None
    data, known = no_device(path).read_bytes(), _KNOWN.get()
    if known is None:
        return parse_chain(data, name)
    if (name, data) not in known:
        known[name, data] = parse_chain(data, name)
    return known[name, data]


# Verifying a home asks for the same chains many times; between two such looks nothing is kept (200,000 lines: 200 MB).
_KNOWN: ContextVar[dict[tuple[str, bytes], ChainReading] | None] = ContextVar("_KNOWN", default=None)


@contextmanager
def each_chain_once() -> Iterator[None]:
    """While this lasts, the same bytes of a chain are taken apart once; the file is read each time all the same."""
    token = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(token)


def parse_chain(data: bytes, name: str) -> ChainReading:
    """Check the chain line by line. Signatures are judged by who knows the keys."""
    entries: list[Mapping[str, Any]] = []
    prev = GENESIS
    lines = data.split(b"\n")
    tail = lines.pop()
    for number, raw in enumerate(lines):
        entry = good_line(raw, number, prev)
        if entry is None:
            reason = f"line {number} of the {name} was changed or is missing"
            return ChainReading(tuple(entries), number, reason, torn=False)
        prev = entry["hash"]
        entries.append(entry)
    if tail:
        reason = f"the last line of the {name} is unfinished: a power cut, or its end was cut off"
        return ChainReading(tuple(entries), len(entries), reason, torn=True)
    return ChainReading(tuple(entries), None, "", torn=False)


def shaped(reading: ChainReading, name: str, shapes: Mapping[str, Mapping[str, type]]) -> ChainReading:
    """Up to the first line that is not shaped as its event is: whoever has no key can write a line that fits its hash.

    Args:
        shapes: event → what each key of it must be; other events may be a later version's.
    """
    for number, entry in enumerate(reading.entries):
        for key, kind in shapes.get(entry["event"], {}).items():
            if type(entry.get(key)) is not kind:
                reason = f"line {number} of the {name} does not say {key!r} as a line {entry['event']!r} does"
                return ChainReading(reading.entries[:number], number, reason, torn=False)
    return reading


def _hashed_part(raw: bytes, entry: Mapping[str, Any]) -> bytes:
    """The canonical line without hash and signature: cut out of it where each stands in it once, else spelled anew."""
    for key in ("hash", "signature"):
        piece = f'"{key}":"{entry[key]}",'.encode()
        if raw.count(f'"{key}":'.encode()) != 1 or raw.count(piece) != 1:
            return spelled({key: value for key, value in entry.items() if key not in {"hash", "signature"}})
        raw = raw.replace(piece, b"")
    return raw


def good_line(raw: bytes, number: int, prev: str) -> dict[str, Any] | None:
    """A chain's line `number` that follows the hash `prev`; None if it is none. Who signed it is not looked at."""
    try:
        entry: dict[str, Any] = decode(raw, closer=bool(suspects(raw)))
        if spelled(entry) != raw or type(entry["n"]) is not int or entry["n"] != number or entry["prev"] != prev:
            return None
        whole = hashlib.sha256(_hashed_part(raw, entry)).hexdigest() == entry["hash"]
        if not whole or not all(type(entry[key]) is str for key in _TEXTS):
            return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RecordError):
        return None
    # The signature is not under the hash, so its spelling must be the one and only.
    return entry if _SIGNATURE.fullmatch(entry["signature"]) else None
