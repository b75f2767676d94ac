"""A controlled trial at one station: allocation that can not be seen, skipped or repeated; blinded until opened."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.console.home_reading import read_sessions
from estim.protocols.catalogue import load_runnable
from estim.records.beside import blinded_sessions
from estim.records.home import Home
from estim.records.past_course import courses
from estim.trial import site
from estim.trial.report import dose_said
from tests.support import trial_text

WORLDS = Path(__file__).parents[1] / "data" / "worlds.toml"


class Station:
    """A home with a sealed trial, and its office's folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.office, self._capsys = folder / "home", folder / "office", capsys
        for arm, count in (("active", 2), ("sham", 1)):
            text = WORLDS.read_text("utf-8").replace("contractions = 22", f"contractions = {count}")
            (folder / f"{arm}.toml").write_text(text.replace('"worlds"', f'"arm-{arm}"'), "utf-8")
        (folder / "trial.toml").write_text(trial_text(folder, active="active", sham="sham"), "utf-8")
        self.began = self.run("trial", "new", str(folder / "trial.toml"), "-o", str(self.office))[1]

    def run(self, *words: str, as_json: bool = True) -> tuple[int, dict[str, Any], str]:
        """Exit code, document, everything that was printed."""
        code = main([*words, "--home", str(self.home), *(("--json",) if as_json else ())])
        said = self._capsys.readouterr()
        try:
            document = json.loads(said.out)
        except ValueError:
            document = {}
        return code, document, said.out + said.err

    def allocation(self) -> dict[str, str]:
        """The office's open list: kit → arm."""
        rows = [line.split(";") for line in (self.office / "allocation.csv").read_text().splitlines()[1:]]
        return {kit: arm for _, _, kit, arm in rows}


