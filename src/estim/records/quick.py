"""Verification at the speed of hashing: the seal signs the digests of the files, so their bytes need only be hashed.

What does not fit, and what was never sealed, is left to `verify`, which looks at each line and names the first bad one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zstandard

from estim.record_lines import events as lines
from estim.record_lines.rows import SegmentRow
from estim.records.chain import LINE_MAX, Entry, check_signatures, entry_of
from estim.records.keys import key_id_of, signed_by
from estim.records.segment import open_segment, segments
from estim.records.verify import SessionVerdict, signature_of, verify_session
from estim.safety.errors import RecordError

_BLOCK = 16 * 1024 * 1024  # a session in one piece; of a longer one no more than this is held
# Signature, end and seal are the last three lines of a session; a tail of this size holds them and more.
_TAIL = 32 * 1024
_LINES = 4


def verify_quickly(folder: Path, *, keys: Mapping[str, str] | None = None) -> SessionVerdict:
    """As `verify_session`; a sealed record whose files are those that its seal signs is not taken apart.

    Args:
        keys: as there.
    """
    return _sealed(folder, keys or {}) or verify_session(folder, keys=keys)


def _sealed(folder: Path, keys: Mapping[str, str]) -> SessionVerdict | None:
    """The verdict on a record that is just as it was sealed; None for every other."""
    files = segments(folder)
    try:
        if not files:
            return None
        earlier = [_hashed(path, last=False)[0] for path in files[:-1]]
        last, tail = _hashed(files[-1], last=True)
        ends = _last_lines(tail)
    except (OSError, zstandard.ZstdError, RecordError, ValueError, KeyError, TypeError):
        return None
    if not ends or ends[-1].kind != lines.Seal.KIND or ends[-1].fields.get("segments") != [*earlier, last]:
        return None
    seal = ends[-1]
    signer = _signer(seal, ends[-2].hash if len(ends) > 1 else None, keys)
    if signer is None or (signer == "simulated" and any(_times_fall(path) for path in files)):
        return None
    said: Mapping[str, Any] = next((e.fields for e in reversed(ends) if e.kind == lines.End.KIND), {})
    person = next((signature_of(e.fields) for e in reversed(ends) if e.kind == lines.Signature.KIND), {})
    return SessionVerdict(
        path=str(folder),
        ok=True,
        records=seal.n + 1,
        first_bad=None,
        sealed=True,
        ending="take-over" if len(files) > 1 else "complete",
        signer=signer,
        simulated=seal.simulated,
        signed=seal.n + 1,
        outcome=str(said.get("outcome", "")),
        head=seal.hash,
        signature=person,
        session=str(seal.fields.get("session") or ""),
        key_id=str(seal.fields["key_id"]),
        deep=False,
    )


def _hashed(path: Path, *, last: bool) -> tuple[SegmentRow, bytes]:
    """A file's digest in one pass; of the last file without its last line, and that file's end."""
    digest, size, held = hashlib.sha256(), 0, b""
    keep = LINE_MAX + _TAIL if last else 0
    with open_segment(path) as file:
        while block := file.read(_BLOCK):
            held = held + block if held else block
            if len(block) == _BLOCK and len(held) > keep:
                digest.update(memoryview(held)[: len(held) - keep])
                size += len(held) - keep
                held = held[len(held) - keep :]
    begin = len(held)
    if last:
        if not held.endswith(b"\n"):
            raise RecordError("the last line is unfinished")
        begin = held.rfind(b"\n", 0, -1) + 1
    digest.update(memoryview(held)[:begin])
    return {"bytes": size + begin, "sha256": digest.hexdigest()}, held


def _times_fall(path: Path) -> bool:
    """Whether a line may be earlier than the one before it. Asked of practice alone: anybody can seal that anew."""
    last = None
    try:
        with open_segment(path) as file:
            for line in file:
                time_us = int(line[line.rfind(b":") + 1 : line.rfind(b"}")])  # the last key of each line's spelling
                if last is not None and time_us < last:
                    return True
                last = time_us
    except (OSError, ValueError, zstandard.ZstdError):
        return True  # whatever it is, a closer look names it
    return False


def _last_lines(tail: bytes) -> list[Entry]:
    """The last lines of a file, the seal last; each is good by itself and follows the one before it."""
    found: list[Entry] = []
    for raw in reversed(tail[-_TAIL:].splitlines()[-_LINES:]):
        try:
            entry = entry_of(raw)
        except RecordError:
            if found:
                break  # cut by the window
            raise
        if found and (found[0].n != entry.n + 1):
            raise RecordError("lines are missing")
        found.insert(0, entry)
    return found


def _signer(seal: Entry, prev: str | None, keys: Mapping[str, str]) -> str | None:
    """Whose seal it is: `station` or `simulated`; None where that can't be said without a closer look."""
    if prev is None:
        return None
    public, key_id = str(seal.fields.get("public_key", "")), str(seal.fields.get("key_id", ""))
    trusted = keys.get(key_id)
    if trusted is None and not seal.simulated:
        return None
    if trusted is None and key_id_of(public) != key_id:
        return None

    def check(_key: str, message: bytes, signature: bytes) -> bool:
        return signed_by(trusted or public, message, signature)

    bad, _ = check_signatures((seal,), check, prev=prev)
    if bad is not None or "signature" not in seal.fields:
        return None
    return "simulated" if seal.simulated else "station"
