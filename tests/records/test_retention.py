"""How long records are kept: the site's rule, what is past it, who let it go and why; nothing goes by itself."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records import operators, retention
from estim.records.anchor import against, make_anchor
from estim.records.home import Home
from estim.records.index import Filter, Index
from estim.records.keys import seeded_signer
from estim.records.operators import Operator, hash_pin, save_operator
from estim.records.patients import Patient, save_patient
from estim.records.signed_chain import append_signed
from estim.records.station import begin_station, enter_station, station_lines
from estim.records.verify_home import verify_home
from estim.safety.errors import RecordError
from tests.records.build import NOON, session

TODAY = datetime.date(2046, 6, 1)
YEAR = datetime.timedelta(days=365.25)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """K-1 came twice, K-2 once and long ago, K-3 was a child then."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    begin_station(home.root)
    save_patient(home.patients, Patient(id="K-3", flags=("child",)))
    for patient, years in (("K-1", 30), ("K-1", 2), ("K-2", 31), ("K-3", 28)):
        session(home, patient, at=NOON.replace(year=TODAY.year) - years * YEAR, simulated=False)
    return home


def keep(home: Home, **years: int) -> None:
    for rule, number in years.items():
        retention.set_rule(home.root, rule, number, operator="A1", reason="the law here")


def wrong(home: Home) -> list[str]:
    return [verdict.reason for verdict in verify_home(home.root) if not verdict.ok]


def patients(rows: list[retention.Due]) -> list[str]:
    return [one.patient for one in rows]


def test_without_a_rule_everything_is_kept(home: Home) -> None:
    assert retention.due(home, TODAY) == []
    assert retention.remove(home, TODAY, operator="A1", reason="x").sessions == ()
    keep(home, real=0, child=30)
    assert retention.due(home, datetime.date(9000, 1, 1)) == []


def test_the_time_runs_from_the_last_session_and_is_longer_for_a_child(home: Home) -> None:
    keep(home, real=10)
    assert patients(retention.due(home, TODAY)) == ["K-2", "K-3"], "K-1 came again two years ago"
    keep(home, child=30)
    assert patients(retention.due(home, TODAY)) == ["K-2"]
    keep(home, child=0)
    assert patients(retention.due(home, datetime.date(2200, 1, 1))) == ["K-2", "K-1", "K-1"]
    keep(home, child=1)
    rows = {one.patient: one.until for one in retention.due(home, TODAY)}
    assert rows["K-3"] == rows["K-2"].replace(year=rows["K-2"].year + 3), "never shorter than for others"


def test_two_pseudonyms_of_one_person_are_kept_together(home: Home) -> None:
    enter_station(home.root, "joined", patient="K-2", into="K-1", operator="A1", reason="the same person")
    keep(home, real=10, child=40)
    assert retention.due(home, TODAY) == []


def test_what_goes_soon_is_listed_and_not_removed(home: Home) -> None:
    keep(home, real=31)
    (row,) = retention.due(home, datetime.date(2046, 9, 1))
    assert (row.patient, row.until) == ("K-2", datetime.date(2046, 11, 21))
    assert retention.remove(home, row.until, operator="A1", reason="x").sessions == (), "kept up to and with that day"
    assert len(retention.remove(home, row.until + datetime.timedelta(days=1), operator="A1", reason="x").sessions) == 1


def test_what_went_is_named_by_a_signed_line_and_the_home_verifies(home: Home) -> None:
    before = make_anchor(home.root)
    keep(home, real=10, child=30)
    done = retention.remove(home, TODAY, operator="A1", reason="their time is over")
    assert (len(done.sessions), done.left, done.people) == (1, (), ("K-2",))
    assert len(list(home.records(simulated=False).glob("2*"))) == 3
    line = station_lines(home.root)[-1]
    assert (line["event"], line["session"], line["operator"]) == ("removed", done.sessions[0], "A1")
    assert wrong(home) == []
    assert against(home.root, before) == "", "the chains are whole"
    with Index(home) as index:
        index.refresh()
        assert len(index.sessions(Filter(simulated=False))) == 3
    assert retention.remove(home, TODAY, operator="A1", reason="again").sessions == ()


