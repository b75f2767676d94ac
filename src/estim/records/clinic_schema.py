"""Many stations, one PostgreSQL: its tables, and who may do what with them.

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
from sqlalchemy.schema import CreateIndex, CreateTable

SCHEMA = "estim"
METADATA = MetaData(schema=SCHEMA)

STATION = Table(
    "station", METADATA,
    Column("key_id", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
)  # fmt: skip
# A record's bytes, in the order of its segments; session "" is the station's master chain.
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
)  # fmt: skip
INDEXES = (
    Index("session_by_time", SESSION.c.kind, SESSION.c.began),
    Index("session_by_patient", SESSION.c.kind, SESSION.c.patient, SESSION.c.began),
)

ROLES = """
CREATE ROLE estim_station NOLOGIN;
CREATE ROLE estim_checker NOLOGIN;
CREATE ROLE estim_reader NOLOGIN;
CREATE ROLE estim_auditor NOLOGIN;
GRANT USAGE ON SCHEMA estim TO estim_station, estim_checker, estim_reader, estim_auditor;
-- A station adds and looks; it has no way to change or remove. It sees its own rows alone.
GRANT SELECT ON estim.station TO estim_station, estim_checker, estim_auditor;
GRANT SELECT, INSERT ON estim.chunk, estim.arrival TO estim_station;
ALTER TABLE estim.chunk ENABLE ROW LEVEL SECURITY;
ALTER TABLE estim.arrival ENABLE ROW LEVEL SECURITY;
CREATE POLICY station_chunk ON estim.chunk TO estim_station
    USING (key_id IN (SELECT key_id FROM estim.station WHERE login = current_user))
    WITH CHECK (key_id IN (SELECT key_id FROM estim.station WHERE login = current_user));
CREATE POLICY station_arrival ON estim.arrival TO estim_station
    USING (key_id IN (SELECT key_id FROM estim.station WHERE login = current_user))
    WITH CHECK (key_id IN (SELECT key_id FROM estim.station WHERE login = current_user));
-- The checker reads what arrived and writes the index.
GRANT SELECT ON estim.chunk, estim.arrival TO estim_checker, estim_auditor;
GRANT SELECT, INSERT, UPDATE ON estim.session TO estim_checker;
CREATE POLICY read_chunk ON estim.chunk FOR SELECT TO estim_checker, estim_auditor USING (true);
CREATE POLICY read_arrival ON estim.arrival FOR SELECT TO estim_checker, estim_auditor USING (true);
GRANT SELECT ON estim.session TO estim_reader, estim_auditor;
"""


def schema_sql() -> str:
    """Everything that an administrator runs once, in an empty database."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    tables = [str(CreateTable(table).compile(dialect=dialect)).strip() for table in METADATA.sorted_tables]
    indexes = [str(CreateIndex(index).compile(dialect=dialect)).strip() for index in INDEXES]
    return f"CREATE SCHEMA {SCHEMA};\n" + "".join(f"{one};\n" for one in [*tables, *indexes]) + ROLES
