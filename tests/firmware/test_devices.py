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
from firmware_sim.devices.load_port import OpenLoad, ResistiveLoad

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
    device.advance(10_000)  # low level says so when the pulse has been played
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
        if command == 2:
            self.wait(100_000)
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


@pytest.mark.hazard("H08")
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


@pytest.mark.hazard("H01")
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


@pytest.mark.hazard("H20")
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


def config(channel: int, *points: tuple[float, int]) -> bytes:
    number = channel - 1
    head = bytes((0x80 | (number % 4) << 5 | number // 4 << 4 | len(points) - 1,))
    return head + b"".join(point(ma, us) for ma, us in points)


BALANCED = ((20.0, 250), (0.0, 100), (-20.0, 250))


def test_low_level_says_so_when_the_pulse_has_been_played() -> None:
    bench = Bench("p24")
    bench.ask(0, b"\0")
    begun = bench.now_us
    for channel in (1, 8):
        bench.device.receive(four.build(channel, 2, config(channel, *BALANCED)), begun)
    bench.wait(599)
    assert bench.device.data_to_send() == []
    bench.wait(1)
    (first,) = four.Reader().feed(b"".join(bench.device.data_to_send()))
    bench.wait(10_000)
    (second,) = four.Reader().feed(b"".join(bench.device.data_to_send()))
    assert isinstance(first, four.Frame)
    assert isinstance(second, four.Frame)
    assert (first.packet, first.data.hex(), second.packet, second.data.hex()) == (1, "000000", 8, "001300")
    assert [(p.channel, p.t_us - begun) for p in bench.pulses] == [(1, 0), (8, 660)]


def test_low_level_reads_on_when_its_queue_has_room() -> None:
    bench = Bench("rehamove3")
    bench.ask(0, b"\0")
    stream = b"".join(four.build(number, 2, config(1, *BALANCED)) for number in range(40)) + four.build(50, 4, b"")
    bench.device.receive(stream, bench.now_us)
    answers: list[four.Frame | four.Unreadable] = []
    while (due := bench.device.next_deadline_us()) is not None:
        bench.wait(max(0, due - bench.now_us))
        answers += four.Reader().feed(b"".join(bench.device.data_to_send()))
    frames = [frame for frame in answers if isinstance(frame, four.Frame)]
    played = [frame for frame in frames if frame.command == 3 and frame.data[0] == 0]
    assert [frame.packet for frame in played] == list(range(len(played)))
    assert len(bench.pulses) in {len(played), len(played) + 1}, "one may be on its way when the stop is read"
    assert len(played) >= 30
    assert (frames[-1].packet, frames[-1].command) == (50, 5)
    assert {frame.packet for frame in frames} == {*range(40), 50}, "every command is answered"
    assert bench.ask(62).data == b"\0\0\1"


@pytest.mark.parametrize(("kind", "first", "last"), [(1, 2_000, 2_000), (2, 2_000, 2_000), (3, 15_000, 15_000)])
def test_low_level_measures_what_it_was_asked_to(kind: int, first: int, last: int) -> None:
    bench = Bench("p24")
    bench.ask(0, bytes((kind << 4,)))
    data = bench.ask(2, config(2, *BALANCED)).data
    samples = [int.from_bytes(data[5 + 2 * i : 7 + 2 * i], "big") for i in range(128)]
    assert (len(data), data[1], data[2], int.from_bytes(data[3:5], "big")) == (261, 1, kind, 5)
    assert (samples[0], samples[119]) == (first, last)  # 20 mA, or 20 V at 1 kOhm, in hundredths
    assert samples[60] == (15_000 if kind == 3 else 0)


@pytest.mark.parametrize("model", MID)
def test_points_that_are_missing_are_refused(model: str) -> None:
    bench = Bench(model)
    bench.ask(0, b"\0")
    assert bench.ask(2, config(1, *BALANCED)[:-4]).data[0] == 2
    bench.ask(4)
    bench.ask(30, b"\1")
    assert bench.ask(32, train(1, 20)[:-1]).data[0] == 2
    assert bench.pulses == []


@pytest.mark.parametrize(("model", "overhead_us"), [("p24", 60), ("rehamove3", 330)])
def test_the_load_rule_from_both_sides(model: str, overhead_us: int) -> None:
    def update(busy_us: int) -> bytes:
        points = [4_000] * (busy_us // 4_000) + [busy_us % 4_000]
        head = bytes((1, (len(points) - 1) << 4)) + (20 * 2 << 1).to_bytes(2, "big")
        return head + b"".join(point(0, us) for us in points)

    bench = Bench(model)
    bench.ask(30, b"\1")
    assert bench.ask(32, update(19_980 - overhead_us)).data[0] == 0  # 999 thousandths of 20 ms
    assert bench.ask(32, update(19_981 - overhead_us)).data[0] == 2


def test_a_ramp_keeps_the_charge_balanced() -> None:
    bench = Bench("p24")
    bench.ask(30, b"\1")
    bench.ask(32, train(1, 20.5, ramp=6))
    bench.wait(300_000)
    assert len(bench.pulses) > 7
    assert all(pulse.phase1_pc + pulse.phase2_pc == 0 for pulse in bench.pulses)


@pytest.mark.parametrize("model", MID)
def test_pads_that_touch_are_an_electrode_error(model: str) -> None:
    bench = Bench(model)
    bench.device.set_load(1, ResistiveLoad(20))
    bench.ask(30, b"\1")
    bench.ask(32, train(1, 20))
    assert bench.pulses == []
    bench.ask(34)
    bench.ask(0, b"\0")
    assert bench.ask(2, config(1, *BALANCED)).data[0] == 10


@pytest.mark.parametrize("stop_all", [False, True])
def test_one_bad_channel_ends_itself_or_all(stop_all: bool) -> None:
    bench = Bench("p24")
    bench.device.set_load(1, OpenLoad())
    bench.ask(30, bytes((stop_all,)))
    bench.ask(32, bytes((3,)) + train(1, 20)[1:] + train(2, 20)[1:])
    bench.wait(100_000)
    data = bench.ask(36, b"\4").data
    assert (data[0], data[2], data[3]) == ((10, 0, 1) if stop_all else (0, 2, 1))
    assert {pulse.channel for pulse in bench.pulses} == (set() if stop_all else {2})


class Connected:
    """A RehaStim2 that is connected, with one list."""

    def __init__(self, *, channels: int = 1, main: int = 38, low: int = 0, factor: int = 0) -> None:
        self.device = make_device("rehastim2")
        self.pulses: list[Pulse] = []
        self.device.on_pulse = self.pulses.append
        self.now_us = 0
        self.device.receive(two.build(0, 2, b"\0"), 0)
        self.ask(30, bytes((factor, channels, low, 13, main >> 8, main & 0xFF, 0)))

    def ask(self, command: int, data: bytes = b"") -> list[tuple[int, bytes]]:
        self.now_us += 1_000
        self.device.receive(two.build(7, command, data), self.now_us)
        return [(frame.command, frame.data) for frame in two.Reader().feed(b"".join(self.device.data_to_send()))]

    def wait(self, us: int) -> None:
        self.now_us += us
        self.device.advance(self.now_us)


def test_rehastim2_plays_its_list_in_slots_and_groups() -> None:
    bench = Connected(channels=0b101, main=98)  # 50 ms
    bench.ask(32, bytes((0, 0, 200, 20)) + bytes((2, 0, 200, 20)))
    begun = bench.now_us
    bench.wait(60_000)
    t2 = 8_000
    expected = [(1, 0), (3, 1_500), (3, t2 + 1_500), (3, 2 * t2 + 1_500), (1, 50_000), (3, 51_500)]
    assert [(p.channel, p.t_us - begun) for p in bench.pulses][:6] == expected
    assert all(p.phase1_pc == 4_000_000 == -p.phase2_pc for p in bench.pulses)


def test_rehastim2_bends_the_period_only_while_it_must() -> None:
    bench = Connected(main=38)  # 20 ms
    bench.ask(32, bytes((2, 0, 200, 20)))  # three pulses of 8 ms need 24
    bench.wait(500)
    bench.ask(32, bytes((0, 0, 200, 20)))
    begun = bench.pulses[0].t_us
    bench.wait(80_000)
    assert [p.t_us - begun for p in bench.pulses] == [0, 8_000, 16_000, 24_000, 44_000, 64_000]


def test_rehastim2_skips_periods_on_low_frequency_channels() -> None:
    bench = Connected(main=38, low=1, factor=2)
    bench.ask(32, bytes((0, 0, 200, 20)))
    bench.wait(130_000)
    assert [p.t_us - bench.pulses[0].t_us for p in bench.pulses] == [0, 60_000, 120_000]


def test_rehastim2_with_its_emergency_switch_pressed_plays_nothing() -> None:
    bench = Connected()
    bench.ask(32, bytes((0, 0, 200, 20)))
    bench.wait(50_000)
    count = len(bench.pulses)
    bench.device.inject(DeviceEvent("switch", 1), bench.now_us)
    assert bench.ask(10) == [(38, b"\xff"), (11, b"\0\0")]
    assert bench.ask(36, bytes((0, 0, 200, 20))) == [(37, b"\0"), (38, b"\xff")]
    bench.ask(30, bytes((0, 1, 0, 13, 0, 38, 0)))
    assert bench.ask(32, bytes((0, 0, 200, 20))) == [(33, b"\0"), (38, b"\xff")]
    bench.wait(100_000)
    assert len(bench.pulses) == count
    bench.device.inject(DeviceEvent("switch", 0), bench.now_us)
    assert bench.ask(36, bytes((0, 0, 200, 20))) == [(37, b"\0")]
    assert len(bench.pulses) == count + 1


@pytest.mark.parametrize(("mode", "results"), [(0, (0, 0xFD, 0, 0)), (1, (0xFD, 0, 0, 0xFD)), (2, (0xFD, 0, 0, 0xFD))])
def test_the_state_table_of_rehastim2(mode: int, results: tuple[int, ...]) -> None:
    begin, list_, single = bytes((0, 0, 200, 20)), bytes((0, 1, 0, 13, 0, 38, 0)), bytes((0, 0, 200, 20))
    for command, data, result in zip((30, 32, 34, 36), (list_, begin, b"", single), results, strict=True):
        bench = Connected()
        if mode != 1:
            bench.ask(*((34, b"") if mode == 0 else (32, begin)))
        assert bench.ask(10)[0] == (11, bytes((0, mode)))
        assert bench.ask(command, data)[0] == (command + 1, bytes((result,)))


def test_following_the_deadlines_alone_plays_every_pulse() -> None:
    bench = Bench("p24")
    bench.ask(30, b"\1")
    bench.ask(32, bytes((7,)) + train(1, 20)[1:] + train(2, 20)[1:] + train(3, 20, period_ms=7)[1:])
    begun, steps = bench.now_us, 0
    while (due := bench.device.next_deadline_us()) is not None:
        assert due > bench.now_us, "a deadline that has passed would keep a loop from ever going on"
        bench.now_us = due
        bench.device.advance(due)
        steps += 1
    counts = [sum(pulse.channel == channel for pulse in bench.pulses) for channel in (1, 2, 3)]
    assert counts == [101, 100, 286], "the last of channel 2 would come after the keep-alive's end"
    assert bench.now_us == begun + 2_000_001
    assert steps <= len(bench.pulses) + 1


def test_rehastim2_deadlines_always_lie_ahead() -> None:
    bench = Connected(channels=0b11, main=0)  # one shot, then the watchdog, then Init
    bench.ask(32, bytes((2, 0, 200, 20)) + bytes((0, 0, 200, 20)))
    for _ in range(20):
        due = bench.device.next_deadline_us()
        assert due is not None
        assert due > bench.now_us
        bench.now_us = due
        bench.device.advance(due)
    assert len(bench.pulses) == 4
    assert bench.now_us >= 1_200_000 + 500_000
