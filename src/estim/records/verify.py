"""Verification of one session: is this record what was written, and how did the session end? For an auditor, years
later.

Four endings: `complete` (sealed), `take-over` (the console stopped the device after the controller was lost, and said
so), `torn` (the last line is unfinished, as a power cut leaves it), `incomplete` (whole lines, no seal). Only the first
two are ok. Whole folders and the master chain are judged in `verify_home`.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estim.platform.files import unread
from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.base import SCRIPTED
from estim.record_lines.rows import SegmentRow
from estim.records.canonical import unhex
from estim.records.chain import GENESIS, Entry, check_signatures, read
from estim.records.keys import signed_by
from estim.records.segment import digest_of, read_segment, segments

# The lease lets the record lag behind the output by 2 s (docs/decisions/durability.md): what breaks off may have been
# followed by so much output, and then by the device's own timer.
RECORD_LAG_US = 2_000_000
UNSEALED = "the session was not sealed: its process ended before its end, or lines were cut off"
SEALED_FILES = 3  # the format since which a seal signs the digests of the files


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVerdict:
    """One session's record, judged.

    Attributes:
        records: good lines.
        first_bad: number of the first bad line, None if all are good.
        sealed: the last line is a right seal.
        ending: complete | take-over | torn | incomplete.
        signer: `station` (a key this home published, or the pinned one), `unknown` (the record proves only itself),
            `simulated`.
        signed: lines that a right signature covers; those behind it are only chained.
        last_on_us: since the first line, of the last line that shows output; None if none does.
        session: the name under which it was written, "" where it does not say (rehearsals, nothing signed yet).
        off_by_us: since the first line, when output had ended at the latest: the device's own word, or for a record
            that broke off the time by which its lag and the device's own timer had run out.
        signature: who closed it, when, and what that means: the operator's, not the station's; empty without one.
        key_id: of the key that signed last, "" if none did.
        deep: each line was looked at; False where the files were found to be those that the seal signs.
    """

    path: str
    ok: bool = False
    records: int = 0
    first_bad: int | None = 0
    reason: str = ""
    sealed: bool = False
    ending: str = "incomplete"
    signer: str = "unknown"
    simulated: bool = False
    signed: int = 0
    last_on_us: int | None = None
    off_by_us: int | None = None
    outcome: str = ""
    head: str = ""
    session: str = ""
    signature: Mapping[str, Any] = field(default_factory=dict)
    deep: bool = True
    key_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entry that `records verify --json` prints."""
        return {
            "path": self.path,
            "ok": self.ok,
            "records": self.records,
            "first_bad": self.first_bad,
            "reason": self.reason,
            "sealed": self.sealed,
            "ending": self.ending,
            "signer": self.signer,
            "simulated": self.simulated,
            "signed": self.signed,
            "last_on_us": self.last_on_us,
            "off_by_us": self.off_by_us,
            "signature": dict(self.signature) or None,
            "signed_by_a_person": by_person(self.signature),
            "key_id": self.key_id,
            "deep": self.deep,
            "outcome": self.outcome,
        }


@dataclass(frozen=True, slots=True)
class RecordReading:
    """All segments of a record as read: the good lines of the whole, and where they stop being good.

    Attributes:
        files: each segment's digest; of the last one without its last line, as a seal signs it.
    """

    entries: tuple[Entry, ...]
    first_bad: int | None
    reason: str
    torn: bool
    segments: int
    files: tuple[SegmentRow, ...] = ()


def read_record(folder: Path) -> RecordReading:
    """Read a session's segments and check their chain."""
    parts = [read_segment(path) for path in segments(folder)]
    collects = gc.isenabled()
    gc.disable()  # thousands of lines are kept: looking through them for circles would take longer than reading them
    try:
        return read_segments(parts)
    finally:
        if collects:
            gc.enable()


