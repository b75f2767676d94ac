"""The part of FHIR R5 (5.0.0) that the export uses, written down from the standard's resource pages: which elements
there are, how often, of what type, and which codes are required. `problems` names everything that does not fit.
"""

from __future__ import annotations

import math
import re
from typing import Any

# type → element → (how often, type). "1" and "0" are one at most, "+" and "*" are lists.
Elements = dict[str, tuple[str, str]]
CODES = {
    "bundle-type": "document message transaction transaction-response batch batch-response history searchset "
                   "collection subscription-notification",
    "event-status": "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
    "device-status": "active inactive entered-in-error",
    "device-name-type": "registered-name user-friendly-name patient-reported-name",
    "observation-status": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "audit-action": "C R U D E",
    "audit-severity": "emergency alert critical error warning notice informational debug",
    "document-status": "current superseded entered-in-error",
    "doc-status": "registered partial preliminary final amended corrected appended cancelled entered-in-error "
                  "deprecated unknown",
    "entity-role": "revision quotation source instantiates removal",
    "quantity-comparator": "< <= >= > ad",
    "device-usage-status": "active completed not-done entered-in-error intended stopped on-hold",
    "response-status": "in-progress completed amended entered-in-error stopped",
    "goal-status": "proposed planned accepted active on-hold completed cancelled entered-in-error rejected",
    "request-status": "draft active on-hold revoked completed entered-in-error unknown",
    "publication-status": "draft active retired unknown",
    "item-type": "group display question boolean decimal integer date dateTime time string text url coding attachment "
                 "reference quantity",
    "plan-intent": "proposal plan order option directive",
}  # fmt: skip
PRIMITIVES = {
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "uri": r"\S+",
    "code": r"[^\s]+( [^\s]+)*",
    "string": r"[\s\S]*\S[\s\S]*",
    "markdown": r"[\s\S]*\S[\s\S]*",
    "dateTime": r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?)?)?",
    "instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)",
    "base64Binary": r"([0-9a-zA-Z+/]{4})*([0-9a-zA-Z+/]{2}==|[0-9a-zA-Z+/]{3}=)?",
    "integer64": r"0|-?[1-9][0-9]*",
}
RESOURCE: Elements = {"resourceType": ("1", "code"), "id": ("0", "id"), "meta": ("0", "Meta")}
TYPES: dict[str, Elements] = {
    "Meta": {"security": ("*", "Coding"), "tag": ("*", "Coding"), "profile": ("*", "uri")},
    "Coding": {"system": ("0", "uri"), "version": ("0", "string"), "code": ("0", "code"), "display": ("0", "string")},
    "CodeableConcept": {"coding": ("*", "Coding"), "text": ("0", "string")},
    "CodeableReference": {"concept": ("0", "CodeableConcept"), "reference": ("0", "Reference")},
    "Identifier": {"use": ("0", "code"), "type": ("0", "CodeableConcept"), "system": ("0", "uri"),
                   "value": ("0", "string")},
    "Reference": {"reference": ("0", "string"), "type": ("0", "uri"), "identifier": ("0", "Identifier"),
                  "display": ("0", "string")},
    "Period": {"start": ("0", "dateTime"), "end": ("0", "dateTime")},
    "Quantity": {"value": ("0", "decimal"), "comparator": ("0", "code:quantity-comparator"), "unit": ("0", "string"),
                 "system": ("0", "uri"), "code": ("0", "code")},
    "Annotation": {"time": ("0", "dateTime"), "text": ("1", "markdown")},
    "Signature": {"type": ("*", "Coding"), "when": ("0", "instant"), "who": ("0", "Reference"),
                  "onBehalfOf": ("0", "Reference"), "targetFormat": ("0", "code"), "sigFormat": ("0", "code"),
                  "data": ("0", "base64Binary")},
    "Attachment": {"contentType": ("0", "code"), "language": ("0", "code"), "data": ("0", "base64Binary"),
                   "url": ("0", "uri"), "size": ("0", "integer64"), "hash": ("0", "base64Binary"),
                   "title": ("0", "string"), "creation": ("0", "dateTime")},
    "Bundle": {**RESOURCE, "identifier": ("0", "Identifier"), "type": ("1", "code:bundle-type"),
               "timestamp": ("0", "instant"), "entry": ("*", "Bundle.entry")},
    "Bundle.entry": {"fullUrl": ("0", "uri"), "resource": ("0", "Resource")},
    "Patient": {**RESOURCE, "identifier": ("*", "Identifier"), "active": ("0", "boolean")},
    "Device": {**RESOURCE, "identifier": ("*", "Identifier"), "status": ("0", "code:device-status"),
               "manufacturer": ("0", "string"), "serialNumber": ("0", "string"), "name": ("*", "Device.name"),
               "modelNumber": ("0", "string"), "type": ("*", "CodeableConcept"), "version": ("*", "Device.version"),
               "note": ("*", "Annotation")},
    "Device.name": {"value": ("1", "string"), "type": ("1", "code:device-name-type"), "display": ("0", "boolean")},
    "Device.version": {"type": ("0", "CodeableConcept"), "component": ("0", "Identifier"), "value": ("1", "string")},
    "Procedure": {**RESOURCE, "identifier": ("*", "Identifier"), "partOf": ("*", "Reference"),
                  "status": ("1", "code:event-status"), "statusReason": ("0", "CodeableConcept"),
                  "category": ("*", "CodeableConcept"), "code": ("0", "CodeableConcept"), "subject": ("1", "Reference"),
                  "occurrencePeriod": ("0", "Period"), "occurrenceDateTime": ("0", "dateTime"),
                  "performer": ("*", "Procedure.performer"), "bodySite": ("*", "CodeableConcept"),
                  "outcome": ("0", "CodeableConcept"), "complication": ("*", "CodeableReference"),
                  "note": ("*", "Annotation"), "used": ("*", "CodeableReference")},
    "Procedure.performer": {"function": ("0", "CodeableConcept"), "actor": ("1", "Reference")},
    "Observation": {**RESOURCE, "identifier": ("*", "Identifier"), "partOf": ("*", "Reference"),
                    "status": ("1", "code:observation-status"), "category": ("*", "CodeableConcept"),
                    "code": ("1", "CodeableConcept"), "subject": ("0", "Reference"),
                    "effectivePeriod": ("0", "Period"), "effectiveDateTime": ("0", "dateTime"),
                    "performer": ("*", "Reference"), "valueQuantity": ("0", "Quantity"),
                    "valueString": ("0", "string"), "dataAbsentReason": ("0", "CodeableConcept"),
                    "note": ("*", "Annotation"), "bodySite": ("0", "CodeableConcept"), "device": ("0", "Reference"),
                    "component": ("*", "Observation.component")},
    "Observation.component": {"code": ("1", "CodeableConcept"), "valueQuantity": ("0", "Quantity"),
                              "valueString": ("0", "string"), "dataAbsentReason": ("0", "CodeableConcept")},
    "AuditEvent": {**RESOURCE, "category": ("*", "CodeableConcept"), "code": ("1", "CodeableConcept"),
                   "action": ("0", "code:audit-action"), "severity": ("0", "code:audit-severity"),
                   "occurredDateTime": ("0", "dateTime"), "recorded": ("1", "instant"),
                   "outcome": ("0", "AuditEvent.outcome"), "patient": ("0", "Reference"),
                   "agent": ("+", "AuditEvent.agent"), "source": ("1", "AuditEvent.source"),
                   "entity": ("*", "AuditEvent.entity")},
    "AuditEvent.outcome": {"code": ("1", "Coding"), "detail": ("*", "CodeableConcept")},
    "AuditEvent.agent": {"type": ("0", "CodeableConcept"), "role": ("*", "CodeableConcept"), "who": ("1", "Reference"),
                         "requestor": ("0", "boolean")},
    "AuditEvent.source": {"site": ("0", "Reference"), "observer": ("1", "Reference"), "type": ("*", "CodeableConcept")},
    "AuditEvent.entity": {"what": ("0", "Reference"), "role": ("0", "CodeableConcept")},
    "Provenance": {**RESOURCE, "target": ("+", "Reference"), "occurredPeriod": ("0", "Period"),
                   "recorded": ("0", "instant"), "activity": ("0", "CodeableConcept"),
                   "agent": ("+", "Provenance.agent"), "entity": ("*", "Provenance.entity"),
                   "signature": ("*", "Signature")},
    "Provenance.agent": {"type": ("0", "CodeableConcept"), "role": ("*", "CodeableConcept"), "who": ("1", "Reference")},
    "Provenance.entity": {"role": ("1", "code:entity-role"), "what": ("1", "Reference")},
    "DocumentReference": {**RESOURCE, "identifier": ("*", "Identifier"), "status": ("1", "code:document-status"),
                          "docStatus": ("0", "code:doc-status"), "type": ("0", "CodeableConcept"),
                          "category": ("*", "CodeableConcept"), "subject": ("0", "Reference"),
                          "date": ("0", "instant"), "author": ("*", "Reference"), "description": ("0", "markdown"),
                          "content": ("+", "DocumentReference.content")},
    "DocumentReference.content": {"attachment": ("1", "Attachment")},
    "DeviceUsage": {**RESOURCE, "status": ("1", "code:device-usage-status"), "patient": ("1", "Reference"),
                    "device": ("1", "CodeableReference"), "dateAsserted": ("0", "dateTime"),
                    "informationSource": ("0", "Reference"), "timingPeriod": ("0", "Period"),
                    "reason": ("*", "CodeableReference")},
    "Questionnaire": {**RESOURCE, "language": ("0", "code"), "url": ("0", "uri"), "version": ("0", "string"),
                      "name": ("0", "string"), "title": ("0", "string"), "status": ("1", "code:publication-status"),
                      "subjectType": ("*", "code"), "item": ("*", "Questionnaire.item")},
    "Questionnaire.item": {"linkId": ("1", "string"), "text": ("0", "string"), "type": ("1", "code:item-type")},
    "QuestionnaireResponse": {**RESOURCE, "status": ("1", "code:response-status"), "questionnaire": ("1", "uri"),
                              "subject": ("0", "Reference"), "authored": ("0", "dateTime"),
                              "author": ("0", "Reference"), "item": ("*", "QuestionnaireResponse.item")},
    "QuestionnaireResponse.item": {"linkId": ("1", "string"), "text": ("0", "string"),
                                   "answer": ("*", "QuestionnaireResponse.answer")},
    "QuestionnaireResponse.answer": {"valueBoolean": ("0", "boolean"), "valueInteger": ("0", "decimal"),
                                     "valueString": ("0", "string")},
    "Goal": {**RESOURCE, "lifecycleStatus": ("1", "code:goal-status"), "description": ("1", "CodeableConcept"),
             "subject": ("1", "Reference")},
    "CarePlan": {**RESOURCE, "status": ("1", "code:request-status"), "intent": ("1", "code:plan-intent"),
                 "title": ("0", "string"), "subject": ("1", "Reference"), "created": ("0", "dateTime"),
                 "goal": ("*", "Reference"), "note": ("*", "Annotation")},
}  # fmt: skip


