"""Exercises as data: start, dose, words, what makes them harder or easier, and how stimulation joins in. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from estim.care.document import Finding, load_document, parse_document
from estim.protocols import muscles
from estim.protocols.schema_base import Strict, Text, rule
from estim.protocols.schema_phase import Effort
from estim.safety.errors import quoted

Count = Annotated[int, Field(ge=1, le=100)]
PAIN_GO_ON, PAIN_HOLD = 3, 5  # NRS: up to 3 and gone next morning go on, 4 to 5 hold, above 5 one step back; convention


class Dose(Strict):
    """A starting point: sets of repetitions, or of holds, or minutes."""

    sets: Count
    reps: Count | None = None
    hold_s: Annotated[float, Field(gt=0, le=600)] | None = None
    minutes: Annotated[float, Field(gt=0, le=120)] | None = None
    rest_s: Annotated[float, Field(ge=0, le=900)]
    days_per_week: Annotated[int, Field(ge=1, le=7)]

    def words(self, language: str = "en") -> str:
        """`3 × 10, hold 6 s, 7 days a week`."""
        german = language == "de"
        parts = [f"{self.sets} × {self.reps}" if self.reps else f"{self.sets} ×"]
        if self.hold_s:
            parts.append(f"{'halten' if german else 'hold'} {self.hold_s:g} s")
        if self.minutes:
            parts.append(f"{self.minutes:g} min")
        days = f"{self.days_per_week} {'Tage in der Woche' if german else 'days a week'}"
        return ", ".join([*parts, days])


class NextDrill(Strict):
    """When to go on or back, and to what: a drill's id, or words."""

    when: Text
    to: Text


class Stimulation(Strict):
    """How current joins in: muscle, effort, and what it is tied to."""

    muscle: Text
    effort: Effort
    sync: Text
    note: str = ""

    @field_validator("muscle")
    @classmethod
    def _known(cls, text: str) -> str:
        try:
            return muscles.find(text).muscle.id
        except ValueError as error:
            raise ValueError(str(error)) from None


class Drill(Strict):
    """One exercise.

    `ladder`: 0 breath and alignment, 1 one joint, 2 several, 3 weight bearing, 4 resistance or walking, 5 second task
    or sport.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Text
    family: Text
    ladder: Annotated[int, Field(ge=0, le=5)]
    topics: tuple[Text, ...]
    start: Text
    dose: Dose
    cue: Text
    progress: NextDrill
    regress: NextDrill
    stop: tuple[Text, ...] = ()
    equipment: tuple[Text, ...] = ()
    supervision: Literal["independent", "standby", "hands-on"]
    score: str = ""
    stimulation: Stimulation | None = None
    mark: Literal["read", "recalled", "convention"]
    source: Text

    @property
    def bears_weight(self) -> bool:
        """Standing or walking: with current the rules for weight bearing apply."""
        return self.ladder >= 3

    @model_validator(mode="after")
    def _dose(self) -> Self:
        given = self.dose.reps or self.dose.hold_s or self.dose.minutes or self.score
        if not given and self.family not in {"gait", "function"}:
            raise rule("dose", "a dose needs reps, hold_s or minutes", at="dose")
        return self


class Drills(Strict):
    """A file of exercises."""

    drill: Annotated[tuple[Drill, ...], Field(min_length=1)]


@cache
def drills() -> Mapping[str, Drill]:
    """The library's exercises by id."""
    data = resources.files("estim.care").joinpath("data", "drills.toml").read_bytes()
    return MappingProxyType({each.id: each for each in parse_document(data, Drills).drill})


def load_drills(path: Path) -> tuple[Drill, ...]:
    """A site's own file of exercises.

    Raises:
        ProtocolError: everything that is wrong with it, with lines.
    """

    def further(plain: Mapping[str, Any]) -> list[Finding]:
        given = plain.get("drill")
        ids = [each.get("id") if isinstance(each, dict) else None for each in given] if isinstance(given, list) else []
        return [
            (["drill", number, "id"], f"{quoted(name)} is taken", name, "an id that no other exercise has")
            for number, name in enumerate(ids)
            if isinstance(name, str) and (name in drills() or ids.count(name) > 1)
        ]

    return load_document(path, Drills, further=further).drill


def nearest(name: str) -> str:
    """Three ids like this one, for a refusal."""
    return ", ".join(difflib.get_close_matches(name, drills(), n=3, cutoff=0.3)) or "none is near"


def advice(drill: Drill, *, clean_visits: int, pain: float, pain_next_morning: float) -> tuple[str, str]:
    """What to propose after a visit, never done by itself: `go on | hold | back`, and to what."""
    if pain > PAIN_HOLD or pain_next_morning > PAIN_GO_ON:
        return "back", drill.regress.to
    if pain > PAIN_GO_ON:
        return "hold", drill.id
    return ("go on", drill.progress.to) if clean_visits >= 2 else ("hold", drill.id)
