"""Windows that are too short for their ramp: which share of the level is reached, said beforehand. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from estim.protocols.compile_setup import ChannelPlan
from estim.protocols.findings import Findings
from estim.protocols.gait import SLOW_STEPS_PER_MIN, share_of_stride
from estim.protocols.schema_phase import PhaseSpec
from estim.safety.profile import DeviceProfile
from estim.safety.ramp import ramp_amplitude_ua, shortest_ramp_us, step_bound_ua
from estim.safety.units import US_PER_S, ceil_div, floor_to_step, seconds

SOURCE = "slip control: shortest ramps of the limit table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A repeated ramp up.

    Attributes:
        level_ua: 0: nothing was found yet, any level that is usual may come.
        least_us: it takes no less than this. first: it is as slow as a first one (L17a).
        level_us: from the window's begin to its ramp down.
    """

    plan: ChannelPlan
    level_ua: int
    intensity_permille: int
    step_ua: int
    period_us: int
    least_us: int
    first: bool
    level_us: int

    def levels_ua(self) -> list[int]:
        """The level, or those that are usual."""
        if self.level_ua:
            return [self.level_ua]
        low, high = (
            max(self.step_ua, floor_to_step(each * self.intensity_permille // 1000, self.step_ua))
            for each in self.plan.scheduled.plausible_ua
        )
        return list(range(low, high + 1, self.step_ua))

    def rises(self, level_ua: int, profile: DeviceProfile) -> list[tuple[int, int]]:
        """Number of the pulse from which on it plays, and amplitude, of each step up to `level_ua`.

        A device that pulses on a grid of its own may take an update a period later than it was sent. So that no two
        steps fall together, where both would be too much for one, such a ramp waits between them (docs/protocols.md).
        """
        least_us = shortest_ramp_us(level_ua, self.period_us, self.step_ua, self.least_us, first=self.first)
        pulses = max(1, ceil_div(least_us, self.period_us))
        waits = 0 if profile.changes_rate_while_running else 2 if profile.first_pulse_alone else 3
        most_ua = step_bound_ua(level_ua, self.step_ua, first=self.first)
        rises: list[tuple[int, int]] = []
        number, before_ua = -1, 0
        for pulse in range(pulses):
            amplitude_ua = ramp_amplitude_ua(level_ua, pulse, pulses, self.step_ua)
            number += 1
            if rises and amplitude_ua == rises[-1][1]:
                continue
            if rises and waits and len(rises) == 1:
                number += 1  # the first pulse is played twice
            elif rises and waits and amplitude_ua - before_ua > most_ua:
                number += waits - 1
            before_ua = rises[-1][1] if rises else 0
            rises.append((number, amplitude_ua))
        return rises

    def needs(self, profile: DeviceProfile) -> int:
        """The most pulses that one of its levels needs."""
        return max(self.rises(level_ua, profile)[-1][0] + 1 for level_ua in self.levels_ua())

    def reached_percent(self, pulses: int, profile: DeviceProfile) -> int:
        """The least share of one of its levels that `pulses` pulses reach."""
        return min(
            100 * max((ua for number, ua in self.rises(level_ua, profile) if number < pulses), default=0) // level_ua
            for level_ua in self.levels_ua()
        )


def say_short(
    findings: Findings, profile: DeviceProfile, phase: PhaseSpec, *, key: str, cadence: int | None, ramp: Ramp
) -> None:
    """Where a window ends before its ramp does: which share of the level is reached.

    From the third contraction on at the latest, when each one leads as far as the one before it came (L17a). It is the
    least: a window that opens right before a pulse, or closes late, gets a pulse or two more of the ramp.
    """
    name = ramp.plan.name
    window = of_cycle(phase, name, cadence=cadence)
    if window is None:
        if phase.mode == "timed":
            _say_timed(findings, profile, key=key, ramp=ramp)
        return
    passed_us = round(window.share * window.cycle_us) + window.extra_us
    ramp_us = ramp.needs(profile) * ramp.period_us
    needed_us = ramp_us + ramp.period_us
    if passed_us >= needed_us:
        return
    percent = max(0, 100 * (passed_us - ramp.period_us) // ramp_us)
    if not profile.changes_rate_while_running:  # no even ramp: what the last step before the end has
        percent = ramp.reached_percent(passed_us // ramp.period_us - 1, profile)
    most = int(window.per_cycle * 60 * US_PER_S * window.share // max(1, needed_us - window.extra_us))
    findings.add(
        "warn",
        f"{key}.{window.key}",
        f"{name}: at least {min(99, percent)} % of the level is reached at {window.cadence} {window.unit} a minute, "
        f"where {window.words} lasts {passed_us / 1e6:.2g} s and the ramp takes {ramp_us / 1e6:.2g} s; "
        f"100 % up to {most} {window.unit} a minute",
        asked=round(passed_us / 1e6, 3),
        allowed=needed_us / 1e6,
        unit="s",
        rule="L17b",
        source=SOURCE,
    )


def _say_timed(findings: Findings, profile: DeviceProfile, *, key: str, ramp: Ramp) -> None:
    """The ramp waits between its steps, as some devices need it, and has no time to."""
    ramp_us = ramp.needs(profile) * ramp.period_us
    percent = ramp.reached_percent(ramp.level_us // ramp.period_us, profile)
    if percent >= 100:
        return
    findings.add(
        "warn",
        f"{key}.on_s",
        f"{ramp.plan.name}: at least {percent} % of the level is reached in {ramp.level_us / 1e6:g} s before the ramp "
        f"down: the {profile.title} takes up to {ramp_us / 1e6:.2g} s for the steps of the ramp up",
        asked=ramp.level_us / 1e6,
        allowed=ramp_us / 1e6,
        unit="s",
        layer="device",
        rule="L17b",
        source=profile.source,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCycle:
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


def of_cycle(phase: PhaseSpec, name: str, *, cadence: int | None) -> OfCycle | None:
    """The window of channel `name` in a turn or a stride; None where no known cycle opens it."""
    own, trigger = next((channel for channel in phase.channel if channel.name == name), None), phase.trigger
    if trigger is None:
        return None
    if trigger.cadence_rpm is not None and own is not None and own.crank_deg is not None:
        begin, end = own.crank_deg
        return OfCycle(
            share=(end - begin) % 360 / 360,
            cadence=cadence or trigger.cadence_rpm,
            unit="turns",
            words=f"the crank's way from {begin:g}° to {end:g}°",
            key="channel.crank_deg",
        )
    opens, closes = ((own and own.trigger_on) or trigger.on or "", (own and own.trigger_off) or trigger.off or "")
    share = share_of_stride(opens, closes)
    if trigger.source not in {"sensor", "switch"} or share is None:
        return None
    return OfCycle(
        share=share,
        cadence=cadence or SLOW_STEPS_PER_MIN,
        unit="steps",
        words=f"{opens} to {closes}",
        key="channel.trigger_on" if own is not None and own.trigger_on else "trigger.on",
        per_cycle=2,
        extra_us=seconds(trigger.extend_s),
    )
