"""A plan of care: phases of protocols and exercises with gates between them. TOML, checked with lines like a protocol.

A gate is passed by a person, never by the program; against its criteria only with a reason. A measure that is missing
or too old counts as not met for a gate, and as unjudged for a stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from estim.care import drills as drill_library
from estim.care import measures as measure_library
from estim.care.document import load_document, parse_document
from estim.protocols import library
from estim.protocols.schema import Slug
from estim.protocols.schema_base import Strict, Text, exactly, rule

Bound = float | str
AGE_DAYS = 14  # a gate's measure is of the last two weeks unless the file says otherwise; convention


class Criterion(Strict):
    """A therapist's yes (`check`), or a measure with a bound."""

    check: Text | None = None
    measure: Text | None = None
    at_least: Bound | None = None
    at_most: Bound | None = None
    side: Literal["treated", "other", "both"] | None = None
    not_older_than_days: Annotated[int, Field(ge=1, le=400)] | None = None
    note: str = ""
    mark: Literal["read", "recalled", "convention"] = "convention"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.check is None) == (self.measure is None):
            raise rule("gate", "give either check = a sentence, or measure = an assessment", at="measure")
        bounded = (self.at_least is None) != (self.at_most is None)
        if self.measure is not None and not bounded:
            raise rule("gate", f"{self.measure} needs either at_least or at_most", at="at_least")
        if self.check is not None and (self.at_least is not None or self.at_most is not None):
            raise rule("gate", "a check has no bound", at="check")
        return self

    @property
    def words(self) -> str:
        """`walk-10m at least 0.4 m/s`."""
        if self.check is not None:
            return self.check
        measure = measure_library.measures()[self.measure or ""]
        word, bound = ("at least", self.at_least) if self.at_least is not None else ("at most", self.at_most)
        note = f" ({self.note})" if self.note else ""
        return f"{measure.name} {word} {bound if isinstance(bound, str) else format(bound, 'g')} {measure.unit}{note}"

    def meets(self, value: float | str) -> bool:
        """Whether a value lies within the bound."""
        measure = measure_library.measures()[self.measure or ""]
        if self.at_least is not None:
            return measure.rank(value) >= measure.rank(self.at_least)
        return self.at_most is not None and measure.rank(value) <= measure.rank(self.at_most)


class CoursePhase(Strict):
    """A stretch of the course: what is done, and what must be reached to leave it."""

    name: Text
    min_days: Annotated[int, Field(ge=0, le=400)] = 0
    protocols: tuple[Text, ...]
    drills: tuple[Text, ...]
    home: tuple[Text, ...] = ()
    visits_per_week: Annotated[int, Field(ge=1, le=14)] | None = None
    as_needed: bool = False
    note: str = ""
    gate: Annotated[tuple[Criterion, ...], Field(min_length=1)]


class Plan(Strict):
    """The whole plan."""

    schema_version: Annotated[Literal[1], exactly(1), Field(alias="schema")]
    id: Slug
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: Text
    conditions: Annotated[tuple[Text, ...], Field(min_length=1)]
    baseline: Annotated[tuple[Text, ...], Field(min_length=1)]
    review_every_days: Annotated[int, Field(ge=1, le=400)]
    visits_per_week: Annotated[int, Field(ge=1, le=14)]
    ask_every_visit: tuple[Text, ...]
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    based_on: str = ""
    phase: Annotated[tuple[CoursePhase, ...], Field(min_length=1, max_length=20)]
    stop: tuple[Criterion, ...]

    def home_drills(self, phase: int) -> tuple[str, ...]:
        """What the patient does at home in a phase: named ones, else those that need nobody beside."""
        named = self.phase[phase].home
        known = drill_library.drills()
        return named or tuple(
            name for name in self.phase[phase].drills if name in known and known[name].supervision == "independent"
        )


Reference = tuple[list[Any], str, object, object]


