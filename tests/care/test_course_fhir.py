"""The course of care in FHIR, R4 and R5, each resource judged by a kept library's models."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.desk.care import CareDesk
from estim.desk.course_fhir import course_bundle
from estim.desk.discharge import report
from estim.records.fhir_r4 import as_r4
from estim.records.home import Home
from tests.records.build import NOON, session
from tests.records.test_fhir_validated import MODELS, of, validate

DAY = NOON.date()
LEVELS = {"-2": "bed", "-1": "chair", "0": "one floor", "1": "two floors", "2": "the hill"}
CONSENT = {"points": ["what"], "capacity": "able", "explained_by": "T1", "language": "en"}


def course_of(home: Home, patient: str = "K-1", *, goals: int = 2, simulated: bool = True) -> CareDesk:
    desk = CareDesk(home=home, patient=patient, simulated=simulated, who="T1")
    desk._enter("begin", {"plan": "knee-replacement", "side": "left"}, DAY)
    desk._enter("consent", CONSENT, DAY)
    for days, value in ((0, "6"), (1, "9")):
        desk._enter("assessment", {"measure": "chair-stand-30s", "value": value}, DAY + datetime.timedelta(days=days))
    scaled = {"id": "g1", "words": 'Stairs, "alone"', "by": "2027-02-01", "baseline": "-1", "levels": LEVELS}
    by_measure = {"id": "g2", "words": "Aufstehen ohne Hände", "by": "2027-02-01", "baseline": "6", "target": "8",
                  "measure": "chair-stand-30s", "importance": 2, "difficulty": 3}  # fmt: skip
    for fields in (scaled, by_measure)[:goals]:
        desk._enter("goal", fields, DAY)
    if goals:
        desk._enter("goal-score", {"goal": "g1", "level": -1}, DAY)
    return desk


def made_of(desk: CareDesk, release: str) -> dict[str, Any]:
    status = desk.status(DAY + datetime.timedelta(days=1))
    made = course_bundle(report(desk.patient, status, desk.entries(), (), simulated=desk.simulated))
    return as_r4(made) if release == "fhir-r4" else made


@pytest.mark.parametrize("release", sorted(MODELS))
@pytest.mark.parametrize("goals", [0, 1, 2])
@pytest.mark.parametrize("simulated", [True, False])
def test_every_resource_of_a_course_is_valid(tmp_path: Path, release: str, goals: int, *, simulated: bool) -> None:
    made = made_of(course_of(Home(tmp_path), goals=goals, simulated=simulated), release)
    for entry in made["entry"]:
        validate(release, entry["resource"])
    validate(release, made)
    assert len(of(made, "Goal")) == goals
    assert made == made_of(CareDesk(home=Home(tmp_path), patient="K-1", simulated=simulated, who="T1"), release)
    named = {entry["fullUrl"] for entry in made["entry"]}
    said = json.dumps(made)
    assert all(url in named for url in [part.split('"')[0] for part in said.split('"reference": "')[1:]])


def test_a_plan_says_its_phases_and_each_goal_how_far_it_was_reached(tmp_path: Path) -> None:
    made = made_of(course_of(Home(tmp_path)), "fhir-r5")
    (plan,) = of(made, "CarePlan")
    assert (plan["status"], plan["period"]) == ("active", {"start": DAY.isoformat()})
    phases = of(made, "ServiceRequest")
    assert [phase["status"] for phase in phases] == ["active"] + ["draft"] * (len(phases) - 1)
    assert all(any(note["text"].startswith("Goes on when: ") for note in phase["note"]) for phase in phases)
    scaled, measured = of(made, "Goal")
    assert scaled["achievementStatus"]["coding"][0]["code"] == "not-achieved"
    assert [note["text"] for note in scaled["note"]][-5:][0] == "Level -2: bed"
    assert measured["achievementStatus"]["coding"][0]["code"] == "achieved"
    assert measured["target"][0]["detailQuantity"]["value"] == 8
    assert measured["description"]["text"] == "Aufstehen ohne Hände"
    assert [one["valueQuantity"]["value"] for one in of(made, "Observation")] == [6, 9]


@pytest.mark.parametrize("release", sorted(MODELS))
def test_exported_sessions_bring_the_course_that_they_belong_to(
    tmp_path: Path, release: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    course_of(home)
    session(home, "K-1", at=NOON + datetime.timedelta(hours=2))
    session(home, "K-1", at=NOON - datetime.timedelta(days=3))  # before the course began
    session(home, "K-2", at=NOON)
    assert main(["records", "export", "--format", release, "--simulated", "--home", str(tmp_path)]) == 0
    made = json.loads(capsys.readouterr().out)
    for entry in made["entry"]:
        validate(release, entry["resource"])
    plans = [plan for plan in of(made, "CarePlan") if "period" in plan]
    assert len(plans) == 1
    done = [row for row in plans[0]["activity"] if "outcomeReference" in row or "performedActivity" in row]
    assert len(done) == 1
    assert len(of(made, "Procedure")) == 3
    assert len({entry["fullUrl"] for entry in made["entry"]}) == len(made["entry"])
