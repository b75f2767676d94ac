"""Every request: when it is taken, when it is refused, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.p24 import PROFILE
from estim.safety import reports
from estim.safety.commands import OutputOff
from estim.safety.errors import InterlockTripped
from estim.safety.limits import Limits
from estim.safety.reports import Acknowledged, ChannelFault, EmgSamples, Identified, OutputState, PatientSwitch
from estim.safety.schedule import PhasePlan, Trigger
from estim.safety.units import MicroAmp, Micros
from estim.session import effects, events, screening
from estim.session.alarms import Alarms
from estim.session.arming import missing
from estim.session.core import Core
from estim.session.engine import _HANDLERS, UnhandledEvent
from estim.session.plain import plain
from estim.session.state import Cycle, Phase
from estim.session.trigger import Gatekeeper
from tests.safety.build import SECOND, window
from tests.session.desk import OFF, Desk
from tests.support import LIMITS

REAL = Identified(model="p24", device_id="P240000001", firmware="1")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def said(reply: effects.Reply) -> str:
    assert not reply.accepted
    return "; ".join(f"{problem.key}: {problem.message}" for problem in reply.problems)


# -- before anything runs ----------------------------------------------------------------------------------------------


def test_one_session_at_a_time_with_two_names(desk: Desk) -> None:
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert "both needed" in said(desk.ask(events.SignIn, operator=" ", patient_id="p"))
    assert "both needed" in said(desk.ask(events.SignIn, operator="o", patient_id=""))
    desk.sign_in()
    assert "open already" in said(desk.ask(events.SignIn, operator="o", patient_id="q"))


def test_nothing_before_sign_in(desk: Desk) -> None:
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert "sign in first" in said(desk.ask(events.Screen, answers={}))
    assert "sign in first" in said(desk.configure("titration"))
    assert "no open session" in said(desk.ask(events.Note, kind="note", fields={"text": "x"}))
    assert "no open session" in said(desk.ask(events.Sign, operator="o"))


def test_the_screening_comes_before_the_protocol(desk: Desk) -> None:
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert desk.ask(events.SignIn, operator="o", patient_id="p").accepted
    assert "answer the screening first" in said(desk.configure("titration"))
    assert not desk.ask(events.Screen, answers={}).accepted
    assert "answer the screening first" in said(desk.configure("titration"))


def test_a_pacemaker_ends_it(desk: Desk) -> None:
    desk.sign_in()
    answers = {**screening.scripted_answers(), "S01": True}
    assert not desk.ask(events.Screen, answers=answers, scripted=True).accepted
    assert desk.look().wants[0] == "screening"


def test_what_concerns_one_place_blocks_a_protocol_for_it(desk: Desk) -> None:
    desk.sign_in()
    local = next(q for q in screening.QUESTIONS if q.kind == "absolute" and q.scope not in {"whole", "trunk"})
    answers = {
        **screening.scripted_answers(),
        local.id: True,
        f"{local.id}.where": "left thigh",
        f"{local.id}.reason": "Dr A agreed",
    }
    assert desk.ask(events.Screen, answers=answers, scripted=True).accepted
    assert local.action.split()[0] in said(desk.configure("titration"))


def test_scripted_answers_are_for_simulators() -> None:
    desk = Desk(simulated=False)
    desk.step(REAL)
    assert desk.ask(events.SignIn, operator="o", patient_id="p").accepted
    reply = desk.ask(events.Screen, answers=screening.scripted_answers(), scripted=True)
    assert "simulated devices only" in said(reply)
    assert "no simulated room" in said(desk.ask(events.RoomAction, message={"pad": "lift"}))


def test_the_room_hears_what_is_done_in_it(desk: Desk) -> None:
    desk.sign_in()
    assert desk.ask(events.RoomAction, message={"pad": "lift"}).accepted
    assert effects.ToRoom(message={"pad": "lift"}) in desk.effects


def test_other_pads_mean_other_levels(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate()
    assert desk.look().channels[0].found
    setup = setup_from(desk.source, SetupWords(patient="p", pads=("quadriceps=5x5",)), simulated=True).setup
    reply = desk.ask(
        events.Configure, protocol=desk.source, protocol_sha256=desk.digest, setup=setup, purpose="therapy"
    )
    assert not desk.look().channels[0].found
    assert not reply.accepted


def test_a_week_that_the_course_does_not_have(desk: Desk) -> None:
    desk.sign_in()
    setup = setup_from(desk.source, SetupWords(patient="p"), simulated=True).setup
    reply = desk.ask(
        events.Configure,
        protocol=desk.source,
        protocol_sha256=desk.digest,
        setup=replace(setup, week=0),
        purpose="titration",
    )
    assert "week" in said(reply)


def test_only_what_is_known_can_be_confirmed(desk: Desk) -> None:
    desk.sign_in()
    assert "nothing that can be confirmed" in said(desk.ask(events.Confirm, what="weather", value="fine"))


def test_an_event_that_nobody_serves_is_an_error(desk: Desk) -> None:
    with pytest.raises(UnhandledEvent, match="no function serves Request"):
        desk.ask(events.Request)


def test_every_kind_of_event_has_its_function() -> None:
    asked = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Request)}
    known = {*asked, *get_args(events.Event), *get_args(reports.Report)} - {events.Request}
    assert len(known) > 40
    assert known == set(_HANDLERS)


# -- armed and running -------------------------------------------------------------------------------------------------


def test_nothing_starts_unarmed_or_before_the_device_is_ready(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert said(desk.ask(events.Start)) == "start: not armed (it is CONFIGURED)"
    desk.answers = False
    assert desk.arm().accepted
    assert said(desk.ask(events.Start)) == "start: the device is not ready yet"


def test_what_needs_a_run_is_refused_without_one(desk: Desk) -> None:
    desk.sign_in()
    assert "nothing runs" in said(desk.ask(events.Pause))
    assert "nothing is paused" in said(desk.ask(events.Resume))
    assert "nothing runs" in said(desk.ask(events.Lower))
    assert "while the channel runs" in said(desk.ask(events.Mark, channel=1, kind="motor"))
    assert "no levels are being found" in said(desk.ask(events.NextChannel))
    assert "nothing runs" in said(desk.ask(events.SkipPhase, reason="x"))
    assert "with a reason" in said(desk.ask(events.EndEarly, reason="x"))
    assert "no phase waits for a key" in said(desk.ask(events.PressTrigger))
    assert "there is no fault" in said(desk.ask(events.ResetFault, reason="x"))
    assert "not running" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
    assert desk.ask(events.ContractionSeen, channel=1).accepted, "a fall is never refused"


def test_reasons_are_asked_for(desk: Desk) -> None:
    desk.therapy()
    assert "reason" in said(desk.ask(events.SkipPhase, reason=" "))
    assert "reason" in said(desk.ask(events.EndEarly, reason=" "))
    assert desk.ask(events.EndEarly, reason="tired").accepted
    assert desk.engine.outcome == "stopped", "no contraction was given to its end"
    desk.let_pass(0.2)
    assert desk.phase is Phase.CONFIGURED


@pytest.mark.parametrize(("after_s", "outcome"), [(0, "stopped"), (5, "stopped"), (9.6, "completed")])
@pytest.mark.parametrize("how", [events.EndEarly, events.SkipPhase])
def test_what_is_ended_early_is_complete_if_nearly_all_was_given(
    desk: Desk, how: type[events.Request], after_s: float, outcome: str
) -> None:
    """Three contractions of 2 s with 2 s between them, the first one second before this begins."""
    desk.therapy()
    desk.let_pass(after_s)
    if desk.phase is Phase.RUNNING:
        assert desk.ask(how, reason="enough").accepted
    desk.let_pass(0.2)
    assert desk.engine.outcome == desk.look().outcome == outcome


def test_a_plan_of_which_nothing_was_given_is_not_complete(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate()
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    assert desk.ask(events.SkipPhase, reason="not today").accepted
    desk.let_pass(0.2)
    assert desk.look().outcome == "stopped"


def test_skipping_a_phase_ends_its_authorisation_and_begins_the_next_from_zero() -> None:
    desk = Desk("immobilised-quadriceps-atrophy")
    desk.therapy()
    at = desk.look().plan_phase_index
    before = len(desk.effects)
    assert desk.ask(events.SkipPhase, reason="tired").accepted
    assert any(isinstance(effect, effects.Revoke) for effect in desk.effects[before:])
    assert desk.look().plan_phase_index == at + 1
    assert not desk.last().channels
    desk.let_pass(3)
    assert desk.last().channels
    assert desk.last().channels[0].amplitude_ua <= 5_000


def test_a_stop_in_therapy_keeps_the_place_and_a_new_arm_goes_on_there(desk: Desk) -> None:
    desk.therapy()
    desk.let_pass(8)
    assert desk.ask(events.Stop).accepted
    desk.let_pass(0.2)
    at, done = desk.look().contraction, desk.engine.contractions
    assert (at, done) == (3, 2)
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    assert (desk.look().contraction, desk.engine.contractions) == (3, 2)
    desk.let_pass(8)
    assert desk.look().outcome == "completed"
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    assert (desk.look().contraction, desk.engine.contractions) == (1, 0), "what was completed is not gone on with"


def test_what_is_configured_is_shown_and_written_whole() -> None:
    desk = Desk("immobilised-quadriceps-atrophy")
    desk.sign_in()
    assert (desk.look().protocol_id, desk.look().cue) == ("", "")
    assert desk.configure("titration").accepted
    assert desk.look().protocol_id == "immobilised-quadriceps-atrophy"
    written = desk.logged("setup")[-1]
    assert set(written["cap_reasons"]) == set(written["caps_ua"]) != set()


def test_each_schedule_is_of_the_file_that_was_asked_for_and_within_the_limits_in_force() -> None:
    desk = Desk(limits=LIMITS & Limits.of({"first_ramp_min_us": 800_000}, layer="site", source="test"))
    desk.therapy()
    schedules = [line["schedule"] for line in desk.logged("setup")]
    assert [(one["purpose"], one["protocol_sha256"]) for one in schedules] == [
        ("titration", desk.digest), ("therapy", desk.digest),
    ]  # fmt: skip
    windows = [one for made in schedules for phase in made["phases"] for one in phase["windows"]]
    assert all(one["first_ramp_up_us"] >= 800_000 for one in windows)


def test_a_stop_while_levels_are_found_ends_no_therapy(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(1)
    assert desk.ask(events.Stop).accepted
    assert desk.look().outcome == ""


def test_another_protocol_forgets_the_place(desk: Desk) -> None:
    desk.therapy()
    desk.let_pass(8)
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    desk.source = desk.source.model_copy(update={"id": "another"})
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    assert (desk.look().contraction, desk.engine.contractions) == (1, 0)


def test_marks_are_kept_with_the_level_that_plays(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    for kind in ("sensory", "motor", "max-tolerated"):
        assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        assert "too fast" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
        desk.let_pass(0.6)
        desk.hold()
        assert desk.ask(events.Mark, channel=1, kind=kind).accepted
    (view,) = desk.look().channels
    assert (view.sensory_ua, view.motor_ua, view.max_tolerated_ua) == (1_000, 2_000, 3_000)
    assert [line["mark"] for line in desk.logged("levels")] == ["sensory", "motor", "max-tolerated"]
    assert "while the channel runs" in said(desk.ask(events.Mark, channel=7, kind="motor"))
    assert "no such channel" in said(desk.ask(events.Raise, channel=7, snapshot_n=desk.look().n))


def test_what_was_tolerated_is_reached_again_twice_as_fast_on_a_coarse_grid() -> None:
    desk = Desk(profile=replace(PROFILE, amplitude_step_ua=MicroAmp(2_000)))  # as a RehaStim2
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(0.6)
    desk.hold()
    assert "too fast" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n)), "2 mA/s above the tolerated"
    desk.let_pass(0.5)
    desk.hold()
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(1.1)
    desk.hold()
    assert desk.ask(events.Mark, channel=1, kind="max-tolerated").accepted
    assert desk.ask(events.Lower, channel=1, percent=60).accepted
    desk.let_pass(1.1)
    desk.hold()
    for _ in range(1):
        assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.55)
    assert desk.look().channels[0].level_ua <= 4_000


def test_a_raise_waits_for_the_last_one_and_for_the_limit() -> None:
    desk = Desk(limits=LIMITS & Limits.of({"amplitude_ua": 6_000}, layer="patient", source="a test"))
    desk.therapy()
    desk.hold()
    desk.grants = False
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(0.6)
    assert "being written" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
    desk.let_pass(0.6)
    desk.grants = True
    desk.hold()
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(1.1)
    desk.hold()
    assert "at its limit 6 mA (L1)" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))


def test_sensory_output_is_capped_by_its_mark_and_one_key_corrects_it() -> None:
    desk = Desk("tens-conventional-pain")
    desk.sign_in()
    desk.find_sensory()
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(1)
    assert "at its limit 9 mA (L26)" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
    assert desk.ask(events.ContractionSeen, channel=1).accepted
    (view, *_) = desk.look().channels
    assert view.level_ua == view.motor_ua == 7_000
    assert "too fast" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n)), "right behind a fall"
    desk.let_pass(1)
    assert "at its limit" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
    assert desk.ask(events.Lower, channel=1, percent=30).accepted
    desk.let_pass(1)
    assert not desk.look().channels[0].raise_locked
    desk.let_pass(600)
    assert "older than 10 min" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))


def test_an_alarm_goes_when_it_was_seen_and_its_cause_is_gone(desk: Desk) -> None:
    lines: list[str] = []
    alarms = Alarms(lambda line: lines.append(line.KIND))
    alarms.sound("x", "medium", "something")
    alarms.sound("x", "medium", "something")
    assert lines == ["alarm"]
    alarms.seen("x")
    assert alarms["x"].acknowledged
    alarms.calm("x")
    assert "x" not in alarms
    alarms.sound("y", "medium", "something else")
    alarms.calm("y")
    alarms.calm("y")
    alarms.calm("unknown")
    assert not alarms["y"].active
    alarms.seen("y")
    assert "y" not in alarms
    assert desk.ask(events.Acknowledge, code="never").accepted


@pytest.mark.hazard("H46")
@pytest.mark.parametrize("how", ["arm", "resume"])
def test_what_happens_again_is_alarmed_again(desk: Desk, how: str) -> None:
    """Found: a second lost pad, or switch, stood as seen already, because the first one had been."""
    if how == "arm":
        desk.therapy()
    else:
        desk.sign_in()
        assert desk.configure("titration").accepted
        assert desk.arm().accepted
        assert desk.ask(events.Start).accepted
    before = len(desk.logged("alarm"))
    for time in (1, 2):
        if how == "arm":
            desk.step(PatientSwitch(pressed=True))
            desk.step(PatientSwitch(pressed=False))
        else:
            desk.step(ChannelFault(channel=2, kind="electrode", text="channel 2: a pad or cable is off"))
        (alarm,) = desk.look().alarms
        assert (alarm.acknowledged, alarm.active) == (False, True)
        assert len(desk.logged("alarm")) == before + time
        assert desk.ask(events.Acknowledge, code=alarm.code).accepted
        (alarm,) = desk.look().alarms
        assert alarm.acknowledged
        desk.let_pass(2)
        reply = desk.arm() if how == "arm" else desk.ask(events.Resume)
        assert reply.accepted, reply.problems
        assert not desk.look().alarms
        if how == "arm":
            assert desk.ask(events.Start).accepted


def test_an_alarm_that_nobody_saw_stays_as_one_that_is_over(desk: Desk) -> None:
    desk.therapy()
    desk.step(PatientSwitch(pressed=True))
    desk.step(PatientSwitch(pressed=False))
    desk.let_pass(2)
    assert desk.arm().accepted
    (alarm,) = desk.look().alarms
    assert (alarm.code, alarm.acknowledged, alarm.active) == ("patient-stop", False, False)


def test_a_high_alarm_keeps_from_arming() -> None:
    core = Core(PROFILE, LIMITS, simulated=True)
    core.sitting.alarms.sound("x", "high", "something bad")
    core.sitting.alarms.sound("z", "low", "something small")
    said = [problem.message for problem in missing(core)]
    assert "something bad" in said
    assert "something small" not in said


def test_notes_and_outcomes_are_lines(desk: Desk) -> None:
    desk.sign_in()
    for kind in ("note", "outcome", "poem"):
        assert desk.ask(events.Note, kind=kind, fields={"pain": 3, "share": 0.5}).accepted
    assert desk.logged("note") == [{"pain": 3, "share": "0.5"}] * 2
    assert desk.logged("outcome") == [{"pain": 3, "share": "0.5"}]


def test_what_a_line_can_hold() -> None:
    assert plain({"a": (1, None, True, Phase.READY)}) == {"a": [1, None, True, "READY"]}
    assert plain(object())


def test_signing_waits_for_off(desk: Desk) -> None:
    desk.therapy()
    assert "output must be off" in said(desk.ask(events.Sign, operator="o"))


def test_the_reset_of_a_fault_has_a_reason_and_an_off(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(events.ClockJumped(late_us=300_000))
    assert desk.phase is Phase.FAULT
    assert "must be confirmed off" in said(desk.ask(events.ResetFault, reason="x"))
    desk.step(OFF)
    assert "a reason is needed" in said(desk.ask(events.ResetFault, reason=" "))
    assert desk.ask(events.ResetFault, reason="x").accepted
    assert desk.look().phase is Phase.DISCONNECTED


def test_a_jump_of_the_clock_matters_only_where_output_could_be(desk: Desk) -> None:
    desk.sign_in()
    desk.step(events.ClockJumped(late_us=300_000))
    assert desk.phase is Phase.READY


def test_a_trip_of_the_interlock_is_a_fault(desk: Desk) -> None:
    desk.therapy()
    desk.step(events.Tripped(rule="L1", text=str(InterlockTripped("L1", "amplitude", asked=2, allowed=1))))
    assert desk.phase is Phase.FAULT
    assert "L1: amplitude 2, allowed 1" in desk.logged("fault")[0]["text"]


# -- leaving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [events.ConsoleGone(), events.Signal(name="SIGTERM")])
def test_leaving_stops_first_and_closes_the_record_when_off_is_confirmed(desk: Desk, event: Any) -> None:
    desk.therapy()
    desk.answers = False
    done = desk.step(event)
    assert isinstance(next(e for e in done if isinstance(e, effects.Send)).command, OutputOff)
    assert not desk.engine.finished
    desk.step(event)
    desk.step(OFF)
    assert desk.engine.finished
    assert desk.logged("end")[0]["output"] == "OFF"


def test_leaving_with_an_uncertain_output_says_so_in_the_record(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(events.ConsoleGone())
    desk.let_pass(1.2)
    assert desk.look().output is OutputState.UNCERTAIN
    assert desk.engine.finished
    assert desk.logged("end")[0]["outcome"] in {"uncertain", "stopped"}


# -- triggers ----------------------------------------------------------------------------------------------------------


def keeper(source: str = "switch", **changes: Any) -> Gatekeeper:
    values: dict[str, Any] = {
        "source": source, "on": "press", "off": "release", "hold": True, "max_on_us": Micros(5 * SECOND),
        "min_on_us": Micros(0), "extend_us": Micros(SECOND), "refractory_us": Micros(0),
    }  # fmt: skip
    phase = PhasePlan(
        name="p", kind="work", mode="triggered", relation="together", windows=(window(max_on_us=Micros(5 * SECOND)),),
        cycle_us=Micros(0), cycles=0, sets=1, set_rest_us=Micros(0), duration_us=Micros(60 * SECOND),
        trigger=Trigger(**{**values, **changes}),
    )  # fmt: skip
    return Gatekeeper(phase, lambda _window, _now_us: "")


def test_a_gate_that_is_wanted_again_while_it_extends_stays_open() -> None:
    one = keeper()
    assert one.sensor("press", 0)
    assert one.sensor("release", 100) == []
    assert one.next_due_us() == 100 + SECOND
    assert one.sensor("press", 200) == []
    assert one.due(10 * SECOND) == []
    assert one.sensor("release", 300) == []
    assert [move.opens for move in one.due(300 + SECOND)] == [False]


def test_what_is_not_open_cannot_close_and_what_hears_nothing_opens_nothing() -> None:
    one = keeper()
    assert one.release(0) == []
    assert one.sensor("release", 0) == []
    assert one.press(0)
    assert one.press(1) == []
    assert one.hear(EmgSamples(t0_us=Micros(0), rate_hz=1000, samples_uv=(900,) * 10), 2) == []


def test_a_phase_without_a_trigger_has_no_gatekeeper() -> None:
    one = keeper()
    one.phase = replace(one.phase, trigger=None)
    with pytest.raises(ValueError, match="has no trigger"):
        _ = one.trigger


def test_a_gate_that_is_not_authorised_stays_shut() -> None:
    desk = Desk("hand-grasp-task")
    desk.triggered()
    desk.grants = False
    desk.let_pass(61)
    assert desk.ask(events.PressTrigger).accepted
    assert not desk.last().channels


@pytest.mark.parametrize(
    ("rule", "limit"), [("L20", {"duty_triggered_permille": 30}), ("L21b", {"motor_on_us": 7 * SECOND})]
)
def test_a_sessions_own_time_withholds_a_gate(rule: str, limit: dict[str, int]) -> None:
    desk = Desk("hand-grasp-task", limits=LIMITS & Limits.of(limit, layer="patient", source="a test"))
    desk.triggered()
    assert desk.ask(events.PressTrigger).accepted
    desk.let_pass(8)
    reply = desk.ask(events.PressTrigger)
    assert "on for too long" in said(reply)
    assert reply.problems[0].rule == rule


def test_the_switch_that_is_the_trigger_does_not_stop(tmp_path: Path) -> None:
    text = (Path("src/estim/protocols/library/hand-grasp-task.toml")).read_text(encoding="utf-8")
    path = tmp_path / "made.toml"
    path.write_text(text.replace('source = "key"', 'source = "switch"\non = "press"\nhold = true'), encoding="utf-8")
    desk = Desk(str(path))
    desk.triggered()
    desk.step(PatientSwitch(pressed=True))
    desk.let_pass(1)
    assert desk.last().channels
    desk.step(PatientSwitch(pressed=False))
    assert desk.look().phase is Phase.RUNNING
    desk = Desk("hand-grasp-task")
    desk.triggered()
    desk.step(PatientSwitch(pressed=False))
    assert desk.look().phase is Phase.RUNNING
    desk.step(PatientSwitch(pressed=True))
    assert desk.look().phase is not Phase.RUNNING


def titrating(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted


def raised_to(desk: Desk, level_ua: int) -> None:
    while (view := desk.look().channels[0]).level_ua < level_ua:
        if not view.raise_locked:
            assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)


@pytest.mark.parametrize("kind", ["sensory", "motor", "max-tolerated", "no-twitch"])
def test_a_mark_is_of_current_that_came(desk: Desk, kind: str) -> None:
    titrating(desk)
    assert "nothing flows yet" in said(desk.ask(events.Mark, channel=1, kind=kind))
    desk.let_pass(3)
    assert "nothing flows yet" in said(desk.ask(events.Mark, channel=1, kind=kind))
    assert not desk.look().channels[0].found
    raised_to(desk, 2_000)
    assert desk.ask(events.Mark, channel=1, kind=kind).accepted


def test_a_level_that_was_set_and_did_not_come_is_no_mark(desk: Desk) -> None:
    titrating(desk)
    desk.hold()
    desk.answers = False
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(0.05)
    assert desk.look().channels[0].level_ua == 1_000
    assert "no current has come yet" in said(desk.ask(events.Mark, channel=1, kind="motor"))


def next_hold(desk: Desk) -> None:
    """The next contraction, as soon as a raise is possible in it."""
    while desk.look().channels[0].cycle is not Cycle.REST:
        desk.let_pass(0.05)
    while desk.look().channels[0].raise_locked:
        desk.let_pass(0.05)


def raised_unanswered(desk: Desk) -> None:
    """3 mA are held, and the device does not answer the step to 4."""
    titrating(desk)
    raised_to(desk, 3_000)
    next_hold(desk)
    desk.answers = False
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted


@pytest.mark.hazard("H39")
def test_a_raise_waits_until_the_last_one_has_come(desk: Desk) -> None:
    """Raises that late turns held back added up: six were felt within 0.2 s."""
    raised_unanswered(desk)
    desk.let_pass(0.6)
    assert desk.look().channels[0].cycle is Cycle.HOLD
    assert desk.look().channels[0].raise_locked == "the last step has not come yet"
    assert "the last step has not come yet" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
    desk.step(Acknowledged(seq=desk.command_n, round_trip_us=Micros(1_000)))
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted


def test_a_step_that_no_contraction_has_played_is_no_mark(desk: Desk) -> None:
    raised_unanswered(desk)
    desk.let_pass(0.1)
    assert desk.look().channels[0].level_ua == 4_000
    assert "this level has not come yet" in said(desk.ask(events.Mark, channel=1, kind="motor"))
    assert desk.ask(events.Lower, channel=1, percent=0).accepted
    desk.step(Acknowledged(seq=desk.command_n, round_trip_us=Micros(1_000)))
    assert desk.ask(events.Mark, channel=1, kind="motor").accepted


def test_a_level_that_came_is_marked_in_the_rest_behind_it(desk: Desk) -> None:
    titrating(desk)
    raised_to(desk, 3_000)
    next_hold(desk)
    while desk.look().channels[0].cycle is not Cycle.REST:
        desk.let_pass(0.1)
    assert desk.ask(events.Mark, channel=1, kind="motor").accepted


def test_marks_stand_in_their_order(desk: Desk) -> None:
    titrating(desk)
    raised_to(desk, 3_000)
    assert desk.ask(events.Mark, channel=1, kind="sensory").accepted
    raised_to(desk, 5_000)
    assert desk.ask(events.Mark, channel=1, kind="max-tolerated").accepted
    raised_to(desk, 6_000)
    refused = said(desk.ask(events.Mark, channel=1, kind="motor"))
    assert "strongest was marked at 5 mA, below the 6 mA that play now" in refused
    assert desk.ask(events.Mark, channel=1, kind="max-tolerated").accepted, "the same mark may always be made anew"
    assert desk.ask(events.Lower, channel=1, percent=67).accepted
    assert "felt was marked at 3 mA, above" in said(desk.ask(events.Mark, channel=1, kind="motor"))
    assert desk.ask(events.Mark, channel=1, kind="sensory").accepted
    assert desk.ask(events.Mark, channel=1, kind="motor").accepted


@pytest.mark.parametrize("when", ["while it runs", "once it is stopped", "armed again"])
def test_what_was_lowered_stays_lowered_over_a_stop_and_a_new_start(when: str) -> None:
    """The explorer found it at depth five: the level came back with the start, and the interlock ended the session."""
    desk = Desk()
    desk.therapy()
    level_ua = desk.look().channels[0].level_ua
    if when == "while it runs":
        assert desk.ask(events.Lower, percent=40).accepted
    assert desk.ask(events.Stop).accepted
    if when == "once it is stopped":
        assert desk.ask(events.Lower, percent=40).accepted
    assert desk.arm().accepted
    if when == "armed again":
        assert desk.ask(events.Lower, percent=40).accepted
    lowered_ua = level_ua * 60 // 100 // 500 * 500
    assert desk.ask(events.Start).accepted
    assert desk.look().channels[0].level_ua == lowered_ua
    before = len(desk.effects)
    desk.hold()
    asked = [effect for effect in desk.effects[before:] if isinstance(effect, effects.Authorise)]
    told = [e for e in desk.effects if isinstance(e, effects.LowerCeiling)]
    assert told
    assert told[-1].level_ua == lowered_ua
    assert all(peak.peak_ua <= lowered_ua for one in asked for peak in one.peaks)
    assert max(output.amplitude_ua for output in desk.last().channels) == lowered_ua


def _stop_for(desk: Desk, why: object) -> None:
    assert desk.ask(events.Stop).accepted
    assert desk.ask(events.Note, kind="reason", fields={"stopped": why}).accepted


def test_after_a_stop_for_pain_the_level_that_hurt_does_not_come_back() -> None:
    desk = Desk()
    desk.therapy()
    hurt_ua = desk.look().channels[0].level_ua
    _stop_for(desk, "pain")
    lower_ua = hurt_ua * 80 // 100 // 500 * 500
    assert [(one["before_ua"], one["level_ua"]) for one in desk.logged("lowered")] == [(hurt_ua, lower_ua)]
    assert desk.arm().accepted
    before = len(desk.effects)
    assert desk.ask(events.Start).accepted
    desk.hold()
    asked = [effect for effect in desk.effects[before:] if isinstance(effect, effects.Authorise)]
    assert max(peak.peak_ua for one in asked for peak in one.peaks) == lower_ua
    assert desk.ask(events.Stop).accepted
    desk.configure("therapy")
    assert desk.look().channels[0].level_ua == lower_ua, "configured anew it is the level that is known"


@pytest.mark.parametrize("why", ["patient-asked", "unwell", ["pain"], None])
def test_a_stop_for_something_else_leaves_the_levels(why: object) -> None:
    desk = Desk()
    desk.therapy()
    _stop_for(desk, why)
    assert not desk.logged("lowered")
    assert desk.arm().accepted


def test_pain_before_anything_ran_lowers_nothing(desk: Desk) -> None:
    desk.sign_in()
    assert desk.ask(events.Note, kind="reason", fields={"stopped": "pain"}).accepted
    assert desk.configure("titration").accepted
    assert desk.ask(events.Note, kind="reason", fields={"stopped": "pain"}).accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    assert desk.ask(events.Note, kind="reason", fields={"stopped": "pain"}).accepted
    assert not desk.logged("lowered"), "finding levels begins at 0 mA: nothing was raised yet"


def test_pain_while_levels_are_found_lowers_what_was_found(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate(steps=4)
    desk.configure("titration")
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    while desk.look().channels[0].level_ua < 3_000:
        if not desk.look().channels[0].raise_locked:
            assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)
    _stop_for(desk, "pain")
    assert desk.configure("therapy").accepted
    (fall,) = desk.logged("lowered")
    assert fall["level_ua"] == fall["before_ua"] * 80 // 100 // 500 * 500
    assert desk.look().channels[0].level_ua == fall["level_ua"], "which is what treatment would begin with"


@pytest.mark.parametrize("why", ["skin", "electrode"])
def test_after_a_stop_for_the_skin_or_a_pad_both_are_looked_at_again(why: str) -> None:
    desk = Desk()
    desk.therapy()
    _stop_for(desk, why)
    assert desk.look().wants == ("pads", "skin")
    assert not desk.ask(events.Arm).accepted


def test_a_lost_level_is_not_found_by_lowering_it() -> None:
    desk = Desk()
    desk.therapy()
    desk.step(ChannelFault(channel=1, kind="electrode", text="a pad came off"))
    assert not desk.look().channels[0].found
    assert desk.ask(events.Lower, percent=20).accepted
    assert not desk.look().channels[0].found
    assert "must be found again" in said(desk.ask(events.Resume))
