"""Compile: protocol + setup + device profile → schedule. Pure; resolves the relation between channels into windows.

`compile_schedule` needs the levels that were found, `compile_titration` is what finds them: one phase for each channel
at the highest rate and width that the protocol will ever use on it, so a level holds for all of its phases and never
the other way round (docs/decisions/protocols.md). What may come before it, the test of the
pads with single twitches, is in `compile_low_rate`.
"""

from __future__ import annotations

from dataclasses import replace

from estim.protocols.compile_patterns import fit_shape, fit_train, led, skipping, steady
from estim.protocols.compile_rates import check_rates, on_one_grid
from estim.protocols.compile_setup import ChannelPlan, check_setup
from estim.protocols.compile_window import Job, fit_window, one_window, override, phase_before
from estim.protocols.course import judge_measures
from estim.protocols.device_grid import GridPulse, fit_pulse
from estim.protocols.findings import Findings
from estim.protocols.schema import Protocol
from estim.protocols.schema_phase import PhaseSpec
from estim.protocols.setup import Setup
from estim.safety.errors import ProtocolRejected
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.profile import DeviceProfile
from estim.safety.ramp import least_ramp_us, shortest_ramp_us
from estim.safety.schedule import PhasePlan, Purpose, Schedule, Trigger, Window
from estim.safety.units import ZERO_US, Micros, seconds

SHIPPED = ABSOLUTE & DEFAULT  # where nobody says which limits are in force
TITRATION_ON_US = seconds(2.5)  # convention: long enough to feel, short enough to raise the level in steps
TITRATION_OFF_US = seconds(2.5)
TITRATION_HOLD_US = seconds(1.5)
TITRATION_RAMP_DOWN_US = seconds(0.3)
TITRATION_CYCLES = 120  # 10 min on one channel, then a person has to begin again


def compile_schedule(
    protocol: Protocol,
    setup: Setup,
    profile: DeviceProfile,
    *,
    sha256: str = "",
    levels_needed: bool = True,
    limits: Limits = SHIPPED,
) -> Schedule:
    """The therapy schedule for the levels in `setup`.

    `protocol` must already be resolved for the week and session (`protocols.resolve`).

    Args:
        sha256: digest of the protocol file's bytes, for the record.
        levels_needed: False compiles at level 0, to ask what would be admissible (`protocols check`).
        limits: in force; they say how short a ramp may be.

    Raises:
        SetupError: the setup is incomplete or contradicts the protocol.
        ProtocolRejected: the device can't play it; all reasons at once.
    """
    job = begin_job(protocol, setup, profile, limits, levels_needed=levels_needed)
    phases: list[PhasePlan] = []
    for index, phase in enumerate(protocol.phase):
        plan = _phase(job, f"phase[{index}]", phase)
        if plan is not None:
            phases.append(plan)
    return whole_schedule(job, protocol, phases, sha256=sha256, purpose="therapy")


def compile_titration(
    protocol: Protocol, setup: Setup, profile: DeviceProfile, *, sha256: str = "", limits: Limits = SHIPPED
) -> Schedule:
    """The schedule that finds each channel's levels: 2.5 s on, 2.5 s off, from 0 mA, raised by hand while it is on.

    Raises:
        SetupError, ProtocolRejected: as `compile_schedule`.
    """
    job = begin_job(protocol, setup, profile, limits, levels_needed=False)
    phases: list[PhasePlan] = []
    for plan in job.plans:
        pulses = channel_pulses(job, protocol, plan.name)
        if pulses:
            phases.append(_titration_phase(plan, pulses, job))
    return whole_schedule(job, protocol, phases, sha256=sha256, purpose="titration")


def _titration_phase(plan: ChannelPlan, pulses: list[GridPulse], job: Job) -> PhasePlan:
    fastest = min((steady(pulse) for pulse in pulses), key=lambda pulse: pulse.period_us)
    widest = max(pulses, key=lambda pulse: pulse.pulse_width_us)
    # At a few Hz a ramp of whole pulses takes seconds: the on time grows with it, so that there is a plateau to raise
    # in.
    ramp_us = shortest_ramp_us(
        plan.scheduled.plausible_ua[1],
        fastest.period_us,
        job.profile.amplitude_step_ua * widest.phase_ratio,
        least_ramp_us(job.limits, first=True),
        first=True,
    )
    on_us = Micros(max(TITRATION_ON_US, ramp_us + TITRATION_HOLD_US))
    window = one_window(
        plan,
        replace(
            fastest,
            pulse_width_us=widest.pulse_width_us,
            interphase_us=widest.interphase_us,
            phase_ratio=widest.phase_ratio,
            shape=widest.shape,
        ),
        on_us=on_us,
        ramp_up_us=ramp_us,
        first_ramp_up_us=ramp_us,
        ramp_down_us=TITRATION_RAMP_DOWN_US,
    )
    return phase_before(
        f"find levels: {plan.name}",
        window,
        mode="timed",
        cycle_us=Micros(on_us + max(TITRATION_OFF_US, on_us)),  # never on for more than half of the time (L20)
        cycles=TITRATION_CYCLES,
    )


