"""The pipe between front and controller: one JSON object a line, each under 4 kB but for snapshots.

front → controller   {"type": "Raise", "id": 7, ...} requests of `session.events`, {"type": "Heartbeat"}
controller → front   {"type": "snapshot", ...}, {"type": "answer", "id", "accepted", "problems"}, {"type": "fatal",
"reason"}
"""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from estim.controller.interface import Answer, ConfigureFrom
from estim.record_lines.base import INTEGER_MAX
from estim.safety.errors import UsageError
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
            events.SkipPhase, events.EndEarly, events.PressTrigger, events.Acknowledge, events.ResetFault, events.Note,
            events.Sign, events.RoomAction, ConfigureFrom,
        )
    }
)  # fmt: skip
HEARTBEAT = b'{"type":"Heartbeat"}\n'
REASON_MAX = 300
TEXT_MAX = 4_000  # letters; the longest that a person writes is a note
# The least and the most of every number in every request, by the field's name; what lies in free fields is under "*".
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "id": (0, INTEGER_MAX), "snapshot_n": (0, INTEGER_MAX), "channel": (1, 64), "percent": (0, 100),
        "week": (1, 520), "session": (1, 10_000), "minutes_today": (0, 1_440), "measures": (-1e6, 1e6),
        "pads_cm": (0.1, 50.0), "sensory_ua": (0, 200_000), "motor_ua": (0, 200_000), "max_tolerated_ua": (0, 200_000),
        "level_ua": (0, 200_000), "cap_ua": (0, 200_000), "level_frequency_mhz": (0, 1_000_000),
        "level_pulse_width_us": (0, 10_000), "cadence_per_min": (1, 300), "*": (-INTEGER_MAX, INTEGER_MAX),
    }
)  # fmt: skip
_ADAPTERS: Mapping[type[Request], TypeAdapter[Any]] = MappingProxyType(
    {kind: TypeAdapter(kind) for kind in REQUESTS.values()}
)
_STOP = re.compile(rb"""["']type["']\s*:\s*["']\s*stop""", re.IGNORECASE)
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")
_ID = re.compile(rb"""["']id["']\s*:\s*(\d{1,15})\b""")
_SOURCE = re.compile(rb"""["']source["']\s*:\s*["']([A-Za-z0-9:_-]{1,40})["']""")


def encode_request(request: Request) -> bytes:
    """A request as a line."""
    return json.dumps({"type": type(request).__name__, **dataclasses.asdict(request)}).encode("utf-8") + b"\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no request: who asked, as far as that can be read, and why not."""

    id: int
    reason: str


def stop_in(data: bytes) -> events.Stop | None:
    """The stop that these bytes carry, whole or in part, whatever stands around it or is wrong with the rest of it.

    A text that speaks of a stop has its quotation marks escaped, so it is none.
    """
    if _STOP.search(data) is None:
        return None
    number, source = _ID.search(data), _SOURCE.search(data)
    return events.Stop(id=int(number[1]) if number else 0, source=source[1].decode("ascii") if source else "pipe")


def decode_request(line: bytes) -> Request | events.Heartbeat | Refused:
    """What a line asks for. A stop is found before anything is parsed, and again in whatever can't be understood."""
    stop = stop_in(line)
    if stop is not None:
        return stop
    try:
        values = json.loads(line)
        kind = values.pop("type")
        if kind == "Heartbeat":
            return events.Heartbeat()
        return _checked(REQUESTS[kind], values)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = _ID.search(line)
        number = int(found[1]) if found else 0
        if carries_the_word(line):
            return events.Stop(id=number, source="pipe")
        return Refused(number, f"not a request: {str(error) or type(error).__name__}"[:REASON_MAX])


def carries_the_word(line: bytes) -> bool:
    """Whether `stop` stands anywhere in it: within another word, in capitals or wide letters, escaped as JSON allows,
    with zeros or half letters between.
    """
    text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), line.replace(b"\0", b"").decode("utf-8", "ignore"))
    return "stop" in unicodedata.normalize("NFKC", text).casefold()


def _checked(kind: type[Request], values: dict[str, Any]) -> Request:
    """The request, with every field of its declared type, every number in its declared range, and no field more.

    Raises:
        ValueError: it is not.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := sorted(values.keys() - known):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    try:
        request = _ADAPTERS[kind].validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{kind.__name__}.{where}: {first['msg']}") from None
    _in_range(request, kind.__name__)
    return request  # type: ignore[no-any-return]


def _in_range(value: object, name: str) -> None:
    """Raises ValueError for the first number outside its range, text that is longer than any that is used, or key that
    no record takes: its line could not be written, and what can't be written down is not given.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _in_range(getattr(value, field.name), field.name)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and not key.isascii():
                raise ValueError(f"{name}: {key[:40]!a} is no key of a record, which are plain ASCII")
            _in_range(key, name)
            _in_range(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            _in_range(item, name)
    elif isinstance(value, str):
        if len(value) > TEXT_MAX:
            raise ValueError(f"{name}: a text of {len(value)} letters; at most {TEXT_MAX}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = RANGES.get(name, RANGES["*"])
        if not low <= value <= high:
            raise ValueError(f"{name}: {value} is not within {low} to {high}")


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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"not a message: {error}") from None
    raise UsageError(f"not a message: {values['type']!r}")
