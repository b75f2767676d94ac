"""A course of care in lines: goals against target and error, the gate's criteria, exercises, work by hand. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual.content import Content

from estim.care.course import Entry, Gate, Status, of_kind, values
from estim.care.exercised import proposed
from estim.care.goals import Goal
from estim.care.measures import Measure, direction, is_error, measures
from estim.care.plan import Criterion
from estim.care.words import answer_words, drill_title, measure_name, plan_words, unit_name
from estim.console.language import Words
from estim.console.widgets import meter

Line = tuple[datetime.date, Mapping[str, object]]
HAND_SHOWN = 3  # of what was done by hand: the latest visits
BAR = 12
_MARKS = {"met": "✓", "not met": "✗", "missing": "·", "too old": "!"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What the screen shows of a course beside its title.

    Attributes:
        goals: each with its values so far, the oldest first.
        gates: of the present phase. drills: due in it, each with the fields of its latest day, {} before the first.
        done: exercise → the day on which it was last entered. proposed: exercise → what the pain rule proposes.
        home: exercises that the diary is kept of, those of the present phase first.
        diary: its lines, the latest day first. by_hand: treatments by hand, the latest first: day and fields.
        plan_id: whose words the gate's questions are.
    """

    goals: tuple[tuple[Goal, tuple[str, ...]], ...] = ()
    gates: tuple[Gate, ...] = ()
    drills: tuple[tuple[str, Mapping[str, object]], ...] = ()
    done: Mapping[str, datetime.date] = field(default_factory=dict)
    proposed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    home: tuple[str, ...] = ()
    diary: tuple[Line, ...] = ()
    by_hand: tuple[Line, ...] = ()
    plan_id: str = ""


def care_of(status: Status, entries: Sequence[Entry]) -> Care:
    """From a course's entries."""
    scored: dict[str, Mapping[str, object]] = {}
    done: dict[str, datetime.date] = {}
    for one in sorted(of_kind(entries, "drill"), key=lambda one: one.day):
        name = str(one.fields.get("drill", ""))
        before = scored.get(name, {}) if done.get(name) == one.day else {}  # a later entry of the day adds to it
        scored[name], done[name] = {**before, **one.fields}, one.day
    plan, number = status.plan, status.phase
    here = plan.phase[number].drills
    return Care(
        goals=tuple((goal, tuple(value for _, value in values(entries, goal.measure))) for goal in status.goals),
        gates=tuple(status.gates),
        drills=tuple((name, scored.get(name, {})) for name in here),
        done=done,
        proposed={name: proposed(entries, name) for name in here},
        home=tuple(dict.fromkeys(name for k in range(number, -1, -1) for name in plan.home_drills(k))),
        diary=_latest(entries, "diary"),
        by_hand=_latest(entries, "treatment"),
        plan_id=plan.id,
    )


def _latest(entries: Sequence[Entry], kind: str) -> tuple[Line, ...]:
    found = sorted(of_kind(entries, kind), key=lambda one: one.day)[::-1]  # of one day the later entry first
    return tuple((one.day, one.fields) for one in found)


def care_lines(care: Care, say: Words) -> list[Content | str]:
    """Goals, gate, exercises, treatments by hand; a part of which there is nothing says so."""
    lines: list[Content | str] = [Content.styled(say("care.goals"), "bold")]
    lines += [line for goal, found in care.goals for line in _goal(goal, found, say)] or [f"  {say('care.no-goal')}"]
    if care.gates:
        met = sum(gate.state == "met" for gate in care.gates)
        lines += ["", Content.styled(say("care.gate", k=met, n=len(care.gates)), "bold")]
        lines += [_gate(gate, care.plan_id, say) for gate in care.gates]
    if care.drills:
        lines += ["", Content.styled(say("care.drills"), "bold")]
        lines += [_drill(name, last, say) for name, last in care.drills]
    if care.by_hand:
        lines += ["", Content.styled(say("care.by-hand"), "bold")]
        lines += [f"  {day}  {technique(fields, say)}" for day, fields in care.by_hand[:HAND_SHOWN]]
    return lines


