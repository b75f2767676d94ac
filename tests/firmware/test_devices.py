"""The simulated devices, held against the wire document's vectors and state table. Nothing of estim is used here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import firmware_sim.wire.sciencemode2 as two
import firmware_sim.wire.sciencemode34 as four
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import OpenLoad

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "drivers" / "wire_vectors.json").read_text(encoding="utf-8")
)
GOOD = [vector for vector in VECTORS if not vector.get("malformed")]
BAD = [vector for vector in VECTORS if vector.get("malformed")]


def name(vector: dict[str, Any]) -> str:
    return f"{vector['device']}-{vector['name']}-{vector['hex'][:24]}"


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_every_frame_is_read_and_built(vector: dict[str, Any]) -> None:
    raw, fields = bytes.fromhex(vector["hex"]), vector["fields"]
    wire: Any = two if vector["device"] == "RehaStim2" else four
    (frame,) = wire.Reader().feed(raw)
    assert frame.intact
    packet = fields.get("packet_number", fields.get("decodes_to_packet_number"))
    command = fields.get("cmd", fields.get("decodes_to_cmd"))
    assert packet is None or frame.packet == packet
    assert command is None or frame.command == command
    assert frame.data.hex().upper() == fields.get("payload_hex", frame.data.hex()).upper()
    if "decodes_to_cmd" not in fields:  # those are one client's own way of escaping more than it must
        assert wire.build(frame.packet, frame.command, frame.data) == raw


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_a_frame_is_read_however_its_bytes_are_split(vector: dict[str, Any]) -> None:
    raw = b"\x0f\x00\x81" + bytes.fromhex(vector["hex"]) + b"\x12"
    wire: Any = two if vector["device"] == "RehaStim2" else four
    whole = wire.Reader().feed(raw)
    reader = wire.Reader()
    assert [frame for at in range(len(raw)) for frame in reader.feed(raw[at : at + 1])] == whole


def opened(model: str, command: int) -> Any:
    """A device in the state in which `command` is judged by its values."""
    device = make_device(model)
    if model == "rehastim2":
        device.receive(two.build(0, 2, b"\0"), 0)
        if command == 32:
            device.receive(two.build(1, 30, bytes((0, 1, 0, 13, 0, 38, 0))), 1)
    elif command in {2, 32}:
        device.receive(four.build(1, 0 if command == 2 else 30, b"\0"), 0)
    device.data_to_send()
    return device


ACCEPTED = [vector for vector in GOOD if "vendor_server_accepts" in vector["fields"]]


@pytest.mark.parametrize("vector", ACCEPTED, ids=name)
def test_values_are_accepted_as_the_maker_does(vector: dict[str, Any]) -> None:
    device = opened(vector["device"].lower(), vector["fields"]["cmd"])
    device.receive(bytes.fromhex(vector["hex"]), 2)
    (answer,) = four.Reader().feed(device.data_to_send()[-1])
    assert isinstance(answer, four.Frame)
    assert (answer.data[0] == 0) is vector["fields"]["vendor_server_accepts"]


@pytest.mark.parametrize("vector", BAD, ids=name)
def test_malformed_frames_get_the_stated_reaction(vector: dict[str, Any]) -> None:
    reaction = vector["fields"]["expected_reaction"]
    command = (
        32
        if "Ml_update" in vector["name"] or "StartChannel" in vector["name"]
        else 2
        if "Ll_ch" in vector["name"]
        else 0
    )
    device = opened(vector["device"].lower(), command)
    device.receive(bytes.fromhex(vector["hex"]), 3)
    answers = device.data_to_send()
    if "no reply" in reaction:
        assert answers == []
        return
    wire: Any = two if vector["device"] == "RehaStim2" else four
    (answer,) = wire.Reader().feed(answers[-1])
    for number in range(100):
        if f"({number})" in reaction:
            assert answer.command == number
    for result in ("-1", "-2", "1", "2", "11"):
        if f"result {result} " in reaction + " " or reaction.endswith(f"result {result}"):
            assert answer.data[0] == int(result) & 0xFF


class Bench:
    """A device and what came out of it."""

    def __init__(self, model: str, **options: str) -> None:
        self.device = make_device(model, options=options)
        self.pulses: list[Pulse] = []
        self.device.on_pulse = self.pulses.append
        self.now_us = 0

    def ask(self, command: int, data: bytes = b"", *, after_us: int = 1_000) -> four.Frame:
        self.now_us += after_us
        self.device.receive(four.build(5, command, data), self.now_us)
        (answer,) = four.Reader().feed(b"".join(self.device.data_to_send()))
        assert isinstance(answer, four.Frame)
        assert (answer.packet, answer.command) == (5, command + 1)
        return answer

    def wait(self, us: int) -> None:
        self.now_us += us
        self.device.advance(self.now_us)


def point(current_ma: float, us: int) -> bytes:
    return (us << 20 | round(current_ma * 2 + 300) << 10).to_bytes(4, "big")


def train(channel: int, ma: float, *, period_ms: int = 20, ramp: int = 0) -> bytes:
    head = bytes((2 << 4 | ramp,)) + (period_ms * 2 << 1).to_bytes(2, "big")
    return bytes((1 << channel - 1,)) + head + point(ma, 250) + point(0, 100) + point(-ma, 250)


MID = ["p24", "rehamove3"]


@pytest.mark.parametrize("model", MID)
@pytest.mark.parametrize(
    ("before", "command", "data", "result", "state"),
    [
        ((), 0, b"\0", 0, 1), ((), 2, b"\x80" + point(0, 100), 7, 0), ((), 4, b"", 0, 0), ((), 30, b"\1", 0, 2),
        ((), 32, b"\0", 7, 0), ((), 36, b"\2", 7, 0), ((), 34, b"", 0, 0),
        ((0,), 0, b"\0", 0, 1), ((0,), 2, b"\x80" + point(0, 100), 0, 1), ((0,), 4, b"", 0, 0), ((0,), 30, b"\1", 7, 1),
        ((0,), 32, b"\0", 7, 1), ((0,), 34, b"", 7, 1),
        ((30,), 0, b"\0", 7, 2), ((30,), 4, b"", 7, 2), ((30,), 30, b"\1", 0, 2), ((30,), 32, b"\0", 0, 2),
        ((30,), 32, train(1, 10), 0, 3), ((30,), 36, b"\2", 0, 2), ((30,), 34, b"", 0, 0),
        ((30, 32), 0, b"\0", 7, 3), ((30, 32), 30, b"\1", 0, 2), ((30, 32), 34, b"", 0, 0), ((30, 32), 32, b"\0", 0, 2),
    ],
)  # fmt: skip
def test_the_state_table(
    model: str, before: tuple[int, ...], command: int, data: bytes, result: int, state: int
) -> None:
    bench = Bench(model)
    for earlier in before:
        bench.ask(earlier, {0: b"\0", 30: b"\1", 32: train(1, 10)}[earlier])
    assert bench.ask(command, data).data[0] == result
    assert bench.ask(62).data[1] == state


@pytest.mark.parametrize("model", MID)
def test_pulses_fall_where_they_should(model: str) -> None:
    bench = Bench(model)
    bench.ask(30, b"\1")
    bench.ask(32, train(1, 20))
    begun = bench.now_us
    bench.wait(50_000)
    assert [(p.t_us - begun, p.phase1_pc, p.phase2_pc, p.peak_ua) for p in bench.pulses] == [
        (at, 5_000_000, -5_000_000, 20_000) for at in (0, 20_000, 40_000)
    ]
    bench.ask(32, train(1, 10))
    bench.wait(20_000)
    assert bench.pulses[-1].peak_ua == 10_000
    assert bench.pulses[-1].t_us - begun == 60_000
    bench.ask(34)
    count = len(bench.pulses)
    bench.wait(100_000)
    assert len(bench.pulses) == count


@pytest.mark.parametrize("model", MID)
def test_the_keep_alive_ends_output_after_two_seconds(model: str) -> None:
    bench = Bench(model)
    bench.ask(30, b"\1")
    bench.ask(32, train(1, 20))
    fed = bench.now_us
    bench.wait(10_000_000)
    assert bench.pulses[-1].t_us - fed <= 2_000_000
    assert bench.pulses[-1].t_us - fed > 1_970_000
    assert bench.ask(62).data[1:] == bytes((2, 6))


def test_two_channels_share_one_source() -> None:
    bench = Bench("p24")
    bench.ask(30, b"\1")
    one, other = train(1, 20), train(2, 20)
    bench.ask(32, bytes((3,)) + one[1:] + other[1:])
    begun = bench.now_us
    bench.wait(30_000)
    assert [(p.channel, p.t_us - begun) for p in bench.pulses] == [(1, 0), (2, 660), (1, 20_000), (2, 20_000 + 660)]


def test_a_ramp_of_the_device_rises() -> None:
    bench = Bench("p24")
    bench.ask(30, b"\1")
    bench.ask(32, train(1, 40, ramp=3))
    bench.wait(100_000)
    assert [p.peak_ua for p in bench.pulses] == [10_000, 20_000, 30_000, 40_000, 40_000, 40_000]


@pytest.mark.parametrize(("ma", "seen"), [(20, True), (10, False)])
def test_a_p24_sees_an_open_lead_from_15_ma_up(ma: int, seen: bool) -> None:
    bench = Bench("p24")
    bench.device.set_load(1, OpenLoad())
    bench.ask(30, b"\1")
    bench.ask(32, train(1, ma))
    answer = bench.ask(36, b"\4")
    assert (answer.data[0], answer.data[2], answer.data[3]) == ((10, 0, 1) if seen else (0, 1, 0))
    assert bench.pulses == [] if seen else all(p.peak_ua <= 2 for p in bench.pulses)


def test_a_restart_forgets_everything() -> None:
    bench = Bench("p24")
    bench.ask(30, b"\1")
    bench.ask(32, train(1, 20))
    bench.device.inject(DeviceEvent("restart"), bench.now_us)
    assert bench.ask(62).data[1:] == bytes((0, 1))


def test_rehastim2_ends_by_its_own_watchdog_and_begins_anew() -> None:
    device = make_device("rehastim2")
    pulses: list[Pulse] = []
    device.on_pulse = pulses.append
    device.advance(1_100_000)
    assert len(device.data_to_send()) == 3  # Init every 500 ms from the start
    device.receive(two.build(0, 2, b"\0"), 1_200_000)
    device.receive(two.build(1, 30, bytes((0, 1, 0, 13, 0, 38, 0))), 1_210_000)
    device.receive(two.build(2, 32, bytes((0, 0, 250, 20))), 1_220_000)
    assert [frame.data[0] for frame in two.Reader().feed(b"".join(device.data_to_send()))] == [0, 0]
    device.advance(4_000_000)
    assert pulses[0].t_us == 1_220_000
    assert pulses[1].t_us == 1_240_000
    assert 1_220_000 + 1_180_000 < pulses[-1].t_us <= 1_220_000 + 1_200_000
    inits = two.Reader().feed(b"".join(device.data_to_send()))
    assert inits
    assert all(frame.command == 1 for frame in inits)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="watchdog_s"):
        make_device("rehastim2", options={"watchdog": "2"})
    with pytest.raises(ValueError, match="rehamove3"):
        make_device("rehamove4")
