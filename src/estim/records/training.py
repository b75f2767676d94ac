"""What operators have practised: which objective, on which day, in which simulated session. Kept with the operator.

One JSON line for each objective that was met, in `training.jsonl` of the home; the console judges it by what was done
and never by what somebody ticks. It is evidence of practice, no examination.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from estim.records.home import Home
from estim.safety.errors import RecordError

# In the order in which they are learnt. Training is the barrier that those who use stimulation name first.
OBJECTIVES = (
    "stop-space", "stop-f12", "stop-escape", "find-levels", "pad-lost", "pain", "pause", "emg", "crash", "two-patients",
)  # fmt: skip


def training_file(home: Home) -> Path:
    """Where it lies."""
    return home.root / "training.jsonl"


def met(home: Home) -> Mapping[str, Mapping[str, str]]:
    """Operator → objective → the day on which it was first met.

    Raises:
        RecordError: the file can't be read, or a line of it is none.
    """
    path = training_file(home)
    found: dict[str, dict[str, str]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            operator, objective, day = str(entry["operator"]), str(entry["objective"]), str(entry["day"])
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                continue  # a last line that a power cut left unfinished
            raise RecordError(f"{path}:{number}: no line of training: {error}") from error
        found.setdefault(operator, {}).setdefault(objective, day)
    return found


def enter(home: Home, operator: str, objective: str, session: str, *, day: datetime.date | None = None) -> None:
    """One objective was met; a second time adds nothing.

    Args:
        session: the simulated record in which it was done.

    Raises:
        RecordError: it can't be written.
    """
    path = training_file(home)
    if objective in met(home).get(operator, {}):
        return
    when = (day or datetime.datetime.now().astimezone().date()).isoformat()
    line = json.dumps({"day": when, "operator": operator, "objective": objective, "session": session}, sort_keys=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RecordError(f"{path}: {error}") from error


def lacking(home: Home, operator: str, asked: Sequence[str]) -> tuple[str, ...]:
    """Those of `asked` that this operator has not met, in their order; all of them where nobody can read the file."""
    try:
        done = met(home).get(operator, {})
    except RecordError:
        done = {}
    return tuple(one for one in asked if one not in done)
