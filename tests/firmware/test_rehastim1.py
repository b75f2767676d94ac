"""The simulated RehaStim 1, held against the wire document's vectors and its rules. Nothing of estim is used here."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.devices import make_device
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import OpenLoad
from firmware_sim.wire import sciencemode1 as wire

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "drivers" / "sciencemode1_vectors.json").read_text(encoding="utf-8")
)
HOST = [v for v in VECTORS if v["direction"] == "host" and not v.get("malformed")]
BAD = [v for v in VECTORS if v.get("malformed")]
MODES = ("single", "doublet", "triplet")


def raw(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"])


class Bench:
    def __init__(self, **options: str) -> None:
        self.device = make_device("rehastim1", options=options)
        self.pulses: list[Pulse] = []
        self.device.on_pulse = self.pulses.append
        self.now_us = 0

    def say(self, data: str | bytes, *, after_us: int = 0) -> str:
        self.now_us += after_us
        self.device.receive(bytes.fromhex(data) if isinstance(data, str) else data, self.now_us)
        return b"".join(self.device.data_to_send()).hex().upper()

    def wait(self, us: int) -> list[Pulse]:
        before = len(self.pulses)
        self.now_us += us
        self.device.advance(self.now_us)
        return self.pulses[before:]


def listed(channels: list[int], *, main: int = 38, group: int = 13) -> bytes:
    active = sum(1 << channel - 1 for channel in channels)
    check = (active + group + main) % 8
    return bytes(
        (0x80 | check << 2, active >> 2, (active & 3) << 5, group >> 3, (group & 7) << 4 | main >> 7, main & 127)
    )


def update(*trains: tuple[int, int, int]) -> bytes:
    check = sum(sum(train) for train in trains) % 32
    body = b"".join(bytes((mode << 5 | width >> 7, width & 127, current)) for mode, width, current in trains)
    return bytes((0xA0 | check,)) + body


@pytest.mark.parametrize("vector", HOST, ids=lambda v: v["name"])
def test_every_frame_of_a_host_is_read_as_it_was_meant(vector: dict[str, Any]) -> None:
    fields, reader = vector["fields"], wire.Reader()
    channels = tuple(fields["channels"]) if fields["command"] == "update" else ()
    reader.channels = len(channels)
    (command,) = [found for byte in b"\x11\x22" + raw(vector) if (found := reader.take(byte)) is not None]
    if fields["command"] == "init":
        read = wire.read_init(command)
        assert read is not None
        assert list(read.channels) == fields["channels"]
        assert sorted(read.low) == fields["low_frequency"]
        assert (read.factor, read.group, read.main) == (fields["n_factor"], fields["group_time"], fields["main_time"])
    elif fields["command"] == "update":
        trains = wire.read_update(command, channels)
        wanted = [(MODES.index(t["mode"]), t["width_us"], t["current_ma"]) for t in fields["trains"]]
        assert trains is not None
        assert [(t.mode, t.width_us, t.current_ma) for t in trains.values()] == wanted
    elif fields["command"] == "single-pulse":
        train = wire.Train(0, fields["width_us"], fields["current_ma"])
        assert wire.read_single(command) == (fields["channel"], train)
    else:
        assert command.kind == wire.STOP


@pytest.mark.parametrize("vector", BAD, ids=lambda v: v["name"])
def test_damaged_frames_get_the_stated_answer_and_change_nothing(vector: dict[str, Any]) -> None:
    bench = Bench()
    if "without a list" not in vector["name"]:
        bench.say(listed([1, 2] if "three channels" in vector["name"] or "half" in vector["name"] else [1]))
    wanted = vector["reaction"][:2]
    assert bench.say(raw(vector)) == wanted
    assert not bench.wait(100_000)


def test_answers_are_one_byte_each() -> None:
    bench = Bench()
    said = [
        bench.say(data) for data in (b"\xc0", listed([1]), update((0, 250, 20)), b"\xc0", bytes.fromhex("EE017A14"))
    ]
    assert said == ["81", "01", "41", "81", "C1"]


def test_a_continuous_list_goes_on_without_the_host_and_keeps_its_period() -> None:
    bench = Bench()
    bench.say(listed([1, 2, 5], main=38))  # 20 ms
    bench.say(update((0, 250, 20), (0, 200, 10), (0, 100, 30)))
    pulses = bench.wait(600_000_000)  # ten minutes without a word
    assert len(pulses) == 3 * 30_000
    first = pulses[:3]
    assert [(p.channel, p.t_us) for p in first] == [(1, 2_000), (5, 2_600), (2, 3_500)]
    assert {b.t_us - a.t_us for a, b in zip(pulses, pulses[3:], strict=False)} == {20_000}
    assert all(p.phase1_pc + p.phase2_pc == 0 and p.interphase_us == 100 for p in first)
    assert bench.say("C0") == "81"
    assert not bench.wait(1_000_000)


@pytest.mark.hazard("H53")
def test_a_one_shot_list_plays_once_for_each_update_and_no_more() -> None:
    bench = Bench()
    bench.say(listed([1], main=0))
    for _ in range(3):
        assert bench.say(update((0, 250, 20))) == "41"
        assert len(bench.wait(20_000)) == 1
    assert not bench.wait(60_000_000)


def test_doublets_and_triplets_stay_in_their_slots() -> None:
    bench = Bench()
    bench.say(listed([1, 2], main=0, group=13))  # spacing 8 ms
    bench.say(update((2, 250, 20), (1, 250, 20)))
    found = [(p.channel, p.t_us - 2_000) for p in bench.wait(60_000)]
    assert found == [(1, 0), (2, 1_500), (1, 8_000), (2, 9_500), (1, 16_000)]


def test_a_slow_channel_plays_one_period_and_skips_some() -> None:
    bench = Bench()
    bench.say(raw(HOST[0]))  # channels 1, 2, 5 at 50 ms, 5 at half the rate
    bench.say(update((0, 250, 20), (0, 250, 20), (0, 250, 20)))
    times = [p.t_us for p in bench.wait(400_000) if p.channel == 5]
    assert {b - a for a, b in itertools.pairwise(times)} == {100_000}


def test_odd_currents_are_played_below_and_too_short_a_period_is_refused() -> None:
    bench = Bench()
    bench.say(listed([1], main=0))
    bench.say(update((0, 250, 31)))
    assert [p.peak_ua for p in bench.wait(20_000)] == [30_000]
    bench.say(listed([1], main=38, group=13))
    assert bench.say(update((2, 250, 20))) == "41"  # two groups of 8 ms and a slot fit into 20 ms
    bench.say("C0")
    bench.say(listed([1], main=32, group=13))
    assert bench.say(update((2, 250, 20))) == "40"  # and not into 17 ms
    bench.say(listed([1], main=32, group=13))
    assert bench.say(update((1, 250, 20))) == "40"  # a doublet: two groups and 1.5 ms, as the document says
    assert bench.say(listed([1, 2, 3, 4], main=38, group=3)) == "00"  # 3 ms for four channels on one module


def test_the_five_printed_frames_are_taken_and_played_as_the_document_says() -> None:
    """Example 2: 16.5 ms, channels 2, 3, 6 and 8; 2 and 3 play every third pass, 3 a triplet, 6 and 8 doublets."""
    bench = Bench()
    assert bench.say("C0") == "81"
    assert bench.say("94 44 62 00 70 62") == "01"
    assert bench.say("99 29 40 61 10 1F") == "01"
    assert bench.say("BB 00 64 34 41 48 37 22 2C 48 23 10 5C") == "41"
    played = bench.wait(165_000)
    begun = min(p.t_us for p in played)
    third = sorted(p.t_us - begun for p in played if p.channel == 3)
    assert third[:6] == [1_500, 7_500, 13_500, 51_000, 57_000, 63_000]
    assert sorted(p.t_us - begun for p in played if p.channel == 8)[:4] == [2_100, 8_100, 18_600, 24_600]
    assert {(p.channel, p.pulse_width_us, p.peak_ua) for p in played} == {
        (2, 100, 52_000), (3, 200, 54_000), (6, 300, 72_000), (8, 400, 92_000),
    }  # fmt: skip
    bench.say("C0")
    assert bench.say("E2 21 48 78") == "C1"
    (single,) = bench.wait(50_000)
    assert (single.channel, single.pulse_width_us, single.peak_ua) == (3, 200, 120_000)


def test_a_lead_in_the_air_is_a_missing_pulse_and_no_word() -> None:
    bench = Bench()
    bench.device.set_load(1, OpenLoad())
    bench.say(listed([1, 2], main=38))
    assert bench.say(update((0, 250, 20), (0, 250, 20))) == "41"
    assert {p.channel for p in bench.wait(1_000_000)} == {2}
    assert bench.say("") == ""


def test_the_red_button_ends_all_until_it_is_out_and_the_switch_was_off_and_on() -> None:
    bench = Bench()
    bench.say(listed([1], main=38))
    bench.say(update((0, 250, 20)))
    assert bench.wait(100_000)
    bench.device.inject(DeviceEvent("switch", 1), bench.now_us)
    assert not bench.wait(1_000_000)
    for event in (DeviceEvent("restart"), DeviceEvent("panel", 1)):
        bench.device.inject(event, bench.now_us)
    assert bench.say("C0") == ""  # the button is still in
    bench.device.inject(DeviceEvent("switch", 0), bench.now_us)
    assert bench.say("C0") == ""
    bench.device.inject(DeviceEvent("restart"), bench.now_us)
    assert bench.say("C0") == ""  # ScienceMode has to be opened by hand
    bench.device.inject(DeviceEvent("panel", 1), bench.now_us)
    assert bench.say("C0") == "81"


def test_stop_on_the_panel_leaves_sciencemode() -> None:
    bench = Bench()
    bench.say(listed([1], main=38))
    bench.say(update((0, 250, 20)))
    bench.device.inject(DeviceEvent("panel", 0), bench.now_us)
    assert not bench.wait(1_000_000)
    assert bench.say("C0") == ""
    assert Bench(sciencemode="closed").say("C0") == ""


def test_what_no_source_decides_is_an_option() -> None:
    idle = bytearray(listed([1]))
    idle[3] |= 2 << 2
    assert Bench().say(bytes(idle)) == "01"
    assert Bench(x_in_sum="1").say(bytes(idle)) == "00"
    for options, again in (({}, "40"), ({"stop_keeps_list": "1"}, "41")):
        bench = Bench(**options)
        bench.say(listed([1]))
        bench.say("C0")
        assert bench.say(update((0, 0, 0))) == again


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_stop_behind_every_cut_of_a_command(cut: int) -> None:
    bench = Bench()
    bench.say(listed([1], main=38))
    bench.say(update((0, 250, 20)))
    assert bench.say(update((0, 250, 60))[:cut] + b"\xc0") == "81"
    assert not bench.wait(1_000_000)
