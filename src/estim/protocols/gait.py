"""The gait cycle: where in a stride each event of the foot falls, and what lies between two of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from estim.safety.units import US_PER_S

# Share of a stride, from heel strike: terminal stance begins with the heel's rise at 31 %, the toes leave at 60 to 62 %
# (Perry, Gait Analysis; recalled). Mid-stance lies between 12 and 31 %: its middle stands for it here.
GAIT: Mapping[str, float] = MappingProxyType(
    {"heel-strike": 0.0, "mid-stance": 0.21, "heel-off": 0.31, "toe-off": 0.62}
)
SLOW_STEPS_PER_MIN = 50  # a hemiparetic stride of 2.4 s (1.8 to 2.4 s; recalled)
STEPS_PER_MIN = (20, 180)  # what walks; beyond that a number was meant for something else
TURNS_PER_MIN = (5, 120)  # what a leg ergometer turns; 60 is usual at most


def stride_us(steps_per_min: int) -> int:
    """One stride, two steps."""
    return 120 * US_PER_S // steps_per_min


def share_of_stride(begins: str, ends: str) -> float | None:
    """The share of a stride from one event to the next; None where either is no event of gait."""
    if begins not in GAIT or ends not in GAIT:
        return None
    return (GAIT[ends] - GAIT[begins]) % 1
