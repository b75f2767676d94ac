"""The index says what the records say, and is built again from them."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from estim.records.home import Home
from estim.records.index import Filter, Index
from estim.records.report import text_report
from estim.records.summary import summarise
from estim.safety.errors import RecordError
from tests.records.build import NOON, session

SIMULATED = Filter(simulated=True)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def patients(index: Index, wanted: Filter) -> list[str]:
    return [row["patient"] for row in index.sessions(wanted)]


def test_sessions_are_listed_the_latest_first(home: Home) -> None:
    session(home)
    session(home, at=NOON + DAY)
    session(home, "K-2")
    with Index(home) as index:
        assert index.refresh() == 3
        assert index.refresh() == 0
        mine = index.sessions(Filter(simulated=True, patient="K-1"))
        assert [row["utc"][:10] for row in mine] == ["2026-11-22", "2026-11-21"]
        assert mine[0]["verified"]
        assert mine[0]["findings"] == []
        assert (mine[0]["week"], mine[0]["number"], mine[0]["contractions_planned"]) == (2, 3, 6)
        (channel,) = mine[0]["channels"]
        assert channel["pads"] == "7.6 × 12.7 cm and 7.6 × 12.7 cm"
        assert (channel["max_tolerated_ua"], channel["cap_ua"], channel["pulses"]) == (20_000, 40_000, 4_500)
        assert index.count(SIMULATED) == 3


def test_every_filter_filters(home: Home) -> None:
    session(home, "K-1", end="fault")
    session(home, "K-2", at=NOON + DAY)
    session(home, "K-3", at=NOON + 2 * DAY, end="broken")
    session(home, "K-4", simulated=False)
    with Index(home) as index:
        index.refresh()
        assert patients(index, SIMULATED) == ["K-3", "K-2", "K-1"]
        assert patients(index, Filter(simulated=False)) == ["K-4"]
        assert patients(index, Filter(simulated=True, outcome="fault")) == ["K-1"]
        assert patients(index, Filter(simulated=True, ending="incomplete")) == ["K-3"]
        assert patients(index, Filter(simulated=True, verified=False)) == ["K-3"]
        assert patients(index, Filter(simulated=True, protocol="p", operator="op-1", patient="K-2")) == ["K-2"]
        assert patients(index, Filter(simulated=True, protocol="other")) == []
        day_ms = int((NOON + DAY).timestamp() * 1_000)
        assert patients(index, Filter(simulated=True, from_ms=day_ms)) == ["K-3", "K-2"]
        assert patients(index, Filter(simulated=True, until_ms=day_ms)) == ["K-1"]
        assert patients(index, Filter(simulated=True, text="WELL done k-2")) == ["K-2"]
        assert patients(index, Filter(simulated=True, text="%")) == []
        assert [row["patient"] for row in index.sessions(SIMULATED, limit=1, offset=1)] == ["K-2"]


def test_a_filter_is_no_way_into_the_database(home: Home) -> None:
    session(home)
    with Index(home) as index:
        index.refresh()
        assert index.sessions(Filter(simulated=True, patient="' OR 1=1 --")) == []
        assert index.count(SIMULATED) == 1


def test_what_is_built_again_is_the_same_and_what_is_gone_is_forgotten(home: Home) -> None:
    folder = session(home)
    session(home, "K-2")
    with Index(home) as index:
        index.refresh()
        before = index.sessions(SIMULATED)
        told: list[tuple[int, int]] = []
        assert index.rebuild(lambda done, whole: told.append((done, whole))) == 2
        assert told == [(2, 2)]
        assert index.sessions(SIMULATED) == before
        shutil.rmtree(folder)
        index.refresh()
        assert patients(index, SIMULATED) == ["K-2"]


def test_catching_up_reads_what_the_master_chain_says_is_new(home: Home) -> None:
    session(home, "K-1", simulated=False)
    with Index(home) as index:
        assert index.catch_up() == 1
        assert index.catch_up() == 0
        session(home, "K-2", simulated=False)
        session(home, "K-3", simulated=False, end="broken")
        assert index.catch_up() == 2
        broken = next(home.records(simulated=False).glob("*-K-3"))
        with (broken / "record.jsonl").open("ab") as file:
            file.write(b"{")
        assert index.catch_up() == 1  # one that is not sealed is looked at again
        assert {row["ending"] for row in index.sessions(Filter(simulated=False, patient="K-3"))} == {"torn"}
        shutil.rmtree(broken)
        index.catch_up()
        assert index.count(Filter(simulated=False)) == 2
        master = home.records(simulated=False) / "master.jsonl"
        master.write_bytes(b"".join(master.read_bytes().splitlines(keepends=True)[:2]))
        assert index.catch_up() == 0
        assert index.count(Filter(simulated=False)) == 2


def test_a_damaged_index_is_said_and_lost_without_loss(home: Home) -> None:
    session(home)
    (home.root / "index.sqlite3").write_bytes(b"nonsense" * 1_000)
    with pytest.raises(RecordError, match="may be deleted"):
        Index(home)
    held = Path("/proc/self/fd")
    if sys.platform != "win32" and held.exists():  # the advice to delete it holds on Windows too: nothing keeps it open
        assert str(home.root / "index.sqlite3") not in {os.path.realpath(fd) for fd in held.iterdir()}
    (home.root / "index.sqlite3").unlink()
    with Index(home) as index:
        assert index.catch_up() == 1


def test_a_home_that_can_not_be_made_is_what_is_said_to_be_wrong(tmp_path: Path) -> None:
    """A person was told to delete an index that nobody has, of a folder that can't be."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RecordError, match=r"home .*file.sub: it can't be made: ") as refused:
        Index(Home(tmp_path / "file" / "sub"))
    assert "index" not in str(refused.value).replace(str(tmp_path), "")


