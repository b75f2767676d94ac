"""Verification: is this record what was written, and how did the session end? For an auditor, years later.

Four endings: `complete` (sealed), `take-over` (the console stopped the device after the controller was lost, and said
so), `torn` (the last line is unfinished, as a power cut leaves it), `incomplete` (whole lines, no seal). Only the first
two are ok.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from estim.records.canonical import canonical
from estim.records.chain import Entry, check_signatures, read
from estim.records.keys import known_keys, signed_by
from estim.records.segment import MASTER, segments


@dataclass(frozen=True, slots=True)
class SessionVerdict:
    """One session's record, judged.

    Attributes:
        records: good lines.
        first_bad: number of the first bad line, None if all are good.
        sealed: the last line is a right seal.
        ending: complete | take-over | torn | incomplete.
        signer: `station` (a key this home published, or the pinned one), `unknown` (the record proves only itself),
            `simulated`.
        last_on_us: session time of the last line that shows output, None if none does.
    """

    path: str
    ok: bool
    records: int
    first_bad: int | None
    reason: str
    sealed: bool
    ending: str
    signer: str = "unknown"
    simulated: bool = False
    last_on_us: int | None = None
    outcome: str = ""
    head: str = ""

    def to_json(self) -> dict[str, Any]:
        """As DESIGN 9 has it, and more."""
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
            "last_on_us": self.last_on_us,
            "outcome": self.outcome,
        }


def verify_session(folder: Path, *, keys: Mapping[str, str] | None = None) -> SessionVerdict:
    """Judge one session's folder.

    Args:
        keys: key id → public key that the auditor trusts. Without them a record proves only that it agrees with itself.
    """
    found = segments(folder)
    if not found:
        return SessionVerdict(str(folder), False, 0, 0, "there is no record.jsonl", False, "incomplete")  # noqa: FBT003
    entries: list[Entry] = []
    torn = False
    prev, reason = "0" * 64, ""
    first_bad: int | None = None
    for index, path in enumerate(found):
        reading = read(
            path.read_bytes(),
            first_n=len(entries),
            prev=prev,
            simulated=entries[0].simulated if entries else None,
        )
        entries += reading.entries
        prev = reading.head
        torn = reading.torn
        last = index == len(found) - 1
        if reading.first_bad is not None and not (reading.torn and not last):
            first_bad, reason = reading.first_bad, reading.reason
            break
        if index and reading.entries and reading.entries[0].kind != "take-over":
            first_bad, reason = reading.entries[0].n, f"segment {index} does not begin with a take-over"
            break
    return _judge(folder, tuple(entries), first_bad, reason, torn=torn, keys=keys)


def _judge(
    folder: Path,
    entries: tuple[Entry, ...],
    first_bad: int | None,
    reason: str,
    *,
    torn: bool,
    keys: Mapping[str, str] | None,
) -> SessionVerdict:
    simulated = bool(entries) and entries[0].simulated
    trusted = dict(keys or {})
    own = {
        str(entry.fields["key_id"]): str(entry.fields["public_key"])
        for entry in entries
        if entry.kind in {"seal", "take-over"} and "public_key" in entry.fields and "key_id" in entry.fields
    }
    used = {
        str(entry.fields["key_id"]) for entry in entries if "signature" in entry.fields and "key_id" in entry.fields
    }
    signer = "simulated" if simulated else "station" if used and used <= trusted.keys() else "unknown"
    if first_bad is None and entries:
        lookup = {**own, **trusted}

        def check(key_id: str, message: bytes, signature: bytes) -> bool:
            public = lookup.get(key_id)
            # A record torn before its seal names its key only in checkpoints: nothing to check them with is no fault.
            return signed_by(public, message, signature) if public else not own

        bad, why = check_signatures(entries, check)
        first_bad, reason = (bad, why) if bad is not None else (first_bad, reason)
    if first_bad is None and entries and entries[0].kind != "header":
        first_bad, reason = 0, "the record does not begin with a header"
    last = entries[-1] if entries else None
    sealed = first_bad is None and last is not None and last.kind == "seal"
    middle_seal = next((entry.n for entry in entries[:-1] if entry.kind == "seal"), None)
    if first_bad is None and middle_seal is not None:
        first_bad, reason, sealed = middle_seal + 1, "lines follow the seal", False
    taken = any(entry.kind == "take-over" for entry in entries)
    ending = "take-over" if taken and sealed else "complete" if sealed else "torn" if torn else "incomplete"
    if first_bad is not None and not torn:
        ending = "incomplete"
    if first_bad is None and sealed and not simulated and trusted and signer == "unknown":
        first_bad, reason = entries[-1].n, "signed by a key that is not among the trusted ones"
    ok = first_bad is None and sealed
    if not ok and not reason:
        reason = "the session was not sealed: its process ended before its end"
    on = [entry.t_us for entry in entries if entry.kind == "command" and _is_on(entry)]
    outcome = next((str(e.fields.get("outcome", "")) for e in reversed(entries) if e.kind == "end"), "")
    return SessionVerdict(
        str(folder), ok, len(entries), first_bad, reason, sealed, ending, signer, simulated,
        max(on, default=None), outcome, last.hash if last is not None else "",
    )  # fmt: skip


def _is_on(entry: Entry) -> bool:
    channels = entry.fields.get("channels", [])
    return isinstance(channels, list) and any(
        isinstance(channel, dict) and channel.get("amplitude_ua") for channel in channels
    )


def verify_folder(records: Path, *, keys: Mapping[str, str] | None = None) -> list[SessionVerdict]:
    """Judge every session under a records folder, and the master chain that says which there should be."""
    if (records / "record.jsonl").exists():
        return [_at_home(verify_session(records, keys=keys))]
    verdicts = [
        _at_home(verify_session(folder, keys=keys))
        for folder in sorted(records.glob("*"))
        if folder.is_dir() and any(folder.glob("record*.jsonl"))
    ]
    return [*_missing(records, verdicts, keys or {}), *verdicts]


def _at_home(verdict: SessionVerdict) -> SessionVerdict:
    """A simulated session among the real ones, or the other way round, is no honest record: anyone can make either."""
    among = Path(verdict.path).absolute().parent.name
    if not verdict.records or among not in {"real", "simulated"} or verdict.simulated is (among == "simulated"):
        return verdict
    said = "simulated" if verdict.simulated else "real"
    return replace(verdict, ok=False, first_bad=0, reason=f"a {said} session lies among the {among} ones")


def _missing(records: Path, verdicts: list[SessionVerdict], keys: Mapping[str, str]) -> list[SessionVerdict]:
    """Sessions that the master chain names and that are not there, or whose seal is another one; a broken chain."""
    path = records / MASTER
    if not path.exists():
        if not any(verdict.sealed for verdict in verdicts):
            return []
        return [_master_bad(path, 0, "sealed sessions are here, the master chain that names them is not")]
    found: list[SessionVerdict] = []
    prev, here = "0" * 64, {Path(verdict.path).name: verdict for verdict in verdicts}
    for number, raw in enumerate(path.read_bytes().splitlines()):
        try:
            entry = json.loads(raw)
            body = {key: value for key, value in entry.items() if key not in {"hash", "signature"}}
            whole = hashlib.sha256(canonical(body)).hexdigest() == entry["hash"] and entry["prev"] == prev
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole or entry["n"] != number:
            found.append(_master_bad(path, number, f"line {number} of the master chain was changed or is missing"))
            break
        prev = entry["hash"]
        verdict = here.get(entry["session"])
        if not _master_signed(entry, keys, strict=verdict is not None and not verdict.simulated):
            found.append(_master_bad(path, number, f"line {number} of the master chain is not signed by a trusted key"))
            break
        if verdict is None:
            found.append(_master_bad(records / entry["session"], 0, "the master chain names this session, it is gone"))
        elif entry["event"] == "sealed" and verdict.sealed and verdict.head != entry["head"]:
            reason = "this is not the record that the master chain saw sealed"
            found.append(_master_bad(records / entry["session"], verdict.records, reason))
    return found


def _master_signed(entry: Mapping[str, Any], keys: Mapping[str, str], *, strict: bool) -> bool:
    """Signed by a trusted key. Rehearsals sign with a key made from their seed: only real sessions are held to it."""
    public = keys.get(str(entry.get("key_id", "")))
    if public is None:
        return not (strict and keys)
    try:
        return signed_by(public, bytes.fromhex(entry["hash"]), bytes.fromhex(str(entry["signature"])))
    except (KeyError, ValueError):
        return False


def _master_bad(path: Path, number: int, reason: str) -> SessionVerdict:
    return SessionVerdict(str(path), False, 0, number, reason, False, "incomplete")  # noqa: FBT003


def verify_home(root: Path) -> list[SessionVerdict]:
    """All sessions of a home, real and simulated, with the keys that it published."""
    keys = known_keys(root)
    verdicts: list[SessionVerdict] = []
    for kind in ("real", "simulated"):
        folder = root / "records" / kind
        if folder.is_dir():
            verdicts += verify_folder(folder, keys=keys)
    return verdicts
