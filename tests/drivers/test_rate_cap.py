"""What a bridge that talks without pause may do: nothing but be counted."""

from __future__ import annotations

from estim.drivers.side import RateCap
from estim.safety.reports import Noise, PatientSays, PatientSwitch, Report

SAYS = PatientSays(sensation="tingling", text="more")


def test_what_comes_too_fast_is_left_out_and_said_once() -> None:
    now_s = 0.0
    cap = RateCap(lambda: now_s)
    kept: list[Report] = cap.let_in([SAYS] * 10_000)
    assert kept == [SAYS, SAYS]
    now_s = 1.1
    kept = cap.let_in([])
    assert kept == [Noise(count=0, text="a bridge talks too fast; left out: 9998 of PatientSays")]
    assert cap.let_in([SAYS]) == [SAYS]
    now_s = 2.2
    assert cap.let_in([]) == []


def test_a_press_of_the_switch_is_heard_behind_any_number_of_others() -> None:
    cap = RateCap(lambda: 0.0)
    flood: list[Report] = [PatientSwitch(pressed=False)] * 500
    pressed = PatientSwitch(pressed=True)
    assert pressed in cap.let_in([*flood, pressed])
    assert pressed in cap.let_in([pressed])
