"""What ends a session is named in one word, in words for a person and with a priority: in the record, on the screen."""

from __future__ import annotations

from typing import Any

import pytest

from estim.safety.reports import (
    Battery,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    LinkDown,
    PatientSays,
    PatientSwitch,
)
from estim.session import events
from estim.session.state import Phase
from tests.session.desk import OFF, Desk

ON_ELSEWHERE = DeviceStatus(output_on=True, level_open=True, active_channels=(1, 5))
NO_CHANNEL_NAMED = DeviceStatus(output_on=True, level_open=True, active_channels=None)
# event → phase that it leads to, cause, what is said. In treatment each is of high priority but where another is said.
IN_TREATMENT: dict[str, tuple[Any, Phase, str, str, str]] = {
    "the device refuses a command": (
        DeviceFault(code=7, text="wrong mode", seq=None), Phase.FAULT, "device-refused", "high",
        "The device refused a command: wrong mode (code 7).",
    ),
    "the device was restarted": (
        DeviceLost(reason="it was restarted", output_ended=True), Phase.FAULT, "device-lost", "high",
        "The device can't be reached: it was restarted.",
    ),
    "the link is cut": (
        LinkDown(reason="end of file"), Phase.FAULT, "link-lost", "high", "The device can't be reached: end of file.",
    ),
    "the interlock trips": (
        events.Tripped(rule="L1", text="too much"), Phase.FAULT, "interlock", "high",
        "The interlock stopped the output: too much",
    ),
    "the device stimulates elsewhere": (
        ON_ELSEWHERE, Phase.FAULT, "device-on", "high",
        "The device stimulates on channel [5] where the plan has none.",
    ),
    "the record can't be written": (
        events.RecordFailed(reason="disk full"), Phase.CONFIGURED, "record-failed", "medium",
        "The record can't be written: disk full. Output was stopped.",
    ),
    "the patient presses the switch": (
        PatientSwitch(pressed=True), Phase.CONFIGURED, "patient-switch", "medium",
        "The patient pressed the stop switch.",
    ),
}  # fmt: skip
ALARMS = {"patient-switch": "patient-stop"}  # the others' alarm has the cause's own name


@pytest.mark.parametrize("what", IN_TREATMENT)
def test_in_treatment_each_end_has_its_cause_words_and_priority(what: str) -> None:
    event, phase, cause, priority, text = IN_TREATMENT[what]
    desk = Desk()
    desk.therapy()
    desk.hold()
    desk.let_pass(0.5)
    desk.step(event)
    assert desk.phase is phase
    assert desk.look().cause == cause
    assert desk.logged("phase")[-1]["cause"] == cause
    assert desk.logged("fault") == ([{"cause": cause, "text": text}] if phase is Phase.FAULT else [])
    alarm = {"code": ALARMS.get(cause, cause), "priority": priority, "text": text}
    assert desk.logged("alarm")[-1] == alarm
    assert desk.look().outcome == ("stopped" if what == "the patient presses the switch" else "fault")
    assert alarm in [{"code": a.code, "priority": a.priority, "text": a.text} for a in desk.look().alarms]


@pytest.mark.parametrize(
    ("event", "code", "priority", "text"),
    [
        (DeviceFault(code=7, text="wrong mode", seq=None), "device-refused", "medium",
         "The device refused a command: wrong mode (code 7)."),
        (DeviceLost(reason="no answer"), "device-lost", "medium", "The device can't be reached: no answer."),
        (LinkDown(reason="end of file"), "link-lost", "medium", "The device can't be reached: end of file."),
        (Battery(percent=15, millivolt=3_500), "battery-low", "low", "The device's battery is at 15 %."),
    ],
)  # fmt: skip
def test_before_treatment_the_same_is_no_fault_but_said(event: Any, code: str, priority: str, text: str) -> None:
    desk = Desk()
    desk.sign_in()
    desk.step(event)
    assert desk.phase is not Phase.FAULT
    assert desk.logged("fault") == []
    assert desk.logged("alarm")[-1] == {"code": code, "priority": priority, "text": text}


def test_a_battery_that_is_charged_again_is_calm() -> None:
    desk = Desk()
    desk.sign_in()
    for percent, active in ((16, False), (15, True), (16, False)):
        desk.step(Battery(percent=percent, millivolt=3_500))
        assert [a.code for a in desk.look().alarms if a.active] == ["battery-low"] * active


@pytest.mark.parametrize(
    ("report", "doubted"),
    [(ON_ELSEWHERE, 38), (NO_CHANNEL_NAMED, 38), (None, 0)],
    ids=["channels named", "no channel named", "a device that obeys"],
)
def test_what_a_disobedient_device_may_have_given_is_booked(report: DeviceStatus | None, doubted: int) -> None:
    """From the command that it does not obey to its confirmed off, 0.75 s at 50 Hz, each of its pulses is in doubt."""
    desk = Desk()
    desk.therapy()
    desk.hold()
    assert desk.ask(events.Pause).accepted
    desk.let_pass(0.25)
    desk.answers = False
    if report is not None:
        desk.step(report)
        assert (desk.phase, desk.look().cause) == (Phase.FAULT, "device-on")
        text = "The device says that it is stimulating although nobody asked it to."
        assert desk.logged("fault") == [{"cause": "device-on", "text": text}]
    else:
        desk.ask(events.Stop)
    desk.let_pass(0.5)
    desk.step(OFF)
    (line,) = [one for one in desk.logged("dose") if one["purpose"] == "therapy"][-1:]
    (channel,) = line["channels"]
    assert channel["unacknowledged_pulses"] - 1 == doubted, "the one was on its way when the pause came"


def test_an_early_end_keeps_its_reason_and_counts_what_was_given() -> None:
    desk = Desk()
    desk.therapy()
    desk.hold()
    assert not desk.ask(events.EndEarly, reason=" ").accepted, "an end before its time wants a reason"
    assert desk.phase is Phase.RUNNING
    assert desk.ask(events.EndEarly, reason="pain").accepted
    assert desk.logged("request")[-1] == {"what": "end-early", "reason": "pain"}
    assert (desk.phase, desk.look().cause, desk.look().outcome) == (Phase.CONFIGURED, "end-early", "stopped")
    (problem,) = desk.ask(events.EndEarly, reason="pain").problems
    assert "possible while running or paused, with a reason" in problem.message


def test_what_a_virtual_patient_says_is_written_down() -> None:
    desk = Desk()
    desk.sign_in()
    desk.step(PatientSays(sensation="strong", text="That is strong."))
    (line,) = desk.logged("patient-says")
    assert (line["sensation"], line["text"]) == ("strong", "That is strong.")
