"""Exports say what the record says, name nobody who must not be named, and run nothing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from estim.records.export import COLUMNS, de_identified, to_csv, to_json
from estim.records.home import Home
from estim.records.summary import SessionSummary, summarise
from estim.safety.errors import RecordError
from tests.records.build import session


@pytest.fixture
def done(tmp_path: Path) -> SessionSummary:
    return replace(summarise(session(Home(tmp_path))), simulated=False, path="/srv/x/s", device_id="4711")


def rows(*sessions: SessionSummary) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(sessions))))


def test_exports_say_the_same_as_the_summary(done: SessionSummary) -> None:
    (row,) = rows(done)
    assert (row["peak_ua"], row["charge_pc"], row["simulated"], row["discomfort"]) == (
        "20000", "22500000000", "False", "3",
    )  # fmt: skip
    assert (row["sensory_ua"], row["max_tolerated_ua"], row["week"]) == ("", "20000", "2")
    (one,) = json.loads(to_json([done]))["sessions"]
    assert one["channels"][0]["charge_pc"] == 22_500_000_000
    assert set(row) == set(COLUMNS)


def test_an_unknown_dose_is_left_empty(tmp_path: Path) -> None:
    (row,) = rows(summarise(session(Home(tmp_path), end="broken")))
    assert (row["pulses"], row["charge_pc"], row["dose_recorded"], row["peak_ua"]) == ("", "", "False", "20000")


def test_a_record_that_nobody_can_read_says_nothing_and_not_nought(tmp_path: Path) -> None:
    """An emptied one was exported as real, with 0 contractions in 0 µs, week 0."""
    folder = session(Home(tmp_path))
    (folder / "record.jsonl").write_bytes(b"")
    (one,) = json.loads(to_json([summarise(folder)]))["sessions"]
    assert {one[key] for key in ("contractions", "contractions_planned", "therapy_us", "duration_us")} == {None}
    (row,) = rows(summarise(folder))
    assert (row["simulated"], row["verified"], row["ending"]) == ("True", "False", "incomplete")
    left = {key: row[key] for key in ("week", "number", "contractions", "contractions_planned", "therapy_us")}
    assert set(left.values()) | {row["duration_us"], row["pulses"], row["charge_pc"]} == {""}


def test_what_came_behind_a_cut_is_unknown_and_not_nought(tmp_path: Path) -> None:
    """Cut before the therapy's first command: no dose line is there, and nobody knows what came."""
    folder = session(Home(tmp_path))
    kept = (folder / "record.jsonl").read_bytes().splitlines(keepends=True)[:3]
    (folder / "record.jsonl").write_bytes(b"".join(kept))
    (row,) = rows(summarise(folder))
    assert (row["pulses"], row["charge_pc"], row["dose_recorded"]) == ("", "", "False")


def test_a_session_without_channels_has_a_row(tmp_path: Path) -> None:
    (row,) = rows(summarise(session(Home(tmp_path), end="none")))
    assert (row["patient"], row["channel"]) == ("K-1", "")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_a_spreadsheet_runs_nothing(done: SessionSummary, begin: str) -> None:
    (row,) = rows(replace(done, protocol=f"{begin}HYPERLINK(1)"))
    assert row["protocol"] == f"'{begin}HYPERLINK(1)"


def test_a_research_export_names_nobody(done: SessionSummary) -> None:
    done = replace(done, outcomes={**done.outcomes, "event": "fell at Anna's"}, utc="2026-11-21T09:00:00Z")
    later = replace(done, utc="2026-11-24T09:00:00Z")
    out = de_identified([done, later, replace(done, patient="K-2")], b"s" * 16)
    said = to_json(out) + to_csv(out)
    for secret in ("K-1", "K-2", "op-1", "4711", "2026", "/srv", "Anna", done.head, "well done"):
        assert secret not in said
    assert [one.utc for one in out] == ["day 0", "day 3", "day 0"]
    assert out[0].patient == out[1].patient != out[2].patient
    assert de_identified([done], b"t" * 16)[0].patient != out[0].patient
    assert out[0].outcomes["mvic"] == "120"
    with pytest.raises(RecordError, match="16"):
        de_identified([done], b"short")
