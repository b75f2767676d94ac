"""HL7 FHIR R5: a session as a Procedure with its Device, Observations, AuditEvents, Provenance and DocumentReference.

A bundle of type `collection`; references lead to resources within it, names come from the record's head, so the same
session exported twice has the same names. Simulated sessions carry HTEST in each resource. SNOMED codes are left to who
has a licence and can vouch for them: concepts are text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from estim.record_lines import events as lines
from estim.records.channel_summary import ChannelSummary
from estim.records.fhir_care import around
from estim.records.fhir_parts import ABSENT, Resource, concept, moment, operator, quantity, refer, resource, url_of
from estim.records.segment import read_segment, segments
from estim.records.summary import Read, SessionSummary

# http://terminology.hl7.org/CodeSystem/observation-category
PROCEDURE_CATEGORY = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "procedure",
}  # fmt: skip
# http://terminology.hl7.org/CodeSystem/audit-event-outcome
_OUTCOMES = "http://terminology.hl7.org/CodeSystem/audit-event-outcome"
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
# ASTM E1762-95: the signature of someone who verifies what was recorded
_SIGNED = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.5",
    "display": "Verification Signature",
}
_SEVERITY = {"fault": "error", "take-over": "error", "alarm": "warning", "lead-off": "warning"}
_AUDITED = frozenset({*_SEVERITY, "phase", "patient-switch", "device-fault", "signature", "refused"})


def bundle(reads: Sequence[Read], exported: str, more: Mapping[str, Resource] = MappingProxyType({})) -> Resource:
    """Sessions as one bundle.

    Args:
        exported: the time of the export, ISO 8601 with its offset.
        more: what stands beside the sessions, as the course of care that they belong to; name → resource.
    """
    entries: dict[str, Resource] = dict(more)
    for read in reads:
        for url, made in _session(read, exported):
            entries[url] = made  # a patient or device of two sessions stands once
    simulated = any(read.summary.simulated for read in reads)
    heads = "/".join(read.summary.head or read.summary.session for read in reads)
    return resource(
        "Bundle", url_of("bundle", hashlib.sha256(heads.encode()).hexdigest()), simulated=simulated, type="collection",
        timestamp=exported, entry=[{"fullUrl": url, "resource": made} for url, made in entries.items()],
    )  # fmt: skip


def procedure_of(session: SessionSummary) -> str:
    """The name of the session's Procedure."""
    return url_of("procedure", session.head or session.session)


def to_text(made: Resource) -> str:
    """The document."""
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _session(read: Read, exported: str) -> Iterable[tuple[str, Resource]]:
    session = read.summary
    key = session.head or session.session
    patient, device = (
        url_of("patient", session.simulated, session.patient),
        url_of("device", session.simulated, session.model, session.device_id or key),
    )
    software, procedure = url_of("software", session.simulated), procedure_of(session)
    document = url_of("document", key)
    yield patient, resource(
        "Patient", patient, simulated=session.simulated,
        identifier=[{"system": "urn:estim:patient", "value": session.patient or "unknown"}],
    )  # fmt: skip
    yield device, _device(session, device)
    yield software, resource(
        "Device", software, simulated=session.simulated, status="active",
        name=[{"value": "estim", "type": "registered-name"}],
        version=[{"value": session.software.removeprefix("estim ") or "unknown"}],
        note=[{"text": "Open session controller for neuromuscular electrical stimulation"}],
    )  # fmt: skip
    yield procedure, _procedure(session, procedure, patient=patient, device=device)
    targets = [procedure]
    for channel in session.channels:
        url = url_of("channel", key, channel.channel)
        targets.append(url)
        yield url, _channel(session, channel, url, patient=patient, device=device, procedure=procedure)
    for number, (name, value) in enumerate(_measures(session)):
        url = url_of("measure", key, number, name)
        targets.append(url)
        yield url, _measure(session, name, value, url, patient=patient, procedure=procedure)
    for number, said in enumerate(session.measured):
        url = url_of("measured", key, number, said["name"])
        targets.append(url)
        yield url, _measure(session, said["name"], said["value"], url, patient=patient, procedure=procedure, of=said)
    yield document, _document(session, document, patient=patient)
    yield from _events(session, exported, patient=patient, device=device, software=software, procedure=procedure)
    yield from around(read, exported, patient=patient, device=device, procedure=procedure)
    provenance = url_of("provenance", key)
    yield provenance, _provenance(read, provenance, targets, exported, document=document, software=software)


