"""A guardrail: one limited quantity with its absolute and default bound, its unit, its source and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from estim.safety.errors import Layer

Sense = Literal["max", "min"]
Mark = Literal["verified", "known", "judgement", "convention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One bound in force: the number and which layer set it, from where."""

    value: int
    layer: Layer
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A quantity that limits speak of.

    Attributes:
        key: name in `Limits` and in a site file, with its unit last.
        rule: id in the limit table.
        words: how messages name the quantity.
        unit, scale: unit in which people read it, and how many integer units make one of it.
        sense: `max` bounds from above, `min` from below.
        absolute, default: the two columns; a site may move between them, never past absolute.
        warn: from here on an acknowledgement is asked for; None = never.
        source, mark: where the number comes from and how sure that is.
    """

    key: str
    rule: str
    words: str
    unit: str
    scale: int
    sense: Sense
    absolute: int
    default: int
    source: str
    mark: Mark
    warn: int | None = None

    def tighter(self, first: Bound, second: Bound) -> Bound:
        """The stricter of two bounds; of equal ones the first, which is the higher layer."""
        if self.sense == "max":
            return second if second.value < first.value else first
        return second if second.value > first.value else first

    def breaks(self, value: int, bound: int) -> bool:
        """`value` is not inside `bound`."""
        return not (value <= bound if self.sense == "max" else value >= bound)

    def shown(self, value: int | float) -> float:
        """`value` in the unit that people read."""
        return round(value / self.scale, 4)
