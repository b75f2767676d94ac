"""Sessions of a trial whose allocation is sealed: what would tell the arm is not printed, exported or put on paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.speaking import say

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.index import Filter, Index
    from estim.records.verify import SessionVerdict

_LINES = re.compile(r"\b\d+ lines\b")
KEPT = (
    "session",
    "path",
    "name",
    "patient",
    "operator",
    "utc",
    "began_ms",
    "simulated",
    "outcome",
    "ending",
    "verified",
    "signed_by_person",
    "signature",
    "head",
)


def sealed_in(home: Home) -> Mapping[str, str]:
    """Session → trial."""
    from estim.records.beside import blinded_sessions

    return blinded_sessions(home.root)


def refuse(home: Home, folder: Path) -> None:
    """One session's page.

    Raises:
        RecordError: it would tell the arm.
    """
    from estim.safety.errors import RecordError

    if (trial := sealed_in(home).get(folder.resolve().name)) is not None:
        raise RecordError(f"{folder.name} is blinded: its allocation in trial {trial} is sealed (estim trial unblind)")


def leave_out(home: Home, folders: Iterable[Path]) -> list[Path]:
    """Those that may be shown; the others are named on standard error."""
    sealed, kept = sealed_in(home), []
    for folder in folders:
        if (trial := sealed.get(folder.resolve().name)) is None:
            kept.append(folder)
        else:
            say(f"{folder.name} is left out: blinded in trial {trial}")
    return kept


def search(home: Home, index: Index, wanted: Filter, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Rows of a list, at most `limit` of them (0: all), and how many there are. Of a blinded session who, when and how
    it ended, and nothing else; by what would tell its arm it is not found.
    """
    sealed, most = sealed_in(home), limit if limit > 0 else -1
    if not sealed or not (wanted.protocol or wanted.text):
        return [_masked(row, sealed) for row in index.sessions(wanted, limit=most)], index.count(wanted)
    rows = [row for row in index.sessions(wanted, limit=-1) if row["session"] not in sealed]
    say("blinded sessions are not looked for by protocol or words: that would tell their arm")
    return rows[: most if most > 0 else None], len(rows)


def verdict_rows(sealed: Mapping[str, str], verdicts: Iterable[SessionVerdict]) -> list[dict[str, Any]]:
    """What `records verify` says of each. How many lines a blinded session has, and when its output ended, tells its
    arm: null.
    """
    return [
        one.to_json() | _uncounted(one.reason) if hides(sealed, Path(one.path), one.session) else one.to_json()
        for one in verdicts
    ]


def hides(sealed: Mapping[str, str], folder: Path, session: str = "") -> bool:
    """Whether this session, or the one that it was written as, is blinded."""
    return folder.name in sealed or session in sealed


def _uncounted(reason: str) -> dict[str, Any]:
    counted = ("records", "signed", "last_on_us", "off_by_us")
    return {**dict.fromkeys(counted), "reason": _LINES.sub("its lines", reason)}


def audit_row(row: dict[str, Any]) -> dict[str, Any]:
    """Of a blinded session whether it is within the rules; where and why not would tell its arm."""
    found = [{"n": None, "rule": one["rule"], "message": "blinded"} for one in row["findings"]]
    return {**row, "records": None, "findings": found, "unread": _LINES.sub("its lines", row["unread"])}


def _masked(row: dict[str, Any], sealed: Mapping[str, str]) -> dict[str, Any]:
    if row["session"] not in sealed:
        return row
    return {key: value if key in KEPT else _nothing(value) for key, value in row.items()}


def _nothing(value: object) -> object:
    return "blinded" if isinstance(value, str) else None
