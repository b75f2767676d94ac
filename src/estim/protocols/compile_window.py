"""One channel's window in a phase: its ramps, and where they are stretched; the phases before a therapy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from estim.protocols.compile_setup import ChannelPlan
from estim.protocols.device_grid import GridPulse
from estim.protocols.findings import Findings
from estim.protocols.gait import SLOW_STEPS_PER_MIN, share_of_stride
from estim.protocols.schema_phase import PhaseSpec
from estim.protocols.setup import Setup
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.ramp import least_ramp_us, shortest_ramp_us
from estim.safety.schedule import Mode, PhasePlan, Train, Window
from estim.safety.units import US_PER_S, ZERO_US, MicroAmp, Micros, floor_to_step, seconds

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
    if ramp_down_us < SHORT_FALL_US and plan.scheduled.output == "motor":
        job.findings.add(
            "info",
            f"{key}.ramp_down_s",
            f"{plan.name}: a ramp-down of {phase.ramp_down_s:g} s is no ramp: the muscle lets go within "
            f"{max(1, ramp_down_us // pulse.period_us)} pulse(s)",
            asked=phase.ramp_down_s,
            allowed=SHORT_FALL_US / 1e6,
            unit="s",
            rule="L17",
            source="a fall needs no limit; that it is felt as a drop is said",
        )
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
    _say_short(job, key, phase, plan.name, ramp_us=repeat_us, period_us=pulse.period_us)
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


def _say_short(job: Job, key: str, phase: PhaseSpec, name: str, *, ramp_us: int, period_us: int) -> None:
    """Where a crank or a stride passes a window in less time than the ramp takes: which share of the level is reached.

    From the third contraction on at the latest, when each one leads as far as the one before it came (L17a). It is the
    least: a window that opens right before a pulse, or closes late, gets a pulse or two more of the ramp.
    """
    window = _of_cycle(job, phase, name)
    if window is None:
        return
    needed_us, turn_us = ramp_us + period_us, window.cycle_us
    passed_us = round(window.share * turn_us) + window.extra_us
    most = int(window.per_cycle * 60 * US_PER_S * window.share // max(1, needed_us - window.extra_us))
    if passed_us >= needed_us:
        return
    percent = max(0, min(99, 100 * (passed_us - period_us) // ramp_us))
    job.findings.add(
        "warn",
        f"{key}.{window.key}",
        f"{name}: at least {percent} % of the level is reached at {window.cadence} {window.unit} a minute, where "
        f"{window.words} lasts {passed_us / 1e6:.2g} s and the ramp takes {ramp_us / 1e6:.2g} s; 100 % up to "
        f"{most} {window.unit} a minute",
        asked=round(passed_us / 1e6, 3),
        allowed=needed_us / 1e6,
        unit="s",
        rule="L17b",
        source="slip control: shortest ramps of the limit table",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfCycle:
    """A window that a crank's angle or the gait opens and closes.

    Attributes:
        share: of a turn or stride.
        per_cycle: turns or steps of one cycle, as cadence counts them. extra_us: it goes on after its closing event.
    """

    share: float
    cadence: int
    unit: str
    words: str
    key: str
    per_cycle: int = 1
    extra_us: int = 0

    @property
    def cycle_us(self) -> int:
        """One turn, or one stride."""
        return self.per_cycle * 60 * US_PER_S // self.cadence


def _of_cycle(job: Job, phase: PhaseSpec, name: str) -> _OfCycle | None:
    own, trigger = next((channel for channel in phase.channel if channel.name == name), None), phase.trigger
    if trigger is None:
        return None
    stated = job.setup.cadence_per_min
    if trigger.cadence_rpm is not None and own is not None and own.crank_deg is not None:
        begin, end = own.crank_deg
        return _OfCycle(
            share=(end - begin) % 360 / 360,
            cadence=stated or trigger.cadence_rpm,
            unit="turns",
            words=f"the crank's way from {begin:g}° to {end:g}°",
            key="channel.crank_deg",
        )
    opens, closes = ((own and own.trigger_on) or trigger.on or "", (own and own.trigger_off) or trigger.off or "")
    share = share_of_stride(opens, closes)
    if trigger.source not in {"sensor", "switch"} or share is None:
        return None
    return _OfCycle(
        share=share,
        cadence=stated or SLOW_STEPS_PER_MIN,
        unit="steps",
        words=f"{opens} to {closes}",
        key="channel.trigger_on" if own is not None and own.trigger_on else "trigger.on",
        per_cycle=2,
        extra_us=seconds(trigger.extend_s),
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
