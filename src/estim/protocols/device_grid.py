"""From a protocol's pulse to what a device can play, with every difference said (`bends`). Pure.

Rules: docs/decisions/protocols.md (rates: up to 2 % shown, up to 5 % acknowledged, beyond that refused; phase 1
is quantised to ratio × step, phase 2 derived, so that charge stays exactly balanced).
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.protocols.schema_phase import Burst, Phase
from estim.protocols.slips import slip
from estim.safety.errors import Problem, Severity
from estim.safety.limits_table import BY_KEY
from estim.safety.profile import DeviceProfile, NativeBursts
from estim.safety.units import Micros, MilliHertz, ceil_div

RATE_SHOWN = 0.02
RATE_REFUSED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """A pulse train on a device's grid."""

    frequency_mhz: MilliHertz
    period_us: Micros
    pulse_width_us: Micros
    interphase_us: Micros
    phase_ratio: int
    burst_pulses: int
    burst_interval_us: Micros


@dataclass(slots=True)
class Findings:
    """What turned up on the way, collected so that all of it is said at once."""

    problems: list[Problem]

    def add(self, severity: Severity, key: str, message: str, **details: object) -> None:
        """Note one finding; `details` are the further fields of `Problem`."""
        self.problems.append(Problem(severity=severity, key=key, message=message, **details))  # type: ignore[arg-type]

    def refused(self) -> list[Problem]:
        """Those that end the matter."""
        return [problem for problem in self.problems if problem.severity == "refuse"]

    def bends(self) -> tuple[Problem, ...]:
        """Those that are played all the same, and shown."""
        return tuple(problem for problem in self.problems if problem.severity != "refuse")


def fit_pulse(
    phase: Phase,
    *,
    key: str,
    frequency_hz: float,
    pulse_width_us: float,
    profile: DeviceProfile,
    findings: Findings,
) -> Pulse | None:
    """The pulse of `phase` with this rate and width on `profile`'s grid; None if the device can't play it.

    Args:
        key: the phase's place in the file, for messages.
        findings: gets every difference and refusal.
    """
    frequency_mhz = MilliHertz(round(frequency_hz * 1000))
    period_us = _fit_period(key, frequency_mhz, profile, findings)
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
        findings.add(
            "info",
            f"{key}.interphase_us",
            f"the {profile.title} always leaves {profile.interphase_fixed_us} µs between the phases, not "
            f"{interphase_us}",
            asked=interphase_us,
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
    return Pulse(
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


def _fit_period(key: str, frequency_mhz: int, profile: DeviceProfile, findings: Findings) -> Micros | None:
    period_us = profile.quantise_period_us(frequency_mhz)
    asked_us = 1e9 / frequency_mhz if frequency_mhz > 0 else 0.0
    asked_hz = frequency_mhz / 1000
    bounds = ("rate_min_mhz", "rate_mhz")
    details = {"asked": asked_hz, "unit": "Hz", "layer": "device", "rule": "rate-grid", "source": profile.source}
    if period_us is None:
        if not _possible(key, "frequency_hz", frequency_mhz, bounds, findings):
            return None
        findings.add(
            "refuse", f"{key}.frequency_hz", f"{asked_hz:g} Hz can't be coded by the {profile.title}", **details
        )
        return None
    share = period_us / asked_us - 1
    if share <= 1e-6:  # 1 ppm: the rounding of the float itself
        return period_us
    played = 1e6 / period_us
    severity: Severity = "info" if share <= RATE_SHOWN else "warn" if share <= RATE_REFUSED else "refuse"
    if severity == "refuse" and not _possible(key, "frequency_hz", frequency_mhz, bounds, findings):
        return None
    findings.add(
        severity,
        f"{key}.frequency_hz",
        f"{asked_hz:g} Hz is played as {played:.2f} Hz (period {period_us} µs, {-share * 100:.1f} %)",
        allowed=round(played, 3),
        **details,
    )
    return None if severity == "refuse" else period_us


def _fit_ratio(key: str, phase: Phase, profile: DeviceProfile, findings: Findings) -> int | None:
    ratio = phase.phase_ratio or 1
    if ratio in profile.phase_ratios:
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
    key: str, phase: Phase, profile: DeviceProfile, findings: Findings, *, pulse_us: int, period_us: int
) -> tuple[int, Micros]:
    if phase.burst is None:
        return 1, Micros(0)
    _fit_burst_times(key, phase, pulse_us, period_us, findings)
    if profile.native_bursts is not None:
        return phase.burst.pulses, _fit_native(key, phase.burst, profile, profile.native_bursts, findings, period_us)
    points = 4 * phase.burst.pulses - 1  # phase, gap, phase; and a pause before the next pulse
    if points > profile.points_max:
        findings.add(
            "refuse",
            f"{key}.burst.pulses",
            f"a burst of {phase.burst.pulses} needs {points} points, the {profile.title} has {profile.points_max}",
            asked=phase.burst.pulses,
            allowed=(profile.points_max + 1) // 4,
            layer="device",
            rule="burst",
            source=profile.source,
        )
    return phase.burst.pulses, Micros(round(phase.burst.interval_us))


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
            f"{key}.burst.pulses",
            f"the {profile.title} makes doublets and triplets, not bursts of {burst.pulses}",
            asked=burst.pulses,
            allowed=native.pulses_max,
            **details,
        )
    elif not native.interval_min_us <= round(burst.interval_us) <= native.interval_max_us:
        findings.add(
            "refuse",
            f"{key}.burst.interval_us",
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
            f"{key}.burst.interval_us",
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
            f"{key}.burst.interval_us",
            f"{burst.interval_us:g} µs between the pulses of a burst is played as {interval_us} µs",
            asked=burst.interval_us,
            allowed=interval_us,
            unit="µs",
            **details,
        )
    return interval_us


def _fit_burst_times(key: str, phase: Phase, pulse_us: int, period_us: int, findings: Findings) -> None:
    """A burst's pulses must not overlap, and all of them lie within one period."""
    if phase.burst is None:
        return
    interval_us = phase.burst.interval_us
    whole_us = (phase.burst.pulses - 1) * interval_us + pulse_us
    if interval_us <= pulse_us:
        findings.add(
            "refuse",
            f"{key}.burst.interval_us",
            f"pulses {interval_us} µs apart overlap: one of them lasts {pulse_us} µs",
            asked=interval_us,
            allowed=pulse_us,
            unit="µs",
            rule="burst",
        )
    elif whole_us >= period_us:
        findings.add(
            "refuse",
            f"{key}.burst.interval_us",
            f"{phase.burst.pulses} pulses {interval_us} µs apart last {whole_us} µs, the next burst follows after "
            f"{period_us} µs",
            asked=interval_us,
            allowed=(period_us - pulse_us) // (phase.burst.pulses - 1),
            unit="µs",
            rule="burst",
        )
