"""Measures, exercises and muscles, made from the data that assessments, plans and protocols are judged by."""

from __future__ import annotations

from collections import defaultdict

from estim.care.drills import Drill, drills
from estim.care.measures import Measure, confirmed, measures
from estim.handbook.tables import table
from estim.protocols.muscles import muscles


def measures_page() -> str:
    """Each assessment: unit, range, who does it, and what change means, for whom, from where."""
    lines = [
        "# Measures",
        "",
        f"The {len(measures())} assessments that a course of care can hold (`estim course note … measure`). Each",
        "threshold of change holds for the people in whom it was found. *read*: the source was read; *recalled*: from",
        "memory, to be checked; *convention*: common practice without a source of its own. *Citation confirmed*: it",
        "was found so again, authors to pages, on a page of the journal or an index; others were not looked up.",
        "",
    ]
    for measure in sorted(measures().values(), key=lambda each: each.id):
        lines += [f"## {measure.id}", "", f"**{measure.name}.** {_range(measure)} {measure.note}".strip(), ""]
        if measure.source:
            lines += [f"From: {_cited(measure.source)} (*{measure.mark}*)", ""]
        lines += [
            f"- {each.kind} **{each.words()}**: {each.population}. {_cited(each.source)} (*{each.mark}*)"
            for each in measure.change
        ]
        lines.append("")
    return "\n".join(lines)


def _cited(source: str) -> str:
    return f"{source} (citation confirmed)" if source in confirmed() else source


def _range(measure: Measure) -> str:
    span = (
        f"One of {', '.join(measure.grades)}"
        if measure.grades
        else f"{measure.low:g} to {measure.high:g} {measure.unit}".rstrip()
    )
    better = {"higher": "higher is better", "lower": "lower is better", "depends": "neither way is better by itself"}
    return f"{span}; {better[measure.better]}; {measure.minutes:g} min; done by: {measure.who}."


def drills_page() -> str:
    """Each exercise by family: how it starts, its dose, the cue, harder and easier, when to stop."""
    families: dict[str, list[Drill]] = defaultdict(list)
    for drill in drills().values():
        families[drill.family].append(drill)
    lines = [
        "# Exercises",
        "",
        f"The {len(drills())} exercises that plans choose from; a site's own stand in a file of the same form",
        "([course-of-care.md](../course-of-care.md)).",
        "",
    ]
    for family, members in sorted(families.items()):
        lines += [f"## Family: {family}", ""]
        for drill in members:
            lines += [f"### {drill.id}", "", f"**{drill.name}.** {drill.start} Cue: “{drill.cue}”", ""]
            lines += table(("", ""), _drill_rows(drill))
    return "\n".join(lines)


def _drill_rows(drill: Drill) -> list[tuple[str, str]]:
    rows = [
        ("dose to begin with", drill.dose.words()),
        ("harder", f"{drill.progress.when}: {drill.progress.to}"),
        ("easier", f"{drill.regress.when}: {drill.regress.to}"),
        ("stop at", "; ".join(drill.stop)),
        ("equipment", ", ".join(drill.equipment)),
        ("supervision", drill.supervision),
        ("with current", f"{drill.stimulation.muscle}, {drill.stimulation.sync}" if drill.stimulation else "none"),
        ("source", f"{drill.source} ({drill.mark})"),
    ]
    return [(name, text) for name, text in rows if text]


def muscles_page() -> str:
    """The vocabulary: the one name of each muscle, nerve and sensory site, and what else finds it."""
    lines = [
        "# Muscles, nerves and sensory sites",
        "",
        "A protocol names a muscle by its id; people may type any of the other names, in English or German. Minutes",
        "of the day are counted by *counts as*. [not-treated.md](../not-treated.md) tells of what is refused.",
        "",
    ]
    for each in sorted(muscles().values(), key=lambda one: one.id):
        lines += [f"## {each.id}", "", f"**{each.name}** ({each.name_de}), {each.kind}.", ""]
        rows = [
            ("also found as", ", ".join(each.aliases)),
            ("region", each.region or ("refused" if each.refused else "")),
            ("does", ", ".join(each.actions)),
            ("counts as", ", ".join(each.counts_as)),
            ("pads", "; or ".join(f"{place.words()} ({place.mark})" for place in each.placements)),
            ("keep off", "; ".join(each.avoid)),
            ("note", each.note),
        ]
        lines += table(("", ""), [(name, text) for name, text in rows if text])
    return "\n".join(lines)
