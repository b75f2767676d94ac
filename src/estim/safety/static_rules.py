"""Rules of a schedule that do not depend on its levels: rates, widths, ramps, times, pads, patient. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from estim.safety import dose
from estim.safety.caps import problem, target_ua
from estim.safety.errors import Problem
from estim.safety.guardrail import Bound
from estim.safety.limits import Limits
from estim.safety.limits_table import BY_KEY, FUSED_MHZ
from estim.safety.profile import DeviceProfile
from estim.safety.ramp import least_ramp_us, shortest_ramp_us
from estim.safety.schedule import PatientFacts, PhasePlan, Schedule, ScheduleChannel, Window
from estim.safety.units import ceil_div

_US_PER_MIN = 60_000_000


def _check(key: str, name: str, value: int, limits: Limits, shown: str) -> Iterator[Problem]:
    guardrail, bound = BY_KEY[name], limits[name]
    if guardrail.breaks(value, bound.value):
        yield problem(key, guardrail, value, bound, shown)
    elif guardrail.warn is not None and guardrail.breaks(value, guardrail.warn):
        yield Problem(
            severity="warn",
            key=key,
            message=f"{shown}: {guardrail.words} {guardrail.shown(value):g} {guardrail.unit} "
            f"(acknowledge {'above' if guardrail.sense == 'max' else 'below'} "
            f"{guardrail.shown(guardrail.warn):g} {guardrail.unit})",
            asked=guardrail.shown(value),
            allowed=guardrail.shown(guardrail.warn),
            unit=guardrail.unit,
            layer="site",
            rule=guardrail.rule,
            source=guardrail.source,
        )


def judge_phases(
    schedule: Schedule, limits: Limits, profile: DeviceProfile, patient: PatientFacts
) -> Iterator[Problem]:
    """Every window's pulse, ramps, on time and duty; the device's load."""
    for index, phase in enumerate(schedule.phases):
        key = f"phase[{index}]"
        for window in phase.windows:
            channel = schedule.channel(window.channel)
            shown = f"{channel.name}, {phase.name}"
            yield from _judge_pulse(key, window, channel, limits, shown)
            level = target_ua(channel.level_ua, window, profile.amplitude_step_ua)
            step_ua = profile.amplitude_step_ua * window.phase_ratio
            yield from _judge_ramps(key, window, level, step_ua, patient, limits=limits, shown=shown)
            if channel.output == "motor":
                yield from _judge_times(key, phase, window, limits, shown)
        yield from _judge_load(key, phase, profile)


def _judge_pulse(key: str, window: Window, channel: ScheduleChannel, limits: Limits, shown: str) -> Iterator[Problem]:
    sensory = channel.output == "sensory"
    # The rate that is asked for is judged, where the device would play a slower one: bending makes nothing lawful.
    rate = max(dose.rate_mhz(window), window.frequency_mhz * window.burst_pulses)
    name = "rate_sensory_mhz" if sensory else "rate_mhz"
    yield from _check(f"{key}.frequency_hz", name, rate, limits, shown)
    yield from _check(f"{key}.frequency_hz", "rate_min_mhz", window.frequency_mhz, limits, shown)
    where = f"{key}.point" if window.shape else f"{key}.pulse_width_us"
    yield from _check(where, "pulse_width_max_us", dose.longest_phase_us(window), limits, shown)
    yield from _check(where, "pulse_width_min_us", dose.shortest_phase_us(window), limits, shown)
    yield from _check(f"{key}.interphase_us", "interphase_us", window.interphase_us, limits, shown)


def _judge_ramps(
    key: str, window: Window, level: int, step_ua: int, patient: PatientFacts, *, limits: Limits, shown: str
) -> Iterator[Problem]:
    first = shortest_ramp_us(level, window.period_us, step_ua, least_ramp_us(limits, first=True), first=True)
    repeat_us = shortest_ramp_us(level, window.period_us, step_ua, least_ramp_us(limits, first=False), first=False)
    repeat = first if patient.gentle else repeat_us
    for name, value, least in (
        ("first_ramp_min_us", window.first_ramp_up_us, first),
        ("repeat_ramp_min_us", window.ramp_up_us, repeat),
    ):
        if value < least:
            guardrail = BY_KEY[name]
            bound = Bound(
                value=least, layer="patient" if patient.gentle else limits[name].layer, source=guardrail.source
            )
            yield problem(f"{key}.ramp_up_s", guardrail, value, bound, shown)
    if window.first_ramp_up_us + window.ramp_down_us >= window.on_us:
        yield Problem(
            severity="refuse",
            key=f"{key}.ramp_up_s",
            message=f"{shown}: ramps leave nothing of the on time",
            asked=(window.first_ramp_up_us + window.ramp_down_us) / 1e6,
            allowed=window.on_us / 1e6,
            unit="s",
            layer="absolute",
            rule="L17",
            source="ramps are shorter than the on time",
        )


def _judge_times(key: str, phase: PhasePlan, window: Window, limits: Limits, shown: str) -> Iterator[Problem]:
    if phase.mode in {"triggered", "emg-triggered"}:
        yield from _check(f"{key}.trigger.max_on_s", "on_triggered_us", window.max_on_us, limits, shown)
        return
    if window.frequency_mhz <= FUSED_MHZ:
        return
    yield from _check(f"{key}.on_s", "on_us", window.on_us, limits, shown)
    if phase.mode == "timed" and phase.cycle_us:
        duty = ceil_div(window.on_us * 1000, phase.cycle_us)
        yield from _check(f"{key}.off_s", "duty_permille", duty, limits, shown)


def _judge_load(key: str, phase: PhasePlan, profile: DeviceProfile) -> Iterator[Problem]:
    """One source serves all channels in turn: their pulses must fit beside each other."""
    permille = sum(
        max(
            ceil_div((dose.pulse_length_us(steady) + profile.pulse_overhead_us) * 1000, steady.period_us)
            for steady in dose.played(window)
        )
        for window in phase.windows
    )
    if permille >= 1000:
        yield Problem(
            severity="refuse",
            key=f"{key}.frequency_hz",
            message=f"{phase.name}: the pulses of all channels need {permille / 10:g} % of the device's one source",
            asked=permille / 10,
            allowed=99.9,
            unit="%",
            layer="device",
            rule="load",
            source=profile.source,
        )


def judge_pads(schedule: Schedule, limits: Limits) -> Iterator[Problem]:
    """Every pad's area: mandatory, not too small, no slip of units."""
    for electrode in schedule.electrodes:
        key = f"electrode[{electrode.id}].size_cm"
        yield from _check(key, "pad_area_min_mm2", electrode.area_mm2, limits, f"pad {electrode.id}")
        yield from _check(key, "pad_area_max_mm2", electrode.area_mm2, limits, f"pad {electrode.id}")


