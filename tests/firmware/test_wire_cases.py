"""What real clients and cables do to a simulated stimulator, byte by byte. Nothing of estim is used here."""

from __future__ import annotations

import random
from typing import Any

import pytest

import firmware_sim.wire.sciencemode2 as two
import firmware_sim.wire.sciencemode34 as four
from firmware_sim.devices import MODELS, make_device
from tests.counted import Work

from .test_devices import MID, Bench, point, train

NOISE = [bytes.fromhex(run) for run in ("81F0", "F0", "81", "11", "F081", "F01181", "0FF0", "F0110F", "810F")]
FAMILIES = {"34": (four, four.build(7, 34, b"")), "2": (two, two.build(7, 34, b""))}


# -- 1. what a RehaMove3 answers -------------------------------------------------------------------------------------


def test_a_rehamove3_tells_both_versions_and_its_main_status_in_every_state() -> None:
    bench = Bench("rehamove3")
    bench.device.receive(bytes.fromhex("F0815581598" + "1E781E70C3C0F"), 0)
    (answer,) = four.Reader().feed(b"".join(bench.device.data_to_send()))
    assert isinstance(answer, four.Frame)
    assert (answer.packet, answer.command, answer.data) == (3, 61, bytes((0, 2, 1, 0, 3, 2, 4)))
    for command, data in ((0, b"\0"), (4, b""), (30, b"\0"), (32, train(1, 20)), (34, b"")):
        assert bench.ask(command, data).data[0] == 0
        assert bench.ask(60).data == bytes((0, 2, 1, 0, 3, 2, 4))
        assert bench.ask(64).data == b"\0\0"


@pytest.mark.parametrize("model", MID)
@pytest.mark.parametrize("number", [68, 77, 200])
def test_numbers_that_no_source_lists_are_unknown(model: str, number: int) -> None:
    if (model, number) == ("p24", 68):
        return  # the P24's own version
    device = make_device(model)
    device.receive(four.build(4, number, b""), 0)
    (answer,) = four.Reader().feed(b"".join(device.data_to_send()))
    assert isinstance(answer, four.Frame)
    assert (answer.packet, answer.command, answer.data) == (4, 67, b"\x0b")


def test_every_option_has_an_effect_or_is_refused() -> None:
    plain, told = Bench("p24"), Bench("p24", answer_unlisted="1")
    for number, size in ((50, 7), (54, 4), (60, 7), (64, 2)):
        assert len(told.ask(number).data) == size
        plain.device.receive(four.build(1, number, b""), 0)
        (answer,) = four.Reader().feed(b"".join(plain.device.data_to_send()))
        assert isinstance(answer, four.Frame)
        assert answer.command == 67
    assert make_device("rehamove3", options={"device_id": "RM3"}).model == "rehamove3"
    for model, options in (
        ("rehamove3", {"answer_unlisted": "1"}),  # it answers them all
        ("rehastim2", {"answer_unlisted": "1"}),
        ("rehastim2", {"device_id": "x"}),  # its wire has no id
        ("p24", {"watchdog_s": "2"}),
        *((model, {"receive_buffer": "ours"}) for model in MODELS),
        *(("p24", {"answer_unlisted": value}) for value in ("yes", "", "2")),
        *(("p24", {"device_id": value}) for value in ("", "twelve chars", "ä", "a\n")),
        *(("rehastim2", {"watchdog_s": value}) for value in ("-1", "0", "nan", "inf", "1_0", "zwei", "")),
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            make_device(model, options=options)


# -- 3 to 5. runs of bytes, and the stop behind them -----------------------------------------------------------------


def fed(wire: Any, data: bytes, size: int, *, restarts: bool = True) -> list[Any]:
    reader = wire.Reader(restarts=restarts)
    return [frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])]


