"""The end of a course on paper, in the reader's language: the discharge summary and the letter to the referrer."""

from __future__ import annotations

from collections.abc import Callable

from estim.care.course import Entry, Gate
from estim.care.measures import direction, measures
from estim.care.words import (
    answer_words,
    change_text,
    day_words,
    drill_title,
    measure_name,
    number_words,
    plan_words,
    unit_name,
    word,
)
from estim.desk.discharge import Changed, GoalReached, Report, span
from estim.desk.paper import Paper, Section
from estim.desk.progress_curve import Curve, numbers, smallest_real_change, svg


def summary(made: Report, *, who: str, language: str = "en") -> Paper:
    """The discharge summary. What a person typed stays in the person's words."""

    def say(key: str, *given: object) -> str:
        return word(f"d-{key}", language).format(*given)

    def head(key: str) -> tuple[str, ...]:
        return tuple(say(key).split("|"))

    curves = _curves(made, language)
    done, planned = made.stimulated
    doses = [
        (name, f"{sessions}", of_planned(given, asked, say), f"{reached}", f"{minutes}")
        for name, sessions, given, asked, reached, minutes in made.doses
    ]
    recorded = [
        (one.protocol, f"{one.delivered}", _span(one.planned, language), of_planned(*one.contractions, say))
        for one in made.given
    ]
    goals = [
        (f"“{goal.words}”" if language == "en" else f"„{goal.words}“", _reached(goal, language)) for goal in made.goals
    ]
    levels = [
        (name, number_words(f"{first:g}", language), number_words(f"{last:g}", language), f"{days}")
        for name, first, last, days in made.levels
    ]
    events = _happened(made, language)
    sections = [
        Section(lines=(word("simulated", language),) if made.simulated else (), rows=_facts(made, language)),
        Section(head=say("goals"), rows=(head("goal-head"), *goals)),
        Section(
            head=say("measures"),
            rows=(head("measure-head"), *(_measured(each, language) for each in made.measures)),
            items=tuple(_not_possible(each, language) for each in made.not_possible),
        ),
        *([Section(head=say("progress"), pictures=curves, wide=True)] if curves else []),
        Section(head=say("given"), lines=(say("days", done, planned),), rows=(head("dose-head"), *doses)),
        *([Section(rows=(head("record-head"), *recorded))] if recorded else []),
        *([Section(rows=(head("level-head"), *levels))] if levels else []),
        Section(head=say("phases"), items=_left(made, language) or (say("not-left"),)),
        Section(head=say("criteria"), items=_criteria(made, language)),
        Section(head=say("events"), items=events or (say("no-events"),)),
        *_told(say("concerns"), made.concerns, language),
        *_told(say("reviews"), made.reviews, language),
        Section(head=say("advice"), lines=(_advice(made, language), *_follow_up(made, language))),
    ]
    footer = f"{made.patient}, {day_words(made.status.today, language)}, {who}"
    return Paper(title=say("title"), language=language, footer=footer, sections=tuple(sections))


def of_planned(given: int, planned: int, say: Callable[..., str]) -> str:
    """Contractions; a phase that a sensor or a key opens plans none."""
    return say("of", given, planned) if planned else f"{given}"


def _facts(made: Report, language: str) -> tuple[tuple[str, ...], ...]:
    status, plan = made.status, made.status.plan

    def say(key: str, *given: object) -> str:
        return word(f"d-{key}", language).format(*given)

    mastered = ", ".join(drill_title(name, language) for name in made.mastered) or say("none")
    title = plan_words(plan.id, plan.title, language)
    home = say("of-planned", made.home_done, made.home_planned) if made.home_planned else say("no-diary")
    began, ended = (day_words(day, language) for day in (status.began, made.end.day if made.end else status.today))
    side = word(f"side-{status.side}", language) if status.side in {"left", "right", "both"} else "-"
    return (
        tuple(say("what").split("|")),
        (say("patient"), made.patient),
        (say("course"), f"{title} ({plan.id} {plan.version})"),
        (say("side"), side),
        (say("from-to"), f"{began} – {ended}"),
        (say("phase"), plan_words(plan.id, plan.phase[status.phase].name, language)),
        (say("why"), _why(made, language)),
        (say("visits"), say("of-planned", made.attended, made.planned)),
        (say("missed"), str(sum(len(week.missed) for week in made.weeks))),
        (say("home"), home),
        (say("exercises"), say("mastered", made.drills, mastered)),
        (say("hands"), f"{number_words(f'{made.treatments_min:g}', language)} min"),
        (say("gas"), number_words(f"{made.t_score:.1f}", language) if made.t_score is not None else say("not-scored")),
    )


