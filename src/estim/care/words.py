"""The patient's words, in each language whole: headings, rules and red flags of leaflet and diary. Pure."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from estim.care.drills import Drill, drills
from estim.care.measures import Change, Measure, direction

LANGUAGES = ("en", "de")


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Every text by key and language."""
    return MappingProxyType(tomllib.loads(_data("words.toml")))


def _data(name: str) -> str:
    return resources.files("estim.care").joinpath("data", name).read_text(encoding="utf-8")


def word(key: str, language: str) -> str:
    """One text. Every key has every language (a test holds it)."""
    return words()[key][language]


@cache
def _german() -> Mapping[str, Mapping[str, object]]:
    return MappingProxyType(tomllib.loads(_data("drills.de.toml")))


@cache
def _german_measures() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType(tomllib.loads(_data("measures.de.toml")))


def measure_name(measure: Measure, language: str) -> str:
    """What the assessment is called."""
    return _german_measures()["name"][measure.id] if language == "de" else measure.name


def unit_name(unit: str, language: str) -> str:
    """The unit; one that is the same in each language stays."""
    return _german_measures()["unit"].get(unit, unit) if language == "de" else unit


@cache
def _german_plans() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType(tomllib.loads(_data("plans.de.toml")))


def plan_words(plan_id: str, text: str, language: str) -> str:
    """A title, a phase's name or a check of a library plan; what is of one's own stays as it was written."""
    if language != "de":
        return text
    german = _german_plans()
    return german.get(plan_id, {}).get(text) or (german["checks"].get(text, text) if plan_id in german else text)


def number_words(value: object, language: str) -> str:
    """A number or a grade as the language writes it: 7.5, 7,5."""
    text = str(value)
    return text.replace(".", ",") if language == "de" else text


def answer_words(value: str, language: str) -> str:
    """What a gate shows as its value: a check's answer and who gave it, or a number."""
    said, comma, who = value.partition(", ")
    if comma and said in {"yes", "no"}:
        return f"{word(f'd-{said}', language)}, {who}"
    return number_words(value, language)


def day_words(day: datetime.date, language: str) -> str:
    """2026-05-31, 31.05.2026."""
    return f"{day:%d.%m.%Y}" if language == "de" else day.isoformat()


def change_text(measure: Measure, first: float | str, last: float | str, language: str) -> list[str]:
    """The change, then each published threshold with its population and mark, in a language.

    A threshold that was passed on the way down is no success: it is said to be worse by at least that much.
    """
    said = direction(measure, first, last)
    went = {"": "", "within-error": f"; {word(said or 'once', language)}"}.get(
        said, f", {word(said or 'once', language)}"
    )
    if measure.grades:
        steps = int(measure.rank(last) - measure.rank(first))
        head = f"{first} → {last} ({steps:+d} {word('grade' if abs(steps) == 1 else 'grades', language)}){went}"
        return [head, *(_threshold(each, language) for each in measure.change)]
    by = float(last) - float(first)
    unit = unit_name(measure.unit, language)
    rows = [f"{number_words(f'{by:+.3g}', language)} {unit}{went}"]
    for each in measure.change:
        least = each.amount(first)
        passed = least is not None and abs(by) >= abs(least)
        key = ("exceeded-worse" if said == "worse" else "reached") if passed else "not-reached"
        lead = "" if least is None else f"{word(key, language)}: "
        rows.append(lead + _threshold(each, language))
    return rows


def _threshold(change: Change, language: str) -> str:
    kind, value, population = change.kind, change.words(), change.population
    if language == "de":
        german = _german_measures()
        kind, population = german["kind"].get(kind, kind), german["population"].get(population, population)
        value = number_words(german["value"].get(value, value.replace(" to ", " bis ")), language)
    return f"{word('for', language).format(f'{kind} {value}', population)} [{word(change.mark, language)}]"


def drill_title(name: str, language: str) -> str:
    """What an exercise is called; one of the site's own by its id."""
    known = drills().get(name)
    if known is None:
        return name
    german = _german().get(name, {}) if language == "de" else {}
    return str(dict(german).get("name", known.name))


def drill_words(drill: Drill, language: str) -> Mapping[str, str]:
    """Name, start, cue, when to go on and to what, when to do less and what then, when to stop, equipment, its own
    score, what the current is tied to: in the patient's language.

    An exercise of the site's own has the language that it was written in.
    """
    phrases = _german()["phrases"] if language == "de" else {}
    translated = _german().get(drill.id, {}) if language == "de" else {}

    def said(*texts: str, joint: str = "") -> str:
        return joint.join(str(phrases.get(text, text)) for text in texts)

    return {
        "name": drill.name,
        "start": drill.start,
        "cue": drill.cue,
        "harder": said(drill.progress.when),
        "harder-to": _step(drill.progress.to, said, language),
        "easier": said(drill.regress.when),
        "easier-to": _step(drill.regress.to, said, language),
        "stop": said(*drill.stop, joint="; "),
        "equipment": said(*drill.equipment, joint=", "),
        "score": said(drill.score),
        "sync": said(drill.stimulation.sync) if drill.stimulation is not None else "",
        **{str(key): str(value) for key, value in translated.items()},
    }


def _step(to: str, said: Callable[[str], str], language: str) -> str:
    """An exercise by its name, or words."""
    return drill_title(to, language) if to in drills() else said(to)
