"""Slips of units: a number that makes no sense as it stands, and would make sense in another unit. Pure.

Three of the sources that the library was made from printed ms for µs: it happens to careful people.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


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
        "plausible_ma": (1, 130, "mA", (Slip("µA", 1e-3), Slip("A", 1e3))),
    }
)


def slip(key: str, value: object) -> str:
    """`; 0.25 looks like ms: that is 250 µs`, or "" where nothing of the kind is near."""
    sense = SENSE.get(key.rpartition(".")[2])
    if sense is None or isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return ""
    low, high, unit, slips = sense
    if low <= value <= high:
        return ""
    for name, factor, inverse in slips:
        meant = factor / value if inverse else value * factor
        if low <= meant <= high:
            return f"; {value:g} looks like {name}: that is {meant:g} {unit}"
    return ""
