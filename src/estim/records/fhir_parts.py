"""Small parts that FHIR R5 resources are made of. Only codes whose source is named stand here; all else is text."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

Resource = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
# http://terminology.hl7.org/CodeSystem/v3-ActReason: HTEST, test health data
TEST_DATA = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data",
}  # fmt: skip
ABSENT = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}],
    "text": "the record broke off before it was written",
}
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:estim:fhir")


def url_of(*parts: object) -> str:
    """A `urn:uuid` made from what the resource is about: the same export has the same names."""
    return f"urn:uuid:{uuid.uuid5(_SPACE, '/'.join(str(part) for part in parts))}"


def resource(kind: str, url: str, *, simulated: bool, **elements: object) -> Resource:
    """A resource; elements that are None or empty are left out, as FHIR wants it."""
    said: Resource = {"resourceType": kind, "id": url.rpartition(":")[2]}
    if simulated:
        said["meta"] = {"security": [TEST_DATA]}
    return said | {key.rstrip("_"): value for key, value in elements.items() if value not in (None, "", [], {})}


def concept(text: str, *codings: dict[str, str]) -> dict[str, Any]:
    """A CodeableConcept."""
    return {"coding": list(codings), "text": text} if codings else {"text": text}


def quantity(value: float, unit: str, code: str | None = None) -> dict[str, Any]:
    """A Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code or unit}


def operator(name: str) -> dict[str, Any]:
    """A person under a pseudonym."""
    return {"type": "Practitioner", "identifier": {"system": "urn:estim:operator", "value": name or "unknown"}}


def refer(url: str) -> dict[str, str]:
    """A reference inside the bundle."""
    return {"reference": url}


def moment(began_ms: int, t_us: int = 0) -> str | None:
    """Wall time of a session time; None where the record does not say when it began."""
    if not began_ms:
        return None
    at = datetime.datetime.fromtimestamp(began_ms / 1_000, datetime.UTC) + datetime.timedelta(microseconds=t_us)
    return at.isoformat(timespec="milliseconds")
