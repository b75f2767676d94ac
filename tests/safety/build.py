"""Schedules made by hand, on the P24's grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from estim.drivers.p24 import PROFILE
from estim.safety.commands import ChannelOutput
from estim.safety.electrodes import Electrode
from estim.safety.interlock import Interlock
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.schedule import PatientFacts, PhasePlan, Schedule, ScheduleChannel, Window
from estim.safety.units import MicroAmp, Micros, MilliHertz
from estim.safety.verdict import ClearedSchedule
from estim.session.effects import AuthorisedPeak

SECOND = 1_000_000
TRUSTED = PatientFacts(
    insensate_skin=False, lesion_t6_or_above=False, child=False, fragile_bone=False, first_ever_session=False
)
BOTH = ABSOLUTE & DEFAULT
__all__ = ["BOTH", "PROFILE", "SECOND", "TRUSTED", "channel", "limits", "output_of", "pad", "schedule", "window"]


def limits(**values: int) -> Limits:
    """Absolute with some bounds put in by a site."""
    return ABSOLUTE & Limits.of(values, layer="site", source="test")


def pad(name: str, area_mm2: int) -> Electrode:
    """A pad of this area."""
    return Electrode(id=name, width_mm=area_mm2, height_mm=1)


def window(number: int = 1, *, hz: float = 50, width_us: int = 250, **changes: Any) -> Window:
    """10 s on with ramps of 2 and 1 s, symmetric, 100 µs apart."""
    values: dict[str, Any] = {
        "channel": number,
        "frequency_mhz": MilliHertz(round(hz * 1000)),
        "period_us": PROFILE.quantise_period_us(round(hz * 1000)),
        "pulse_width_us": Micros(width_us),
        "interphase_us": Micros(100),
        "phase_ratio": 1,
        "burst_pulses": 1,
        "burst_interval_us": Micros(0),
        "intensity_permille": 1000,
        "offset_us": Micros(0),
        "on_us": Micros(10 * SECOND),
        "ramp_up_us": Micros(2 * SECOND),
        "first_ramp_up_us": Micros(2 * SECOND),
        "ramp_down_us": Micros(1 * SECOND),
    }
    return Window(**{**values, **changes})


def output_of(train: Window, amplitude_ua: int) -> ChannelOutput:
    """What plays in this window at this amplitude."""
    return ChannelOutput(
        channel=train.channel,
        amplitude_ua=MicroAmp(amplitude_ua),
        pulse_width_us=train.pulse_width_us,
        interphase_us=train.interphase_us,
        period_us=train.period_us,
        phase_ratio=train.phase_ratio,
        burst_pulses=train.burst_pulses,
        burst_interval_us=train.burst_interval_us,
    )


def channel(number: int = 1, *, ma: float = 40, pads: tuple[str, str] | None = None, **changes: Any) -> ScheduleChannel:
    """A motor channel at this level."""
    values: dict[str, Any] = {
        "channel": number,
        "name": f"muscle-{number}",
        "muscle": f"muscle {number}",
        "region": "thigh",
        "side": "left",
        "placement": "there",
        "electrodes": pads or (f"{number}a", f"{number}b"),
        "output": "motor",
        "amplitude_rule": "max-tolerated",
        "level_ua": MicroAmp(round(ma * 1000)),
        "motor_mark_ua": None,
        "plausible_ua": (MicroAmp(5_000), MicroAmp(60_000)),
    }
    return ScheduleChannel(**{**values, **changes})


def schedule(
    channels: list[ScheduleChannel] | None = None,
    windows: list[Window] | None = None,
    *,
    area_mm2: int = 4_500,
    areas: dict[str, int] | None = None,
    off_s: float = 30,
    cycles: int = 5,
    **changes: Any,
) -> Schedule:
    """One timed phase."""
    channels = channels or [channel()]
    windows = windows or [window(plan.channel) for plan in channels]
    on_us = max(entry.offset_us + entry.on_us for entry in windows)
    names = sorted({name for plan in channels for name in plan.electrodes})
    cycle_us = Micros(on_us + round(off_s * SECOND))
    phase: dict[str, Any] = {
        "name": "work",
        "kind": "work",
        "mode": "timed",
        "relation": "together",
        "windows": tuple(windows),
        "cycle_us": cycle_us,
        "cycles": cycles,
        "sets": 1,
        "set_rest_us": Micros(0),
        "duration_us": Micros(cycle_us * cycles),
    }
    return Schedule(
        protocol_id="made-by-hand",
        protocol_version="1.0.0",
        protocol_title="made by hand",
        protocol_sha256="",
        purpose=changes.pop("purpose", "therapy"),
        model="p24",
        week=1,
        session=2,
        goal="strength",
        channels=tuple(channels),
        electrodes=tuple(pad(name, (areas or {}).get(name, area_mm2)) for name in names),
        phases=(PhasePlan(**{**phase, **changes}),),
    )


MOST_UA = 2_000_000  # forbids nothing


def interlock_of(
    cleared: ClearedSchedule,
    peaks_ua: int | dict[int, int] = MOST_UA,
    until_us: int = 100_000 * SECOND,
    before: Interlock | None = None,
) -> Interlock:
    """The interlock of a schedule whose levels and authorisation went wrong: they allow up to `peaks_ua` everywhere, so
    that it has only its other bounds left.
    """
    plan = cleared.schedule
    channels = tuple(replace(one, level_ua=MicroAmp(MOST_UA)) for one in plan.channels)
    object.__setattr__(cleared, "schedule", replace(plan, channels=channels))
    made = Interlock(cleared, before)
    object.__setattr__(cleared, "schedule", plan)
    again(made, plan, peaks_ua, until_us)
    return made


def again(
    made: Interlock, plan: Schedule, peaks_ua: int | dict[int, int] = MOST_UA, until_us: int = 100_000 * SECOND
) -> None:
    """Authorise this much, durably: after an off it takes a new one."""
    made.authorise(1, peaks_of(plan, peaks_ua), until_us, 0)
    made.grant(1, 0)


def peaks_of(plan: Schedule, peaks_ua: int | dict[int, int]) -> list[AuthorisedPeak]:
    """Of each channel, for its pulse with the greatest share of the level."""
    all_windows = (train for phase in plan.phases for train in phase.windows)
    windows = {train.channel: train for train in sorted(all_windows, key=lambda train: train.intensity_permille)}
    return [
        AuthorisedPeak(
            channel=n,
            pulse_width_us=train.pulse_width_us,
            period_us=train.period_us,
            peak_ua=peaks_ua if isinstance(peaks_ua, int) else peaks_ua.get(n, 0),
        )
        for n, train in sorted(windows.items())
    ]
