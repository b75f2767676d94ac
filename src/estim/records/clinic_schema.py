"""Many stations, one PostgreSQL: its tables, and who may do what with them. `schema_sql` also brings an older one on.

Stations bring whole records in pieces and can't change or remove one that has arrived; a checker verifies what arrived
and writes the index; readers see the index, auditors everything. The database's roles and row policies hold that, not
this program.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

SCHEMA = "estim"
METADATA = MetaData(schema=SCHEMA)

# One row for each key that a station ever had: rows of one login are one station, and its first key is its name here.
STATION = Table(
    "station", METADATA,
    Column("key_id", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("entered", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("reason", Text, nullable=False, server_default=""),
)  # fmt: skip
# A record's bytes, in the order of its segments; session "" is the chain of that kind (real, simulated: of sessions;
# station: the station's own).
CHUNK = Table(
    "chunk", METADATA,
    Column("key_id", Text, ForeignKey(STATION.c.key_id), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("segment", Integer, primary_key=True),
    Column("first_byte", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("arrived", DateTime(timezone=True), nullable=False, server_default=func.now()),
)  # fmt: skip
ARRIVAL = Table(
    "arrival", METADATA,
    Column("key_id", Text, ForeignKey(STATION.c.key_id), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("segments", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("arrived", DateTime(timezone=True), nullable=False, server_default=func.now()),
)  # fmt: skip
# A station came to the end of a pass: of the chain's first `lines` lines everything has been sent that is sealed.
PASS = Table(
    "pass", METADATA,
    Column("key_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("finished", DateTime(timezone=True), primary_key=True, server_default=func.clock_timestamp()),
    Column("lines", Integer, nullable=False),
    Column("waiting", postgresql.ARRAY(Text), nullable=False),  # not finished there yet
)  # fmt: skip
# What a chain names, as the checker read it, and how far it has read.
NAMED = Table(
    "named", METADATA,
    Column("key_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("seen", DateTime(timezone=True), nullable=False, server_default=func.now()),
)  # fmt: skip
READ_TO = Table(
    "read_to", METADATA,
    Column("key_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("head", Text, nullable=False),
    Column("bad", Text, nullable=False),
)  # fmt: skip
SESSION = Table(
    "session", METADATA,
    Column("key_id", Text, ForeignKey(STATION.c.key_id), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("began", DateTime(timezone=True)),
    Column("outcome", Text, nullable=False),
    Column("ending", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("summary", postgresql.JSONB, nullable=False),
    Column("checked", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("sound", Text, nullable=False, server_default=""),  # what is wrong with the record itself; "" if nothing
)  # fmt: skip
INDEXES = (
    Index("session_by_time", SESSION.c.kind, SESSION.c.began),
    Index("session_by_patient", SESSION.c.kind, SESSION.c.patient, SESSION.c.began),
)

# Columns that tables of version 1 did not have.
_SINCE_1 = (STATION.c.entered, STATION.c.reason, SESSION.c.sound)

ROLES = """
DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY ARRAY['estim_station', 'estim_checker', 'estim_reader', 'estim_lead', 'estim_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA estim TO estim_station, estim_checker, estim_reader, estim_lead, estim_auditor;
GRANT SELECT ON estim.version TO estim_station, estim_checker, estim_reader, estim_lead, estim_auditor;
-- A station adds and looks; it has no way to change or remove. It sees its own rows alone.
GRANT SELECT ON estim.station TO estim_station, estim_checker, estim_auditor;
GRANT SELECT, INSERT ON estim.chunk, estim.arrival, estim.pass TO estim_station;
-- The checker reads what arrived and writes the index.
GRANT SELECT ON estim.chunk, estim.arrival, estim.pass TO estim_checker, estim_auditor;
GRANT SELECT, INSERT, UPDATE ON estim.session TO estim_checker;
GRANT SELECT, INSERT, UPDATE, DELETE ON estim.named, estim.read_to TO estim_checker;
GRANT SELECT ON estim.session TO estim_reader, estim_auditor;
GRANT SELECT ON estim.named, estim.read_to TO estim_auditor;
"""
_OWN_ROWS = """
ALTER TABLE estim.{table} ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS station_{table} ON estim.{table};
CREATE POLICY station_{table} ON estim.{table} TO estim_station
    USING (key_id IN (SELECT key_id FROM estim.station WHERE login = current_user))
    WITH CHECK (key_id IN (SELECT key_id FROM estim.station WHERE login = current_user));
DROP POLICY IF EXISTS read_{table} ON estim.{table};
CREATE POLICY read_{table} ON estim.{table} FOR SELECT TO estim_checker, estim_auditor USING (true);
"""
# What somebody who answers for a clinic asks each day. Practice is left out.
VIEWS = """
DROP VIEW IF EXISTS estim.today, estim.unsigned, estim.faults, estim.dose_by_muscle;
CREATE VIEW estim.today AS
    SELECT t.name AS station, s.session, s.patient, s.operator, s.protocol, s.began, s.outcome, s.verified, s.reason
    FROM estim.session s JOIN estim.station t USING (key_id)
    WHERE s.kind = 'real' AND s.began >= date_trunc('day', now()) ORDER BY s.began;
CREATE VIEW estim.unsigned AS
    SELECT t.name AS station, s.session, s.patient, s.operator, s.began, s.outcome
    FROM estim.session s JOIN estim.station t USING (key_id)
    WHERE s.kind = 'real' AND NOT coalesce((s.summary ->> 'signed_by_person')::boolean, false) ORDER BY s.began;
CREATE VIEW estim.faults AS
    SELECT t.name AS station, s.session, s.patient, s.operator, s.began, s.outcome, s.verified, s.reason
    FROM estim.session s JOIN estim.station t USING (key_id)
    WHERE s.kind = 'real' AND (s.outcome IN ('fault', 'uncertain') OR NOT s.verified) ORDER BY s.began;
CREATE VIEW estim.dose_by_muscle AS
    SELECT s.patient, c ->> 'muscle' AS muscle, c ->> 'side' AS side, date_trunc('day', s.began) AS day,
        count(*) AS sessions, sum((c ->> 'pulses_least')::bigint) AS pulses_at_least,
        sum((c ->> 'pulses_most')::bigint) AS pulses_at_most, sum((c ->> 'charge_pc')::numeric) AS charge_pc,
        sum((c ->> 'motor_on_us')::numeric) / 60e6 AS motor_minutes
    FROM estim.session s, jsonb_array_elements(s.summary -> 'channels') c
    WHERE s.kind = 'real' AND s.verified GROUP BY 1, 2, 3, 4;
GRANT SELECT ON estim.today, estim.unsigned, estim.faults, estim.dose_by_muscle TO estim_lead, estim_auditor;
"""


_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS estim.version (number integer PRIMARY KEY, since timestamptz DEFAULT now())",
    # What version 1 found bad stays so until `check --again`.
    "UPDATE estim.session SET sound = reason WHERE NOT verified AND sound = ''"
    " AND NOT EXISTS (SELECT FROM estim.version WHERE number >= 2)",
    "INSERT INTO estim.version VALUES (2) ON CONFLICT DO NOTHING",
)


def schema_sql() -> str:
    """Everything that an administrator runs, in an empty database or in one of an earlier version; twice does no harm.

    Several statements of one transaction: it is all there, or nothing.
    """
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    tables = [str(CreateTable(one, if_not_exists=True).compile(dialect=dialect)) for one in METADATA.sorted_tables]
    indexes = [str(CreateIndex(one, if_not_exists=True).compile(dialect=dialect)) for one in INDEXES]
    added = [
        f"ALTER TABLE {column.table} ADD COLUMN IF NOT EXISTS {CreateColumn(column).compile(dialect=dialect)}"
        for column in _SINCE_1
    ]
    first = [f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}", *tables, *added, *indexes, *_VERSIONS]
    rows = "".join(_OWN_ROWS.format(table=table) for table in ("chunk", "arrival", "pass"))
    return f"BEGIN;\n{''.join(f'{one.strip()};' + chr(10) for one in first)}{ROLES}{rows}{VIEWS}COMMIT;\n"
