"""The contract suite: every driver on the simulated device of its model. They share no code, only the wire document."""

from __future__ import annotations

import copy

import pytest

from estim.drivers.base import BaseDriver
from estim.drivers.models import MODELS
from estim.safety.reports import (
    Acknowledged,
    ChannelFault,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    Identified,
    Noise,
    Prepared,
)
from firmware_sim.devices.interface import Pulse
from tests.drivers.wire_bench import WireBench, output, pulse

from .stops import CAUSES, PAIRS, PERIOD_US, Pair, causes_of, play

WATCHDOG_SLACK_US = 30_000
STOP_US = 25_000  # one period and the way there
SEEN_US = 320_000  # a poll every 250 ms, a period, the ways
TRY_US = 1_000_000
LOST_US = 600_000  # a poll, 250 ms without an answer, the stop


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)


def test_run_raise_and_stop_pulse_for_pulse(pair: Pair) -> None:
    """What leaves the output stage is what was asked: amplitude, width, gap, period, and exactly no net charge."""
    pair.on(20)
    pair.submit(output(pulse(1, 24, period_us=PERIOD_US)))
    pair.wait(Acknowledged)
    raised_us = pair.now_us
    pair.run(500_000)
    pair.off()
    pair.run(100_000)
    assert {p.peak_ua for p in pair.pulses} == {20_000, 24_000}
    assert all(p.peak_ua == 24_000 for p in pair.pulses if p.t_us > raised_us + PERIOD_US)
    assert all((p.pulse_width_us, p.interphase_us, p.phase1_pc + p.phase2_pc) == (250, 100, 0) for p in pair.pulses)
    gaps = {later.t_us - earlier.t_us for earlier, later in zip(pair.pulses, pair.pulses[1:], strict=False)}
    assert gaps == {PERIOD_US}
    assert pair.confirmed_us() is not None
    assert not [r for _, r in pair.reports if isinstance(r, Noise | DeviceFault | ChannelFault | DeviceLost)]


def test_two_channels_and_one_that_falls_out(pair: Pair) -> None:
    pair.on(20)
    pair.submit(output(pulse(1, 20, period_us=PERIOD_US), pulse(2, 10, period_us=PERIOD_US)))
    pair.wait(Acknowledged)
    pair.run(200_000)
    assert {p.channel for p in pair.pulses} == {1, 2}
    pair.submit(output(pulse(2, 10, period_us=PERIOD_US)))
    pair.wait(Acknowledged)
    changed_us = pair.now_us
    pair.run(200_000)
    assert {p.channel for p in pair.pulses if p.t_us > changed_us + PERIOD_US} == {2}


def test_pause_and_resume_begin_at_nothing(pair: Pair) -> None:
    pair.on(20)
    pair.off()
    pair.run(100_000)
    assert pair.confirmed_us() is not None
    count = len(pair.pulses)
    pair.run(1_000_000)
    assert len(pair.pulses) == count
    pair.prepare(1, 2, period_us=PERIOD_US)
    pair.wait(Prepared)
    pair.run(500_000)
    assert len(pair.pulses) == count  # prepared is not output
    assert not pair.last(DeviceStatus).output_on
    pair.submit(output(pulse(1, 2, period_us=PERIOD_US)))
    pair.wait(Acknowledged)
    pair.run(100_000)
    assert {p.peak_ua for p in pair.pulses[count:]} == {2_000}


def test_rest_between_contractions_is_no_output_in_the_status(pair: Pair) -> None:
    pair.on(20)
    for _ in range(3):
        pair.submit(output(pulse(1, 0, period_us=PERIOD_US)))
        pair.wait(Acknowledged)
        count = len(pair.pulses)
        pair.run(2_000_000)
        assert len(pair.pulses) - count <= 1
        assert not pair.last(DeviceStatus).output_on
        assert pair.last(DeviceStatus).level_open
        pair.submit(output(pulse(1, 20, period_us=PERIOD_US)))
        pair.wait(Acknowledged)
        pair.run(2_000_000)
        assert pair.last(DeviceStatus).output_on
        assert len(pair.pulses) - count > 90


@pytest.mark.hazard("H19")
def test_connect_stops_what_another_program_left_running(pair: Pair) -> None:
    pair.on(20)
    other = WireBench(MODELS[pair.driver.profile.model].make(), pair.simulated)
    other.now_us = began_us = pair.now_us
    other.connect()
    other.wait(Identified)
    other.run(100_000)
    assert max(p.t_us for p in pair.pulses) - began_us <= STOP_US
    assert not other.of(DeviceLost)