def _device(session: SessionSummary, url: str) -> Resource:
    return resource(
        "Device", url, simulated=session.simulated, status="active", serialNumber=session.device_id,
        modelNumber=session.model,
        name=[{"value": session.device or "unknown stimulator", "type": "registered-name"}],
        type=[concept("neuromuscular electrical stimulator")],
        version=[{"type": concept("firmware"), "value": session.firmware}] if session.firmware else None,
        note=[{"text": session.intended_use}] if session.intended_use else None,
    )  # fmt: skip


def _procedure(session: SessionSummary, url: str, *, patient: str, device: str) -> Resource:
    status = _status(session)
    notes = [f"Protocol {session.protocol} {session.protocol_version}, SHA-256 {session.protocol_sha256}"]
    if not session.verified:
        notes.append(f"The record is NOT VERIFIED ({session.ending}): {session.reason}")
    if not session.signed_by_person:
        sealed = "; the station sealed what it wrote" if session.verified else ""
        notes.append(f"UNSIGNED: no person signed this session{sealed}")
    faults = [text for _, kind, text in session.happened if kind in {lines.Fault.KIND, lines.TakeOver.KIND}]
    return resource(
        "Procedure", url, simulated=session.simulated, status=status,
        identifier=[{"system": "urn:estim:session", "value": session.session}],
        statusReason=concept(faults[0] if faults else session.outcome) if status in {"stopped", "unknown"} and
        (faults or session.outcome) else None,
        code=concept("Neuromuscular electrical stimulation" + (f": {session.title}" if session.title else "")),
        subject=refer(patient), occurrencePeriod=_period(session),
        performer=[{"actor": operator(session.operator)}],
        bodySite=[concept(_site(channel)) for channel in session.channels],
        outcome=concept(session.outcome) if session.outcome else None,
        complication=[{"concept": concept(text)} for text in faults],
        note=[{"text": text} for text in notes], used=[{"reference": refer(device)}],
    )  # fmt: skip


def _status(session: SessionSummary) -> str:
    given = any(channel.had_current for channel in session.channels)
    if session.outcome == "completed" and given:
        return "completed"
    if session.ending in {"torn", "incomplete"}:
        return "unknown"
    return "stopped" if given else "not-done"


def _period(session: SessionSummary) -> dict[str, str] | None:
    begin, end = moment(session.began_ms), moment(session.began_ms, session.duration_us)
    return {"start": begin, "end": end} if begin and end else None


def _site(channel: ChannelSummary) -> str:
    return f"{channel.side} {channel.muscle}".strip()


def _channel(
    session: SessionSummary, channel: ChannelSummary, url: str, *, patient: str, device: str, procedure: str
) -> Resource:
    def part(name: str, value: dict[str, Any] | None) -> dict[str, Any]:
        said = {"dataAbsentReason": ABSENT} if value is None else {"valueQuantity": value}
        return {"code": concept(name), **said}

    known = channel.dose_recorded
    parts = [
        part("level", quantity(channel.level_ua / 1_000, "mA")),
        part("peak amplitude, acknowledged", quantity(channel.peak_ua / 1_000, "mA")),
        part("pulses, acknowledged", quantity(channel.pulses, "pulses", "{pulses}") if known else None),
        part("charge of first phases, acknowledged", quantity(channel.charge_pc / 1_000_000, "uC") if known else None),
        part("time with current", quantity(channel.on_us / 1_000_000, "s")),
        *(part("frequency", quantity(float(one), "Hz")) for one in channel.frequency_hz.split(", ") if one),
        *(
            part("pulse width, one phase", quantity(int(one), "us"))
            for one in channel.pulse_width_us.split(", ")
            if one
        ),
    ]
    marks = (("sensory", channel.sensory_ua), ("motor", channel.motor_ua), ("tolerated", channel.max_tolerated_ua))
    parts += [part(f"{name} level", quantity(ua / 1_000, "mA")) for name, ua in marks if ua is not None]
    return resource(
        "Observation", url, simulated=session.simulated,
        status="final" if known and session.verified else "preliminary",
        category=[concept("procedure", PROCEDURE_CATEGORY)], partOf=[refer(procedure)],
        code=concept(f"Electrical stimulation of channel {channel.channel} ({channel.name})"), subject=refer(patient),
        effectivePeriod=_period(session), bodySite=concept(_site(channel)), device=refer(device), component=parts,
        note=[{"text": said} for said in (f"Pads {channel.pads}: {channel.placement}", channel.pulse_form) if said],
    )  # fmt: skip


def _measures(session: SessionSummary) -> list[tuple[str, str]]:
    said = [(name, value) for name, value in session.outcomes.items() if value]
    return said + [(f"discomfort at {at // 1_000_000} s", str(value)) for at, value in session.comfort]