def judge_patient(schedule: Schedule, patient: PatientFacts) -> Iterator[Problem]:
    """L28: who can't feel can't say when it is too much. Not asked counts as not feeling."""
    if patient.insensate_skin is False:
        return
    for channel in schedule.channels:
        key = f"channel[{channel.name}]"
        if channel.output == "sensory" or channel.amplitude_rule == "max-tolerated":
            yield _l28(key, f"{channel.name}: {channel.amplitude_rule} needs a patient who feels the current")
        elif channel.cap_ua is None:
            yield _l28(key, f"{channel.name}: on skin that does not feel a cap is needed, taken from the other limb")


def _l28(key: str, message: str) -> Problem:
    return Problem(
        severity="refuse",
        key=key,
        message=message + " (sensation under the pads is absent or was not asked for)",
        layer="patient",
        rule="L28",
        source="docs/decisions/limits.md, L28 (convention)",
    )


def judge_clocks(
    schedule: Schedule, limits: Limits, minutes_today: Mapping[str, int], session_on_us: Mapping[int, int]
) -> Iterator[Problem]:
    """L21a, L21b, L27: time of the block, of each channel in this session, of each muscle today (its channels add)."""
    if schedule.purpose != "therapy":
        return
    total = sum(phase.duration_us for phase in schedule.phases)
    yield from _check("dose.blocks_per_session", "block_us", total, limits, schedule.protocol_title)
    by_muscle: dict[str, int] = {}
    first: dict[str, str] = {}
    for channel in schedule.channels:
        if channel.output != "motor":
            continue
        on_us = sum(
            _on_us(phase, window)
            for phase in schedule.phases
            for window in phase.windows
            if window.channel == channel.channel and window.frequency_mhz > FUSED_MHZ
        )
        key = f"channel[{channel.name}]"
        had_us = session_on_us.get(channel.channel, 0)
        yield from _check(key, "motor_on_us", had_us + on_us, limits, channel.name)
        for muscle in channel.day_accounts:
            by_muscle[muscle] = by_muscle.get(muscle, 0) + on_us
            first.setdefault(muscle, key)
    for muscle, muscle_us in by_muscle.items():
        minutes = minutes_today.get(muscle, 0) + ceil_div(muscle_us, _US_PER_MIN)
        yield from _check(first[muscle], "muscle_day_min", minutes, limits, muscle.replace("/", ", "))


