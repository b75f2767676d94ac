"""A plan of care: phases of protocols and exercises with gates between them. TOML, checked with lines like a protocol.

A gate is passed by a person, never by the program; against its criteria only with a reason. A measure that is missing
or too old counts as not met for a gate, and as unjudged for a stop.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from estim.care import drills as drill_library
from estim.care import measures as measure_library
from estim.care.document import Finding, load_document, parse_document
from estim.protocols import conditions, library
from estim.protocols.lines import basic_string
from estim.protocols.schema import Slug
from estim.protocols.schema_base import Strict, Text, exactly, rule
from estim.safety.errors import quoted

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
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
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
        """What the patient does at home in a phase: named ones, else those that need nobody beside; where a phase has
        none, what was done before goes on.
        """
        known = drill_library.drills()
        for each in self.phase[phase::-1]:
            alone = tuple(name for name in each.drills if name in known and known[name].supervision == "independent")
            if each.home or alone:
                return each.home or alone
        return ()


def references(
    document: Mapping[str, Any], *, protocols: frozenset[str], own_drills: frozenset[str] = frozenset()
) -> list[Finding]:
    """Names that nothing has, bounds that no value can meet, names given twice; in plain tables, right or not."""
    return [*_named(document, protocols, own_drills), *_gates(document)]


def _named(document: Mapping[str, Any], protocols: frozenset[str], own_drills: frozenset[str]) -> Iterator[Finding]:
    known_measures = frozenset(measure_library.measures())
    known_drills = frozenset(drill_library.drills()) | own_drills
    yield from _conditions(document)
    yield from _unknown(document, ["baseline"], "assessment", known_measures)
    phases = _tables(document.get("phase"))
    names = [phase.get("name") for _, phase in phases]
    for index, phase in phases:
        if names.count(phase.get("name")) > 1:
            allowed = "a name of its own"
            yield (
                ["phase", index, "name"],
                f"two phases are called {quoted(phase.get('name'))}",
                phase.get("name"),
                allowed,
            )
        yield from _unknown(phase, ["phase", index, "protocols"], "protocol", protocols)
        for key in ("drills", "home"):
            yield from _unknown(phase, ["phase", index, key], "exercise", known_drills)


def _conditions(document: Mapping[str, Any]) -> Iterator[Finding]:
    found = document.get("conditions")
    given = found if isinstance(found, list) else []
    for number, name in enumerate(given):
        if isinstance(name, str) and not conditions.known(name):
            allowed = ", ".join(conditions.nearest(name))
            yield ["conditions", number], conditions.unknown_words(name), name, allowed
        elif name in given[:number]:
            yield ["conditions", number], f"{quoted(name)} stands in this list twice", name, "each once"


def _unknown(table: Mapping[str, Any], place: list[Any], what: str, known: frozenset[str]) -> Iterator[Finding]:
    """Texts of a list that are no known name, or stand in it twice."""
    given = table.get(place[-1])
    if not isinstance(given, list):
        return
    article = "an" if what[0] in "aeiou" else "a"
    for number, name in enumerate(given):
        if not isinstance(name, str):
            continue  # the schema says so
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.4)) or "none is near"
            yield (
                [*place, number],
                f"{quoted(name)} is the id of no {what}; near: {near}",
                name,
                f"the id of {article} {what}",
            )
        elif name in given[:number]:
            yield [*place, number], f"{quoted(name)} stands in this list twice", name, "each once"


def _gates(document: Mapping[str, Any]) -> Iterator[Finding]:
    for index, phase in _tables(document.get("phase")):
        gates = _tables(phase.get("gate"))
        for number, gate in gates:
            yield from _bound(gate, ["phase", index, "gate", number])
        yield from _contradictions(gates, ["phase", index, "gate"])
    for number, stop in _tables(document.get("stop")):
        yield from _bound(stop, ["stop", number])


def _bound(criterion: Mapping[str, Any], place: list[Any]) -> Iterator[Finding]:
    name = criterion.get("measure")
    if not isinstance(name, str):
        return
    measure = measure_library.measures().get(name)
    if measure is None:
        near = measure_library.nearest(name)
        yield [*place, "measure"], f"{quoted(name)} is no assessment; near: {near}", name, near
        return
    for key in ("at_least", "at_most"):
        bound = criterion.get(key)
        if isinstance(bound, bool) or not isinstance(bound, str | int | float):
            continue
        wrong = measure.judge(bound)
        if wrong:
            allowed = ", ".join(measure.grades) or f"{measure.low:g} to {measure.high:g} {measure.unit}"
            yield [*place, key], f"{wrong}; allowed is {allowed}", bound, allowed


def _contradictions(gates: list[tuple[int, Mapping[str, Any]]], place: list[Any]) -> Iterator[Finding]:
    """Of one measure and side at least more than at most: the phase can't be left by its criteria."""
    lows: dict[tuple[str, str], tuple[float, object]] = {}
    for _, gate in gates:
        if (low := _rank(gate, "at_least")) is not None:
            key = (str(gate.get("measure")), str(gate.get("side", "treated")))
            lows[key] = max(lows.get(key, low), low, key=lambda each: each[0])
    for number, gate in gates:
        high = _rank(gate, "at_most")
        low = lows.get((str(gate.get("measure")), str(gate.get("side", "treated"))))
        if high is not None and low is not None and high[0] < low[0]:
            words = f"this phase can never be left: {gate['measure']} at least {low[1]} and at most {high[1]}"
            yield [*place, number, "at_most"], words, high[1], f"{low[1]} or more"


def _rank(gate: Mapping[str, Any], key: str) -> tuple[float, object] | None:
    measure, bound = measure_library.measures().get(str(gate.get("measure"))), gate.get(key)
    if measure is None or isinstance(bound, bool) or not isinstance(bound, str | int | float) or measure.judge(bound):
        return None
    return measure.rank(bound), bound


def _tables(value: object) -> list[tuple[int, Mapping[str, Any]]]:
    """The tables of a list of tables, with their numbers."""
    given = value if isinstance(value, list | tuple) else []
    return [(number, each) for number, each in enumerate(given) if isinstance(each, Mapping)]


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
    return load_document(path, Plan, further=lambda plain: references(plain, protocols=known, own_drills=own_drills))


def new_plan(template_name: str, id: str, title: str = "") -> str:  # noqa: A002
    """The text of a plan of one's own, from a template.

    Raises:
        KeyError: there is no such template. ProtocolError: an id or a title that none can have.
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
        text = text.replace(f'title = "{base.title}"', f"title = {basic_string(title)}", 1)
    parse_document(text.encode("utf-8"), Plan)
    return text
