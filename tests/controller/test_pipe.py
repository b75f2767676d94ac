"""The pipe: a stop in any shape is a stop, everything else that is wrong is refused, and no number is absurd."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim.controller import observing
from estim.controller.interface import ConfigureFrom
from estim.controller.messages import (
    RANGES,
    REQUESTS,
    Refused,
    decode_from_controller,
    decode_request,
    encode_request,
    stop_in,
)
from estim.controller.observers import Observers
from estim.controller.pipe import LineReader
from estim.platform.waiting import Waiting, waiting
from estim.protocols.setup import ChannelSetup, Setup
from estim.safety.errors import LinkLost, UsageError
from estim.session import events

STOPS = [
    b'{"type": "Stop", "id": 3, "source": "line"}',
    b'{"type": "Stop", "id": "x", "source": "line"}',
    b'{"type": "Stop", "id": null, "source": "line"}',
    b'{"type": "Stop"}',
    b'{"type": "Stop", "source": "key"}',
    b'{"type": "Stop", "id": 3, "source": "key", "more": 1}',
    b'{"type": "Stop", "id": 3, "source": 7}',
    b'{"id": 3, "type": "Stop"',
    b'{"type": "Stop", "id": 99999999999999999999999999}',
    b'{"type":"stop"}',
    b"{'type': 'STOP'}",
    b'["Stop"]',
    b"stop",
    b'{"type": "Note", "id": 4, "fie{"type":"Stop","id":5,"source":"line"}',
    b'\xff\xfe{"type": "Stop"}',
    b"[" * 5_000 + b'{"type":"Stop"}',
    b'{"type": ["Stop"], "id": 3}',
    b'{"Type": "Stop!"}',
    b'{"type": "EmergencyStop", "id": 3}',
    b'{"type": "\\u0053top", "id": "x"}',
    b'{"type": "S\\u0054\\u006fp", "id": 3, "source": "key", "more": 1}',
    '{"type": "Ｓｔｏｐ", "id": 3}'.encode(),
    '{"type": "Stop"}'.encode("utf-16-le"),
    b'{"type": "St\xffop", "id": 3}',
    b'{"type": "NOTSTOP"',
]


@pytest.mark.parametrize("line", STOPS, ids=range(len(STOPS)))
def test_whatever_carries_the_word_of_a_stop_is_one(line: bytes) -> None:
    assert isinstance(decode_request(line), events.Stop)


def test_a_stop_in_a_request_that_is_none_is_answered_by_its_number() -> None:
    assert decode_request(b'{"type": "EmergencyStop", "id": 3}') == events.Stop(id=3, source="pipe")
    assert decode_request(b'{"type": "EmergencyStop", "id": "x"}') == events.Stop(id=0, source="pipe")


def test_half_a_line_that_carries_a_stop_is_one_before_its_end() -> None:
    whole = encode_request(events.Stop(id=12, source="key"))
    found = [stop_in(whole[:end]) for end in range(len(whole))]
    assert found[-1] == events.Stop(id=12, source="key")
    assert sum(stop is not None for stop in found) > len(whole) - 18


@pytest.mark.parametrize("line", [b"stop", b'{"type": "Stop"', b'{"type": "Stop", "who": []}', b'["Stop"]', STOPS[-4]])
def test_a_stop_of_one_who_looks_on_is_one_in_any_shape(tmp_path: Path, line: bytes) -> None:
    looped = waiting()
    observers = Observers(tmp_path / "observe", looped)
    (card,) = (tmp_path / "observe").glob("*.json")
    said = json.loads(card.read_text(encoding="ascii"))
    with contextlib.closing(observing._connect(said["place"])) as one:
        one.sendall(line + b"\n")  # without the key it is nobody's
        assert _heard(observers, looped) == []
    with contextlib.closing(observing._connect(said["place"])) as one:
        one.sendall(json.dumps({"key": said["key"]}).encode() + b"\n" + line + b"\n")
        assert [stop.source[:9] for stop in _heard(observers, looped)] == ["observer:"]
    observers.close()
    looped.close()


@pytest.mark.parametrize("card", ["[]", "5", '{"place": 5}', "{", "[" * 100_000, '{"place": "/nowhere"}', "pipe"])
def test_a_card_that_is_none_is_said(tmp_path: Path, card: str) -> None:
    path = tmp_path / "observe" / f"{os.getpid()}.json"
    path.parent.mkdir()
    if card == "pipe" and hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        path.write_text(card)
    with pytest.raises(LinkLost, match="can't be watched"):
        observing.ObserverClient(tmp_path, pid=os.getpid(), who="x")


def _heard(observers: Observers, looped: Waiting) -> list[events.Stop]:
    for _ in range(100):
        looped.wait(0.02, observers.filenos())
        if stops := observers.poll(0):
            return stops
        if not observers:  # who gave no key was shown out
            return []
    raise AssertionError("neither heard nor shown out")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"type": "snapshot", "snapshot": ' + b"[" * 100_000, b"[]", b"5"])
def test_no_line_of_a_controller_ends_who_watches_it(text: bytes) -> None:
    with pytest.raises(UsageError):
        decode_from_controller(text)


class Pieces:
    """A source that gives what it was made of, one piece a look."""

    ended = False

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def read(self) -> bytes:
        return self.pieces.pop(0)


def test_each_half_line_is_told_of_once_also_where_the_next_begins_like_the_last() -> None:
    half = b'{"type": "Stop", "i'
    reader = LineReader(Pieces(half, b'd": 4', b"}\n", half, b"\n" + half), line_max=100)
    seen = []
    for _ in range(5):
        reader.lines()
        seen.append(reader.in_half(stop_in) is not None)
    assert seen == [True, False, False, True, True]


@pytest.mark.parametrize(
    "text", ["Stop", "he said stop", '{"type": "Stop"}', '"type":"Stop"', "'type': 'Stop'".replace("'", '\\"')]
)
def test_a_note_that_speaks_of_a_stop_is_a_note(text: str) -> None:
    note = events.Note(id=5, kind="note", fields={"text": text})
    assert decode_request(encode_request(note)) == note


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "Note", "id": 3, "kind": "note", "fields": null}',
        b'{"type": "Lower", "id": 3, "channel": {}}',
        b'{"type": "Lower", "id": 3, "channel": 1, "percent": -400}',
        b'{"type": "Lower", "id": 3, "channel": 1, "percent": 101}',
        b'{"type": "Confirm", "id": 3, "what": []}',
        b'{"type": "Arm", "id": 3, "more": true}',
        b'{"type": "Raise", "id": 3, "channel": 0, "snapshot_n": 4}',
        b'{"type": "Raise", "id": 3, "channel": 1, "snapshot_n": 1e3}',
        b'{"type": "Raise", "id": 3, "channel": true, "snapshot_n": 4}',
        b'{"type": "Mark", "id": 3, "channel": 1, "kind": "strong"}',
        b'{"type": "Launch", "id": 3}',
        b'{"type": {}, "id": 3}',
        b'{"id": 3}',
        b'{"type": "Note", "id": 3, "kind": "note", "fields": {"n": 1e999}}',
        b'{"type": "Note", "id": 3, "kind": "note", "fields": {"t": "' + b"x" * 5_000 + b'"}}',
        '{"type": "Note", "id": 3, "kind": "note", "fields": {"größe": 1}}'.encode(),
        b'{"type": "Note", "id": 3, "kind": "note", "fields": {"a": [{"\\u202e": 1}]}}',
    ],
)
def test_what_is_wrong_is_refused_by_its_number(line: bytes) -> None:
    refused = decode_request(line)
    assert isinstance(refused, Refused)
    assert refused.id == 3
    assert refused.reason


def mutants(seed: int, number: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    good = [
        encode_request(events.Lower(id=1007, channel=1, percent=20)),
        encode_request(events.Raise(id=1008, channel=1, snapshot_n=44)),
        encode_request(events.Screen(id=1009, answers={"pregnant": False, "device": "none"})),
        encode_request(events.Note(id=1010, kind="note", fields={"text": "café", "n": 4})),
        encode_request(
            ConfigureFrom(
                id=1011,
                source="x",
                purpose="titration",
                setup=Setup(patient_id="P", channels=(ChannelSetup(name="q", channel=1, side="left"),)),
            )
        ),
    ]
    odd = [b"null", b"-1", b"1e999", b"[]", b"{}", b'""', b"true", b"\xff", b"\\", b'"', b",", b"99999999999999999999"]
    for _ in range(number):
        line = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(line))
            match chance.randrange(4):
                case 0:
                    del line[at : at + chance.randint(1, 9)]
                case 1:
                    line[at:at] = chance.choice(odd)
                case 2:
                    line[at : at + chance.randint(1, 6)] = chance.choice(odd)
                case _:
                    line[at] = chance.randrange(256)
            line = line or bytearray(b"x")
        yield bytes(line)


def test_no_mutated_line_raises_and_what_passes_is_within_its_ranges() -> None:
    passed = 0
    for line in mutants(1, 10_000):
        found = decode_request(line)
        passed += not isinstance(found, Refused)
        for name, value in numbers(found):
            low, high = RANGES.get(name, RANGES["*"])
            assert low <= value <= high
    assert 0 < passed < 5_000


def numbers(value: object, name: str = "*") -> Iterator[tuple[str, float]]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Refused):
        for field in dataclasses.fields(value):
            yield from numbers(getattr(value, field.name), field.name)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers(item, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def declared(kind: type, seen: set[type]) -> Iterator[str]:
    """Names of all fields below a request that can hold a number."""
    if kind in seen:
        return
    seen.add(kind)
    for name, hint in typing.get_type_hints(kind).items():
        for part in _parts(hint):
            if dataclasses.is_dataclass(part):
                yield from declared(part, seen)
            elif part in {int, float}:
                yield name


def _parts(hint: object) -> Iterator[type]:
    hint = getattr(hint, "__supertype__", hint)  # a NewType's own
    inside = typing.get_args(hint)
    if not inside and isinstance(hint, type):
        yield hint
    for part in inside:
        if part is not types.NoneType and part is not Ellipsis and not isinstance(part, str):
            yield from _parts(part)


def test_every_number_of_every_request_has_a_declared_range() -> None:
    names = {name for kind in REQUESTS.values() for name in declared(kind, set())}
    assert names - set(RANGES) == set()
    assert json.dumps(sorted(names))
