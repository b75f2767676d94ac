"""People's keys against lost ones, kills between two steps, and files that somebody edited: no erased word is readable
again, and no other word is lost.
"""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from estim.cli import main
from estim.records import care_log, patients, personal
from estim.records.door import InTheRoom, here
from estim.records.home import Home
from estim.records.patients import load_patients
from estim.records.personal import ERASED, FOLDER, UNFIT, Cover, key_name
from estim.records.station import station_lines
from estim.records.summary import read_session
from estim.records.verify_home import verify_home
from tests.records.test_forget import SAID, WHY, every_byte, home, kept_keys, key_of, lost, put_back, words

__all__ = ["home"]


def forgotten(home: Home, patient: str) -> int:
    told = ["records", "forget", patient, "--operator", "A1", "--reason", WHY, "--home", str(home.root)]
    return main(told)


def comes_back(home: Home, patient: str, text: str = "is back") -> None:
    care_log.enter(home, patient, "event", {"text": text, "pain": "3"}, who="T1", simulated=False)


def said_of(home: Home, patient: str) -> list[str]:
    return [str(entry.fields["text"]) for entry in care_log.read(home, patient, simulated=False)]


def note_of(home: Home, patient: str) -> str:
    (folder,) = home.records(simulated=False).glob(f"*-{patient}")
    return next(str(line.fields["text"]) for line in read_session(folder).entries if line.kind == "note")


def without_row(home: Home, patient: str) -> None:
    """Of this person there are sessions and a course alone."""
    with patients._REGISTER.changing(home.patients, "a row went") as known:
        del known[patient]


@pytest.mark.parametrize("harm", ["gone", "cut", "exchanged"])
def test_who_was_erased_while_their_key_was_lost_stays_erased(home: Home, tmp_path: Path, harm: str) -> None:
    """The line had no digest of a key that was not there, and an older file of keys brought the words back."""
    older = kept_keys(home, tmp_path / "older.zst")
    whole = key_of(home, "K-1").read_bytes()
    key_of(home, "K-1").unlink()
    if harm != "gone":
        key_of(home, "K-1").write_bytes(whole[:-1] if harm == "cut" else key_of(home, "K-2").read_bytes())
    assert forgotten(home, "K-1") == 0
    assert put_back(home, older) == 0
    assert words(home, "K-1") == [ERASED] * 7
    assert words(home, "K-2") == [SAID] * 7
    comes_back(home, "K-1")
    assert put_back(home, older) == 0
    assert said_of(home, "K-1") == [UNFIT, "is back"]
    assert note_of(home, "K-1") == UNFIT
    newer = kept_keys(home, tmp_path / "newer.zst")
    key_of(home, "K-1").unlink()
    assert lost(home) == [key_name("K-1")]  # who came back has words again that can be lost
    assert put_back(home, newer) == 0
    assert said_of(home, "K-1")[1] == "is back"
    assert lost(home) == []


def test_of_whom_nothing_but_words_under_a_lost_key_is_kept_can_be_erased(home: Home, tmp_path: Path) -> None:
    older = kept_keys(home, tmp_path / "older.zst")
    without_row(home, "K-1")
    key_of(home, "K-1").unlink()
    assert lost(home) == [key_name("K-1")]
    assert forgotten(home, "K-1") == 0
    assert (put_back(home, older), words(home, "K-1"), lost(home)) == (0, [ERASED] * 7, [])


def test_words_of_sessions_alone_are_missed_too(home: Home) -> None:
    without_row(home, "K-1")
    for path in (home.root / "care" / "real").glob("k-1*"):
        path.unlink()
    key_of(home, "K-1").unlink()
    assert lost(home) == [key_name("K-1")]


