-- The clinic's tables as their first version had them.
CREATE SCHEMA estim;
CREATE TABLE estim.station (
	key_id TEXT NOT NULL, 
	public_key TEXT NOT NULL, 
	name TEXT NOT NULL, 
	login TEXT NOT NULL, 
	PRIMARY KEY (key_id)
);
CREATE TABLE estim.arrival (
	key_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	session TEXT NOT NULL, 
	segments INTEGER NOT NULL, 
	sha256 TEXT NOT NULL, 
	arrived TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (key_id, kind, session), 
	FOREIGN KEY(key_id) REFERENCES estim.station (key_id)
);
CREATE TABLE estim.chunk (
	key_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	session TEXT NOT NULL, 
	segment INTEGER NOT NULL, 
	first_byte BIGINT NOT NULL, 
	data BYTEA NOT NULL, 
	arrived TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (key_id, kind, session, segment, first_byte), 
	FOREIGN KEY(key_id) REFERENCES estim.station (key_id)
);
CREATE TABLE estim.session (
	key_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	session TEXT NOT NULL, 
	patient TEXT NOT NULL, 
	operator TEXT NOT NULL, 
	protocol TEXT NOT NULL, 
	began TIMESTAMP WITH TIME ZONE, 
	outcome TEXT NOT NULL, 
	ending TEXT NOT NULL, 
	verified BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	head TEXT NOT NULL, 
	lines INTEGER NOT NULL, 
	summary JSONB NOT NULL, 
	checked TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (key_id, kind, session), 
	FOREIGN KEY(key_id) REFERENCES estim.station (key_id)
);
CREATE INDEX session_by_time ON estim.session (kind, began);
CREATE INDEX session_by_patient ON estim.session (kind, patient, began);

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