def problems(bundle: dict[str, Any]) -> list[str]:
    """What does not fit: elements, and rules that hold between them (bdl-7, obs-6, con-3, references that lead out)."""
    found = _element(bundle, "Bundle", "Bundle")
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    if len(urls) != len(set(urls)):
        found.append("bdl-7: fullUrl stands twice")
    for entry in bundle["entry"]:
        made = entry["resource"]
        if entry["fullUrl"] != f"urn:uuid:{made['id']}":
            found.append(f"{entry['fullUrl']}: its resource is {made['id']}")
        for reference in _references(made):
            if reference not in urls:
                found.append(f"{made['resourceType']}: {reference} is not in the bundle")
        for part in [made, *made.get("component", ())]:
            if "dataAbsentReason" in part and any(key.startswith("value") for key in part):
                found.append("obs-6: a value and a reason why there is none")
    return found


def _references(made: Any) -> list[str]:
    if isinstance(made, dict):
        own = [made["reference"]] if isinstance(made.get("reference"), str) else []
        return own + [one for value in made.values() for one in _references(value)]
    return [one for value in made for one in _references(value)] if isinstance(made, list) else []


def _element(value: Any, kind: str, path: str) -> list[str]:
    if kind == "Resource":
        kind = str(value.get("resourceType")) if isinstance(value, dict) else ""
        if kind not in TYPES or kind[:1].islower():
            return [f"{path}: {kind} is no resource"]
        path = kind
    if kind in TYPES:
        return _complex(value, kind, path)
    if kind == "boolean":
        return [] if type(value) is bool else [f"{path}: {value!r} is no boolean"]
    if kind == "decimal":
        return [] if type(value) in {int, float} and math.isfinite(value) else [f"{path}: {value!r} is no decimal"]
    name, _, codes = kind.partition(":")
    if type(value) is not str or not re.fullmatch(PRIMITIVES[name], value):
        return [f"{path}: {value!r} is no {name}"]
    return [f"{path}: {value!r} is none of {CODES[codes]}"] if codes and value not in CODES[codes].split() else []


def _complex(value: Any, kind: str, path: str) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [f"{path}: {value!r} is no {kind}"]
    elements = TYPES[kind]
    found = [f"{path}.{key}: no element of {kind}" for key in value.keys() - elements.keys()]
    for key, (often, of) in elements.items():
        if key not in value:
            found += [f"{path}.{key}: is missing"] if often in "1+" else []
        elif often in "*+":
            rows = value[key]
            if not isinstance(rows, list) or not rows:
                found.append(f"{path}.{key}: must be a list that is not empty")
            else:
                found += [text for n, row in enumerate(rows) for text in _element(row, of, f"{path}.{key}[{n}]")]
        else:
            found += _element(value[key], of, f"{path}.{key}")
    return found
