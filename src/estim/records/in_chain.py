"""A session of a home, held to the chain of sessions that it lies beside: whether that names it, and this very record.

What is read of a session in a list, on paper or in an export is never better than what `records verify` says of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.platform.files import no_device
from estim.records.canonical import unhex
from estim.records.keys import signed_by
from estim.records.master import KINDS, MASTER, STATION, home_of_records
from estim.records.master_seen import Seen, good_lines, seen_master
from estim.records.station import late_signatures
from estim.records.verify import SessionVerdict, by_person

if TYPE_CHECKING:
    from estim.records.summary import SessionSummary

CHAIN_GONE = f"the chain of sessions ({MASTER}) that it lay beside is gone"
_KEY = b'"session":"'


def at_home(verdict: SessionVerdict) -> SessionVerdict:
    """A simulated session among the real ones, or the other way round, is no honest record: anyone can make either."""
    path = Path(verdict.path).absolute()
    among = path.parent.name
    if among in KINDS and verdict.session not in {"", path.name}:
        reason = f"this record was written as session {verdict.session}"
        return replace(verdict, ok=False, first_bad=verdict.first_bad or 0, reason=reason)
    if not verdict.records or among not in KINDS or verdict.simulated is (among == "simulated"):
        return verdict
    said = "simulated" if verdict.simulated else "real"
    return replace(verdict, ok=False, first_bad=0, reason=f"a {said} session lies among the {among} ones")


def master_signed(entry: Mapping[str, Any], keys: Mapping[str, str], *, strict: bool) -> bool:
    """Whether a trusted key signed this line; a key that is not known is let pass only where nothing is held to it."""
    public = keys.get(entry["key_id"])
    if public is None:
        return not (strict and keys)
    try:
        return signed_by(public, unhex(entry["hash"], 32), unhex(entry["signature"], 64))
    except ValueError:
        return False


def latest(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What the chain last said of each session; a seal is never taken back."""
    seen: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        known = seen.get(entry["session"])
        if known is None or known["event"] != "sealed":
            seen[entry["session"]] = entry
    return seen


def let_go(entry: Mapping[str, Any], line: Mapping[str, Any] | None, kind: str) -> bool:
    """Whether the site removed this session at the end of its time, and this very one."""
    if line is None or line["kind"] != kind:
        return False
    return entry["event"] != "sealed" or (line["head"], line["lines"]) == (entry["head"], entry["lines"])


def gone(entry: Mapping[str, Any]) -> str:
    """Of a session that the chain names and that is not there."""
    return f"the master chain saw this session {entry['event']}, it is gone"


def held_to(verdict: SessionVerdict, entry: Mapping[str, Any] | None, whole: Callable[[], bool]) -> SessionVerdict:
    """The verdict on a session, corrected by what the chain last said of it.

    Args:
        whole: whether the chain is good to its end: one that is bad itself may have named more.
    """
    if entry is None:
        # An empty record is one that the station was just beginning.
        if not verdict.records or not whole():
            return verdict
        reason = "the master chain does not name this session: it was put here, or copied from elsewhere"
        reason = reason if verdict.ok else f"{verdict.reason}; {reason}"
        return replace(verdict, ok=False, first_bad=verdict.first_bad or 0, reason=reason)
    if entry["event"] != "sealed" or entry["head"] == verdict.head:
        return verdict
    reason = "this is not the record that the master chain saw sealed"
    if verdict.records < entry["lines"] and (verdict.first_bad is None or verdict.ending == "torn"):
        reason = f"the master chain saw it sealed with {entry['lines']} lines: its end was cut off"
    first_bad = verdict.first_bad
    if first_bad is not None:
        reason = f"{verdict.reason}; {reason}"
    return replace(verdict, ok=False, first_bad=verdict.records if first_bad is None else first_bad, reason=reason)


