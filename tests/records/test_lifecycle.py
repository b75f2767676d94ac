"""Backup on one machine and restore on an empty one, archive, migration: what verified before verifies after."""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from estim.cli import main
from estim.records.anchor import against, make_anchor
from estim.records.home import Home
from estim.records.lifecycle import MANIFEST, archive, backup, migrate, people_beside, restore
from estim.records.patients import Patient, load_patients, save_patient
from estim.records.segment import RECORD
from estim.records.station import begin_station, station_lines
from estim.records.summary import summarise
from estim.records.verify_home import verify_home
from estim.safety.errors import RecordError
from tests.records.build import NOON, session
from tests.records.vectors import record

LATER = NOON + datetime.timedelta(days=400)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    begin_station(home.root)
    save_patient(home.patients, Patient(id="K-1", flags=("child",), note="Größe"))
    for patient in ("K-1", "K-2"):
        session(home, patient, simulated=False)
    return home


def wrong(home: Home) -> list[str]:
    return [verdict.reason for verdict in verify_home(home.root) if not verdict.ok]


def test_a_backup_is_put_back_on_an_empty_machine_and_verifies(home: Home, tmp_path: Path) -> None:
    file, fresh = tmp_path / "home.tar.zst", Home(tmp_path / "elsewhere")
    done = backup(home.root, file)
    assert done.files >= 7
    assert sys.platform == "win32" or file.stat().st_mode & 0o077 == 0
    anchor = restore(file, fresh.root, operator="T1", reason="the disk died")
    assert str(anchor) == done.anchor
    assert wrong(fresh) == []
    assert load_patients(fresh.patients) == load_patients(home.patients)
    assert station_lines(fresh.root)[-1]["event"] == "restored"
    assert against(fresh.root, make_anchor(home.root)) == ""  # nothing happened at the old one since
    session(fresh, "K-3", at=LATER, simulated=False)  # and it goes on
    assert wrong(fresh) == []
    modes = [path.stat().st_mode & 0o077 for path in fresh.root.rglob("*") if path.is_file() and "K-3" not in str(path)]
    assert sys.platform == "win32" or modes.count(0) >= 7


def test_what_is_older_than_an_anchor_is_said(home: Home, tmp_path: Path) -> None:
    file, fresh = tmp_path / "home.tar.zst", Home(tmp_path / "elsewhere")
    backup(home.root, file)
    session(home, "K-3", at=LATER, simulated=False)
    later = make_anchor(home.root)
    restore(file, fresh.root, operator="", reason="")
    assert "gone" in against(fresh.root, later) or "anew" in against(fresh.root, later)


@pytest.mark.parametrize("harm", ["cut", "changed", "none"])
def test_a_damaged_backup_is_refused(home: Home, tmp_path: Path, harm: str) -> None:
    file = tmp_path / "home.tar.zst"
    backup(home.root, file)
    data = file.read_bytes()
    file.write_bytes({"cut": data[:-200], "changed": data[:200] + b"\xff" * 8 + data[208:], "none": b"hello"}[harm])
    with pytest.raises(RecordError):
        restore(file, tmp_path / "elsewhere", operator="", reason="")