@pytest.fixture
def station(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Station:
    return Station(tmp_path, capsys)


def enrol(station: Station, patient: str, site: str = "a") -> dict[str, Any]:
    code, document, said = station.run("trial", "enrol", "short", "--patient", patient, "--stratum", f"site={site}")
    assert code == 0, said
    return document


def test_twenty_patients_are_allocated_in_balance_and_the_room_learns_kits_alone(station: Station) -> None:
    kits = [enrol(station, f"p{number}", "ab"[number % 2])["kit"] for number in range(20)]
    assert len(set(kits)) == 20
    arms = station.allocation()
    for stratum in range(2):  # the last block of a stratum is given out in part: at most half of 4 is uneven
        given = Counter(arms[kit] for kit in kits[stratum::2])
        assert abs(given["active"] - given["sham"]) <= 2
        assert min(given["active"], given["sham"]) > 0
    here = "".join(path.read_text("utf-8") for path in (station.home / "trials" / "short").glob("*.json*"))
    assert "active" not in here
    assert "sham" not in here
    code, _, said = station.run("trial", "enrol", "short", "--patient", "p21", "--stratum", "site=a")
    assert (code, "given out" in said) == (2, True)
    code, _, said = station.run("trial", "enrol", "short", "--patient", "P3", "--stratum", "site=a")
    assert (code, "once is for good" in said) == (2, True)
    assert station.run("trial", "enrol", "short", "--patient", "new", "--stratum", "site=c")[0] == 2


def test_an_allocation_is_made_once_and_a_changed_one_is_refused(station: Station, tmp_path: Path) -> None:
    code, _, said = station.run("trial", "new", str(tmp_path / "trial.toml"), "-o", str(tmp_path / "again"))
    assert (code, "made once" in said) == (2, True)
    sealed = station.home / "trials" / "short" / "sealed.json"
    slots = json.loads(sealed.read_text())
    slots["slots"][0], slots["slots"][1] = slots["slots"][1], slots["slots"][0]
    sealed.write_text(json.dumps(slots))
    code, _, said = station.run("trial", "enrol", "short", "--patient", "p1", "--stratum", "site=a")
    assert (code != 0, "not the one that it began with" in said) == (True, True)


def test_an_office_in_the_room_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = Station(tmp_path, capsys)
    (tmp_path / "trial.toml").write_text((tmp_path / "trial.toml").read_text().replace('"short"', '"other"'))
    code, _, said = station.run("trial", "new", str(tmp_path / "trial.toml"), "-o", str(station.home / "office"))
    assert (code, "outside the room" in said) == (2, True)


def test_blinding_holds_in_every_export_until_it_is_opened(station: Station, tmp_path: Path) -> None:
    played = {}
    for number in range(4):
        kit = enrol(station, f"p{number}")["kit"]
        code, document, said = station.run(
            "trial", "next", "short", "--patient", f"p{number}", "--level", "quadriceps=5", "--rehearse"
        )
        assert (code, document["outcome"], document["record_verified"]) == (0, "completed", True)
        assert "active" not in said.replace(str(tmp_path), "")
        assert "sham" not in said.replace(str(tmp_path), "")
        played[f"p{number}"] = document["session"], station.allocation()[kit]
    words = ("arm-active", "arm-sham", "active.toml", "sham.toml")
    session = played["p0"][0]
    looks: list[tuple[str, ...]] = [
        ("records", "list", "--simulated"),
        ("records", "report", session),
        ("records", "show", session),
    ]
    looks += [("records", "export", "--simulated", "--format", form) for form in ("csv", "json", "fhir")]
    looks += [("records", "export", "--simulated", "--format", "parquet", "-o", str(tmp_path / "sealed"))]
    looks += [("records", "course", "p0", "--simulated"), ("trial", "report", "short")]
    for look in looks[:-1]:
        assert not any(word in station.run(*look)[2] for word in words), look
    consort = {row["item"]: row["what"] for row in station.run(*looks[-1])[1]["consort"]}
    assert consort["by arm"] == "blinded"
    # In an emergency: two people, a reason, this patient alone.
    assert station.run("trial", "unblind", "short", "--patient", "p0", "--reason", "burn", "--who", "x")[0] == 2
    code, document, _ = station.run(
        "trial", "unblind", "short", "--patient", "p0", "--reason", "burn", "--who", "x", "--who", "y"
    )
    assert (code, document["arms"]) == (0, {"p0": played["p0"][1]})
    assert f"arm-{played['p0'][1]}" in station.run("records", "report", session)[2]
    assert not any(word in station.run("records", "report", played["p1"][0])[2] for word in words)
    # At the end: the office's key.
    code, document, _ = station.run(
        "trial", "unblind", "short", "--reason", "analysis", "--office", str(station.office)
    )
    assert (code, document["arms"]) == (0, {patient: arm for patient, (_, arm) in played.items()})
    consort = {row["item"]: row["what"] for row in station.run("trial", "report", "short")[1]["consort"]}
    assert consort["allocated to active"] == str(sum(arm == "active" for _, arm in played.values()))
    assert consort["unblinded before the end"] == "1"
    assert station.run("records", "export", "--simulated", "--format", "csv")[2].count("arm-") >= 4


def test_tables_say_what_nobody_recorded(station: Station, tmp_path: Path) -> None:
    code, document, _ = station.run("trial", "report", "short", "-o", str(tmp_path / "tables"))
    assert code == 0
    tidier = {row["item"]: row["what"] for row in document["tidier"]}
    assert {int(item.split()[0]) for item in tidier} == set(range(1, 13))
    much = tidier["8 when and how much (active)"]
    for words in ("40 Hz, 250 µs", "2 contractions", "1 session a day, 1 day a week, 1 week"):
        assert words in much, "a dose is how often, too"
    assert tidier["5 who"] == "physiotherapists"
    assert tidier["7 where"] == "not recorded"
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "tidier.md", "tidier.csv", "consort.md", "consort.csv"
    }  # fmt: skip


def test_what_came_out_of_a_blinded_session_is_not_played_again(station: Station, tmp_path: Path) -> None:
    enrol(station, "p0")
    words = ("trial", "next", "short", "--patient", "p0", "--level", "quadriceps=5", "--rehearse")
    session = station.run(*words)[1]["session"]
    code, _, said = station.run("records", "replay", session, "--pulses", str(tmp_path / "pulses.csv"))
    assert (code != 0, "is blinded" in said) == (True, True)
    assert not (tmp_path / "pulses.csv").exists()


