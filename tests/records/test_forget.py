"""A person is erased: their words can't be read any more; every chain verifies; everybody else is untouched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from estim.cli import main
from estim.records import care_log
from estim.records.chain import Chain
from estim.records.erasing import forget
from estim.records.folders import folder_name
from estim.records.home import Home
from estim.records.keys import station_signer
from estim.records.patients import Patient, load_patients, save_patient
from estim.records.people_keys import lost_keys
from estim.records.personal import ERASED, FOLDER, MARK, UNFIT, Cover, key_name
from estim.records.station import begin_station, station_lines
from estim.records.summary import read_session
from estim.records.today import minutes_today
from estim.records.verify_home import verify_home
from estim.records.writer import RecordWriter
from estim.safety.errors import RecordError
from tests.records.build import NOON, body, forged

SAID = "the daughter drives her, Mrs Møller of Nørregade 7"
WHY_EARLY = {"rule": "pause", "message": f"before its time, because: {SAID}", "asked": SAID}
ROUNDED = {"rule": "rate-grid", "message": "35 Hz is played as 34.78 Hz", "asked": 35}
MEASURED = {"name": "mvic", "value": "90", "unit": "N·m", "side": "left", "by": SAID}
WHY = "asked for it in writing"


def written(home: Home, patient: str) -> Path:
    """A real session with something that the therapist noted."""
    folder = home.records(simulated=False) / folder_name(NOON, patient)
    cover = Cover(home.root, patient).ready()
    writer = RecordWriter(folder, Chain(simulated=False), station_signer(home.root), cover=cover)
    for kind, fields, t_us in body(patient, NOON.isoformat(timespec="milliseconds")):
        said = {**fields, "text": SAID} if kind == "note" else fields
        if kind == "setup":
            own = {**fields["setup"], "early_reason": SAID, "left_out": SAID, "measured": [MEASURED]}
            said = {**fields, "setup": own, "schedule": {**fields["schedule"], "bends": [WHY_EARLY, ROUNDED]}}
        writer.append(kind, {**said, "comment": SAID} if kind == "signature" else said, t_us)
        if kind == "setup":
            writer.append("bend", WHY_EARLY, t_us)
            writer.append("warning-accepted", {"code": "x", "reason": SAID, "operator": "T1"}, t_us)
    writer.close(93_000_000)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    begin_station(home.root)
    for patient in ("K-1", "K-2"):
        written(home, patient)
        save_patient(home.patients, Patient(id=patient, condition="knee", note=SAID, flags=("fragile_bone",)))
        care_log.enter(home, patient, "event", {"text": SAID, "pain": "7"}, who="T1", simulated=False)
    return home


def words(home: Home, patient: str) -> list[str]:
    """Everything that somebody wrote about a person, as the program shows it."""
    (folder,) = home.records(simulated=False).glob(f"*-{patient}")
    lines = {entry.kind: entry.fields for entry in read_session(folder).entries}
    (entry,) = care_log.read(home, patient, simulated=False)
    own = lines["setup"]["setup"]
    return [
        *(lines["note"]["text"], lines["signature"]["comment"], str(entry.fields["text"])),
        *(own["early_reason"], own["left_out"], own["measured"][0]["by"], lines["warning-accepted"]["reason"]),
    ]


def every_byte(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def test_words_are_closed_on_the_disk_and_read_with_the_key(home: Home) -> None:
    assert words(home, "K-1") == [SAID] * 7
    assert load_patients(home.patients)["K-1"].note == SAID
    data = every_byte(home.root)
    assert SAID.encode() not in data
    assert MARK.encode() in data
    assert b'"pain":"7"' in data  # numbers are no words
    assert b"34.78 Hz" in data  # nor is what the device rounds
    (folder,) = home.records(simulated=False).glob("*-K-1")
    assert WHY_EARLY["message"] in read_session(folder).summary.bends


def test_who_is_erased_is_unreadable_and_everybody_else_is_not(home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home.root, copy, ignore=shutil.ignore_patterns("people"))
    told = ["records", "forget", "k-1", "--operator", "A1", "--reason", WHY, "--home", str(home.root)]
    assert main(told) == 0
    assert words(home, "K-1") == [ERASED] * 7
    assert words(home, "K-2") == [SAID] * 7
    assert list(load_patients(home.patients)) == ["K-2"]
    assert [verdict.reason for verdict in verify_home(home.root) if not verdict.ok] == []
    assert minutes_today(home, "K-1", simulated=False, now=NOON) == {"quadriceps-femoris/left": 2}  # limits stand
    line = [entry for entry in station_lines(home.root) if entry["event"] == "erased"][-1]
    assert (line["operator"], line["reason"]) == ("A1", WHY)
    assert words(Home(copy), "K-1") == [ERASED] * 7  # a copy without the keys never could
    assert main(told) == 1  # there is nothing more to erase


def test_a_backup_keeps_the_keys_beside_it_so_that_an_erasure_reaches_it(home: Home, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zst", tmp_path / "second.zst"
    assert main(["records", "backup", "-o", str(first), "--home", str(home.root)]) == 0
    assert main(["records", "forget", "K-1", "--reason", WHY, "--home", str(home.root)]) == 0
    assert main(["records", "backup", "-o", str(second), "--home", str(home.root)]) == 0
    for source, beside, expected in ((first, first, SAID), (second, second, ERASED), (first, second, ERASED)):
        fresh = Home(tmp_path / f"{source.stem}-{beside.stem}")
        kept = tmp_path / "kept" / source.name
        kept.parent.mkdir(exist_ok=True)
        shutil.copy(source, kept)
        shutil.copy(f"{beside}.people", f"{kept}.people")
        assert main(["records", "restore", str(kept), "--reason", "new disk", "--home", str(fresh.root)]) == 0
        assert words(fresh, "K-1") == [expected] * 7
        assert words(fresh, "K-2") == [SAID] * 7


def test_a_key_that_was_changed_opens_nothing(home: Home) -> None:
    for path in (home.root / "keys" / "people").iterdir():
        path.write_bytes(bytes(32))
    assert words(home, "K-1") == [UNFIT] * 7
    assert [verdict.reason for verdict in verify_home(home.root) if not verdict.ok] == []


def test_nobody_who_is_not_here_is_erased(home: Home) -> None:
    with pytest.raises(RecordError, match="nothing is kept"):
        forget(home.root, "K-9", operator="A1", reason=WHY)


def key_of(home: Home, patient: str) -> Path:
    return home.root / FOLDER / f"{key_name(patient)}.key"


def lost(home: Home) -> list[str]:
    return lost_keys(home.root, station_lines(home.root))


@pytest.mark.parametrize("harm", ["gone", "cut", "exchanged", "a pipe"])
def test_words_whose_key_is_gone_or_damaged_outlast_a_change_of_the_register(home: Home, harm: str) -> None:
    """Every row was written anew as `(erased)`, under a key made for it: no backup brought the words back."""
    keys = {patient: key_of(home, patient).read_bytes() for patient in ("K-1", "K-2")}
    for patient, other in (("K-1", "K-2"), ("K-2", "K-1")):
        path = key_of(home, patient)
        path.unlink()
        if harm == "cut":
            path.write_bytes(keys[patient][:-1])
        elif harm == "exchanged":
            path.write_bytes(keys[other])
        elif harm == "a pipe":
            if not hasattr(os, "mkfifo"):
                pytest.skip("this system has no such pipes")
            os.mkfifo(path)
    assert set(words(home, "K-1")) == {ERASED if harm == "gone" else UNFIT}
    assert lost(home) == sorted(key_name(patient) for patient in keys)
    assert main(["records", "patient", "K-2", "--week", "3", "--home", str(home.root)]) == 0
    assert main(["records", "backup", "-o", str(home.root.with_name("b.zst")), "--home", str(home.root)]) == 0
    for patient, key in keys.items():
        key_of(home, patient).unlink(missing_ok=True)
        key_of(home, patient).write_bytes(key)
        assert load_patients(home.patients)[patient].note == SAID
        assert words(home, patient) == [SAID] * 7
    assert load_patients(home.patients)["K-2"].week == 3
    assert lost(home) == []


def test_a_damaged_key_is_kept_beside_the_new_one_until_the_person_is_erased(home: Home) -> None:
    path = key_of(home, "K-1")
    whole = path.read_bytes()
    path.write_bytes(whole + b"\n")  # an editor's
    care_log.enter(home, "K-1", "event", {"text": SAID, "pain": "3"}, who="T1", simulated=False)
    (kept,) = path.parent.glob(f"{path.name}.damaged*")
    assert kept.read_bytes() == whole + b"\n"
    assert lost(home) == [key_name("K-1")]
    assert main(["records", "forget", "K-1", "--operator", "A1", "--reason", WHY, "--home", str(home.root)]) == 0
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(key_name("K-1"))] == []


def kept_keys(home: Home, at: Path) -> Path:
    assert main(["records", "backup", "-o", str(at), "--home", str(home.root)]) == 0
    return at.with_name(f"{at.name}.people")


def put_back(home: Home, file: Path) -> int:
    return main(["records", "keys", str(file), "--operator", "A1", "--reason", WHY, "--home", str(home.root)])


def test_a_key_that_was_lost_comes_back_beside_the_one_that_was_made_since(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """verify named the file beside a backup, and nothing could bring a key back from there: by hand it would have
    replaced the one under which the words of the meantime lie.
    """
    before = kept_keys(home, tmp_path / "before.zst")
    key_of(home, "K-1").unlink()
    care_log.enter(home, "K-1", "event", {"text": "since then", "pain": "3"}, who="T1", simulated=False)
    assert main(["records", "verify", "--home", str(home.root)]) == 0
    assert "records keys FILE.people" in capsys.readouterr().out
    assert put_back(home, before) == 0
    assert "1 put back, 1 here already, 0 erased" in capsys.readouterr().out
    (line,) = [line for line in station_lines(home.root) if line["event"] == "keys-back"]
    assert (line["keys"], line["operator"], line["reason"]) == ([key_name("K-1")], "A1", WHY)
    texts = [entry.fields["text"] for entry in care_log.read(home, "K-1", simulated=False)]
    assert (texts, load_patients(home.patients)["K-1"].note, lost(home)) == ([SAID, "since then"], SAID, [])
    both = kept_keys(home, tmp_path / "both.zst")
    assert put_back(home, both) == 0  # nothing is new in it
    assert len([line for line in station_lines(home.root) if line["event"] == "keys-back"]) == 1
    fresh = Home(tmp_path / "fresh")
    told = ["records", "restore", str(tmp_path / "both.zst"), "--reason", "new disk", "--home", str(fresh.root)]
    assert main(told) == 0
    assert [entry.fields["text"] for entry in care_log.read(fresh, "K-1", simulated=False)] == [SAID, "since then"]
    assert main(["records", "forget", "K-1", "--operator", "A1", "--reason", WHY, "--home", str(home.root)]) == 0
    assert list(key_of(home, "K-1").parent.glob(f"{key_name('K-1')}*")) == []
    assert put_back(home, both) == 0
    assert "2 erased" in capsys.readouterr().out


def test_no_older_file_of_keys_undoes_an_erasure_and_who_comes_back_is_no_erased_person(
    home: Home, tmp_path: Path
) -> None:
    """An older backup's keys beside a newer backup made the erased words readable again."""
    older = kept_keys(home, tmp_path / "older.zst")
    assert main(["records", "forget", "K-1", "--operator", "A1", "--reason", WHY, "--home", str(home.root)]) == 0
    care_log.enter(home, "K-1", "event", {"text": "is back", "pain": "3"}, who="T1", simulated=False)
    newer = kept_keys(home, tmp_path / "newer.zst")
    for keys, expected in ((older, [ERASED, ERASED]), (newer, [UNFIT, "is back"])):
        there = Home(tmp_path / f"from {keys.name}")
        source = tmp_path / "kept" / "newer.zst"
        source.parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "newer.zst", source)
        shutil.copy(keys, f"{source}.people")
        assert main(["records", "restore", str(source), "--reason", "new disk", "--home", str(there.root)]) == 0
        assert [entry.fields["text"] for entry in care_log.read(there, "K-1", simulated=False)] == expected
        assert words(there, "K-2") == [SAID] * 7