def references(plan: Plan, *, protocols: frozenset[str], own_drills: frozenset[str] = frozenset()) -> list[Reference]:
    """Names that nothing has, bounds that no value can meet, names given twice."""
    return [*_named(plan, protocols, own_drills), *_gates(plan)]


def _named(plan: Plan, protocols: frozenset[str], own_drills: frozenset[str]) -> Iterator[Reference]:
    known_drills = drill_library.drills().keys() | own_drills
    for number, name in enumerate(plan.baseline):
        if name not in measure_library.measures():
            yield ["baseline", number], f"{name!r} is no assessment; near: {measure_library.nearest(name)}", name, None
    names = [phase.name for phase in plan.phase]
    for index, phase in enumerate(plan.phase):
        if names.count(phase.name) > 1:
            yield ["phase", index, "name"], f"two phases are called {phase.name!r}", phase.name, None
        for number, name in enumerate(phase.protocols):
            if name not in protocols:
                yield ["phase", index, "protocols", number], f"there is no protocol {name!r}", name, None
        for key in ("drills", "home"):
            for number, name in enumerate(getattr(phase, key)):
                if name not in known_drills:
                    words = f"there is no exercise {name!r}; near: {drill_library.nearest(name)}"
                    yield ["phase", index, key, number], words, name, None


def _gates(plan: Plan) -> Iterator[Reference]:
    placed = [
        (["phase", index, "gate", number], gate)
        for index, phase in enumerate(plan.phase)
        for number, gate in enumerate(phase.gate)
    ]
    placed += [(["stop", number], stop) for number, stop in enumerate(plan.stop)]
    for place, criterion in placed:
        if criterion.measure is None:
            continue
        measure = measure_library.measures().get(criterion.measure)
        if measure is None:
            near = measure_library.nearest(criterion.measure)
            yield [*place, "measure"], f"{criterion.measure!r} is no assessment; near: {near}", criterion.measure, near
            continue
        key = "at_least" if criterion.at_least is not None else "at_most"
        bound = getattr(criterion, key)
        wrong = measure.judge(bound)
        if wrong:
            allowed = ", ".join(measure.grades) or f"{measure.low:g} to {measure.high:g} {measure.unit}"
            yield [*place, key], wrong, bound, allowed


def template_names() -> tuple[str, ...]:
    """Ids of the plans that come with the program."""
    folder = resources.files("estim.care").joinpath("data", "plans")
    return tuple(sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".toml")))


def template_text(name: str) -> str:
    """A library plan's file.

    Raises:
        KeyError: there is none.
    """
    if name not in template_names():
        raise KeyError(name)
    return resources.files("estim.care").joinpath("data", "plans", f"{name}.toml").read_text(encoding="utf-8")


def template(name: str) -> Plan:
    """A library plan."""
    return parse_document(template_text(name).encode(), Plan)


def load_plan(path: Path, *, protocols: frozenset[str] | None = None, own_drills: frozenset[str] = frozenset()) -> Plan:
    """The plan in a file.

    Args:
        protocols: ids that exist here; None: the library's.

    Raises:
        ProtocolError: everything that is wrong with it, with lines.
    """
    known = frozenset(library.names()) if protocols is None else protocols
    return load_document(path, Plan, further=lambda plan: references(plan, protocols=known, own_drills=own_drills))


def new_plan(template_name: str, id: str, title: str = "") -> str:  # noqa: A002
    """The text of a plan of one's own, from a template.

    Raises:
        KeyError: there is no such template.
    """
    text = template_text(template_name)
    base = template(template_name)
    swaps: Mapping[str, str] = {
        f'id = "{base.id}"': f'id = "{id}"',
        f'version = "{base.version}"': f'version = "0.1.0"\nbased_on = "{base.id} {base.version}"',
    }
    for before, after in swaps.items():
        text = text.replace(before, after, 1)
    if title:
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        text = text.replace(f'title = "{base.title}"', f'title = "{escaped}"', 1)
    return text
