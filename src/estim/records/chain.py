"""The chain: each line holds the hash of the one before it, so that nothing can be changed, left out or added unseen.
Pure.

A line is `{"n", "t_us", "kind", "simulated", "fields", "prev", "hash"}`; `hash` is SHA-256 over the canonical bytes
of the line without it. A checkpoint is a line whose fields hold an Ed25519 signature over all the rest of that line,
so over the hash of everything before it and over its own times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from estim.records.canonical import canonical, decode, spelled
from estim.safety.errors import RecordError

GENESIS = "0" * 64
LINE_MAX = 1024 * 1024
KEYS = frozenset({"n", "t_us", "kind", "simulated", "fields", "prev", "hash"})

Sign = Callable[[bytes], bytes]
Verify = Callable[[str, bytes, bytes], bool]  # key id, message, signature


class Chain:
    """Makes the lines of one segment.

    Args:
        simulated: stands in every line.
        first_n, prev: for a segment that goes on from another.
    """

    def __init__(self, *, simulated: bool, first_n: int = 0, prev: str = GENESIS) -> None:
        self.simulated = simulated
        self.n = first_n
        self.head = prev

    def line(self, kind: str, fields: Mapping[str, object], t_us: int) -> bytes:
        """The next line, with its newline.

        Raises:
            RecordError: a field that can't stand in a record; the chain is as before.
        """
        said = canonical(fields)
        rest = canonical({"kind": kind, "n": self.n, "prev": self.head, "simulated": self.simulated, "t_us": t_us})
        # Keys in order: fields, hash, kind, … so the line is put together without encoding `fields` twice.
        digest = hashlib.sha256(b'{"fields":' + said + b"," + rest[1:]).hexdigest()
        self.n += 1
        self.head = digest
        return b'{"fields":' + said + b',"hash":"' + digest.encode("ascii") + b'",' + rest[1:] + b"\n"

    def checkpoint(
        self, sign: Sign, key_id: str, t_us: int, fields: Mapping[str, object], *, kind: str = "checkpoint"
    ) -> bytes:
        """A line that signs everything before it, and itself."""
        said = {"key_id": key_id, **fields}
        message = signed_bytes(kind, self.n, self.head, t_us, said, simulated=self.simulated)
        return self.line(kind, {**said, "signature": sign(message).hex()}, t_us)


def signed_bytes(kind: str, n: int, prev: str, t_us: int, fields: Mapping[str, object], *, simulated: bool) -> bytes:
    """What a checkpoint's signature is over: the line without signature and hash, behind a tag of its own."""
    said = {key: value for key, value in fields.items() if key != "signature"}
    line = {"fields": said, "kind": kind, "n": n, "prev": prev, "simulated": simulated, "t_us": t_us}
    return b"estim checkpoint 1\n" + canonical(line)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that was read and found right."""

    n: int
    t_us: int
    kind: str
    simulated: bool
    fields: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A segment as read: its good lines, and where it stops being good.

    Attributes:
        entries: up to the first bad line.
        first_bad: number of the line (from 0 within the whole record) that is wrong, None if all are right.
        reason: what is wrong there.
        torn: the only fault is an unfinished last line, as a power cut leaves it.
        head: hash of the last good line.
    """

    entries: tuple[Entry, ...]
    first_bad: int | None
    reason: str
    torn: bool
    head: str


def read(data: bytes, *, first_n: int = 0, prev: str = GENESIS, simulated: bool | None = None) -> Reading:
    """Check the chain of `data` line by line.

    Args:
        first_n, prev: what the first line must go on from.
        simulated: what every line must say; None takes the first line's word.
    """
    entries: list[Entry] = []
    n, head = first_n, prev

    def bad(reason: str, *, torn: bool = False) -> Reading:
        return Reading(tuple(entries), n, reason, torn=torn, head=head)

    lines = data.split(b"\n")
    tail = lines.pop()
    for raw in lines:
        try:
            entry, digest = _open(raw)
        except RecordError as error:
            return bad(str(error))
        if entry["n"] != n:
            return bad(f"line {n} says that it is line {entry['n']}: lines are missing, doubled or in another order")
        if entry["prev"] != head:
            return bad(f"line {n} does not follow the line before it")
        if digest != entry["hash"]:
            return bad(f"line {n} was changed: its hash does not fit")
        if simulated is None:
            simulated = entry["simulated"]
        if entry["simulated"] is not simulated:
            return bad(f"line {n} mixes simulated and real")
        if entries and entry["t_us"] < entries[-1].t_us:
            return bad(f"line {n} is earlier than the line before it")
        head = entry["hash"]
        entries.append(Entry(n, entry["t_us"], entry["kind"], entry["simulated"], entry["fields"], entry["hash"]))
        n += 1
    if tail:
        return bad("the last line is unfinished", torn=True)
    return Reading(tuple(entries), None, "", torn=False, head=head)


_TYPES = (("n", int), ("t_us", int), ("kind", str), ("simulated", bool), ("fields", dict), ("prev", str), ("hash", str))


def _open(raw: bytes) -> tuple[dict[str, Any], str]:
    """A line and the hash that it should have."""
    if len(raw) > LINE_MAX:
        raise RecordError("a line is longer than 1 MB")
    try:
        entry = decode(raw)
    except (ValueError, RecursionError):
        raise RecordError("a line is not JSON of integers, text, true, false and null") from None
    if not isinstance(entry, dict) or entry.keys() != KEYS:
        raise RecordError("a line has not exactly the keys of a record line")
    for key, kind in _TYPES:
        if type(entry[key]) is not kind:
            raise RecordError(f"{key} of a line is no {kind.__name__}")
    try:
        said = spelled(entry["fields"])
        rest = spelled({key: entry[key] for key in ("kind", "n", "prev", "simulated", "t_us")})
        whole = b'{"fields":' + said + b',"hash":' + spelled(entry["hash"]) + b"," + rest[1:]
    except UnicodeEncodeError:
        raise RecordError("a line holds half a surrogate pair") from None
    if whole != raw:
        raise RecordError("a line is not in its canonical spelling")
    return entry, hashlib.sha256(b'{"fields":' + said + b"," + rest[1:]).hexdigest()


def check_signatures(entries: tuple[Entry, ...], verify: Verify, *, prev: str = GENESIS) -> tuple[int | None, str]:
    """Number of the first line whose signature is wrong, and why; (None, "") if all are right."""
    before = prev
    for entry in entries:
        if "signature" in entry.fields and "key_id" in entry.fields:
            try:
                signature = bytes.fromhex(entry.fields["signature"])
            except (ValueError, TypeError):
                return entry.n, f"line {entry.n}: the signature is no signature"
            said = signed_bytes(entry.kind, entry.n, before, entry.t_us, entry.fields, simulated=entry.simulated)
            if not verify(str(entry.fields["key_id"]), said, signature):
                return entry.n, f"line {entry.n}: the signature does not fit, or its key is not known"
        before = entry.hash
    return None, ""
