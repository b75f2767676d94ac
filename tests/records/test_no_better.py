"""What a list, a report, an export and `show` say of a session is never better than what `records verify` says."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records import index, index_around
from estim.records.chain import Chain
from estim.records.folders import folder_name
from estim.records.home import Home
from estim.records.keys import seeded_signer, station_signer
from estim.records.patients import Patient, save_patient
from estim.records.signed_chain import append_signed
from estim.records.simulated import SimulatedWriter
from estim.records.station import begin_station
from estim.records.today import minutes_today
from estim.records.writer import RecordWriter
from estim.safety.errors import RecordError
from tests.records.build import NOON, body, forged, session

DAY = datetime.timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A station with three sessions, listed once: the index knows them as good."""
    made = Home(tmp_path / "home")
    begin_station(made.root)
    for number in range(3):
        session(made, f"K-{number + 1}", at=NOON + number * DAY, simulated=False)
    session(made, "S-1", at=NOON)
    assert main(["records", "list", "--home", str(made.root)]) == 0
    return made


@pytest.fixture
def estim(home: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["records", *words, "--home", str(home.root)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def folders(home: Home) -> list[Path]:
    return sorted(path for path in home.records(simulated=False).iterdir() if path.is_dir())


def copied(home: Home, _tmp: Path) -> Path:
    there = home.records(simulated=False) / "20261124T120000.000000Z-K-1"
    shutil.copytree(folders(home)[0], there)
    return there


def of_another_home(home: Home, tmp: Path) -> Path:
    other = Home(tmp / "other")
    begin_station(other.root)
    made = session(other, "K-1", at=NOON + 4 * DAY, simulated=False)
    shutil.copytree(made, home.records(simulated=False) / made.name)
    return home.records(simulated=False) / made.name


def of_another_home_with_its_key(home: Home, tmp: Path) -> Path:
    there = of_another_home(home, tmp)
    with (home.root / "keys" / "station-keys.txt").open("a") as keys:
        keys.write((tmp / "other" / "keys" / "station-keys.txt").read_text())
    return there


def replaced(home: Home, _tmp: Path) -> Path:
    first, second, *_ = folders(home)
    shutil.rmtree(second)
    shutil.copytree(first, second)
    return second


def made_anew(home: Home, tmp: Path) -> Path:
    """With the station's own key, and other lines."""
    copy = Home(tmp / "copy")
    shutil.copytree(home.root, copy.root)
    victim = folders(home)[1]
    shutil.rmtree(copy.root / "records")
    made = session(copy, "K-2", at=NOON + DAY, end="fault", simulated=False)
    assert made.name == victim.name
    shutil.rmtree(victim)
    shutil.copytree(made, victim)
    return victim


def among_the_simulated(home: Home, _tmp: Path) -> Path:
    there = home.records(simulated=True) / folders(home)[0].name
    shutil.move(folders(home)[0], there)
    return there


@pytest.mark.parametrize(
    "done", [copied, of_another_home, of_another_home_with_its_key, replaced, made_anew, among_the_simulated]
)
def test_a_session_that_the_chain_does_not_know_so_is_nowhere_called_verified(
    estim: Any, home: Home, tmp_path: Path, done: Callable[[Home, Path], Path]
) -> None:
    bad = done(home, tmp_path)
    verdict = {row["path"]: row for row in json.loads(estim("verify", "--json")[1])["sessions"]}[str(bad)]
    assert not verdict["ok"]
    listed = {row["path"]: row for row in json.loads(estim("list", "--json")[1])["sessions"]}
    assert {path for path, row in listed.items() if not row["ok"]} == {str(bad)}
    assert listed[str(bad)]["reason"] == verdict["reason"]
    line = next(line for line in estim("list")[1].splitlines() if line.rstrip().endswith(f" {bad.name}"))
    for words in (("report", str(bad)), ("export", str(bad), "--format", "csv"), ("show", str(bad))):
        code, _, said = estim(*words)
        asked = verdict["reason"].split("; ")[-1] if words[0] == "show" else verdict["reason"]  # that asks for no key
        assert (code, asked in said) == (1, True), words
    assert json.loads(estim("report", str(bad), "--json")[1])["verified"] is False
    code, _, said = estim("export", str(bad), "--format", "parquet", "-o", str(tmp_path / "tables"))
    assert (code, "is left out" in said) == (1, True)
    code, _, said = estim("sign", str(bad), "--operator", "T1", "--reason", "late")
    assert (code, verdict["reason"] in said) == (1, True)
    assert line.split()[0] == "BAD"


def test_a_session_that_was_taken_away_is_told_below_the_list(estim: Any, home: Home) -> None:
    gone = folders(home)[0]
    shutil.rmtree(gone)
    document = json.loads(estim("list", "--json")[1])
    assert document["beside"] == [{"path": str(gone), "reason": "the master chain saw this session sealed, it is gone"}]
    assert str(gone) in estim("list", "--patient", "K-3")[1]
    assert str(gone) not in estim("list", "--simulated")[1]


def test_a_chain_that_is_gone_or_changed_is_told_below_the_list(estim: Any, home: Home) -> None:
    chain = home.records(simulated=False) / "master.jsonl"
    was = chain.read_text()
    chain.write_text(was.replace("K-2", "K-9", 1))
    (first, *_) = json.loads(estim("list", "--json")[1])["beside"]
    chain_says = next(row for row in json.loads(estim("list", "--json")[1])["beside"] if row["path"] == str(chain))
    assert "was changed" in chain_says["reason"], first
    chain.unlink()
    document = json.loads(estim("list", "--json")[1])
    assert [row["ok"] for row in document["sessions"] if not row["simulated"]] == [False] * 3
    assert {row["path"] for row in document["beside"]} == {str(chain)}
    assert estim("report", str(folders(home)[0]))[0] == 1
    assert estim("verify", str(folders(home)[0]))[0] == 1
    chain.write_text(was)
    document = json.loads(estim("list", "--json")[1])
    assert all(row["ok"] for row in document["sessions"])
    assert document["beside"] == []


@pytest.mark.skipif(os.name != "posix", reason="this system has no such files or names")
def test_what_lies_among_the_sessions_and_is_none_is_named_and_why(
    estim: Any, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = home.records(simulated=False)
    os.mkfifo(records / "a-pipe")
    (records / "a-file").write_text("")
    (records / "a-link").symlink_to("/nowhere/at/all")
    for name in ("of-nothing", "empty", "with-a-pipe", "with-a-link", "behind-a-gap"):
        (records / name).mkdir()
    (records / "empty" / "record.jsonl").write_bytes(b"")
    os.mkfifo(records / "with-a-pipe" / "record.jsonl")
    (records / "with-a-link" / "record.jsonl").symlink_to("/nowhere/at/all")
    shutil.copy(folders(home)[0] / "record.jsonl", records / "behind-a-gap" / "record.1.jsonl")
    young = json.loads(estim("list", "--real", "--json")[1])["beside"]
    assert {Path(row["path"]).name for row in young} == {"a-pipe", "a-file", "a-link"}  # no session begins so
    monkeypatch.setattr(index_around, "_JUST_NOW_S", 0.0)
    said = {Path(row["path"]).name: row["reason"] for row in json.loads(estim("list", "--real", "--json")[1])["beside"]}
    assert said == {
        "a-pipe": "it is a pipe, not a session's folder",
        "a-file": "it is a file, not a session's folder",
        "a-link": "it is a link to /nowhere/at/all, which is not there, not a session's folder",
        "of-nothing": "it has no record.jsonl",
        "empty": "its record is empty",
        "with-a-pipe": "its record.jsonl is a pipe",
        "with-a-link": "its record.jsonl is a link to /nowhere/at/all, which is not there",
        "behind-a-gap": "it has no record.jsonl, only what follows it",
    }
    text = estim("list", "--real")[1]
    assert all(f"{records / name}: {reason}" in text for name, reason in said.items())


def test_a_record_that_was_emptied_where_it_lies_is_told_below_the_list(
    estim: Any, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = folders(home)[1]
    (victim / "record.jsonl").write_bytes(b"")
    monkeypatch.setattr(index_around, "_JUST_NOW_S", 0.0)
    document = json.loads(estim("list", "--json")[1])
    assert document["beside"] == [{"path": str(victim), "reason": "its record is empty"}]
    assert victim.name not in {row["session"] for row in document["sessions"]}


def test_of_a_record_that_can_not_be_read_no_number_is_said(estim: Any, home: Home) -> None:
    victim = folders(home)[1] / "record.jsonl"
    victim.unlink()
    victim.mkdir()
    (row,) = (row for row in json.loads(estim("list", "--json")[1])["sessions"] if not row["ok"])
    numbers = ("records", "signed", "contractions", "contractions_planned", "duration_us", "therapy_us", "began_ms")
    assert {key: row[key] for key in (*numbers, "week", "number")} == dict.fromkeys((*numbers, "week", "number"))
    assert "day unknown" in estim("list")[1]


def test_a_list_looks_at_the_chain_again_only_when_something_was_touched(
    estim: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_around, "_JUST_NOW_S", 0.0)
    assert estim("list")[0] == 0
    monkeypatch.setattr(index_around, "seen_master", lambda _: pytest.fail("nothing was touched"))
    monkeypatch.setattr(index_around, "unlike_rows", lambda *_: pytest.fail("nothing was touched"))
    monkeypatch.setattr(index, "unlike_rows", lambda *_: pytest.fail("nothing was touched"))
    assert len(json.loads(estim("list", "--json")[1])["sessions"]) == 4


def test_an_index_of_the_version_before_keeps_its_sessions(home: Home, estim: Any) -> None:
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        database.executescript(
            "DROP TABLE seen; DROP TABLE named; DROP TABLE beside; PRAGMA user_version = 5;"
            "CREATE TABLE seen (folder TEXT PRIMARY KEY, bytes INTEGER NOT NULL, tail TEXT NOT NULL) STRICT;"
        )
    (home.root / "index.mark").unlink()
    assert json.loads(estim("index", "--json")[1])["read"] == 0
    assert all(row["ok"] for row in json.loads(estim("list", "--json")[1])["sessions"])


def test_a_chain_that_was_cut_with_its_session_is_told_in_the_list_and_lets_nobody_in(estim: Any, home: Home) -> None:
    """No line of the chain itself is wrong then: the station's chain, which saw more of it, says so."""
    records, now = home.records(simulated=False), NOON + 2 * DAY + datetime.timedelta(hours=1)
    estim("report", str(folders(home)[0]))  # a look, which leaves a line that knows how far the chain was
    assert minutes_today(home, "K-3", simulated=False, now=now)
    shutil.rmtree(folders(home)[-1])
    lines = (records / "master.jsonl").read_bytes().splitlines(keepends=True)
    for cut in (lines[:-2], []):
        (records / "master.jsonl").write_bytes(b"".join(cut))
        if not cut:
            (records / "master.jsonl").unlink()
        (row,) = json.loads(estim("list", "--real", "--json")[1])["beside"]
        assert row["path"] == str(records / "master.jsonl")
        assert cut == [] or "its end was cut off" in row["reason"]
        with pytest.raises(RecordError, match="what was given today is unknown"):
            minutes_today(home, "K-3", simulated=False, now=now)
    (records / "master.jsonl").write_bytes(b"".join(lines[:-2]))
    assert estim("clear", "master.jsonl", "--operator", "T1", "--reason", "looked into it")[0] == 0
    assert minutes_today(home, "K-3", simulated=False, now=now) == {}
    session(home, "K-3", at=now, simulated=False)
    estim("report", str(folders(home)[0]))
    (records / "master.jsonl").write_bytes(b"".join(lines[:-2]))  # what is cut after it was cleared is told again
    with pytest.raises(RecordError, match="what was given today is unknown"):
        minutes_today(home, "K-3", simulated=False, now=now)


def test_an_unfinished_line_of_the_chain_is_not_what_the_stations_chain_saw(home: Home, estim: Any) -> None:
    chain = home.records(simulated=False) / "master.jsonl"
    whole = chain.read_bytes()
    chain.write_bytes(whole + b'{"event":"sea')  # as a power cut leaves it
    estim("report", str(folders(home)[0]))
    session(home, "K-4", at=NOON + 3 * DAY, simulated=False)
    code, said, _ = estim("verify")
    assert code == 0, said


@pytest.mark.parametrize("mark", [b"\xff" * 64, "ü".encode() * 40, b""])
def test_whatever_stands_in_the_indexs_mark_is_no_fault(home: Home, estim: Any, mark: bytes) -> None:
    (home.root / "index.mark").write_bytes(mark)
    assert estim("list")[0] == 0
    with closing(sqlite3.connect(home.root / "index.sqlite3")) as database, database:
        database.execute("UPDATE session SET mac = 'ü'")
    assert len(json.loads(estim("list", "--json")[1])["sessions"]) == 4


def test_a_late_signature_is_that_records_and_a_trusted_keys_and_is_read_wherever_signatures_are(
    home: Home, estim: Any
) -> None:
    unsigned = written_unsigned(home, "K-8")
    other = written_unsigned(home, "K-9", at=NOON + 6 * DAY)
    assert estim("sign", str(unsigned), "--operator", "T1", "--reason", "was called away")[0] == 0
    listed = {line.split()[-1]: line for line in estim("list", "--real")[1].splitlines() if line.startswith("  ")}
    assert "late sig" in listed[unsigned.name]
    assert "UNSIGNED" in listed[other.name]
    for words in (("report", str(unsigned)), ("verify", str(unsigned))):
        said = estim(*words)[1]
        assert ("Signed later by T1" in said, "UNSIGNED" in said) == (True, False), words
        assert "UNSIGNED" in estim(words[0], str(other))[1]
    assert "T1" in estim("export", str(unsigned), "--format", "csv")[1].splitlines()[1]
    (row,) = json.loads(estim("verify", str(unsigned), "--json")[1])["sessions"]
    assert (row["signed_by_a_person"], row["signature"]["later"]) == (True, True)
    head = json.loads((other / "record.jsonl").read_bytes().splitlines()[-1])["hash"]
    append_signed(  # a stranger's line, in the chain's own order
        home.root / "station.jsonl",
        seeded_signer(9),
        {"event": "signed", "session": other.name, "head": head, "operator": "T1", "name": "", "meaning": "performed",
         "authenticated": True, "comment": "", "utc": ""},
    )  # fmt: skip
    assert "UNSIGNED" in next(line for line in estim("list", "--real")[1].splitlines() if other.name in line)
    assert "UNSIGNED" in estim("report", str(other))[1]


def written_unsigned(home: Home, patient: str, *, at: datetime.datetime = NOON + 5 * DAY) -> Path:
    folder = home.records(simulated=False) / folder_name(at, patient)
    writer = RecordWriter(folder, Chain(simulated=False), station_signer(home.root))
    for kind, fields, t_us in body(patient, at.isoformat(timespec="milliseconds")):
        if kind != "signature":
            writer.append(kind, fields, t_us)
    writer.close(93_000_000)
    return folder


SHAPELESS: tuple[tuple[str, Callable[[dict[str, Any]], object]], ...] = (
    ("register", lambda entry: entry.pop("register")),
    ("register", lambda entry: entry.update(sha256=[1])),
    ("key", lambda entry: entry.pop("public_key")),
    ("key", lambda entry: entry.update(public_key={"a": 1})),
    ("register", lambda entry: entry.update(event="signed")),
    ("register", lambda entry: entry.update(event="cleared")),
    ("register", lambda entry: entry.update(event="joined", patient=3)),
    ("register", lambda entry: entry.update(event="removed", lines="x")),
    ("register", lambda entry: entry.update(real=5, simulated=["a"])),
)


@pytest.mark.parametrize(("event", "change"), SHAPELESS)
def test_a_line_of_the_stations_chain_without_its_shape_is_named_by_verify_and_stops_no_command(
    home: Home, estim: Any, event: str, change: Callable[[dict[str, Any]], object]
) -> None:
    """`this is a fault of estim's own: KeyError: 'register'` was all that verify had to say."""
    save_patient(home.patients, Patient(id="K-1", flags=("child",)))
    chain = home.root / "station.jsonl"
    forged(chain, [json.loads(raw)["event"] for raw in chain.read_bytes().splitlines()].index(event), change)
    for words in (("verify",), ("list",), ("report", str(folders(home)[0])), ("audit",), ("patients",), ("retention",)):
        code, said, complaint = estim(*words)
        assert "fault of estim" not in said + complaint, words
        if words == ("verify",):
            assert (code, f"{chain}: NOT VERIFIED" in said) == (1, True)
    with pytest.raises(RecordError):
        minutes_today(home, "K-1", simulated=False, now=NOON)


@pytest.mark.skipif(os.name != "posix", reason="this system has no such files or names")
@pytest.mark.parametrize("name", ["records/real/2/record.jsonl", "records/real/master.jsonl", "station.jsonl",
                                  "patients.json", "index.mark", "keys/station-keys.txt"])  # fmt: skip
def test_a_file_of_holes_that_no_memory_holds_is_named_and_hides_nothing_else(
    home: Home, estim: Any, name: str
) -> None:
    """It takes no room on the disk; `records list` was a MemoryError, `records verify` did not end."""
    save_patient(home.patients, Patient(id="K-1", flags=("child",)))
    path = home.root / name.replace("/2/", f"/{folders(home)[0].name}/")
    os.truncate(path, 1 << 43) if path.exists() else path.write_bytes(b"")
    os.truncate(path, 1 << 43)
    for words in (("list",), ("verify",), ("export", "--format", "csv")):
        code, said, complaint = estim(*words)
        assert "fault of estim" not in said + complaint, words
        if words == ("verify",) and name not in {"index.mark"}:
            assert (code, str(path) in said + complaint or "more than this program writes" in said + complaint) == (
                1,
                True,
            )
        if name.endswith("record.jsonl"):
            assert "K-2" in said, words


FORGED = "20261125T120000.000000Z-K-9: verified, 20 records, complete"


@pytest.mark.skipif(os.name != "posix", reason="this system has no such files or names")
def test_a_name_with_a_line_end_forges_no_line(home: Home, estim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can name a folder could write `ok signed ...` into the list, and `verified` under verify."""
    monkeypatch.setattr(index_around, "_JUST_NOW_S", 0.0)
    records = home.records(simulated=False)
    copy = records / f"20261124T120000.000000Z-K-1\n{FORGED}"
    shutil.copytree(folders(home)[0], copy)
    (records / f"nothing\n{FORGED}").mkdir()
    every: list[tuple[str, ...]] = [("list",), ("verify",), ("audit",), ("report", str(copy))]
    for words in [*every, ("export", "--format", "csv"), ("backup", "-o", str(home.root.with_name("b.zst")))]:
        _, said, complaint = estim(*words)
        assert FORGED in said + complaint or words not in every, words
        assert not any(line.strip().startswith(FORGED) for line in (said + complaint).splitlines()), words


def test_a_word_of_a_record_with_a_line_end_forges_no_line(home: Home, estim: Any) -> None:
    """Practice is sealed with a key that anybody can make: such a record verifies."""
    folder = home.records(simulated=True) / folder_name(NOON + 9 * DAY, "Q-1")
    writer = SimulatedWriter(folder, signer=seeded_signer(1))
    for kind, fields, t_us in body(f"Q-1\n{FORGED}", (NOON + 9 * DAY).isoformat(timespec="milliseconds")):
        said = {**fields, "name": f"A\n{FORGED}"} if kind == "signature" else fields
        writer.append(kind, said, t_us)
    writer.append(f"later\n{FORGED}", {}, 93_000_000)
    writer.close(93_000_000)
    for words in (
        ("list",),
        ("verify",),
        ("audit",),
        ("report", "last"),
        ("report", "last", "--patient"),
        ("show", "last"),
    ):
        _, said, complaint = estim(*words)
        assert not any(line.strip().startswith(FORGED) for line in (said + complaint).splitlines()), words


def test_a_changed_chain_that_a_person_cleared_lets_in_until_it_is_cut(home: Home, estim: Any) -> None:
    records, now = home.records(simulated=False), NOON + 2 * DAY + datetime.timedelta(hours=1)
    chain = records / "master.jsonl"
    chain.write_bytes(chain.read_bytes().replace(b"K-2", b"K-7", 1))
    with pytest.raises(RecordError, match="line 2 of the master chain was changed"):
        minutes_today(home, "K-3", simulated=False, now=now)
    assert estim("clear", "master.jsonl", "--operator", "T1", "--reason", "an old disk")[0] == 0
    estim("report", str(folders(home)[0]))
    minutes_today(home, "K-3", simulated=False, now=now)
    session(home, "K-3", at=now, simulated=False)
    minutes_today(home, "K-3", simulated=False, now=now)
    estim("report", str(folders(home)[0]))
    chain.write_bytes(b"".join(chain.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(RecordError, match="its end was cut off"):
        minutes_today(home, "K-3", simulated=False, now=now)


@pytest.mark.skipif(sys.platform != "linux", reason="this system has no such names")
def test_a_folder_whose_name_is_no_text_hides_no_other_session(
    home: Home, estim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`a byte that is no letter in this system's encoding` was the whole list then."""
    monkeypatch.setattr(index_around, "_JUST_NOW_S", 0.0)
    odd = home.records(simulated=False) / f"20261124T120000.000000Z-K-{os.fsdecode(bytes([255]))}"
    shutil.copytree(folders(home)[0], odd)
    document = json.loads(estim("list", "--json")[1])
    assert len(document["sessions"]) == 4
    (row,) = document["beside"]
    assert row == {"path": f"{str(odd)[:-1]}<U+DCFF>", "reason": "its name is not UTF-8, as a session's is"}
    looks: list[tuple[str, ...]] = [
        ("verify",), ("verify", "--json"), ("audit", "--json"), ("retention",), ("index", "--rebuild"),
        ("course", "K-1"), ("export", "--format", "json"),
        ("export", "--format", "parquet", "-o", str(tmp_path / "tables")),
        ("archive", "--older-than", "0", "--operator", "T1", "--reason", "x", "--json"),
    ]  # fmt: skip
    for words in looks:
        code, said, complaint = estim(*words)
        assert "no letter in this system" not in said + complaint, words
        assert code in {0, 1}, words


@pytest.mark.parametrize("name", ["\\ud800", "../../etc", "a\\u0000b"])
def test_a_line_of_the_chain_that_names_no_folder_hides_no_session(home: Home, estim: Any, name: str) -> None:
    chain = home.records(simulated=True) / "master.jsonl"
    with chain.open("ab") as file:
        file.write(b'{"session":"' + name.encode("ascii") + b'"}\n')
    document = json.loads(estim("list", "--json")[1])
    assert len(document["sessions"]) == 4
    assert any(row["path"] == str(chain) for row in document["beside"])


def test_a_list_on_a_narrow_terminal_breaks_its_lines(estim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estim.cli.output.columns", lambda: 80)
    said = estim("list")[1]
    assert max(map(len, said.splitlines())) <= 80
    assert "<U+" not in said
