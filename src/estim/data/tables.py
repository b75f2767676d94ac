"""The data dictionary: every table and column that `records export --format parquet` writes. The README and
`datapackage.json` beside the tables are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its DuckDB type and what it says."""

    name: str
    type: str
    says: str


TEXT, WHOLE, YES = "VARCHAR", "BIGINT", "BOOLEAN"
_SESSION = Column("session", TEXT, "the session's folder; joins all tables")
_SIMULATED = Column("simulated", YES, "no person was stimulated; simulated and real rows never share a file")
_PURPOSE = Column("purpose", TEXT, "low-rate, titration or therapy")
_T = Column("t_us", WHOLE, "session clock at the line")
_N = Column("n", WHOLE, "number of the record's line")
_CHANNEL = Column("channel", WHOLE, "device channel, from 1")


def _table(*columns: Column | tuple[str, str, str]) -> tuple[Column, ...]:
    made = [column if isinstance(column, Column) else Column(*column) for column in columns]
    return (made[0], _SIMULATED, *made[1:])


TABLES: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "sessions": _table(
            _SESSION,
            ("patient", TEXT, "pseudonym; with --research another that can't be led back without the salt"),
            ("utc", TEXT, "wall time of the sign-in; with --research the day since the patient's first session"),
            ("protocol", TEXT, "its id"),
            ("protocol_version", TEXT, "as the file says"),
            ("protocol_sha256", TEXT, "of the file's bytes"),
            ("week", WHOLE, "of the course, from 1"),
            ("number", WHOLE, "of the session in the course, from 1"),
            ("device", TEXT, "model"),
            ("firmware", TEXT, "as the device tells"),
            ("outcome", TEXT, "completed, stopped, refused, fault or uncertain"),
            ("ending", TEXT, "of the record: complete, take-over, torn or incomplete"),
            ("contractions", WHOLE, "of therapy that reached their plateau"),
            ("contractions_planned", WHOLE, "of the whole plan; NULL where it has none"),
            ("duration_us", WHOLE, "from sign-in to the last line"),
            ("therapy_us", WHOLE, "therapy clock, pauses excluded"),
            ("verified", YES, "the record is what was written"),
            ("head", TEXT, "hash of the sealed record"),
            ("program", TEXT, "that wrote it"),
        ),
        "channels": _table(
            _SESSION,
            _PURPOSE,
            _CHANNEL,
            ("name", TEXT, "of the protocol's channel"),
            ("muscle", TEXT, "its id in the vocabulary"),
            ("side", TEXT, "left or right"),
            ("charge_pc", WHOLE, "sum of first phases of acknowledged pulses; NULL where no dose was recorded"),
            ("pulses", WHOLE, "acknowledged; NULL where no dose was recorded"),
            ("on_us", WHOLE, "time with current, ramps included"),
            ("peak_ua", WHOLE, "highest acknowledged current"),
            ("level_ua", WHOLE, "the last level that played"),
            ("sensory_ua", WHOLE, "mark made in this session"),
            ("motor_ua", WHOLE, "mark made in this session"),
            ("max_tolerated_ua", WHOLE, "mark made in this session"),
            ("unacknowledged_pulses", WHOLE, "of commands that were never acknowledged: they may have flowed"),
            ("basis", TEXT, "acknowledged, or commands where a take-over counted"),
        ),
        "contractions": _table(
            _SESSION, _PURPOSE, ("n", WHOLE, "of the contraction, from 1"), _T, ("whole", YES, "played to its end")
        ),
        "commands": _table(
            _SESSION,
            _N,
            _T,
            _PURPOSE,
            ("command", WHOLE, "its number"),
            ("channel", WHOLE, "device channel, from 1; NULL where the command leaves no channel on"),
            ("amplitude_ua", WHOLE, "current of one phase; 0 where none is on"),
            ("pulse_width_us", WHOLE, "duration of one phase"),
            ("interphase_us", WHOLE, "gap between both phases"),
            ("period_us", WHOLE, "from pulse to pulse, or from burst to burst"),
            ("burst_pulses", WHOLE, "pulses at the place of one: 2 of a doublet; their distance stands in the plan"),
            ("sent_us", WHOLE, "session clock at sending"),
            ("ack_us", WHOLE, "from sending to acknowledgement; NULL where none came"),
        ),
        "events": _table(_SESSION, _N, _T, ("kind", TEXT, "of the line"), ("fields", TEXT, "what it says, as JSON")),
        "measures": _table(
            _SESSION,
            ("measure", TEXT, "what was measured or asked"),
            ("value", "DOUBLE", "where it is a number"),
            ("text", TEXT, "where it is not"),
            ("unit", TEXT, "of the value; NULL where the record names none"),
            ("side", TEXT, "left or right; NULL where the record names none"),
        ),
    }
)
FRICTIONLESS: Mapping[str, str] = MappingProxyType(
    {TEXT: "string", WHOLE: "integer", YES: "boolean", "DOUBLE": "number"}
)
