"""Doublets and triplets on a device's grid, with every difference said. Pure."""

from __future__ import annotations

from estim.protocols.findings import Findings
from estim.protocols.schema_phase import Burst
from estim.safety.profile import DeviceProfile, NativeBursts
from estim.safety.units import Micros, ceil_div


def fit_interval(
    key: str,
    pulses: int,
    interval_us: int,
    profile: DeviceProfile,
    findings: Findings,
    *,
    pulse_us: int,
    period_us: int,
    at_least: bool = False,
) -> Micros:
    """The spacing of `pulses` pulses within one period on `profile`'s grid; what does not fit is said.

    Args:
        key: of the burst, for messages.
        pulse_us: how long one of its pulses is.
        at_least: where the device can't play them so close, its shortest spacing is played and shown.
    """
    native = profile.native_bursts
    if native is not None and at_least and interval_us < native.interval_min_us:
        findings.add(
            "info",
            f"{key}.interval_us",
            f"{interval_us} µs between the pulses of a burst is played as {native.interval_min_us} µs, the shortest of "
            f"the {profile.title}",
            asked=interval_us,
            allowed=native.interval_min_us,
            unit="µs",
            layer="device",
            rule="burst",
            source=profile.source,
        )
        interval_us = native.interval_min_us
    burst = Burst(pulses=pulses, interval_us=interval_us)
    _fit_burst_times(key, burst, pulse_us, period_us, findings)
    if native is not None:
        return _fit_native(key, burst, profile, native, findings, period_us)
    points = 4 * pulses - 1  # phase, gap, phase; and a pause before the next pulse
    if points > profile.points_max:
        findings.add(
            "refuse",
            f"{key}.pulses",
            f"a burst of {pulses} needs {points} points, the {profile.title} has {profile.points_max}",
            asked=pulses,
            allowed=(profile.points_max + 1) // 4,
            layer="device",
            rule="burst",
            source=profile.source,
        )
    return Micros(interval_us)


def _fit_native(
    key: str, burst: Burst, profile: DeviceProfile, native: NativeBursts, findings: Findings, period_us: int
) -> Micros:
    """Doublets and triplets by the device's own modes: the spacing on its grid, never shorter than asked."""
    step_us = native.interval_step_us
    interval_us = Micros(ceil_div(round(burst.interval_us), step_us) * step_us)
    details = {"layer": "device", "rule": "burst", "source": profile.source}
    if burst.pulses > native.pulses_max:
        findings.add(
            "refuse",
            f"{key}.pulses",
            f"the {profile.title} makes doublets and triplets, not bursts of {burst.pulses}",
            asked=burst.pulses,
            allowed=native.pulses_max,
            **details,
        )
    elif not native.interval_min_us <= round(burst.interval_us) <= native.interval_max_us:
        findings.add(
            "refuse",
            f"{key}.interval_us",
            f"pulses {burst.interval_us:g} µs apart: the {profile.title} spaces them by {native.interval_min_us} to "
            f"{native.interval_max_us} µs",
            asked=burst.interval_us,
            allowed=max(native.interval_min_us, min(native.interval_max_us, round(burst.interval_us))),
            unit="µs",
            **details,
        )
    elif burst.pulses * interval_us > period_us:
        findings.add(
            "refuse",
            f"{key}.interval_us",
            f"{burst.pulses} spacings of {interval_us} µs do not fit into the period of {period_us} µs, as the "
            f"{profile.title} needs",
            asked=burst.interval_us,
            allowed=period_us // burst.pulses // step_us * step_us,
            unit="µs",
            **details,
        )
    elif interval_us != round(burst.interval_us):
        findings.add(
            "info",
            f"{key}.interval_us",
            f"{burst.interval_us:g} µs between the pulses of a burst is played as {interval_us} µs",
            asked=burst.interval_us,
            allowed=interval_us,
            unit="µs",
            **details,
        )
    return interval_us


def _fit_burst_times(key: str, burst: Burst, pulse_us: int, period_us: int, findings: Findings) -> None:
    """A burst's pulses must not overlap, and all of them lie within one period."""
    interval_us = burst.interval_us
    whole_us = (burst.pulses - 1) * interval_us + pulse_us
    if interval_us <= pulse_us:
        findings.add(
            "refuse",
            f"{key}.interval_us",
            f"pulses {interval_us} µs apart overlap: one of them lasts {pulse_us} µs",
            asked=interval_us,
            allowed=pulse_us,
            unit="µs",
            rule="burst",
        )
    elif whole_us >= period_us:
        findings.add(
            "refuse",
            f"{key}.interval_us",
            f"{burst.pulses} pulses {interval_us} µs apart last {whole_us} µs, the next burst follows after "
            f"{period_us} µs",
            asked=interval_us,
            allowed=(period_us - pulse_us) // (burst.pulses - 1),
            unit="µs",
            rule="burst",
        )