@pytest.mark.parametrize("left", ["beside", "half made"])
def test_an_erasure_that_was_killed_is_ended_by_another_one(home: Home, left: str) -> None:
    """Keys beside a person's key were left by a kill, nothing was there any more that could be erased, and the key
    that was made for whoever came back brought them into use.
    """
    without_row(home, "K-1")
    key = key_of(home, "K-1").read_bytes()
    beside = key_of(home, "K-1").with_name(
        f"{key_name('K-1')}{'.key.0123456789abcdef' if left == 'beside' else 'x.new'}"
    )
    beside.write_bytes(key)
    key_of(home, "K-1").unlink()
    assert forgotten(home, "K-1") == 0
    assert key not in every_byte(home.root)
    comes_back(home, "K-1")
    assert (said_of(home, "K-1"), note_of(home, "K-1")) == ([UNFIT, "is back"], UNFIT)


def test_keys_are_destroyed_before_the_one_that_says_that_there_are_any(home: Home) -> None:
    own = key_of(home, "K-1")
    for name in (f"{own.name}.damaged0", f"{own.stem}abc.new"):
        own.with_name(name).write_bytes(bytes(range(32)))
    found = personal.files_of(home.root, key_name("K-1"))
    assert len(found) == 3
    assert found[-1] == own


def test_a_key_of_zeros_is_none(home: Home) -> None:
    """A kill between overwriting and removing left 32 zeros; the next words of that person lay under them."""
    key_of(home, "K-1").write_bytes(bytes(32))
    comes_back(home, "K-1")
    assert key_of(home, "K-1").read_bytes() != bytes(32)
    assert said_of(home, "K-1")[1] == "is back"


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("where", ["another's key", "a record", "elsewhere"])
def test_an_erasure_goes_through_a_link_to_that_key_alone(home: Home, tmp_path: Path, where: str) -> None:
    """A link in a key's place led the administrator's erasure to another person's key, or to a record."""
    places = {
        "another's key": key_of(home, "K-2"),
        "a record": next(home.records(simulated=False).glob("*-K-2/record.jsonl")),
        "elsewhere": tmp_path / "stick" / "K-1",
    }
    target = places[where]
    if where == "elsewhere":
        target.parent.mkdir()
        shutil.copy(key_of(home, "K-1"), target)
    kept = target.read_bytes()
    key_of(home, "K-1").unlink()
    key_of(home, "K-1").symlink_to(target)
    assert forgotten(home, "K-1") == 0
    assert not os.path.lexists(key_of(home, "K-1"))
    assert target.exists() is (where != "elsewhere")
    if where != "elsewhere":
        assert target.read_bytes() == kept


def test_a_key_beside_the_one_that_is_gone_is_read(home: Home) -> None:
    key_of(home, "K-1").rename(key_of(home, "K-1").with_name(f"{key_of(home, 'K-1').name}.0123456789abcdef"))
    assert words(home, "K-1") == [SAID] * 7
    assert load_patients(home.patients)["K-1"].note == SAID