def _measure(
    session: SessionSummary,
    name: str,
    value: str,
    url: str,
    *,
    patient: str,
    procedure: str,
    of: Mapping[str, str] | None = None,
) -> Resource:
    """Args: of: what was measured before output, with its unit, side and by what; None: as entered after it."""
    unit = {"unit": of["unit"]} if of and "unit" in of else {}
    try:
        said: dict[str, Any] = {"valueQuantity": {"value": float(value), **unit}}
    except ValueError:
        said = {"valueString": value}
    said |= {key: concept(of[word]) for key, word in (("bodySite", "side"), ("method", "by")) if of and word in of}
    return resource(
        "Observation", url, simulated=session.simulated, status="final" if session.verified else "preliminary",
        partOf=[refer(procedure)], code=concept(name), subject=refer(patient), performer=[operator(session.operator)],
        effectiveDateTime=moment(session.began_ms, 0 if of else session.duration_us), **said,
    )  # fmt: skip


def _document(session: SessionSummary, url: str, *, patient: str) -> Resource:
    """The record itself: its head as identifier; SHA-1 in `hash`, because the standard wants that and nothing else."""
    contents = [_attachment(path, session) for path in segments(Path(session.path))]
    return resource(
        "DocumentReference", url, simulated=session.simulated, status="current",
        docStatus="final" if session.verified else "preliminary",
        identifier=[{"system": "urn:estim:record-head:sha256", "value": session.head}] if session.head else None,
        type=concept("estim session record (JSON lines, SHA-256 chain, Ed25519 checkpoints)"), subject=refer(patient),
        date=moment(session.began_ms, session.duration_us), author=[operator(session.operator)],
        description=f"{session.records} lines, {session.ending}", content=contents,
    )  # fmt: skip


def _attachment(path: Path, session: SessionSummary) -> dict[str, Any]:
    data = read_segment(path)
    sha1 = hashlib.sha1(data, usedforsecurity=False).digest()
    made: dict[str, Any] = {
        "contentType": "application/x-ndjson",
        "size": str(len(data)),  # integer64 is text in JSON
        "hash": base64.b64encode(sha1).decode("ascii"),
        "title": f"{session.session}/{path.name}, SHA-256 {hashlib.sha256(data).hexdigest()}",
    }
    began = moment(session.began_ms)
    return {"attachment": made | ({"creation": began} if began else {})}


def _events(
    session: SessionSummary, exported: str, *, patient: str, device: str, software: str, procedure: str
) -> Iterable[tuple[str, Resource]]:
    for number, (at_us, kind, text) in enumerate(session.happened):
        if kind not in _AUDITED:
            continue
        url = url_of("event", session.head or session.session, number)
        severity = _SEVERITY.get(kind, "informational")
        bad = severity == "error"
        by_device = kind in {
            lines.Fault.KIND,
            lines.LeadOff.KIND,
            lines.DeviceFault.KIND,
            lines.TakeOver.KIND,
            lines.AlarmLine.KIND,
        }
        code = {"system": _OUTCOMES, "code": "8" if bad else "0", "display": "Serious failure" if bad else "Success"}
        who = refer(device) if by_device else operator(session.operator)
        yield url, resource(
            "AuditEvent", url, simulated=session.simulated, code=concept(kind), action="E", severity=severity,
            recorded=moment(session.began_ms, at_us) or exported,
            outcome={"code": code, "detail": [concept(text)]}, patient=refer(patient),
            agent=[{"who": who, "requestor": not by_device}], source={"observer": refer(software)},
            entity=[{"what": refer(procedure)}],
        )  # fmt: skip


def _provenance(read: Read, url: str, targets: list[str], exported: str, *, document: str, software: str) -> Resource:
    session = read.summary
    recorded = moment(session.began_ms, session.duration_us) or exported
    last = read.entries[-1] if read.entries else None
    signature = None
    if session.verified and last is not None and last.kind == lines.Seal.KIND:
        data = base64.b64encode(bytes.fromhex(last.fields["signature"])).decode("ascii")
        signature = [{"type": [_SIGNED], "when": recorded, "who": refer(software), "data": data,
                      "targetFormat": "application/x-ndjson", "sigFormat": "application/octet-stream"}]  # fmt: skip
    return resource(
        "Provenance", url, simulated=session.simulated, target=[refer(target) for target in targets],
        occurredPeriod=_period(session), recorded=recorded,
        activity=concept("Neuromuscular electrical stimulation session, recorded as it happened"),
        agent=[
            {"type": concept("performer", {"system": _PARTICIPANT, "code": "performer"}),
             "who": operator(session.operator)},
            {"type": concept("assembler", {"system": _PARTICIPANT, "code": "assembler"}), "who": refer(software)},
        ],
        entity=[{"role": "source", "what": refer(document)}], signature=signature,
    )  # fmt: skip
