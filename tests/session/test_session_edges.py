"""The session's parts at their edges: authorisations over sets, gates that close early, what is left out today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from estim.desk.outcomes import SKIN_GRADES, judge_outcome
from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.p24 import PROFILE
from estim.drivers.rehamove3 import PROFILE as REHAMOVE3
from estim.safety.commands import SetOutput
from estim.safety.reports import CrankAngle, SensorEvent
from estim.safety.schedule import Window
from estim.safety.units import Micros
from estim.session import effects, events, screening
from estim.session.common_grid import join_grid
from estim.session.core import Core
from estim.session.covering import peaks_of
from estim.session.ledger import Ledger
from estim.session.outbox import Outbox
from estim.session.player import WindowPlayer
from estim.session.run import Run
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase
from estim.session.trigger import Gatekeeper
from tests.safety.build import SECOND, channel, schedule, window
from tests.session.desk import Desk
from tests.support import LIMITS, crank_sample, sample

PERIOD_US = 20_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def protocol(folder: Path, text: str) -> Desk:
    path = folder / "made.toml"
    path.write_text(text, encoding="utf-8")
    return Desk(str(path))


def plans(desk: Desk, since: int = 0) -> list[tuple[int, int]]:
    """Contractions of each authorisation that the plan asked for."""
    asked = [effect for effect in desk.effects[since:] if isinstance(effect, effects.Authorise)]
    return [effect.contractions for effect in asked if effect.reason == "plan"]


# -- authorisations ----------------------------------------------------------------------------------------------------


def test_over_sets_one_authorisation_is_asked_for_each_contraction(tmp_path: Path) -> None:
    """Found: before the last contraction of a set the same one was asked for again as soon as it was durable."""
    text = sample("contractions = 3\n", "contractions = 2\nsets = 3\nset_rest_s = 10\n")
    desk = protocol(tmp_path, text.replace("off_s = 2", "off_s = 6"))
    desk.sign_in()
    desk.titrate()
    before = len(desk.effects)
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    started_us = desk.now_us
    desk.let_pass(90)
    assert desk.look().outcome == "completed"
    assert plans(desk, before) == [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    first, *_ = asked = [one for one in desk.effects[before:] if isinstance(one, effects.Authorise)]
    assert first.until_us - started_us >= (8 + 10 + 8) * SECOND, "two contractions, and a rest between sets"
    assert {type(peak.peak_ua) for one in asked for peak in one.peaks} == {int}


TRIGGERED_SECOND = """\
[[phase]]
name = "gate"
kind = "work"
mode = "triggered"
waveform = "symmetric-biphasic"
frequency_hz = 50
pulse_width_us = 250
interphase_us = 100
ramp_up_s = 0.5
ramp_down_s = 0.3
duration_s = 60
[phase.trigger]
source = "key"
max_on_s = 2
"""


def test_gates_of_a_later_phase_have_their_next_one_in_hand(tmp_path: Path) -> None:
    """Contractions of the phases before count into a gate's number, and so does what it is authorised by."""
    desk = protocol(tmp_path, sample("[dose]\n", TRIGGERED_SECOND + "[dose]\n"))
    desk.therapy()
    desk.let_pass(11)
    for _ in range(4):
        before = len(desk.effects)
        assert desk.ask(events.PressTrigger).accepted
        desk.let_pass(3)
        (number,) = [
            e.fields["n"] for e in desk.effects[before:] if isinstance(e, effects.Log) and e.kind == "contraction"
        ]
        assert isinstance(number, int)
        first, last = plans(desk)[-1]  # granted at once
        assert first <= number <= last
    assert number == 7


