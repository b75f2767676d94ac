"""Slips of units: a number that makes no sense as it stands, and would make sense in another unit. Pure.

Three of the sources that the library was made from printed ms for µs: it happens to careful people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from estim.protocols.schema import Protocol
from estim.safety.errors import Problem

BEYOND = 10**12  # nobody means such a number in any unit


class Slip(NamedTuple):
    """A unit that may have been meant: `value × factor` (or `factor ÷ value`) in the key's own unit."""

    words: str
    factor: float
    inverse: bool = False


# Key → what is sensible, its unit, and the units that it is mistaken for.
SENSE: Mapping[str, tuple[float, float, str, tuple[Slip, ...]]] = MappingProxyType(
    {
        "pulse_width_us": (20, 1_000, "µs", (Slip("ms", 1e3), Slip("s", 1e6), Slip("ns", 1e-3))),
        "frequency_hz": (1, 150, "Hz", (Slip("kHz", 1e3), Slip("a period in µs", 1e6, inverse=True))),
        "interphase_us": (10, 1_000, "µs", (Slip("ns", 1e-3),)),
        "on_s": (0.1, 60, "s", (Slip("ms", 1e-3), Slip("µs", 1e-6))),
        "off_s": (0.1, 600, "s", (Slip("ms", 1e-3),)),
        "ramp_up_s": (0.1, 20, "s", (Slip("ms", 1e-3),)),
        "ramp_down_s": (0.1, 20, "s", (Slip("ms", 1e-3),)),
        "max_on_s": (0.1, 10, "s", (Slip("ms", 1e-3),)),
        "duration_s": (10, 3_600, "s", (Slip("ms", 1e-3),)),
        "set_rest_s": (1, 1_800, "s", (Slip("ms", 1e-3),)),
        "delay_s": (0.001, 60, "s", (Slip("ms", 1e-3), Slip("µs", 1e-6))),
        "min_on_s": (0.05, 10, "s", (Slip("ms", 1e-3),)),
        "extend_s": (0.01, 5, "s", (Slip("ms", 1e-3),)),
        "refractory_s": (0.05, 120, "s", (Slip("ms", 1e-3),)),
        "lockout_s": (0.05, 60, "s", (Slip("ms", 1e-3),)),
        "retitrate_every_s": (30, 3_600, "s", (Slip("ms", 1e-3), Slip("min", 60))),
        "interval_us": (1_000, 100_000, "µs", (Slip("ms", 1e3), Slip("s", 1e6))),
        "debounce_ms": (5, 2_000, "ms", (Slip("s", 1e3), Slip("µs", 1e-3))),
        "blanking_ms": (1, 500, "ms", (Slip("s", 1e3), Slip("µs", 1e-3))),
        "threshold_uv": (1, 5_000, "µV", (Slip("nV", 1e-3),)),
        "cadence_rpm": (5, 120, "1/min", (Slip("degrees a second", 1 / 6),)),
        "min_hours_between": (0.5, 168, "h", (Slip("min", 1 / 60), Slip("s", 1 / 3600))),
        "electrode_cm": (1, 30, "cm", (Slip("mm", 0.1), Slip("m", 100))),
        "size_cm": (1, 30, "cm", (Slip("mm", 0.1), Slip("m", 100))),
        "plausible_ma": (1, 130, "mA", (Slip("µA", 1e-3), Slip("A", 1e3))),
        "at_most_ma": (1, 130, "mA", (Slip("µA", 1e-3), Slip("A", 1e3))),
        "then_hz": (1, 150, "Hz", (Slip("kHz", 1e3), Slip("a period in µs", 1e6, inverse=True))),
        "after_s": (0.05, 60, "s", (Slip("ms", 1e-3),)),
        "repeat_every_s": (0.02, 60, "s", (Slip("ms", 1e-3),)),
        "us": (10, 4_095, "µs", (Slip("ms", 1e3), Slip("ns", 1e-3))),
        "on": (5, 500, "ms", (Slip("s", 1e3), Slip("µs", 1e-3))),  # of `lead_ms`
        "off": (5, 500, "ms", (Slip("s", 1e3), Slip("µs", 1e-3))),
        "amplitude_target": (1, 100, "%", (Slip("a share", 100),)),
        "amplitude_minimum": (1, 100, "%", (Slip("a share", 100),)),
        "spread_percent": (1, 50, "%", (Slip("a share", 100),)),
        "rearm_percent": (1, 100, "%", (Slip("a share", 100),)),
        "intensity": (0.01, 1, "", (Slip("%", 0.01),)),
        "share": (0.01, 1, "", (Slip("%", 0.01),)),
        "first_session_fraction": (0.01, 1, "", (Slip("%", 0.01),)),
    }
)


def unit_slips(protocol: Protocol) -> list[Problem]:
    """Every number that makes no sense as it stands and would in another unit, at its own key, with what was meant."""
    found: list[Problem] = []
    for key, value in _numbers("", protocol.model_dump(exclude_none=True, by_alias=True)):
        hint = slip(re.sub(r"\[\d+\]$", "", key), value)
        name = re.sub(r"\[\d+\]$", "", key)
        sense = SENSE.get(name.rpartition(".")[2])
        if hint and sense is not None:
            low, high, unit, _ = sense
            message = f"{_with(value, unit)} is far from usual, {low:g} to {_with(high, unit)}{hint}"
            known = {problem.key for problem in found}
            if name not in known:
                found.append(
                    Problem(
                        severity="warn",
                        key=name,
                        message=message,
                        asked=value,
                        allowed=f"{low:g} to {high:g}",
                        unit=unit,
                        layer="schema",
                        rule="unit",
                        source="units that are mistaken for one another",
                    )
                )
    return found


def _numbers(place: str, value: object) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(f"{place}.{key}" if place else str(key), inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _numbers(f"{place}[{number}]", inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, value


def slip(key: str, value: object) -> str:
    """`; 0.25 looks like ms: that is 250 µs`, or "" where nothing of the kind is near."""
    sense = SENSE.get(key.rpartition(".")[2])
    if sense is None or isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < BEYOND:
        return ""
    low, high, unit, slips = sense
    if low <= value <= high:
        return ""
    for name, factor, inverse in slips:
        meant = factor / value if inverse else value * factor
        if low <= meant <= high:
            return f"; {value:g} looks like {name}: that is {_with(meant, unit)}"
    return ""


def _with(value: float, unit: str) -> str:
    return f"{value:g} {unit}".rstrip()
