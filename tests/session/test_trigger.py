"""Triggered phases: key, sensor and EMG open gates; refractory time, governor, lock-out; a pause keeps what was
played."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from estim.desk.cue_word import cue_word
from estim.safety.reports import EmgSamples, SensorEvent
from estim.safety.schedule import PhasePlan, Trigger
from estim.safety.units import Micros
from estim.session import events
from estim.session.snapshot import Snapshot
from estim.session.state import Phase
from estim.session.trigger import EmgDetector, Gatekeeper
from tests.safety.build import SECOND, window
from tests.session.desk import Desk


def ready(protocol: str) -> Desk:
    desk = Desk(protocol)
    desk.triggered()
    return desk


def on(desk: Desk) -> list[int]:
    return [output.channel for output in desk.last().channels]


def test_a_key_makes_one_contraction_with_the_delays_of_its_channels() -> None:
    desk = ready("hand-grasp-task")
    assert desk.ask(events.PressTrigger).accepted
    desk.let_pass(1)
    assert on(desk) == [1]
    desk.let_pass(2)
    assert on(desk) == [1, 2, 3]
    desk.let_pass(4)
    assert on(desk) == []
    assert desk.engine.contractions == 1


def test_a_key_pressed_at_once_again_is_refused() -> None:
    desk = ready("hand-grasp-task")
    assert desk.ask(events.PressTrigger).accepted
    desk.let_pass(6.1)
    assert not desk.ask(events.PressTrigger).accepted  # 0.5 s refractory after the last channel ended
    desk.let_pass(0.6)
    assert desk.ask(events.PressTrigger).accepted


def test_a_step_opens_at_heel_off_and_closes_after_heel_strike() -> None:
    desk = ready("stroke-foot-drop-peroneal")
    for _ in range(5):
        desk.step(SensorEvent(name="heel-off"))
        desk.let_pass(0.6)
        assert on(desk) == [1]
        desk.step(SensorEvent(name="heel-strike"))
        desk.let_pass(0.7)
        assert on(desk) == []
    peaks = {
        output.amplitude_ua for command in desk.sent() if hasattr(command, "channels") for output in command.channels
    }
    assert max(peaks) == 8_000


def test_a_gate_that_nobody_closes_closes_itself() -> None:
    desk = ready("stroke-foot-drop-peroneal")
    desk.step(SensorEvent(name="heel-off"))
    desk.let_pass(5.5)
    assert on(desk) == [1]
    assert desk.look().waits_for == ""
    desk.let_pass(0.7)
    assert on(desk) == []
    assert [(line["opens"], line["channels"]) for line in desk.logged("gate")] == [(True, [1])]
    desk.let_pass(1)
    assert desk.look().waits_for == "sensor"


def test_the_governor_withholds_the_next_step_and_never_cuts_one() -> None:
    desk = ready("stroke-foot-drop-peroneal")
    opened = 0
    for _ in range(60):  # 6 s on, 0.2 s off: far above 65 % of five minutes
        desk.step(SensorEvent(name="heel-off"))
        desk.let_pass(6.2)
    gates = [e for e in desk.effects if getattr(e, "kind", "") == "gate" and e.fields["opens"]]  # type: ignore[union-attr]
    opened = len(gates)
    assert opened * 6 <= 0.65 * 60 * 6.2 + 0.65 * 300
    assert opened < 60
    assert any(alarm.code == "duty" for alarm in desk.look().alarms)


def test_nothing_triggers_while_paused() -> None:
    desk = ready("stroke-foot-drop-peroneal")
    desk.ask(events.Pause)
    before = len(desk.sent())
    desk.step(SensorEvent(name="heel-off"))
    desk.let_pass(1)
    assert len(desk.sent()) == before


def test_a_continuous_phase_goes_on_for_what_is_left_of_it() -> None:
    desk = Desk("tens-acupuncture-like-pain")
    desk.sign_in()
    desk.titrate(8)
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(600)
    assert desk.ask(events.Pause).accepted
    desk.let_pass(10)
    assert desk.ask(events.Resume).accepted
    desk.let_pass(1_190)
    assert desk.phase is Phase.RUNNING
    desk.let_pass(30)
    assert desk.look().outcome == "completed"


TRIGGER = Trigger(
    source="emg", on="", off="timeout", hold=False, max_on_us=Micros(5 * SECOND), min_on_us=Micros(0),
    extend_us=Micros(0),
    refractory_us=Micros(20 * SECOND), threshold_uv=20, debounce_us=Micros(150_000), blanking_us=Micros(25_000),
    lockout_us=Micros(SECOND), rearm_percent=50,
)  # fmt: skip


def batches(detector: EmgDetector, rms_uv: float, *, seconds: float, begin_us: int, seed: int = 1) -> list[int]:
    """Times at which an effort was heard in noise of this size."""
    chance = random.Random(seed)
    heard = []
    for index in range(round(seconds * 20)):
        samples = tuple(round(chance.gauss(0, rms_uv)) for _ in range(100))
        at_us = begin_us + (index + 1) * 50_000
        if detector.hear(EmgSamples(t0_us=Micros(0), rate_hz=2_000, samples_uv=samples), at_us):
            heard.append(at_us)
    return heard


def test_ten_minutes_of_rest_start_nothing() -> None:
    assert batches(EmgDetector(TRIGGER), 5, seconds=600, begin_us=0) == []


def test_an_effort_is_heard_once_after_the_debounce() -> None:
    detector = EmgDetector(TRIGGER)
    batches(detector, 5, seconds=2, begin_us=0)
    (heard,) = batches(detector, 80, seconds=3, begin_us=2 * SECOND)
    assert 150_000 <= heard - 2 * SECOND <= 400_000
    assert batches(detector, 80, seconds=3, begin_us=5 * SECOND) == []  # it must fall first
    batches(detector, 5, seconds=1, begin_us=8 * SECOND)
    assert len(batches(detector, 80, seconds=1, begin_us=9 * SECOND)) == 1


def test_an_effort_that_is_there_from_the_start_does_not_count() -> None:
    assert batches(EmgDetector(TRIGGER), 80, seconds=5, begin_us=0) == []


def test_artefacts_while_it_is_deaf_start_nothing() -> None:
    detector = EmgDetector(TRIGGER)
    batches(detector, 5, seconds=1, begin_us=0)
    detector.deafen(8 * SECOND)
    assert batches(detector, 5_000, seconds=7, begin_us=SECOND) == []
    assert batches(detector, 5, seconds=2, begin_us=8 * SECOND) == []


def test_an_emg_triggered_session_contracts_with_each_effort() -> None:
    desk = ready("stroke-wrist-emg-triggered")
    chance = random.Random(3)
    contractions = 0
    for second in range(150):
        effort = second % 30 in {10, 11}
        for _ in range(10):
            noise = tuple(round(chance.gauss(0, 80 if effort else 4)) for _ in range(200))
            desk.step(EmgSamples(t0_us=Micros(0), rate_hz=2_000, samples_uv=noise))
            desk.let_pass(0.1)
        contractions += second % 30 == 20
    assert desk.engine.contractions == contractions == 5


class LedBySoundHand:
    """A session whose contractions the other hand opens and closes."""

    def __init__(self) -> None:
        self.desk = ready("stroke-hand-contralateral")
        self.chance = random.Random(3)

    def lives(self, rms_uv: float | None, seconds: float) -> None:
        """So much of the other hand's activity, in batches of 50 ms; None: its pads say nothing."""
        for _ in range(round(seconds * 20)):
            if rms_uv is not None:
                noise = tuple(round(self.chance.gauss(0, rms_uv)) for _ in range(100))
                self.desk.step(EmgSamples(t0_us=Micros(0), rate_hz=2_000, samples_uv=noise))
            self.desk.let_pass(0.05)


