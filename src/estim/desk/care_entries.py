"""What an entry of a course may say: fields that are known, numbers in their range, names that are there. Pure checks.

A word that means yes or no becomes one: `yes=no` must never count as a yes because it is a text.
"""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from estim.care import course, goals
from estim.care.course import Entry
from estim.care.drills import drills
from estim.care.drills import nearest as nearest_drill
from estim.care.measures import measures, nearest
from estim.care.plan import Plan
from estim.desk.diary import COLUMNS
from estim.records.dates import plain_day
from estim.safety.errors import UsageError, quoted
from estim.safety.units import plain_number

CONSENT_POINTS = (
    "purpose-and-goal", "what-is-felt", "alternatives", "expected-benefit", "risks", "stop-at-any-time",
    "device-status", "what-is-recorded", "no-research", "photos",
)  # fmt: skip
_LEVEL = re.compile("[+-]?[0-9]")
TEXT_MAX = 4_000  # letters of one field: what a person reads on one page
CAPACITY = ("able", "supported", "best-interest", "child")
DIARY = tuple(column for column in COLUMNS if column not in {"day", "note"})  # the day is the entry's own
# What each kind holds; `note` goes with all. Entries that the program makes itself (session, diary, leaflet) are free.
FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "consent": ("points", "capacity", "explained_by", "language", "interpreter", "decided_by", "copies"),
    "consent-withdrawn": ("reason",),
    "assessment": ("measure", "value", "side", "position", "aid", "device", "by", "assessor", "time",
                   "hours_since_dose", "after_output", "computed"),
    "not-possible": ("measure", "side", "reason"),
    "goal": ("id", "words", "by", "measure", "baseline", "target", "levels", "importance", "difficulty", "signed_by"),
    "goal-score": ("goal", "level"),
    "check": ("check", "yes", "phase"),
    "visit": ("minutes", "where"),
    "missed": ("reason",),
    "diary": DIARY,
    "drill": ("drill", "sets", "reps", "repetitions", "windows", "hold_s", "minutes", "help", "pain",
              "pain_next_morning", "exertion", "clean", "touches", "load_kg"),
    "treatment": ("technique", "region", "grade", "minutes", "response", "side"),
    "event": ("words", "serious", "done", "region"),
    "concern": ("words", "by", "answer"),
    "review": ("words", "decision"),
    "end": ("reason", "advice", "follow_up"),
})  # fmt: skip
YES_NO = frozenset({"yes", "after_output", "clean", "serious"})
WORDS: Mapping[str, bool] = MappingProxyType(
    {"true": True, "yes": True, "ja": True, "false": False, "no": False, "nein": False}
)
# Field → least, most, whole number. Counts of a visit, not of a life.
RANGES: Mapping[str, tuple[float, float, bool]] = MappingProxyType({
    "pain": (0, 10, False), "pain_next_morning": (0, 10, False), "exertion": (0, 10, False), "sets": (1, 100, True),
    "reps": (1, 1000, True), "repetitions": (0, 10_000, True), "windows": (0, 10_000, True), "hold_s": (0, 3600, False),
    "minutes": (0.5, 600, False), "touches": (0, 1000, True), "load_kg": (0, 500, False), "level": (-2, 2, True),
    "importance": (0, 3, True), "difficulty": (0, 3, True), "hours_since_dose": (0, 168, False),
})  # fmt: skip


def checked(
    kind: str, fields: Mapping[str, Any], *, day: datetime.date, plan: Plan | None, entries: Sequence[Entry]
) -> dict[str, Any]:
    """The fields of an entry, words of yes and no made into one.

    Args:
        plan, entries: the course that runs; None and () before one begins.

    Raises:
        UsageError: which field, what stands there, what belongs there.
    """
    made = dict(fields)
    if kind == "consent" and isinstance(fields.get("points"), str):  # typed: those that were gone through
        made["points"] = {point.strip(): True for point in fields["points"].split(",") if point.strip()}
    known = (*FIELDS.get(kind, ()), "note")
    for key, value in fields.items():
        if kind in FIELDS and key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f"did you mean {near[0]}?" if near else f"it holds {', '.join(known)}"
            raise UsageError(f"{kind} has no field {quoted(key)}; {meant}")
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise UsageError(
                f"{key}: {len(value)} letters; at most {TEXT_MAX}: a report of its own belongs beside the course"
            )
        if key in YES_NO:
            made[key] = _yes_or_no(key, value)
        elif key in RANGES:
            _in_range(key, value)
    check = _CHECKS.get(kind)
    if check is not None:
        check(made, day)
    if kind == "check" and plan is not None:
        _answerable(made, plan)
    if kind == "goal":
        _new(made, entries)
    if kind == "goal-score":
        _scorable(made, entries)
    return made


