"""One channel's window in a phase: its ramps, and where they are stretched; the phases before a therapy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from estim.protocols.compile_setup import ChannelPlan
from estim.protocols.compile_short import Ramp, say_short
from estim.protocols.device_grid import GridPulse
from estim.protocols.findings import Findings
from estim.protocols.schema_phase import PhaseSpec
from estim.protocols.setup import Setup
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.ramp import least_ramp_us, shortest_ramp_us
from estim.safety.schedule import Mode, PhasePlan, Train, Window
from estim.safety.units import ZERO_US, MicroAmp, Micros, floor_to_step, seconds

SHORT_FALL_US = 100_000  # L17b: a ramp shorter than this is none; convention


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every step of a compilation needs."""

    setup: Setup
    profile: DeviceProfile
    limits: Limits
    plans: tuple[ChannelPlan, ...]
    findings: Findings

    def members(self, phase: PhaseSpec) -> list[ChannelPlan]:
        """The channels that play in `phase`, in the protocol's order."""
        return [plan for plan in self.plans if not phase.channels or plan.name in phase.channels]


def override(phase: PhaseSpec, name: str, field: str) -> float | None:
    """The value that `[[phase.channel]]` sets for this channel, None where it sets none."""
    for override in phase.channel or ():
        if override.name == name:
            value: float | None = getattr(override, field)
            return value
    return None


