"""The patient's words, in each language whole: headings, rules and red flags of leaflet and diary. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from estim.care.drills import Drill
from estim.care.measures import Measure

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


def drill_words(drill: Drill, language: str) -> Mapping[str, str]:
    """Name, start, cue, when to go on, when to do less, when to stop, equipment: in the patient's language.

    An exercise of the site's own has the language that it was written in.
    """
    own = {
        "name": drill.name,
        "start": drill.start,
        "cue": drill.cue,
        "harder": drill.progress.when,
        "easier": drill.regress.when,
        "stop": "; ".join(drill.stop),
        "equipment": ", ".join(drill.equipment),
    }
    if language == "en":
        return own
    phrases = _german()["phrases"]
    translated = own | {str(key): str(value) for key, value in _german().get(drill.id, {}).items()}
    for key, texts, joint in (
        ("harder", (drill.progress.when,), ""),
        ("easier", (drill.regress.when,), ""),
        ("stop", drill.stop, "; "),
        ("equipment", drill.equipment, ", "),
    ):
        translated[key] = joint.join(str(phrases.get(text, text)) for text in texts)
    return translated
