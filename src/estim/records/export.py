"""Export: sessions as JSON and CSV, whole or de-identified for research. Every row says whether it was simulated."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from estim.records.summary import ChannelSummary, SessionSummary
from estim.safety.errors import RecordError

SALT_MIN = 16
COLUMNS = (
    "patient", "utc", "simulated", "protocol", "protocol_version", "week", "number", "device", "outcome", "ending",
    "verified", "contractions", "contractions_planned", "therapy_us", "duration_us", "discomfort", "pain", "skin",
    "channel", "name", "muscle", "side", "pads", "frequency_hz", "pulse_width_us", "level_ua", "cap_ua", "sensory_ua",
    "motor_ua", "max_tolerated_ua", "peak_ua", "pulses", "charge_pc", "on_us", "unacknowledged_pulses",
    "dose_recorded", "sent_pulses", "sent_charge_pc", "head",
)  # fmt: skip
_CHANNEL = COLUMNS[COLUMNS.index("channel") : -1]
_UNKNOWN = frozenset({"pulses", "charge_pc"})
# Outcome values and counted flags are kept: the study's data. Free text, times of day, numbers of devices are not.
_FREE_TEXT = frozenset({"event", "note", "comment", "reason", "text"})


def de_identified(sessions: Sequence[SessionSummary], salt: bytes) -> list[SessionSummary]:
    """For research: no operator, device number, path, free text or date.

    Pseudonyms become others that can't be led back without `salt` (HMAC-SHA-256, 16 hex digits), the same for the same
    patient. Dates become days since the patient's first session among `sessions`; head, signature and folder name,
    which lead to the record, are left out. What is left can still single somebody out (a rare protocol, a long course):
    whoever hands it on judges that.

    Args:
        salt: secret of the one who exports, at least 16 bytes; a guessable one would let pseudonyms be tried out.

    Raises:
        RecordError: the salt is too short.
    """
    if len(salt) < SALT_MIN:
        raise RecordError(f"salt: {len(salt)} bytes, at least {SALT_MIN} are needed, or pseudonyms could be guessed")
    first: dict[str, str] = {}
    for session in sessions:
        first[session.patient] = min(first.get(session.patient, session.utc), session.utc)
    return [
        replace(
            session,
            path="",
            session="",
            name="",
            patient=hmac.new(salt, session.patient.encode(), hashlib.sha256).hexdigest()[:16],
            operator="",
            utc=day_of(first[session.patient], session.utc),
            began_ms=0,
            device_id="",
            head="",
            protocol_sha256="",
            reason="",
            unreadable="",
            outcomes={key: value for key, value in session.outcomes.items() if key not in _FREE_TEXT},
            signature={},
            happened=tuple((at, kind, "") for at, kind, _ in session.happened),
            findings=(),
            warnings=(),
        )
        for session in sessions
    ]


def day_of(first: str, this: str) -> str:
    """`day N` since the patient's first session; "" where a date is none."""
    try:
        return f"day {(date.fromisoformat(this[:10]) - date.fromisoformat(first[:10])).days}"
    except ValueError:
        return ""


def to_json(sessions: Iterable[SessionSummary]) -> str:
    """One document, `{"sessions": [...]}`."""
    return json.dumps({"sessions": [one.to_json() for one in sessions]}, ensure_ascii=False, indent=1) + "\n"


def to_csv(sessions: Iterable[SessionSummary]) -> str:
    """One row for each session and channel; a session without channels has one row. What is unknown is left empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for session in sessions:
        whole = {key: getattr(session, key, session.outcomes.get(key, "")) for key in COLUMNS if key not in _CHANNEL}
        channels: tuple[ChannelSummary | None, ...] = session.channels or (None,)
        for channel in channels:
            writer.writerow({key: _cell(value) for key, value in {**whole, **_of(channel)}.items()})
    return out.getvalue()


def _of(channel: ChannelSummary | None) -> dict[str, Any]:
    if channel is None:
        return {}
    unknown = frozenset() if channel.dose_recorded else _UNKNOWN
    return {key: "" if key in unknown else getattr(channel, key) for key in _CHANNEL}


def _cell(value: Any) -> Any:
    """A spreadsheet runs text that begins like a formula; an apostrophe keeps it text."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