def test_a_removal_that_was_interrupted_goes_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(home, real=10, child=30)

    def stuck(_path: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("estim.records.retention.shutil.rmtree", stuck)
        with pytest.raises(RecordError, match="can't be removed"):
            retention.remove(home, TODAY, operator="A1", reason="x")
    assert wrong(home) == []
    assert len(retention.remove(home, TODAY, operator="A1", reason="x").sessions) == 1
    assert [line["event"] for line in station_lines(home.root)].count("removed") == 1
    assert wrong(home) == []


def test_what_does_not_verify_is_left(home: Home) -> None:
    keep(home, real=10, child=30)
    (folder,) = home.records(simulated=False).glob("*K-2")
    record = folder / "record.jsonl"
    record.write_bytes(record.read_bytes().replace(b'"pulses":4500', b'"pulses":4501'))
    done = retention.remove(home, TODAY, operator="A1", reason="x")
    assert done.sessions == ()
    assert "does not verify" in done.left[0][1]
    assert record.exists()


@pytest.mark.parametrize("how", ["no line", "a stranger's line", "another session's line", "another head"])
def test_a_session_that_somebody_took_is_found(home: Home, how: str) -> None:
    keep(home, real=10, child=30)
    names = sorted(path.name for path in home.records(simulated=False).glob("2*"))
    told = {"kind": "real", "head": "0" * 64, "lines": 20, "until": "2036-01-01", "operator": "A1", "reason": "x"}
    if how == "a stranger's line":
        said = {"event": "removed", "session": names[-1], **told}
        append_signed(home.root / "station.jsonl", seeded_signer(9), said)
    elif how != "no line":
        about = names[-1] if how == "another head" else names[0]
        enter_station(home.root, "removed", session=about, **told)
    for path in (home.records(simulated=False) / names[-1]).iterdir():
        path.unlink()
    (home.records(simulated=False) / names[-1]).rmdir()
    assert any("gone" in reason for reason in wrong(home))


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def led(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home has an administrator and a therapist; it is 2046."""
    monkeypatch.setattr(operators, "MEMORY_KIB", 64)
    monkeypatch.setattr(operators, "PASSES", 1)
    monkeypatch.setattr("estim.cli.lifecycle._today", lambda: TODAY)
    for name in ("A1", "T1"):
        one = Operator(id=name, name=name, role="therapist", pin=hash_pin("123456"), administrator=name == "A1")
        save_operator(home.operators, one, by="A1", reason="new")
    return home


def asked(
    led: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str, pin: str = "123456"
) -> tuple[int, dict[str, Any], str]:
    monkeypatch.setattr("estim.cli.keeping.typed_unseen", lambda _text: pin)
    capsys.readouterr()
    code = main(["records", "retention", *words, "--json", "--home", str(led.root)])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def test_an_administrator_sets_the_rule_and_lets_go(
    led: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = ("--keep", "real=10", "--keep", "child=30", "--operator", "A1", "--reason", "the law here")
    code, found, _ = asked(led, capsys, monkeypatch, *rule)
    assert (code, found["rules"], [one["patient"] for one in found["due"]]) == (0, {"real": 10, "child": 30}, ["K-2"])
    assert found["due"][0]["over"]
    code, found, _ = asked(led, capsys, monkeypatch, "--remove", "--operator", "A1", "--reason", "over")
    assert (code, len(found["removed"]), found["people"], found["due"]) == (0, 1, ["K-2"], [])
    assert main(["records", "retention", "--home", str(led.root)]) == 0
    assert "kept 10 years after the person's last one" in capsys.readouterr().out
    assert main(["records", "verify", "--home", str(led.root)]) == 0


@pytest.mark.parametrize(
    ("words", "pin", "code", "why"),
    [
        (("--remove", "--operator", "T1", "--reason", "x"), "123456", 1, "an administrator is needed"),
        (("--remove", "--operator", "A1", "--reason", "x"), "000000", 1, "with this PIN is not known"),
        (("--remove", "--operator", "A1"), "123456", 2, "--reason"),
        (("--keep", "real=ten", "--reason", "x"), "123456", 2, "KIND=YEARS"),
        (("--keep", "real=²", "--reason", "x"), "123456", 2, "KIND=YEARS"),
        (("--keep", "real=101", "--reason", "x"), "123456", 2, "KIND=YEARS"),
        (("--keep", "dogs=3", "--reason", "x"), "123456", 2, "KIND=YEARS"),
        (("--keep", "real", "--reason", "x"), "123456", 2, "KIND=YEARS"),
    ],
)
def test_nobody_else_does(
    words: tuple[str, ...], pin: str, code: int, why: str, led: Home, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    keep(led, real=10, child=30)
    got, found, err = asked(led, capsys, monkeypatch, *words, pin=pin)
    assert (got, found["outcome"], found["ok"]) == (code, "refused", False)
    assert why in found["problems"][0]["message"]
    assert why in err
    assert len(list(led.records(simulated=False).glob("2*"))) == 4


def test_what_was_put_there_or_lies_behind_a_link_is_left_and_named(home: Home, tmp_path: Path) -> None:
    """A session that no chain names is somebody's deed, and its removal would hide it; where a link leads, other things
    may lie that nobody let go.
    """
    keep(home, real=10)
    other = Home(tmp_path / "other")
    shutil.copytree(home.root / "keys", other.root / "keys")  # the same station's key: it verifies by itself
    put_there = session(other, "K-2", at=NOON.replace(year=TODAY.year) - 35 * YEAR, simulated=False)
    shutil.copytree(put_there, home.records(simulated=False) / put_there.name)
    (linked,) = home.records(simulated=False).glob("*-K-3")
    shutil.move(linked, tmp_path / "elsewhere")
    try:
        linked.symlink_to(tmp_path / "elsewhere")
    except OSError:
        pytest.skip("this system makes no links")
    done = retention.remove(home, TODAY, operator="A1", reason="its time is over")
    assert [name.split("Z-")[1] for name in done.sessions] == ["K-2"]
    assert put_there.name not in done.sessions
    left = dict(done.left)
    assert "the master chain does not name this session" in left[put_there.name]
    assert f"is a link to {tmp_path / 'elsewhere'}" in left[linked.name]
    assert (tmp_path / "elsewhere" / "record.jsonl").is_file()
    assert {line["session"] for line in station_lines(home.root) if line["event"] == "removed"} == set(done.sessions)
