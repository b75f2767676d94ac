"""Assessments: unit, range, direction, and what change means, for each population that was studied. Pure."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from estim.care.document import parse_document
from estim.protocols.schema_base import Strict, Text, rule
from estim.safety.errors import brief
from estim.safety.units import plain_number

Mark = Literal["read", "recalled", "convention"]
Direction = Literal["", "better", "worse", "within-error"]
_SHARE = re.compile(r"(\d+(?:\.\d+)?)(?: to \d+(?:\.\d+)?)? %")  # `20 %`, `10 to 20 %`: the least of it
ERRORS = ("MDC", "SDC", "SRD", "SEM", "LOA")  # kinds that speak of the measurement's own error


class Change(Strict):
    """A published change: of whom, of which kind, how much, and where it stands."""

    population: Text
    kind: Text
    value: float | tuple[float, ...] | str
    mark: Mark
    source: Text

    @property
    def number(self) -> float | None:
        """The smallest number; None where the source gives a share or words."""
        if isinstance(self.value, tuple):
            return min(self.value)
        return None if isinstance(self.value, str) else float(self.value)

    def amount(self, first: float | str) -> float | None:
        """How much it is for who began with `first`: the number, or that share of it; None where words stand."""
        share = _SHARE.match(self.value) if isinstance(self.value, str) else None
        if share is None:
            return self.number
        try:
            return abs(float(first)) * float(share[1]) / 100
        except ValueError:
            return None

    def words(self) -> str:
        """`0.16`, `9 to 10`, `20 %`; `1.3 / 2.3 / 2.7` where the kind names each."""
        if isinstance(self.value, tuple):
            return (" / " if "/" in self.kind else " to ").join(f"{each:g}" for each in self.value)
        return self.value if isinstance(self.value, str) else f"{self.value:g}"


class Measure(Strict):
    """One assessment. `grades` in place of `low` and `high` where it is ordinal: never averaged; `whole`: it counts.

    `source` and `mark` of the measure itself, where no threshold of change names where it comes from.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Text
    unit: Text
    low: float | None = None
    high: float | None = None
    grades: tuple[str, ...] = ()
    whole: bool = False
    better: Literal["higher", "lower", "depends"]
    minutes: Annotated[float, Field(ge=0)]
    who: Text
    conditions: tuple[Text, ...]
    note: str = ""
    source: Text | None = None
    mark: Mark | None = None
    change: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _range(self) -> Self:
        if bool(self.grades) == (self.low is not None and self.high is not None):
            raise rule("range", "give low and high, or grades", at="low")
        if (self.source is None) != (self.mark is None):
            raise rule("source", "source and mark go together", at="mark" if self.source else "source")
        if self.source is None and not self.change:
            raise rule("source", "a measure without a published change needs its own source and mark", at="source")
        return self

    def judge(self, value: float | str) -> str:
        """What is wrong with a value; "" if nothing is."""
        if self.grades:
            return "" if str(value) in self.grades else f"{self.id}: one of {', '.join(self.grades)}"
        try:
            number = plain_number(value) if isinstance(value, str) else float(value)
        except ValueError:
            return f"{self.id}: a number of {self.unit}"
        low, high = self.low or 0, self.high or 0
        if not math.isfinite(number) or not low <= number <= high:
            return f"{self.id}: {brief(str(value))} is outside {low:g} to {high:g} {self.unit}"
        if self.whole and number != int(number):
            return f"{self.id}: {brief(str(value))} is no whole number of {self.unit}"
        return ""

    def rank(self, value: float | str) -> float:
        """A number to compare by: the grade's place, or the value itself."""
        return self.grades.index(str(value)) if self.grades else float(value)


class Measures(Strict):
    """The file. `confirmed`: citations that were found so again, authors to pages, on a page of an index or journal."""

    confirmed: tuple[Text, ...] = ()
    measure: tuple[Measure, ...]


@cache
def _file() -> Measures:
    data = resources.files("estim.care").joinpath("data", "measures.toml").read_bytes()
    return parse_document(data, Measures)


@cache
def measures() -> Mapping[str, Measure]:
    """All assessments by id."""
    return MappingProxyType({each.id: each for each in _file().measure})


def confirmed() -> frozenset[str]:
    """Sources whose citation was found so again; that says nothing of their numbers, which have marks of their own."""
    return frozenset(_file().confirmed)


def nearest(name: str) -> str:
    """Three ids like this one, for a refusal."""
    return ", ".join(difflib.get_close_matches(name, measures(), n=3, cutoff=0.3)) or "none is near"


def direction(measure: Measure, first: float | str, last: float | str) -> Direction:
    """Which way it went; "" where nobody can say, and nothing is called better within the measurement's own error."""
    by = measure.rank(last) - measure.rank(first)
    errors = (each.amount(first) for each in measure.change if is_error(each))
    error = max((abs(each) for each in errors if each is not None), default=0.0)
    if not measure.grades and by and abs(by) < error:
        return "within-error"
    better = {"higher": by > 0, "lower": by < 0}.get(measure.better)
    return "" if by == 0 or better is None else "better" if better else "worse"


def is_error(change: Change) -> bool:
    """It speaks of the measurement's own error."""
    return change.kind.upper().startswith(ERRORS)


def index_percent(involved: float, other: float) -> float | None:
    """A symmetry index, computed from two sides of one day, never typed; None without the other side's value."""
    return None if other == 0 else 100 * involved / other
