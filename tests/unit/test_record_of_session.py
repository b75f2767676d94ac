"""What the engine writes down at the ends of sessions, and what it forgets between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from estim.safety.reports import DeviceFault, LinkDown
from estim.session import effects, events, screening
from estim.session.state import Phase
from tests.unit.desk import Desk


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
    assert desk.engine.core.found
    assert desk.ask(events.SignIn, operator="o", patient_id="q").accepted
    core = desk.engine.core
    assert desk.phase is Phase.READY
    assert (core.found, core.accounts, core.confirmed, core.cleared, core.setup) == ({}, {}, {}, None, None)
    assert not desk.ask(events.Arm).accepted
    assert desk.ask(events.Screen, answers=screening.scripted_answers(), scripted=True).accepted
    refused = desk.configure("therapy")
    assert not refused.accepted  # no levels were found for this patient