def test_nothing_that_a_blinded_reader_may_ask_tells_the_arms_apart(station: Station) -> None:
    """Lines, times and numbers of two arms are others; a filter by protocol or words finds the one arm alone."""
    arms: dict[str, str] = {}
    for number in range(4):
        kit = enrol(station, f"p{number}")["kit"]
        words = ("trial", "next", "short", "--patient", f"p{number}", "--level", "quadriceps=5", "--rehearse")
        arms[station.run(*words)[1]["session"]] = station.allocation()[kit]
    one, other = ({name for name, arm in arms.items() if arm == which} for which in ("active", "sham"))
    assert one
    assert other

    def alike(text: str) -> set[str]:
        """What is said of each session, without its own name, patient, key and time."""
        said = text
        for number, name in enumerate(arms):
            said = said.replace(name, "SESSION").replace(f"p{number}", "PATIENT")
        said = re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.+]*|[0-9a-f]{16}", "", said)
        return {line for line in said.splitlines() if "SESSION" in line}

    texts: list[tuple[str, ...]] = [("verify",), ("verify", "--deep"), ("list",), ("audit",)]
    for look in texts:
        assert len(alike(station.run("records", *look, as_json=False)[2])) == 1, look
    documents: list[tuple[str, ...]] = [("verify",), ("verify", *one, *other), ("audit",), ("list",)]
    for look in documents:
        rows = station.run("records", *look)[1]["sessions"]
        own = {"path", "session", "patient", "utc", "key_id", "began_ms", "signature", "head"}
        assert len({json.dumps({k: v for k, v in row.items() if k not in own}) for row in rows}) == 1, look
        assert {row.get("records") for row in rows} == {None}, look
    by = [("--protocol", f"arm-{arm}") for arm in ("active", "sham")] + [("--text", "arm-sham"), ("--text", "sham")]
    for option in by:
        document = station.run("records", "list", *option)[1]
        assert (document["sessions"], document["count"]) == ([], 0), option
    assert station.run("records", "list", "--patient", "p0")[1]["count"] == 1


def test_a_blinded_record_that_was_cut_does_not_tell_how_long_it_was(station: Station) -> None:
    enrol(station, "p0")
    words = ("trial", "next", "short", "--patient", "p0", "--level", "quadriceps=5", "--rehearse")
    session = station.run(*words)[1]["session"]
    record = next(station.home.glob(f"records/*/{session}/record.jsonl"))
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-2]))
    code, document, said = station.run("records", "verify")
    (row,) = (row for row in document["sessions"] if row["path"].endswith(session))
    assert (code, row["ok"]) == (1, False)
    assert f"{len(lines)} lines" not in said
    assert "its end was cut off" in row["reason"]


@pytest.mark.parametrize("harmed", ["trial.toml", "trial.jsonl", "sealed.json", "station", "cut", "gone"])
def test_who_breaks_a_trial_or_the_stations_chain_opens_nothing_and_stops_no_list(
    station: Station, harmed: str
) -> None:
    enrol(station, "p0")
    words = ("trial", "next", "short", "--patient", "p0", "--level", "quadriceps=5", "--rehearse")
    session = station.run(*words)[1]["session"]
    folder = station.home / "trials" / "short"
    if harmed == "gone":
        shutil.rmtree(folder)
    elif harmed == "cut":
        chain = folder / "trial.jsonl"
        chain.write_bytes(b"".join(chain.read_bytes().splitlines(keepends=True)[:-1]))
    else:
        path = station.home / "station.jsonl" if harmed == "station" else folder / harmed
        path.write_bytes(path.read_bytes().replace(b"a", b"A", 1))
    for look in (("list",), ("verify",), ("audit",), ("export", "--simulated", "--format", "csv")):
        _, document, said = station.run("records", *look)
        rows = document.get("sessions", ())
        assert not any(word in said for word in ("arm-active", "arm-sham")), look
        assert [row.get("records") for row in rows if str(row["path"]).endswith(session)] in ([None], []), look
    assert station.run("records", "list")[1]["count"] == 1
    assert station.run("records", "verify")[0] == 1
    assert "is blinded" in station.run("records", "report", session)[2]
    assert read_past(station) == ((), ())


