"""`estim records` from outside: what it prints, and the code it ends with."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.cli.replaying import _sum
from estim.records.door import InTheRoom, here
from estim.records.home import Home
from estim.records.keys import known_keys, seeded_signer
from estim.records.pulse_form import form_words
from estim.records.simulated import SimulatedWriter
from estim.rehearsal.replaying import Replayed
from tests.records.build import NOON, body, session

DAY = datetime.timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    session(made, "K-1")
    session(made, "K-1", at=NOON + DAY, end="fault")
    session(made, "R-1", simulated=False)
    return made


@pytest.fixture
def estim(home: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> tuple[int, str]:
        code = main(["records", *words, "--home", str(home.root)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


@pytest.mark.parametrize("words", [("--outcome", "complet"), ("--ending", "complete."), ("--outcome", "Completed")])
def test_a_list_by_a_word_that_no_session_can_have_is_refused_and_not_empty(
    home: Home, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["records", "list", *words, "--home", str(home.root)])
    assert ended.value.code == 2
    assert words[1] in capsys.readouterr().err


def test_a_list_of_nothing_says_so(estim: Any) -> None:
    assert estim("list", "--patient", "nobody") == (0, "no session found\n")
    assert json.loads(estim("list", "--patient", "nobody", "--json")[1])["sessions"] == []


def test_a_session_that_still_runs_is_not_called_bad(estim: Any, home: Home) -> None:
    room = InTheRoom(home)
    room.enter(frozenset({"n-1"}), here("sim://p24"))
    folder = session(home, "N-1", at=datetime.datetime.now(datetime.UTC), end="broken")
    (line,) = (line for line in estim("list")[1].splitlines() if folder.name in line)
    assert line.split()[0] == "now"
    rows = json.loads(estim("list", "--json")[1])["sessions"]
    assert [row["running"] for row in rows if row["session"] == folder.name] == [True]
    (row,) = (row for row in rows if row["session"] == folder.name)
    assert row["reason"].startswith("the session is still running: on sim://p24, since ")
    assert row["off_by_us"] is None
    assert sum(row["running"] for row in rows) == 1
    room.leave()
    (line,) = (line for line in estim("list")[1].splitlines() if folder.name in line)
    assert line.split()[0] == "BAD"


def test_list_shows_the_latest_first_and_simulated_ones_apart(estim: Any) -> None:
    code, said = estim("list")
    assert code == 0
    assert (
        said.index("R-1")
        < said.index("Simulated sessions")
        < said.index("2026-11-22")
        < said.index("2026-11-21 12:00 K-1")
    )
    assert "R-1" not in estim("list", "--simulated")[1]
    assert "K-1" not in estim("list", "--real")[1]
    document = json.loads(estim("list", "--json", "--since", "2026-11-22")[1])
    assert [row["outcome"] for row in document["sessions"]] == ["fault"]
    assert (document["count"], document["sessions"][0]["ok"]) == (1, True)
    assert "1 more" in estim("list", "--simulated", "--limit", "1")[1]
    assert "fault" not in estim("list", "--until", "2026-11-21")[1]
    assert estim("list", "--since", "yesterday")[0] == 2


def test_sessions_are_named_in_four_ways(estim: Any, home: Home) -> None:
    folder = next(home.records(simulated=False).glob("*-R-1"))
    for word in (str(folder), folder.name):
        assert "R-1" in estim("report", word)[1]
    assert "fault" in estim("report", "last")[1]
    assert "FAULT" in estim("report", "20261122")[1]
    code, said = estim("report", "20261121")
    assert (code, "2 sessions begin so" in said) == (1, True)
    assert estim("report", "nothing")[0] == 1


@pytest.mark.parametrize("action", ["show", "report", "replay", "verify"])
def test_a_records_own_file_means_its_session(action: str, estim: Any, home: Home) -> None:
    folder = next(home.records(simulated=False).glob("*-R-1"))
    code, said = estim(action, str(folder / "record.jsonl"))
    assert code == estim(action, str(folder))[0]
    assert "no session;" not in said
    assert "no such folder" not in said
    other = folder / "notes.txt"
    other.write_text("not of the record", "ascii")
    assert action == "verify" or estim(action, str(other))[0] == 1  # verify takes whatever lies in the folder


def test_reports_go_to_files(estim: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert estim("report", "last", "--html", "-o", str(out)) == (0, "")
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "YOUR TREATMENT" in estim("report", "last", "--patient")[1]
    assert "<h1>Your treatment" in estim("report", "last", "--patient-html")[1]
    assert json.loads(estim("report", "last", "--json")[1])["outcome"] == "fault"
    assert estim("report", "last", "-o", str(tmp_path / "no" / "x"))[0] == 1
    assert estim("report", "last", "--pdf", "-o", str(tmp_path / "r.pdf")) == (0, "")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")
    assert estim("report", "last", "--pdf")[0] == 2


def test_a_course_has_its_report(estim: Any) -> None:
    assert "Sessions delivered: 2" in estim("course", "K-1", "--simulated")[1]
    assert "<svg" in estim("course", "K-1", "--simulated", "--html")[1]
    assert json.loads(estim("course", "R-1", "--json")[1])["delivered"] == 1
    assert estim("course", "K-1")[0] == 1


def test_exports(estim: Any, tmp_path: Path) -> None:
    assert [row["patient"] for row in json.loads(estim("export")[1])["sessions"]] == ["R-1"]
    assert len(estim("export", "--simulated", "--format", "csv")[1].splitlines()) == 3
    assert json.loads(estim("export", "last", "--format", "fhir")[1])["resourceType"] == "Bundle"
    salt = tmp_path / "salt"
    salt.write_bytes(b"0123456789abcdef\n")
    said = estim("export", "--simulated", "--research", str(salt), "--format", "csv")[1]
    assert "K-1" not in said
    assert "day 1" in said
    assert estim("export", "--research", str(tmp_path / "none"))[0] == 2
    assert estim("export", "--format", "fhir", "--research", str(salt))[0] == 2
    assert estim("export", "--patient", "nobody")[0] == 1


def test_verify_says_who_signed_and_what_is_missing(estim: Any, home: Home) -> None:
    code, said = estim("verify")
    assert code == 0
    assert "Signed by op-1 (Petra O.), performed, 2026-11-21 12:01:32 UTC, with PIN" in said
    signature = json.loads(estim("verify", "--json")[1])["sessions"][0]["signature"]
    assert signature == {
        "operator": "op-1", "name": "Petra O.", "meaning": "performed", "utc": "2026-11-21T12:01:32.500+00:00",
        "authenticated": True,
    }  # fmt: skip
    report = estim("report", "last")[1]
    assert "Signed by op-1 (Petra O.), performed, 2026-11-21 12:01:32 UTC, with PIN" in report
    (key,) = known_keys(home.root).values()
    assert estim("verify", "--key", key, str(home.records(simulated=False)))[0] == 0
    code, said = estim("verify", "--key", seeded_signer(9).public_hex, str(home.records(simulated=False)))
    assert (code, "trusted" in said) == (1, True)
    assert estim("verify", "--key", "xyz")[0] == 2
    last = max(
        (each for simulated in (False, True) for each in home.records(simulated=simulated).glob("*Z-*")),
        key=lambda folder: folder.name,
    )
    assert estim("verify", "last") == estim("verify", str(last))
    assert "there is no such folder" in estim("verify", "nowhere")[1]
    broken = session(home, "B-1", at=NOON + 2 * DAY, end="broken", simulated=False)
    code, said = estim("verify", "--json")
    row = next(row for row in json.loads(said)["sessions"] if row["path"] == str(broken))
    assert (code, row["ok"], row["ending"], row["first_bad"], row["sealed"]) == (1, False, "incomplete", None, False)
    assert (row["last_on_us"], row["off_by_us"]) == (1_000_500, 95_000_000)
    assert "at the latest" in estim("verify")[1]
    (home.root / "keys" / "station-keys.txt").unlink()
    assert "signer unknown" in estim("verify", str(next(home.records(simulated=False).glob("*-R-1"))))[1]


def test_audit_and_show(estim: Any, home: Home) -> None:
    assert estim("audit")[0] == 0
    assert json.loads(estim("audit", "last", "--json")[1])["ok"]
    assert "seal" in estim("show", "last")[1]
    path = next(home.records(simulated=False).glob("*-R-1")) / "record.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert "can't be relied on" in estim("show", str(path.parent))[1]


def test_the_index_can_be_built_again_from_nothing(estim: Any, home: Home) -> None:
    assert "3 read" in estim("index")[1]
    assert "0 read" in estim("index")[1]
    (home.root / "index.sqlite3").write_bytes(b"x" * 5_000)
    assert estim("list")[0] == 1
    assert json.loads(estim("index", "--rebuild", "--json")[1]) == {"read": 3, "real": 1, "simulated": 2}


def test_patients(estim: Any) -> None:
    assert estim("patient", "K-9")[0] == 1
    code, said = estim(
        "patient", "K-9", "--condition", "knee", "--side", "left", "--flag", "child", "--pad", "quadriceps=7.6x12.7",
        "--protocol", "knee-replacement-quadriceps-early", "--week", "2",
    )  # fmt: skip
    assert code == 0
    assert "child" in said
    estim("patient", "K-9", "--flag", "fragile_bone", "--pad", "calf=5")
    (one,) = json.loads(estim("patients", "--json")[1])["patients"]
    assert (one["flags"], one["pads"]) == (["child", "fragile_bone"], {"quadriceps": "7.6x12.7", "calf": "5"})
    assert "K-9" in estim("patients")[1]
    estim("patient", "K-9", "--no-flags")
    assert json.loads(estim("patient", "K-9", "--json")[1])["flags"] == []
    assert estim("patient", "K-9", "--pad", "big")[0] == 2
    assert estim("patient", "K-9", "--protocol", "knee-replacement-quadriceps-erly")[0] != 0  # none that there is
    assert json.loads(estim("patient", "K-9", "--json")[1])["protocol"] == "knee-replacement-quadriceps-early"
    assert estim("patient", "Anna Berg", "--week", "1")[0] == 1


def test_what_came_by_mail_is_judged_as_it_came_and_by_the_key_that_is_given(
    estim: Any, home: Home, tmp_path: Path
) -> None:
    """Practice is signed by whichever key: where somebody says which one it must be, it is held to that."""
    (folder, *_) = (each for each in home.records(simulated=True).iterdir() if (each / "record.jsonl").is_file())
    mail = Path(shutil.make_archive(str(tmp_path / "mail"), "zip", folder.parent, folder.name))
    for words in (["verify"], ["audit"], ["report", "--text"], ["show"]):
        assert estim(words[0], str(mail), *words[1:])[0] == 0, words
    for word in ("verify", "audit"):
        assert estim(word, str(mail))[1].startswith(f"{mail}: "), "not where it was unpacked"
    key = json.loads(estim("show", str(mail), "--json")[1])["lines"][1]["fields"]["public_key"]
    assert estim("verify", str(mail), "--key", key)[0] == 0
    code, said = estim("verify", str(mail), "--key", seeded_signer(9).public_hex)
    assert (code, "not by the one that --key gives" in said) == (1, True)
    both = Path(shutil.make_archive(str(tmp_path / "both"), "zip", folder.parent))
    code, said = estim("verify", str(both))
    assert code in {0, 1}
    assert said.startswith(f"{both / folder.name}: ")
    code, said = estim("audit", str(both))
    assert (code, "unpack it and name one" in said) == (1, True)


@pytest.mark.parametrize("form", ["--text", "--html"])
def test_a_note_steers_no_terminal_and_turns_no_line_of_a_report_around(
    estim: Any, home: Home, tmp_path: Path, form: str
) -> None:
    """It was spelled out where a report is printed; a file held the escape sequence itself, and a page the sign."""
    folder = home.records(simulated=True) / "20261129T080000.000000Z-K-1"
    writer = SimulatedWriter(folder, signer=seeded_signer(1))
    lines = body("K-1", NOON.isoformat(timespec="milliseconds"))
    for kind, fields, t_us in [*lines[:-1], ("note", {"text": "red\x1b[31m and \u202eback"}, lines[-1][2]), lines[-1]]:
        writer.append(kind, fields, t_us)
        writer.poll(t_us)
    writer.close(93_000_000)
    assert estim("report", str(folder), form, "-o", str(tmp_path / "report"))[0] == 0
    written = (tmp_path / "report").read_text(encoding="utf-8")
    assert "red" in written
    assert "U+001B" in written
    assert not {"\x1b", "\u202e"} & set(written)


@pytest.mark.parametrize("size", [1 << 40, 1 << 50], ids=["one part of many", "more than any disk"])
def test_a_strangers_zip_does_not_fill_the_disk(estim: Any, tmp_path: Path, size: int) -> None:
    mail = tmp_path / "mail.zip"
    with zipfile.ZipFile(mail, "w") as packed:
        for number in range(1 + (1 << 44) // size):  # 16 TB at least, by what it says of itself
            packed.writestr(f"{number}/record.jsonl", b"")
            packed.filelist[-1].file_size = size
    for word in ("verify", "audit", "show"):
        code, said = estim(word, str(mail))
        assert code != 0
        assert said.startswith(f"estim: {mail}: unpacked it takes "), said
        assert "name the folder" in said


def test_a_zip_of_very_many_files_does_not_fill_the_disk_either(estim: Any, tmp_path: Path) -> None:
    """What is in them would just have room; each takes a block more."""
    mail, many = tmp_path / "mail.zip", 50_000
    with zipfile.ZipFile(mail, "w") as packed:
        packed.writestr("s/record.jsonl", b"")
        packed.filelist[0].file_size = (shutil.disk_usage(tmp_path).free // 2 - 200_000_000) // many
        packed.filelist *= many
    code, said = estim("verify", str(mail))
    assert code != 0
    assert said.startswith(f"estim: {mail}: unpacked it takes "), said


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("no record", "no record.jsonl is in there"),
        ("other names", "no record.jsonl is in there"),
        ("damaged lzma", "can't be unpacked"),
        ("cut", "it ends too early"),
    ],
)
def test_a_zip_that_is_none_or_holds_none_says_why(estim: Any, tmp_path: Path, what: str, why: str) -> None:
    mail = tmp_path / "mail.zip"
    how = zipfile.ZIP_LZMA if what == "damaged lzma" else zipfile.ZIP_STORED
    name = {"no record": "s/letter.txt", "other names": "s/record.jsonl.bak"}.get(what, "s/record.jsonl")
    with zipfile.ZipFile(mail, "w", compression=how) as packed:
        packed.writestr(name, b'{"n":0}\n' * 100)
    data = bytearray(mail.read_bytes())
    body = data.index(name.encode()) + len(name)
    if what == "damaged lzma":
        data[body + 4 : body + 9] = b"\xff" * 5  # its properties
        mail.write_bytes(data)
    elif what == "cut":  # the list at the end says that more is in it than there is of the file
        at = data.index(b"PK\1\2")
        data[at + 20 : at + 28] = (0x7FFFFFF).to_bytes(4, "little") * 2
        mail.write_bytes(data)
    for word in ("verify", "audit", "show"):
        code, said = estim(word, str(mail))
        assert code != 0
        assert why in said, said
        assert "fault of estim's own" not in said


def test_what_can_not_be_read_was_not_judged(estim: Any, home: Home) -> None:
    """The lines before a bad one may be within the rules; of those behind it nobody knows."""
    (folder, *_) = (each for each in home.records(simulated=True).iterdir() if (each / "record.jsonl").is_file())
    assert estim("audit", str(folder))[0] == 0
    file = folder / "record.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"1", b"2", 1)
    file.write_bytes(b"".join(lines))
    code, said = estim("audit", str(folder))
    assert code == 1
    assert "NOT JUDGED whole, the first 5 lines within the rules; then line 5 was changed" in said
    assert not json.loads(estim("audit", str(folder), "--json")[1])["ok"]


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (lambda lines: lines[:7], "not sealed"),
        (lambda lines: lines[:-1], "not sealed"),
        (lambda _: [], "no line in it"),
        (lambda lines: [*lines[:7], lines[7][:20]], "unfinished"),
    ],
    ids=["cut at a line's end", "without its seal", "emptied", "cut in a line"],
)
def test_what_does_not_go_to_its_seal_is_not_judged_whole(
    estim: Any, home: Home, capsys: pytest.CaptureFixture[str], kept: Any, why: str
) -> None:
    """What is not verified is within no rules, by name or in the whole home; who looks at its lines is told."""
    (folder,) = home.records(simulated=False).glob("*-R-1")
    file = folder / "record.jsonl"
    file.write_bytes(b"".join(kept(file.read_bytes().splitlines(keepends=True))))
    for words in ((str(folder),), ()):
        code, said = estim("audit", *words)
        (line,) = (line for line in said.splitlines() if "R-1" in line)
        assert code == 1
        assert "NOT JUDGED" in line
        assert why in line
        document = json.loads(estim("audit", *words, "--json")[1])
        assert not document["ok"]
        assert any(why in row["unread"] for row in document["sessions"])
    assert main(["records", "show", str(folder), "--home", str(home.root)]) == 1
    assert why in capsys.readouterr().err
    assert main(["records", "show", str(folder), "--home", str(home.root), "--json"]) == 1
    told = capsys.readouterr()
    assert why in told.err
    assert why in json.loads(told.out)["bad"]


def test_a_session_that_still_runs_is_said_as_such(estim: Any, home: Home) -> None:
    """Its record has no seal yet; one that broke off before it, of the same person, did not run on."""
    old = session(home, "N-1", at=NOON, end="broken")
    room = InTheRoom(home)
    room.enter(frozenset({"n-1"}), here("sim://p24"))
    now = session(home, "N-1", at=datetime.datetime.now(datetime.UTC), end="broken")
    for word in ("audit", "verify", "show", "report"):
        code, said = estim(word, str(now))
        assert code == 1
        assert "the session is still running: on sim://p24, since " in said
        assert not re.search(r"had ended|process ended", said, re.IGNORECASE), "output may be on now"
        code, said = estim(word, str(old))
        assert code == 1
        assert "running" not in said
    room.leave()
    assert "running" not in estim("audit", str(now))[1]


def test_a_home_without_a_record_is_within_no_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", "audit", "--home", str(tmp_path / "new")]) == 1
    assert "no record found" in capsys.readouterr().out


def test_a_file_without_an_anchor_is_an_anchor_of_no_day(estim: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    code, said = estim("verify", "--anchor", str(tmp_path / "empty"))
    assert code == 1
    assert f"{tmp_path / 'empty'}: anchor: no anchor is in there" in said


@pytest.mark.parametrize("form", ["parquet", "xdf", "bids"])
def test_tables_go_into_a_folder_and_a_file_is_none(estim: Any, tmp_path: Path, form: str) -> None:
    (tmp_path / "mine").write_text("mine")
    code, said = estim("export", "--simulated", "--format", form, "-o", str(tmp_path / "mine"))
    assert code == 2
    assert f"-o {tmp_path / 'mine'}: {form} is written into a folder, and this is none" in said
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("recorded", "replayed", "said"),
    [(1_674, 1_674, "replayed as recorded"), (1_673, 1_674, "but for pulses at the ends of runs: at each, up to 2")],
)
def test_pulses_that_a_replay_leaves_open_are_told(recorded: int, replayed: int, said: str) -> None:
    """Two numbers that differ stood above `replayed as recorded`."""
    row = {"recorded_pulses": recorded, "replayed_pulses": replayed}
    words = _sum(Replayed(ok=True, differences=(), channels=(row,)))
    assert said in words
    assert ("open" in words or "depend" in words) is (recorded != replayed)


@pytest.mark.parametrize(("late", "why"), [("a command", "s after the record's end"), ("a line", "h apart")])
def test_a_record_that_would_be_played_for_days_is_not_replayed(estim: Any, home: Home, late: str, why: str) -> None:
    """Practice is sealed with a key that anybody can make: `records replay` did not end."""
    days_us = 10**12
    writer = SimulatedWriter(home.records(simulated=True) / "20261130T120000.000000Z-Q-1", signer=seeded_signer(1))
    lines = body("Q-1", (NOON + 9 * DAY).isoformat(timespec="milliseconds"))
    at = next(number for number, (kind, _, _) in enumerate(lines) if kind == "command")
    for number, (kind, fields, t_us) in enumerate(lines):
        sent = {"sent_us": fields["sent_us"] + days_us} if late == "a command" and number == at else {}
        writer.append(kind, {**fields, **sent}, t_us + (days_us if late == "a line" and number > at else 0))
    writer.close(93_000_000 + (days_us if late == "a line" else 0))
    code, said = estim("replay", "20261130")
    assert (code, why in said, "not replayed" in said) == (1, True, True)


@pytest.mark.parametrize(
    ("protocol", "said", "rates"),
    [
        ("quadriceps-doublets", "2 pulses 8 ms apart in place of each", "20"),
        ("quadriceps-catch-train", "2 pulses 5 ms apart in place of the first one, again every 2 s", "14.25"),
        ("quadriceps-two-rates", "20 Hz, from 3 s on 40 Hz", "20, 40"),
    ],
)
def test_a_report_says_where_pulses_are_not_single_and_even(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], protocol: str, said: str, rates: str
) -> None:
    home = ["--home", str(tmp_path)]
    assert main(["rehearse", protocol, "--level", "quadriceps=6", *home]) == 0
    capsys.readouterr()
    for form in ("--text", "--html"):
        assert main(["records", "report", "last", form, *home]) == 0
        assert capsys.readouterr().out.count(said) >= 2, "of the channel, and in the rhythm"
    assert main(["records", "export", "--simulated", "--format", "csv", *home]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["frequency_hz"], row["pulse_form"]) == (rates, said)
    assert main(["records", "export", "--simulated", "--format", "fhir", *home]) == 0
    assert said in capsys.readouterr().out


def test_a_report_says_of_a_pulse_whose_second_phase_is_longer_that_it_is() -> None:
    window = {"frequency_mhz": 100_000, "period_us": 10_000, "pulse_width_us": 80, "phase_ratio": 2, "train": None}
    assert form_words([window]) == "second phase 160 µs at 1/2 of the current"
    assert form_words([window | {"phase_ratio": 1}]) == ""


def test_what_was_measured_today_stands_in_report_and_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "home")]
    measured = "quadriceps-index=60:left:dynamometer of Ada"
    words = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=6", "--measure", measured, *home]
    assert main(words) == 0
    capsys.readouterr()
    for form in ("--text", "--html"):
        assert main(["records", "report", "last", form, *home]) == 0
        assert "quadriceps-index 60 % left, by dynamometer of Ada" in capsys.readouterr().out
    assert main(["records", "export", "--simulated", "--format", "csv", *home]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["measured"] == "quadriceps-index 60 % left, by dynamometer of Ada"
    (tmp_path / "salt").write_bytes(b"a secret of the study's office")
    assert (
        main(["records", "export", "--simulated", "--format", "csv", "--research", str(tmp_path / "salt"), *home]) == 0
    )
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["measured"] == "quadriceps-index 60 % left", "what somebody typed is nobody else's"
    assert main(["records", "export", "--simulated", "--format", "fhir", *home]) == 0
    resources = [each["resource"] for each in json.loads(capsys.readouterr().out)["entry"]]
    (one,) = [each for each in resources if each.get("code", {}).get("text") == "quadriceps-index"]
    assert (one["valueQuantity"]["value"], one["valueQuantity"]["unit"]) == (60, "%")
    assert (one["bodySite"]["text"], one["method"]["text"]) == ("left", "dynamometer of Ada")


def test_what_commands_amount_to_is_what_they_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command was counted as if its first pulse came at once: a fifth too many in a long ramp, and more than the
    most that the same report named.
    """
    home = ["--home", str(tmp_path)]
    for words in (
        ["leg-cycling-leading", "--device-model", "rehastim2", "--level", "quadriceps=12", "--level", "hamstrings=12"],
        ["quadriceps-doublets", "--level", "quadriceps=10"],
        ["quadriceps-two-rates", "--level", "quadriceps=10"],
    ):
        assert main(["rehearse", *words, *home]) == 0
    capsys.readouterr()
    assert main(["records", "export", "--simulated", "--format", "csv", *home]) == 0
    for row in csv.DictReader(io.StringIO(capsys.readouterr().out)):
        assert (row["sent_pulses"], row["sent_charge_pc"]) == (row["pulses"], row["charge_pc"]), row["protocol"]
