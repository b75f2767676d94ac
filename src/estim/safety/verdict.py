"""Verdict: a whole schedule judged before anything is armed. `clear` is the only maker of `ClearedSchedule`. Pure.

A level that is asked for and forbidden is refused, never cut down; what may be raised to later is `caps_ua`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from types import MappingProxyType

from estim.safety import static_rules
from estim.safety.caps import Caps, find_caps
from estim.safety.errors import Problem, ProtocolRejected
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import PatientFacts, Schedule
from estim.safety.units import UA_PER_MA, MicroAmp

_TOKEN = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedSchedule:
    """A schedule that no limit forbids. Only `clear` makes one.

    Attributes:
        schedule, limits, profile, patient: what was judged, by what.
        caps_ua: device channel → the greatest level on the device's grid that may ever be raised to in this schedule.
        cap_reasons: device channel → the rule that binds there.
        warnings: what an acknowledgement is asked for.
    """

    schedule: Schedule
    limits: Limits
    profile: DeviceProfile
    patient: PatientFacts
    caps_ua: Mapping[int, MicroAmp]
    cap_reasons: Mapping[int, str]
    warnings: tuple[Problem, ...]
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise ProtocolRejected(
                [Problem(severity="refuse", key="schedule", message="only clear() clears a schedule", rule="kernel")]
            )


def judge(
    schedule: Schedule,
    limits: Limits,
    profile: DeviceProfile,
    patient: PatientFacts,
    *,
    minutes_today: Mapping[str, int] = MappingProxyType({}),
    session_on_us: Mapping[int, int] = MappingProxyType({}),
) -> tuple[tuple[Problem, ...], Caps]:
    """Everything that limits say about `schedule`, and the caps.

    Args:
        limits: absolute & site; the device's layer is joined here from `profile`.
        minutes_today: `muscle/side` → minutes of motor ON time already had today (L27).
        session_on_us: device channel → motor ON time already had in this session (L21b).
    """
    if schedule.model != profile.model:
        wrong = Problem(
            severity="refuse",
            key="schedule.model",
            message=f"compiled for {schedule.model}, the device is a {profile.model}",
            asked=schedule.model,
            allowed=profile.model,
            layer="device",
            rule="model",
        )
        return (wrong,), Caps({}, {}, ())
    in_force = limits & Limits.from_profile(profile)
    problems = [
        *static_rules.judge_phases(schedule, in_force, profile, patient),
        *static_rules.judge_pads(schedule, in_force),
        *static_rules.judge_patient(schedule, patient),
        *static_rules.judge_clocks(schedule, in_force, minutes_today, session_on_us),
    ]
    caps = find_caps(schedule, in_force, profile)
    return (*problems, *caps.problems), caps


def clear(
    schedule: Schedule,
    limits: Limits,
    profile: DeviceProfile,
    patient: PatientFacts,
    *,
    minutes_today: Mapping[str, int] = MappingProxyType({}),
    session_on_us: Mapping[int, int] = MappingProxyType({}),
) -> ClearedSchedule:
    """Judge `schedule`; gives it back cleared.

    Raises:
        ProtocolRejected: every violation at once, each with quantity, number asked, number allowed, layer, source.
    """
    problems, caps = judge(schedule, limits, profile, patient, minutes_today=minutes_today, session_on_us=session_on_us)
    refused = [problem for problem in problems if problem.severity == "refuse"]
    if refused:
        raise ProtocolRejected(refused)
    return ClearedSchedule(
        schedule=schedule,
        limits=limits & Limits.from_profile(profile),
        profile=profile,
        patient=patient,
        caps_ua=MappingProxyType(dict(caps.caps_ua)),
        cap_reasons=MappingProxyType(dict(caps.reasons)),
        warnings=tuple(problem for problem in problems if problem.severity == "warn"),
        token=_TOKEN,
    )


def admissible(schedule: Schedule, limits: Limits, profile: DeviceProfile) -> tuple[Problem, ...]:
    """What limits say of a schedule compiled without levels, for a protocol file as such.

    The greatest level that limits admit is refused only where it lies below the plausible band; a band that reaches
    above it is said, and is no error.
    """
    trusted = PatientFacts(
        insensate_skin=False, lesion_t6_or_above=False, child=False, fragile_bone=False, first_ever_session=False
    )
    found, caps = judge(schedule, limits, profile, trusted)
    problems = list(found)
    for channel in schedule.channels:
        cap, rule = caps.caps_ua.get(channel.channel, 0), caps.reasons.get(channel.channel, "L1")
        low, high = channel.plausible_ua
        if cap >= high:
            continue
        limits_words = f"{channel.name}: limits admit {cap / UA_PER_MA:g} mA ({rule})"
        problems.append(
            Problem(
                severity="refuse" if cap < low else "info",
                key=f"channel[{channel.name}].plausible_ma",
                message=f"{limits_words}, the plausible band begins at {low / UA_PER_MA:g} mA"
                if cap < low
                else f"{limits_words}: the plausible {high / UA_PER_MA:g} mA is capped there",
                asked=(low if cap < low else high) / UA_PER_MA,
                allowed=cap / UA_PER_MA,
                unit="mA",
                layer="absolute" if cap < low else "site",
                rule=rule,
                source="greatest level within all limits",
            )
        )
    return tuple(problems)