def test_another_persons_key_is_put_under_no_id(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was "put back", new words lay under it, and erasing one person left their key in another's file."""
    file = kept_keys(home, tmp_path / "b.zst")
    keys = json.loads(file.read_text())
    mine, others = key_name("K-1"), key_name("K-2")
    file.write_text(json.dumps({mine: keys[others], key_name("K-9"): keys[others]}))
    key_of(home, "K-1").unlink()
    assert put_back(home, file) == 1
    assert f"{mine}: left out: it opens nothing that was written here about this person" in capsys.readouterr().out
    assert sorted(path.name for path in (home.root / FOLDER).glob("*")) == [key_of(home, "K-2").name]
    assert [line for line in station_lines(home.root) if line["event"] == "keys-back"] == []
    file.write_text(f'{{"{mine}": "{keys[mine]}", "{mine}": "{keys[others]}"}}')  # two files, joined with an editor
    assert put_back(home, file) == 1
    assert words(home, "K-1") == [SAID] * 7


def test_a_key_destroyed_under_another_id_keeps_nobody_out(home: Home, tmp_path: Path) -> None:
    file = kept_keys(home, tmp_path / "b.zst")
    key_of(home, "K-1").write_bytes(key_of(home, "K-2").read_bytes())
    assert forgotten(home, "K-1") == 0
    key_of(home, "K-2").unlink()
    assert put_back(home, file) == 0
    assert words(home, "K-2") == [SAID] * 7
    assert words(home, "K-1") == [ERASED] * 7


def test_no_key_comes_back_without_its_line(home: Home, tmp_path: Path) -> None:
    """A chain that could not be written was told of after the keys were back."""
    file = kept_keys(home, tmp_path / "b.zst")
    key_of(home, "K-1").unlink()
    private = home.root / "keys" / "station.key"
    private.rename(private.with_name("away"))
    assert put_back(home, file) == 1
    assert not key_of(home, "K-1").exists()


def test_no_home_is_made_for_keys(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = kept_keys(home, tmp_path / "b.zst")
    nowhere = tmp_path / "typo"
    assert main(["records", "keys", str(file), "--reason", WHY, "--home", str(nowhere)]) == 1
    assert str(nowhere) in capsys.readouterr().err
    assert not nowhere.exists()


def test_a_backup_is_put_back_with_a_file_of_keys_that_can_be_read_or_not_at_all(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It lay there whole without its line that says so, and could not be put back again."""
    file, fresh = kept_keys(home, tmp_path / "b.zst"), tmp_path / "fresh"
    good = file.read_text()
    file.write_text(good[:-9])
    told = ["records", "restore", str(tmp_path / "b.zst"), "--reason", "new disk", "--home", str(fresh)]
    assert main(told) == 1
    assert f"{file}: people's keys can't be read" in capsys.readouterr().err
    assert not fresh.exists() or not any(fresh.iterdir())
    file.write_text(good)
    assert main(told) == 0
    assert words(Home(fresh), "K-1") == [SAID] * 7


def test_a_backup_replaces_no_file_of_keys(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever had moved the backup alone lost the keys of that day."""
    file = kept_keys(home, tmp_path / "b.zst")
    (tmp_path / "b.zst").rename(tmp_path / "moved.zst")
    before = file.read_bytes()
    key_of(home, "K-1").unlink()
    assert main(["records", "backup", "-o", str(tmp_path / "b.zst"), "--home", str(home.root)]) == 1
    assert f"{file}: is there already" in capsys.readouterr().err
    assert (file.read_bytes(), (tmp_path / "b.zst").exists()) == (before, False)


def test_many_peoples_words_are_read_without_a_look_at_the_folder_for_each(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2000 people took 7 s, 5000 three quarters of a minute."""

    def a_look(home: Path, name: str) -> list[Path]:
        raise AssertionError(f"{home}: was looked through for {name}")

    monkeypatch.setattr(personal, "_beside", a_look)
    assert load_patients(home.patients)["K-1"].note == SAID


def test_the_comment_of_a_signature_that_comes_later_goes_with_its_person(home: Home) -> None:
    """It stood in the station's chain as it was typed, and nothing could erase it."""
    (folder,) = home.records(simulated=False).glob("*-K-1")
    told = ["records", "sign", folder.name, "--operator", "T1", "--reason", SAID, "--home", str(home.root)]
    assert main(told) == 0
    (line,) = [line for line in station_lines(home.root) if line["event"] == "signed"]
    assert personal.opened(home.root, line["comment"]) == SAID
    assert forgotten(home, "K-1") == 0
    assert forgotten(home, "K-2") == 0
    assert SAID.encode() not in every_byte(home.root)
    assert personal.opened(home.root, line["comment"]) == ERASED
    assert [verdict.reason for verdict in verify_home(home.root) if not verdict.ok] == []


def test_a_search_finds_words_whose_key_came_back(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = kept_keys(home, tmp_path / "b.zst")
    key_of(home, "K-1").unlink()
    search = ["records", "list", "--text", "daughter", "--home", str(home.root)]
    assert main(search) == 0
    assert "K-1" not in capsys.readouterr().out
    assert put_back(home, file) == 0
    assert main(search) == 0
    assert "K-1" in capsys.readouterr().out


def test_thousands_of_keys_take_one_look_at_their_folder(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5000 that were here already took two minutes, and a backup of them too."""

    def a_look(home: Path, name: str) -> list[Path]:
        raise AssertionError(f"{home}: was looked through for {name}")

    monkeypatch.setattr(personal, "_beside", a_look)
    file = kept_keys(home, tmp_path / "b.zst")
    assert put_back(home, file) == 0


@pytest.mark.parametrize("was", ["there", "lost"])
def test_a_key_of_who_was_erased_that_lies_here_again_is_named(
    home: Home, capsys: pytest.CaptureFixture[str], was: str
) -> None:
    """Put back by hand, erased words were read again and everything verified."""
    key = key_of(home, "K-1").read_bytes()
    if was == "lost":
        key_of(home, "K-1").unlink()
    assert forgotten(home, "K-1") == 0
    comes_back(home, "K-1")
    told = ["records", "verify", "--home", str(home.root)]
    assert main(told) == 0
    key_of(home, "K-1").with_name(f"{key_of(home, 'K-1').name}.again").write_bytes(key)
    capsys.readouterr()
    assert main(told) == 1
    said = capsys.readouterr().out
    assert f"{key_of(home, 'K-1')}: NOT VERIFIED" in said
    assert "records forget" in said
    assert forgotten(home, "K-1") == 0
    assert main(told) == 0
    assert key not in every_byte(home.root)


def test_nobody_is_erased_in_a_session(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """What was said until its end was closed under a key that was not there any more."""
    room = InTheRoom(home)
    room.enter(frozenset({"k-1"}), here("P24"))
    assert forgotten(home, "K-1") == 1
    assert "K-1: is in a session now (on P24" in capsys.readouterr().err
    assert words(home, "K-1") == [SAID] * 7
    room.leave()
    assert forgotten(home, "K-1") == 0


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_no_key_is_said_to_be_destroyed_that_is_not_here(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys on a stick that was pulled: "erased", and with the stick back each word was read."""
    folder = home.root / FOLDER
    folder.rename(tmp_path / "stick")
    folder.symlink_to(tmp_path / "stick")
    (tmp_path / "stick").rename(tmp_path / "pulled")
    assert forgotten(home, "K-1") == 1
    assert f"{folder}: people's keys are not here" in capsys.readouterr().err
    (tmp_path / "pulled").rename(tmp_path / "stick")
    assert words(home, "K-1") == [SAID] * 7
    assert forgotten(home, "K-1") == 0


@pytest.mark.parametrize("name", [".key", "notes.key", "0123456789abcdef - Copy.key"])
def test_a_strange_file_among_the_keys_spoils_no_backup(home: Home, tmp_path: Path, name: str) -> None:
    """Its name stood as an id in FILE.people, which was then refused as a whole."""
    (home.root / FOLDER / name).write_bytes(bytes(range(32)))
    file, fresh = kept_keys(home, tmp_path / "b.zst"), tmp_path / "fresh"
    assert put_back(home, file) == 0
    assert main(["records", "restore", str(tmp_path / "b.zst"), "--reason", "x", "--home", str(fresh)]) == 0
    assert words(Home(fresh), "K-1") == [SAID] * 7


def test_a_persons_key_that_many_make_at_once_is_one_key(tmp_path: Path) -> None:
    """Each closed words under its own, or ended with a traceback, and the last key alone was kept."""
    for turn in range(20):
        home = tmp_path / str(turn)
        with ThreadPoolExecutor(8) as many:
            said = list(many.map(lambda _, home=home: Cover(home, "K-9").value(SAID, always=True), range(8)))
        assert [personal.opened(home, one) for one in said] == [SAID] * 8


def test_a_key_that_is_made_while_one_is_put_back_is_not_replaced(home: Home, tmp_path: Path) -> None:
    """Between the look whether one is there and the write another process may make one, and close words under it."""
    before = kept_keys(home, tmp_path / "before.zst")
    key_of(home, "K-1").unlink()
    with ThreadPoolExecutor(1) as pool:
        with personal.changing_keys(home.root):
            putting = pool.submit(put_back, home, before)
            wait([putting], timeout=0.3)
            assert not key_of(home, "K-1").exists(), "it waits for who is making one"
            key_of(home, "K-1").write_bytes(os.urandom(personal.KEY_BYTES))
        assert putting.result() == 0
    comes_back(home, "K-1")
    assert said_of(home, "K-1") == [SAID, "is back"]
