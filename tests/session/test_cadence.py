"""Crank windows lead by what force lags behind, at the cadence of the last turn; turning back closes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estim.safety.schedule import Trigger
from estim.safety.units import Micros
from estim.session.cadence import Cadence
from estim.session.trigger import Gatekeeper
from tests.safety.build import schedule, window

TRIGGER = Trigger(
    source="crank", on="", off="timeout", hold=False, max_on_us=Micros(2_000_000), min_on_us=Micros(0),
    extend_us=Micros(0), refractory_us=Micros(0), cadence_rpm=40, lead_on_us=Micros(100_000),
    lead_off_us=Micros(80_000), lead_limit_deg=60,
)  # fmt: skip


def turned(rpm: float, turns: float = 2.0) -> Cadence:
    cadence = Cadence()
    for deg in range(int(360 * turns) + 1):
        cadence.see(deg % 360, round(deg / (6 * rpm) * 1e6))
    return cadence


@pytest.mark.parametrize(("rpm", "lead"), [(50, 30), (20, 12), (100, 60), (150, 60), (14, 0)])
def test_the_lead_is_what_the_crank_turns_in_that_time(rpm: int, lead: int) -> None:
    assert turned(rpm).lead_deg(100_000, 60) == pytest.approx(lead, abs=1)


def test_before_a_whole_turn_there_is_no_lead() -> None:
    assert turned(50, 0.9).lead_deg(100_000, 60) == 0


def test_windows_open_and_close_earlier_and_a_reversed_crank_closes_them() -> None:
    one = replace(window(), crank_deg=(20, 130), max_on_us=Micros(2_000_000))
    gates = Gatekeeper(
        replace(schedule(windows=[one]).phases[0], mode="triggered", trigger=TRIGGER), lambda _window, _now: ""
    )
    seen: list[tuple[bool, int]] = []
    now_us = 0
    for deg in range(360 * 3):
        now_us = round(deg / (6 * 50) * 1e6)
        for move in gates.crank(deg % 360, now_us):
            seen.append((move.opens, deg % 360))
            if not move.opens:
                gates.ended(move.window, now_us)
    assert seen[-2:] == [(False, 106), (True, 350)], "20° - 30° and 130° - 24°"
    assert gates.in_force_deg(one) == (350, 106)
    back = [move for n, deg in enumerate((357, 354, 351)) for move in gates.crank(deg, now_us + 17_000 * (n + 1))]
    assert back, "it was open, and the crank turned back"
    assert not any(move.opens for move in back)
