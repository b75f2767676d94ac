"""What a patient's muscles had today (L27), from the records themselves; the index only spares reading them again."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from estim.protocols.muscles import accounts
from estim.records.home import Home
from estim.records.index import Index
from estim.records.keys import known_keys
from estim.records.segment import segments
from estim.records.summary import milliseconds, summarise
from estim.safety.errors import RecordError

# A session lasts some hours at most; folders named by an earlier moment than this before the day can't reach into it.
LONGEST = datetime.timedelta(hours=24)


def safe_name(patient: str) -> str:
    """The patient's part of a session folder's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in patient)[:40]


def folder_name(moment: datetime.datetime, patient: str) -> str:
    """A session folder's name: UTC, then the patient's pseudonym."""
    return f"{moment.astimezone(datetime.UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{safe_name(patient)}"


def minutes_today(
    home: Home, patient: str, *, simulated: bool, now: datetime.datetime | None = None
) -> Mapping[str, int]:
    """L27: minutes of motor ON time above 15 Hz that each muscle had in therapy since midnight, rounded up.

    Finding levels stands apart, as in the dose: some protocols come to the limit exactly. The day is the station's own
    calendar day. A session that reaches over midnight counts whole, and so does one that a clock set back has put into
    the future: more than the truth, never less. A record that broke off counts its output until the device's own timer
    has run out.

    Args:
        now: aware local time; None is the system's.

    Returns:
        `muscle-id/side` → minutes, by the muscle that it counts for, as `safety.verdict.clear` takes them.

    Raises:
        RecordError: the records can't be read. What was given today is then unknown, and nothing may be given.
    """
    moment = now if now is not None else datetime.datetime.now().astimezone()
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    since_ms = int(midnight.timestamp() * 1_000)
    earliest = folder_name(midnight - LONGEST, "")[:8]
    try:
        root = home.records(simulated=simulated)
        folders = sorted(_candidates(root, earliest, safe_name(patient)))
        found = summaries(home, folders)
    except OSError as error:
        raise RecordError(f"what was given today can't be read: {error}") from None
    total_us: dict[str, int] = {}
    for summary in found:
        if summary["patient"] != patient and summary["records"]:
            continue
        began_ms = summary["began_ms"] or milliseconds(_moment_of(Path(summary["path"]).name))
        if began_ms + summary["duration_us"] // 1_000 < since_ms:
            continue
        changed = summary["first_bad"] is not None and summary["ending"] != "torn"
        if changed or summary["unreadable"]:
            reason = summary["unreadable"] or summary["reason"]
            raise RecordError(f"{summary['path']}: {reason}; what this patient was given today is unknown")
        for channel in summary["channels"]:
            # By the vocabulary, whatever the record calls it: two names of one thigh are one account. Two channels on
            # one muscle at the same time count once each: more than the truth, never less.
            for muscle in accounts(channel["muscle"]):
                key = f"{muscle}/{channel['side']}"
                total_us[key] = total_us.get(key, 0) + channel["motor_on_us"]
    return {key: math.ceil(on_us / 60_000_000) for key, on_us in total_us.items() if on_us}


def _candidates(root: Path, earliest: str, safe: str) -> Iterable[Path]:
    if not root.is_dir():
        return
    ending = f"-{safe}"
    for name in os.listdir(root):  # names alone: a home may hold a hundred thousand
        if name[:8] >= earliest and name.endswith(ending) and segments(root / name):
            yield root / name


def summaries(home: Home, folders: list[Path]) -> list[Mapping[str, Any]]:
    """What these sessions come to, in the shape of `SessionSummary.to_json`: from the index where it is up to date.

    Raises:
        OSError: a record can't be read.
    """
    index: Index | None = None
    if folders:
        with contextlib.suppress(RecordError):  # damaged or held: the records are what counts
            index = Index(home)
    try:
        keys = known_keys(home.root)
        return [_known(index, folder) or summarise(folder, keys=keys).to_json() for folder in folders]
    finally:
        if index is not None:
            index.close()


def _known(index: Index | None, folder: Path) -> Mapping[str, Any] | None:
    if index is None:
        return None
    with contextlib.suppress(RecordError):
        return index.summary(folder, sum(path.stat().st_size for path in segments(folder)))
    return None


def _moment_of(name: str) -> str:
    stamp = name.split("Z-", maxsplit=1)[0]
    if len(stamp) < 15:
        return ""
    day, clock = stamp[:8], stamp[9:]
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}+00:00"
