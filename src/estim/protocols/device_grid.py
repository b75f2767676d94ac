"""From a protocol's pulse to what a device can play, with every difference said (`bends`). Pure.

Rules: docs/decisions/protocols.md (rates: up to 2 % shown, up to 5 % acknowledged, beyond that refused; phase 1
is quantised to ratio × step, phase 2 derived, so that charge stays exactly balanced).
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.protocols.device_bursts import fit_interval
from estim.protocols.findings import Findings
from estim.protocols.schema_phase import PhaseSpec
from estim.protocols.slips import slip
from estim.safety.errors import Severity
from estim.safety.limits_table import BY_KEY
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import Shape, Train
from estim.safety.units import Micros, MilliHertz

RATE_SHOWN = 0.02
RATE_REFUSED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPulse:
    """A pulse train on a device's grid."""

    frequency_mhz: MilliHertz
    period_us: Micros
    pulse_width_us: Micros
    interphase_us: Micros
    phase_ratio: int
    burst_pulses: int
    burst_interval_us: Micros
    shape: Shape = ()
    train: Train | None = None

    @property
    def length_us(self) -> int:
        """Of one pulse."""
        whole_us = self.pulse_width_us * (1 + self.phase_ratio) + self.interphase_us
        return sum(us for us, _ in self.shape) or whole_us


def fit_pulse(
    phase: PhaseSpec,
    *,
    key: str,
    frequency_hz: float,
    pulse_width_us: float,
    profile: DeviceProfile,
    findings: Findings,
) -> GridPulse | None:
    """The pulse of `phase` with this rate and width on `profile`'s grid; None if the device can't play it.

    Args:
        key: the phase's place in the file, for messages.
        findings: gets every difference and refusal.
    """
    frequency_mhz = MilliHertz(round(frequency_hz * 1000))
    period_us = fit_period(f"{key}.frequency_hz", frequency_mhz, profile, findings)
    width_us = int(pulse_width_us) // profile.pulse_width_step_us * profile.pulse_width_step_us
    if not profile.pulse_width_min_us <= width_us <= profile.pulse_width_max_us:
        if not _possible(key, "pulse_width_us", pulse_width_us, ("pulse_width_min_us", "pulse_width_max_us"), findings):
            return None
        findings.add(
            "refuse",
            f"{key}.pulse_width_us",
            f"{pulse_width_us:g} µs can't be played by the {profile.title}: "
            f"{profile.pulse_width_min_us} to {profile.pulse_width_max_us} µs",
            asked=pulse_width_us,
            allowed=profile.pulse_width_max_us if width_us > profile.pulse_width_max_us else profile.pulse_width_min_us,
            unit="µs",
            layer="device",
            rule="L2",
            source=profile.source,
        )
        return None
    ratio = _fit_ratio(key, phase, profile, findings)
    interphase_us = Micros(round(phase.interphase_us))
    if profile.interphase_fixed_us is not None and interphase_us != profile.interphase_fixed_us:
        shape = phase.waveform == "points"  # says no pause; its fallback has the device's
        findings.add(
            "info",
            f"{key}.interphase_us",
            f"the {profile.title} always leaves {profile.interphase_fixed_us} µs between the phases"
            + ("" if shape else f", not {interphase_us}"),
            asked=None if shape else interphase_us,
            allowed=profile.interphase_fixed_us,
            unit="µs",
            layer="device",
            rule="L3",
            source=profile.source,
        )
        interphase_us = profile.interphase_fixed_us
    if period_us is None or ratio is None:
        return None
    burst_pulses, burst_interval_us = _fit_burst(
        key, phase, profile, findings, pulse_us=width_us * (1 + ratio) + interphase_us, period_us=period_us
    )
    return GridPulse(
        frequency_mhz=frequency_mhz,
        period_us=period_us,
        pulse_width_us=Micros(width_us),
        interphase_us=interphase_us,
        phase_ratio=ratio,
        burst_pulses=burst_pulses,
        burst_interval_us=burst_interval_us,
    )


