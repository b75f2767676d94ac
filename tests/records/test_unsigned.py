"""Sealed is what the station did, signed is what a person did; exports that spreadsheets of both habits read."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from estim.cli import main
from estim.records.export import COLUMNS, MEANING, dictionary
from estim.records.home import Home
from estim.records.keys import seeded_signer
from estim.records.segment import PACKED, RECORD
from estim.records.simulated import SimulatedWriter
from estim.records.station import station_lines
from tests.records.build import NOON, body, session


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One session that a person signed, one that nobody did, one that a script closed."""
    home = Home(tmp_path / "home")
    session(home, "K-1", simulated=True)
    for patient, meaning in (("K-2", None), ("K-3", "scripted")):
        folder = home.records(simulated=True) / f"20261121T130000.000000Z-{patient}"
        model = SimulatedWriter(folder, signer=seeded_signer(1))
        for kind, fields, t_us in body(patient, NOON.isoformat()):
            if kind == "signature" and meaning is None:
                continue
            model.append(kind, {**fields, "meaning": meaning} if kind == "signature" else fields, t_us)
        model.close(93_000_000)
    return home


def said(home: Home, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--home", str(home.root)]) == 0
    return capsys.readouterr().out


def test_a_session_that_nobody_signed_is_called_unsigned_wherever_it_is_named(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = said(home, capsys, "records", "list").splitlines()
    assert [("UNSIGNED" in line) for line in listed if "K-" in line] == [True, True, False]
    assert said(home, capsys, "records", "verify").count("UNSIGNED") == 2
    for patient, unsigned in (("K-1", False), ("K-2", True), ("K-3", True)):
        folder = next(home.records(simulated=True).glob(f"*{patient}"))
        report = said(home, capsys, "records", "report", str(folder), "--text")
        assert ("UNSIGNED" in report) == unsigned
        whole = json.loads(said(home, capsys, "records", "report", str(folder), "--json"))
        assert whole["signed_by_person"] is not unsigned
    rows = list(csv.DictReader(io.StringIO(said(home, capsys, "records", "export", "--simulated", "--format", "csv"))))
    assert [row["signed_by"] for row in rows] == ["op-1", "UNSIGNED", "UNSIGNED"]
    verdicts = json.loads(said(home, capsys, "records", "verify", "--json"))["sessions"]
    assert [verdict["signed_by_a_person"] for verdict in verdicts] == [True, False, False]


def test_a_late_signature_is_a_linked_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    folder = next(home.records(simulated=True).glob("*K-2"))
    before = (folder / RECORD).read_bytes()
    told = ("records", "sign", folder.name, "--operator", "T1", "--reason", "was called away", "--meaning", "performed")
    assert "a claim" in said(home, capsys, *told)
    assert (folder / RECORD).read_bytes() == before
    line = station_lines(home.root)[-1]
    assert (line["event"], line["operator"], line["comment"]) == ("signed", "T1", "was called away")
    assert "late sig" in said(home, capsys, "records", "list")
    assert main(["records", "sign", folder.name, "--reason", "x", "--meaning", "wished", "--home", str(home.root)]) == 2


def test_looking_leaves_a_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    folder = next(home.records(simulated=True).glob("*K-1"))
    said(home, capsys, "records", "show", folder.name)
    said(home, capsys, "records", "report", folder.name)
    said(home, capsys, "records", "export", folder.name, "--format", "csv")
    seen = [(entry["what"], entry["patient"]) for entry in station_lines(home.root) if entry["event"] == "looked"]
    assert seen == [("show", "K-1"), ("report", "K-1"), ("export csv", "K-1")]


def test_a_scripts_run_is_no_persons_signature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(tmp_path)]
    assert main(told) == 0
    capsys.readouterr()
    assert main(["records", "list", "--json", "--home", str(tmp_path)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["sessions"]
    assert (row["outcome"], row["signed_by_person"]) == ("completed", False)
    assert row["signature"]["meaning"] == "scripted"


@pytest.mark.parametrize("separator", [",", ";", "tab"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_csv_of_both_habits_is_read_back(
    home: Home, capsys: pytest.CaptureFixture[str], separator: str, decimal: str
) -> None:
    told = [
        "records",
        "export",
        "--simulated",
        "--format",
        "csv",
        "--separator",
        separator,
        "--decimal",
        decimal,
        "--bom",
    ]
    if separator == decimal:
        assert main([*told, "--home", str(home.root)]) == 2
        return
    text = said(home, capsys, *told)
    assert text.startswith("\ufeffpatient")
    rows = list(csv.DictReader(io.StringIO(text[1:]), delimiter="\t" if separator == "tab" else separator))
    assert [row["patient"] for row in rows] == ["K-1", "K-2", "K-3"]
    assert {row["pulses"] for row in rows} == {"4500"}
    assert rows[0]["pads"] == "7.6 × 12.7 cm and 7.6 × 12.7 cm"


def test_every_column_has_a_meaning() -> None:
    assert list(MEANING) == list(COLUMNS)
    assert dictionary().count("\r\n") == len(COLUMNS) + 1


def test_a_file_or_a_zip_that_somebody_sent_is_verified(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = next(home.records(simulated=True).glob("*K-1"))
    assert "verified" in said(home, capsys, "records", "verify", str(folder / RECORD))
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as packed:
        packed.write(folder / RECORD, f"x/{folder.name}/{RECORD}")
    text = said(home, capsys, "records", "verify", str(tmp_path / "sent.zip"))
    assert "verified" in text
    assert f"key {seeded_signer(1).key_id}" in text
    (tmp_path / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    assert main(["records", "verify", str(tmp_path / "empty.zip"), "--home", str(home.root)]) == 1
    assert PACKED == ".zst"
