"""The pipe between front and controller: one JSON object a line, each under 4 kB but for snapshots.

front → controller   {"type": "Raise", "id": 7, ...} requests of `session.events`, {"type": "Heartbeat"}
controller → front   {"type": "snapshot", ...}, {"type": "answer", "id", "accepted", "problems"}, {"type": "fatal",
"reason"}
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from estim.controller.interface import Answer, ConfigureFrom
from estim.protocols.setup import ChannelSetup, Setup
from estim.safety.errors import UsageError
from estim.safety.schedule import PatientFacts
from estim.session import events
from estim.session.effects import Reply
from estim.session.events import Request
from estim.session.snapshot import Snapshot

LINE_MAX = 256 * 1024

REQUESTS: Mapping[str, type[Request]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            events.SignIn, events.Screen, events.Confirm, events.Arm, events.Start, events.Pause, events.Resume,
            events.Stop, events.Raise, events.Lower, events.Mark, events.ContractionSeen, events.NextChannel,
            events.SkipPhase, events.EndEarly, events.Trigger, events.Acknowledge, events.ResetFault, events.Note,
            events.Sign, events.RoomAction, ConfigureFrom,
        )
    }
)  # fmt: skip
HEARTBEAT = b'{"type":"Heartbeat"}\n'


def encode_request(request: Request) -> bytes:
    """A request as a line."""
    return json.dumps({"type": type(request).__name__, **dataclasses.asdict(request)}).encode("utf-8") + b"\n"


def decode_request(line: bytes) -> Request | events.Heartbeat:
    """The request in a line.

    Raises:
        UsageError: not a request; the pipe is ours, so this is a defect and is answered by nothing.
    """
    try:
        values = json.loads(line)
        kind = values.pop("type")
        if kind == "Heartbeat":
            return events.Heartbeat()
        if kind == "ConfigureFrom":
            values["setup"] = _setup(values["setup"])
        return REQUESTS[kind](**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"not a request: {line[:80]!r} ({error})") from None


def _setup(values: dict[str, Any]) -> Setup:
    channels = []
    for channel in values["channels"]:
        pads = channel.get("pads_cm")
        if pads is not None:
            channel["pads_cm"] = (tuple(pads[0]), tuple(pads[1]))
        channels.append(ChannelSetup(**channel))
    values["channels"] = tuple(channels)
    values["measures"] = tuple((str(name), float(value)) for name, value in values.get("measures", ()))
    values["patient"] = PatientFacts(**values["patient"])
    return Setup(**values)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """A snapshot as a line."""
    return json.dumps({"type": "snapshot", "snapshot": snapshot.to_json()}).encode("utf-8") + b"\n"


def encode_reply(reply: Reply) -> bytes:
    """An answer as a line."""
    problems = [problem.to_json() for problem in reply.problems]
    return (
        json.dumps({"type": "answer", "id": reply.id, "accepted": reply.accepted, "problems": problems}).encode("utf-8")
        + b"\n"
    )


def encode_fatal(reason: str) -> bytes:
    """Why the controller ends before it could begin."""
    return json.dumps({"type": "fatal", "reason": reason}).encode("utf-8") + b"\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Fatal:
    """The controller can't do its work."""

    reason: str


def decode_from_controller(line: bytes) -> Snapshot | Answer | Fatal:
    """What the controller says.

    Raises:
        UsageError: not a message.
    """
    try:
        values = json.loads(line)
        if values["type"] == "snapshot":
            return Snapshot.from_json(values["snapshot"])
        if values["type"] == "answer":
            return Answer(id=values["id"], accepted=values["accepted"], problems=tuple(values["problems"]))
        if values["type"] == "fatal":
            return Fatal(values["reason"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"not a message: {error}") from None
    raise UsageError(f"not a message: {values['type']!r}")
