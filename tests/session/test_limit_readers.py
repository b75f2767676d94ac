"""Every limit of the table is read, and by its table alone: each key, moved one step each way, changes a judgement, a
compiled value or a run; no number of the table stands a second time where the product decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols.compile import compile_schedule
from estim.safety import measures
from estim.safety.caps import smaller_pad_mm2
from estim.safety.limits import ABSOLUTE, Limits
from estim.safety.limits_table import BY_KEY
from estim.safety.schedule import Schedule
from estim.safety.units import MicroAmp, Micros, MilliHertz, ceil_div
from estim.safety.verdict import judge
from estim.session import events, levels
from estim.session.ledger import Ledger
from estim.session.outbox import Outbox
from tests.safety.build import PROFILE, SECOND, TRUSTED, channel, schedule, window
from tests.session.desk import Desk
from tests.support import SHORT

SOURCE = Path(__file__).parents[2] / "src" / "estim"
Probe = Callable[[Limits, int], object]


class Reader(NamedTuple):
    """What shows that a limit is read: `probe(limits, base)` differs at `base` and one `step` to each side of it."""

    base: int
    step: int
    probe: Probe


def at(key: str, value: int) -> Limits:
    """Absolute, with one bound put in."""
    return ABSOLUTE & Limits.of({key: value}, layer="site", source="a test")


def refused(plan: Schedule, limits: Limits, **had: Any) -> frozenset[str]:
    problems, _ = judge(plan, limits, PROFILE, TRUSTED, **had)
    return frozenset(problem.rule for problem in problems if problem.severity == "refuse")


def cap(width_us: int = 250, area_mm2: int = 4_500, hz: float = 50, **of: Any) -> Probe:
    """The greatest amplitude in a window."""

    def probe(limits: Limits, _base: int) -> object:
        plan = schedule([channel(**of)], [window(width_us=width_us, hz=hz)], area_mm2=area_mm2)
        area = smaller_pad_mm2(plan, plan.channels[0])
        return measures.greatest(plan.phases[0].windows[0], area, plan.channels[0].output, limits, 1)

    return probe


SENSORY: dict[str, Any] = {"output": "sensory", "amplitude_rule": "sensory", "motor_mark_ua": MicroAmp(90_000)}


def three(step: int, plan: Callable[[int], Schedule], **had: Any) -> Probe:
    """Which of three plans, below, at and above the bound, are refused."""

    def probe(limits: Limits, base: int) -> object:
        return [refused(plan(base + way * step), limits, **had) for way in (-1, 0, 1)]

    return probe


def pulse(field: str) -> Callable[[int], Schedule]:
    def plan(value: int) -> Schedule:
        changed: dict[str, Any] = {field: value}
        return schedule([channel(ma=5)], [replace(window(), **changed)])

    return plan


def rate(**of: Any) -> Callable[[int], Schedule]:
    def plan(mhz: int) -> Schedule:
        made = replace(
            window(hz=mhz / 1000), frequency_mhz=MilliHertz(mhz), period_us=Micros(ceil_div(1_000_000_000, mhz))
        )
        return schedule([channel(ma=1, **of)], [made])

    return plan


def pads(area_mm2: int) -> Schedule:
    return schedule([channel(ma=1)], [window()], area_mm2=area_mm2)


def on_time(on_us: int) -> Schedule:
    return schedule([channel(ma=5)], [window(on_us=Micros(on_us))], off_s=60)


def triggered(max_on_us: int) -> Schedule:
    made = window(on_us=Micros(max_on_us), max_on_us=Micros(max_on_us))
    return schedule([channel(ma=5)], [made], mode="triggered", cycle_us=Micros(0))


def duty(permille: int) -> Schedule:
    return schedule([channel(ma=5)], [window()], cycle_us=Micros(ceil_div(10 * SECOND * 1000, permille)))


def whole_of(duration_us: int) -> Schedule:
    return schedule([channel(ma=5)], [window()], duration_us=Micros(duration_us))


def cycles(on_us: int) -> Schedule:
    """A plan with this ON time."""
    made = window(on_us=Micros(SECOND * 5), ramp_up_us=Micros(SECOND), first_ramp_up_us=Micros(SECOND))
    return schedule([channel(ma=5)], [made], off_s=6, cycles=on_us // (5 * SECOND), duration_us=Micros(60 * SECOND))


def together(limits: Limits, _base: int) -> object:
    plan = schedule([channel(1), channel(2)], [window(1, hz=100), window(2, hz=100)], area_mm2=10_000)
    return judge(plan, limits, PROFILE, TRUSTED)[1].caps_ua


def governed(limits: Limits, base: int) -> object:
    """How much ON time within five minutes a gate of 3 s still opens after."""
    ledger, gate, step_us = Ledger(Outbox(), limits, {}), window(max_on_us=Micros(3 * SECOND)), 300_000
    withheld = []
    for had_us in range(base * 300_000 - 3 * SECOND - 2 * step_us, base * 300_000 - 3 * SECOND + 3 * step_us, step_us):
        fresh = Ledger(Outbox(), limits, {})
        fresh.note_on(channel(), window(), -had_us, 0, therapy=False)
        withheld.append(fresh.withholds(channel(), gate, 0))
    assert ledger.withholds(channel(), gate, 0) == ""
    return withheld


def compiled(field: str) -> Probe:
    """A ramp as it is compiled where the file asks for none to speak of."""

    def probe(limits: Limits, _base: int) -> object:
        desk = Desk(str(SHORT))
        phase = desk.source.phase[0].model_copy(update={"ramp_up_s": 0.05})
        source = desk.source.model_copy(update={"phase": [phase]})
        setup = setup_from(source, SetupWords(patient="p", levels=("quadriceps=5",)), simulated=True).setup
        trusted = replace(setup, patient=TRUSTED)
        made = compile_schedule(source, trusted, PROFILE, levels_needed=False, limits=limits)
        return getattr(made.phases[0].windows[0], field)

    return probe


def titrating(limits: Limits) -> Desk:
    desk = Desk(limits=limits)
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.hold()
    return desk


def one_raise(limits: Limits, _base: int) -> object:
    """The level after one key."""
    desk = titrating(limits)
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    desk.let_pass(0.1)
    return desk.look().channels[0].level_ua


def pace(limits: Limits, _base: int, *, tolerated: bool) -> object:
    """How long raising is locked after a raise."""
    desk = titrating(limits)
    for _ in range(3):
        assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        desk.let_pass(2.6)
        desk.hold()
    if tolerated:
        assert desk.ask(events.Mark, channel=1, kind="max-tolerated").accepted
        assert desk.ask(events.Lower, channel=1, percent=60).accepted
        desk.let_pass(5)
        desk.hold()
    assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
    for passed in range(200):
        if desk.look().channels[0].raise_locked != "too fast":
            return passed
        desk.let_pass(0.01)
    return None


READERS: dict[str, Reader] = {
    "amplitude_ua": Reader(100_000, 1_000, cap(width_us=50)),
    "pulse_width_max_us": Reader(400, 1, three(1, pulse("pulse_width_us"))),
    "pulse_width_min_us": Reader(50, 1, three(1, pulse("pulse_width_us"))),
    "interphase_us": Reader(200, 1, three(1, pulse("interphase_us"))),
    "rate_mhz": Reader(100_000, 1_000, three(1_000, rate())),
    "rate_sensory_mhz": Reader(120_000, 1_000, three(1_000, rate(**SENSORY))),
    "rate_min_mhz": Reader(5_000, 100, three(100, rate())),
    "rms_ua": Reader(15_000, 500, cap()),
    "rms_total_ua": Reader(30_000, 500, together),
    "density_ua_per_cm2": Reader(600, 20, cap(area_mm2=1_500)),
    "power_uw_per_cm2": Reader(5_000, 100, cap()),
    "energy_nj": Reader(2_000_000, 50_000, cap()),
    "charge_pc": Reader(20_000_000, 500_000, cap()),
    "charge_density_pc_per_cm2": Reader(300_000, 10_000, cap()),
    "pad_area_min_mm2": Reader(800, 10, three(10, pads)),
    "pad_area_max_mm2": Reader(15_000, 10, three(10, pads)),
    "raise_step_ua": Reader(1_000, 500, one_raise),
    "raises_per_s": Reader(2, 1, lambda limits, base: pace(limits, base, tolerated=True)),
    "ceiling_rise_ua_per_s": Reader(1_500, 300, lambda limits, base: pace(limits, base, tolerated=False)),
    "first_ramp_min_us": Reader(500_000, 100_000, compiled("first_ramp_up_us")),
    "repeat_ramp_min_us": Reader(200_000, 50_000, compiled("ramp_up_us")),
    "on_us": Reader(20 * SECOND, SECOND, three(SECOND, on_time)),
    "on_triggered_us": Reader(8 * SECOND, SECOND, three(SECOND, triggered)),
    "duty_permille": Reader(500, 10, three(10, duty)),
    "duty_triggered_permille": Reader(600, 1, governed),
    "block_us": Reader(1_800 * SECOND, SECOND, three(SECOND, whole_of)),
    "motor_on_us": Reader(1_200 * SECOND, 5 * SECOND, three(5 * SECOND, cycles)),
    "sensory_amplitude_ua": Reader(40_000, 1_000, cap(width_us=100, **SENSORY)),
    "sensory_charge_pc": Reader(5_000_000, 100_000, cap(**SENSORY)),
    "sensory_rms_ua": Reader(5_000, 100, cap(**SENSORY)),
    "sensory_density_ua_per_cm2": Reader(200, 10, cap(area_mm2=1_500, **SENSORY)),
    "muscle_day_min": Reader(
        60, 1, lambda limits, base: [
            refused(schedule([channel(ma=5)], [window()]), limits, minutes_today={"muscle 1/left": base + way - 1})
            for way in (-1, 0, 1)
        ]
    ),
}  # fmt: skip


def seen(key: str) -> list[object]:
    """What the probe shows one step tighter than the base, at it, and one looser where that is not past absolute."""
    base, step, probe = READERS[key]
    guardrail = BY_KEY[key]
    way = 1 if guardrail.sense == "max" else -1
    values = [base - way * step, base, base + way * step]
    return [probe(at(key, value), base) for value in values if not guardrail.breaks(value, guardrail.absolute)]


def test_every_limit_has_its_probe() -> None:
    assert READERS.keys() == BY_KEY.keys()


@pytest.mark.parametrize("key", READERS)
def test_a_limit_that_is_moved_changes_what_happens(key: str) -> None:
    tighter, here, *looser = seen(key)
    assert tighter != here, f"{key} one step tighter moves nothing"
    assert here not in looser, f"{key} one step looser moves nothing"
    assert looser or BY_KEY[key].absolute == BY_KEY[key].default, "what a site may open is moved both ways"


def test_a_step_that_is_written_into_the_code_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "step_ua", lambda _core, _channel: 1_000)
    tighter, here = seen("raise_step_ua")
    assert tighter == here


# What a second copy would look like, by what the line says and the number that it holds.
COPIES = {
    "L15, the step of a raise": re.compile(r"(?i)^\s*\w*(raise|step)\w*(: \w+)?\s*=\s*(\w+\()?(1_?000|UA_PER_MA)\b"),
    "L17, the shortest ramps": re.compile(
        r"(?i)ramp(?!_down).*(\b[1235]00_000\b|seconds\(0\.[1235]\)|\b0\.[1235]\b \* |US_PER_S // (2|5|10)\b)"
    ),
    "L26, the share of a mark": re.compile(r"(?i)(mark|motor|sensory).*(\* 9 // 10|\* 10 // 9|\* 0\.9\b|\* 90 // 100)"),
}
OWN = {"safety/limits_table.py"}


@pytest.mark.parametrize("what", COPIES)
def test_no_number_of_the_table_stands_a_second_time(what: str) -> None:
    packages = ("safety", "protocols", "session", "desk", "controller", "rehearsal")
    found = [
        f"{path.relative_to(SOURCE).as_posix()}:{number}: {line.strip()}"
        for package in packages
        for path in sorted((SOURCE / package).rglob("*.py"))
        if path.relative_to(SOURCE).as_posix() not in OWN
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if COPIES[what].search(line) and not line.lstrip().startswith(("#", '"""'))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["STEP_UA = UA_PER_MA  # L15", "FIRST_RAMP_US = 500_000", "RAMP_US = seconds(0.5)", "cap = mark_ua * 9 // 10"],
)
def test_a_copy_is_seen(line: str) -> None:
    assert any(copy.search(line) for copy in COPIES.values())