@pytest.mark.parametrize("restarts", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("noise", NOISE, ids=bytes.hex)
def test_the_work_of_a_reader_grows_no_faster_than_the_bytes(noise: bytes, family: str, *, restarts: bool) -> None:
    wire, _ = FAMILIES[family]

    def looked_at(size: int, piece: int) -> int:
        stream, reader, work = noise * (size // len(noise)), wire.Reader(restarts=restarts), Work()
        reader._inner = work.pattern(reader._inner)
        reader._open = work.opening(reader._open)
        for at in range(0, size, piece):
            work.looked_at += len(reader._pending) + min(piece, size)
            reader.feed(stream[at : at + piece])
        return work.looked_at

    for piece in (1, 64, 1 << 20):
        assert looked_at(16_384, piece) <= 6 * looked_at(4_096, piece)


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("noise", NOISE, ids=bytes.hex)
def test_a_good_frame_behind_any_run_is_found(noise: bytes, family: str, size: int) -> None:
    wire, stop = FAMILIES[family]
    for length in (1, 2, 255, 256, 600, 1_199, 1_200, 1_201, 5_000):
        frames = fed(wire, (noise * length)[:length] + b"\x0f\x0f" + stop, size)
        assert [(frame.packet, frame.command) for frame in frames if isinstance(frame, wire.Frame) and frame.intact][
            -1:
        ] == [(7, 34)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stop_behind_a_run_without_an_end_is_kept_at_every_length_and_split(family: str) -> None:
    wire, stop = FAMILIES[family]
    lengths = range(wire.MAX_FRAME - 30, wire.MAX_FRAME + 30)
    for length in (*lengths, 2 * wire.MAX_FRAME, 3 * wire.MAX_FRAME + 7):
        for cut in range(len(stop) + 1):
            reader = wire.Reader()
            frames = reader.feed(b"\xf0" + b"\x11" * length + stop[:cut])
            frames += reader.feed(stop[cut:])
            assert [(frame.command, frame.intact) for frame in frames] == [(34, True)], (length, cut)


def test_output_ends_by_the_stop_behind_a_run() -> None:
    for model, count in (("p24", 1_195), ("rehamove3", 1_195)):
        bench = Bench(model)
        assert bench.ask(30, b"\0").data == b"\0"
        assert bench.ask(32, train(1, 20)).data == b"\0"
        stop = four.build(6, 34, b"")
        bench.device.receive(b"\xf0" + b"\x11" * count + stop[:5], bench.now_us + 1)
        bench.device.receive(stop[5:], bench.now_us + 2)
        pulses = len(bench.pulses)
        bench.wait(1_000_000)
        assert len(bench.pulses) == pulses


def test_the_makers_receive_buffer_loses_what_begins_within_a_frame() -> None:
    """The two kinds of receiver differ where they should: this is what a stop must get past."""
    for wire, stop in FAMILIES.values():
        cut = stop[:5]
        assert [f.command for f in wire.Reader(restarts=True).feed(cut + stop) if isinstance(f, wire.Frame)] == [34]
        maker = wire.Reader(restarts=False)
        assert not [f for f in maker.feed(cut + stop) if isinstance(f, wire.Frame) and f.intact]
        assert [f.command for f in maker.feed(stop) if isinstance(f, wire.Frame) and f.intact] == [34]
        endless = wire.Reader(restarts=False)
        assert not endless.feed(b"\xf0" + b"\x11" * wire.MAX_FRAME)
        assert [f.command for f in endless.feed(stop) if isinstance(f, wire.Frame)] == [34]


@pytest.mark.parametrize("restarts", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_frames_come_however_the_bytes_are_split(family: str, *, restarts: bool) -> None:
    wire, stop = FAMILIES[family]
    chance = random.Random(4)
    for _ in range(150):
        parts = [
            chance.choice((chance.randbytes(chance.randrange(30)), chance.choice(NOISE) * chance.randrange(700), stop))
            for _ in range(8)
        ]
        stream = b"".join(parts)
        whole = fed(wire, stream, 1 << 20, restarts=restarts)
        assert fed(wire, stream, chance.choice((1, 3, 100)), restarts=restarts) == whole


# -- 6. points that a P24 refuses ------------------------------------------------------------------------------------


def test_a_point_that_goes_to_the_next_in_an_unknown_way_is_refused_and_nothing_changes() -> None:
    for mode in range(4):
        bench = Bench("p24")
        assert bench.ask(30, b"\0").data == b"\0"
        assert bench.ask(32, train(1, 10)).data == b"\0"
        stepped = bytearray(train(1, 20))
        stepped[-1] |= mode << 5
        answer = bench.ask(32, bytes(stepped))
        assert answer.data == (b"\0" if mode <= 1 else b"\x02")
        bench.pulses.clear()
        bench.wait(100_000)
        assert {pulse.peak_ua for pulse in bench.pulses} == {20_000 if mode <= 1 else 10_000}
    bench = Bench("rehamove3")  # its library has no such check
    bench.ask(30, b"\0")
    head = bytes((1, 2 << 4)) + (40 << 1).to_bytes(2, "big")
    odd = point(20, 250)[:-1] + b"\x40"
    assert bench.ask(32, head + odd + point(0, 100) + point(-20, 250)).data == b"\0"