def read_segments(parts: Sequence[bytes]) -> RecordReading:
    """Check the chain through all segments; an unfinished end is quarantined by the next segment's link."""
    entries: list[Entry] = []
    prev = GENESIS
    for index, data in enumerate(parts):
        simulated = entries[0].simulated if entries else None
        reading = read(data, first_n=len(entries), prev=prev, simulated=simulated)
        entries += reading.entries
        prev = reading.head
        last = index == len(parts) - 1
        if reading.first_bad is not None and (last or not reading.torn):
            return RecordReading(tuple(entries), reading.first_bad, reading.reason, reading.torn, len(parts))
        if index and reading.entries and reading.entries[0].kind != lines.TakeOver.KIND:
            reason = f"segment {index} does not begin with a take-over"
            return RecordReading(tuple(entries), reading.entries[0].n, reason, torn=False, segments=len(parts))
    files = [digest_of(data) for data in parts[:-1]]
    if parts:
        files.append(digest_of(parts[-1][: parts[-1].rfind(b"\n", 0, -1) + 1]))
    return RecordReading(tuple(entries), None, "", torn=False, segments=len(parts), files=tuple(files))


def verify_session(folder: Path, *, keys: Mapping[str, str] | None = None) -> SessionVerdict:
    """Judge one session's folder.

    Args:
        keys: key id → public key that the auditor trusts. Without them a record proves only that it agrees with itself.
    """
    try:
        record = read_record(folder)
    except OSError as error:  # one file that is damaged or can't be read is one bad session, not the end of the look
        return SessionVerdict(path=str(folder), reason=f"it can't be read: {unread(error)}")
    return judge(folder, record, keys=keys)


@dataclass(slots=True)
class _Signatures:
    bad: int | None
    why: str
    signed: int = 0
    used: set[str] = field(default_factory=set)


def _signatures(entries: tuple[Entry, ...], trusted: Mapping[str, str]) -> _Signatures:
    lookup = {**_own_keys(entries), **trusted}

    def check(key_id: str, message: bytes, signature: bytes) -> bool:
        public = lookup.get(key_id)
        return public is not None and signed_by(public, message, signature)

    unsigned = [e for e in entries if e.kind in {lines.Checkpoint.KIND, lines.Seal.KIND} and not _is_signed(e)]
    bad, why = check_signatures(entries, check)
    if unsigned and (bad is None or unsigned[0].n < bad):
        bad, why = unsigned[0].n, f"line {unsigned[0].n}: a {unsigned[0].kind} without a signature"
    right = [entry for entry in entries if _is_signed(entry) and (bad is None or entry.n < bad)]
    return _Signatures(bad, why, right[-1].n + 1 if right else 0, {str(e.fields["key_id"]) for e in right})


def _is_signed(entry: Entry) -> bool:
    return "signature" in entry.fields and "key_id" in entry.fields


def _own_keys(entries: tuple[Entry, ...]) -> dict[str, str]:
    """Keys that the record brings along: with them it agrees with itself, and proves no more than that."""
    own: dict[str, str] = {}
    for entry in entries:
        if "public_key" not in entry.fields:
            continue
        public, key_id = str(entry.fields["public_key"]), str(entry.fields.get("key_id", ""))
        try:
            fits = hashlib.sha256(unhex(public, 32)).hexdigest()[:16] == key_id
        except ValueError:
            continue
        if fits:
            own[key_id] = public
    return own


def judge(folder: Path, record: RecordReading, *, keys: Mapping[str, str] | None = None) -> SessionVerdict:
    """What a record that was read comes to."""
    entries = record.entries
    if not record.segments:
        return SessionVerdict(path=str(folder), reason="there is no record.jsonl")
    trusted = dict(keys or {})
    simulated = bool(entries) and entries[0].simulated
    signatures = _signatures(entries, trusted)
    signer = "unknown"
    if simulated:
        signer = "simulated"
    elif signatures.used and signatures.used <= trusted.keys():
        signer = "station"
    first_bad, reason = _first_bad(record, signatures, foreign=bool(trusted) and signer == "unknown")
    last = entries[-1] if entries else None
    sealed = first_bad is None and last is not None and last.kind == lines.Seal.KIND
    taken = any(entry.kind == lines.TakeOver.KIND for entry in entries)
    ending = "take-over" if taken and sealed else "complete" if sealed else "torn" if record.torn else "incomplete"
    if not sealed and not reason:
        reason = UNSEALED if entries else "there is no line in it: nothing was written, or somebody emptied it"
    last_on_us, off_by_us = _last_output(entries)
    began_us = entries[0].t_us if entries else 0
    return SessionVerdict(
        path=str(folder),
        ok=sealed,
        records=len(entries),
        first_bad=first_bad,
        reason=reason,
        sealed=sealed,
        ending=ending,
        signer=signer,
        simulated=simulated,
        signed=signatures.signed,
        last_on_us=None if last_on_us is None else last_on_us - began_us,
        off_by_us=None if off_by_us is None else off_by_us - began_us,
        outcome=next((str(e.fields.get("outcome", "")) for e in reversed(entries) if e.kind == lines.End.KIND), ""),
        head=last.hash if last is not None else "",
        signature=next((signature_of(e.fields) for e in reversed(entries) if e.kind == lines.Signature.KIND), {}),
        key_id=next((str(e.fields["key_id"]) for e in reversed(entries) if _is_signed(e)), ""),
        session=next((str(e.fields["session"]) for e in entries if _is_signed(e) and "session" in e.fields), ""),
    )


