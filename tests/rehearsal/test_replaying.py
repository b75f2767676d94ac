"""A record on the simulator again: the same pulses come out, and a record that was made up is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.chain import Entry, read
from estim.rehearsal.replaying import replay_on_simulator
from tests.turns import of_this_turn


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    home = tmp_path_factory.mktemp("home")
    told = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(home)]
    assert main(told) == 0
    return next((home / "records/simulated").glob("*/record.jsonl")).read_bytes()


def test_what_was_acknowledged_comes_out_again(data: bytes) -> None:
    replayed = replay_on_simulator(read(data).entries)
    assert replayed.ok
    assert replayed.differences == ()
    assert {row["purpose"] for row in replayed.channels} == {"titration", "therapy"}
    for row in replayed.channels:
        assert row["recorded_pulses"] > 100
        assert abs(row["recorded_pulses"] - row["replayed_pulses"]) <= 2
        assert row["recorded_peak_ua"] == row["replayed_peak_ua"] == 20_000


@pytest.mark.parametrize("model", ["rehamove3", "rehastim2"])
def test_on_each_device(model: str, tmp_path: Path) -> None:
    told = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(tmp_path)]
    assert main([*told, "--device-model", model]) in {0, 1}
    assert main(["records", "replay", "last", "--home", str(tmp_path)]) == 0


@pytest.mark.parametrize("seed", of_this_turn(range(12), 4))
def test_under_faults_what_differs_is_explained_by_the_record(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(tmp_path)]
    main([*told, "--faults", f"seed:{seed}"])
    capsys.readouterr()
    code = main(["records", "replay", "last", "--json", "--home", str(tmp_path)])
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said["differences"]
    assert all(one["why"] for one in said["differences"])


def changed(entry: Entry, dose: dict[str, Any]) -> Entry:
    if entry.kind != "dose":
        return entry
    return entry._replace(fields={**entry.fields, "channels": [{**row, **dose} for row in entry.fields["channels"]]})


@pytest.mark.parametrize(("dose", "what"), [({"pulses": 9_000}, "pulses"), ({"peak_ua": 25_000}, "peak")])
def test_a_dose_that_was_made_up_is_found(data: bytes, dose: dict[str, Any], what: str) -> None:
    replayed = replay_on_simulator([changed(entry, dose) for entry in read(data).entries])
    assert not replayed.ok
    assert {one.what for one in replayed.differences} == {what}


def test_a_command_that_is_missing_is_found(data: bytes) -> None:
    entries = read(data).entries
    last = [entry for entry in entries if entry.kind == "command" and not entry.fields["channels"]][3]
    assert not replay_on_simulator([entry for entry in entries if entry is not last]).ok


def test_a_changed_record_is_refused(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "records" / "simulated" / "20261121T120000.000000Z-K-1"
    folder.mkdir(parents=True)
    (folder / "record.jsonl").write_bytes(data.replace(b'"amplitude_ua":20000', b'"amplitude_ua":10000', 1))
    assert main(["records", "replay", "last", "--home", str(tmp_path)]) == 1
    assert "only what was written is replayed" in capsys.readouterr().err


def test_pulses_are_written(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "pulses.csv"
    with file.open("w", encoding="utf-8") as out:
        replayed = replay_on_simulator(read(data).entries, pulses=out)
    rows = file.read_text(encoding="utf-8").splitlines()
    assert len(rows) - 1 == sum(row["replayed_pulses"] for row in replayed.channels)
