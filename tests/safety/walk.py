"""Every point of a device's amplitude × width grid, judged three times: by `clear`, by the interlock's own bounds, and
by plain integer arithmetic over the rendered pulse.

`test_walk.py` walks along the edge of what is allowed, for every width. `python -m tests.safety.walk` asks `clear` at
every other point too.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from estim.drivers.models import MODELS
from estim.safety.commands import ChannelOutput, SetOutput
from estim.safety.errors import InterlockTripped, ProtocolRejected
from estim.safety.interlock import Interlock
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.limits_table import BY_KEY
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import OutputClass, Schedule, Window
from estim.safety.units import MicroAmp, Micros
from estim.safety.verdict import ClearedSchedule, clear
from estim.safety.waveform import pulse_points
from tests.safety.build import SECOND, TRUSTED, channel, interlock_of, output_of, schedule, window

Numbers = npt.NDArray[np.int64]
Points = npt.NDArray[np.bool_]  # width × amplitude

MOST_UA = MicroAmp(1_000_000)  # forbids nothing
BURST_INTERVAL_US = 5_000
BEYOND_UA = 2_000  # so far above the device's own maximum the walk goes on
COLUMNS = {
    "absolute": ABSOLUTE,
    "default": ABSOLUTE & DEFAULT,
    # L8 and L9 bind nowhere in the two columns above (the notes: redundant on purpose), so a site that lowers them.
    "strict": ABSOLUTE
    & DEFAULT
    & Limits.of({"power_uw_per_cm2": 10_000, "energy_nj": 2_000_000}, layer="site", source="walk"),
    # A pad above 100 cm² counts as 100 cm² (L14): so that density ends it there.
    "thin": ABSOLUTE & DEFAULT & Limits.of({"density_ua_per_cm2": 100}, layer="site", source="walk"),
}


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One pulse shape, rate and pad on one device under one column, over all amplitudes and widths."""

    model: str
    column: str
    mhz: int
    area_mm2: int
    ratio: int = 1
    burst: int = 1
    output: OutputClass = "motor"

    @property
    def profile(self) -> DeviceProfile:
        return MODELS[self.model].profile

    @property
    def site(self) -> Limits:
        return COLUMNS[self.column]

    @property
    def limits(self) -> Limits:
        return self.site & Limits.from_profile(self.profile)

    @property
    def step_ua(self) -> int:
        return self.profile.amplitude_step_ua * self.ratio

    @property
    def amplitudes_ua(self) -> range:
        return range(self.step_ua, self.profile.amplitude_max_ua + BEYOND_UA + self.step_ua, self.step_ua)

    @property
    def widths_us(self) -> range:
        """All that the device can code and L2's column allows."""
        limits = self.limits
        return range(
            limits["pulse_width_min_us"].value, limits["pulse_width_max_us"].value + 1, self.profile.pulse_width_step_us
        )

    @property
    def period_us(self) -> int:
        period_us = self.profile.quantise_period_us(self.mhz)
        if period_us is None:
            raise ValueError(f"{self.model} has no {self.mhz} mHz")
        return period_us

    @property
    def gap_us(self) -> int:
        return self.profile.interphase_fixed_us or 0

    def train(self, width_us: int) -> Window:
        made = window(
            hz=self.mhz / 1000,
            width_us=width_us,
            phase_ratio=self.ratio,
            burst_pulses=self.burst,
            burst_interval_us=Micros(BURST_INTERVAL_US if self.burst > 1 else 0),
            on_us=Micros(14 * SECOND),
        )
        return replace(
            made,
            period_us=Micros(self.period_us),
            interphase_us=Micros(self.gap_us),
            ramp_up_us=Micros(3 * SECOND),
            first_ramp_up_us=Micros(3 * SECOND),
        )

    def plan(self, width_us: int, level_ua: int) -> Schedule:
        sensory = self.output == "sensory"
        one = channel(
            ma=level_ua / 1000,
            output=self.output,
            amplitude_rule="sensory" if sensory else "max-tolerated",
            motor_mark_ua=MOST_UA if sensory else None,  # so that no mark binds
        )
        made = schedule([one], [self.train(width_us)], area_mm2=self.area_mm2)
        return replace(made, model=self.model)

    def cleared(self, width_us: int, level_ua: int = 0) -> ClearedSchedule:
        return clear(self.plan(width_us, level_ua), self.site, self.profile, TRUSTED)