@pytest.mark.parametrize("said", ["", "[]", '{"x": "00"}', '{"0123456789abcdef": "00"}', '{"0123456789abcdef": [7]}'])
def test_a_file_that_holds_no_keys_is_named(
    home: Home, tmp_path: Path, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.people"
    file.write_text(said)
    assert put_back(home, file) == 1
    assert f"{file}: people's keys can't be read" in capsys.readouterr().err
    assert put_back(home, tmp_path / "none.people") == 1
    assert words(home, "K-1") == [SAID] * 7


@pytest.mark.parametrize("change", [{"day": "soon"}, {"day": 3}, {"fields": [1]}, {"fields": None}, {"fields": {}}])
def test_a_course_that_was_taken_as_it_is_and_is_none_is_said_to_be_none(
    home: Home, change: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """An administrator's word opens it; its lines must be entries all the same."""
    told = ["--home", str(home.root)]
    begun = ["course", "begin", "low-back", "--side", "none", "--patient", "K-7", "--operator", "T1", *told]
    assert main(begun) == 0
    path = home.root / "care" / "real" / "k-7.jsonl"
    forged(path, 0, lambda entry: entry.update(change))
    capsys.readouterr()
    assert main(["course", "show", "--patient", "K-7", *told]) == 1
    assert "it can't be trusted" in capsys.readouterr().err
    assert main(["records", "accept", "care/real/k-7.jsonl", "--operator", "A1", "--reason", "x", *told]) == 0
    capsys.readouterr()
    assert main(["course", "show", "--patient", "K-7", *told]) in {1, 2}
    said = capsys.readouterr().err
    assert "fault of estim" not in said
    assert "put" in said
