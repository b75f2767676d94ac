"""R4 and R5, each resource judged by a kept library's models: unknown, missing or misplaced elements are refused."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.fhir import bundle
from estim.records.fhir_r4 import as_r4
from estim.records.home import Home
from estim.records.summary import read_session
from tests.records.build import session
from tests.records.fhir_r5 import problems
from tests.support import SHORT

NOW = "2026-11-22T08:00:00+00:00"
MODELS = {"fhir-r4": "fhir.resources.R4B.", "fhir-r5": "fhir.resources."}


def validate(release: str, made: dict[str, Any]) -> None:
    kind = made["resourceType"]
    model = getattr(importlib.import_module(MODELS[release] + kind.lower()), kind)
    model.model_validate(made)


def of(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("release", sorted(MODELS))
@pytest.mark.parametrize("end", ["completed", "fault", "broken", "none"])
@pytest.mark.parametrize("simulated", [True, False])
def test_every_resource_is_valid(tmp_path: Path, release: str, end: str, *, simulated: bool) -> None:
    made = bundle([read_session(session(Home(tmp_path), end=end, simulated=simulated))], NOW)
    whole = as_r4(made) if release == "fhir-r4" else made
    for entry in whole["entry"]:
        validate(release, entry["resource"])
    validate(release, whole)


@pytest.mark.parametrize("release", sorted(MODELS))
def test_a_rehearsed_session_with_its_screening(
    tmp_path: Path, release: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(tmp_path)]
    assert main(told) == 0
    capsys.readouterr()
    assert main(["records", "export", "last", "--format", release, "--home", str(tmp_path)]) == 0
    made = json.loads(capsys.readouterr().out)
    for entry in made["entry"]:
        validate(release, entry["resource"])
    (response,) = of(made, "QuestionnaireResponse")
    assert len(response["item"]) >= 29
    assert all(item["text"] and "answer" in item for item in response["item"] if item["linkId"].startswith("S"))
    assert response["questionnaire"].endswith("|1")
    (asked,) = of(made, "Questionnaire")  # who receives the answers knows what was asked, and in which words
    assert response["questionnaire"] == f"{asked['url']}|{asked['version']}"
    assert (asked["status"], asked["language"]) == ("active", "en")
    texts = {item["linkId"]: (item.get("text"), item["type"]) for item in asked["item"]}
    assert {item["linkId"]: (item.get("text"), "boolean") for item in response["item"]} == texts
    assert of(made, "CarePlan")
    assert of(made, "Goal")
    assert of(made, "DeviceUseStatement" if release == "fhir-r4" else "DeviceUsage")
    (procedure,) = of(made, "Procedure")
    assert ("occurrencePeriod" if release == "fhir-r4" else "performedPeriod") not in procedure
    assert any("UNSIGNED" in note["text"] for note in procedure["note"])


def test_sessions_that_were_asked_the_same_share_one_questionnaire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in ("1", "2"):
        words = ["rehearse", str(SHORT), "--level", "quadriceps=10", "--seed", seed, "--home", str(tmp_path)]
        assert main(words) == 0
    capsys.readouterr()
    assert main(["records", "export", "--simulated", "--format", "fhir-r5", "--home", str(tmp_path)]) == 0
    made = json.loads(capsys.readouterr().out)
    assert len(of(made, "QuestionnaireResponse")) == 2
    assert len(of(made, "Questionnaire")) == 1
    assert problems(made) == []


def test_a_persons_signature_stands_apart_from_the_stations_seal(tmp_path: Path) -> None:
    made = bundle([read_session(session(Home(tmp_path), simulated=False))], NOW)
    person, seal = of(made, "Provenance")
    assert person["agent"][0]["who"]["display"] == "Petra O."
    assert "signature" not in person
    assert seal["signature"][0]["who"]["reference"].startswith("urn:uuid")


def test_the_validator_refuses_what_is_wrong(tmp_path: Path) -> None:
    made = bundle([read_session(session(Home(tmp_path)))], NOW)
    (procedure,) = of(made, "Procedure")
    with pytest.raises(ValueError, match="occurrencePeriod"):
        validate("fhir-r4", procedure)
    with pytest.raises(ValueError, match="subject"):
        validate("fhir-r5", {key: value for key, value in procedure.items() if key != "subject"})
