"""The side channel: what comes in becomes reports, nonsense becomes nothing, and it never waits."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estim.drivers.room import check_rooms
from estim.drivers.side import LINE_MAX, OUT_MAX, SideChannel, parse_line
from estim.records.canonical import canonical
from estim.safety.errors import LinkLost, UsageError
from estim.safety.reports import EmgSamples, EvokedForce, PatientSays, PatientSwitch, PracticeState, Report, SensorEvent
from estim.safety.units import Micros


@pytest.fixture
def room() -> Iterator[tuple[SideChannel, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        side = SideChannel(f"socket://127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        yield side, peer
        peer.close()
        side.close()


def poll(side: SideChannel, count: int) -> list[Report]:
    reports: list[Report] = []
    until = time.monotonic() + 60
    while len(reports) < count and time.monotonic() < until:
        reports += side.poll()
    return reports


def test_every_message_becomes_its_report(room: tuple[SideChannel, socket.socket]) -> None:
    side, peer = room
    messages = [
        {"type": "emg", "t0_us": 5, "rate_hz": 1000, "samples_uv": [1, -2]},
        {"type": "patient-switch", "pressed": True},
        {"type": "says", "sensation": "motor", "text": "It moves."},
        {"type": "sensor", "name": "heel-off"},
        {"type": "practice", "channel": 1, "force_n": 90, "force_percent": 40, "fatigue": 3, "comfort": 8},
        {"type": "evoked", "channel": 1, "percent_mvic": 22.6},
    ]
    data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    for at in range(0, len(data), 7):
        peer.sendall(data[at : at + 7])
    assert poll(side, 6) == [
        EmgSamples(t0_us=Micros(5), rate_hz=1000, samples_uv=(1, -2)),
        PatientSwitch(pressed=True),
        PatientSays(sensation="motor", text="It moves."),
        SensorEvent(name="heel-off"),
        PracticeState(channel=1, force_n=90, force_percent=40, fatigue_percent=3, comfort=8),
        EvokedForce(channel=1, percent_mvic=23),
    ]


def test_nonsense_is_left_out_and_what_follows_is_heard(room: tuple[SideChannel, socket.socket]) -> None:
    side, peer = room
    peer.sendall(b'\xff\n[]\n{}\n{"type":"pad"}\n{"type":["emg"]}\n{"type":"emg","t0_us":1e999}\n')
    for percent in (b"-1", b"201", b"1e999", b"NaN", b'"9"', b"null"):
        peer.sendall(b'{"type":"evoked","channel":1,"percent_mvic":%s}\n' % percent)
    peer.sendall(b"x" * (LINE_MAX + 10) + b"\n" + b'{"type":"sensor","name":"a"}\n')
    assert poll(side, 1) == [SensorEvent(name="a")]
    assert side.ignored >= 12


keys = st.sampled_from(["type", "t0_us", "rate_hz", "samples_uv", "name", "channel"])
leaves = st.none() | st.floats() | st.integers() | st.sampled_from(["emg", "sensor", "says", "practice"])
objects = st.dictionaries(keys, leaves | st.lists(leaves, max_size=3), max_size=6)


@given(st.one_of(st.binary(max_size=100), (leaves | objects).map(lambda value: json.dumps(value).encode())))
def test_no_line_raises(line: bytes) -> None:
    parse_line(line)


ABSURD: tuple[Any, ...] = (10**30, -(10**30), 1 << 53, float("nan"), float("inf"), [], None)
GOOD: tuple[dict[str, Any], ...] = (
    {"type": "emg", "t0_us": 5, "rate_hz": 1000, "samples_uv": [1]},
    {"type": "practice", "channel": 1, "force_n": 90, "force_percent": 40, "fatigue": 3, "comfort": 8},
    {"type": "evoked", "channel": 1, "percent_mvic": 22},
)


@pytest.mark.parametrize("message", GOOD, ids=lambda message: message["type"])
def test_every_number_of_a_bridge_has_a_range(message: dict[str, Any]) -> None:
    for key in message.keys() - {"type"}:
        for value in ABSURD:
            wrong = message | {key: [value] if key == "samples_uv" else value}
            assert parse_line(json.dumps(wrong).encode()) is None, wrong
        for word in ("1_0", "١", "9", True):  # Python takes them for numbers
            assert parse_line(json.dumps(message | {key: [word] if key == "samples_uv" else word}).encode()) is None, (
                word
            )
    assert parse_line(json.dumps(GOOD[0] | {"rate_hz": 0}).encode()) is None


@pytest.mark.parametrize("text", ["\ud800", "warm\udfff", "\x1b[2J", "left\u202etfel\n", "x" * 9_999])
def test_what_a_bridge_says_can_be_written_down(text: str) -> None:
    said = parse_line(json.dumps({"type": "says", "sensation": text, "text": text}).encode())
    heard = parse_line(json.dumps({"type": "sensor", "name": text}).encode())
    assert isinstance(said, PatientSays)
    assert isinstance(heard, SensorEvent)
    assert canonical({"sensation": said.sensation, "text": said.text, "name": heard.name})
    assert said.text == heard.name
    assert said.text.isprintable()


@pytest.mark.parametrize(
    "rest",
    [b"}", b"", b', "pressed": true', b', "pressed": null}', b', "pressed": [1]}', b', "pressed": "no"}', b"\xff"],
)
def test_a_line_of_the_patients_switch_is_a_press_whatever_is_wrong_with_it(rest: bytes) -> None:
    assert parse_line(b'{"type": "patient-switch"' + rest) == PatientSwitch(pressed=True)


def test_the_patients_switch_is_heard_in_every_spelling_that_json_allows() -> None:
    for spelling in (rb"patient\u002dswitch", rb"\u0070atient-switch", rb"patient-\u0073witch"):
        assert parse_line(b'{"\\u0074ype": "' + spelling + b'"}') == PatientSwitch(pressed=True), spelling


def test_a_switch_that_was_let_go_is_none_and_neither_are_words_about_it() -> None:
    assert parse_line(b'{"type": "patient-switch", "pressed": false}') == PatientSwitch(pressed=False)
    said = json.dumps({"type": "says", "sensation": "x", "text": '{"type": "patient-switch"}'}).encode()
    assert isinstance(parse_line(said), PatientSays)


def test_deep_nesting_is_nonsense() -> None:
    assert parse_line(b"[" * 60_000) is None


def test_messages_reach_the_room(room: tuple[SideChannel, socket.socket]) -> None:
    side, peer = room
    side.send({"type": "pad", "channel": 1, "action": "lift"})
    assert json.loads(peer.recv(4096)) == {"type": "pad", "channel": 1, "action": "lift"}


def test_a_room_that_reads_nothing_is_let_go_without_waiting(room: tuple[SideChannel, socket.socket]) -> None:
    side, _ = room
    began = time.monotonic()
    for _ in range(10_000):
        side.send({"type": "effort", "text": "x" * (OUT_MAX // 100)})
        if not side.is_open:
            break
    assert not side.is_open
    assert time.monotonic() - began < 5
    side.send({"type": "effort"})
    assert side.poll() == []


def test_a_room_that_leaves_says_nothing_more(room: tuple[SideChannel, socket.socket]) -> None:
    side, peer = room
    peer.close()
    until = time.monotonic() + 60
    while side.is_open and time.monotonic() < until:
        assert side.poll() == []
    assert not side.is_open


def test_addresses_that_are_none() -> None:
    for text in ("", "socket://a", "sim://p24", "socket://a:b"):
        with pytest.raises(UsageError):
            SideChannel(text)
    for port in ("²", "65536", "99999", "١٢", "1_0"):  # heard before the session, not in it
        with pytest.raises(UsageError, match="port"):
            check_rooms(f"socket://127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkLost):
        SideChannel(f"socket://127.0.0.1:{port}")
