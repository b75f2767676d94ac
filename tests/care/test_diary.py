"""Diary sheets as spreadsheets of any country write them; a wrong line is named, and then none counts."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from estim.care import course
from estim.care.drills import drills
from estim.care.words import LANGUAGES, drill_words, word
from estim.desk.care import CareDesk
from estim.desk.diary import read_diary
from estim.records import care_log
from estim.records.home import Home
from estim.safety.errors import UsageError

ROWS = [(2, datetime.date(2026, 3, 3), "mini-squat", "2", True), (3, datetime.date(2026, 3, 4), "quad-set", "0", False)]
COMMA = "day,drill,done,pain,note\n2026-03-03,mini-squat,yes,2,ärgerlich\n2026-03-04,quad-set,no,0,\n"
GERMAN = (
    "Datum;Übung;Erledigt;Schmerz;Notiz\r\n03.03.2026;mini-squat;ja;2,0;ärgerlich\r\n4.3.2026;quad-set;nein;0,0;\r\n"
)


@pytest.mark.parametrize(
    "data",
    [
        COMMA.encode(),
        COMMA.encode("utf-8-sig"),
        COMMA.encode("utf-16"),
        COMMA.encode("cp1252"),
        COMMA.replace(",", "\t").encode(),
        COMMA.replace("\n", "\r\n").encode(),
        GERMAN.encode(),
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("cp1252"),
        COMMA.encode() + b"\n,,,,\n",
        b"sep=,\r\n" + COMMA.encode(),
        b"\xef\xbb\xbfsep=;\r\n" + GERMAN.encode(),
        b"\n,,,,\n" + COMMA.encode(),
        COMMA.replace("\n", ",,\n").encode(),
        COMMA.replace("2026-03-03", "2026-03-03 00:00:00").encode(),
        GERMAN.replace("4.3.2026", "4.3.26").encode(),
        COMMA.replace("quad-set", " Quad-Set ").encode(),
        COMMA.replace("\n", "\r").encode(),
    ],
    ids=[
        "utf-8",
        "mark",
        "utf-16",
        "latin",
        "tabs",
        "crlf",
        "german",
        "german-mark",
        "german-latin",
        "empty-lines",
        "sep",
        "sep-mark",
        "empty-above",
        "empty-columns",
        "midnight",
        "short-year",
        "capitals",
        "old-mac",
    ],
)
def test_a_sheet_is_read_as_it_was_saved(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "diary.csv"
    path.write_bytes(data)
    read = read_diary(path)
    assert [(day, f["drill"], f["pain"], f["done"]) for _, day, f in read] == [row[1:] for row in ROWS]
    lines = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "latin-1").splitlines()
    assert all("mini-squat" in lines[n - 1] or "quad-set" in lines[n - 1].casefold() for n, _, _ in read)
    assert read[0][2]["note"] == "ärgerlich"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column 'day'"),
        ("day,drill\n", "no column 'done'"),
        ("Table 1,,\nday,drill,done\n", "line 1: unknown column 'Table 1'; the first line that is not empty names"),
        ("\nday,dril,done\n", "line 2: unknown column 'dril'"),
        ("day,drill,done\n", "there is no line below"),
        ("day,drill,done\n03/04/2026,quad-set,yes\n", "which of the two is the month"),
        ("day,drill,done\n46086,quad-set,yes\n", "a spreadsheet's own number"),
        ("day,drill,done\n9 March 2026,quad-set,yes\n", "day '9 March 2026': a date as"),
        ("day,drill,done,\n2026-03-03,quad-set,yes,note\n", "line 2: more fields"),
        ("day,drill,done,pian\n", "unknown column 'pian'"),
        ("day,Tag,drill,done\n", "two columns mean the same"),
        ("day,drill,done\n2026-13-03,quad-set,yes\n", "line 2: day '2026-13-03'"),
        ("day,drill,done\n31.02.2026,quad-set,yes\n", "line 2: day '31.02.2026'"),
        ("day,drill,done\n2026-03-03,quadset,yes\n", "near: quad-set"),
        ("day,drill,done,pain\n2026-03-03,quad-set,yes,11\n", "line 2: pain '11'"),
        ("day,drill,done,pain\n2026-03-03,quad-set,yes,2.5\n", "line 2: pain '2.5'"),
        ("day,drill,done,pain\n2026-03-03,quad-set,yes,²\n", "line 2: pain '²'"),
        ("day,drill,done\n2026-03-03,quad-set,yes,2,3\n", "more fields than columns"),
        ("PK\x03\x04\x00\x00", "save it as CSV"),
        ("day,drill,done\n2026-03-03,quad-set,yes\n2026-03-03,quad-set,yes\n", "line 3: quad-set of 2026-03-03"),
        ("day,drill,done\n2026-03-01,quad-set,yes\n", "line 2: diary of 2026-03-01: the course began on 2026-03-02"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_entered(text: str, said: str, tmp_path: Path) -> None:
    desk = CareDesk(Home(tmp_path), "K-7", simulated=True, who="lena")
    desk.begin("knee-replacement", "left", day=datetime.date(2026, 3, 2))
    path = tmp_path / "diary.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        desk.diary(path)
    assert said in str(caught.value)
    assert len(care_log.read(Home(tmp_path), "K-7", simulated=True)) == 1


def test_what_was_done_is_kept_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "diary.csv"
    path.write_text("day,drill,done\n2026-03-03,quad-set,3 × 10\n", encoding="utf-8")
    [(_, _, fields)] = read_diary(path)
    assert (fields["done"], fields["done_words"]) == (True, "3 × 10")


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("day,drill,done,day\n2026-03-02,bird-dog,1,2026-03-03\n", encoding="utf-8")
    with pytest.raises(UsageError, match="two columns mean the same: day, drill, done, day"):
        read_diary(sheet)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_printed_sheet_is_read_as_it_was_filled_in(language: str, tmp_path: Path) -> None:
    """Its heads and the exercises' names as the leaflet prints them, copied into a spreadsheet."""
    heads = word("diary-heads", language).split("|")
    name = drill_words(drills()["heel-slide"], language)["name"]
    path = tmp_path / "sheet.csv"
    path.write_text(";".join(heads) + f"\n2026-03-03;{name};3 × 10;4;1;2;5;Teppich\n", encoding="utf-8")
    [(line, day, fields)] = read_diary(path)
    assert (line, day) == (2, datetime.date(2026, 3, 3))
    assert fields == {
        "drill": "heel-slide", "done": True, "done_words": "3 × 10", "pain": "4", "pain_next_morning": "1",
        "falls": "2", "fatigue": "5", "note": "Teppich",
    }  # fmt: skip


