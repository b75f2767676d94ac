"""One patient's courses, read from the records under a home: for a screen, while the index may be behind or missing."""

from __future__ import annotations

import os
from pathlib import Path

from estim.protocols.catalogue import find
from estim.protocols.loader import load
from estim.records.beside import blinded_sessions
from estim.records.course import Course, Prescribed, course
from estim.records.folders import safe_name
from estim.records.home import Home
from estim.records.index import Index
from estim.records.segment import segments
from estim.safety.errors import EstimError


def courses(home: Home, patient: str, *, simulated: bool, now_ms: int) -> tuple[Course, ...]:
    """Each protocol that this patient was treated with, the one of the latest session first.

    Raises:
        OSError: the records can't be read.
    """
    root, ending = home.records(simulated=simulated), f"-{safe_name(patient)}"
    names = sorted(os.listdir(root)) if root.is_dir() else []
    sealed = blinded_sessions(home.root)  # of a trial: their protocol would tell the arm
    names = [name for name in names if name.endswith(ending) and name not in sealed]
    folders = [root / name for name in names if segments(root / name)]
    with Index(home) as index:
        rows = [row for row in index.summaries(folders) if row["patient"] == patient and row["protocol"]]
    protocols = dict.fromkeys(row["protocol"] for row in reversed(rows))  # folders' names begin with the time
    found = (
        course(rows, patient, protocol, plan=plan_of(protocol, own=home.protocols), now_ms=now_ms)
        for protocol in protocols
    )
    return tuple(one for one in found if one.delivered)


def plan_of(protocol: str, *, own: Path | None) -> Prescribed | None:
    """What the protocol asks for; None where its file is not there any more."""
    try:
        dose = load(find(protocol, own=own)).dose
    except (EstimError, OSError):
        return None
    days = dose.days_per_week if isinstance(dose.days_per_week, tuple) else (dose.days_per_week, dose.days_per_week)
    weeks = dose.weeks if isinstance(dose.weeks, int) else dose.weeks[1]
    return Prescribed(sessions_per_day=dose.sessions_per_day, days_per_week=days, weeks=weeks)