def test_the_other_hands_effort_opens_holds_and_closes() -> None:
    led = LedBySoundHand()
    led.lives(4, 2)
    waiting = led.desk.look()
    assert (waiting.waits_for, waiting.emg_side, cue_word(waiting)) == ("emg", "other", "task")
    led.lives(150, 2)
    assert on(led.desk) == [1, 2]
    heard = led.desk.look().emg_uv
    assert heard is not None, "the other hand is heard while this one is stimulated"
    assert heard > 60
    led.lives(150, 3)
    assert on(led.desk) == [1, 2], "it lasts as long as the effort"
    led.lives(4, 1.2)
    assert on(led.desk) == [], "and ends with it: 0.3 s until it is heard, 0.5 s of ramp"
    led.lives(4, 4)
    led.lives(150, 2)
    assert on(led.desk) == [1, 2]
    assert led.desk.engine.contractions == 1
    assert led.desk.look().channels[1].on_us < 12 * SECOND


@pytest.mark.hazard("H57")
def test_who_is_not_heard_any_more_holds_nothing_open() -> None:
    led = LedBySoundHand()
    led.lives(4, 2)
    led.lives(150, 2)
    assert on(led.desk) == [1, 2]
    led.lives(None, 0.9)  # 0.2 s of silence, the ramp of 0.5 s
    assert on(led.desk) == []
    led.lives(None, 10)
    assert on(led.desk) == []


