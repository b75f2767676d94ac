"""Three stations and a real PostgreSQL server: every record arrives once, verified, whatever the network does."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from estim.cli import main
from estim.records import clinic_push
from estim.records.clinic_check import check
from estim.records.clinic_push import push
from estim.records.clinic_schema import schema_sql
from estim.records.home import Home
from estim.records.keys import known_keys
from estim.safety.errors import RecordError
from tests.records.build import NOON, session
from tests.system.postgres import Server, find_bin

HOUR = datetime.timedelta(hours=1)
BINARIES = find_bin()
pytestmark = pytest.mark.skipif(BINARIES is None, reason="no PostgreSQL server is installed")


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    assert BINARIES is not None
    server = Server(BINARIES)
    server.run(schema_sql())
    for login, role in (("checker", "estim_checker"), ("reader", "estim_reader"), ("auditor", "estim_auditor")):
        server.run(f"CREATE ROLE {login} LOGIN IN ROLE {role}")
    for number in range(3):
        server.run(f"CREATE ROLE station{number} LOGIN IN ROLE estim_station")
    yield server
    server.remove()


@pytest.fixture
def server(running: Server) -> Server:
    running.run(
        "TRUNCATE estim.station, estim.chunk, estim.arrival, estim.session, estim.pass, estim.named, estim.read_to"
    )
    return running


def station(server: Server, root: Path, number: int, sessions: int = 2) -> Home:
    """A home with sessions, whose key the clinic knows."""
    home = Home(root / f"station{number}")
    for at in range(sessions):
        session(home, f"K-{number}{at}", at=NOON + at * HOUR, end=("completed", "fault")[at % 2], simulated=False)
    ((key_id, public),) = known_keys(home.root).items()
    row = (key_id, public, f"room {number}", f"station{number}")
    server.run("INSERT INTO estim.station VALUES (%s, %s, %s, %s)", values=row)
    return home


def test_every_record_arrives_once_and_verified_while_the_server_comes_and_goes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic_push, "PIECE", 1_000)  # a record is a dozen pieces
    homes = [station(server, tmp_path, number) for number in range(3)]
    pieces = 0

    def stop_after(count: int) -> bool:
        nonlocal pieces
        pieces += 1
        return pieces > count

    for number, home in enumerate(homes):  # each is interrupted in the middle of a record
        pieces = 0
        push(home, server.url(f"station{number}"), stop=lambda: stop_after(9))
    assert server.run("SELECT COUNT(*) FROM estim.arrival") == [(0,)]
    server.stop()
    with pytest.raises(RecordError, match="can't be reached"):
        push(homes[0], server.url("station0"))
    server.start()
    for number, home in enumerate(homes):
        done = push(home, server.url(f"station{number}"))
        assert (done.sessions, done.waiting, done.differs) == (2, 0, [])
        again = push(home, server.url(f"station{number}"))
        assert (again.sessions, again.pieces) == (0, 0)
    checked = check(server.url("checker"))
    assert (checked.sessions, checked.bad, checked.missing) == (6, [], [])
    assert check(server.url("checker")).sessions == 0
    assert check(server.url("checker"), again=True).sessions == 6
    rows = server.run("SELECT patient, outcome, verified, kind FROM estim.session ORDER BY patient", "reader")
    assert [row[0] for row in rows] == ["K-00", "K-01", "K-10", "K-11", "K-20", "K-21"]
    assert {row[2:] for row in rows} == {(True, "real")}


def test_a_connection_that_breaks_in_the_middle_of_a_push_is_said_and_gone_on_from(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic_push, "PIECE", 500)
    home = station(server, tmp_path, 0)
    calls = 0

    def pull_the_cable() -> bool:
        nonlocal calls
        calls += 1
        if calls == 12:
            server.stop()
        return False

    with pytest.raises(RecordError, match="clinic's database"):
        push(home, server.url("station0"), stop=pull_the_cable)
    server.start()
    before = server.run("SELECT COUNT(*) FROM estim.chunk")[0][0]
    assert isinstance(before, int)
    assert before > 5
    done = push(home, server.url("station0"))
    assert done.sessions == 2
    assert check(server.url("checker")).bad == []


def test_a_session_that_runs_is_left_alone_and_one_that_broke_off_is_sent_later(server: Server, tmp_path: Path) -> None:
    home = station(server, tmp_path, 0, sessions=1)
    session(home, "B-1", at=NOON + 5 * HOUR, end="broken", simulated=False)
    done = push(home, server.url("station0"))
    assert (done.sessions, done.waiting) == (1, 1)
    checked = check(server.url("checker"))
    assert [name.rsplit("-", 2)[-2:] for name in checked.waiting] == [["B", "1"]]  # its station says that it runs
    assert checked.missing == []
    assert push(home, server.url("station0"), quiet_s=-1).sessions == 1
    ((_, reason),) = check(server.url("checker")).bad
    assert "not sealed" in reason


def test_what_was_changed_before_or_after_it_was_sent_is_found(server: Server, tmp_path: Path) -> None:
    home = station(server, tmp_path, 0)
    first, second = sorted(path for path in home.records(simulated=False).iterdir() if path.is_dir())
    good = (first / "record.jsonl").read_bytes()
    (first / "record.jsonl").write_bytes(good.replace(b"20000", b"10000"))
    push(home, server.url("station0"))
    (second / "record.jsonl").write_bytes(good)
    assert push(home, server.url("station0")).differs == [second.name]
    ((name, reason),) = check(server.url("checker")).bad
    assert name.endswith(first.name)
    assert "changed" in reason
    server.run("UPDATE estim.chunk SET data = data || 'x' WHERE session = %s", values=(second.name,))
    bad = dict(check(server.url("checker"), again=True).bad)
    assert len(bad) == 2
    master = home.records(simulated=False) / "master.jsonl"
    master.write_bytes(master.read_bytes().splitlines(keepends=True)[0])
    assert "master.jsonl" in push(home, server.url("station0")).differs


def test_a_session_of_another_station_is_not_taken_for_its_own(server: Server, tmp_path: Path) -> None:
    home, other = station(server, tmp_path, 0, sessions=1), station(server, tmp_path, 1, sessions=1)
    (stolen,) = [path for path in other.records(simulated=False).iterdir() if path.is_dir()]
    stolen.rename(home.records(simulated=False) / stolen.name)
    push(home, server.url("station0"))
    ((name, reason),) = check(server.url("checker")).bad
    assert name.endswith(stolen.name)
    assert "trusted" in reason or "key" in reason


def test_the_databases_roles_decide_who_may_do_what(server: Server, tmp_path: Path) -> None:
    home = station(server, tmp_path, 0, sessions=1)
    station(server, tmp_path, 1, sessions=1)
    push(home, server.url("station0"))
    check(server.url("checker"))
    assert server.run("SELECT COUNT(*) FROM estim.arrival", "station0") == [(1,)]
    assert server.run("SELECT COUNT(*) FROM estim.arrival", "station1") == [(0,)]  # another one's rows
    assert server.run("SELECT COUNT(*) FROM estim.chunk", "auditor") != [(0,)]
    assert server.run("SELECT COUNT(*) FROM estim.session", "reader") == [(1,)]
    forbidden = [
        ("station0", "UPDATE estim.chunk SET data = ''"),
        ("station0", "DELETE FROM estim.arrival"),
        ("station0", "SELECT * FROM estim.session"),
        ("station1", "INSERT INTO estim.arrival SELECT key_id, 'real', 'x', 1, '' FROM estim.station"
                     " WHERE login = 'station0'"),
        ("reader", "SELECT * FROM estim.chunk"),
        ("reader", "UPDATE estim.session SET verified = true"),
        ("auditor", "UPDATE estim.session SET verified = true"),
        ("checker", "DELETE FROM estim.chunk"),
        ("checker", "INSERT INTO estim.station VALUES ('a', 'b', 'c', 'd')"),
    ]  # fmt: skip
    for user, sql in forbidden:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.run(sql, user)
    with pytest.raises(RecordError, match="does not know this station"):
        push(Home(tmp_path / "nobody"), server.url("station0"))


def test_the_command_line(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = station(server, tmp_path, 0)
    assert main(["clinic", "push", "--home", str(home.root), "--json", "--url", server.url("station0")]) == 0
    assert json.loads(capsys.readouterr().out)["sessions"] == 2
    monkeypatch.setenv("ESTIM_CLINIC_URL", server.url("checker"))
    assert main(["clinic", "check"]) == 0
    assert "2 sessions verified, 0 bad" in capsys.readouterr().out
    assert main(["clinic", "push", "--home", str(home.root), "--url", "mysql://x"]) == 2
    assert main(["clinic", "schema"]) == 0
    assert "ROW LEVEL SECURITY" in capsys.readouterr().out
    assert main(["clinic", "push", "--home", str(home.root), "--url", "postgresql://secret:word@127.0.0.1:1/x"]) == 1
    assert "word" not in capsys.readouterr().err