def test_a_phase_that_is_gone_to_by_a_skip_begins_with_its_first_gate(tmp_path: Path) -> None:
    desk = protocol(tmp_path, sample("[dose]\n", TRIGGERED_SECOND + "[dose]\n"))
    desk.therapy()
    assert desk.ask(events.SkipPhase, reason="tired").accepted
    desk.let_pass(2)
    numbers = []
    for _ in range(2):
        assert desk.ask(events.PressTrigger).accepted
        desk.let_pass(1)
        numbers.append(desk.look().contraction)
        desk.let_pass(2)
    assert numbers == [4, 5], "three are of the phase that was left"


def test_a_timed_phase_follows_a_triggered_one(tmp_path: Path) -> None:
    gates = TRIGGERED_SECOND.replace("duration_s = 60\n", "contractions = 2\n")
    desk = protocol(tmp_path, sample("[[phase]]\n", gates + "[[phase]]\n"))
    desk.triggered()
    for _ in range(2):
        assert desk.ask(events.PressTrigger).accepted
        desk.let_pass(2.4)
    assert desk.look().plan_phase_index == 1
    desk.let_pass(15)
    assert desk.look().outcome == "completed"
    assert desk.engine.contractions == 5


def test_the_peak_of_a_channel_is_its_strongest_windows() -> None:
    weak, strong = window(intensity_permille=500), window()
    run = Run(schedule([channel(ma=40)], [strong, weak]), 500, 0, gentle=False)
    assert [peak.peak_ua for peak in peaks_of(run)] == [40_000]


# -- pauses, skips and ends --------------------------------------------------------------------------------------------


def test_a_resume_waits_for_the_off(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    assert desk.ask(events.Pause).accepted
    reply = desk.ask(events.Resume)
    assert not reply.accepted
    assert "not confirmed that its output is off" in reply.problems[0].message
    desk.answers = True
    desk.let_pass(0.2)
    assert desk.ask(events.Resume).accepted


def test_after_a_pause_in_the_last_step_of_a_weight_bearing_limb_nothing_is_left_to_play(tmp_path: Path) -> None:
    text = sample("weeks = 1\n", "weeks = 1\n").replace(
        'basis = "convention"\n', 'basis = "convention"\nweight_bearing = true\n'
    )
    desk = protocol(tmp_path, text)
    desk.therapy()
    desk.let_pass(8)
    assert desk.last().channels, "the last of three contractions"
    assert desk.ask(events.Pause).accepted
    desk.let_pass(2)
    assert desk.phase is Phase.PAUSED
    assert desk.engine.contractions == 3
    assert desk.ask(events.Resume).accepted
    sent = len(desk.sent())
    desk.let_pass(1)
    assert desk.look().outcome == "completed"
    assert not any(isinstance(command, SetOutput) and command.channels for command in desk.sent()[sent:])


def test_a_phase_that_is_skipped_in_its_rest_sends_nothing() -> None:
    desk = Desk("immobilised-quadriceps-atrophy")
    desk.therapy()
    while desk.last().channels:
        desk.let_pass(0.5)
    sent = len(desk.sent())
    assert desk.ask(events.SkipPhase, reason="tired").accepted
    assert len(desk.sent()) == sent
    desk.let_pass(3)
    assert desk.last().channels


def test_what_nobody_runs_is_not_played() -> None:
    with pytest.raises(RuntimeError, match="nothing runs"):
        _ = Core(PROFILE, LIMITS, simulated=True).playing


def test_a_stop_by_one_who_looks_on_is_told_to_the_therapist(desk: Desk) -> None:
    desk.therapy()
    assert desk.ask(events.Stop, source="observer:ward").accepted
    (alarm,) = [alarm for alarm in desk.look().alarms if alarm.code == "observer-stop"]
    assert "observer:ward" in alarm.text
    assert not desk.last().channels


# -- levels ------------------------------------------------------------------------------------------------------------


def test_a_warning_goes_when_the_level_is_lowered_again(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    while not any(alarm.code == "warn-1-L1" for alarm in desk.look().alarms):
        if not desk.look().channels[0].raise_locked:
            assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)
    assert desk.ask(events.Lower, channel=1, percent=20).accepted
    assert [alarm.code for alarm in desk.look().alarms] == []
    desk.let_pass(1)
    assert not desk.look().channels[0].raise_locked


def test_lowering_a_channel_that_is_not_there_lowers_nothing(desk: Desk) -> None:
    desk.therapy()
    before = desk.look().channels[0].level_ua
    assert desk.ask(events.Lower, channel=7, percent=20).accepted
    assert desk.look().channels[0].level_ua == before
    assert desk.ask(events.Lower, channel=None, percent=20).accepted
    assert desk.look().channels[0].level_ua < before


class WithoutSecond(Desk):
    """Leaves the protocol's optional channel out."""

    def configure(self, purpose: str) -> effects.Reply:
        setup = setup_from(self.source, SetupWords(patient="p", regions=self.regions), simulated=True).setup
        left = tuple(replace(one, included=one.name != "second-site") for one in setup.channels)
        return self.ask(
            events.Configure,
            protocol=self.source,
            protocol_sha256=self.digest,
            setup=replace(setup, channels=left),
            purpose=purpose,
        )


def test_a_channel_that_is_left_out_today_is_not_asked_for_again() -> None:
    desk = WithoutSecond("tens-conventional-pain")
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    while (view := desk.look().channels[0]).level_ua < 10_000:
        if not view.raise_locked:
            assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)
    assert desk.ask(events.Mark, channel=1, kind="no-twitch").accepted
    assert desk.ask(events.Lower, channel=1, percent=20).accepted
    assert desk.ask(events.NextChannel).accepted
    desk.let_pass(0.1)
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(610)
    asked = [alarm.text for alarm in desk.look().alarms if alarm.code.startswith("retitrate")]
    assert len(asked) == 1
    assert "painful-region" in asked[0]


