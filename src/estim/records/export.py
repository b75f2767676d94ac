"""Export: sessions as JSON and CSV, whole or de-identified for research. Every row says whether it was simulated."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from estim.records.channel_summary import ChannelSummary
from estim.records.summary import SessionSummary
from estim.records.words import measured_words
from estim.safety.errors import RecordError

SALT_MIN = 16
COLUMNS = (
    "patient", "utc", "simulated", "protocol", "protocol_version", "week", "number", "device", "outcome", "ending",
    "verified", "contractions", "contractions_planned", "therapy_us", "duration_us", "measured", "discomfort",
    "pain", "skin",
    "channel", "name", "muscle", "side", "pads", "frequency_hz", "pulse_width_us", "pulse_form", "level_ua", "cap_ua",
    "sensory_ua", "motor_ua", "max_tolerated_ua", "peak_ua", "pulses", "charge_pc", "on_us", "unacknowledged_pulses",
    "pulses_shown", "pulses_least", "pulses_most", "dose_recorded", "sent_pulses", "sent_charge_pc", "signed_by",
    "signed_name", "signed_meaning", "signed_utc", "signed_with_pin", "head",
)  # fmt: skip
_CHANNEL = COLUMNS[COLUMNS.index("channel") : COLUMNS.index("signed_by")]
_NUMBER = re.compile(r"-?\d+\.\d+")
_UNKNOWN = frozenset({"pulses", "charge_pc"})
_COUNTED = ("contractions", "contractions_planned", "therapy_us", "duration_us")  # of a record that says nothing: none
_SAID = ("week", "number", "began_ms")  # a record that says them says no 0
# Outcome values and counted flags are kept: the study's data. Free text, times of day, numbers of devices are not.
# How bends begin that hold a reason as somebody typed it (`estim.protocols.course`).
_TYPED = ("before its time, because: ", "asked for before output and left out, because: ")
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
            measured=tuple({key: value for key, value in one.items() if key != "by"} for one in session.measured),
            signature={},
            happened=tuple((at, kind, "") for at, kind, _ in session.happened),
            findings=(),
            warnings=(),
            bends=tuple(bend for bend in session.bends if not bend.startswith(_TYPED)),
            qualification="",
        )
        for session in sessions
    ]


def day_of(first: str, this: str) -> str:
    """`day N` since the patient's first session; "" where a date is none."""
    try:
        return f"day {(date.fromisoformat(this[:10]) - date.fromisoformat(first[:10])).days}"
    except ValueError:
        return ""


def unknown_is_null(said: Mapping[str, Any]) -> dict[str, Any]:
    """A session as JSON says it: where its record does not say a number, null; 0 is a number."""
    nothing = [key for key in _SAID if not said[key]]
    if not said["records"] or said["unreadable"]:
        nothing += _COUNTED
    if not said["records"]:
        nothing += ("records", "signed")
    return {**said, **dict.fromkeys(nothing)}


def to_json(sessions: Iterable[SessionSummary]) -> str:
    """One document, `{"sessions": [...]}`; null is unknown."""
    said = [unknown_is_null(one.to_json()) for one in sessions]
    return json.dumps({"sessions": said}, ensure_ascii=False, indent=1) + "\n"


def to_csv(sessions: Iterable[SessionSummary], *, separator: str = ",", decimal: str = ".", bom: bool = False) -> str:
    """One row for each session and channel; a session without channels has one row. What is unknown is left empty.

    Args:
        separator, decimal: where a comma marks fractions, spreadsheets want another separator.
        bom: begin with a byte order mark, without which some spreadsheets take UTF-8 for something else.
    """
    out = io.StringIO()
    out.write("\ufeff" if bom else "")
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\r\n", delimiter=separator)
    writer.writeheader()
    for session in sessions:
        whole = {key: getattr(session, key, session.outcomes.get(key, "")) for key in COLUMNS if key not in _CHANNEL}
        whole |= _signed(session) | {"measured": "; ".join(measured_words(one) for one in session.measured)}
        whole |= dict.fromkeys(_COUNTED, "") if session.unknown else {}
        whole |= {key: whole[key] or "" for key in ("week", "number")}
        channels: tuple[ChannelSummary | None, ...] = session.channels or (None,)
        for channel in channels:
            cells = {**whole, **_of(channel)}
            writer.writerow({key: _cell(value, decimal) for key, value in cells.items()})
    return out.getvalue()