def fit_window(
    job: Job,
    phase: PhaseSpec,
    plan: ChannelPlan,
    pulse: GridPulse,
    *,
    key: str,
    offset_us: Micros,
    on_us: Micros,
) -> Window:
    """The window of one channel in a phase, with ramps that the limit table allows; stretched ones are said."""
    intensity_permille = round((override(phase, plan.name, "intensity") or phase.intensity) * 1000)
    step_ua = job.profile.amplitude_step_ua * pulse.phase_ratio
    level_ua = MicroAmp(floor_to_step(plan.scheduled.level_ua * intensity_permille // 1000, step_ua))
    asked_us = seconds(phase.ramp_up_s)
    first_us, repeat_us = (
        shortest_ramp_us(
            level_ua, pulse.period_us, step_ua, max(asked_us, least_ramp_us(job.limits, first=first)), first=first
        )
        for first in (True, False)
    )
    if _tightest_ramps(job.setup):
        repeat_us = Micros(max(repeat_us, first_us))
    _say_ramps(job, key, plan.name, asked_us=asked_us, repeat_us=repeat_us, first_us=first_us)
    ramp_down_us = seconds(phase.ramp_down_s)
    _say_fall(job, key, phase, plan, ramp_down_us=ramp_down_us, period_us=pulse.period_us)
    if first_us + ramp_down_us >= on_us:
        job.findings.add(
            "refuse",
            f"{key}.ramp_up_s",
            f"{plan.name}: ramps of {first_us / 1e6:g} s and {ramp_down_us / 1e6:g} s leave nothing of an on time of "
            f"{on_us / 1e6:g} s",
            asked=first_us / 1e6,
            allowed=max(0.0, (on_us - ramp_down_us) / 1e6),
            unit="s",
            rule="L17",
        )
    if pulse.train is not None and pulse.train.then_period_us:
        _check_second_rate(job, key, plan.name, pulse.train, first_us=first_us, on_us=on_us - ramp_down_us)
    say_short(
        job.findings,
        job.profile,
        phase,
        key=key,
        cadence=job.setup.cadence_per_min,
        ramp=Ramp(
            plan=plan,
            level_ua=level_ua,
            intensity_permille=intensity_permille,
            step_ua=step_ua,
            period_us=pulse.period_us,
            least_us=repeat_us,
            first=_tightest_ramps(job.setup),
            level_us=on_us - ramp_down_us,
        ),
    )
    return one_window(
        plan,
        pulse,
        intensity_permille=intensity_permille,
        offset_us=offset_us,
        on_us=on_us,
        ramp_up_us=repeat_us,
        first_ramp_up_us=first_us,
        ramp_down_us=ramp_down_us,
        **_window_trigger(phase, plan.name),
    )


def _say_fall(job: Job, key: str, phase: PhaseSpec, plan: ChannelPlan, *, ramp_down_us: int, period_us: int) -> None:
    if ramp_down_us >= SHORT_FALL_US or plan.scheduled.output != "motor":
        return
    job.findings.add(
        "info",
        f"{key}.ramp_down_s",
        f"{plan.name}: a ramp-down of {phase.ramp_down_s:g} s is no ramp: the muscle lets go within "
        f"{max(1, ramp_down_us // period_us)} pulse(s)",
        asked=phase.ramp_down_s,
        allowed=SHORT_FALL_US / 1e6,
        unit="s",
        rule="L17",
        source="a fall needs no limit; that it is felt as a drop is said",
    )


def _check_second_rate(job: Job, key: str, name: str, train: Train, *, first_us: int, on_us: int) -> None:
    """The second rate begins on the plateau: ramps are made of pulses of the first."""
    if first_us <= train.after_us < on_us:
        return
    early = train.after_us < first_us
    job.findings.add(
        "refuse",
        f"{key}.train.after_s",
        f"{name}: the second rate must begin on the plateau, {first_us / 1e6:g} to {on_us / 1e6:g} s after the first "
        "pulse",
        asked=train.after_us / 1e6,
        allowed=(first_us if early else on_us) / 1e6,
        unit="s",
        rule="train",
    )


def one_window(
    plan: ChannelPlan,
    pulse: GridPulse,
    *,
    on_us: Micros,
    ramp_up_us: Micros,
    first_ramp_up_us: Micros,
    ramp_down_us: Micros,
    offset_us: Micros = ZERO_US,
    intensity_permille: int = 1000,
    **trigger: Any,
) -> Window:
    """The window in which the channel of `plan` plays `pulse`."""
    return Window(
        channel=plan.scheduled.channel,
        frequency_mhz=pulse.frequency_mhz,
        period_us=pulse.period_us,
        pulse_width_us=pulse.pulse_width_us,
        interphase_us=pulse.interphase_us,
        phase_ratio=pulse.phase_ratio,
        burst_pulses=pulse.burst_pulses,
        burst_interval_us=pulse.burst_interval_us,
        shape=pulse.shape,
        train=pulse.train,
        intensity_permille=intensity_permille,
        offset_us=offset_us,
        on_us=on_us,
        ramp_up_us=ramp_up_us,
        first_ramp_up_us=first_ramp_up_us,
        ramp_down_us=ramp_down_us,
        **trigger,
    )


def phase_before(name: str, window: Window, *, mode: Mode, cycle_us: Micros, cycles: int) -> PhasePlan:
    """A phase before the therapy: one channel alone, `cycles` times `cycle_us`."""
    return PhasePlan(
        name=name,
        kind="warm-up",
        mode=mode,
        relation="together",
        windows=(window,),
        cycle_us=cycle_us,
        cycles=cycles,
        sets=1,
        set_rest_us=ZERO_US,
        duration_us=Micros(cycles * cycle_us),
    )


def _say_ramps(job: Job, key: str, name: str, *, asked_us: int, repeat_us: int, first_us: int) -> None:
    """Where a ramp is stretched, in the bends."""
    if repeat_us > asked_us:
        job.findings.add(
            "info",
            f"{key}.ramp_up_s",
            f"{name}: ramp-up of {asked_us / 1e6:g} s is played as {repeat_us / 1e6:g} s"
            f" (first contraction {first_us / 1e6:g} s)",
            asked=asked_us / 1e6,
            allowed=repeat_us / 1e6,
            unit="s",
            layer="patient" if _tightest_ramps(job.setup) else "site",
            rule="L17b",
            source="slip control: shortest ramps of the limit table",
        )
    elif first_us > asked_us:
        job.findings.add(
            "info",
            f"{key}.ramp_up_s",
            f"{name}: the first contraction ramps up in {first_us / 1e6:g} s instead of {asked_us / 1e6:g} s",
            asked=asked_us / 1e6,
            allowed=first_us / 1e6,
            unit="s",
            layer="site",
            rule="L17a",
            source="slip control: shortest ramps of the limit table",
        )


def _window_trigger(phase: PhaseSpec, name: str) -> dict[str, Any]:
    if phase.trigger is None:
        return {}
    override = next((channel for channel in phase.channel or () if channel.name == name), None)
    max_on_s = (override.max_on_s if override else None) or phase.trigger.max_on_s
    crank = override.crank_deg if override else None
    return {
        "trigger_on": (override.trigger_on if override else None) or phase.trigger.on or "",
        "trigger_off": (override.trigger_off if override else None) or phase.trigger.off or "",
        "max_on_us": seconds(max_on_s),
        "crank_deg": (round(crank[0]), round(crank[1])) if crank else None,
    }


def _tightest_ramps(setup: Setup) -> bool:
    """L17b is not for these patients; what is not known counts as present."""
    return setup.patient.gentle
