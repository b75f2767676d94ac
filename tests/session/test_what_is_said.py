"""What a session says of itself, and what it does where a device, a record or an answer is not as it should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from estim.drivers.p24 import PROFILE
from estim.drivers.rehamove3 import PROFILE as REHAMOVE3
from estim.drivers.rehastim1_profile import PROFILE as REHASTIM1
from estim.safety.commands import SetOutput
from estim.safety.profile import DeviceProfile
from estim.safety.reports import DeviceStatus, Identified, LinkDown, OutputState, PracticeState
from estim.safety.schedule import PhasePlan, Trigger
from estim.safety.units import Micros
from estim.session import effects, events, screening
from estim.session.after_off import StillOn
from estim.session.alarms import Alarms
from estim.session.core import Core
from estim.session.ledger import Ledger
from estim.session.outbox import Outbox
from estim.session.play import move_gates
from estim.session.ramp_up import led_ramp
from estim.session.run import Run
from estim.session.snapshot import Alarm, new_alarms
from estim.session.state import Cycle, Phase, Turn
from estim.session.trigger import Gatekeeper
from tests.safety.build import SECOND, channel, schedule, window
from tests.session.desk import OFF, Desk, Watched
from tests.support import LIMITS, sample

ANSWERS = screening.scripted_answers()
KEY = Trigger(
    source="key", on="", off="", hold=False, max_on_us=Micros(SECOND), min_on_us=Micros(0), extend_us=Micros(0),
    refractory_us=Micros(0),
)  # fmt: skip
REAL = Identified(model="p24", device_id="P240000001", firmware="1")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def made(folder: Path, text: str, profile: DeviceProfile = PROFILE) -> Desk:
    path = folder / "made.toml"
    path.write_text(text, encoding="utf-8")
    return Desk(str(path), profile=profile)


# -- of itself ---------------------------------------------------------------------------------------------------------


def test_an_engine_tells_its_device_its_place_and_what_it_plays(desk: Desk) -> None:
    engine = desk.engine
    assert (engine.device_id, engine.firmware, engine.output) == ("", "", OutputState.UNCERTAIN)
    assert (engine.loaded, engine.cleared) == (None, None)
    desk.therapy()
    assert (engine.device_id, engine.firmware, engine.output) == ("SIM0000001", "1", OutputState.ON)
    assert engine.loaded is not None
    assert engine.loaded.cleared is engine.cleared
    assert (engine.purpose, engine.outcome, engine.cause) == ("therapy", "", "")
    desk.let_pass(12)
    assert (engine.outcome, engine.cause, engine.contractions, engine.played) == ("completed", "completed", 3, None)


def test_who_watches_is_told_of_every_turn() -> None:
    desk = Watched()
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.made == [
        (Phase.DISCONNECTED, Turn.IDENTIFIED, Phase.READY),
        (Phase.READY, Turn.CONFIGURE, Phase.CONFIGURED),
    ]


def test_of_a_plan_without_a_count_of_contractions_its_time_is_what_was_given() -> None:
    run = Run(schedule(mode="triggered", cycles=0, duration_us=Micros(100 * SECOND)), 500, 0, gentle=False)
    assert run.contractions_total == 0
    assert run.given_permille(25 * SECOND) == 250


def test_new_alarms_are_those_that_call_anew() -> None:
    first = Alarm(code="a", priority="low", text="one")
    assert first.calls
    assert not replace(first, acknowledged=True).calls
    assert not replace(first, active=False).calls
    assert new_alarms([], [first]) == [first]
    assert new_alarms([first], [first]) == []
    assert new_alarms([replace(first, acknowledged=True)], [first]) == [first], "it was seen, and it came again"
    assert new_alarms([first], [replace(first, text="two")]) == [replace(first, text="two")]
    assert new_alarms([first], [replace(first, text="two", active=False)]) == []


# -- devices -----------------------------------------------------------------------------------------------------------


def test_a_device_that_can_not_say_that_it_is_off_wants_its_red_button_in_reach(desk: Desk) -> None:
    cautious = Desk(profile=REHASTIM1)
    for one, wanted in ((desk, False), (cautious, True)):
        one.sign_in()
        assert one.configure("titration").accepted
        assert ("red-button" in one.look().wants) is wanted


def test_a_device_without_a_timer_had_ended_by_itself_where_the_step_comes_late() -> None:
    """It plays no list twice: what nobody sent is not booked, however late the off was."""
    desk = Desk(profile=REHASTIM1)
    desk.therapy()
    desk.hold()
    before = desk.engine.account("therapy", 1)
    had = before.pulses + before.unacknowledged_pulses
    desk.now_us += 3 * SECOND
    desk.step(events.ClockJumped(late_us=3 * SECOND))
    account = desk.engine.account("therapy", 1)
    assert account.pulses + account.unacknowledged_pulses - had < 100, "3 s at 50 Hz are 150"


def test_a_device_that_says_it_plays_on_after_the_off_counts_until_the_timer_that_each_repeat_begins_anew() -> None:
    def unknown(*, tells: bool) -> int:
        desk = Desk()
        desk.therapy()
        desk.hold()
        desk.answers = False
        assert desk.ask(events.Stop).accepted
        desk.let_pass(0.9)
        if tells:
            desk.step(DeviceStatus(output_on=True, level_open=True, active_channels=(1,)))
        desk.step(events.ConsoleGone())
        desk.let_pass(1.2)
        return int(desk.logged("end")[-1]["dose"][0]["unacknowledged_pulses"])

    assert unknown(tells=True) > unknown(tells=False) >= 100


def test_a_level_that_is_still_open_after_the_off_is_waited_for(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    assert desk.ask(events.Stop).accepted
    desk.step(DeviceStatus(output_on=False, level_open=True))
    assert desk.phase is Phase.STOPPING
    assert [alarm.code for alarm in desk.engine.alarms] == []
    desk.let_pass(1.1)
    assert [alarm.code for alarm in desk.engine.alarms] == ["output-uncertain"]
    desk.step(OFF)
    assert desk.look().phase is Phase.CONFIGURED


def test_the_virtual_muscle_counts_nothing_where_the_device_is_real() -> None:
    desk = Desk(simulated=False)
    desk.step(REAL)
    assert desk.ask(events.SignIn, operator="o", patient_id="p").accepted
    desk.step(PracticeState(channel=1, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    assert desk.look().practice is None


def test_output_that_is_on_calms_no_alarm_of_an_uncertain_one() -> None:
    core = Core(PROFILE, LIMITS, simulated=True)
    for state in (OutputState.OFF, OutputState.UNCERTAIN, OutputState.ON):
        core.see_output(state)
    assert core.sitting.alarms["output-uncertain"].active
    core.see_output(OutputState.OFF)
    assert not core.sitting.alarms["output-uncertain"].active


def test_a_command_of_bursts_says_so_in_its_line(tmp_path: Path) -> None:
    bursts = "frequency_hz = 20\nburst = { pulses = 2, interval_us = 8000 }\n"
    desk = made(tmp_path, sample("frequency_hz = 50\n", bursts))
    desk.sign_in()
    desk.titrate(1)
    rows = [row for line in desk.logged("command") for row in line["channels"]]
    assert {row["burst_pulses"] for row in rows} == {2}


# -- the record --------------------------------------------------------------------------------------------------------


def test_after_a_record_that_could_not_be_begun_somebody_may_sign_in_again(desk: Desk) -> None:
    desk.sign_in()
    desk.step(events.RecordFailed(reason="full", opening=True))
    assert desk.ask(events.SignIn, operator="o", patient_id="p").accepted
    desk.step(events.RecordFailed(reason="full", opening=False))
    assert not desk.ask(events.SignIn, operator="o", patient_id="p").accepted, "there is one to sign"


def test_what_the_index_knows_is_written_at_the_sign_in(desk: Desk) -> None:
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    reply = desk.ask(events.SignIn, operator="o", patient_id="p", notes=("the last session was not signed",))
    assert reply.accepted
    assert [problem.message for problem in reply.problems] == ["the last session was not signed"]
    assert desk.logged("note")[-1]["text"] == "at sign-in: the last session was not signed"


def test_without_a_plan_what_may_have_come_is_doubted_and_is_no_on_time() -> None:
    ledger = Ledger(Outbox(), LIMITS, {})
    ledger.doubt([StillOn(window(), 0, 0)], "therapy")
    ledger.settle(SECOND - 1, None)
    assert ledger.account("therapy", 1).unacknowledged_pulses == 50
    assert ledger.withholds(channel(), window(), SECOND) == ""
    assert ledger.had(goes_on=False) == ({}, {})


# -- levels and gates --------------------------------------------------------------------------------------------------


def test_a_follower_is_raised_by_its_leader() -> None:
    desk = Desk("knee-co-contraction")
    desk.therapy()
    (follower,) = [w for w in desk.engine.cleared.schedule.phases[0].windows if w.follows is not None]  # type: ignore[union-attr]
    leader = follower.follows.channel  # type: ignore[union-attr]
    desk.hold(follower.channel)
    views = {view.channel: view for view in desk.look().channels}
    assert views[follower.channel].raise_locked == f"it follows {views[leader].name}: raise that one"
    share_ua = views[leader].level_ua * follower.follows.share_permille // 1000  # type: ignore[union-attr]
    assert views[follower.channel].target_ua == share_ua < views[follower.channel].level_ua


def test_a_raise_that_is_granted_in_a_ramp_down_that_is_late_falls_at_once(desk: Desk) -> None:
    desk.therapy()
    desk.hold()
    desk.grants = False
    while desk.look().channels[0].turn_us > 100_000:  # type: ignore[operator]
        desk.let_pass(0.02)
    before_ua = desk.last().channels[0].amplitude_ua
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    (asked,) = [e for e in desk.effects if isinstance(e, effects.Authorise) and e.reason == "raise"][-1:]
    desk.now_us += 220_000  # no turn came
    desk.step(events.Granted(n=asked.n))
    sent = [command for command in desk.sent() if isinstance(command, SetOutput)][-1]
    assert sent.channels[0].amplitude_ua < before_ua
    assert desk.logged("raised")[-1]["level_ua"] == 6_000


def test_a_short_ramp_leads_nowhere_where_the_long_one_is_as_soon_there() -> None:
    plan = window(ramp_up_us=Micros(2 * SECOND))
    assert led_ramp(plan, 20_000, 500, pulses=100, led_ua=10_000).led_pulses == 0
    quick = window(ramp_up_us=Micros(200_000))
    assert led_ramp(quick, 20_000, 500, pulses=100, led_ua=10_000).led_pulses == 10


def test_where_no_gates_are_none_are_moved_and_in_a_pause_neither() -> None:
    core = Core(PROFILE, LIMITS, simulated=True)
    plan = schedule([channel()], [window(max_on_us=Micros(5 * SECOND))], mode="triggered", trigger=KEY)
    move_gates(core, [])
    run = Run(plan, 500, 0, gentle=False)
    core.begin_run(run)
    run.begin(0)
    assert run.gatekeeper is not None
    moves = run.gatekeeper.press(0)
    assert [move.opens for move in moves] == [True]
    move_gates(core, [*moves, *(replace(move, opens=False) for move in moves)])
    assert (core.out.take(), run.players) == ((), [])
    assert run.gatekeeper.press(SECOND), "and the gate is not held for later"


def test_nothing_is_waited_for_where_nobody_listens() -> None:
    """From its gate's beginning on an EMG is deaf for as long as that may last: the picture asks nobody to try."""
    desk = Desk("stroke-wrist-emg-triggered")
    desk.triggered()
    phase = desk.engine.awaited
    assert phase is not None
    keeper = Gatekeeper(phase, lambda _window, _now_us: "")
    assert keeper.waits_for(desk.now_us) == "emg"
    assert keeper.press(desk.now_us)
    assert keeper.waits_for(desk.now_us) == ""