def test_a_line_that_is_typed_is_what_a_sheet_s_line_becomes(tmp_path: Path) -> None:
    desk = CareDesk(Home(tmp_path), "K-7", simulated=True, who="lena")
    desk.begin("knee-replacement", "left", day=datetime.date(2026, 3, 2))
    day = datetime.date(2026, 3, 3)
    line = {"drill": "Heel-Slide", "done": "3x10", "pain": "2", "falls": "1", "note": "rug"}
    entry = desk.note("diary", line, day=day)
    assert (entry.kind, entry.day) == ("diary", day)
    path = tmp_path / "sheet.csv"
    path.write_text("day,drill,done,pain,falls,note\n2026-03-04,Heel-Slide,3x10,2,1,rug\n", encoding="utf-8")
    desk.diary(path)
    assert desk.entries()[-1].fields == entry.fields
    with pytest.raises(UsageError, match="heel-slide of 2026-03-03 is entered already"):
        desk.note("diary", {"drill": "heel-slide", "done": "no"}, day=day)
    assert desk.note("diary", {"drill": "quad-set", "done": False}, day=day).fields == {
        "drill": "quad-set", "done": False,
    }  # fmt: skip


def test_a_day_is_counted_by_the_home_exercises_of_its_own_phase(tmp_path: Path) -> None:
    desk = CareDesk(Home(tmp_path), "K-7", simulated=True, who="lena")
    begun = datetime.date(2026, 3, 2)
    desk.begin("knee-replacement", "left", day=begun)
    first = desk.plan().home_drills(0)
    for number in (1, 3):  # the day between has no line
        desk.note("diary", {"drill": first[0], "done": "yes"}, day=begun + datetime.timedelta(days=number))
    assert course.adherence(desk.plan(), desk.entries()) == (2, 3 * len(first))
    desk.pass_gate(reason="walks", day=begun + datetime.timedelta(days=14))
    later = desk.plan().home_drills(1)
    assert len(later) != len(first)
    assert course.adherence(desk.plan(), desk.entries()) == (2, 3 * len(first)), "a gate changes nothing that was"
    desk.note("diary", {"drill": later[0], "done": "yes"}, day=begun + datetime.timedelta(days=15))
    assert course.adherence(desk.plan(), desk.entries()) == (3, 13 * len(first) + 2 * len(later))