def read_past(station: Station) -> tuple[Any, Any]:
    """What the console's pages show of past sessions and patients."""
    home = Home(station.home)
    assert courses(home, "p0", simulated=True, now_ms=0) == ()
    return read_sessions(home.records(simulated=True), "2026-11-30", blinded_sessions(home.root))


class Killed(BaseException):
    """As if the power went."""


@pytest.mark.parametrize("broken_at", range(1, 12))
def test_a_sealing_that_is_broken_off_anywhere_can_be_done_again_and_never_by_half(
    broken_at: int, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, office = tmp_path / "other.toml", tmp_path / "office-2"
    file.write_text((tmp_path / "trial.toml").read_text("utf-8").replace('"short"', '"other"'), "utf-8")
    steps = 0

    def step(act: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*given: Any, **named: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == broken_at:
                raise Killed
            return act(*given, **named)

        return stepped

    with monkeypatch.context() as patch:
        for name in ("append_signed", "keep", "make_new", "private_folder"):
            patch.setattr(f"estim.trial.site.{name}", step(getattr(site, name)))
        patch.setattr("estim.trial.site.os.replace", step(os.replace))
        with pytest.raises(Killed):
            main(["trial", "new", str(file), "-o", str(office), "--home", str(station.home)])
    code, _, said = station.run("trial", "new", str(file), "-o", str(office))
    assert code == 0, said
    assert {path.name for path in office.iterdir()} >= {"office.key", "allocation.csv", "seed.hex", "trial.toml"}
    enrolled = station.run("trial", "enrol", "other", "--patient", "p1", "--stratum", "site=a")
    assert enrolled[0] == 0, enrolled
    code, document, said = station.run("trial", "unblind", "other", "--reason", "analysis", "--office", str(office))
    assert code == 0, said
    kits = dict(line.split(";")[2:4] for line in (office / "allocation.csv").read_text().splitlines()[1:])
    assert document["arms"] == {"p1": kits[enrolled[1]["kit"]]}, "office and station hold one and the same list"
    code, _, said = station.run("trial", "new", str(file), "-o", str(tmp_path / "office-3"))
    assert (code, "made once" in said) == (2, True)


def test_another_stations_list_is_never_taken_for_a_left_over(station: Station, tmp_path: Path) -> None:
    (station.office / "sealing-not-finished").write_text("another key", "ascii")
    file = tmp_path / "other.toml"
    file.write_text((tmp_path / "trial.toml").read_text("utf-8").replace('"short"', '"other"'), "utf-8")
    before = (station.office / "allocation.csv").read_bytes()
    assert station.run("trial", "new", str(file), "-o", str(station.office))[0] == 2
    assert (station.office / "allocation.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("blocks = [2, 4]", "blocks = [3]", "no multiple of 2"),
        ('id = "sham"', 'id = "active"', "two arms have one id"),
        ("sham.toml", "nobody.toml", "arm sham"),
        ("per_stratum = 10", "per_stratum = 0", "per_stratum"),
        ("title =", "titel =", "titel"),
    ],
)
def test_what_is_wrong_with_a_trial_is_said_by_its_key(
    station: Station, tmp_path: Path, was: str, becomes: str, said: str
) -> None:
    path = tmp_path / "trial.toml"
    path.write_text(path.read_text("utf-8").replace(was, becomes).replace('id = "short"', 'id = "other"'), "utf-8")
    code, _, told = station.run("trial", "new", str(path), "-o", str(tmp_path / "office2"))
    assert code == 1, "a file that is found wrong, as with protocols and plans"
    assert said in told
    assert "Traceback" not in told


def test_a_dose_of_doublets_says_them() -> None:
    doublets, rates = (load_runnable(name)[0] for name in ("quadriceps-doublets", "quadriceps-two-rates"))
    assert "2 pulses 8 ms apart at the place of one" in dose_said(doublets)
    assert "from 3 s on 40 Hz" in dose_said(rates)
