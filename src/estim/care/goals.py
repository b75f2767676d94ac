"""Goals in the patient's words and how far they are reached: GAS T score, PSFS, COPM. Pure.

GAS: T = 50 + 10·Σ(w·x) / √((1 − ρ)·Σw² + ρ·(Σw)²) with ρ = 0.3 (Kiresuk and Sherman 1968; Turner-Stokes 2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

RHO = 0.3
PSFS_ITEMS = (3, 5)
LEVELS = (-2, -1, 0, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal, frozen when it is signed: other levels make another goal.

    Attributes:
        words: the patient's own.
        measure, baseline, target: what decides; "" where the five levels do.
        by: date, ISO.
        levels: −2 … +2 → what is seen then (GAS); 0 is expected, −1 usually today.
        importance, difficulty: 0 to 3; the weight is their product, 1 where both are left out.
    """

    id: str
    words: str
    by: str
    measure: str = ""
    baseline: str = ""
    target: str = ""
    levels: Mapping[int, str] = field(default_factory=dict)
    importance: int | None = None
    difficulty: int | None = None
    signed_by: str = ""

    @property
    def weight(self) -> int:
        """Importance × difficulty, or 1."""
        if self.importance is None or self.difficulty is None:
            return 1
        return self.importance * self.difficulty

    def missing(self) -> tuple[str, ...]:
        """What is missing before it can be signed."""
        lacks = [
            name for name, value in (("words", self.words), ("by", self.by), ("baseline", self.baseline)) if not value
        ]
        if self.levels and set(self.levels) != set(LEVELS):
            lacks.append("levels -2 to +2, all five described")
        if not self.levels and not (self.measure and self.target):
            lacks.append("a measure with its target, or five levels")
        return tuple(lacks)


def gas_t(scores: Iterable[tuple[int, float]]) -> float:
    """The T score of (weight, attained level) pairs.

    Raises:
        ValueError: no goal, a level outside −2 … +2, or all weights 0.
    """
    pairs = list(scores)
    if not pairs or any(not -2 <= level <= 2 for _, level in pairs):
        raise ValueError("a GAS score needs goals with levels from -2 to +2")
    weights = [weight for weight, _ in pairs]
    if min(weights) < 0 or not any(weights):
        raise ValueError("weights are 0 or more, and not all 0")
    spread = (1 - RHO) * sum(weight**2 for weight in weights) + RHO * sum(weights) ** 2
    return 50 + 10 * sum(weight * level for weight, level in pairs) / math.sqrt(spread)


def psfs(scores: Sequence[float]) -> float:
    """Mean of 3 to 5 activities, 0 (unable) to 10 (as before).

    Raises:
        ValueError: too few, too many, or out of range.
    """
    least, most = PSFS_ITEMS
    if not least <= len(scores) <= most or any(not 0 <= score <= 10 for score in scores):
        raise ValueError(f"PSFS: {least} to {most} activities, each 0 to 10")
    return sum(scores) / len(scores)


def copm(problems: Sequence[tuple[int, int, int]]) -> tuple[float, float]:
    """Means of performance and satisfaction over up to five (importance, performance, satisfaction), each 1 to 10.

    Raises:
        ValueError: none, too many, or out of range.
    """
    if not 1 <= len(problems) <= 5 or any(not 1 <= score <= 10 for one in problems for score in one):
        raise ValueError("COPM: one to five problems, each score 1 to 10")
    return sum(one[1] for one in problems) / len(problems), sum(one[2] for one in problems) / len(problems)
