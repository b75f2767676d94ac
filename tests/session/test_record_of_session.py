"""What the engine writes down at the ends of sessions, and what it forgets between two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from estim.record_lines.table import FORMAT
from estim.safety.reports import Battery, DeviceFault, Identified, LinkDown, PatientSays, PatientSwitch, PracticeState
from estim.session import effects, events, screening
from estim.session.state import Phase
from tests.session.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def lines(desk: Desk, kind: str) -> list[Mapping[str, Any]]:
    return [effect.fields for effect in desk.effects if isinstance(effect, effects.Log) and effect.kind == kind]


def doses(desk: Desk) -> list[Mapping[str, Any]]:
    return [fields for fields in lines(desk, "dose") if fields["purpose"] == "therapy"]


@pytest.mark.parametrize(
    "end",
    [
        DeviceFault(code=5, text="no", seq=None),
        LinkDown(reason="the cable"),
        events.ClockJumped(late_us=400_000),
        events.Tripped(rule="L1", text="too much"),
    ],
)
def test_a_fault_leaves_its_dose_in_the_record(desk: Desk, end: Any) -> None:
    desk.therapy()
    desk.let_pass(1)
    desk.step(end)
    assert desk.phase is Phase.FAULT
    (dose,) = doses(desk)
    (row,) = dose["channels"]
    assert row["pulses"] > 0
    assert row["charge_pc"] > 0
    assert row["on_us"] > 0
    kinds = [effect.kind for effect in desk.effects if isinstance(effect, effects.Log)]
    assert kinds.index("dose", kinds.index("setup")) < kinds.index("fault")


def test_an_output_that_stays_uncertain_leaves_its_dose_too(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(events.ConsoleGone())
    desk.let_pass(3)
    assert desk.engine.finished
    (dose,) = doses(desk)
    assert dose["channels"][0]["pulses"] > 0
    (end,) = lines(desk, "end")
    assert (end["outcome"], end["output"]) == ("uncertain", "UNCERTAIN")


def test_each_run_has_one_dose_line(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Stop)
    desk.let_pass(2)
    desk.step(events.ClockJumped(late_us=400_000))
    assert len(doses(desk)) == 1
    assert len(lines(desk, "dose")) == 2  # the titration's and the therapy's


def test_the_next_patient_gets_nothing_of_the_last_one(desk: Desk) -> None:
    desk.therapy()
    desk.ask(events.Stop)
    desk.let_pass(1)
    assert desk.ask(events.Sign, operator="o").accepted
    assert desk.look().channels[0].found
    assert desk.ask(events.SignIn, operator="o", patient_id="q").accepted
    assert desk.phase is Phase.READY
    assert desk.engine.loaded is None
    assert not desk.ask(events.Arm).accepted
    assert desk.ask(events.Screen, answers=screening.scripted_answers(), scripted=True).accepted
    refused = desk.configure("therapy")
    assert not refused.accepted  # no levels were found for this patient


def test_what_was_practised_and_said_is_not_shown_to_the_next(desk: Desk) -> None:
    """Found: the last patient's words stood on the screen when the next one sat down."""
    desk.therapy()
    desk.step(PatientSays(sensation="strong", text="that is too much"))
    desk.step(PracticeState(channel=1, force_n=12, force_percent=10, fatigue_percent=1, comfort=2))
    practice = desk.look().practice
    assert practice is not None
    assert (practice.says, practice.force_n) == ("that is too much", 12), "it was there before"
    desk.ask(events.Stop)
    desk.let_pass(1)
    assert desk.ask(events.Sign, operator="o").accepted
    assert desk.ask(events.SignIn, operator="o", patient_id="q").accepted
    assert desk.look().practice is None
    desk.step(PracticeState(channel=1, force_n=0, force_percent=0, fatigue_percent=0, comfort=10))
    practice = desk.look().practice
    assert practice is not None
    assert practice.says == ""


def test_a_command_that_an_off_overtakes_has_its_line(desk: Desk) -> None:
    """Found: a train's first pulse came out while the off was on its way, and no line said so."""
    desk.therapy()
    desk.answers = False
    sent = len(desk.sent())
    while len(desk.sent()) == sent:
        desk.let_pass(0.005)
    command, at_us = desk.last(), desk.now_us
    desk.ask(events.Stop)
    (line,) = lines(desk, "unanswered")
    assert line["sent_us"] == at_us
    assert [row["amplitude_ua"] for row in line["channels"]] == [command.channels[0].amplitude_ua]
    desk.let_pass(0.2)
    assert len(lines(desk, "unanswered")) == 1