def _possible(key: str, name: str, value: float, bounds: tuple[str, str], findings: Findings) -> bool:
    """Whether a number that the device can't play lies within the absolute limits at all: if not, that is said."""
    for bound in bounds:
        row = BY_KEY[bound]
        if not (value <= row.absolute if row.sense == "max" else value >= row.absolute):
            sense = "at most" if row.sense == "max" else "at least"
            asked, allowed = row.shown(value), row.shown(row.absolute)
            findings.add(
                "refuse",
                f"{key}.{name}",
                f"{row.words} {asked:g} {row.unit}, allowed {sense} {allowed:g} {row.unit}{slip(name, asked)}",
                asked=asked,
                allowed=allowed,
                unit=row.unit,
                layer="absolute",
                rule=row.rule,
                source=row.source,
            )
            return False
    return True


def fit_period(key: str, frequency_mhz: int, profile: DeviceProfile, findings: Findings) -> Micros | None:
    """The period for this rate on `profile`'s grid, never shorter; None if it can't be played.

    Args:
        key: of the rate, for messages.
    """
    period_us = profile.quantise_period_us(frequency_mhz)
    asked_us = 1e9 / frequency_mhz if frequency_mhz > 0 else 0.0
    asked_hz = frequency_mhz / 1000
    bounds = ("rate_min_mhz", "rate_mhz")
    place, _, name = key.rpartition(".")
    details = {"asked": asked_hz, "unit": "Hz", "layer": "device", "rule": "rate-grid", "source": profile.source}
    if period_us is None:
        if not _possible(place, name, frequency_mhz, bounds, findings):
            return None
        findings.add("refuse", key, f"{asked_hz:g} Hz can't be coded by the {profile.title}", **details)
        return None
    share = period_us / asked_us - 1
    if share <= 1e-6:  # 1 ppm: the rounding of the float itself
        return period_us
    played = 1e6 / period_us
    severity: Severity = "info" if share <= RATE_SHOWN else "warn" if share <= RATE_REFUSED else "refuse"
    if severity == "refuse" and not _possible(place, name, frequency_mhz, bounds, findings):
        return None
    findings.add(
        severity,
        key,
        f"{asked_hz:g} Hz is played as {played:.2f} Hz (period {period_us} µs, {-share * 100:.1f} %)",
        allowed=round(played, 3),
        **details,
    )
    return None if severity == "refuse" else period_us


def _fit_ratio(key: str, phase: PhaseSpec, profile: DeviceProfile, findings: Findings) -> int | None:
    ratio = phase.phase_ratio or 1
    if phase.point and profile.free_points:
        return 1  # the shape has its own multiple of the device's step
    if ratio in profile.phase_ratios and not phase.point:
        return ratio
    fallback = phase.waveform_fallback
    findings.add(
        "info" if fallback else "refuse",
        f"{key}.waveform",
        f"the {profile.title} has no {phase.waveform} pulse"
        + (f"; {fallback} is played, as the file allows" if fallback else ", and the file names no waveform_fallback"),
        asked=phase.waveform,
        allowed=fallback or "symmetric-biphasic",
        layer="device",
        rule="waveform",
        source=profile.source,
    )
    return 1 if fallback else None


def _fit_burst(
    key: str, phase: PhaseSpec, profile: DeviceProfile, findings: Findings, *, pulse_us: int, period_us: int
) -> tuple[int, Micros]:
    if phase.burst is None:
        return 1, Micros(0)
    burst = phase.burst
    return burst.pulses, fit_interval(
        f"{key}.burst",
        burst.pulses,
        burst.interval_us,
        profile,
        findings,
        pulse_us=sum(point.us for point in phase.point) if phase.point and profile.free_points else pulse_us,
        period_us=period_us,
    )
