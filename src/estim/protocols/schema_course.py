"""The part of the schema about the course of treatment: dose, progression, criteria, evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from estim.protocols.schema_base import Strict, Text, rule
from estim.protocols.schema_phase import Effort, NotNegative, Positive

Count = Annotated[int, Field(ge=1)]
Mark = Literal["read", "recalled", "convention", "derived", "not-stated"]
Weeks = Annotated[int, Field(ge=1, le=520)]


class Evidence(Strict):
    """Where the treatment was published."""

    citation: Text
    doi: str | None = None
    url: str | None = None
    effect: Text | None = None
    kind: Literal["trial", "review", "guideline", "other"] | None = None
    stance: Literal["supports", "mixed", "against"] | None = None


class Sourced(Strict):
    """Where one number comes from: the mark, the number of the `[[evidence]]` block, and the place in it."""

    mark: Mark
    source: Annotated[int, Field(ge=1)] | None = None
    where: Text | None = None


Provenance = Annotated[
    Annotated[Mark, Tag("mark-alone")] | Annotated[Sourced, Tag("mark-table")],
    Discriminator(lambda value: "mark-alone" if isinstance(value, str) else "mark-table"),
]


class Equivalent(Strict):
    """What this pulse stands for (burst AC)."""

    of: Text
    note: str = ""


class Dose(Strict):
    """How often and for how long."""

    sessions_per_day: Annotated[int, Field(ge=1, le=24)]
    days_per_week: (
        Annotated[float, Field(gt=0, le=7)]
        | tuple[Annotated[float, Field(gt=0, le=7)], Annotated[float, Field(gt=0, le=7)]]
    )
    weeks: Weeks | tuple[Weeks, Weeks]
    blocks_per_session: Count = 1
    as_needed: bool = False
    min_hours_between: NotNegative = 0
    first_session_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0

    def broken(self) -> Iterator[ValueError]:
        """A range runs upwards."""
        for name, value in (("days_per_week", self.days_per_week), ("weeks", self.weeks)):
            if isinstance(value, tuple) and value[0] > value[1]:
                yield rule("range", f"{name}: the first number must not be above the second", at=name)


class ProgressionSet(Strict):
    """What a progression changes; nothing else can be."""

    on_s: Positive | None = None
    off_s: NotNegative | None = None
    contractions: Count | None = None
    duration_s: Positive | None = None
    sets: Count | None = None
    set_rest_s: NotNegative | None = None
    ramp_up_s: NotNegative | None = None
    relation: Literal["together", "alternating", "sequenced", "overlapping", "interleaved"] | None = None
    output: Literal["motor", "sensory"] | None = None
    amplitude_rule: (
        Literal["sensory", "motor-visible", "functional", "max-tolerated", "percent-mvic", "percent-motor-threshold"]
        | None
    ) = None
    amplitude_target: Annotated[float, Field(gt=0, le=100)] | None = None
    effort: Effort | None = None
    cadence_rpm: Annotated[int, Field(gt=0)] | None = None


CHANNEL_KEYS = frozenset({"output", "amplitude_rule", "amplitude_target"})
SET_KEYS = frozenset({"sets", "set_rest_s"})


def fits(key: str, phase: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Whether a `set` key means something in a phase: on and off times in timed ones, sets where contractions count."""
    if key in {"on_s", "off_s"}:
        return bool(phase["mode"] == "timed")
    if key == "cadence_rpm":
        return (phase.get("trigger") or {}).get("source") == "crank"
    if key in SET_KEYS:
        return "duration_s" not in changes and ("contractions" in changes or phase.get("contractions") is not None)
    return True


class Progression(Strict):
    """A change from a week or a session on."""

    from_week: Count | None = None
    from_session: Count | None = None
    channel: str | None = None
    note: Text | None = None
    set: ProgressionSet | None = None

    def broken(self) -> Iterator[ValueError]:
        """When, and what."""
        if (self.from_week is None) == (self.from_session is None):
            yield rule("progression", "give either from_week or from_session", at="from_week")
        if self.note is None and self.set is None:
            yield rule("progression", "give a note, or set = { … }, or both", at="set")
        given = self.set.model_fields_set if self.set is not None else frozenset()
        if self.channel is None and given & CHANNEL_KEYS:
            keys = ", ".join(sorted(given & CHANNEL_KEYS))
            yield rule("progression", f"{keys} can be set for a channel only: name it", at="channel")


class Criterion(Strict):
    """When to stop, review or be reminded."""

    measure: Text
    at_least: float | None = None
    at_most: float | None = None
    action: Literal["discontinue", "review", "prompt"]

    def broken(self) -> Iterator[ValueError]:
        """One bound."""
        if (self.at_least is None) == (self.at_most is None):
            yield rule("criterion", "give either at_least or at_most", at="at_least")
