"""The vocabulary of muscles, nerves and sensory sites: one name each, where its pads lie, on whose minutes it counts.

The side is never part of a name. A word that a person types may be an alias or hold a side; a file, a record and the
minutes of the day (L27) hold the canonical id alone, so that two spellings of one thigh are one thigh. Pure; the data
is `muscles.json` beside this module.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, NamedTuple

from estim.safety.errors import quoted

NEAREST = 3
_SIDES = {"right": "right", "left": "left", "rechts": "right", "links": "left", "rechte": "right", "linke": "left",
          "rechter": "right", "linker": "left", "rechtes": "right", "linkes": "left"}  # fmt: skip
_FORMAL = frozenset({"m", "mm", "musculus", "musculi", "muscle", "muscles", "muskel"})  # before or behind a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the two pads of a channel lie, each by a landmark that a hand finds.

    Attributes:
        pads: the two places.
        size_cm: usual size of both pads, width and height; one number is a round pad's diameter.
        mark: read | recalled | convention; `source` says where.
    """

    pads: tuple[str, str]
    size_cm: tuple[float, ...]
    mark: str
    source: str

    def words(self) -> str:
        """Both places as one sentence for a file's `placement`."""
        return f"pad 1: {self.pads[0]}; pad 2: {self.pads[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muscle:
    """One entry.

    Attributes:
        id: canonical: small letters and hyphens. name, name_de: what people read.
        kind: muscle | nerve | sensory-site.
        refused: topic of `refusals()` where it can't be stimulated here, or "".
        region: where its pads lie, a region of the schema; "" where refused, any-permitted where today decides.
        counts_as: ids on whose minutes of the day output counts (L27). parts: ids that are contained in it.
        avoid: neighbours and places that a pad keeps off.
    """

    id: str
    name: str
    name_de: str
    aliases: tuple[str, ...]
    kind: str
    refused: str
    region: str
    nerve: str
    actions: tuple[str, ...]
    counts_as: tuple[str, ...]
    parts: tuple[str, ...]
    placements: tuple[Placement, ...]
    test: str
    position: str
    avoid: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is not treated here: why, and what to do in its place."""

    id: str
    name: str
    words: tuple[str, ...]
    why: str
    instead: str
    mark: str

    def sentence(self) -> str:
        """For a refusal."""
        return f"{self.name} is not stimulated here: {self.why}. Instead: {self.instead}"


class Named(NamedTuple):
    """A muscle that a text names, and the side that stands in the text ("" if none does)."""

    muscle: Muscle
    side: str


class UnknownMuscleError(ValueError):
    """No muscle has this name; the nearest are in `nearest`."""

    def __init__(self, text: str) -> None:
        self.nearest = nearest(text)
        super().__init__(f"{quoted(text)} is no muscle of the vocabulary; the nearest are {', '.join(self.nearest)}")


class RefusedMuscleError(ValueError):
    """The vocabulary knows it so that it can say why it is not stimulated here."""

    def __init__(self, refusal: Refusal, muscle: Muscle | None = None) -> None:
        self.refusal, self.muscle = refusal, muscle
        super().__init__(refusal.sentence())


@cache
def _document() -> Any:
    return json.loads(resources.files("estim.protocols").joinpath("muscles.json").read_text(encoding="utf-8"))


@cache
def muscles() -> Mapping[str, Muscle]:
    """All entries by id, in the order of the data: from the thigh down, then trunk, arm and hand."""
    return MappingProxyType({row["id"]: _muscle(row) for row in _document()["muscles"]})


def _muscle(row: Mapping[str, Any]) -> Muscle:
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    plain["placements"] = tuple(
        Placement(
            pads=(place["pads"][0], place["pads"][1]),
            size_cm=tuple(place["size_cm"]),
            mark=place["mark"],
            source=place["source"],
        )
        for place in row["placements"]
    )
    return Muscle(**plain)


@cache
def refusals() -> Mapping[str, Refusal]:
    """What is not treated here, by topic."""
    rows = _document()["refusals"]
    return MappingProxyType({row["id"]: Refusal(**{**row, "words": tuple(row["words"])}) for row in rows})


def why_not(text: str) -> Refusal | None:
    """The topic that a region, condition or muscle of this name belongs to, if it is one that is not treated here."""
    asked = _plain(text)
    ways = {asked, _bare(asked)} - {""}
    for refusal in refusals().values():
        if ways & {_plain(word) for word in (refusal.id, *refusal.words)}:
            return refusal
    named = _names().get(_without_side(asked))
    return refusals()[named.refused] if named is not None and named.refused else None


def find(text: str) -> Named:
    """The muscle that `text` names: its id, its name or an alias, with or without a side.

    Raises:
        RefusedMuscleError: known, and not stimulated here.
        UnknownMuscleError: not known.
    """
    asked = _plain(text)
    muscle = _names().get(asked) or _names().get(_without_side(asked)) or _names().get(_bare(asked))
    if muscle is None:
        refusal = why_not(text)
        if refusal is not None:
            raise RefusedMuscleError(refusal)
        raise UnknownMuscleError(text)
    if muscle.refused:
        raise RefusedMuscleError(refusals()[muscle.refused], muscle)
    return Named(muscle, side_in(text))


def side_in(text: str) -> str:
    """Left or right where one of them stands in the text, else ""."""
    found = {_SIDES[word] for word in _plain(text).split() if word in _SIDES}
    return found.pop() if len(found) == 1 else ""


def nearest(text: str) -> tuple[str, ...]:
    """Three ids whose name or alias is most like `text`."""
    asked = _without_side(_plain(text))
    names = _names()

    def likeness(name: str) -> float:
        whole = difflib.SequenceMatcher(None, asked, name).ratio()
        words = [difflib.SequenceMatcher(None, one, other).ratio() for one in asked.split() for other in name.split()]
        return max(whole, 0.95 * max(words, default=0.0))

    ranked = sorted((name for name, muscle in names.items() if not muscle.refused), key=likeness, reverse=True)
    return tuple(dict.fromkeys(names[name].id for name in ranked))[:NEAREST]


def name_of(text: str, *, language: str = "en") -> str:
    """What people read for an id; a text that is none (old records, own words) as it stands."""
    muscle = muscles().get(text)
    if muscle is None:
        return text
    return muscle.name_de if language == "de" else muscle.name


def accounts(text: str) -> tuple[str, ...]:
    """Ids on whose minutes of the day output on `text` counts (L27).

    Records from before the vocabulary hold free text: it is read through aliases and the texts that the library had,
    so that an update opens no new day. What nobody knows keeps an account of its own, without its side word.
    """
    asked = _plain(text)
    bare = _without_side(asked)
    muscle = _names().get(asked) or _names().get(bare)
    if muscle is not None:
        return muscle.counts_as
    old = _old_texts().get(bare)
    if old is not None:
        return tuple(dict.fromkeys(account for id_ in old for account in muscles()[id_].counts_as))
    return (bare or text,)


@cache
def _names() -> Mapping[str, Muscle]:
    """Every spelling that is known. An id and a name win over another entry's alias."""
    found: dict[str, Muscle] = {}
    for muscle in muscles().values():
        for name in (muscle.id, muscle.name):
            found[_plain(name)] = muscle
    for muscle in muscles().values():
        for name in (*muscle.aliases, muscle.name_de):
            found.setdefault(_plain(name), muscle)
    return MappingProxyType(found)


@cache
def _old_texts() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({_plain(text): tuple(ids) for text, ids in _document()["old_texts"].items()})


def _plain(text: str) -> str:
    """Small letters, words parted by single spaces: `Tibialis-Anterior` is `tibialis anterior`."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"['’]s?\b", "", text.casefold())))


def _without_side(plain: str) -> str:
    return " ".join(word for word in plain.split() if word not in _SIDES)


def _bare(plain: str) -> str:
    """Without the words that say that it is a muscle."""
    return " ".join(word for word in _without_side(plain).split() if word not in _FORMAL)