def in_its_chain(folder: Path, verdict: SessionVerdict, keys: Mapping[str, str]) -> SessionVerdict:
    """One session by itself, held to what the chain that it lies beside saw of it, where it lies in a home."""
    records, name = folder.absolute().parent, folder.absolute().name
    seen = seen_master(records) if records.name in KINDS else None
    if seen is None:
        return _without_chain(records, verdict)
    strict = records.name != "simulated"
    of_it = [one for one in _said_of(records, seen, name) if master_signed(one, keys, strict=strict)]
    return held_to(verdict, latest(of_it).get(name), lambda: not seen.reason)


def _said_of(records: Path, seen: Seen, name: str) -> Iterator[Mapping[str, Any]]:
    with no_device(records / MASTER).open("rb") as file:
        for at in _places(records, seen).get(name.encode("utf-8", "surrogateescape"), ()):
            file.seek(at)
            entry: Mapping[str, Any] = json.loads(file.readline())
            if entry["session"] == name:
                yield entry


@lru_cache(maxsize=2)  # an export asks for each session
def _places(records: Path, seen: Seen) -> Mapping[bytes, Sequence[int]]:
    """Where the good lines of a chain stand that name each session."""
    places: dict[bytes, list[int]] = {}
    at = 0
    for raw in good_lines(records, seen):
        begin = raw.find(_KEY) + len(_KEY)
        places.setdefault(raw[begin : raw.find(b'"', begin)], []).append(at)
        at += len(raw) + 1
    return places


def with_later_signature(folder: Path, verdict: SessionVerdict) -> SessionVerdict:
    """The verdict on a session that nobody signed in its record, with who signed it since."""
    home = home_of_records(folder.absolute().parent)
    if home is None or not verdict.ok or by_person(verdict.signature):
        return verdict
    said = signed_later(home, verdict.head)
    if not said:
        return verdict
    return replace(verdict, signature={**said, "authenticated": said["authenticated"] == "True", "later": True})


def _without_chain(records: Path, verdict: SessionVerdict) -> SessionVerdict:
    """Where a station wrote sessions, its chain of them lies beside each."""
    home = home_of_records(records)
    if not verdict.ok or home is None or not (home / STATION).exists():
        return verdict
    return replace(verdict, ok=False, first_bad=0, reason=CHAIN_GONE)


def in_its_home(folder: Path, summary: SessionSummary, keys: Mapping[str, str]) -> SessionSummary:
    """What a session comes to, with its home's word on whether it is one of its sessions, and this very record."""
    before = verdict_of(folder, summary)
    after = in_its_chain(folder, at_home(before), keys)
    home = home_of_records(folder.absolute().parent)
    if home is not None and summary.records and not summary.signed_by_person:
        summary = replace(summary, signature=signed_later(home, summary.head) or summary.signature)
    return corrected(summary, before, after)


def signed_later(home: Path, head: str) -> dict[str, Any]:
    """The last signature that a person gave to a sealed record, by a line of the station's chain; {} without one."""
    lines = late_signatures(home).get(head)
    if not lines:
        return {}
    said = {key: str(lines[-1].get(key) or "") for key in ("operator", "name", "meaning", "utc")}
    return {**said, "authenticated": str(lines[-1].get("authenticated") is True), "later": "True"}


def verdict_of(folder: Path, summary: SessionSummary) -> SessionVerdict:
    """What a summary says of its record, as a verdict."""
    return SessionVerdict(
        path=str(folder),
        ok=summary.verified,
        records=summary.records,
        first_bad=summary.first_bad,
        reason=summary.reason,
        ending=summary.ending,
        simulated=summary.simulated,
        head=summary.head,
        session=summary.name,
    )


def corrected(summary: SessionSummary, before: SessionVerdict, after: SessionVerdict) -> SessionSummary:
    """The summary, if the home's word changed the verdict on it."""
    if after is before:
        return summary
    return replace(summary, verified=after.ok, first_bad=after.first_bad, reason=after.reason)