def _goal(goal: Goal, found: Sequence[str], say: Words) -> list[Content | str]:
    lines: list[Content | str] = [f"  “{goal.words}”  {say('care.by', day=goal.by)}"]
    measure = measures().get(goal.measure)
    if measure is None or not goal.target:
        return [*lines, f"    {say('care.levels')}"] if goal.levels else lines
    last = found[-1] if found else goal.baseline
    unit = unit_name(measure.unit, say.language)
    name = measure_name(measure, say.language)
    lines.append(
        Content.assemble(
            f"    {name} {goal.baseline or '–'} → {last or '–'} {unit}, {say('care.target', target=goal.target)}  ",
            (_share(measure, goal, last), "$accent"),
        )
    )
    if goal.baseline and found:
        lines.append(f"    {_changed(measure, goal.baseline, last, say)}")
    return lines


def _share(measure: Measure, goal: Goal, last: str) -> str:
    """How far from the baseline to the target; nothing where a value is no number of this measure."""
    if not (goal.baseline and last) or any(measure.judge(one) for one in (goal.baseline, goal.target, last)):
        return ""
    begin, end, now = (measure.rank(one) for one in (goal.baseline, goal.target, last))
    if begin == end:
        return ""
    percent = max(0, min(100, round(100 * (now - begin) / (end - begin))))
    return f"{meter(percent, 100, BAR)} {percent}\u00a0%"


def _changed(measure: Measure, first: str, last: str, say: Words) -> str:
    """Better, worse or within the measurement's own error, and how large that is."""
    if measure.judge(first) or measure.judge(last):
        return ""
    word = say(f"care.change.{direction(measure, first, last) or 'none'}")
    errors = [abs(one.number) for one in measure.change if one.number is not None and is_error(one)]
    if not errors:
        return f"{word}, {say('care.no-error')}"
    unit = unit_name(measure.unit, say.language)
    return f"{word}, {say('care.error', error=f'{max(errors):g} {unit}')}"


def _gate(gate: Gate, plan_id: str, say: Words) -> str:
    value = f": {_answered(gate.value, say)}" if gate.value else ""
    missing = "unsaid" if gate.criterion.check is not None and gate.state == "missing" else gate.state
    state = "" if gate.state == "met" else f" ({say('care.state.' + missing.replace(' ', '-'))})"
    return f"{_MARKS[gate.state]} {_criterion(gate.criterion, plan_id, say)}{value}{state}"


def _answered(value: str, say: Words) -> str:
    """Who said yes or no; a number as the screen writes it everywhere, with a point."""
    return answer_words(value, say.language) if value.startswith(("yes, ", "no, ")) else value


def _criterion(criterion: Criterion, plan_id: str, say: Words) -> str:
    measure = measures().get(criterion.measure or "")
    if measure is None:
        return plan_words(plan_id, criterion.check, say.language) if criterion.check else str(criterion.measure)
    least = criterion.at_least is not None
    bound = criterion.at_least if least else criterion.at_most
    shown = bound if isinstance(bound, str) else f"{bound:g}"
    words = say("care.at-least" if least else "care.at-most", bound=f"{shown} {unit_name(measure.unit, say.language)}")
    return f"{measure_name(measure, say.language)} {words}"


def _drill(name: str, last: Mapping[str, object], say: Words) -> str:
    return f"  {drill_title(name, say.language)}: {scores(last, say) or say('care.not-yet')}"


def scores(last: Mapping[str, object], say: Words) -> str:
    """What was scored of an exercise; "" for nothing."""
    found = [f"{say(f'care.score.{key}')} {last[key]}" for key in _SCORES if last.get(key) not in {None, ""}]
    return ", ".join([*found, *([say("care.score.clean")] if last.get("clean") is True else [])])


_SCORES = ("repetitions", "hold_s", "minutes", "help", "pain", "exertion")


def technique(fields: Mapping[str, object], say: Words) -> str:
    """A treatment by hand in a line."""
    region = f", {fields['region']}" if fields.get("region") else ""
    response = f": {fields['response']}" if fields.get("response") else ""
    return f"{fields.get('technique', '')}{region}, {say('care.minutes', count=fields.get('minutes', '–'))}{response}"