def _yes_or_no(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    said = WORDS.get(str(value).strip().casefold())
    if said is None:
        raise UsageError(f"{key} {quoted(value)}: yes or no")
    return said


def _in_range(key: str, value: object) -> None:
    low, high, whole = RANGES[key]
    allowed = f"{'a whole number' if whole else 'a number'}, {low:g} to {high:g}"
    try:
        number = plain_number(str(value).strip())
    except ValueError:
        raise UsageError(f"{key} {quoted(value)}: {allowed}") from None
    if not (math.isfinite(number) and low <= number <= high) or (whole and number != int(number)):
        raise UsageError(f"{key} {quoted(value)}: {allowed}")


def _assessment(fields: Mapping[str, Any], _: datetime.date) -> None:
    name = str(fields.get("measure", ""))
    if not name:
        raise UsageError("an assessment needs measure=… and value=…")
    measure = measures().get(name)
    if measure is None:
        raise UsageError(f"{quoted(name)} is no assessment; near: {nearest(name)}")
    if name == "quadriceps-index":
        raise UsageError("the quadriceps index is computed from mvic of both sides, never typed")
    value = str(fields.get("value", ""))
    if not value:
        raise UsageError(f"{name} needs value=…; where it can't be taken: note not-possible measure={name} reason=…")
    wrong = measure.judge(value)
    if wrong:
        point = value.replace(",", ".", 1)
        meant = f"; with a point: {point}" if point != value and not measure.judge(point) else ""
        raise UsageError(wrong + meant)
    if fields.get("side", "") not in {"", "left", "right", "both"}:
        raise UsageError(f"side {quoted(fields['side'])}: left, right or both")
    if name == "mvic" and fields.get("side") not in {"left", "right"}:
        raise UsageError("mvic needs side=left or side=right: the quadriceps index compares them")


def _not_possible(fields: Mapping[str, Any], _: datetime.date) -> None:
    name = str(fields.get("measure", ""))
    if name not in measures() or not str(fields.get("reason", "")).strip():
        near = f"; {quoted(name)} is no assessment, near: {nearest(name)}" if name and name not in measures() else ""
        raise UsageError(f"an assessment that is not possible needs its name and a reason{near}")


def _goal(fields: Mapping[str, Any], day: datetime.date) -> None:
    given = fields.get("levels", {})
    if not isinstance(given, Mapping) or not all(_LEVEL.fullmatch(str(level)) for level in given):
        raise UsageError('levels: five texts by level, {"-2": "…", "-1": "…", "0": "…", "1": "…", "2": "…"}')
    levels = {int(level): str(words) for level, words in given.items()}
    known = {key: fields[key] for key in goals.Goal.__slots__ if key in fields and key not in {"id", "levels"}}
    made = goals.Goal(id=str(fields.get("id", "")), levels=levels, **({"words": "", "by": ""} | known))
    lacks = (*(("id",) if not made.id else ()), *made.missing())
    if lacks:
        raise UsageError(f"a goal can't be signed without {'; '.join(lacks)}")
    try:
        by = plain_day(str(made.by))
    except ValueError:
        raise UsageError(f"by {quoted(made.by)}: a date as 2026-05-31") from None
    if by < day:
        raise UsageError(f"by {by}: that day is over on {day}; a goal has a date to come")
    if made.measure:
        measure = measures().get(made.measure)
        if measure is None:
            raise UsageError(f"{quoted(made.measure)} is no assessment; near: {nearest(made.measure)}")
        for key, value in (("target", made.target), ("baseline", "" if levels else made.baseline)):
            wrong = measure.judge(str(value)) if value else ""
            if wrong:
                raise UsageError(f"{key}: {wrong}")
        if made.target and made.baseline and not levels:
            by_rank = measure.rank(made.target) - measure.rank(made.baseline)
            if (measure.better == "higher" and by_rank < 0) or (measure.better == "lower" and by_rank > 0):
                said = f"target {made.target} is worse than the baseline {made.baseline}"
                raise UsageError(f"{said}: of {measure.name} {measure.better} is better")


def _new(fields: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    if str(fields["id"]) in {goal.id for goal in course.goals(entries)}:
        raise UsageError(f"goal {quoted(fields['id'])} is signed; its levels are frozen: give the new one another id")


def _scorable(fields: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    signed = {goal.id: goal for goal in course.goals(entries)}
    scored = signed.get(str(fields.get("goal", "")))
    if scored is None:
        there = f"there are {', '.join(signed)}" if signed else "no goal is signed yet"
        raise UsageError(f"there is no goal {quoted(fields.get('goal', ''))}; {there}")
    if not scored.levels:
        raise UsageError(
            f"goal {quoted(scored.id)} was signed without levels: {scored.measure} decides it, target {scored.target}; "
            f"note assessment measure={scored.measure} value=…"
        )
    if "level" not in fields:
        raise UsageError("level: a whole number, -2 to 2")


def _answerable(fields: Mapping[str, Any], plan: Plan) -> None:
    asked = list(
        dict.fromkeys(
            each.check
            for each in (*(gate for phase in plan.phase for gate in phase.gate), *plan.stop)
            if each.check is not None
        )
    )
    said = str(fields.get("check", ""))
    if said not in asked:
        near = difflib.get_close_matches(said, asked, n=3, cutoff=0.3) or asked
        raise UsageError(f"{plan.id} asks no check {quoted(said)}; near: {'; '.join(near) or 'it asks none'}")
    if "yes" not in fields:
        raise UsageError("yes=true or yes=false is missing")
    names = [phase.name for phase in plan.phase]
    if "phase" in fields and fields["phase"] not in names:
        raise UsageError(f"phase {quoted(fields['phase'])}: one of {'; '.join(names)}")


def _drill(fields: Mapping[str, Any], _: datetime.date) -> None:
    name = str(fields.get("drill", ""))
    if name not in drills():
        raise UsageError(f"there is no exercise {quoted(name)}; near: {nearest_drill(name)}")


def _consent(fields: Mapping[str, Any], _: datetime.date) -> None:
    points = fields.get("points", {})
    if not isinstance(points, Mapping):
        there = ",".join(CONSENT_POINTS)
        raise UsageError(f"points: each point with true or false, or those gone through, commas between: {there}")
    strange = [str(point) for point in points if point not in CONSENT_POINTS]
    if strange:
        raise UsageError(f"points: {', '.join(strange)}: there are {', '.join(CONSENT_POINTS)}")
    missing = [point for point in CONSENT_POINTS[:-1] if points.get(point) is not True]
    if missing:
        raise UsageError(f"not gone through: {', '.join(missing)}")
    if fields.get("capacity") not in CAPACITY:
        raise UsageError(f"capacity: one of {', '.join(CAPACITY)}")
    if fields.get("capacity") in {"best-interest", "child"} and not str(fields.get("decided_by", "")).strip():
        raise UsageError("who decides: a best-interest decision or a parent needs a name (decided_by)")


def _treatment(fields: Mapping[str, Any], _: datetime.date) -> None:
    if not fields.get("technique") or "minutes" not in fields:
        raise UsageError("a treatment by hand needs technique and minutes")


def _event(fields: Mapping[str, Any], _: datetime.date) -> None:
    if not str(fields.get("words", "")).strip():
        raise UsageError("an event needs words=…: what happened")


def _concern(fields: Mapping[str, Any], _: datetime.date) -> None:
    if not str(fields.get("words", "")).strip():
        raise UsageError("a concern needs words=…: what worries the patient, in the patient's words")


def _reviewed(fields: Mapping[str, Any], _: datetime.date) -> None:
    if not str(fields.get("words", "")).strip() and not str(fields.get("decision", "")).strip():
        raise UsageError("a review needs words=… or decision=…: what was found, and how it goes on")


def _reasoned(fields: Mapping[str, Any], _: datetime.date) -> None:
    if not str(fields.get("reason", "")).strip():
        raise UsageError("a reason is needed")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], datetime.date], None]] = MappingProxyType({
    "assessment": _assessment,
    "not-possible": _not_possible,
    "goal": _goal,
    "drill": _drill,
    "consent": _consent,
    "treatment": _treatment,
    "event": _event,
    "concern": _concern,
    "review": _reviewed,
    "missed": _reasoned,
    "end": _reasoned,
})  # fmt: skip
