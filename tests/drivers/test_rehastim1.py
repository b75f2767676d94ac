"""The RehaStim 1's driver: its bytes against the vectors, its own clock, and what it makes of answers that do not
fit.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estim.console.present import state_of
from estim.drivers import sciencemode1 as sm
from estim.drivers.rehastim1 import RehaStim1Driver
from estim.drivers.rehastim1_pace import LEASE_US
from estim.safety.commands import SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.reports import (
    Acknowledged,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    Identified,
    Noise,
    Prepared,
    Superseded,
)
from estim.safety.units import Micros
from estim.session.arming import CONFIRMATIONS
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import DeviceEvent, Pulse
from tests.contract.stops import PERIOD_US, Pair
from tests.session.desk import Desk

from .wire_bench import admit, output, pulse

VECTORS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("sciencemode1_vectors.json").read_text(encoding="utf-8")
)
MODES = ("single", "doublet", "triplet")


def pair(**options: str) -> Pair:
    return Pair("rehastim1", options=options)


def test_updates_and_one_shot_lists_are_the_documents_own_bytes() -> None:
    seen = 0
    for vector in VECTORS:
        fields, raw = vector.get("fields", {}), bytes.fromhex(vector["hex"])
        if vector.get("malformed"):
            continue
        if fields.get("command") == "init" and fields.get("main_time") == 0:
            wanted = sm.ChannelList(tuple(fields["channels"]), round(fields["t2_ms"] * 1_000))
            assert sm.encode_init(wanted) == raw
            assert sm.decode_init(raw) == wanted
            seen += 1
        if fields.get("command") == "update" and "trains" in fields:
            trains = [(MODES.index(t["mode"]), t["width_us"], t["current_ma"]) for t in fields["trains"]]
            decoded = sm.decode_update(raw, fields["channels"])
            assert decoded is not None
            assert list(decoded.values()) == trains
            seen += 1
    assert seen >= 12
    one = SetOutput(channels=output(pulse(1, 20)).channels)
    assert sm.encode_update(one, sm.list_of((1,))) == bytes.fromhex("AE017A14")


@pytest.mark.hazard("H55")
def test_each_wrong_bit_of_an_update_is_seen_or_belongs_to_what_the_check_can_not_see() -> None:
    """The weights 32, 64, 128 and 256 vanish: that is why cable and cap count on this device (SAFETY.md)."""
    raw = sm.encode_update(output(pulse(1, 20)), sm.list_of((1,)))
    unseen = []
    for bit in range(8 * len(raw)):
        wrong = bytearray(raw)
        wrong[bit // 8] ^= 1 << bit % 8
        if sm.decode_update(bytes(wrong), (1,)) is not None:
            unseen.append((bit // 8, bit % 8))
    assert (3, 5) in unseen  # 20 mA → 52 mA
    assert all(place in {(1, 0), (1, 1), (2, 5), (2, 6), (3, 5), (3, 6), (1, 2), (1, 3), (1, 4)} for place in unseen)


@pytest.mark.hazard("H55")
def test_while_nothing_flows_only_commands_of_one_byte_are_written() -> None:
    made, pieces = pair(), list[bytes]()
    made.to_device = lambda data: pieces.append(data) or data  # type: ignore[func-returns-value]
    made.connect()
    made.wait(Identified)
    made.poll_us = 250_000
    made.prepare(1, 2, period_us=PERIOD_US)
    made.wait(Prepared)
    made.run(2_000_000)
    assert set(pieces) == {sm.STOP}, "armed"
    made.go()
    made.run(500_000)
    assert any(len(piece) > 1 for piece in pieces)
    seq = made.submit(output(pulse(1, 0, period_us=PERIOD_US)))
    while made.last(Acknowledged).seq != seq:
        made.run(1_000)
    pieces.clear()
    made.run(2_000_000)
    assert set(pieces) == {sm.STOP}, "a rest"
    made.off()
    made.run(1_000_000)
    assert set(pieces) <= {sm.STOP, sm.ASK}


@pytest.mark.hazard("H55")
@pytest.mark.parametrize("listed", [False, True], ids=["without a list", "with one"])
@pytest.mark.parametrize("written", [sm.STOP, sm.ASK], ids=["stop", "question"])
def test_no_wrong_bits_of_a_command_of_one_byte_make_a_pulse(written: bytes, *, listed: bool) -> None:
    for wrong in range(256):
        for then in (sm.STOP, sm.ASK + sm.STOP):
            simulated, pulses = make_device("rehastim1", seed=1), list[Pulse]()
            simulated.on_pulse = pulses.append
            if listed:
                simulated.receive(sm.encode_init(sm.list_of((1,))), 0)
            simulated.receive(bytes((written[0] ^ wrong,)) + then, 10_000)
            simulated.advance(3_000_000)
            assert not pulses, f"{written[0] ^ wrong:02X} {then.hex()}"


@pytest.mark.hazard("H55")
def test_a_pulse_that_nobody_asked_for_is_said_where_the_device_answers_it() -> None:
    """Three wrong bits of a channel list are a single pulse, 4 mA, 32 µs. Its answer can't be to anything else."""
    made = pair()
    made.connect()
    made.wait(Identified)
    made.to_device = lambda data: bytes.fromhex("E40020040000") if len(data) == 6 else data
    made.prepare(1, period_us=PERIOD_US)
    made.wait(Prepared)
    made.reacts = True
    made.submit(output(pulse(1, 2, period_us=PERIOD_US)))
    made.run(500_000)
    assert {(p.peak_ua, p.pulse_width_us) for p in made.pulses} <= {(4_000, 32)}, "or the stop came before it"
    assert "wrong bits on the cable" in made.last(Noise).text
    assert made.last(Noise).pulses_most == 1
    assert made.last(Noise).charge_most_pc >= max(
        pulse.phase1_pc for pulse in made.pulses or [Pulse(0, 1, 0, 0, 0, 0, 0)]
    )
    assert "any height" in made.last(DeviceLost).reason
    assert made.confirmed_us() is not None