@functools.lru_cache(maxsize=4)
def rendered(pulse: ChannelOutput, widths_us: range, amplitudes_ua: range) -> tuple[Numbers, Numbers]:
    """Square of the current over time of one period (µA²·µs) and charge of a phase (pC), width × amplitude, each from
    `pulse` at this width and amplitude as `waveform` draws it; it must leave nothing behind.
    """
    squares, charges = [], []
    for width_us in widths_us:
        for amplitude_ua in amplitudes_ua:
            points = pulse_points(replace(pulse, amplitude_ua=MicroAmp(amplitude_ua), pulse_width_us=Micros(width_us)))
            if sum(current * time for current, time in points) != 0:
                raise ArithmeticError(f"{amplitude_ua} µA, {width_us} µs leaves charge")
            squares.append(sum(current * current * time for current, time in points))
            charges.append(points[0][0] * points[0][1])
    shape = (len(widths_us), len(amplitudes_ua))
    return np.array(squares, dtype=np.int64).reshape(shape), np.array(charges, dtype=np.int64).reshape(shape)


def pulse_of(walk: Walk) -> tuple[Numbers, Numbers]:
    """Square and charge of a walk's pulse over its whole grid."""
    pulse = replace(output_of(walk.train(20), 0), period_us=Micros(0))
    return rendered(pulse, walk.widths_us, walk.amplitudes_ua)


def forbidden(walk: Walk) -> Mapping[str, Points]:
    """Guardrail → the points (width × amplitude) that it forbids: each formula solved for what was rendered, so that
    only integers are compared. Written from the formulas in docs/decisions/limits.md, not from `dose`.
    """
    square, charge = pulse_of(walk)
    amplitude = np.broadcast_to(np.array(walk.amplitudes_ua, dtype=np.int64), square.shape)
    period, area, bound = walk.period_us, min(walk.area_mm2, 10_000), walk.limits

    def above_density(key: str) -> Points:  # rms / area, area in cm² = mm² / 100
        return square > (bound[key].value * area) ** 2 * period // 10_000

    points = {
        "amplitude_ua": amplitude > bound["amplitude_ua"].value,
        "rms_ua": square > bound["rms_ua"].value ** 2 * period,
        "density_ua_per_cm2": above_density("density_ua_per_cm2"),
        "power_uw_per_cm2": square > bound["power_uw_per_cm2"].value * period * area * 10,  # at 1 kΩ
        "energy_nj": square // walk.burst > bound["energy_nj"].value * 2_000_000,  # of one pulse at 500 Ω
        "charge_pc": charge > bound["charge_pc"].value,
        "charge_density_pc_per_cm2": charge > bound["charge_density_pc_per_cm2"].value * area // 100,
    }
    if walk.output == "sensory":
        points |= {
            "sensory_amplitude_ua": amplitude > bound["sensory_amplitude_ua"].value,
            "sensory_rms_ua": square > bound["sensory_rms_ua"].value ** 2 * period,
            "sensory_density_ua_per_cm2": above_density("sensory_density_ua_per_cm2"),
            "sensory_charge_pc": charge > bound["sensory_charge_pc"].value,
        }
    return points


def refused_by(plan: Schedule, limits: Limits) -> set[str]:
    """The guardrails by which `clear` refuses this plan."""
    try:
        clear(plan, limits, MODELS[plan.model].profile, TRUSTED)
    except ProtocolRejected as error:
        return {
            key
            for problem in error.problems
            for key, row in BY_KEY.items()
            if row.rule == problem.rule and f": {row.words} " in problem.message
        }
    return set()


def interlock(cleared: ClearedSchedule) -> Interlock:
    """The interlock of a schedule, with an authorisation that forbids nothing."""
    return interlock_of(cleared, MOST_UA)


def opened(cleared: ClearedSchedule) -> Interlock:
    """The interlock behind a verdict gone wrong, whose caps forbid nothing: it has only its own bounds left."""
    object.__setattr__(cleared, "caps_ua", {one.channel: MOST_UA for one in cleared.schedule.channels})
    return interlock(cleared)