def test_a_lead_of_the_end_never_passes_the_beginning() -> None:
    """So fast a lead would close the window before it opens: the end then leads as far as the beginning."""
    trigger = replace(KEY, source="crank", cadence_rpm=60, lead_off_us=Micros(200_000), lead_limit_deg=90)
    (plain,) = schedule([channel()], [window()], mode="triggered").phases
    phase: PhasePlan = replace(plain, trigger=trigger)
    keeper = Gatekeeper(phase, lambda _window, _now_us: "")
    for turn in range(9):
        keeper.crank(turn * 60 % 360, turn * SECOND // 6)
    wide, narrow = window(crank_deg=(0, 180)), window(crank_deg=(0, 60))
    assert keeper.in_force_deg(wide) == (0, 108), "200 ms at 60 a minute are 72°"
    assert keeper.in_force_deg(narrow) == (0, 60)


# -- alarms, answers, confirmations ------------------------------------------------------------------------------------


def test_as_a_person_goes_on_the_device_and_warnings_keep_their_alarms() -> None:
    alarms = Alarms(lambda _line: None)
    for code in ("battery-low", "warn-1-L1", "console-silent"):
        alarms.sound(code, "medium", code)
    alarms.go_on()
    assert {code: alarm.active for code, alarm in alarms.items()} == {
        "battery-low": True, "warn-1-L1": True, "console-silent": False,
    }  # fmt: skip


def rules(answers: screening.Answers, *sites: screening.Place) -> dict[str, tuple[str, str]]:
    return {p.rule: (p.severity, p.message) for p in screening.judge(answers, sites)}


THIGH = screening.Place(name="quadriceps", region="thigh", side="left")
BACK = screening.Place(name="back", region="low-back", side="left")
NOWHERE = screening.Place(name="odd", region="knee", side="left")


def test_what_is_no_question_and_what_is_no_answer_are_refused() -> None:
    (problem,) = screening.judge({**ANSWERS, "S99": True})
    assert (problem.severity, problem.key, problem.asked) == ("refuse", "screening.S99", "S99")
    severity, message = rules({**ANSWERS, "S02": "perhaps"})["S02"]
    assert severity == "refuse"
    assert message.startswith("the answer 'perhaps' to: ")
    assert rules({**ANSWERS, "S30": False})["S30"][0] == "refuse"


def test_what_is_good_to_know_is_said_and_forbids_nothing() -> None:
    assert rules({**ANSWERS, "S19": True})["S19"][0] == "info"


def test_a_yes_elsewhere_that_somebody_must_agree_to_says_who() -> None:
    elsewhere = {**ANSWERS, "S06": True, "S06.where": "right foot"}
    severity, message = rules(elsewhere, THIGH)["S06"]
    assert severity == "refuse"
    assert "Say who agreed." in message
    assert rules({**elsewhere, "S06.reason": "Dr Weber"}, THIGH)["S06"][0] == "warn"
    assert rules({**ANSWERS, "S10": True, "S10.where": "right foot"}, THIGH)["S10"][0] == "warn"


def test_a_yes_of_the_trunk_concerns_the_trunk_and_what_lies_nobody_knows_where() -> None:
    answers = {**ANSWERS, "S04": True}
    assert rules(answers, BACK)["S04"][0] == rules(answers, NOWHERE)["S04"][0] == "refuse"
    assert rules(answers, THIGH)["S04"][0] == "warn"


def test_a_yes_with_its_reason_warns_and_repeats_it() -> None:
    severity, message = rules({**ANSWERS, "S12": True, "S12.reason": "seen by the cardiologist"}, THIGH)["S12"]
    assert severity == "warn"
    assert message.endswith("Reason given: seen by the cardiologist")


def test_what_the_limits_need_stays_unknown_where_it_was_not_answered() -> None:
    facts = screening.patient_facts({**{key: value for key, value in ANSWERS.items() if key != "S20"}, "S14": "?"})
    assert (facts.insensate_skin, facts.lesion_t6_or_above, facts.child) == (None, None, False)


def test_a_group_that_is_said_to_be_unchanged_brings_its_answers_and_today_never_does() -> None:
    previous = {**ANSWERS, "S08": True, "S08.where": "left foot", "S02": True}
    again = screening.reconfirmed(previous, ["skin", "today"], {"S14": True})
    assert again["S08"] is True
    assert again["S08.where"] == "left foot"
    assert again["S14"] is True, "what is new counts"
    assert "S02" not in again
    assert "S01" not in again


def test_differences_that_were_read_are_read_again_where_they_are_others(tmp_path: Path) -> None:
    desk = made(tmp_path, sample("frequency_hz = 50\n", "frequency_hz = 98\n"), profile=REHAMOVE3)
    desk.sign_in()

    def asked_anew() -> bool:
        wanted = "bends" in desk.look().wants
        for what in desk.look().wants:
            assert desk.ask(events.Confirm, what=what, value="read").accepted
        return wanted

    assert desk.configure("titration").accepted
    assert asked_anew()
    assert desk.configure("titration").accepted
    assert not asked_anew(), "the same as before"
    (phase,) = desk.source.phase
    desk.source = desk.source.model_copy(update={"phase": (phase.model_copy(update={"frequency_hz": 94.0}),)})
    assert desk.configure("titration").accepted
    assert asked_anew()


def test_after_a_lost_device_warnings_and_differences_are_read_again(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    for what in desk.look().wants:
        assert desk.ask(events.Confirm, what=what, value="read").accepted
    desk.step(LinkDown(reason="pulled"))
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    desk.step(OFF)
    assert desk.engine.cleared is None
    assert desk.configure("titration").accepted
    assert set(desk.look().wants) == {"pads", "warnings"}
    assert desk.look().channels[0].cycle is Cycle.REST
