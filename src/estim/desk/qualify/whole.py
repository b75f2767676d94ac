"""Which steps a model's whole qualification has: those of `steps.py` on its own grid, in its maker's band."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from estim.desk.qualify.steps import BenchPlan, BenchStep, PlanError, steps_for
from estim.drivers.models import MODELS
from estim.safety.errors import quoted
from estim.safety.profile import DeviceProfile

COMPLIANCE_V = 150  # of all these makers: beyond it no device keeps its current
SAYS_LOW_CURRENT = {"p24"}  # ScienceMode4 alone reports it, wire document 2.7
HOST_JITTER_US = 2_000.0  # where the host asks for each pulse; later ones it counts itself, docs/drivers.md


def whole_plan(model: str, channels: Iterable[int], *, full: bool = False) -> tuple[BenchStep, ...]:
    """Every step for these channels of a model.

    Raises:
        PlanError: a model or a channel that there is none of.
    """
    if model not in MODELS:
        raise PlanError(f"model {quoted(model)}: one of {', '.join(MODELS)}")
    profile, channels = MODELS[model].profile, list(channels)
    for channel in channels:
        if not 1 <= channel <= profile.channels:
            raise PlanError(f"channel {channel}: a {model} has channels 1 to {profile.channels}")
    found = steps_for(
        channels,
        step_ma=profile.amplitude_step_ua / 1_000,
        most_ma=profile.amplitude_max_ua / 1_000,
        fixed_gap_us=profile.interphase_fixed_us,
        full=full,
        lead_off_ma=None if profile.lead_off_min_ua is None else profile.lead_off_min_ua / 1_000,
    )
    return tuple(
        _on_grid(step, profile)
        for step in found
        if step.amplitude_ma * 1_000 % profile.amplitude_step_ua == 0
        and profile.pulse_width_min_us <= step.width_us <= profile.pulse_width_max_us
    )


def left_out(plan: BenchPlan, judged: Iterable[str]) -> tuple[int, list[str]]:
    """How many steps the whole plan for this plan's channels has, and which of them were not judged.

    Raises:
        PlanError: as `whole_plan`.
    """
    whole = whole_plan(plan.model, sorted({step.channel for step in plan.steps}))
    done = set(judged)
    return len(whole), [step.id for step in whole if step.id not in done]


def _on_grid(step: BenchStep, profile: DeviceProfile) -> BenchStep:
    """The step as this device can play it: a rate of its grid and its maker's band; noted where it can say nothing."""
    most_hz = profile.rated_mhz[1] / 1_000 if profile.rated_mhz is not None else 1_000.0
    period_us = profile.quantise_period_us(round(min(step.rate_hz, most_hz) * 1_000)) or 1
    clips = step.kind == "compliance" and step.amplitude_ma / 1_000 * step.load_ohm > COMPLIANCE_V
    return dataclasses.replace(
        step,
        rate_hz=1e6 / period_us,
        jitter_us=step.jitter_us if profile.has_timer else HOST_JITTER_US,
        noted=step.noted or (clips and profile.model not in SAYS_LOW_CURRENT),
    )
