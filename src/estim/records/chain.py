"""The chain: each line holds the hash of the one before it, so that nothing can be changed, left out or added unseen.
Pure.

A line is `{"n", "t_us", "kind", "simulated", "fields", "prev", "hash"}`; `hash` is SHA-256 over the canonical bytes
of the line without it. A checkpoint is a line whose fields hold an Ed25519 signature over all the rest of that line,
so over the hash of everything before it and over its own times.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from estim.records.canonical import canonical, decode, spelled, suspects, unhex
from estim.safety.errors import RecordError

if TYPE_CHECKING:
    from estim.record_lines.rows import SegmentRow

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
        before: the segments that stand already, as their files are: the seal signs them too.
    """

    def __init__(
        self, *, simulated: bool, first_n: int = 0, prev: str = GENESIS, before: Sequence[SegmentRow] = ()
    ) -> None:
        self.simulated = simulated
        self.n = first_n
        self.head = prev
        self._before = list(before)
        self._bytes = 0
        self._digest = hashlib.sha256()

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
        line = b'{"fields":' + said + b',"hash":"' + digest.encode("ascii") + b'",' + rest[1:] + b"\n"
        self._bytes += len(line)
        self._digest.update(line)
        return line

    def checkpoint(
        self, sign: Sign, key_id: str, t_us: int, fields: Mapping[str, object], *, kind: str = "checkpoint"
    ) -> bytes:
        """A line that signs everything before it, and itself. A seal also signs the digest of each segment's bytes."""
        # Models of every line; who only reads a chain needs none of them.
        from estim.record_lines.events import Seal  # noqa: PLC0415 - the table of limits would take half as long again

        said = {"key_id": key_id, **fields}
        if kind == Seal.KIND:
            here: SegmentRow = {"bytes": self._bytes, "sha256": self._digest.hexdigest()}
            said["segments"] = [*self._before, here]
        message = signed_bytes(kind, self.n, self.head, t_us, said, simulated=self.simulated)
        return self.line(kind, {**said, "signature": sign(message).hex()}, t_us)


def signed_bytes(kind: str, n: int, prev: str, t_us: int, fields: Mapping[str, object], *, simulated: bool) -> bytes:
    """What a checkpoint's signature is over: the line without signature and hash, behind a tag of its own."""
    said = {key: value for key, value in fields.items() if key != "signature"}
    line = {"fields": said, "kind": kind, "n": n, "prev": prev, "simulated": simulated, "t_us": t_us}
    return b"estim checkpoint 1\n" + canonical(line)


class Entry(NamedTuple):
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
    closer = suspects(data)
    last_us: int | None = None
    for number, raw in enumerate(lines):
        try:
            entry, before, digest = _open(raw, closer=number in closer)
        except RecordError as error:
            return bad(str(error))
        if entry.n != n:
            return bad(f"line {n} says that it is line {entry.n}: lines are missing, doubled or in another order")
        if before != head:
            return bad(f"line {n} does not follow the line before it")
        if digest != entry.hash:
            return bad(f"line {n} was changed: its hash does not fit")
        if simulated is None:
            simulated = entry.simulated
        if entry.simulated is not simulated:
            return bad(f"line {n} mixes simulated and real")
        if last_us is not None and entry.t_us < last_us:
            return bad(f"line {n} is earlier than the line before it")
        head, last_us = digest, entry.t_us
        entries.append(entry)
        n += 1
    if tail:
        return bad("the last line is unfinished", torn=True)
    return Reading(tuple(entries), None, "", torn=False, head=head)


_TYPES = (("n", int), ("t_us", int), ("kind", str), ("simulated", bool), ("fields", dict), ("prev", str), ("hash", str))
_VALUES = operator.itemgetter(*(key for key, _ in _TYPES))
_BEFORE_HASH = b',"hash":"'
_HASH_BYTES = len(_BEFORE_HASH) + 64 + 1


def _open(raw: bytes, *, closer: bool = True) -> tuple[Entry, str, str]:
    """A line, what it says of the line before it, and the hash that it should have."""
    if len(raw) > LINE_MAX:
        raise RecordError("a line is longer than 1 MB")
    try:
        line = decode(raw, closer=closer)
    except ValueError:
        raise RecordError("a line is not JSON of integers, text, true, false and null") from None
    if not isinstance(line, dict) or line.keys() != KEYS:
        raise RecordError("a line has not exactly the keys of a record line")
    n, t_us, kind, simulated, fields, prev, said = _VALUES(line)
    # In one go: this is asked of each of millions of lines.
    if not (
        type(n) is type(t_us) is int
        and type(kind) is type(prev) is type(said) is str
        and type(simulated) is bool
        and type(fields) is dict
    ):
        key, right = next((key, right) for key, right in _TYPES if type(line[key]) is not right)
        raise RecordError(f"{key} of a line is no {right.__name__}")
    if spelled(line) != raw:
        raise RecordError("a line is not in its canonical spelling")
    # After the fields come hash, kind, n, ...: the last `,"hash":"` is the line's own. In a text it would be escaped.
    at = raw.rfind(_BEFORE_HASH)
    digest = hashlib.sha256(raw[:at] + raw[at + _HASH_BYTES :]).hexdigest()
    return Entry(n, t_us, kind, simulated, fields, said), prev, digest


def entry_of(raw: bytes) -> Entry:
    """One line by itself, without its newline.

    Raises:
        RecordError: it is not a good line, whatever stands before it.
    """
    entry, _, digest = _open(raw, closer=bool(suspects(raw)))
    if digest != entry.hash:
        raise RecordError(f"line {entry.n} was changed: its hash does not fit")
    return entry


def check_signatures(entries: tuple[Entry, ...], verify: Verify, *, prev: str = GENESIS) -> tuple[int | None, str]:
    """Number of the first line whose signature is wrong, and why; (None, "") if all are right."""
    for at, entry in enumerate(entries):
        if "signature" not in entry.fields or "key_id" not in entry.fields:
            continue
        before = entries[at - 1].hash if at else prev
        try:
            signature = unhex(entry.fields["signature"], 64)
        except ValueError:
            return entry.n, f"line {entry.n}: the signature is no signature"
        said = signed_bytes(entry.kind, entry.n, before, entry.t_us, entry.fields, simulated=entry.simulated)
        if not verify(str(entry.fields["key_id"]), said, signature):
            return entry.n, f"line {entry.n}: the signature does not fit, or its key is not known"
    return None, ""
