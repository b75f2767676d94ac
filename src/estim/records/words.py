"""A record's lines in plain words, for reports: what happened, without the thousands of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.table import KINDS
from estim.records.chain import Entry

# kind → how much a reader must notice it
WEIGHT = {
    lines.Fault.KIND: "bad",
    lines.TakeOver.KIND: "bad",
    lines.DeviceFault.KIND: "bad",
    lines.LeadOff.KIND: "bad",
    lines.AlarmLine.KIND: "bad",
    lines.PatientSwitch.KIND: "bad",
    kinds.Outcome.KIND: "said",
    kinds.Note.KIND: "said",
    kinds.Reason.KIND: "said",
    lines.Signature.KIND: "said",
}
_TURNS = {
    ("RUNNING", "start"): "Started",
    ("RUNNING", "resume"): "Went on after the pause, from 0 mA",
    ("PAUSED", "pause"): "Paused",
    ("STOPPING", "stop"): "Stopped",
    ("STOPPING", "complete"): "Played to the end",
    ("FAULT", "fail"): "Fault",
    ("READY", "identified"): "The device said who it is",
}

# Key of a note or reason → what a reader is told before its value; "": the value says it all.
_NOTED = {
    "text": "",
    "stopped": "Why it was stopped",
    "ended_for": "Why it was ended",
    "left_by": "Left before the signature, by",
    "goes_on": "Why it went on although the patient had felt unwell",
    "setup_s": "From sign-in to the first current of treatment",
    "skin_before": "Skin before the pads",
    "skin_by_channel": "by channel",
    "skin_reviewed_by": "Skin reviewed by",
    "pads": "Written on the pads",
    "pad_note": "Where the motor point was found",
    "stop_test_ms": "The stop was tried; off after so many ms",
    "patient_switch": "The patient's stop switch",
    "consent": "Consent",
    "measured_before": "Measured before",
    "not_measured": "Why nothing was measured",
    "adverse_event": "Adverse event",
    "ended": "How it ended",
    "contractions_given": "contractions given",
    "drill": "Exercise",
    "signs_session": "Signs the session",
    "its_head": "its head",
    "how_it_ended": "how it ended",
}
_CODED = frozenset({"stopped", "ended_for", "goes_on", "drill"})  # words of a list, written with hyphens

_BEGAN = {"low-rate": "Low-rate test of the pads began", "titration": "Finding levels began"}


def measured_words(said: Mapping[str, str]) -> str:
    """`quadriceps-index 60 % left, by dynamometer`."""
    words = " ".join(said[key] for key in ("name", "value", "unit", "side") if said.get(key))
    return f"{words}, by {said['by']}" if said.get("by") else words


def happened(entries: Iterable[Entry]) -> Iterable[tuple[int, str, str]]:
    """(session time, kind, text) of what a reader wants to know."""
    purpose = ""
    for entry in entries:
        if entry.kind == kinds.SetupLine.KIND:
            purpose = str(entry.fields.get("purpose", ""))
        text = _say(entry, purpose)
        if text:
            yield entry.t_us, entry.kind, text


def _say(entry: Entry, purpose: str) -> str:
    fields = entry.fields
    say = _SAY.get(entry.kind)
    if say is not None:
        return say(fields)
    if entry.kind == lines.PhaseTurn.KIND:
        return _phase(fields, purpose)
    if entry.kind == lines.TakeOver.KIND:
        return f"{fields.get('text', '')}"
    return "" if entry.kind in KINDS else f"A line of kind {entry.kind}, which this version does not know"


def _phase(fields: Mapping[str, Any], purpose: str) -> str:
    turn = _TURNS.get((str(fields.get("after")), str(fields.get("turn"))))
    if turn is None or turn == "Fault":  # the fault line itself says more
        return ""
    if turn == "Started":
        return _BEGAN.get(purpose, "Therapy began")
    cause = str(fields.get("cause") or "")
    return f"{turn} ({cause})" if cause and cause != "completed" else turn


def _ma(value: object) -> str:
    return f"{value / 1_000:g} mA" if isinstance(value, int) else "?"


def _levels(fields: Mapping[str, Any]) -> str:
    rate = fields.get("frequency_mhz")
    at = f" at {rate / 1_000:g} Hz" if isinstance(rate, int) else ""  # the first records did not say it
    return f"Channel {fields.get('channel')}: {_ma(fields.get('level_ua'))}{at} marked {fields.get('mark')}"


def _lowered(fields: Mapping[str, Any]) -> str:
    before, after = _ma(fields.get("before_ua")), _ma(fields.get("level_ua"))
    return f"Channel {fields.get('channel')} lowered from {before} to {after}"


def _note(fields: Mapping[str, Any]) -> str:
    if "discomfort" in fields:
        levels = fields.get("felt_ua", fields.get("sent_ua"))  # older records: what flowed as it was answered
        at = f" at {', '.join(_ma(one) for one in levels.values())}" if isinstance(levels, Mapping) and levels else ""
        return f"Discomfort {fields['discomfort']} of 10{at}"
    told = "; ".join(filter(None, (_noted(key, value) for key, value in fields.items() if key != "instead_of")))
    before = str(fields.get("instead_of", "")).replace("-", " ")
    return f"{told} (corrected; said before: {before})" if before else told


def _noted(key: str, value: object) -> str:
    """One thing that was noted, in words; "" for one that holds nothing."""
    words = _plain(value)
    head = _NOTED.get(key)
    if not words or head == "":
        return words
    if key == "setup_s" and isinstance(value, int):
        words = f"{value // 60}:{value % 60:02} min"
    elif key in _CODED:
        words = words.replace("-", " ")
    return f"{head}: {words}" if head else f"{key.replace('_', ' ')} {words}"


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('-', ' ')} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    return f"{value}"


def _outcome(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in fields.items())


def _request(fields: Mapping[str, Any]) -> str:
    detail = ", ".join(str(fields[key]) for key in ("phase", "reason", "source") if fields.get(key))
    return f"Asked: {fields.get('what')}" + (f" ({detail})" if detail else "")


def _refused(fields: Mapping[str, Any]) -> str:
    problems = [row for row in fields.get("problems", ()) if isinstance(row, Mapping)]
    return "Refused: " + "; ".join(str(row.get("message", "")) for row in problems)


def _refused_by_device(fields: Mapping[str, Any]) -> str:
    return f"The device refused a command: {fields.get('text', '')} ({fields.get('code')})"


def _signature(fields: Mapping[str, Any]) -> str:
    meaning = f", {fields['meaning']}" if fields.get("meaning") else ""
    comment = f": {fields['comment']}" if fields.get("comment") else ""
    name = f" ({fields['name']})" if fields.get("name") else ""
    return f"Signed by {fields.get('operator')}{name}{meaning}{comment}"


_SAY: dict[str, Callable[[Mapping[str, Any]], str]] = {
    lines.AlarmLine.KIND: lambda fields: f"Alarm: {fields.get('text', '')}",
    lines.Fault.KIND: lambda fields: f"FAULT {fields.get('cause', '')}: {fields.get('text', '')}",
    lines.LeadOff.KIND: lambda fields: f"Electrode fault on channel {fields.get('channel')}: {fields.get('text', '')}",
    lines.DeviceFault.KIND: lambda fields: (
        f"The device refused a command: {fields.get('text', '')} ({fields.get('code')})"
    ),
    lines.PatientSwitch.KIND: lambda _: "The patient pressed the stop switch",
    kinds.Levels.KIND: _levels,
    kinds.Lowered.KIND: _lowered,
    kinds.RaiseDropped.KIND: lambda fields: f"A raise was dropped: {fields.get('reason', '')}",
    kinds.Note.KIND: _note,
    kinds.Reason.KIND: _note,
    kinds.Outcome.KIND: _outcome,
    kinds.Bend.KIND: lambda fields: f"Differs from the protocol: {fields.get('message', '')}",
    kinds.Request.KIND: _request,
    kinds.Refused.KIND: _refused,
    lines.Signature.KIND: _signature,
}