def _signed(session: SessionSummary) -> dict[str, Any]:
    """Who signed; `UNSIGNED` where no person did. De-identified sessions say only that much."""
    if not session.signed_by_person:
        return {"signed_by": "UNSIGNED" if session.head else ""}
    said = session.signature
    return {
        "signed_by": said.get("operator", ""),
        "signed_name": said.get("name", ""),
        "signed_meaning": said.get("meaning", ""),
        "signed_utc": said.get("utc", ""),
        "signed_with_pin": said.get("authenticated") == "True",
    }


def _of(channel: ChannelSummary | None) -> dict[str, Any]:
    if channel is None:
        return {}
    unknown = frozenset() if channel.dose_recorded else _UNKNOWN
    return {key: "" if key in unknown else getattr(channel, key) for key in _CHANNEL}


def _cell(value: Any, decimal: str = ".") -> Any:
    """A spreadsheet runs text that begins like a formula; an apostrophe keeps it text."""
    if value is None:
        return ""
    if decimal != "." and isinstance(value, str) and _NUMBER.fullmatch(value):
        return value.replace(".", decimal)
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


MEANING = {
    "patient": "pseudonym", "utc": "wall time of the sign-in, UTC", "simulated": "no person was stimulated",
    "protocol": "its id", "protocol_version": "its version", "week": "week of the course, from 1",
    "number": "session of the course, from 1", "device": "the stimulator", "outcome": "completed, stopped, fault, ...",
    "ending": "of the record: complete, take-over, torn, incomplete", "verified": "the record verifies",
    "contractions": "of the therapy, done", "contractions_planned": "of the plan; 0 where it counts none",
    "therapy_us": "time in therapy, pauses left out, µs", "duration_us": "from sign-in to the last line, µs",
    "measured": "before output: measure, value, unit, side, by what",
    "discomfort": "0 to 10, as entered after the session", "pain": "0 to 10, as entered after the session",
    "skin": "as looked at after the session", "channel": "device channel, from 1", "name": "the protocol's channel",
    "muscle": "what it stimulates", "side": "left or right", "pads": "both pads' sizes",
    "frequency_hz": "rates of the protocol, Hz", "pulse_width_us": "one phase, µs",
    "pulse_form": "how pulses differ from single, even, symmetric ones; empty where they do not",
    "level_ua": "last level, µA",
    "cap_ua": "highest current that was cleared, µA", "sensory_ua": "sensory mark, µA; empty where none was made",
    "motor_ua": "motor mark, µA", "max_tolerated_ua": "highest tolerated, µA", "peak_ua": "highest current, µA",
    "pulses": "acknowledged pulses of the therapy; empty where the record does not hold them",
    "charge_pc": "sum of their first phases, pC", "on_us": "time with current, ramps included, µs",
    "unacknowledged_pulses": "pulses of commands that were never acknowledged",
    "pulses_shown": "pulses of the therapy that came whatever the device did: its own status showed them",
    "pulses_least": "pulses that came if the device did what it acknowledged", "pulses_most": "and at most so many",
    "dose_recorded": "the record holds the whole dose", "sent_pulses": "about what the acknowledged commands amount to",
    "sent_charge_pc": "the same as charge, pC", "signed_by": "who signed; UNSIGNED where no person did",
    "signed_name": "printed name", "signed_meaning": "performed, witnessed or reviewed", "signed_utc": "when",
    "signed_with_pin": "a PIN stood behind the name", "head": "SHA-256 of the record's last line",
}  # fmt: skip


def dictionary() -> str:
    """What each column means, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("column", "meaning"))
    writer.writerows((column, MEANING[column]) for column in COLUMNS)
    return out.getvalue()