def test_an_update_a_period_and_never_earlier() -> None:
    made = pair().on(20)
    begins = [p.t_us for p in made.pulses]
    assert len(begins) >= 49
    assert {b - a for a, b in itertools.pairwise(begins)} == {PERIOD_US}


@pytest.mark.parametrize("then_ma", [20, 22, 18, 0])
def test_a_doublet_that_waits_for_its_list_is_played_once_but_no_fall_waits_for_it(then_ma: int) -> None:
    """Making the list may take over half a period: then single pulses are asked for before the first went out."""
    made = pair()
    made.connect()
    made.wait(Identified)
    made.poll_us = 250_000
    made.prepare(1, period_us=50_000)
    made.wait(Prepared)
    single = pulse(1, then_ma, period_us=50_000)
    doublet = replace(pulse(1, 20, period_us=50_000), burst_pulses=2, burst_interval_us=Micros(8_000))
    first = made.submit(output(doublet))
    made.submit(output(single))
    made.run(500_000)
    gaps = [b.t_us - a.t_us for a, b in itertools.pairwise(made.pulses)]
    assert gaps.count(8_000) == (1 if then_ma >= 20 else 0)
    assert set(gaps[2:]) <= {50_000}
    assert [p.peak_ua for p in made.pulses[2:]] == [then_ma * 1_000] * len(made.pulses[2:])
    assert any(isinstance(said, Superseded) and said.seq == first for _, said in made.reports) == (then_ma < 20)


def test_no_pulse_comes_right_after_one_whose_update_the_line_held_up() -> None:
    """The worlds' seed 3001029: an update 80 ms on its way, and the next 3 ms after its pulse."""
    made = pair().on(20)
    before_n = len(made.pulses)
    made.delay_us = 40_000
    made.run(500_000)
    made.delay_us = 500
    made.run(500_000)
    gaps = [b.t_us - a.t_us for a, b in itertools.pairwise(made.pulses[before_n:])]
    assert len(gaps) > 25
    assert min(gaps) >= PERIOD_US - 2_500


@pytest.mark.hazard("H53")
def test_a_session_that_asks_for_nothing_gets_no_pulse() -> None:
    made = pair().on(20)
    made.poll_us, made.reacts = None, False
    began_us = made.now_us
    made.run(5_000_000)
    assert max(p.t_us for p in made.pulses) <= began_us + LEASE_US + 250_000 + PERIOD_US
    assert made.of(DeviceLost)


def test_a_host_that_was_late_makes_a_longer_period_and_too_late_is_the_end() -> None:
    made = pair().on(20)
    driver = made.driver
    assert isinstance(driver, RehaStim1Driver)
    made.now_us += 60_000  # the loop stood still
    made.run(100_000)
    begins = [p.t_us for p in made.pulses]
    gaps = {b - a for a, b in itertools.pairwise(begins)}
    assert min(gaps) == PERIOD_US
    assert max(gaps) > 50_000
    made.off()
    made.run(50_000)
    assert "later than 2 ms" in made.last(Noise).text
    made.go()
    made.run(200_000)
    made.forget()
    made.now_us += 400_000
    made.run(50_000)
    assert "late" in made.last(DeviceLost).reason


