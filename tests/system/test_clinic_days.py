"""A clinic's days: pushes and checks at the same time, removed sessions, keys that change, an older database."""

from __future__ import annotations

import datetime
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from estim.cli import main
from estim.records import clinic_push
from estim.records.clinic_check import SHORTER, check
from estim.records.clinic_push import push
from estim.records.clinic_schema import schema_sql
from estim.records.home import Home
from estim.records.station import begin_station, new_key
from estim.safety.errors import RecordError
from tests.records.build import NOON, session
from tests.system.postgres import Server, find_bin

HOUR = datetime.timedelta(hours=1)
FIRST_SCHEMA = Path(__file__).parents[1] / "data" / "clinic" / "schema_1.sql"
pytestmark = pytest.mark.skipif(find_bin() is None, reason="no PostgreSQL server is installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    binaries = find_bin()
    assert binaries is not None
    server = Server(binaries)
    server.run(schema_sql())
    roles = {"checker": "checker", "reader": "reader", "lead": "lead", "auditor": "auditor"}
    for login, role in roles.items() | {(f"station{number}", "station") for number in range(9)}:
        server.run(f"CREATE ROLE {login} LOGIN IN ROLE estim_{role}")
    yield server
    server.remove()


@pytest.fixture
def clinic(server: Server) -> Server:
    server.run(
        "TRUNCATE estim.station, estim.chunk, estim.arrival, estim.session, estim.pass, estim.named, estim.read_to"
    )
    return server


def enter(server: Server, home: Home, number: int, database: str = "postgres") -> None:
    """An administrator enters the key that the home has now."""
    key = begin_station(home.root)
    server.run(
        "INSERT INTO estim.station (key_id, public_key, name, login) VALUES (%s, %s, %s, %s)",
        values=(key.key_id, key.public_hex, f"room {number}", f"station{number}"), database=database,
    )  # fmt: skip


def station(server: Server, root: Path, number: int = 0, sessions: int = 3) -> Home:
    home = Home(root / f"station{number}")
    home.root.mkdir()
    begin_station(home.root)
    for at in range(sessions):
        session(home, f"K-{number}{at}", at=NOON + at * HOUR, simulated=False)
    enter(server, home, number)
    return home


def folders(home: Home) -> list[Path]:
    return sorted(path for path in home.records(simulated=False).iterdir() if path.is_dir())


def all_is_well(server: Server) -> bool:
    found = check(server.url("checker"))
    return not found.bad and not found.missing


def test_a_check_while_a_push_runs_alarms_nobody(clinic: Server, tmp_path: Path) -> None:
    home = station(clinic, tmp_path)
    asked: list[object] = []

    def stop() -> bool:  # asked between pieces: a check in each of these moments
        found = check(clinic.url("checker"))
        asked.append((found.bad, found.missing))
        return False

    assert push(home, clinic.url("station0"), stop=stop).sessions == 3
    assert len(asked) >= 6
    assert {str(one) for one in asked} == {"([], [])"}
    found = check(clinic.url("checker"))
    assert (found.bad, found.missing, found.waiting) == ([], [], [])


def test_a_session_that_is_removed_before_it_was_ever_sent_is_missed_by_the_next_pass(
    clinic: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = station(clinic, tmp_path)
    session(home, "B-1", at=NOON + 5 * HOUR, end="broken", simulated=False)
    sealed, broken = folders(home)[1], folders(home)[-1]
    shutil.rmtree(sealed)
    shutil.rmtree(broken)
    push(home, clinic.url("station0"))
    missing = check(clinic.url("checker")).missing
    assert [name.rsplit("/", 1)[-1] for name in missing] == [sealed.name, broken.name]
    assert main(["clinic", "check", "--url", clinic.url("checker")]) == 1
    assert "MISSING" in capsys.readouterr().out


def test_a_chain_that_is_cut_at_the_station_is_told_at_the_clinic_too(clinic: Server, tmp_path: Path) -> None:
    home = station(clinic, tmp_path)
    gone = folders(home)[1]
    shutil.rmtree(gone)
    push(home, clinic.url("station0"))
    chain = home.records(simulated=False) / "master.jsonl"
    whole = chain.read_bytes()
    chain.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    assert push(home, clinic.url("station0")).differs == ["master.jsonl"]
    found = check(clinic.url("checker"))
    assert [(name.rsplit("/", 1)[-1], why) for name, why in found.bad] == [("master chain", SHORTER)]
    assert [name.rsplit("/", 1)[-1] for name in found.missing] == [gone.name]  # and not on its way again
    chain.write_bytes(whole)
    push(home, clinic.url("station0"))
    assert check(clinic.url("checker")).bad == []


def test_a_station_that_falls_silent_in_the_middle_is_missed_after_half_a_day(clinic: Server, tmp_path: Path) -> None:
    home = station(clinic, tmp_path)
    push(home, clinic.url("station0"), stop=lambda: True)
    found = check(clinic.url("checker"))
    assert (len(found.waiting), found.missing) == (3, [])
    clinic.run("UPDATE estim.named SET seen = seen - interval '13 hours'")
    assert len(check(clinic.url("checker")).missing) == 3


def test_a_new_key_that_the_old_one_signed_needs_nobody(clinic: Server, tmp_path: Path) -> None:
    home = station(clinic, tmp_path)
    push(home, clinic.url("station0"))
    new_key(home.root, operator="T1", reason="the old one was copied")
    session(home, "K-9", at=NOON + 9 * HOUR, simulated=False)
    assert push(home, clinic.url("station0")).sessions == 1  # and not everything anew
    assert all_is_well(clinic)
    assert check(clinic.url("checker"), again=True).sessions == 4
    assert all_is_well(clinic)


def test_a_new_key_after_the_old_one_was_lost_is_entered_and_old_records_stay_good(
    clinic: Server, tmp_path: Path
) -> None:
    home = station(clinic, tmp_path)
    push(home, clinic.url("station0"))
    assert all_is_well(clinic)
    (home.root / "keys" / "station.key").unlink()
    new_key(home.root, operator="T1", reason="the disk died")
    session(home, "K-9", at=NOON + 9 * HOUR, simulated=False)
    push(home, clinic.url("station0"))
    found = check(clinic.url("checker"))
    assert [name.rsplit("/", 1)[-1] for name, _ in found.bad] == ["master chain", folders(home)[-1].name]
    enter(clinic, home, 0)
    assert check(clinic.url("checker"), again=True).sessions == 4
    assert all_is_well(clinic)
    assert clinic.run("SELECT count(DISTINCT key_id) FROM estim.arrival") == [(1,)]


def test_two_stations_push_while_the_clinic_checks(
    clinic: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic_push, "PIECE", 2_000)
    homes = [station(clinic, tmp_path, number, sessions=6) for number in (0, 1)]
    sent = [0, 0]

    def work(number: int) -> None:
        sent[number] = push(homes[number], clinic.url(f"station{number}")).sessions

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    alarms, checks = [], 0
    while any(thread.is_alive() for thread in threads):
        found = check(clinic.url("checker"))
        alarms += [*found.bad, *found.missing]
        checks += 1
    for thread in threads:
        thread.join()
    assert (sent, alarms) == ([6, 6], [])
    assert checks >= 1  # as many as fit beside the pushes: on a busy machine one
    assert all_is_well(clinic)


def test_a_chain_that_was_cut_or_changed_at_the_clinic_is_found(clinic: Server, tmp_path: Path) -> None:
    home = station(clinic, tmp_path)
    push(home, clinic.url("station0"))
    assert all_is_well(clinic)
    clinic.run("UPDATE estim.chunk SET data = set_byte(data, 700, 7) WHERE session = '' AND kind = 'real'")
    assert any("was changed" in why for _, why in check(clinic.url("checker"), again=True).bad)
    clinic.run("UPDATE estim.session SET verified = true, reason = ''")
    assert check(clinic.url("checker"), again=True).bad


def test_what_a_lead_sees(clinic: Server, tmp_path: Path) -> None:
    home = station(clinic, tmp_path, sessions=1)
    session(home, "F-1", at=NOON + 2 * HOUR, end="fault", simulated=False)
    now = datetime.datetime.now(datetime.UTC)
    session(home, "K-7", at=now, simulated=False)
    push(home, clinic.url("station0"))
    check(clinic.url("checker"))
    assert clinic.run("SELECT patient, station FROM estim.today", "lead") == [("K-7", "room 0")]
    assert clinic.run("SELECT patient FROM estim.faults", "lead") == [("F-1",)]
    assert clinic.run("SELECT count(*) FROM estim.unsigned", "lead") == [(0,)]
    clinic.run("UPDATE estim.session SET summary = jsonb_set(summary, '{signed_by_person}', 'false')")
    assert clinic.run("SELECT count(*) FROM estim.unsigned", "lead") == [(3,)]
    row = clinic.run("SELECT muscle, side, sessions, motor_minutes FROM estim.dose_by_muscle LIMIT 1", "lead")[0]
    assert row[:3] == ("quadriceps femoris", "left", 1)
    assert float(str(row[3])) == 1.5
    for table in ("session", "chunk", "station", "arrival"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clinic.run(f"TABLE estim.{table}", "lead")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clinic.run("INSERT INTO estim.pass VALUES ('x', 'real', now(), 9, '{}')", "checker")


def test_a_database_of_the_first_version_is_brought_on_and_twice_does_no_harm(server: Server, tmp_path: Path) -> None:
    for role in ("estim_station", "estim_checker", "estim_reader", "estim_auditor"):
        assert server.run("SELECT count(*) FROM pg_roles WHERE rolname = %s", values=(role,)) == [(1,)]
    server.run("CREATE DATABASE older")
    first = FIRST_SCHEMA.read_text(encoding="utf-8")
    server.run("\n".join(line for line in first.splitlines() if "CREATE ROLE" not in line), database="older")
    home = Home(tmp_path / "home")
    home.root.mkdir()
    begin_station(home.root)
    session(home, "K-1", simulated=False)
    enter(server, home, 8, database="older")
    with pytest.raises(RecordError, match="earlier version"):
        push(home, server.url("station8", "older"))
    for _ in range(2):
        server.run(schema_sql(), database="older")
    assert push(home, server.url("station8", "older")).sessions == 1
    found = check(server.url("checker", "older"))
    assert (found.sessions, found.bad, found.missing) == (1, [], [])
    server.run(schema_sql(), database="older")
    assert check(server.url("checker", "older"), again=True).sessions == 1


def test_a_connection_is_encrypted_and_the_server_is_who_it_says(server: Server, tmp_path: Path) -> None:
    for name in ("own", "other"):
        certificate(tmp_path, name)
    server.encrypted(tmp_path / "own.crt", tmp_path / "own.key")
    server.stop()
    server.start()
    home = station(server, tmp_path, 7, sessions=1)
    url = f"{server.url('station7').replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert={tmp_path}"
    assert push(home, f"{url}/own.crt").sessions == 1
    with pytest.raises(RecordError, match="certificate"):
        push(home, f"{url}/other.crt")


def certificate(folder: Path, name: str) -> None:
    """For localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HOUR)
        .not_valid_after(now + HOUR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    (folder / f"{name}.crt").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_another_machine_needs_a_word_on_encryption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    told = ["clinic", "push", "--home", str(tmp_path), "--url", "postgresql://room1:secret@db.clinic.example/clinic"]
    assert main(told) == 2
    said = capsys.readouterr().err
    assert "sslmode=verify-full" in said
    assert "secret" not in said