@pytest.mark.skipif(os.name != "posix", reason="this system has no such files")
def test_a_backup_holds_what_lies_behind_a_link_and_names_what_it_can_not_take_in(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records on a larger disk, behind a link: the backup was made with exit code 0, and held none of them."""
    larger = tmp_path / "larger"
    shutil.move(home.root / "records", larger)
    (home.root / "records").symlink_to(larger)
    session_folder = sorted(home.records(simulated=False).glob("2*"))[0]
    shutil.move(session_folder, tmp_path / "session")
    session_folder.symlink_to(tmp_path / "session")
    assert wrong(home) == []
    file, fresh = tmp_path / "b.tar.zst", Home(tmp_path / "fresh")
    where = ["--home", str(home.root)]
    assert main(["records", "backup", "-o", str(file), *where]) == 0
    restore(file, fresh.root, operator="T1", reason="tried")
    assert wrong(fresh) == []
    assert fresh.records(simulated=False).joinpath(session_folder.name, "record.jsonl").is_file()
    os.mkfifo(home.root / "a-pipe")
    (home.root / "nowhere").symlink_to("/nowhere/at/all")
    (home.root / "round").symlink_to(home.root)
    capsys.readouterr()
    assert main(["records", "backup", "-o", str(tmp_path / "c.tar.zst"), "--json", *where]) == 1
    said = {Path(row["path"]).name: row["reason"] for row in json.loads(capsys.readouterr().out)["left_out"]}
    assert said == {
        "a-pipe": "a pipe or a device, and no file",
        "nowhere": "a link to /nowhere/at/all, which is not there",
        "round": "a link that leads in a circle",
    }


@pytest.mark.parametrize("what", ["a folder", "nothing", "cut", "a file in its way"])
def test_why_a_backup_is_not_back_is_said_in_words_and_what_to_do(home: Home, tmp_path: Path, what: str) -> None:
    """`this backup can't be read: [Errno 21] Is a directory`, also where it was the new home that failed."""
    file, there = tmp_path / "home.tar.zst", tmp_path / "elsewhere"
    backup(home.root, file)
    if what == "a folder":
        file = tmp_path
    elif what == "nothing":
        file = tmp_path / "no-such.tar.zst"
    elif what == "cut":
        file.write_bytes(file.read_bytes()[:-300])
    else:
        file = packed(tmp_path / "b.tar.zst", {"records": b"x", "records/real/a": b"y", MANIFEST: b"{}"})
    with pytest.raises(RecordError) as said:
        restore(file, there, operator="", reason="")
    text = str(said.value)
    assert "Errno" not in text
    assert text.startswith(str(there if what == "a file in its way" else file))
    if what == "a file in its way":
        assert f"What was put into {there} until then is no whole home: remove it" in text


def packed(file: Path, files: dict[str, bytes]) -> Path:
    """A backup of somebody else's making."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tape:
        for name, data in files.items():
            row = tarfile.TarInfo(name)
            row.size = len(data)
            tape.addfile(row, io.BytesIO(data))
    file.write_bytes(zstandard.compress(plain.getvalue()))
    return file


@pytest.mark.parametrize("manifest", [b"[]", b"3", b'{"files": {}}', b'{"files": {}, "anchor": 5}', b"[" * 100_000])
def test_a_manifest_of_another_shape_is_refused(manifest: bytes, tmp_path: Path) -> None:
    file = packed(tmp_path / "b.tar.zst", {MANIFEST: manifest})
    with pytest.raises(RecordError):
        restore(file, tmp_path / "elsewhere", operator="", reason="")


@pytest.mark.parametrize("name", ["../out", "/out", "C:out", "C:\\out", "..\\out", "a/..\\..\\out", "a:b"])
def test_no_file_of_a_backup_leads_out_of_the_home_on_any_system(name: str, tmp_path: Path) -> None:
    file = packed(tmp_path / "b.tar.zst", {name: b"x", MANIFEST: b"{}"})
    with pytest.raises(RecordError, match="leads out of the home"):
        restore(file, tmp_path / "elsewhere", operator="", reason="")


@pytest.mark.parametrize("people", [b"[]", b"{", b'{"0123456789abcdef": 3}', b'{"0123456789abcdef": "x"}'])
def test_keys_of_people_that_can_not_be_read_are_said(people: bytes, home: Home, tmp_path: Path) -> None:
    file = tmp_path / "home.tar.zst"
    backup(home.root, file)
    people_beside(file).write_bytes(people)
    with pytest.raises(RecordError, match="people's keys can't be read"):
        restore(file, tmp_path / "elsewhere", operator="", reason="")


@pytest.mark.parametrize("folder", ["", ".", "/"])
def test_a_folder_is_no_backups_name(folder: str, home: Home) -> None:
    with pytest.raises(RecordError, match="name the file of the backup"):
        backup(home.root, Path(folder))


def test_neither_replaces_what_is_there(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "home.tar.zst"
    backup(home.root, file, with_key=False)
    with pytest.raises(RecordError, match="already"):
        backup(home.root, file)
    with pytest.raises(RecordError, match="not empty"):
        restore(file, home.root, operator="", reason="")


def test_archived_sessions_are_smaller_and_say_the_same(home: Home) -> None:
    folders = sorted((home.root / "records/real").glob("2*"))
    before = [summarise(folder) for folder in folders]
    early = archive(home, older_than_days=500, now=LATER, operator="T1", reason="")
    assert early.sessions == ()
    done = archive(home, older_than_days=365, now=LATER, operator="T1", reason="a year")
    assert len(done.sessions) == 2
    assert done.after < done.before
    assert not list(home.root.rglob(RECORD))
    assert [summarise(folder) for folder in folders] == before
    assert wrong(home) == []
    (packed, *_) = sorted(home.root.rglob("*.zst"))
    packed.write_bytes(packed.read_bytes()[:-20])
    assert wrong(home) != []


def test_what_does_not_verify_is_left_as_it_is(home: Home) -> None:
    path = sorted(home.root.rglob(RECORD))[0]
    path.write_bytes(path.read_bytes().replace(b'"pulses":4500', b'"pulses":4501'))
    done = archive(home, older_than_days=1, now=LATER, operator="", reason="")
    assert [name for name, _ in done.left] == [path.parent.name]
    assert path.exists()


def test_an_older_format_is_linked_and_never_rewritten(home: Home) -> None:
    folder = home.root / "records" / "simulated" / "20251121T120000.000000Z-K-1"
    folder.mkdir(parents=True)
    data = b"".join(record(simulated=True, form=1))
    (folder / RECORD).write_bytes(data)
    assert folder.name in migrate(home, operator="T1", reason="new program")
    assert (folder / RECORD).read_bytes() == data
    line = next(entry for entry in station_lines(home.root) if entry.get("session") == folder.name)
    assert (line["event"], line["format"], line["segments"][0]["bytes"]) == ("migrated", 1, len(data))
    assert migrate(home, operator="T1", reason="again") == ()


def test_on_the_command_line(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "b.tar.zst")
    assert main(["records", "backup", "-o", file, "--home", str(home.root)]) == 0
    assert "estim anchor 1" in capsys.readouterr().out
    fresh = str(tmp_path / "fresh")
    assert main(["records", "restore", file, "--reason", "moved", "--json", "--home", fresh]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["records", "restore", file, "--home", fresh]) == 1
    assert main(["records", "archive", "--older-than", "1", "--home", fresh]) == 0
    assert main(["records", "migrate", "--home", fresh]) == 0
    assert main(["records", "verify", "--home", fresh]) == 0