def begin_job(protocol: Protocol, setup: Setup, profile: DeviceProfile, limits: Limits, *, levels_needed: bool) -> Job:
    """What a compilation begins with: the setup checked, the measures judged.

    Raises:
        SetupError: the setup is incomplete or contradicts the protocol.
    """
    findings = Findings([])
    plans = check_setup(protocol, setup, profile, findings=findings, levels_needed=levels_needed)
    judge_measures(protocol, setup, findings)
    return Job(setup=setup, profile=profile, limits=limits, plans=plans, findings=findings)


def whole_schedule(job: Job, protocol: Protocol, phases: list[PhasePlan], *, sha256: str, purpose: Purpose) -> Schedule:
    """The schedule of these phases, with the channels and pads that they use.

    Raises:
        ProtocolRejected: something in `job` was refused; all reasons at once.
    """
    if job.findings.refused():
        raise ProtocolRejected(job.findings.refused())
    used = {window.channel for phase in phases for window in phase.windows}
    kept = [plan for plan in job.plans if plan.scheduled.channel in used]
    pads = {pad.id: pad for plan in kept for pad in plan.pads}
    return Schedule(
        protocol_id=protocol.id,
        protocol_version=protocol.version,
        protocol_title=protocol.title,
        protocol_sha256=sha256,
        purpose=purpose,
        model=job.profile.model,
        week=job.setup.week,
        session=job.setup.session,
        goal=protocol.goal,
        channels=tuple(sorted((plan.scheduled for plan in kept), key=lambda channel: channel.channel)),
        electrodes=tuple(pads[pad_id] for pad_id in sorted(pads)),
        phases=tuple(phases),
        weight_bearing=protocol.weight_bearing,
        stop_control=protocol.stop_control,
        bends=job.findings.bends(),
    )


def channel_pulses(job: Job, protocol: Protocol, name: str, *, frequency_hz: float | None = None) -> list[GridPulse]:
    """`channel_pulse` of every phase that channel `name` plays in."""
    return [
        pulse
        for index, phase in enumerate(protocol.phase)
        if name in {plan.name for plan in job.members(phase)}
        and (pulse := channel_pulse(job, f"phase[{index}]", phase, name, frequency_hz=frequency_hz)) is not None
    ]


def channel_pulse(
    job: Job, key: str, phase: PhaseSpec, name: str, *, frequency_hz: float | None = None
) -> GridPulse | None:
    """The pulse that channel `name` has in `phase`, at the phase's rate or at another one, on the device's grid."""
    pulse = fit_pulse(
        phase,
        key=key,
        frequency_hz=frequency_hz or override(phase, name, "frequency_hz") or phase.frequency_hz,
        pulse_width_us=override(phase, name, "pulse_width_us") or phase.pulse_width_us,
        profile=job.profile,
        findings=job.findings,
    )
    if pulse is None:
        return None
    shaped = fit_shape(key, phase, pulse, job.profile, job.findings)
    if frequency_hz:
        return shaped
    return skipping(fit_train(key, phase, shaped, job.profile, job.findings), override(phase, name, "skip"))