def test_idle_for_a_minute(pair: Pair) -> None:
    pair.connect()
    pair.wait(Identified)
    pair.poll_us = 5_000_000
    pair.forget()
    pair.run(60_000_000)
    assert not pair.of(DeviceLost)
    assert len(pair.of(DeviceStatus)) >= 10
    assert not pair.pulses


@pytest.mark.hazard("H14")
def test_status_is_the_devices_own(pair: Pair) -> None:
    """A restart that nobody reported is seen in the next status at the latest, or in the device's own words."""
    pair.on(20)
    pair.reacts = False
    from firmware_sim.devices.interface import DeviceEvent

    pair.simulated.inject(DeviceEvent("restart"), pair.now_us)
    pair.run(700_000)
    lost = [report for report in pair.of(DeviceLost) if report.output_ended]
    if "output" in MODELS[pair.driver.profile.model].profile.tells:
        assert lost or not pair.last(DeviceStatus).level_open
    else:  # it can't be asked: that it does not answer is all there is
        assert pair.of(DeviceLost)


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("model", PAIRS)
def test_time_from_cause_to_last_pulse(model: str, cause: str) -> None:
    if cause not in causes_of(model):
        return  # this model has no such input
    stop = play(model, cause)
    watchdog_us = MODELS[model].profile.watchdog_us + WATCHDOG_SLACK_US
    if cause == "stop acknowledged, not obeyed":
        watchdog_us += TRY_US  # where stops feed the watchdog, they are tried for so long before there is silence
    limits = {
        "stop key": STOP_US,
        "stop, answers 100 ms late": 100_000 + STOP_US,
        "lead off": SEEN_US,
        "too little current": SEEN_US,
        "device restarted": STOP_US,
        "emergency switch": STOP_US,
        "device answers nothing": LOST_US,
    }
    if "electrode" not in MODELS[model].profile.tells and cause in {"lead off", "too little current"}:
        assert stop.last_pulse_us == 0  # the pulses are missing, and nobody is told
        return
    assert stop.last_pulse_us <= limits.get(cause, watchdog_us)
    assert (stop.confirmed_us is None) == (cause in unheard(model))


def unheard(model: str) -> set[str]:
    """Causes after which the device can't say that it is off. One that tells when its timer ran out says so later."""
    never = {
        "device answers nothing",
        "device hangs, output goes on",
        "cable to the computer unplugged",
        "controller killed",
    }
    profile = MODELS[model].profile
    if "output" not in profile.tells:  # it answers stops and no questions, and nothing at all once it was switched off
        never |= {"device restarted", "emergency switch"}
    elif "timeout" not in profile.tells:
        never |= {"stop acknowledged, not obeyed"}
    if "electrode" not in profile.tells:
        never |= {"lead off", "too little current"}
    return never


def no_pulses() -> list[Pulse]:
    return []


def has_frames(model: str) -> bool:
    """Its wire has frames with a start and a stop, and so two kinds of receiver."""
    return isinstance(MODELS[model].make(), BaseDriver)


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(
    ("model", "buffer"),
    [(model, buffer) for model in PAIRS for buffer in (("restart", "maker") if has_frames(model) else ("",))],
)
def test_the_first_stop_is_seen_behind_every_cut_of_every_frame(model: str, buffer: str) -> None:
    """A killed controller leaves half a frame behind. Counted in pulses: none comes after the first stop."""
    pair = Pair(model, options={"receive_buffer": buffer} if buffer else {})
    frames: list[bytes] = []
    pair.to_device = lambda data: frames.append(data) or data  # type: ignore[func-returns-value]
    pair.on(20)
    pair.simulated.on_pulse = print  # a copy must not share the list
    assert len(set(frames)) >= 3
    stop = MODELS[model].make().stop_bytes()
    for frame in sorted(set(frames)):
        for cut in range(1, len(frame)):
            device, pulses = copy.deepcopy(pair.simulated), no_pulses()
            device.on_pulse = pulses.append
            device.receive(frame[:cut] + stop, pair.now_us)
            device.advance(pair.now_us + 200_000)
            assert not pulses, (frame.hex(), cut)
    device, pulses = copy.deepcopy(pair.simulated), no_pulses()
    device.on_pulse = pulses.append
    device.advance(pair.now_us + 200_000)
    assert pulses  # it was on
