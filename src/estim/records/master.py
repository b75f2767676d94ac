"""The chain of sessions: one signed line in `master.jsonl` when a session begins and one when it is sealed.

A session whose folder disappears is missed here, sealed or not; a record that was rewritten has another head than the
one that was seen sealed. Each line also names the last line of the station's chain, so that neither can be cut alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from estim.records.keys import Signer
from estim.records.signed_chain import ChainReading, append_signed, last_of, parse_chain, read_chain

MASTER = "master.jsonl"
NAME = "master chain"
STATION = "station.jsonl"
KINDS = ("real", "simulated")


def home_of_records(records: Path) -> Path | None:
    """The home that a folder of sessions belongs to; None for a folder that stands alone."""
    return records.parents[1] if records.name in KINDS and records.parent.name == "records" else None


def enter_master(
    records: Path,
    session: str,
    head: str,
    signer: Signer,
    *,
    event: str,
    lines: int,
    stamp: Mapping[str, object] | None = None,
) -> None:
    """One line in the master chain of `records`, on the disk before this returns.

    Args:
        session: name of its folder.
        head: hash of its last line, or GENESIS when it begins.
        event: `opened` | `sealed`.
        lines: how many the record has.
        stamp: wall time, time since boot and which boot it was.

    Raises:
        RecordError: it can't be written, or another process does not give the lock back.
    """
    what: dict[str, object] = {"event": event, "session": session, "head": head, "lines": lines, **(stamp or {})}
    home = home_of_records(records)
    if home is not None and (home / STATION).exists():
        what["station"] = last_of(home / STATION)
    append_signed(records / MASTER, signer, what)


def read_master(records: Path) -> ChainReading | None:
    """The chain of a folder; None where there is none."""
    return _of_sessions(read_chain(records / MASTER, NAME))


def parse_master(data: bytes) -> ChainReading:
    """Check the chain line by line. Signatures are judged by who knows the keys."""
    return _of_sessions(parse_chain(data, NAME)) or parse_chain(b"", NAME)


def names_session(entry: Mapping[str, Any]) -> bool:
    """It is a line of a chain of sessions."""
    return all(type(entry.get(key)) is str for key in ("session", "head")) and type(entry.get("lines")) is int


def _of_sessions(reading: ChainReading | None) -> ChainReading | None:
    """Up to the first line that is no session's."""
    if reading is None:
        return None
    for number, entry in enumerate(reading.entries):
        if not names_session(entry):
            reason = f"line {number} of the {NAME} names no session"
            return ChainReading(reading.entries[:number], number, reason, torn=False)
    return reading
