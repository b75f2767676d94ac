"""Every finding of the kernel in its words: what a person reads is part of what was reviewed.

`findings.json` holds them. After a wanted change: `python -m tests.safety.test_findings`, then read the difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estim.drivers.rehastim2_profile import PROFILE as REHASTIM2
from estim.safety.commands import ChannelOutput, Command, OutputOff
from estim.safety.electrodes import electrode_from_cm, parse_size_cm
from estim.safety.errors import InterlockTripped, Problem, ProtocolRejected, SiteFileError
from estim.safety.interlock import Admitted, Interlock
from estim.safety.limits import ABSOLUTE, Limits, parse_site
from estim.safety.schedule import PatientFacts, Schedule, Window
from estim.safety.units import MicroAmp, Micros, floor_to_step
from estim.safety.verdict import ClearedSchedule, admissible, clear, judge
from estim.safety.waveform import pulse_points
from tests.safety.build import BOTH, PROFILE, SECOND, TRUSTED, channel, interlock_of, limits, schedule, window
from tests.safety.test_interlock import output, send
from tests.safety.test_limits import SITE, pulse, signed

GOLDEN = Path(__file__).with_name("findings.json")
UNKNOWN = PatientFacts()
FUNCTIONAL = channel(amplitude_rule="functional")
SHARED = [channel(1, ma=60, pads=("common", "1b")), channel(2, ma=60, pads=("common", "2b"))]
BLUNT = channel(ma=9.5, output="sensory", amplitude_rule="sensory", motor_mark_ua=MicroAmp(10_000))
UNMARKED = channel(ma=5, output="sensory", amplitude_rule="sensory")
STRONG = channel(ma=55, output="sensory", amplitude_rule="sensory", motor_mark_ua=MicroAmp(100_000))
FINE = [window(hz=100, width_us=100)]
WIDE = [window(width_us=400)]
SHORT_RAMP = window(ramp_up_us=Micros(500_000), first_ramp_up_us=Micros(480_000))
TRIGGERED = window(max_on_us=Micros(11 * SECOND))
LOAD = [window(n, hz=100, width_us=900) for n in range(1, 9)]
CROWD = [channel(n, ma=10) for n in range(1, 9)]


def judged(
    plan: Schedule, in_force: Limits = BOTH, patient: PatientFacts = TRUSTED, **more: Any
) -> Callable[[], tuple[Problem, ...]]:
    return lambda: judge(plan, in_force, PROFILE, patient, **more)[0]


PLANS: Mapping[str, Callable[[], tuple[Problem, ...]]] = {
    "L1 default": judged(schedule([channel(ma=100.5)])),
    "L1 absolute": judged(schedule([channel(ma=130.5)]), ABSOLUTE),
    "L1 beyond both": judged(schedule([channel(ma=130.5)])),
    "L1 site": judged(schedule([channel(ma=60)]), limits(amplitude_ua=50_000)),
    "L2 above": judged(schedule(windows=[window(width_us=501)])),
    "L2 below": judged(schedule(windows=[window(width_us=49)])),
    "L2 slip of units": judged(schedule(windows=[window(width_us=250_000)])),
    "L3": judged(schedule(windows=[window(interphase_us=Micros(201))])),
    "L4": judged(schedule(windows=[window(hz=100.001)])),
    "L4 doublets": judged(schedule(windows=[window(hz=60, burst_pulses=2, burst_interval_us=Micros(5_000))])),
    "L4 too slow": judged(schedule(windows=[window(hz=0.9)])),
    "L5 and L7": judged(pulse(130, 500, 150, 25), ABSOLUTE),
    "L6": judged(
        schedule([channel(n, ma=112) for n in range(1, 9)], [window(n, hz=100, width_us=500) for n in range(1, 9)]),
        ABSOLUTE,
    ),
    "L7": judged(pulse(100, 300, 50, 8.04)),
    "L7 shared pad": judged(
        schedule(SHARED, [window(1, width_us=400), window(2, width_us=400)], areas={"common": 800})
    ),
    "L8": judged(pulse(100, 400, 50, 25), limits(power_uw_per_cm2=10_000)),
    "L9": judged(pulse(100, 400, 50, 25), limits(energy_nj=3_000_000)),
    "L10": judged(pulse(100.5, 500, 50, 45)),
    "L11": judged(pulse(80.5, 500, 5, 8.0)),
    "L14 small": judged(schedule(area_mm2=799)),
    "L14 large": judged(schedule(area_mm2=20_001)),
    "L17a": judged(schedule(windows=[SHORT_RAMP])),
    "L17b": judged(schedule([channel(ma=20)], [window(ramp_up_us=Micros(180_000))])),
    "L17b of an unknown patient": judged(
        schedule(
            [channel(ma=20, amplitude_rule="functional", cap_ua=MicroAmp(30_000))], [window(ramp_up_us=Micros(300_000))]
        ),
        patient=UNKNOWN,
    ),
    "L17 ramps leave nothing": judged(schedule(windows=[window(on_us=Micros(3 * SECOND))])),
    "L19": judged(schedule(windows=[window(on_us=Micros(20 * SECOND + 1))])),
    "L19 triggered": judged(schedule(windows=[TRIGGERED], mode="triggered")),
    "L20": judged(schedule(off_s=9.99)),
    "L21a": judged(schedule(cycles=91)),
    "L21b": judged(schedule(cycles=181, off_s=10)),
    "L21b with what was had": judged(schedule(cycles=60), session_on_us={1: 21 * 60 * SECOND}),
    "L26 above the mark": judged(schedule([BLUNT], FINE)),
    "L26 no mark": judged(schedule([UNMARKED], FINE)),
    "L26 caps": judged(schedule([STRONG], FINE)),
    "L27": judged(schedule(cycles=60), minutes_today={"muscle 1/left": 51}),
    "L28 maximum": judged(schedule(), patient=UNKNOWN),
    "L28 functional": judged(schedule([FUNCTIONAL]), patient=replace(TRUSTED, insensate_skin=True)),
    "cap of the setup": judged(schedule([channel(cap_ua=MicroAmp(39_500))])),
    "load": judged(schedule(CROWD, LOAD), ABSOLUTE),
    "another device": lambda: judge(schedule(), BOTH, REHASTIM2, TRUSTED)[0],
    "warnings": judged(
        schedule(windows=[window(hz=90, width_us=450, on_us=Micros(16 * SECOND))], off_s=20, area_mm2=2_400, cycles=95)
    ),
    "warning of the interphase": judged(schedule(windows=[window(interphase_us=Micros(250))]), ABSOLUTE),
    "admissible": lambda: admissible(schedule([channel(ma=0)], WIDE, area_mm2=804), BOTH, PROFILE),
    "admissible, capped": lambda: admissible(
        schedule([channel(ma=0, plausible_ua=(MicroAmp(40_000), MicroAmp(120_000)))], WIDE, area_mm2=804), BOTH, PROFILE
    ),
    "admissible, too low": lambda: admissible(
        schedule([channel(ma=0, plausible_ua=(MicroAmp(90_000), MicroAmp(120_000)))], WIDE, area_mm2=804), BOTH, PROFILE
    ),
}


def site(data: bytes, *, verifies: bool = True) -> Callable[[], tuple[Problem, ...]]:
    def read() -> tuple[Problem, ...]:
        with pytest.raises(SiteFileError) as caught:
            parse_site(data, verify=lambda _message, _signature: verifies)
        return caught.value.problems

    return read


SITES: Mapping[str, Callable[[], tuple[Problem, ...]]] = {
    "no signature": site(SITE),
    "foreign signature": site(signed(SITE), verifies=False),
    "signature that is no number": site(SITE + b"\n# signature: zz"),
    "signature that is no text": site(SITE + b"\n# signature: \xff"),
    "past absolute": site(signed(SITE.replace(b"120000", b"131000"))),
    "past absolute from below": site(signed(SITE.replace(b"amplitude_ua = 120000", b"pulse_width_min_us = 19"))),
    "no such limit": site(signed(SITE.replace(b"amplitude_ua", b"amplitude_mA"))),
    "a fraction": site(signed(SITE.replace(b"120000", b"120000.5"))),
    "a truth": site(signed(SITE.replace(b"120000", b"true"))),
    "nobody": site(signed(SITE.replace(b'"Dr A"', b'" "').replace(b'date = "2026-11-01"\n', b""))),
    "another key": site(signed(b"extra = 1\n" + SITE)),
    "limits are no table": site(signed(SITE.replace(b"[limits]\namplitude_ua = 120000", b"limits = 3"))),
    "not TOML": site(signed(b"limits = [")),
    "not text": site(signed(b"\xff")),
}


def ready(cleared: ClearedSchedule | None = None, ma: float = 130) -> Interlock:
    return interlock_of(cleared or clear(schedule(), BOTH, PROFILE, TRUSTED), round(ma * 1000), 100 * SECOND)


def forged(plan: Schedule, **bounds: int) -> ClearedSchedule:
    """A verdict gone wrong: another plan was judged, and caps lie far above what limits allow."""
    cleared = clear(schedule(), BOTH, PROFILE, TRUSTED)
    object.__setattr__(cleared, "schedule", plan)
    object.__setattr__(cleared, "caps_ua", dict.fromkeys((1, 2), MicroAmp(200_000)))
    if bounds:
        object.__setattr__(cleared, "limits", limits(**bounds))
    return cleared


def trip(interlock: Interlock, *commands: tuple[Command, int]) -> Callable[[], InterlockTripped]:
    def admit() -> InterlockTripped:
        *before, (last, at_us) = commands
        for command, then_us in before:
            interlock.admit(command, then_us)
        with pytest.raises(InterlockTripped) as caught:
            interlock.admit(last, at_us)
        return caught.value

    return admit


def high(ma: float, train: Window | None = None, **bounds: int) -> Callable[[], InterlockTripped]:
    """An output that only a forged verdict and a forged authorisation would let come so far."""
    train = train or window()
    plan = schedule([channel(ma=1)], [train])
    burst_train = {"burst_pulses": train.burst_pulses, "burst_interval_us": train.burst_interval_us}
    return trip(ready(forged(plan, **bounds)), (send(output(ma, train, **burst_train)), 0))


def raised(act: Callable[[], object]) -> Callable[[], InterlockTripped]:
    def run() -> InterlockTripped:
        with pytest.raises(InterlockTripped) as caught:
            act()
        return caught.value

    return run


def used_twice() -> None:
    admitted = ready().admit(OutputOff(reason="x"), 5)
    admitted.consume(5)
    admitted.consume(5)


BOTH_TRAINS = (window(1, hz=100, width_us=500), window(2, hz=100, width_us=500))
UNEVEN = window(phase_ratio=4)

TRIPS: Mapping[str, Callable[[], InterlockTripped]] = {
    "nothing cleared": trip(Interlock(None), (send(), 0)),
    "not authorised": trip(Interlock(clear(schedule(), BOTH, PROFILE, TRUSTED)), (send(output(1)), 0)),
    "authorisation is over": trip(ready(), (send(output(1)), 100 * SECOND + 1)),
    "above what is authorised": trip(ready(ma=1), (send(output(1.5)), 0)),
    "unknown channel": trip(ready(), (send(output(1, channel=3)), 0)),
    "twice": trip(ready(), (send(output(1), output(1)), 0)),
    "no current": trip(ready(), (send(output(-1)), 0)),
    "off the grid": trip(ready(), (send(output(1.25)), 0)),
    "off the grid of the ratio": trip(
        ready(clear(schedule([channel(ma=4)], [UNEVEN]), BOTH, PROFILE, TRUSTED)),
        (send(output(1, UNEVEN, phase_ratio=4)), 0),
    ),
    "another pulse": trip(ready(), (send(output(1, pulse_width_us=Micros(251))), 0)),
    "L1": high(130.5),
    "L1 in force": high(60.5, amplitude_ua=60_000),
    "L2": high(1, window(width_us=1_001)),
    "L2 below": high(1, window(width_us=19)),
    "L4": high(1, window(period_us=Micros(6_665))),
    "L4 of a burst": high(1, window(period_us=Micros(13_331), burst_pulses=2, burst_interval_us=Micros(5_000))),
    "L5": high(120, None, rms_ua=5_000),
    "L7": high(120, None, density_ua_per_cm2=100),
    "L10": high(120, None, charge_pc=20_000_000),
    "L11": high(120, None, charge_density_pc_per_cm2=100_000),
    "cap": trip(
        ready(clear(schedule([channel(ma=10, cap_ua=MicroAmp(30_000))]), BOTH, PROFILE, TRUSTED)),
        (send(output(30.5)), 0),
    ),
    "jump": trip(ready(), (send(output(13.5)), 0)),
    "two rises": trip(ready(), (send(output(1)), 0), (send(output(2)), 9_999)),
    "slope": trip(ready(), (send(output(13)), 0), (send(output(26)), 20_000)),
    "L6": trip(
        ready(forged(schedule([channel(1, ma=1), channel(2, ma=1)], list(BOTH_TRAINS)), rms_total_ua=1_000)),
        (send(*(output(5, train) for train in BOTH_TRAINS)), 0),
    ),
    "L7 on a shared pad": trip(
        ready(
            forged(
                schedule(
                    [channel(1, ma=1, pads=("c", "1b")), channel(2, ma=1, pads=("c", "2b"))],
                    list(BOTH_TRAINS),
                    areas={"c": 800},
                ),
                density_ua_per_cm2=200,
            )
        ),
        (send(*(output(4.5, train) for train in BOTH_TRAINS)), 0),
    ),
    "nobody admits but the interlock": raised(lambda: Admitted(OutputOff(reason="x"), 0, object())),
    "another turn": raised(lambda: ready().admit(OutputOff(reason="x"), 5).consume(6)),
    "used twice": raised(used_twice),
    "overlapping burst": raised(lambda: pulse_points(burst(599))),
    "uneven ratio": raised(lambda: pulse_points(ChannelOutput(**{**POINT, "amplitude_ua": MicroAmp(10_001)}))),
}


POINT: dict[str, Any] = {
    "channel": 1,
    "amplitude_ua": MicroAmp(10_000),
    "pulse_width_us": Micros(250),
    "interphase_us": Micros(100),
    "period_us": Micros(20_000),
    "phase_ratio": 2,
}


def burst(interval_us: int) -> ChannelOutput:
    return ChannelOutput(**POINT, burst_pulses=2, burst_interval_us=Micros(interval_us))


def bad_pad(size: object) -> Callable[[], str]:
    def make() -> str:
        with pytest.raises(ValueError, match="pad size") as caught:
            parse_size_cm(size) if isinstance(size, str) else electrode_from_cm("a", size)  # type: ignore[arg-type]
        return str(caught.value)

    return make


WORDS: Mapping[str, Callable[[], str]] = {
    "a pad of three sides": bad_pad((1, 2, 3)),
    "a pad of nothing": bad_pad(()),
    "a pad of no size": bad_pad((0.0, 5.0)),
    "a pad without end": bad_pad((float("inf"),)),
    "a pad of inches": bad_pad('3x5"'),
    "a pad in words": bad_pad("large"),
    "a problem with its line": lambda: str(
        Problem(severity="refuse", key="a.b", message="is wrong", line=3, rule="L1", layer="site", source="there")
    ),
    "a problem of no rule": lambda: str(Problem(severity="warn", key="a.b", message="is odd")),
}


def findings() -> dict[str, object]:
    """All of them, as the golden file holds them."""
    return {
        "plans": {name: [problem.to_json() for problem in act()] for name, act in PLANS.items()},
        "sites": {name: [problem.to_json() for problem in act()] for name, act in SITES.items()},
        "trips": {
            name: {"rule": error.rule, "text": str(error), "asked": error.asked, "allowed": error.allowed}
            for name, error in ((name, act()) for name, act in TRIPS.items())
        },
        "words": {name: act() for name, act in WORDS.items()},
        "limits": BOTH.to_json(),
    }


@pytest.mark.parametrize("part", ["plans", "sites", "trips", "words", "limits"])
def test_every_finding_reads_as_it_was_reviewed(part: str) -> None:
    assert findings()[part] == json.loads(GOLDEN.read_text())[part]


def test_every_case_finds_something() -> None:
    assert all(act() for act in (*PLANS.values(), *SITES.values()))
    with pytest.raises(ProtocolRejected):
        clear(schedule(off_s=9.99), BOTH, PROFILE, TRUSTED)


def test_balanced_bursts_and_ratios() -> None:
    assert pulse_points(burst(1_000)) == (
        (10_000, 250), (0, 100), (-5_000, 500), (0, 150), (10_000, 250), (0, 100), (-5_000, 500),
    )  # fmt: skip
    assert pulse_points(burst(850)) == (
        (10_000, 250), (0, 100), (-5_000, 500), (10_000, 250), (0, 100), (-5_000, 500),
    )  # fmt: skip
    plain = ChannelOutput(**{**POINT, "interphase_us": Micros(0), "phase_ratio": 1})
    assert pulse_points(plain) == ((10_000, 250), (-10_000, 250))


@pytest.mark.parametrize(
    ("text", "size", "area_mm2"),
    [("7.6x12.7", (7.6, 12.7), 9_652), ("5 x 5", (5.0, 5.0), 2_500), ("3.2", (3.2,), 804), ("2.5", (2.5,), 490)],
)
def test_pads_as_they_are_written(text: str, size: tuple[float, ...], area_mm2: int) -> None:
    assert parse_size_cm(text) == size
    pad = electrode_from_cm("a", size, placement="there")
    assert pad.area_mm2 == area_mm2
    assert (pad.id, pad.placement, pad.is_round) == ("a", "there", len(size) == 1)


def test_a_step_is_positive() -> None:
    with pytest.raises(ValueError, match="step must be positive, not 0"):
        floor_to_step(5, 0)
    assert [floor_to_step(value, 5) for value in (-1, 4, 5, 9)] == [0, 0, 5, 5]
    assert floor_to_step(7, 1) == 7


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(findings(), indent=1, ensure_ascii=False) + "\n")
