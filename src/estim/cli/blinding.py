"""Sessions of a trial whose allocation is sealed: what would tell the arm is not printed, exported or put on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.speaking import say

if TYPE_CHECKING:
    from estim.records.home import Home

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
)


def sealed_in(home: Home) -> Mapping[str, str]:
    """Session → trial; nothing of trials is imported where a home never had one."""
    from estim.records.beside import chains_in

    if not chains_in(home.root, "trials"):
        return {}
    from estim.trial.site import blinded_sessions

    return blinded_sessions(home)


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


def masked(home: Home, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a list: of a blinded session who, when and how it ended, and nothing else."""
    sealed = sealed_in(home)
    return [
        {key: value if key in KEPT else _nothing(value) for key, value in row.items()}
        if row["session"] in sealed
        else row
        for row in rows
    ]


def _nothing(value: object) -> object:
    return "blinded" if isinstance(value, str) else 0 if isinstance(value, int) else None