def test_an_index_of_another_version_is_built_anew(home: Home) -> None:
    session(home)
    with Index(home) as index:
        index.refresh()
    db = sqlite3.connect(home.root / "index.sqlite3")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with Index(home) as index:
        assert index.count(SIMULATED) == 0
        assert index.catch_up() == 1


def test_writes_are_durable_and_typed(home: Home) -> None:
    with Index(home) as index:
        assert index._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert index._db.execute("PRAGMA synchronous").fetchone() == (2,)
        with pytest.raises(sqlite3.IntegrityError):
            index._db.execute("INSERT INTO seen VALUES ('x', 'no number', '', '')")


def test_a_record_of_another_kind_of_lines_is_listed_and_said(home: Home) -> None:
    folder = session(home)
    text = (folder / "record.jsonl").read_bytes()
    assert text
    from estim.records.chain import Chain

    chain = Chain(simulated=True)
    lines = [chain.line("header", {"patient": "K-1"}, 0), chain.line("setup", {"purpose": "therapy"}, 1)]
    (folder / "record.jsonl").write_bytes(b"".join(lines))
    with Index(home) as index:
        index.refresh()
        (row,) = index.sessions(SIMULATED)
        assert "can't be understood" in row["unreadable"]
    said = text_report(summarise(folder))
    assert "Contractions: not known" in said
    assert "  nothing" not in said


def test_an_index_that_nobody_touched_is_not_read_through_again(home: Home) -> None:
    session(home)
    for _ in range(2):
        with Index(home) as index:
            index.catch_up()
    mark = (home.root / "index.mark").read_bytes()
    stat = (home.root / "index.sqlite3").stat()
    with Index(home) as index:
        assert index.catch_up() == 0
        assert len(index.sessions(SIMULATED)) == 1
    assert (home.root / "index.mark").read_bytes() == mark
    assert (home.root / "index.sqlite3").stat().st_mtime_ns == stat.st_mtime_ns


def test_what_another_process_wrote_meanwhile_is_looked_at_and_not_marked(home: Home) -> None:
    session(home)
    session(home, "K-2", at=NOON + DAY, end="fault")
    with Index(home) as index:
        index.catch_up()
        with contextlib.closing(sqlite3.connect(home.root / "index.sqlite3")) as db, db:
            db.execute("UPDATE session SET outcome = 'completed'")
    with Index(home) as index:
        index.catch_up()
        assert len(index.sessions(Filter(simulated=True, outcome="fault"))) == 1


@pytest.mark.parametrize("what", ["a folder", "no archive"])
def test_one_session_that_can_not_be_read_is_a_bad_one_and_hides_no_other(home: Home, what: str) -> None:
    """The whole list was `the index can't be used: [Errno 21]`."""
    good = session(home, "K-1")
    bad = good.with_name("20990101T080000.000000Z-K-2")
    bad.mkdir()
    if what == "a folder":
        (bad / "record.jsonl").mkdir()
    else:
        (bad / "record.jsonl.zst").write_bytes(b"none")

    def listed() -> dict[str, tuple[bool, str]]:
        with Index(home) as index:
            index.catch_up()
            return {row["session"]: (row["verified"], row["reason"]) for row in index.sessions(SIMULATED)}

    for _ in range(2):
        rows = listed()
        assert rows[good.name] == (True, "")
        assert not rows[bad.name][0]
        assert "it can't be read" in rows[bad.name][1]
    shutil.rmtree(bad)
    shutil.copytree(good, bad)
    assert "it can't be read" not in listed()[bad.name][1], "what can be read again is read again"