# -- gates -------------------------------------------------------------------------------------------------------------


def test_a_crank_opens_its_window_as_it_comes_into_it_and_never_stands_still_in_it(tmp_path: Path) -> None:
    desk = protocol(tmp_path, crank_sample(60))
    desk.triggered()

    def turn(deg: int) -> bool:
        desk.step(CrankAngle(deg=deg))
        desk.let_pass(0.4)
        return bool(desk.last().channels)

    assert [turn(deg) for deg in (310, 350, 20)] == [False] * 3, "where it stood at first is not known"
    assert [turn(deg) for deg in (40, 200, 299, 300, 0, 29, 30)] == [False, False, False, True, True, True, False]
    assert turn(301)
    desk.let_pass(3)  # it stands still: the longest ON time ends it, and it must be left before it opens again
    assert [turn(deg) for deg in (301, 310, 40, 310)] == [False, False, False, True]
    desk.step(SensorEvent(name="heel-off"))  # another source's word changes nothing
    assert desk.last().channels


def test_a_crank_turns_nothing_where_the_window_has_no_angle() -> None:
    desk = Desk("hand-grasp-task")
    desk.triggered()
    desk.step(CrankAngle(deg=10))  # the trigger is a key
    desk.let_pass(1)
    assert not desk.last().channels
    phase = desk.engine.awaited
    assert phase is not None
    assert Gatekeeper(phase, lambda _window, _now_us: "").crank(10, desk.now_us) == []


def test_after_a_pause_the_gate_can_be_opened_again() -> None:
    desk = Desk("hand-grasp-task")
    desk.triggered()
    assert desk.ask(events.Pause).accepted
    desk.let_pass(0.2)
    assert desk.ask(events.Resume).accepted
    desk.let_pass(3.5)
    assert desk.ask(events.PressTrigger).accepted
    desk.let_pass(1)
    assert desk.last().channels


def used_up(*stretches_us: tuple[int, int]) -> Callable[[Window], str]:
    """What withholds a window at 0 s ("" for nothing) after its channel played in these stretches."""
    ledger = Ledger(Outbox(), LIMITS, {})
    for begin_us, end_us in stretches_us:
        ledger.note_on(channel(), window(), begin_us, end_us, therapy=True)
    return lambda entry: ledger.withholds(channel(), entry, 0)