def signature_of(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """A person's signature, as a verdict says it."""
    said = {key: str(fields.get(key) or "") for key in ("operator", "name", "meaning", "utc")}
    return {**said, "authenticated": fields.get("authenticated") is True}


def by_person(signature: Mapping[str, Any]) -> bool:
    """Whether a person signed. A script closes its session with a mark of its own, which is nobody's signature."""
    return bool(signature) and str(signature.get("meaning")) != SCRIPTED


def _first_bad(record: RecordReading, signatures: _Signatures, *, foreign: bool) -> tuple[int | None, str]:
    """The first line that is wrong, and why."""
    entries = record.entries
    found: list[tuple[int, str]] = []
    if record.first_bad is not None:
        found.append((record.first_bad, record.reason))
    if signatures.bad is not None:
        found.append((signatures.bad, signatures.why))
    if entries and entries[0].kind != kinds.Header.KIND:
        found.append((0, "the record does not begin with a header"))
    seal = next((entry.n for entry in entries[:-1] if entry.kind == lines.Seal.KIND), None)
    if seal is not None:
        found.append((seal + 1, "lines follow the seal"))
    if not found and entries and entries[-1].kind == lines.Seal.KIND and not _digests_fit(record):
        found.append((entries[-1].n, "the seal does not sign these files: their digests are others"))
    if foreign and not found and entries and entries[-1].kind == lines.Seal.KIND:
        found.append((entries[-1].n, "signed by a key that is not among the trusted ones"))
    return min(found, default=(None, ""), key=lambda one: one[0] if one[0] is not None else -1)


def _digests_fit(record: RecordReading) -> bool:
    """Whether the seal signs the files as they are; before format 3 it did not say."""
    if "segments" not in record.entries[-1].fields:
        form = record.entries[0].fields.get("format")
        return type(form) is not int or form < SEALED_FILES
    return bool(record.entries[-1].fields["segments"] == list(record.files))


def _last_output(entries: tuple[Entry, ...]) -> tuple[int | None, int | None]:
    """Session time of the last line that shows output, and by when output had ended."""
    last_on = next((one for one in reversed(entries) if one.kind == lines.Command.KIND and _is_on(one)), None)
    if last_on is None:
        return None, None
    after = next((one for one in entries[last_on.n + 1 :] if _says_off(one)), None)
    if after is not None:
        return last_on.t_us, after.t_us
    device = entries[0].fields.get("device")
    profile = device.get("profile") if isinstance(device, dict) else None
    timer_us = profile.get("watchdog_us") if isinstance(profile, dict) else None
    # 2 s is the longest timer of the three devices.
    end_us = entries[-1].t_us + RECORD_LAG_US + (timer_us if type(timer_us) is int else 2_000_000)
    return last_on.t_us, end_us


def _says_off(entry: Entry) -> bool:
    if entry.kind == lines.TakeOver.KIND:
        return entry.fields.get("output") == "OFF"
    return entry.kind == lines.Output.KIND and entry.fields.get("state") == "OFF"


def _is_on(entry: Entry) -> bool:
    channels = entry.fields.get("channels", [])
    return isinstance(channels, list) and any(
        isinstance(channel, dict) and channel.get("amplitude_ua") for channel in channels
    )
