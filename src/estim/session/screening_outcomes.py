"""The outcome stage: what is written down after treatment, with the ranges that catch a slipped key. Pure.

Ranges from the clinical evidence table (outcome measures); they tell a typing error from a value, not good from bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from estim.safety.errors import Problem

SKIN_GRADES: tuple[str, ...] = (
    "0 normal",
    "1 redness, gone within the hour",
    "2 redness that stays",
    "3 blister or burn",
)
SKIN_BLOCKS_FROM = 2  # docs/decisions/session.md 23: this site is left alone until it was reviewed


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One outcome measure.

    Attributes:
        id: the key in the record's outcome line.
        name, unit: as shown.
        low, high: the range that is accepted.
        whole: whole numbers alone.
        choices: an ordinal scale, stored as text and never averaged; then low and high do not count.
        always: asked after every session.
    """

    id: str
    name: str
    unit: str
    low: float = 0.0
    high: float = 1e6
    whole: bool = False
    choices: tuple[str, ...] = ()
    always: bool = False

    @property
    def allowed(self) -> str:
        """What may be entered, in words."""
        if self.choices:
            return ", ".join(self.choices)
        return f"{'whole numbers ' if self.whole else ''}{self.low:g} to {self.high:g} {self.unit}".strip()


def _m(id: str, name: str, unit: str, low: float, high: float, *, whole: bool = False) -> Measure:  # noqa: A002
    return Measure(id=id, name=name, unit=unit, low=low, high=high, whole=whole)


MEASURES: tuple[Measure, ...] = (
    Measure(id="discomfort", name="Discomfort of stimulation", unit="NRS", high=10, whole=True, always=True),
    Measure(id="pain", name="Pain of the condition", unit="NRS", high=10, whole=True, always=True),
    Measure(id="skin", name="Skin under the pads", unit="", choices=SKIN_GRADES, always=True),
    Measure(id="rpe", name="Effort (Borg RPE)", unit="6-20", low=6, high=20, whole=True),
    _m("mvic", "MVIC torque", "N·m", 0, 1000),
    _m("evoked-percent-mvic", "Evoked torque", "% MVIC", 0, 200),
    _m("quadriceps-index", "Quadriceps index", "%", 0, 150),
    _m("central-activation-ratio", "Central activation ratio", "", 0, 1),
    Measure(id="mrc", name="MRC muscle grade", unit="", choices=("0", "1", "2", "3-", "3", "3+", "4-", "4", "4+", "5")),
    _m("rom", "Range of motion", "degrees", -90, 360),
    _m("circumference", "Limb circumference", "cm", 10, 80),
    Measure(id="ashworth", name="Modified Ashworth", unit="", choices=("0", "1", "1+", "2", "3", "4")),
    _m("tardieu", "Modified Tardieu R2-R1", "degrees", 0, 180),
    _m("fugl-meyer-ue", "Fugl-Meyer arm", "points", 0, 66, whole=True),
    _m("fugl-meyer-le", "Fugl-Meyer leg", "points", 0, 34, whole=True),
    _m("arat", "ARAT", "points", 0, 57, whole=True),
    _m("box-block", "Box and Block", "blocks/min", 0, 150, whole=True),
    _m("nine-hole-peg", "9-Hole Peg", "s", 5, 600),
    _m("grip", "Grip strength", "kg", 0, 120),
    _m("pinch", "Pinch strength", "kg", 0, 30),
    _m("subluxation", "Shoulder subluxation", "mm", 0, 60),
    _m("tug", "Timed Up and Go", "s", 3, 180),
    _m("walk-10m", "10-metre walk", "m/s", 0, 3),
    _m("walk-6min", "6-minute walk", "m", 0, 900),
    _m("walk-2min", "2-minute walk", "m", 0, 300),
    _m("sit-to-stand-5x", "5x sit-to-stand", "s", 4, 120),
    _m("chair-stand-30s", "30 s chair stand", "reps", 0, 40, whole=True),
    _m("berg", "Berg balance", "points", 0, 56, whole=True),
    _m("mini-bestest", "Mini-BESTest", "points", 0, 28, whole=True),
    _m("four-square-step", "Four-square step test", "s", 4, 60),
    _m("single-leg-stance", "Single-leg stance", "s", 0, 60),
    _m("stair-climb", "Stair climb", "s", 2, 120),
    _m("womac", "WOMAC", "points", 0, 96),
    _m("koos", "KOOS", "points", 0, 100),
    _m("ikdc-lysholm", "IKDC / Lysholm", "points", 0, 100),
    _m("odi", "Oswestry (ODI)", "%", 0, 100),
    _m("ndi", "Neck Disability Index", "points", 0, 50),
    _m("boston-ctq", "Boston CTQ", "mean", 1, 5),
    _m("dash", "DASH / QuickDASH", "points", 0, 100),
    _m("cait", "Cumberland Ankle Instability", "points", 0, 30, whole=True),
    _m("mfis", "MFIS (fatigue)", "points", 0, 84, whole=True),
    _m("msws-12", "MSWS-12", "points", 0, 100),
    Measure(id="edss", name="EDSS", unit="", choices=tuple(f"{half / 2:g}" for half in range(21))),
    _m("mds-updrs-iii", "MDS-UPDRS III", "points", 0, 132, whole=True),
    _m("fog", "Freezing of gait", "points", 0, 28, whole=True),
    _m("gmfm", "GMFM-66/88", "points", 0, 100),
    _m("falls", "Falls since last time", "count", 0, 1000, whole=True),
)


def judge_outcome(fields: Mapping[str, object]) -> tuple[Problem, ...]:
    """What is wrong or needs an eye in the outcome's fields: `always` measures missing, values out of range, bad skin.

    Keys that are no measure (note, event, reason) are free text and not judged.
    """
    problems: list[Problem] = []
    for measure in MEASURES:
        value = fields.get(measure.id)
        if value is None or value == "":
            if measure.always:
                problems.append(_refused(measure, None, f"{measure.name} is asked after every session"))
        elif (reason := _out_of_range(measure, value)) is not None:
            problems.append(_refused(measure, str(value), f"{measure.name}: {reason}; {measure.allowed}"))
        elif measure.id == "skin" and SKIN_GRADES.index(str(value)) >= SKIN_BLOCKS_FROM:
            problems.append(
                Problem(
                    severity="warn",
                    key="outcome.skin",
                    message=f"skin {value}: leave this site alone until somebody has reviewed it",
                    asked=str(value),
                    layer="patient",
                    rule="skin",
                    source="docs/decisions/session.md, rule 23",
                )
            )
    return tuple(problems)


def _out_of_range(measure: Measure, value: object) -> str | None:
    if measure.choices:
        return None if str(value) in measure.choices else f"{value!r} is not on the scale"
    try:
        number = float(str(value))
    except ValueError:
        return f"{value!r} is not a number"
    if not measure.low <= number <= measure.high:  # also catches NaN
        return f"{value} is out of range"
    if measure.whole and number != int(number):
        return f"{value} is not a whole number"
    return None


def _refused(measure: Measure, asked: str | None, message: str) -> Problem:
    return Problem(
        severity="refuse",
        key=f"outcome.{measure.id}",
        message=message,
        asked=asked,
        allowed=measure.allowed,
        unit=measure.unit,
        layer="patient",
        rule="outcome",
        source="clinical evidence table, outcome measures",
    )
