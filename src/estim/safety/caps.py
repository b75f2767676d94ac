"""Caps: how far each channel's level may go within all limits, alone and together with the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from estim.safety import dose, measures
from estim.safety.errors import Problem
from estim.safety.guardrail import Bound, Guardrail
from estim.safety.limits import Limits
from estim.safety.limits_table import AREA_CREDIT_MM2, BY_KEY, SENSORY_SHARE_PERCENT
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import PhasePlan, Schedule, ScheduleChannel, Window
from estim.safety.units import MicroAmp, ceil_div, floor_to_step


@dataclass(frozen=True, slots=True)
class Caps:
    """Device channel → greatest level and the rule that binds; problems of the levels that are asked for."""

    caps_ua: Mapping[int, MicroAmp]
    reasons: Mapping[int, str]
    problems: tuple[Problem, ...]


def smaller_pad_mm2(schedule: Schedule, channel: ScheduleChannel) -> int:
    """Area of the channel's smaller pad: density is judged there."""
    return min(schedule.electrode(pad).area_mm2 for pad in channel.electrodes)


def target_ua(level_ua: int, window: Window, step_ua: int) -> int:
    """Plateau of `window` at `level_ua`, as engine and device make it."""
    return floor_to_step(level_ua * window.intensity_permille // 1000, step_ua * window.phase_ratio)


def level_grid_ua(schedule: Schedule, channel: int, *, step_ua: int) -> int:
    """The steps in which `channel`'s level can be played: the device's finest one, or as many of them as the weaker
    phase of an unequal pulse needs to stand on the device's own.
    """
    windows = (window for phase in schedule.phases for window in phase.windows)
    return step_ua * max((window.phase_ratio for window in windows if window.channel == channel), default=1)


def level_step_ua(schedule: Schedule, channel: int, *, step_ua: int, raise_ua: int) -> int:
    """What one raise adds to `channel`'s level: as many whole steps of its grid as L15's holds, at least one.

    Args:
        step_ua: the device's finest step.
        raise_ua: L15's step in force.
    """
    whole_ua = level_grid_ua(schedule, channel, step_ua=step_ua)
    return max(whole_ua, floor_to_step(raise_ua, whole_ua))


def find_caps(schedule: Schedule, limits: Limits, profile: DeviceProfile) -> Caps:
    """Caps and the refusals of asked levels.

    A channel's own cap satisfies every limit by itself. Limits over several channels (L6, shared pads) take a common
    clip: the greatest `c` for which `min(own cap, max(asked level, c))` on every channel satisfies them.
    """
    step_ua = profile.amplitude_step_ua
    own: dict[int, int] = {}
    reasons: dict[int, str] = {}
    problems: list[Problem] = []
    for channel in schedule.channels:
        own[channel.channel], reasons[channel.channel] = _own_cap(schedule, channel, limits, step_ua)
        problems += _judge_level(schedule, channel, limits, step_ua)
    asked = {channel.channel: int(channel.level_ua) for channel in schedule.channels}
    together = _broken_together(schedule, asked, limits, step_ua)
    for guardrail, value, bound, where in together:
        problems.append(problem(f"{where}.amplitude", guardrail, value, bound, "the levels together"))
    if together:
        return Caps({}, reasons, tuple(problems))
    caps = _clip(schedule, own, asked, limits, step_ua)
    for number, cap in caps.items():
        if cap < own[number]:
            reasons[number] = "L6"
    return Caps({number: MicroAmp(cap) for number, cap in caps.items()}, reasons, tuple(problems))


def sensory_ceiling_ua(mark_ua: int) -> int:
    """The most that sensory output may have below today's motor mark (L26)."""
    return mark_ua * SENSORY_SHARE_PERCENT // 100


def mark_for_sensory_ua(level_ua: int) -> int:
    """The lowest motor mark under which a sensory level lies within L26."""
    return ceil_div(level_ua * 100, SENSORY_SHARE_PERCENT)


def _windows(schedule: Schedule, channel: int) -> list[tuple[int, Window]]:
    return [
        (index, window)
        for index, phase in enumerate(schedule.phases)
        for window in phase.windows
        if window.channel == channel
    ]


def _own_cap(schedule: Schedule, channel: ScheduleChannel, limits: Limits, step_ua: int) -> tuple[int, str]:
    area = smaller_pad_mm2(schedule, channel)
    ratio = max((window.phase_ratio for _, window in _windows(schedule, channel.channel)), default=1)
    grid_ua = step_ua * ratio
    cap, reason = floor_to_step(limits["amplitude_ua"].value, grid_ua), "L1"
    pad_ua = limits.pad_amplitude_ua(area)
    for _, window in _windows(schedule, channel.channel):
        most, rule = measures.greatest(window, area, channel.output, limits, step_ua * window.phase_ratio)
        if pad_ua is not None and pad_ua < most:
            most, rule = pad_ua, "L14"
        level = floor_to_step(most * 1000 // window.intensity_permille, grid_ua)
        if level < cap:
            cap, reason = level, rule
    if channel.output == "sensory" and schedule.purpose == "therapy" and channel.motor_mark_ua is not None:
        marked = floor_to_step(sensory_ceiling_ua(channel.motor_mark_ua), grid_ua)
        if marked < cap:
            cap, reason = marked, "L26"
    if channel.cap_ua is not None and floor_to_step(channel.cap_ua, grid_ua) < cap:
        cap, reason = floor_to_step(channel.cap_ua, grid_ua), "L28"
    return cap, reason


def _judge_level(schedule: Schedule, channel: ScheduleChannel, limits: Limits, step_ua: int) -> list[Problem]:
    """Every limit that the asked level breaks, once a guardrail (the worst window)."""
    area = smaller_pad_mm2(schedule, channel)
    key = f"channel[{channel.name}].amplitude"
    pad_ua = limits.pad_amplitude_ua(area)
    worst: dict[str, Problem] = {}
    values: dict[str, int] = {}
    for index, window in _windows(schedule, channel.channel):
        amplitude = target_ua(channel.level_ua, window, step_ua)
        shown = f"{channel.name}, phase[{index}]: {amplitude / 1000:g} mA, {window.pulse_width_us} µs"
        for guardrail, value, bound in measures.broken(
            measures.of_amplitude(window, amplitude, area, channel.output), limits
        ):
            if value >= values.get(guardrail.key, -1):
                values[guardrail.key] = value
                worst[guardrail.key] = problem(key, guardrail, value, bound, shown)
        if pad_ua is not None and amplitude > max(pad_ua, values.get("pad", 0)):
            values["pad"] = amplitude
            worst["pad"] = _pad_problem(key, amplitude, pad_ua, area, shown)
    mark = channel.motor_mark_ua
    if channel.output == "sensory" and schedule.purpose == "therapy" and channel.level_ua > 0:
        allowed = sensory_ceiling_ua(mark or 0)
        if channel.level_ua > allowed:
            worst["mark"] = Problem(
                severity="refuse",
                key=key,
                message=f"{channel.name}: sensory output must stay at or below {SENSORY_SHARE_PERCENT} % of "
                + (f"today's motor mark ({allowed / 1000:g} mA)" if mark else "today's motor mark, and none was made"),
                asked=channel.level_ua / 1000,
                allowed=allowed / 1000,
                unit="mA",
                layer="patient",
                rule="L26",
                source="sensory output is earned by a mark, not claimed",
            )
    if channel.cap_ua is not None and channel.level_ua > channel.cap_ua:
        worst["cap"] = Problem(
            severity="refuse",
            key=key,
            message=f"{channel.name}: {channel.level_ua / 1000:g} mA is above this patient's cap",
            asked=channel.level_ua / 1000,
            allowed=channel.cap_ua / 1000,
            unit="mA",
            layer="patient",
            rule="L28",
            source="cap set in the setup",
        )
    return list(worst.values())


def _pad_problem(key: str, amplitude_ua: int, allowed_ua: int, area_mm2: int, shown: str) -> Problem:
    return Problem(
        severity="refuse",
        key=key,
        message=f"{shown}: on a pad of {area_mm2 / 100:g} cm² allowed at most {allowed_ua / 1000:g} mA",
        asked=amplitude_ua / 1000,
        allowed=allowed_ua / 1000,
        unit="mA",
        layer="site",
        rule="L14",
        source="docs/site-limits.md: above 15 mA pads of 8 cm², above 100 mA pads of 60 cm²",
    )


def problem(key: str, guardrail: Guardrail, value: int, bound: Bound, shown: str) -> Problem:
    """The refusal of one value: quantity, asked, allowed, layer, source.

    What breaks the absolute bound is refused by that one: no other layer could ever allow it.
    """
    tighter = ""
    if bound.layer not in {"absolute", "patient"} and guardrail.breaks(value, guardrail.absolute):
        tighter = f" (here {guardrail.shown(bound.value):g} {guardrail.unit}, {bound.layer})"
        bound = Bound(value=guardrail.absolute, layer="absolute", source=guardrail.source)
    word = "at most" if guardrail.sense == "max" else "at least"
    return Problem(
        severity="refuse",
        key=key,
        message=f"{shown}: {guardrail.words} {guardrail.shown(value):g} {guardrail.unit}, allowed {word} "
        f"{guardrail.shown(bound.value):g} {guardrail.unit}{tighter}",
        asked=guardrail.shown(value),
        allowed=guardrail.shown(bound.value),
        unit=guardrail.unit,
        layer=bound.layer,
        rule=guardrail.rule,
        source=bound.source,
    )


def _broken_together(
    schedule: Schedule, levels: Mapping[int, int], limits: Limits, step_ua: int
) -> list[tuple[Guardrail, int, Bound, str]]:
    found: list[tuple[Guardrail, int, Bound, str]] = []
    for index, phase in enumerate(schedule.phases):
        squares = _squares(phase, levels, step_ua)
        total = dose.ceil_sqrt(sum(squares.values()))
        if BY_KEY["rms_total_ua"].breaks(total, limits["rms_total_ua"].value):
            found.append((BY_KEY["rms_total_ua"], total, limits["rms_total_ua"], f"phase[{index}]"))
        for pad, square in _pad_squares(schedule, squares).items():
            area = min(schedule.electrode(pad).area_mm2, AREA_CREDIT_MM2)
            for key, value in (
                ("density_ua_per_cm2", dose.density_ua_per_cm2(square, area)),
                ("power_uw_per_cm2", dose.power_uw_per_cm2(square, area)),
            ):
                if BY_KEY[key].breaks(value, limits[key].value):
                    found.append((BY_KEY[key], value, limits[key], f"phase[{index}].electrode[{pad}]"))
    return found


def _squares(phase: PhasePlan, levels: Mapping[int, int], step_ua: int) -> dict[int, int]:
    squares: dict[int, int] = {}
    for window in phase.windows:
        square = dose.mean_square_ua2(window, target_ua(levels[window.channel], window, step_ua))
        squares[window.channel] = max(squares.get(window.channel, 0), square)
    return squares


def _pad_squares(schedule: Schedule, squares: Mapping[int, int]) -> dict[str, int]:
    """Pads that more than one channel uses: their squares add, since one source serves the channels in turn."""
    pads: dict[str, list[int]] = {}
    for number, square in squares.items():
        for pad in set(schedule.channel(number).electrodes):
            pads.setdefault(pad, []).append(square)
    return {pad: sum(values) for pad, values in pads.items() if len(values) > 1}


def _clip(
    schedule: Schedule, own: Mapping[int, int], asked: Mapping[int, int], limits: Limits, step_ua: int
) -> dict[int, int]:
    def at(clip: int) -> dict[int, int]:
        return {number: min(cap, max(asked[number], clip)) for number, cap in own.items()}

    most = max(own.values(), default=0)
    if not _broken_together(schedule, at(most), limits, step_ua):
        return at(most)
    low, high = 0, most // step_ua
    while high - low > 1:
        middle = (low + high) // 2
        if _broken_together(schedule, at(middle * step_ua), limits, step_ua):
            high = middle
        else:
            low = middle
    return at(low * step_ua)