@pytest.mark.hazard("H57")
def test_an_effort_without_end_ends_with_the_longest_contraction_and_must_fall_first() -> None:
    led = LedBySoundHand()
    led.lives(4, 2)
    led.lives(150, 9.5)
    assert on(led.desk) == [], "8 s, the second channel 0.5 s later"
    led.lives(150, 20)
    assert led.desk.engine.contractions == 1
    led.lives(4, 2)
    led.lives(150, 1)
    assert on(led.desk) == [1, 2]


def test_the_screen_sees_the_try_against_its_threshold_and_what_is_waited_for() -> None:
    desk = ready("stroke-wrist-emg-triggered")
    chance = random.Random(3)

    def lives(rms_uv: float, seconds: float) -> Snapshot:
        for _ in range(round(seconds * 10)):
            noise = tuple(round(chance.gauss(0, rms_uv)) for _ in range(200))
            desk.step(EmgSamples(t0_us=Micros(0), rate_hz=2_000, samples_uv=noise))
            desk.let_pass(0.1)
        return desk.look()

    quiet = lives(4, 3)
    assert (quiet.effort, quiet.waits_for) == ("try-first", "emg")
    threshold_uv = quiet.emg_threshold_uv
    assert threshold_uv > 0
    assert quiet.emg_uv is not None
    assert 2 <= quiet.emg_uv <= 5, "a rectified mean is 0.8 of the rms"
    nearly = lives(threshold_uv, 1)  # a rectified mean of 0.8 of the threshold starts nothing
    assert nearly.waits_for == "emg"
    assert threshold_uv * 7 // 10 <= nearly.emg_peak_uv <= threshold_uv
    assert lives(4, 1).emg_peak_uv == nearly.emg_peak_uv, "how close the try came is kept"
    plays = lives(80, 2)
    assert (plays.waits_for, plays.emg_uv) == ("", None), "nothing is waited for and nothing heard while it plays"
    after = lives(4, 30)
    assert (after.given, after.reached, after.channels[0].contractions) == (1, 1, 1), "titration held this level"
    assert after.channels[0].peak_ua == desk.logged("contraction")[-1]["channels"][0]["peak_ua"]
    for _ in range(3):
        lives(80, 2)
        after = lives(4, 30)
    assert (after.given, after.reached_percent_worst) == (4, after.channels[0].reached_percent_worst)
    assert after.reached == after.channels[0].reached > 0
    assert after.channels[0].reached_percent_mean >= after.reached_percent_worst > 0


@pytest.mark.parametrize("held", [True, False])
def test_a_switch_may_hold(held: bool) -> None:
    trigger = Trigger(
        source="switch", on="press", off="release", hold=held, max_on_us=Micros(5 * SECOND), min_on_us=Micros(0),
        extend_us=Micros(0), refractory_us=Micros(0),
    )  # fmt: skip
    phase = PhasePlan(
        name="p", kind="work", mode="triggered", relation="together", windows=(window(max_on_us=Micros(5 * SECOND)),),
        cycle_us=Micros(0), cycles=0, sets=1, set_rest_us=Micros(0), duration_us=Micros(60 * SECOND), trigger=trigger,
    )  # fmt: skip
    keeper = Gatekeeper(phase, lambda _window, _now_us: "")
    assert [move.opens for move in keeper.press(0)] == [True]
    assert [move.opens for move in keeper.release(1)] == ([False] if held else [])


def test_a_window_that_an_effort_let_go_of_is_told_to_close_once() -> None:
    trigger = replace(TRIGGER, hold=True, emg_side="other", lockout_us=Micros(0))
    phase = PhasePlan(
        name="p", kind="work", mode="triggered", relation="together", windows=(window(max_on_us=Micros(5 * SECOND)),),
        cycle_us=Micros(0), cycles=0, sets=1, set_rest_us=Micros(0), duration_us=Micros(60 * SECOND), trigger=trigger,
    )  # fmt: skip
    keeper = Gatekeeper(phase, lambda _window, _now_us: "")
    chance, moves = random.Random(5), []
    for batch in range(120):
        noise = tuple(round(chance.gauss(0, 80 if 40 <= batch < 80 else 4)) for _ in range(100))
        now_us = (batch + 1) * SECOND // 20
        moves += [
            move.opens for move in keeper.hear(EmgSamples(t0_us=Micros(0), rate_hz=2_000, samples_uv=noise), now_us)
        ]
    assert moves == [True, False]
    assert keeper.due(10 * SECOND) == []