def _why(made: Report, language: str) -> str:
    return str(made.end.fields["reason"]) if made.end else word("d-on", language)


def _advice(made: Report, language: str) -> str:
    typed = str(made.end.fields.get("advice", "")).strip() if made.end else ""
    return typed or word("d-advice-default", language)


def _follow_up(made: Report, language: str) -> tuple[str, ...]:
    typed = str(made.end.fields.get("follow_up", "")).strip() if made.end else ""
    return (word("d-follow-up", language).format(typed),) if typed else ()


def _told(head: str, entries: tuple[Entry, ...], language: str) -> list[Section]:
    """What was said, in the words of those who said it."""
    return [Section(head=head, items=tuple(_dated(each, language) for each in entries))] if entries else []


def _dated(entry: Entry, language: str) -> str:
    """`2 March 2026: that I fall; rail beside the bed`."""
    fields = entry.fields
    said = [str(fields[key]).strip() for key in ("words", "decision", "done", "answer") if fields.get(key)]
    said += [word("d-serious", language)] if fields.get("serious") is True else []
    return f"{day_words(entry.day, language)}: {'; '.join(said)}"


def _happened(made: Report, language: str) -> tuple[str, ...]:
    """Events and the falls of the diary, day by day; a day that has several lines may say the same fall in each."""
    falls = dict.fromkeys(
        (entry.day, str(entry.fields["falls"]), str(entry.fields.get("note") or "").strip()) for entry in made.falls
    )
    told = [(each.day, _dated(each, language)) for each in made.events]
    told += [
        (day, f"{day_words(day, language)}: {word('d-fall', language).format(said)}{f'; {note}' if note else ''}")
        for day, said, note in falls
    ]
    return tuple(words for _, words in sorted(told, key=lambda each: each[0]))


def _not_possible(entry: Entry, language: str) -> str:
    name = measure_name(measures()[str(entry.fields["measure"])], language)
    return word("d-not-possible", language).format(name, day_words(entry.day, language), entry.fields["reason"])


def _reached(goal: GoalReached, language: str) -> str:
    if goal.level is not None:
        return word("d-goal-level", language).format(f"{goal.level:+d}" if goal.level else "0")
    if goal.met is None:
        return word("d-goal-open", language)
    measure = measures()[goal.measure]
    unit, last, target = (
        unit_name(measure.unit, language), number_words(goal.last, language), number_words(goal.target, language)
    )  # fmt: skip
    shown = f"{measure_name(measure, language)} {last} {unit}"
    return word("d-goal-met" if goal.met else "d-goal-not-met", language).format(shown, target)


def _titled(changed: Changed, language: str) -> str:
    side = word(f"side-{changed.side}", language) if changed.side in {"left", "right", "both"} else ""
    return " ".join(part for part in (measure_name(measures()[changed.measure], language), side) if part)


def _measured(changed: Changed, language: str) -> tuple[str, ...]:
    (first_day, first), (last_day, last) = changed.values[0], changed.values[-1]
    measure = measures()[changed.measure]
    often = len(changed.values) > 1
    words = change_text(measure, first, last, language) if often else [word("once", language)]
    unit = "" if measure.grades else f" {unit_name(measure.unit, language)}"
    shown = (
        f"{number_words(value, language)}{unit} ({day_words(day, language)})"
        for value, day in ((first, first_day), (last, last_day))
    )
    return (_titled(changed, language), *shown, "; ".join(words))