def judge_day(schedule: Schedule, limits: Limits, *, blocks: int, sessions: int) -> Iterator[Problem]:
    """L27 for what a file asks of one day: time of all channels on a muscle × blocks × sessions, judged beforehand.

    A warning, since the first of these sessions is lawful: the one that passes the limit is refused on its day.
    """
    minutes: dict[str, int] = {}
    for channel in schedule.channels:
        if channel.output != "motor":
            continue
        on_us = sum(
            _on_us(phase, window) or _triggered_at_most_us(phase, window, limits)
            for phase in schedule.phases
            for window in phase.windows
            if window.channel == channel.channel and window.frequency_mhz > FUSED_MHZ
        )
        for muscle in channel.day_accounts:
            minutes[muscle] = minutes.get(muscle, 0) + on_us * blocks * sessions
    guardrail, bound = BY_KEY["muscle_day_min"], limits["muscle_day_min"]
    for muscle, on_us in minutes.items():
        asked = ceil_div(on_us, _US_PER_MIN)
        if not guardrail.breaks(asked, bound.value):
            continue
        name, side = muscle.split("/")
        once = on_us / _US_PER_MIN / blocks / sessions
        yield Problem(
            severity="warn",
            key="dose.sessions_per_day" if sessions > 1 or blocks == 1 else "dose.blocks_per_session",
            message=f"{name}, {side}: {sessions} session{'s' * (sessions > 1)} a day × {blocks} "
            f"block{'s' * (blocks > 1)} × {once:.3g} min of motor on time are {asked} min a day, allowed at most "
            f"{bound.value} min: of this dose {int(bound.value // once)} of {blocks * sessions} blocks are played on a "
            "day, the next is refused",
            asked=asked,
            allowed=bound.value,
            unit="min",
            layer=bound.layer,
            rule="L27",
            source=bound.source,
        )


def _triggered_at_most_us(phase: PhasePlan, window: Window, limits: Limits) -> int:
    """The longest that triggers can keep a window open: the governor's share of the phase (L20)."""
    if phase.mode not in {"triggered", "emg-triggered"} or phase.trigger is None:
        return 0
    if phase.cycles:
        return phase.cycles * phase.sets * window.max_on_us
    pause_us = phase.trigger.refractory_us + phase.trigger.lockout_us
    share = min(limits["duty_triggered_permille"].value, 1000 * window.max_on_us // max(1, window.max_on_us + pause_us))
    return phase.duration_us * share // 1000


def _on_us(phase: PhasePlan, window: Window) -> int:
    if phase.mode in {"triggered", "emg-triggered"}:
        return 0  # the governor counts what really comes (L20, L21b)
    if phase.mode == "continuous":
        return window.on_us
    return window.on_us * phase.cycles * phase.sets
