"""Several rates and spacings side by side on a device whose channels share one period and one spacing. Pure."""

from __future__ import annotations

from dataclasses import replace

from estim.protocols.compile_window import Job
from estim.protocols.device_grid import GridPulse
from estim.protocols.schema_phase import PhaseSpec
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import Window
from estim.safety.units import Micros

NEARLY = 0.005  # so near to a whole part of the fast rate that this was meant: 13.333 Hz beside 40, 16.7 beside 50


def on_one_grid(profile: DeviceProfile, pulses: list[GridPulse | None]) -> list[GridPulse | None]:
    """Pulses of channels that play side by side: on a device with a common period a slower one whose rate is a whole
    fraction of the fastest gets a whole number of its periods; never faster than asked.
    """
    known = [pulse for pulse in pulses if pulse is not None]
    if profile.changes_rate_while_running or not known:
        return pulses
    fast = min(known, key=lambda pulse: pulse.period_us)
    return [pulse if pulse is None else _skipping(pulse, fast) for pulse in pulses]


def _skipping(pulse: GridPulse, fast: GridPulse) -> GridPulse:
    times, rest = divmod(fast.frequency_mhz, pulse.frequency_mhz)
    period_us = Micros(fast.period_us * times)
    return replace(pulse, period_us=period_us) if not rest and period_us >= pulse.period_us else pulse


def check_rates(job: Job, key: str, phase: PhaseSpec, windows: list[Window]) -> None:
    """Several rates on a device with one common period: said where one factor serves all slow channels, else refused
    with the reason; so are two spacings of bursts.
    """
    if job.profile.changes_rate_while_running or not windows:
        return
    _one_spacing(job, key, phase, windows)
    fast = min(windows, key=lambda window: window.period_us)
    if len({window.period_us for window in windows}) == 1:
        return
    factors = {window.period_us // fast.period_us - 1 for window in windows} - {0}
    whole = all(window.period_us % fast.period_us == 0 for window in windows)
    if not whole or len(factors) > 1 or max(factors) > job.profile.skip_max:
        _refuse_rates(job, key, phase, windows)
        return
    for window in windows:
        if window.period_us != fast.period_us:
            _say_skip(job, key, phase, window, fast)


def _say_skip(job: Job, key: str, phase: PhaseSpec, window: Window, fast: Window) -> None:
    skipped = window.period_us // fast.period_us - 1
    name = next(plan.name for plan in job.plans if plan.scheduled.channel == window.channel)
    job.findings.add(
        "info",
        f"{key}.frequency_hz",
        f"{phase.name}: {name} plays one period and skips {skipped} ({1e6 / window.period_us:.2f} Hz beside "
        f"{1e6 / fast.period_us:.2f} Hz)",
        asked=window.frequency_mhz / 1000,
        allowed=round(1e6 / window.period_us, 3),
        unit="Hz",
        layer="device",
        rule="one-rate",
        source=job.profile.source,
    )


def _refuse_rates(job: Job, key: str, phase: PhaseSpec, windows: list[Window]) -> None:
    rates = ", ".join(f"{1e6 / period_us:.2f}" for period_us in sorted({window.period_us for window in windows}))
    may = (
        f"beside it a channel may skip the same 1 to {job.profile.skip_max} periods as every other slow one"
        f"{_nearly(windows, job.profile.skip_max)}"
        if job.profile.skip_max
        else "no channel may be slower beside another: give both one rate, put the slow one into a phase of its own, "
        "or take a device with several rates (the first table of docs/drivers.md)"
    )
    job.findings.add(
        "refuse",
        f"{key}.frequency_hz",
        f"{phase.name}: the {job.profile.title} has one rate for all channels, this phase has {rates} Hz; {may}",
        asked=rates,
        layer="device",
        rule="one-rate",
        source=job.profile.source,
    )


def _nearly(windows: list[Window], skip_max: int) -> str:
    """How to write the one slow rate that is nearly a whole part of the fast one: 13.333 Hz beside 40."""
    slow, fast = (pick(windows, key=lambda window: window.period_us) for pick in (max, min))
    parts = round(fast.frequency_mhz / slow.frequency_mhz)
    off = abs(slow.frequency_mhz * parts / fast.frequency_mhz - 1)
    if len({window.period_us for window in windows}) != 2 or not 2 <= parts <= skip_max + 1 or off > NEARLY:
        return ""
    rate, part = fast.frequency_mhz / 1e3, fast.frequency_mhz / 1e3 / parts
    return f"; skip = {parts - 1} on the slow channel plays one period in {parts} of {rate:g} Hz: {part:.2f} Hz"


def _one_spacing(job: Job, key: str, phase: PhaseSpec, windows: list[Window]) -> None:
    spacings = sorted({window.burst_interval_us for window in windows if window.burst_pulses > 1})
    if len(spacings) > 1:
        both = " and ".join(str(spacing) for spacing in spacings)
        job.findings.add(
            "refuse",
            f"{key}.burst.interval_us",
            f"{phase.name}: the {job.profile.title} has one spacing for all bursts, this phase has {both} µs",
            asked=both,
            layer="device",
            rule="burst",
            source=job.profile.source,
        )
