"""FHIR R4 (4.0.1), which most hospitals read: the R5 bundle with what is called or built otherwise there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from estim.records.fhir_parts import Resource


def as_r4(made: Resource) -> Resource:
    """An R5 bundle in R4."""
    entries = [
        {**entry, "resource": _CHANGES.get(entry["resource"]["resourceType"], dict)(entry["resource"])}
        for entry in made["entry"]
    ]
    return {**made, "entry": entries}


def _renamed(one: Resource, **names: str) -> Resource:
    return {names.get(key, key): value for key, value in one.items()}


def _device(one: Resource) -> Resource:
    made = _renamed(one, name="deviceName")
    if "deviceName" in made:
        made["deviceName"] = [
            {"name": name["value"], "type": "user-friendly-name" if name["type"] == "registered-name" else name["type"]}
            for name in made["deviceName"]
        ]
    if "type" in made:
        made["type"] = made["type"][0]
    return made


def _procedure(one: Resource) -> Resource:
    made = _renamed(one, occurrencePeriod="performedPeriod", used="usedReference")
    if "usedReference" in made:
        made["usedReference"] = [row["reference"] for row in made["usedReference"]]
    if "complication" in made:
        made["complication"] = [row["concept"] for row in made["complication"]]
    return made


def _audit_event(one: Resource) -> Resource:
    """Type and outcome are codings of their own there, and who looked or acted is said by `requestor`."""
    made = {key: value for key, value in one.items() if key not in {"code", "severity", "patient", "outcome"}}
    made["type"] = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest",
                    "display": one["code"]["text"]}  # fmt: skip
    made["outcome"] = one["outcome"]["code"]["code"]
    made["outcomeDesc"] = one["outcome"]["detail"][0]["text"]
    return made


def _document(one: Resource) -> Resource:
    made = dict(one)
    made["content"] = [
        {"attachment": {**row["attachment"], "size": int(row["attachment"]["size"])}} for row in one["content"]
    ]
    if "identifier" in made:
        made["masterIdentifier"] = made.pop("identifier")[0]
    return made


def _usage(one: Resource) -> Resource:
    made = _renamed(one, patient="subject", dateAsserted="recordedOn", informationSource="source", reason="reasonCode")
    made["resourceType"] = "DeviceUseStatement"
    made["device"] = one["device"]["reference"]
    if "reasonCode" in made:
        made["reasonCode"] = [row["concept"] for row in made["reasonCode"]]
    return made


def _plan(one: Resource) -> Resource:
    made = dict(one)
    if "activity" in made:
        made["activity"] = [
            {"reference": row["plannedActivityReference"]}
            if "plannedActivityReference" in row
            else {"outcomeReference": [done["reference"] for done in row["performedActivity"]]}
            for row in made["activity"]
        ]
    return made


def _goal(one: Resource) -> Resource:
    return _renamed(one, source="expressedBy")


def _request(one: Resource) -> Resource:
    return {**one, "code": one["code"]["concept"]}


_CHANGES: Mapping[str, Callable[[Resource], Any]] = {
    "Device": _device,
    "Procedure": _procedure,
    "AuditEvent": _audit_event,
    "DocumentReference": _document,
    "DeviceUsage": _usage,
    "CarePlan": _plan,
    "Goal": _goal,
    "ServiceRequest": _request,
}