def test_slow_pulses_are_not_withheld_by_the_governor() -> None:
    """L20 and L21b are about contractions that fuse."""
    withheld_by = used_up((-1_800 * SECOND, 1))
    assert withheld_by(window()) == "L20"
    assert withheld_by(window(hz=10)) == ""


def test_what_fills_a_sessions_own_time_to_its_end_is_still_played() -> None:
    most_us = LIMITS["motor_on_us"].value - window().on_us
    for over_us in (0, 1):
        ledger = Ledger(Outbox(), LIMITS, {})
        ledger.note_on(channel(), window(), 0, most_us + over_us, therapy=True)
        assert ledger.used_up(channel(), window()) is bool(over_us)


def player(onset_us: int = 0, *, level_ua: int = 20_000, spaced: bool = False) -> WindowPlayer:
    plan = window(ramp_up_us=Micros(SECOND // 2), first_ramp_up_us=Micros(SECOND // 2), on_us=Micros(3 * SECOND))
    return WindowPlayer(plan, level_ua, 500, onset_us, first=False, spaced=spaced)


def test_a_gate_that_closes_within_a_channels_delay_keeps_it_silent() -> None:
    """Found: a channel whose delay was not over when the gate closed ramped up and down again by itself."""
    late = player(SECOND)
    late.close(SECOND // 2)
    assert late.ended
    assert not any(late.turn(now_us) for now_us in range(SECOND // 2, 3 * SECOND, 1_000))
    assert late.amplitude_ua == 0


def test_a_rise_waits_for_the_answer_and_is_as_much_later() -> None:
    one, other = player(), player()
    assert one.turn(0)
    assert other.turn(0)
    at_us = one.due_us()
    assert not one.turn(at_us, unanswered_us=PERIOD_US // 2)
    assert one.due_us() == at_us + PERIOD_US
    assert other.turn(at_us, unanswered_us=PERIOD_US // 2 - 1)
    whole_us: dict[str, int] = {}
    before_ua = one.amplitude_ua
    for now_us in range(at_us, SECOND, 500):
        for name, plays in (("waited", one), ("not", other)):
            if plays.turn(now_us) and plays.amplitude_ua == 20_000:
                whole_us[name] = now_us
        assert one.amplitude_ua - before_ua <= 1_000, "the step that was missed is not caught up"
        before_ua = one.amplitude_ua
    assert whole_us["waited"] == whole_us["not"] + PERIOD_US


def test_a_raise_right_after_a_late_step_waits_for_a_pulse_of_its_own() -> None:
    """Found: a turn 13 ms late, a raise 1 ms after it, and two rises stood in one period; the interlock stopped it."""
    plays = player()
    for _ in range(12):
        assert plays.turn(plays.due_us())
    late_us = plays.due_us() + PERIOD_US * 2 // 3
    assert plays.turn(late_us)
    plays.set_level(21_000, late_us + 1_000)
    assert not any(plays.turn(now_us) for now_us in range(late_us + 1_000, late_us + PERIOD_US // 2, 500))
    assert any(plays.turn(now_us) for now_us in range(late_us + PERIOD_US // 2, late_us + 2 * PERIOD_US, 500))


def test_two_rises_that_may_meet_between_two_pulses_are_no_more_than_one_may_be() -> None:
    """Found on a RehaStim2, steps of 2 mA: its first update was ignored, so its pulses lay where nobody had them."""
    plan = window(ramp_up_us=Micros(SECOND // 2), first_ramp_up_us=Micros(SECOND // 2), on_us=Micros(3 * SECOND))
    plays = WindowPlayer(plan, 12_000, 2_000, 0, first=False, spaced=True)
    changes: list[tuple[int, int]] = []
    for now_us in range(0, SECOND, 500):
        if plays.turn(now_us):
            changes.append((now_us, plays.amplitude_ua))
            if plays.amplitude_ua == 10_000:
                plays.set_level(14_000, now_us + 500)
    assert changes[-1][1] == 14_000
    for (_, before_ua), (one_us, _), (other_us, after_ua) in zip(changes, changes[1:], changes[2:], strict=False):
        assert other_us - one_us >= PERIOD_US * 3 // 2 or after_ua - before_ua <= 2_000


def test_a_raise_within_the_ramp_down_lifts_nothing() -> None:
    """Found: it was granted late, right behind a step down that was late too: up again within the same period."""
    plays = player()
    while plays.cycle(plays.due_us()) is not Cycle.RAMP_DOWN:
        assert plays.turn(plays.due_us())
    before_ua = plays.amplitude_ua
    plays.set_level(40_000, plays.due_us() + 1_000)
    while not plays.ended:
        plays.turn(plays.due_us())
        assert plays.amplitude_ua <= before_ua
        before_ua = plays.amplitude_ua


def test_the_time_of_a_session_withholds_a_gate_long_after_it_was_used_up() -> None:
    assert used_up((-2_400 * SECOND, -600 * SECOND), (0, 1))(window()) == "L21b"


def test_one_gate_of_two_closes() -> None:
    windows = [window(number, max_on_us=Micros(SECOND * 5)) for number in (1, 2)]
    run = Run(schedule([channel(1), channel(2)], windows, mode="triggered"), 500, 0, gentle=False)
    run.begin(0)
    run.open_gates(windows, 0)
    for now_us in range(0, 2 * SECOND, 10_000):
        run.turn(now_us)
    run.close_gates([windows[0]], 2 * SECOND)
    remaining = {entry.window.channel: entry.remaining_us(2 * SECOND) for entry in run.players}
    assert remaining[1] <= SECOND + 2 * PERIOD_US
    assert remaining[2] == 3 * SECOND


def test_on_a_device_with_one_grid_the_second_channel_follows_the_first() -> None:
    windows = [window(1), replace(window(2), offset_us=Micros(105_000))]
    run = Run(schedule([channel(1), channel(2)], windows), 500, 0, gentle=False, common_grid=True)
    run.begin(0)
    assert run.next_due_us() == PERIOD_US  # the first pulse of this ramp is less than a step of the device
    assert [entry.window.channel for entry in run.turn(PERIOD_US)] == [1]
    run.next_due_us()
    assert [entry.onset_us % PERIOD_US for entry in run.players] == [0, 0]
    assert run.players[1].onset_us == 120_000


def test_what_the_device_plays_otherwise_is_confirmed_before_arming(desk: Desk, tmp_path: Path) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert "bends" not in desk.look().wants
    path = tmp_path / "made.toml"
    path.write_text(sample("frequency_hz = 50\n", "frequency_hz = 98\n"), encoding="utf-8")  # played at 95.2 Hz
    desk = Desk(str(path), profile=REHAMOVE3)
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert "bends" in desk.look().wants
    for what in desk.look().wants:
        if what != "bends":
            assert desk.ask(events.Confirm, what=what, value="by the desk").accepted
    assert not desk.ask(events.Arm).accepted
    assert desk.ask(events.Confirm, what="bends", value="by the desk").accepted
    assert desk.ask(events.Arm).accepted


# -- answers -----------------------------------------------------------------------------------------------------------


def test_a_whole_limb_can_be_named_and_what_is_elsewhere_is_said() -> None:
    relative = next(
        one for one in screening.QUESTIONS if one.kind == "relative" and one.scope not in {"whole", "trunk"}
    )
    here = Site("left", "thigh")
    answers = {**screening.scripted_answers(), relative.id: True, f"{relative.id}.where": "left leg"}
    assert screening.concerns(relative, answers, [here]) == (here,)
    (problem,) = screening.judge(answers, [here])
    assert (problem.severity, problem.rule, problem.key) == ("refuse", relative.id, f"screening.{relative.id}")
    assert "needs a recorded reason" in problem.message
    answers[f"{relative.id}.where"] = "right leg"
    assert screening.concerns(relative, answers, [here]) == ()
    (problem,) = screening.judge(answers, [here])
    assert (problem.severity, problem.rule) == ("info", relative.id)
    assert "Yes, elsewhere." in problem.message


@pytest.mark.parametrize("where", ["", " , ", "left nowhere", "right leg, somewhere"])
def test_a_yes_whose_place_is_missing_or_unreadable_concerns_all(where: str) -> None:
    relative = next(one for one in screening.QUESTIONS if one.scope == "limb")
    here = (Site("left", "thigh"), Site("right", "calf"))
    assert screening.concerns(relative, {relative.id: True, f"{relative.id}.where": where}, here) == here


def test_what_stands_alone_is_asked_at_first_and_today_what_is_about_today() -> None:
    first, later = (screening.asked_one_by_one(first_session=first) for first in (True, False))
    assert {one.kind for one in screening.QUESTIONS} - {one.kind for one in first} == {"gate"}
    assert {one.group for one in later} == {"today"}
    assert [one for one in later if one in first] == [one for one in first if one.group == "today"]


def test_a_device_that_gives_no_status_is_a_fault_and_says_so(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.let_pass(2)
    (fault,) = desk.logged("fault")
    assert fault == {"cause": "device-silent", "text": "The device gave no status for 1 s; output was stopped."}


@pytest.mark.parametrize(("where", "concerned"), [("left leg", True), ("right leg", False)])
def test_skin_that_feels_nothing_counts_where_it_lies(where: str, *, concerned: bool) -> None:
    answers = {**screening.scripted_answers(), "S14": True, "S14.where": where}
    assert screening.patient_facts(answers, [Site("left", "thigh")]).insensate_skin is concerned
    assert screening.patient_facts(answers).insensate_skin is True, "no channel is known yet: the tightest"


def test_an_outcome_that_is_no_number_is_refused() -> None:
    (problem,) = judge_outcome({"discomfort": "3", "pain": "much", "skin": SKIN_GRADES[0]})
    assert (problem.key, problem.severity) == ("outcome.pain", "refuse")
    assert "'much' is none of these: 0 to 10 NRS" in problem.message


@dataclass(frozen=True)
class Site:
    """What screening needs to know of a channel."""

    side: str
    region: str
    name: str = "muscle"


def test_a_channel_joins_the_grid_of_one_that_plays_and_not_sooner_than_a_period_after_its_start() -> None:
    first, second = player(spaced=True), player(5_000, spaced=True)
    assert first.turn(0)
    join_grid([first, second])
    assert second.onset_us == 2 * PERIOD_US
    assert second.due_us() == 2 * PERIOD_US - PERIOD_US // 2
    third = player(PERIOD_US * 5 + 3_000, spaced=True)
    join_grid([first, third])
    assert third.onset_us == 6 * PERIOD_US


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_before_anything_runs_nothing_is_played_or_cued(desk: Desk) -> None:
    for configured in (False, True):
        if configured:
            desk.sign_in()
            assert desk.configure("titration").accepted
        shown = desk.look()
        assert (shown.plan_phase, shown.effort, shown.cue_signal, shown.cue) == ("", "", "none", "")
        assert (shown.countdown_us, shown.titration_channel, shown.waits_for) == (None, None, "")
        assert [(view.cycle, view.sent_ua, view.target_ua) for view in shown.channels] == [
            (Cycle.REST, 0, 0)
        ] * configured


@pytest.mark.parametrize("stand", ["new", "running"])
def test_a_snapshot_comes_back_as_it_went(desk: Desk, stand: str) -> None:
    if stand == "running":
        desk.therapy()
    shown = desk.look()
    assert Snapshot.from_json(shown.to_json()) == shown