@pytest.mark.parametrize("answer", [b"", b"\x01", b"\xc1"])
def test_no_answer_or_one_of_the_wrong_kind_ends_output(answer: bytes) -> None:
    made = pair().on(20)
    made.to_host = lambda data: answer if data == b"\x41" else data
    began_us = made.now_us
    made.run(400_000)
    assert max(p.t_us for p in made.pulses) <= began_us + 100_000 + 3 * PERIOD_US
    assert made.of(DeviceLost)
    assert made.confirmed_us() is not None


def test_a_refused_update_is_a_fault_with_its_number() -> None:
    made = pair().on(20)
    made.reacts = False
    made.simulated.inject(DeviceEvent("refuse", 1), made.now_us)
    made.run(30_000)
    assert "error" in made.last(DeviceFault).text


@pytest.mark.hazard("H54")
def test_answers_to_earlier_stops_acknowledge_no_later_one() -> None:
    made = pair().on(20)
    made.delay_us = 75_000
    made.off()
    made.run(3_000_000)
    assert made.confirmed_us() is not None
    made.delay_us = 500
    made.go()
    made.run(100_000)
    made.forget()
    made.to_host = lambda _data: b""
    made.off()
    made.run(200_000)
    assert made.confirmed_us() is None  # nothing was heard since: what came before does not count


def test_a_device_that_keeps_its_list_over_a_stop_is_stopped_again_and_left() -> None:
    made = pair(stop_keeps_list="1").on(20)
    made.off()
    made.run(200_000)
    assert made.confirmed_us() is not None
    count = len(made.pulses)
    made.run(1_000_000)
    assert len(made.pulses) == count


def test_nobody_there_says_what_to_do() -> None:
    made = pair(sciencemode="closed")
    made.connect()
    lost = made.wait(DeviceLost)
    for word in ("switched on", "ScienceMode", "panel", "cable"):
        assert word in lost.reason
    assert not made.of(Identified)
    made.simulated.inject(DeviceEvent("panel", 1), made.now_us)
    made.connect()
    assert made.wait(Identified).device_id == ""


@pytest.mark.parametrize(
    "wrong",
    [output(pulse(1, 21)), output(pulse(1, 128)), output(pulse(9, 20)), output(pulse(1, 20, width_us=10)),
     output(pulse(1, 20, period_us=20_100)), output(pulse(2, 20), pulse(1, 20))],
)  # fmt: skip
def test_what_the_wire_can_not_say_exactly_trips(wrong: SetOutput) -> None:
    made = pair().on(20)
    with pytest.raises(InterlockTripped):
        made.driver.submit(admit(wrong, made.now_us), made.now_us)


def test_zero_is_no_list_that_could_play_and_rest_is_asked() -> None:
    made = pair().on(20)
    seq = made.submit(output(pulse(1, 0, period_us=PERIOD_US)))
    assert made.wait(Acknowledged).seq == seq
    count = len(made.pulses)
    made.run(2_000_000)
    assert len(made.pulses) - count <= 1
    said = made.last(DeviceStatus)
    assert (said.output_on, said.level_open) == (False, True)
    assert said.lists is not None
    assert said.lists.least == said.lists.most
    assert 0 <= said.lists.least - len(made.pulses) <= 1  # a stop may come before the last one's pulse


@pytest.mark.hazard("H54")
@pytest.mark.hazard("H56")
def test_a_session_on_it_asks_for_the_red_button_and_says_acknowledged() -> None:
    profile = RehaStim1Driver().profile
    desk = Desk(profile=profile)
    desk.step(Identified(model="rehastim1", device_id="", firmware="ScienceMode 1"))
    desk.let_pass(0.1)
    shown = desk.look()
    assert (shown.off_word, shown.watchdog_us) == ("OFF (acknowledged)", 0)
    assert "output off (acknowledged)" in state_of(shown, None).detail
    assert shown.make_safe.startswith("press the red emergency button")
    assert "USB cable alone changes nothing" in shown.make_safe
    assert "its own timer" not in shown.make_safe
    desk.sign_in()
    desk.configure("titration")
    assert "red-button" in desk.look().wants
    assert "red button" in CONFIRMATIONS["red-button"]
