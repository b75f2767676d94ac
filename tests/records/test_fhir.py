"""The FHIR bundle fits the standard's structure, and says what the record says."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estim.records.fhir import bundle, to_text
from estim.records.home import Home
from estim.records.summary import Read, read_session
from tests.records.build import session
from tests.records.fhir_r5 import problems

NOW = "2026-11-22T10:00:00+00:00"


def of(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind]


def read(tmp_path: Path, end: str = "completed", *, simulated: bool = True) -> Read:
    return read_session(session(Home(tmp_path), end=end, simulated=simulated))


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("end", ["completed", "fault", "broken", "none"])
def test_every_bundle_fits_the_standard(tmp_path: Path, end: str, *, simulated: bool) -> None:
    made = bundle([read(tmp_path, end, simulated=simulated)], NOW)
    assert problems(json.loads(to_text(made))) == []
    kinds = {entry["resource"]["resourceType"] for entry in made["entry"]}
    wanted = {"Procedure", "Device", "Patient", "Provenance", "DocumentReference"}
    assert kinds >= wanted | ({"Observation", "AuditEvent"} if end != "none" else set())


def test_the_check_finds_what_does_not_fit(tmp_path: Path) -> None:
    good = bundle([read(tmp_path)], NOW)

    def broken(change: Any) -> list[str]:
        made = copy.deepcopy(good)
        change(made)
        return problems(made)

    assert broken(lambda made: of(made, "Procedure")[0].update(status="nonsense"))
    assert broken(lambda made: of(made, "Procedure")[0].update(performedPeriod={}))
    assert broken(lambda made: of(made, "Procedure")[0].pop("subject"))
    assert broken(lambda made: of(made, "AuditEvent")[0].update(agent=[]))
    assert broken(lambda made: of(made, "AuditEvent")[0].update(recorded="2026-11-21"))
    assert broken(lambda made: of(made, "Observation")[0]["device"].update(reference="urn:uuid:0"))
    assert broken(lambda made: of(made, "Observation")[0]["component"][0].update(dataAbsentReason={"text": "x"}))
    assert broken(lambda made: made["entry"].append(made["entry"][0]))


def test_simulated_sessions_are_test_data_in_every_resource(tmp_path: Path) -> None:
    made = bundle([read(tmp_path)], NOW)
    everything = [made, *(entry["resource"] for entry in made["entry"])]
    assert all(one["meta"]["security"][0]["code"] == "HTEST" for one in everything)
    real = bundle([read(tmp_path / "real", simulated=False)], NOW)
    assert "HTEST" not in to_text(real)
    assert {entry["fullUrl"] for entry in made["entry"]}.isdisjoint(entry["fullUrl"] for entry in real["entry"])


def values(observation: dict[str, Any]) -> dict[str, Any]:
    return {part["code"]["text"]: part.get("valueQuantity", {}).get("value") for part in observation["component"]}


def test_it_says_what_the_record_says(tmp_path: Path) -> None:
    done = read(tmp_path)
    made = bundle([done], NOW)
    (procedure,) = of(made, "Procedure")
    assert procedure["status"] == "completed"
    assert procedure["occurrencePeriod"] == {
        "start": "2026-11-21T12:00:00.000+00:00", "end": "2026-11-21T12:01:33.000+00:00",
    }  # fmt: skip
    channel = next(one for one in of(made, "Observation") if "component" in one)
    assert values(channel)["charge of first phases, acknowledged"] == 22_500
    assert values(channel)["pulses, acknowledged"] == 4_500
    assert values(channel)["peak amplitude, acknowledged"] == 20
    (document,) = of(made, "DocumentReference")
    data = (Path(done.summary.path) / "record.jsonl").read_bytes()
    attachment = document["content"][0]["attachment"]
    assert attachment["hash"] == base64.b64encode(hashlib.sha1(data).digest()).decode()  # noqa: S324 - the standard's
    assert attachment["size"] == str(len(data))
    assert hashlib.sha256(data).hexdigest() in attachment["title"]
    assert document["identifier"][0]["value"] == done.summary.head
    _person, provenance = of(made, "Provenance")
    assert base64.b64decode(provenance["signature"][0]["data"]).hex() == done.entries[-1].fields["signature"]
    measured = {one["code"]["text"]: one for one in of(made, "Observation")}
    assert measured["mvic"]["valueQuantity"]["value"] == 120
    assert measured["skin"]["valueString"] == "0 normal"
    assert measured["discomfort at 60 s"]["valueQuantity"]["value"] == 3


def test_a_fault_and_a_broken_record_are_not_made_better(tmp_path: Path) -> None:
    fault = bundle([read(tmp_path / "a", "fault")], NOW)
    (procedure,) = of(fault, "Procedure")
    assert procedure["status"] == "stopped"
    assert "link-lost" in procedure["complication"][0]["concept"]["text"]
    assert [one["severity"] for one in of(fault, "AuditEvent")].count("error") == 1
    broken = bundle([read(tmp_path / "b", "broken")], NOW)
    (procedure,) = of(broken, "Procedure")
    assert procedure["status"] == "unknown"
    assert any("NOT VERIFIED" in note["text"] for note in procedure["note"])
    channel = next(one for one in of(broken, "Observation") if "component" in one)
    assert values(channel)["pulses, acknowledged"] is None
    assert channel["status"] == "preliminary"
    assert all("signature" not in one for one in of(broken, "Provenance"))
    assert of(bundle([read(tmp_path / "c", "none")], NOW), "Procedure")[0]["status"] == "unknown"


def test_exported_twice_it_has_the_same_names_and_a_patient_stands_once(tmp_path: Path) -> None:
    first, second = read(tmp_path / "a"), read(tmp_path / "b", "fault")
    assert bundle([first], NOW) == bundle([first], NOW)
    again = replace(second, summary=replace(second.summary, head="cd" * 32, session="other"))
    both = bundle([first, again], NOW)
    assert problems(both) == []
    assert (len(of(both, "Patient")), len(of(both, "Procedure"))) == (1, 2)