def test_alarms_belong_to_their_session_and_the_devices_stay(desk: Desk) -> None:
    """Found: a warning that nobody had accepted kept the next patient's level from being raised."""
    desk.sign_in()
    desk.titrate(81)
    desk.step(Battery(percent=10, millivolt=3_200))
    desk.step(PatientSwitch(pressed=True))
    desk.let_pass(1)
    assert {alarm.code for alarm in desk.look().alarms} == {"warn-1-L1", "battery-low", "patient-stop"}
    assert desk.ask(events.Sign, operator="o").accepted
    assert desk.ask(events.SignIn, operator="o", patient_id="q").accepted
    assert [alarm.code for alarm in desk.look().alarms] == ["battery-low"]


def muscle(desk: Desk) -> str:
    (channel,) = desk.source.channel
    return f"{channel.muscle}/left"


def sign_in(desk: Desk, *, titrate: bool = True, **known: Any) -> None:
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert desk.ask(events.SignIn, operator="o", patient_id="p", **known).accepted
    assert desk.ask(events.Screen, answers=screening.scripted_answers(), scripted=True).accepted
    if titrate:
        desk.titrate()


def test_what_a_muscle_had_today_holds_the_limit(desk: Desk) -> None:
    sign_in(desk, minutes_today={muscle(desk): 60})
    refused = desk.configure("therapy")
    assert [problem.rule for problem in refused.problems] == ["L27"]
    assert lines(desk, "header")[0]["minutes_today"] == {muscle(desk): 60}


def test_a_therapy_of_this_session_counts_for_the_next_one(desk: Desk) -> None:
    """Two blocks in one session: the first one's minutes are had when the second is judged; levels do not count."""
    sign_in(desk, minutes_today={muscle(desk): 59})
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(600)
    assert desk.look().outcome == "completed"
    refused = desk.configure("therapy")
    assert [problem.rule for problem in refused.problems] == ["L27"]


def test_a_therapy_that_goes_on_is_not_counted_twice(desk: Desk) -> None:
    sign_in(desk, minutes_today={muscle(desk): 59})
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(4)
    desk.ask(events.Stop)
    desk.let_pass(1)
    assert desk.configure("therapy").accepted


def test_a_flag_of_the_patients_file_tightens_whatever_is_answered(desk: Desk) -> None:
    sign_in(desk, patient_flags=("insensate_skin",), titrate=False)
    refused = desk.configure("titration")
    assert "L28" in {problem.rule for problem in refused.problems}


def test_a_session_that_ends_in_a_fault_while_levels_are_found_says_so(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(1)
    desk.step(events.ClockJumped(late_us=400_000))
    desk.step(events.ConsoleGone())
    desk.let_pass(1)
    (end,) = lines(desk, "end")
    assert end["outcome"] == "fault"
    assert [fields["purpose"] for fields in lines(desk, "dose")] == ["titration"]


def test_a_signature_says_who_when_and_what_it_means_and_no_pin_is_written(desk: Desk) -> None:
    desk.step(Identified(model="p24", device_id="SIM0000001", firmware="1"))
    assert desk.ask(events.SignIn, operator="o", patient_id="p", authenticated=True, pin="secret").accepted
    assert not desk.ask(events.Sign, operator="o", meaning="liked").accepted
    assert desk.ask(events.Sign, operator="o", meaning="witnessed", name="O P", utc="2026", pin="secret").accepted
    (signature,) = lines(desk, "signature")
    assert signature == {
        "operator": "o", "name": "O P", "meaning": "witnessed", "utc": "2026", "authenticated": False, "comment": "",
    }  # fmt: skip
    shown = desk.look().signature
    assert shown is not None
    assert (shown.operator, shown.name, shown.meaning, shown.utc) == ("o", "O P", "witnessed", "2026")
    assert type(desk.look()).from_json(json.loads(json.dumps(desk.look().to_json()))).signature == shown
    assert desk.ask(events.SignIn, operator="o", patient_id="q").accepted
    assert desk.look().signature is None
    assert lines(desk, "header")[0]["authenticated"]
    assert "secret" not in str([effect for effect in desk.effects if isinstance(effect, effects.Log)])


def test_the_header_says_which_program_and_which_limits(desk: Desk) -> None:
    desk.sign_in()
    (header,) = lines(desk, "header")
    assert header["software"] == "estim"  # who lets in fills in the version: tests/setup/test_version.py
    assert header["format"] == FORMAT
    assert len(header["limits_sha256"]) == 64