def _curves(made: Report, language: str) -> tuple[str, ...]:
    """A picture of each measure with numbers of two days or more, with its gate's bound and smallest real change."""
    plan = made.status.plan
    phases = [*plan.phase, plan.phase[made.status.phase]]  # the present one's bound stands where several ask for it
    bounds = {
        gate.measure: gate.at_least if gate.at_least is not None else gate.at_most
        for phase in phases
        for gate in phase.gate
        if gate.measure is not None
    }
    pictures = []
    for changed in made.measures:
        measure = measures()[changed.measure]
        points = () if measure.grades else numbers(changed.values)  # a grade is no distance: it is not drawn as one
        if len(points) < 2:
            continue
        bound = bounds.get(changed.measure)
        curve = Curve(
            title=_titled(changed, language),
            unit=unit_name(measure.unit, language),
            points=points,
            target=float(bound) if isinstance(bound, int | float) else None,
            error=smallest_real_change(measure, plan.conditions),
            words=(word("d-target", language), word("d-error", language)),
            language=language,
        )
        pictures.append(str(svg(curve)))
    return tuple(pictures)


def _left(made: Report, language: str) -> tuple[str, ...]:
    said = []
    for entry in made.gates:
        phase = plan_words(made.status.plan.id, str(entry.fields["phase"]), language)
        line = word("d-left", language).format(day_words(entry.day, language), phase)
        reason = str(entry.fields.get("reason") or "")
        said.append(line + (word("d-against", language).format(reason) if reason else ""))
    return tuple(said)


def _gates(made: Report) -> tuple[Gate, ...]:
    return (*made.status.gates, *made.status.stops)


def _criteria(made: Report, language: str) -> tuple[str, ...]:
    plan = made.status.plan.id
    return tuple(dict.fromkeys(_criterion(each, plan, language) for each in _gates(made)))


def _criterion(gate: Gate, plan_id: str, language: str) -> str:
    value = f": {answer_words(gate.value, language)}" if gate.value else ""
    criterion = gate.criterion
    words = plan_words(plan_id, criterion.check, language) if criterion.check else criterion.words
    if language == "de" and gate.criterion.measure is not None:
        measure = measures()[gate.criterion.measure]
        low = gate.criterion.at_least is not None
        asked = gate.criterion.at_least if low else gate.criterion.at_most
        bound = number_words(asked if isinstance(asked, str) else f"{asked:g}", language)
        unit = unit_name(measure.unit, language)
        words = f"{measure_name(measure, language)} {'mindestens' if low else 'höchstens'} {bound} {unit}"
    state = "unanswered" if gate.unanswered else gate.state
    return f"{words}{value} ({word(f'd-{state}', language)})"


def _span(planned: tuple[int, int] | None, language: str) -> str:
    said = span(planned)
    return said.replace(" to ", " bis ") if language == "de" else said


def letter(made: Report, *, who: str, to: str, language: str = "en") -> Paper:
    """A letter to the referrer: half a page."""

    def say(key: str, *given: object) -> str:
        return word(f"d-{key}", language).format(*given)

    status = made.status
    ended = made.end.day if made.end else status.today
    began, over = day_words(status.began, language), day_words(ended, language)
    lines = (
        say("to", to),
        say("letter-patient", made.patient),
        plan_words(status.plan.id, status.plan.title, language),
        say("treated", began, over, made.attended, made.planned, _why(made, language)),
    )
    opened, closed = ("„", "“") if language == "de" else ("“", "”")
    goals = [f"{opened}{goal.words}{closed}: {_reached(goal, language)}" for goal in made.goals]
    results = (*goals, *(_in_brief(each, language) for each in made.measures))
    sections = (
        Section(lines=(*((word("simulated", language),) if made.simulated else ()), *lines)),
        Section(head=say("result"), items=results or ("-",)),
        Section(head=say("recommendation"), lines=(_advice(made, language), *_follow_up(made, language), who)),
    )
    footer = f"{made.patient}, {day_words(status.today, language)}"
    return Paper(title=say("letter"), language=language, footer=footer, sections=sections)


def _in_brief(changed: Changed, language: str) -> str:
    """`Timed Up and Go: 16 → 10.5 s (better)`, in the letter's language."""
    measure = measures()[changed.measure]
    unit, first, last = unit_name(measure.unit, language), changed.values[0][1], changed.values[-1][1]
    title = _titled(changed, language)
    if len(changed.values) == 1:
        return f"{title}: {number_words(last, language)} {unit} ({word('once', language)})"
    went = direction(measure, first, last)
    shown = f"{title}: {number_words(first, language)} → {number_words(last, language)} {unit}"
    return shown + (f" ({word(went, language)})" if went else "")
