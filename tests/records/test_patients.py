"""The patients' file: pseudonyms, facts that tighten limits, no level; never lost, never half written."""

from __future__ import annotations

import multiprocessing
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from estim.records.door import hold_stimulator
from estim.records.home import Home
from estim.records.patients import FLAGS, Patient, load_patients, save_patient
from estim.safety.errors import LinkLost, RecordError
from estim.safety.schedule import PatientFacts


def test_patients_are_kept(tmp_path: Path) -> None:
    path = Home(tmp_path).patients
    assert load_patients(path) == {}
    first = Patient(
        id="K-1", condition="knee", side="left", flags=("fragile_bone",), protocol="knee", week=3,
        pads={"quadriceps": "7.6x12.7", "calf": "5"},
    )  # fmt: skip
    save_patient(path, first)
    save_patient(path, Patient(id="K-2"))
    save_patient(path, replace(first, week=4))
    assert load_patients(path) == {"K-1": replace(first, week=4), "K-2": Patient(id="K-2")}
    assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o600


def test_flags_are_facts_that_the_limits_know_and_no_level_stands_here() -> None:
    assert set(FLAGS) < {one.name for one in fields(PatientFacts)}
    assert not any("ua" in one.name or "level" in one.name for one in fields(Patient))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Anna Berg"}, {"id": ""}, {"id": 7}, {"side": "up"}, {"flags": ("tall",)}, {"week": 0}, {"week": True},
        {"week": 521}, {"note": "x" * 501}, {"condition": 3}, {"pads": {"a": "big"}}, {"pads": {"a": "1x2x3"}},
        {"flags": ("first_ever_session",)},
    ],
)  # fmt: skip
def test_a_patient_that_can_not_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RecordError):
        Patient(**{"id": "K-1", **wrong})  # type: ignore[arg-type]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, mocker: MockerFixture) -> None:
    path = Home(tmp_path).patients
    save_patient(path, Patient(id="K-1"))
    mocker.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(RecordError, match="No space"):
        save_patient(path, Patient(id="K-2"))
    assert list(load_patients(path)) == ["K-1"]
    assert not list(tmp_path.glob("*.new")) + list(tmp_path.glob("*.next"))


@pytest.mark.parametrize(
    "data", ["{", "[]", "7", '{"patients": [{"id": "K-1", "level_ua": 5}]}', '{"patients": [{}]}', '{"patients": [1]}']
)
def test_a_broken_patients_file_is_said_and_left(tmp_path: Path, data: str) -> None:
    path = Home(tmp_path).patients
    path.write_text(data, encoding="utf-8")
    with pytest.raises(RecordError):
        load_patients(path)
    with pytest.raises(RecordError):
        save_patient(path, Patient(id="K-2"))
    assert path.read_text(encoding="utf-8") == data


def save_many(path: Path, who: int) -> None:
    for number in range(10):
        save_patient(path, Patient(id=f"P{who}-{number}"))


def test_two_stations_lose_no_patient(tmp_path: Path) -> None:
    path = Home(tmp_path).patients
    context = multiprocessing.get_context("spawn")
    jobs = [context.Process(target=save_many, args=(path, who)) for who in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
        assert job.exitcode == 0
    assert len(load_patients(path)) == 20


def test_a_stimulator_is_in_one_session_of_a_home_and_who_else_asks_is_told_whose(tmp_path: Path) -> None:
    """On a simulator's socket the second heard only that it was closed, and waited for ever."""
    home, device = Home(tmp_path), "socket://127.0.0.1:4711"
    held = hold_stimulator(home, device)
    assert held is not None
    with pytest.raises(LinkLost, match=r"in use by another session: on socket://127\.0\.0\.1:4711, since .*, process"):
        hold_stimulator(home, device)
    other = hold_stimulator(home, "socket://127.0.0.1:4712")
    held.close()
    again = hold_stimulator(home, device)
    assert other is not None
    assert again is not None
    for one in (other, again):
        one.close()
    (tmp_path / "file").touch()
    assert hold_stimulator(Home(tmp_path / "file"), device) is None


@pytest.mark.parametrize("pads", [{"q\u202e": "5x5"}, {"q": "\u0667x5"}])
def test_pads_are_named_and_measured_in_signs_that_can_be_read(pads: dict[str, str]) -> None:
    with pytest.raises(RecordError):
        Patient(id="K-1", pads=pads)
