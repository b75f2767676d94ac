"""What stands around a session in FHIR: the screening, the use of the device, plan and goal, and who signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from estim.record_lines import kinds
from estim.records.fhir_parts import Resource, concept, moment, operator, refer, resource, url_of
from estim.records.summary import Read, SessionSummary

QUESTIONNAIRE = "urn:estim:questionnaire:screening"


def around(read: Read, exported: str, *, patient: str, device: str, procedure: str) -> Iterable[tuple[str, Resource]]:
    """All of it, each with its name."""
    session = read.summary
    key = session.head or session.session
    when = moment(session.began_ms, session.duration_us) or exported
    yield from _screening(read, key, when, patient=patient)
    usage = url_of("usage", key)
    yield usage, resource(
        "DeviceUsage", usage, simulated=session.simulated, status="completed", patient=refer(patient),
        device={"reference": refer(device)}, dateAsserted=when, informationSource=operator(session.operator),
        timingPeriod=_period(session), reason=[{"concept": concept(session.title)}] if session.title else None,
    )  # fmt: skip
    if session.protocol:
        yield from _plan(session, patient=patient, when=when)
    yield from _signed(session, key, when, procedure=procedure)


def _period(session: SessionSummary) -> dict[str, str] | None:
    begin, end = moment(session.began_ms), moment(session.began_ms, session.duration_us)
    return {"start": begin, "end": end} if begin and end else None


def _screening(read: Read, key: str, when: str, *, patient: str) -> Iterable[tuple[str, Resource]]:
    """The last answers, question by question; the texts are those that the record holds, where it does."""
    session = read.summary
    said = next((entry.fields for entry in reversed(read.entries) if entry.kind == kinds.Screening.KIND), None)
    if said is None:
        return
    answers = said["answers"]
    pairs = answers.items() if isinstance(answers, Mapping) else ((str(one), None) for one in answers)
    texts: Mapping[str, Any] = said.get("questions") or {}
    items = [
        {"linkId": str(number), **({"text": str(texts[number])} if number in texts else {}), "answer": [_answer(value)]}
        for number, value in pairs
    ]
    if texts:
        yield _questionnaire(said, items, texts, simulated=session.simulated)
    url = url_of("screening", key)
    yield url, resource(
        "QuestionnaireResponse", url, simulated=session.simulated, status="completed",
        questionnaire=f"{QUESTIONNAIRE}|{said.get('version') or 'unknown'}", subject=refer(patient), authored=when,
        author=operator(session.operator), item=items,
    )  # fmt: skip


def _questionnaire(
    said: Mapping[str, Any], answered: Iterable[Mapping[str, Any]], texts: Mapping[str, Any], *, simulated: bool
) -> tuple[str, Resource]:
    """What was asked, in the words that the record holds; sessions that were asked the same share one."""
    kinds_of = {item["linkId"]: next(iter(item["answer"][0])).removeprefix("value").lower() for item in answered}
    items = [
        {
            "linkId": number,
            **({"text": str(texts[number])} if number in texts else {}),
            "type": kinds_of.get(number, "boolean"),
        }
        for number in sorted({*map(str, texts), *kinds_of})
    ]
    language, version = str(said.get("language") or ""), str(said.get("version") or "unknown")
    url = url_of("questionnaire", simulated, language, version, items)
    return url, resource(
        "Questionnaire", url, simulated=simulated, language=language, url_=QUESTIONNAIRE, version=version,
        name="EstimScreening", title="Screening before a session", status="active", subjectType=["Patient"], item=items,
    )  # fmt: skip


def _answer(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, Mapping):
        return {"valueString": ", ".join(f"{key}: {one}" for key, one in value.items()) or "no answer"}
    return {"valueString": str(value) if value not in (None, "") else "no answer"}


def _plan(session: SessionSummary, *, patient: str, when: str) -> Iterable[tuple[str, Resource]]:
    goal, plan = (url_of(kind, session.simulated, session.patient, session.protocol) for kind in ("goal", "plan"))
    yield goal, resource(
        "Goal", goal, simulated=session.simulated, lifecycleStatus="active", subject=refer(patient),
        description=concept(session.goal or session.title),
    )  # fmt: skip
    yield plan, resource(
        "CarePlan", plan, simulated=session.simulated, status="active", intent="plan", title=session.title,
        subject=refer(patient), created=when, goal=[refer(goal)],
        note=[{"text": f"Protocol {session.protocol} {session.protocol_version}"}],
    )  # fmt: skip


def _signed(session: SessionSummary, key: str, when: str, *, procedure: str) -> Iterable[tuple[str, Resource]]:
    """The person's signature, apart from the station's seal; a session that nobody signed has none."""
    if not session.signed_by_person:
        return
    said, url = session.signature, url_of("signed", key)
    by_pin = "a PIN stood behind it" if said.get("authenticated") == "True" else "a claim, no PIN stood behind it"
    yield url, resource(
        "Provenance", url, simulated=session.simulated, target=[refer(procedure)], recorded=said.get("utc") or when,
        activity=concept(f"signed: {said.get('meaning', '')} ({by_pin})"),
        agent=[{"type": concept("attester"), "who": {
            **operator(str(said.get("operator", ""))), "display": said.get("name") or said.get("operator") or "unknown",
        }}],
    )  # fmt: skip