def trips(judge: Interlock, trains: Sequence[Window], amplitude_ua: int) -> str:
    """The rule by which one command from zero trips; "" where the pulses as such may pass (a rise may be too steep)."""
    try:
        judge.admit(SetOutput(channels=tuple(output_of(train, amplitude_ua) for train in trains)), 0)
    except InterlockTripped as trip:
        return "" if trip.rule == "L17" else trip.rule
    return ""


def first_refused(walk: Walk, width_us: int) -> int:
    """Index of the first amplitude that the interlock refuses by its own bounds on the way up by single steps; one past
    the last amplitude where it refuses none.

    Raises:
        ArithmeticError: an amplitude above a refused one passes.
    """
    judge, train, first = opened(walk.cleared(width_us)), walk.train(width_us), len(walk.amplitudes_ua)
    for index, amplitude_ua in enumerate(walk.amplitudes_ua):
        try:
            judge.admit(SetOutput(channels=(output_of(train, amplitude_ua),)), index * SECOND)
        except InterlockTripped as trip:
            if trip.rule == "L17":
                raise
            first = min(first, index)
        else:
            if first <= index:
                raise ArithmeticError(f"{width_us} µs: {amplitude_ua} µA passes above a refused amplitude")
    return first


WALKS = {
    "p24, pads of 3.2 cm": Walk(model="p24", column="default", mhz=50_000, area_mm2=804),
    "p24, large pads": Walk(model="p24", column="default", mhz=100_000, area_mm2=4_500),
    "p24, single pulses": Walk(model="p24", column="default", mhz=5_000, area_mm2=800),
    "p24, unequal phases 2": Walk(model="p24", column="default", mhz=50_000, area_mm2=804, ratio=2),
    "p24, unequal phases 4": Walk(model="p24", column="default", mhz=50_000, area_mm2=804, ratio=4),
    "p24, sensory": Walk(model="p24", column="default", mhz=100_000, area_mm2=800, output="sensory"),
    "p24, doublets": Walk(model="p24", column="default", mhz=50_000, area_mm2=804, burst=2),
    "p24, as fast as may be": Walk(model="p24", column="absolute", mhz=150_000, area_mm2=4_500),
    "p24, smallest pads": Walk(model="p24", column="absolute", mhz=50_000, area_mm2=100),
    "p24, largest pads": Walk(model="p24", column="thin", mhz=50_000, area_mm2=20_000),
    "p24, strict on energy": Walk(model="p24", column="strict", mhz=35_000, area_mm2=2_500),
    "p24, strict on power": Walk(model="p24", column="strict", mhz=100_000, area_mm2=2_500),
    "rehamove3": Walk(model="rehamove3", column="default", mhz=50_000, area_mm2=804),
    "rehamove3, absolute": Walk(model="rehamove3", column="absolute", mhz=142_000, area_mm2=2_500),
    "rehastim2": Walk(model="rehastim2", column="default", mhz=50_000, area_mm2=804),
    "rehastim2, absolute": Walk(model="rehastim2", column="absolute", mhz=50_000, area_mm2=804),
    "rehastim2, sensory": Walk(model="rehastim2", column="absolute", mhz=50_000, area_mm2=400, output="sensory"),
    "rehastim1": Walk(model="rehastim1", column="default", mhz=50_000, area_mm2=804),
    "rehastim1, absolute": Walk(model="rehastim1", column="absolute", mhz=100_000, area_mm2=2_500),
    "rehastim1, sensory": Walk(model="rehastim1", column="absolute", mhz=100_000, area_mm2=400, output="sensory"),
}


def main() -> int:
    """Every point of every walk; says where `clear` and the formulas differ. Exit code 1 if they do."""
    wrong = 0
    for name, walk in WALKS.items():
        points, found = forbidden(walk), 0
        for row, width_us in enumerate(walk.widths_us):
            for column, amplitude_ua in enumerate(walk.amplitudes_ua):
                meant = {key for key, where in points.items() if where[row, column]}
                if refused_by(walk.plan(width_us, amplitude_ua), walk.site) != meant:
                    found += 1
                    sys.stdout.write(f"{name}: {width_us} µs, {amplitude_ua} µA: {sorted(meant)}\n")
        wrong += found
        sys.stdout.write(f"{name}: {len(walk.widths_us) * len(walk.amplitudes_ua)} points, {found} differ\n")
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
