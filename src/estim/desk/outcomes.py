"""What is written down after a treatment, and what is wrong with it. Pure.

Three things are asked after every session; all else that is entered is an assessment of `care.measures`, whose ranges
tell a typing error from a value, not good from bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from estim.care.measures import Measure, measures
from estim.safety.errors import Problem, quoted

SKIN_GRADES: tuple[str, ...] = (
    "0 normal",
    "1 redness, gone within the hour",
    "2 redness that stays",
    "3 blister or burn",
)
SKIN_BLOCKS_FROM = 2  # docs/decisions/session.md 23: this site is left alone until it was reviewed
ALWAYS = ("discomfort", "pain", "skin")

OWN_RULE = "estim, docs/decisions/session.md 23"

# Of the session itself, so no assessments of a course.
OF_THE_SESSION: Mapping[str, Measure] = MappingProxyType({
    "discomfort": Measure(
        id="discomfort", name="Discomfort of stimulation", unit="NRS", low=0, high=10, whole=True, better="lower",
        minutes=0, who="patient", conditions=("all",), source=OWN_RULE, mark="convention",
    ),
    "skin": Measure(
        id="skin", name="Skin under the pads", unit="grade", grades=SKIN_GRADES, better="lower", minutes=0,
        who="anybody", conditions=("all",), source=OWN_RULE, mark="convention",
    ),
})  # fmt: skip


def allowed_words(measure: Measure) -> str:
    """What may be entered."""
    if measure.grades:
        return ", ".join(measure.grades)
    return f"{'whole numbers ' if measure.whole else ''}{measure.low:g} to {measure.high:g} {measure.unit}".strip()


def judge_outcome(fields: Mapping[str, object]) -> tuple[Problem, ...]:
    """What is wrong or needs an eye in the outcome's fields: one that is always asked missing, values out of range, bad
    skin. Keys that are no measure (note, event, reason) are free text and not judged.
    """
    known = {**measures(), **OF_THE_SESSION}
    problems: list[Problem] = []
    for name in dict.fromkeys((*ALWAYS, *fields)):
        if name not in known:
            continue
        measure, value = known[name], str(fields.get(name) or "")
        if not value:
            if name in ALWAYS:
                problems.append(_refused(measure, None, f"{measure.name} is asked after every session"))
        elif measure.judge(value):
            why = f"{measure.name}: {quoted(value)} is none of these: {allowed_words(measure)}"
            problems.append(_refused(measure, value, why))
        elif name == "skin" and SKIN_GRADES.index(value) >= SKIN_BLOCKS_FROM:
            problems.append(_bad_skin(value))
    return tuple(problems)


def _bad_skin(grade: str) -> Problem:
    return Problem(
        severity="warn",
        key="outcome.skin",
        message=f"skin {grade}: leave this site alone until somebody has reviewed it",
        asked=grade,
        layer="patient",
        rule="skin",
        source="docs/decisions/session.md, rule 23",
    )


def _refused(measure: Measure, asked: str | None, message: str) -> Problem:
    return Problem(
        severity="refuse",
        key=f"outcome.{measure.id}",
        message=message,
        asked=asked,
        allowed=allowed_words(measure),
        unit=measure.unit,
        layer="patient",
        rule="outcome",
        source="the assessments' table (`estim help measures`)",
    )