def _phase(job: Job, key: str, phase: PhaseSpec) -> PhasePlan | None:
    members = job.members(phase)
    if not members:  # every channel of this phase is optional and left out
        return None
    ramps_us = 0 if phase.ramp_within_on else seconds(phase.ramp_up_s) + seconds(phase.ramp_down_s)
    on_us = _on_us(phase) + ramps_us
    cycle_us = _on_us(phase) + ramps_us + seconds(phase.off_s or 0.0)
    windows: list[Window] = []
    following_us = 0
    pulses = on_one_grid(job.profile, [channel_pulse(job, key, phase, plan.name) for plan in members])
    for position, (plan, pulse) in enumerate(zip(members, pulses, strict=True)):
        if pulse is None:
            continue
        own_on = override(phase, plan.name, "on_s")
        window_on_us = Micros(seconds(own_on) + ramps_us if own_on else on_us)
        delay_s = override(phase, plan.name, "delay_s")
        offset_us = seconds(delay_s or 0.0)
        if phase.relation == "alternating":
            offset_us = Micros(offset_us + cycle_us * position // len(members))
        elif phase.relation == "sequenced":
            offset_us = Micros(offset_us + following_us)
            following_us += window_on_us
        elif phase.relation == "overlapping":
            # Hand-over: it rises while the one before falls; a channel's own delay says otherwise.
            offset_us = offset_us if delay_s is not None else Micros(following_us)
            following_us = offset_us + window_on_us - seconds(phase.ramp_down_s)
        elif phase.relation == "interleaved":
            offset_us = Micros(offset_us + pulse.period_us * position // len(members))
        windows.append(fit_window(job, phase, plan, pulse, key=key, offset_us=offset_us, on_us=window_on_us))
    windows = led(job, key, phase, windows)
    check_rates(job, key, phase, windows)
    cycle_us = _fit_cycle(key, phase, Micros(cycle_us), windows, job.findings)
    cycles, duration_us = _extent(phase, cycle_us)
    return PhasePlan(
        name=phase.name,
        kind=phase.kind,
        mode=phase.mode,
        relation=phase.relation or "together",
        windows=tuple(windows),
        cycle_us=ZERO_US if phase.mode in {"triggered", "emg-triggered"} else cycle_us,
        cycles=cycles,
        sets=phase.sets or 1,
        set_rest_us=seconds(phase.set_rest_s or 0.0),
        duration_us=duration_us,
        trigger=_trigger(phase),
        cue_signal=phase.cue_signal or "none",
        effort=phase.effort or "join",
    )


def _on_us(phase: PhaseSpec) -> Micros:
    if phase.mode == "timed":
        return seconds(phase.on_s or 0.0)
    if phase.mode == "continuous":
        return seconds(phase.duration_s or 0.0)
    return seconds(phase.trigger.max_on_s if phase.trigger is not None else 0.0)


def _extent(phase: PhaseSpec, cycle_us: Micros) -> tuple[int, Micros]:
    """Cycles a set, and how long the phase lasts in all."""
    sets = phase.sets or 1
    rests_us = (sets - 1) * seconds(phase.set_rest_s or 0.0)
    if phase.mode == "continuous":
        return 1, cycle_us
    if phase.mode == "timed":
        # whole contractions only: one that would be cut by the end is not begun
        cycles = phase.contractions or max(1, seconds(phase.duration_s or 0.0) // cycle_us)
        return cycles, Micros(sets * cycles * cycle_us + rests_us)
    return phase.contractions or 0, seconds(phase.duration_s or 0.0)


def _fit_cycle(key: str, phase: PhaseSpec, cycle_us: Micros, windows: list[Window], findings: Findings) -> Micros:
    end_us = max((window.offset_us + window.on_us for window in windows), default=0)
    if phase.mode != "timed" or end_us <= cycle_us or phase.relation == "interleaved":
        return cycle_us
    if phase.relation in {"alternating", "overlapping"} and all(window.offset_us < cycle_us for window in windows):
        return cycle_us  # the last channel's window reaches into the next cycle; its own duty stays on/(on + off)
    late = next(
        (
            (number, override)
            for number, override in enumerate(phase.channel)
            if override.delay_s and seconds(override.delay_s) + seconds(override.on_s or phase.on_s or 0) > cycle_us
        ),
        None,
    )
    if late is not None:
        number, override = late
        most = max(0.0, cycle_us / 1e6 - (override.on_s or phase.on_s or 0.0))
        findings.add(
            "refuse",
            f"{key}.channel[{number}].delay_s",
            f"{override.name}: a delay of {override.delay_s:g} s with its on time reaches beyond the cycle of "
            f"{cycle_us / 1e6:g} s",
            asked=override.delay_s,
            allowed=round(most, 3),
            unit="s",
            rule="cycle",
        )
        return cycle_us
    findings.add(
        "refuse",
        f"{key}.off_s",
        f"the channels' windows need {end_us / 1e6:g} s, but on and off time together are {cycle_us / 1e6:g} s",
        asked=cycle_us / 1e6,
        allowed=end_us / 1e6,
        unit="s",
        rule="cycle",
    )
    return cycle_us


def _trigger(phase: PhaseSpec) -> Trigger | None:
    trigger = phase.trigger
    if trigger is None:
        return None
    return Trigger(
        source=trigger.source,
        on=trigger.on or "",
        off=trigger.off or "timeout",
        hold=bool(trigger.hold),
        max_on_us=seconds(trigger.max_on_s),
        min_on_us=seconds(trigger.min_on_s or 0.0),
        extend_us=seconds(trigger.extend_s or 0.0),
        refractory_us=seconds(trigger.refractory_s or 0.0),
        threshold_uv=trigger.threshold_uv,
        debounce_us=Micros(round((trigger.debounce_ms or 0) * 1000)),
        blanking_us=Micros(round((trigger.blanking_ms or 0) * 1000)),
        lockout_us=seconds(trigger.lockout_s or 0.0),
        rearm_percent=trigger.rearm_percent or 50,
        emg_side=trigger.emg_side or "treated",
        cadence_rpm=trigger.cadence_rpm,
        lead_on_us=Micros(round(trigger.lead_ms.on * 1000)) if trigger.lead_ms else ZERO_US,
        lead_off_us=Micros(round(trigger.lead_ms.off * 1000)) if trigger.lead_ms else ZERO_US,
        lead_limit_deg=60 if trigger.lead_limit_deg is None else trigger.lead_limit_deg,
    )
