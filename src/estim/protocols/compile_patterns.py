"""Free shapes, trains and followers on a device's grid, with every difference said. Pure."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from estim.protocols.compile_window import Job
from estim.protocols.device_bursts import fit_interval
from estim.protocols.device_grid import GridPulse, fit_period
from estim.protocols.findings import Findings
from estim.protocols.schema_pattern import PER_MILLE, FirstPulses, TrainSpec
from estim.protocols.schema_phase import PhaseChannel, PhaseSpec
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import Follow, Shape, Train, Window
from estim.safety.units import MicroAmp, Micros, MilliHertz, milliamps, seconds

STEP_MAX_UA = 2_000  # the coarsest device step in use: a raise by one key is never more on account of a pulse's shape


def fit_shape(key: str, phase: PhaseSpec, pulse: GridPulse, profile: DeviceProfile, findings: Findings) -> GridPulse:
    """`pulse` with the points of `phase`; as it is where it has none, or the device has none (a fallback plays).

    Amplitudes are played in multiples of the device's step in which every share is whole, so that no rounding breaks
    the balance; where that step would be coarser than 2 mA the shape is refused.
    """
    if not phase.point or not profile.free_points:
        return pulse
    shape: Shape = tuple((point.us, point.permille) for point in phase.point)
    multiple = PER_MILLE // gcd(PER_MILLE, *(permille for _, permille in shape))
    details = {"layer": "device", "source": profile.source}
    pieces = len(shape) * pulse.burst_pulses + pulse.burst_pulses - 1
    if pieces > profile.points_max:
        findings.add(
            "refuse",
            f"{key}.point",
            f"{pieces} points, the {profile.title} has {profile.points_max}",
            asked=pieces,
            allowed=profile.points_max,
            rule="points",
            **details,
        )
    for number, (us, permille) in enumerate(shape):
        if permille and us < profile.pulse_width_min_us:
            findings.add(
                "refuse",
                f"{key}.point[{number}].us",
                f"{us} µs can't be played by the {profile.title}: at least {profile.pulse_width_min_us} µs",
                asked=us,
                allowed=profile.pulse_width_min_us,
                unit="µs",
                rule="L2",
                **details,
            )
    if multiple * profile.amplitude_step_ua > STEP_MAX_UA:
        most = STEP_MAX_UA // profile.amplitude_step_ua
        parts = " or ".join(f"1/{number}" for number in range(2, most + 1) if PER_MILLE % number == 0)
        findings.add(
            "refuse",
            f"{key}.point",
            f"these shares are whole only in steps of {multiple * profile.amplitude_step_ua / 1000:g} mA, too coarse "
            f"to raise by; on the {profile.title} shares may be multiples of {parts}: the balance holds at each step",
            asked=multiple * profile.amplitude_step_ua / 1000,
            allowed=STEP_MAX_UA / 1000,
            unit="mA",
            rule="L12",
            **details,
        )
    return replace(pulse, shape=shape, phase_ratio=multiple)


def fit_train(key: str, phase: PhaseSpec, pulse: GridPulse, profile: DeviceProfile, findings: Findings) -> GridPulse:
    """`pulse` with the train of `phase`."""
    spec = phase.train
    if spec is None or spec.kind == "constant":
        return pulse
    if spec.kind == "jitter":
        findings.add(
            "refuse",
            f"{key}.train.kind",
            f"the {profile.title} repeats its pulses by itself, in even intervals; uneven ones are asked of it one by "
            "one, where no timer of the device ends them: no therapy",
            asked="jitter",
            allowed="constant, catch, two-rate",
            layer="device",
            rule="train",
            source=profile.source,
        )
        return pulse
    if spec.first is not None:
        return _catch(key, spec, spec.first, pulse, profile, findings)
    return _two_rates(key, spec, pulse, profile, findings)


def _catch(
    key: str, spec: TrainSpec, first: FirstPulses, pulse: GridPulse, profile: DeviceProfile, findings: Findings
) -> GridPulse:
    interval_us = fit_interval(
        f"{key}.train.first",
        first.pulses,
        first.interval_us,
        profile,
        findings,
        pulse_us=pulse.length_us,
        period_us=pulse.period_us,
        at_least=first.at_least_device,
    )
    if profile.first_pulse_alone:
        findings.add(
            "info",
            f"{key}.train.first.times",
            f"the {profile.title} takes one change a period: the first {first.times} or {first.times + 1} pulses are "
            "doubled",
            asked=first.times,
            allowed=first.times + 1,
            layer="device",
            rule="train",
            source=profile.source,
        )
    repeat_us = seconds(spec.repeat_every_s or 0.0)
    if repeat_us and repeat_us <= first.times * pulse.period_us:
        findings.add(
            "refuse",
            f"{key}.train.repeat_every_s",
            f"every {spec.repeat_every_s:g} s leaves no single pulse behind {first.times} doubled ones",
            asked=spec.repeat_every_s,
            allowed=(first.times + 1) * pulse.period_us / 1e6,
            unit="s",
            rule="train",
        )
    train = Train(
        kind="catch",
        burst_pulses=first.pulses,
        burst_interval_us=interval_us,
        times=first.times,
        repeat_us=repeat_us,
    )
    return replace(pulse, train=train)


def _two_rates(key: str, spec: TrainSpec, pulse: GridPulse, profile: DeviceProfile, findings: Findings) -> GridPulse:
    if not profile.changes_rate_while_running and profile.has_timer:
        findings.add(
            "refuse",
            f"{key}.train.then_hz",
            f"the {profile.title} stops and begins anew for another rate: a gap in the contraction",
            asked=spec.then_hz,
            layer="device",
            rule="one-rate",
            source=profile.source,
        )
        return pulse
    then_mhz = MilliHertz(round((spec.then_hz or 0.0) * 1000))
    then_us = fit_period(f"{key}.train.then_hz", then_mhz, profile, findings)
    if then_us is None:
        return pulse
    train = Train(kind="two-rate", then_period_us=then_us, after_us=seconds(spec.after_s or 0.0))
    return replace(pulse, train=train, frequency_mhz=max(pulse.frequency_mhz, then_mhz))


def steady(pulse: GridPulse) -> GridPulse:
    """The fastest steady train that `pulse` has in it, doubled first pulses kept: what levels are found at."""
    if pulse.train is None or not pulse.train.then_period_us:
        return pulse
    return replace(pulse, train=None, period_us=min(pulse.period_us, pulse.train.then_period_us))


def skipping(pulse: GridPulse, skip: float | None) -> GridPulse:
    """`pulse`, one period of it played and `skip` rested."""
    if not skip:
        return pulse
    times = int(skip) + 1
    return replace(
        pulse, period_us=Micros(pulse.period_us * times), frequency_mhz=MilliHertz(pulse.frequency_mhz // times)
    )


def led(job: Job, key: str, phase: PhaseSpec, windows: list[Window]) -> list[Window]:
    """The windows with those that follow another tied to it: its times and ramps, a share of its level."""
    numbers = {plan.name: plan.scheduled.channel for plan in job.plans}
    follows = {numbers[one.name]: one for one in phase.channel if one.follows is not None and one.name in numbers}
    by_channel = {window.channel: window for window in windows}
    made: list[Window] = []
    for window in windows:
        spec = follows[window.channel].follows if window.channel in follows else None
        if spec is None:
            made.append(window)
            continue
        leader = by_channel.get(numbers.get(spec.channel, 0))
        if leader is None:
            job.findings.add(
                "refuse",
                f"{key}.channel.follows",
                f"{follows[window.channel].name} follows {spec.channel}, which is left out today",
                asked=spec.channel,
                rule="follows",
            )
            continue
        made.append(_tied(job, key, window, leader, follows[window.channel]))
    return made


def _tied(job: Job, key: str, window: Window, leader: Window, one: PhaseChannel) -> Window:
    spec = one.follows
    if spec is None:
        return window
    follow = Follow(
        channel=leader.channel,
        share_permille=round(spec.share * PER_MILLE),
        at_most_ua=milliamps(spec.at_most_ma) if spec.at_most_ma else MicroAmp(0),
    )
    step_ma = job.profile.amplitude_step_ua * window.phase_ratio / 1000
    if spec.share < 1 and step_ma >= 1:
        job.findings.add(
            "info",
            f"{key}.channel.follows",
            f"{one.name}: {spec.share * 100:g} % of {spec.channel} in steps of {step_ma:g} mA: the nearest below plays",
            asked=spec.share,
            allowed=step_ma,
            unit="mA",
            layer="device",
            rule="follows",
            source=job.profile.source,
        )
    return replace(
        window,
        follows=follow,
        ramp_up_us=max(window.ramp_up_us, leader.ramp_up_us),
        first_ramp_up_us=max(window.first_ramp_up_us, leader.first_ramp_up_us),
        ramp_down_us=leader.ramp_down_us,
        crank_deg=leader.crank_deg,
    )
