"""From a record's lines to rows of tables. Whole numbers stay whole; what is not known is None and never 0."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from estim.data.research import for_research
from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.records.chain import Entry
from estim.records.export import SALT_MIN
from estim.records.summary import SessionSummary
from estim.safety.errors import RecordError

Row = dict[str, Any]
_MARKS = {"sensory": "sensory_ua", "motor": "motor_ua", "max-tolerated": "max_tolerated_ua"}


@dataclass(slots=True)
class Rows:
    """One session's rows by table."""

    session: str
    simulated: bool
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        """One row."""
        self.tables.setdefault(table, []).append({"session": self.session, "simulated": self.simulated, **row})


class Rekeyed:
    """Pseudonyms and sessions under a secret: the same for the same, and no way back without the salt.

    Raises:
        RecordError: the salt is too short.
    """

    def __init__(self, salt: bytes) -> None:
        if len(salt) < SALT_MIN:
            raise RecordError(
                f"salt: {len(salt)} bytes, at least {SALT_MIN} are needed, or pseudonyms could be guessed"
            )
        self._salt = salt

    def of(self, kind: str, name: str) -> str:
        """What stands in the tables for the pseudonym or session (`kind`) `name`: a keyed digest, 16 digits."""
        return hmac.new(self._salt, f"{kind} {name}".encode(), hashlib.sha256).hexdigest()[:16]


def rows_of(
    folder: str, summary: SessionSummary, entries: Iterable[Entry], *, utc: str, research: Rekeyed | None = None
) -> Rows:
    """All rows of one session."""
    name = research.of("session", folder) if research is not None else folder
    made = Rows(name, summary.simulated)
    purpose, setups, doses = "", {}, {}
    levels: dict[tuple[str, int], int] = {}
    marks: dict[tuple[str, int], dict[str, int]] = {}
    for entry in entries:
        said = entry.fields
        if entry.kind == kinds.SetupLine.KIND:
            purpose = str(said["purpose"])
            setups[purpose] = said
        elif entry.kind == lines.Dose.KIND:
            doses[said["purpose"]] = said
        elif entry.kind in {"raised", "lowered"}:
            levels[purpose, said["channel"]] = said["level_ua"]
        elif entry.kind == "levels":
            levels.setdefault((purpose, said["channel"]), said["level_ua"])
            if said["mark"] in _MARKS:
                marks.setdefault((purpose, said["channel"]), {})[_MARKS[said["mark"]]] = said["level_ua"]
        if entry.kind in {"command", "unanswered"}:
            _command(made, entry, purpose)
        elif entry.kind == "contraction":
            made.add(
                "contractions", purpose=said.get("purpose", purpose), n=said["n"], t_us=entry.t_us, whole=said["whole"]
            )
        else:
            kept = said if research is None else for_research(entry.kind, said)
            text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            made.add("events", n=entry.n, t_us=entry.t_us, kind=entry.kind, fields=text)
    _session(made, summary, utc, research)
    all_marks: dict[int, dict[str, int]] = {}
    for (_, channel), found in marks.items():
        all_marks.setdefault(channel, {}).update(found)
    for kind, setup in setups.items():
        _channels(made, kind, setup, doses.get(kind), levels, all_marks, summary)
    for measure, value in summary.outcomes.items():
        number = _number(value)
        if number is None and research is not None:
            continue  # words that somebody typed
        made.add(
            "measures",
            measure=measure,
            value=number,
            text=None if number is not None else str(value),
            unit=None,
            side=None,
        )
    for said in summary.measured:
        number = _number(said["value"])
        made.add(
            "measures",
            measure=said["name"],
            value=number,
            text=None if number is not None else said["value"],
            unit=said.get("unit"),
            side=said.get("side"),
        )
    return made


# What a command says that leaves no channel on; without a row of its own, no timeline would show when output ended.
NONE_ON = {
    "channel": None, "amplitude_ua": 0, "pulse_width_us": None, "interphase_us": None, "period_us": None,
    "burst_pulses": None,
}  # fmt: skip


def outputs(said: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a command set: a row for each channel that it leaves on, or the one that says that none is."""
    return said["channels"] or (NONE_ON,)


def _command(made: Rows, entry: Entry, purpose: str) -> None:
    said = entry.fields
    for row in outputs(said):
        made.add(
            "commands",
            n=entry.n,
            t_us=entry.t_us,
            purpose=purpose or None,
            command=said["command"],
            channel=row["channel"],
            amplitude_ua=row["amplitude_ua"],
            pulse_width_us=row["pulse_width_us"],
            interphase_us=row["interphase_us"],
            period_us=row["period_us"],
            burst_pulses=row.get("burst_pulses", 1),  # a single pulse has none in its line
            sent_us=said["sent_us"],
            ack_us=said.get("ack_us"),
        )


def _session(made: Rows, summary: SessionSummary, utc: str, research: Rekeyed | None) -> None:
    made.add(
        "sessions",
        patient=research.of("patient", summary.patient) if research is not None else summary.patient,
        utc=utc or None,
        protocol=summary.protocol or None,
        protocol_version=summary.protocol_version or None,
        protocol_sha256=summary.protocol_sha256 or None,
        week=summary.week or None,
        number=summary.number or None,
        device=summary.model or None,
        firmware=summary.firmware or None,
        outcome=summary.outcome or None,
        ending=summary.ending,
        contractions=None if summary.unknown else summary.contractions,
        contractions_planned=summary.contractions_planned or None,
        duration_us=None if summary.unknown else summary.duration_us,
        therapy_us=None if summary.unknown else summary.therapy_us,
        verified=summary.verified,
        head=(summary.head or None) if research is None else None,
        program=summary.software or None,
    )


def _channels(
    made: Rows,
    purpose: str,
    setup: Mapping[str, Any],
    dose: Mapping[str, Any] | None,
    levels: Mapping[tuple[str, int], int],
    marks: Mapping[int, Mapping[str, int]],
    summary: SessionSummary,
) -> None:
    accounts = {row["channel"]: row for row in dose["channels"]} if dose is not None else {}
    begin = {view.channel: view for view in summary.channels}
    for channel in setup["schedule"]["channels"]:
        number = channel["channel"]
        account = accounts.get(
            number, dict.fromkeys(("charge_pc", "pulses", "on_us", "peak_ua", "unacknowledged_pulses"), 0)
        )
        known = account if dose is not None else {}
        level = levels.get((purpose, number))
        if level is None and purpose == "therapy" and number in begin:
            level = begin[number].level_ua
        made.add(
            "channels",
            purpose=purpose,
            channel=number,
            name=channel["name"],
            muscle=channel.get("muscle"),
            side=channel.get("side"),
            charge_pc=known.get("charge_pc"),
            pulses=known.get("pulses"),
            on_us=known.get("on_us"),
            peak_ua=known.get("peak_ua"),
            level_ua=level,
            sensory_ua=marks.get(number, {}).get("sensory_ua"),
            motor_ua=marks.get(number, {}).get("motor_ua"),
            max_tolerated_ua=marks.get(number, {}).get("max_tolerated_ua"),
            unacknowledged_pulses=known.get("unacknowledged_pulses"),
            basis=(dose.get("basis") or "acknowledged") if dose is not None else None,
        )


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if number - number == 0 else None
