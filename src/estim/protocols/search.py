"""Search among protocols: by condition, muscle, goal, basis, channels and words. Pure.

Words are compared by their beginnings (`glute` finds `gluteus`), without case, hyphens and the possessive s, and by
what people call things: `ms` is multiple sclerosis, `tka` a knee replacement, the calf gastrocnemius and soleus.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from estim.protocols.conditions import CONDITIONS
from estim.protocols.muscles import accounts, find, muscles
from estim.safety.errors import UsageError, quoted

if TYPE_CHECKING:
    from estim.protocols.schema import Channel, Protocol
    from estim.protocols.shelf import Shelved, ShelvedChannel

_WORD = re.compile(r"[^\W_]+")

# What a word of a question stands for; each of the words after it is as good.
SAME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "calf": ("calf", "gastrocnemius", "triceps", "soleus", "plantarflexors"),
        "calves": ("calf", "gastrocnemius", "triceps", "soleus"),
        "calve": ("calf", "gastrocnemius", "triceps", "soleus"),
        "glutes": ("glute",),
        "quads": ("quadriceps",),
        "quad": ("quadriceps",),
        "sci": ("sci", "spinal"),
        "ta": ("ta", "tibialis"),
        "thigh": ("thigh", "quadriceps", "hamstrings"),
        "buttock": ("buttock", "gluteus", "gluteals"),
        "vm": ("vm", "vastus"),
        "vmo": ("vmo", "vastus"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for; None and "" leave it open.

    Attributes:
        channels: fewest and most.
        words: each must begin a word of id, title, indication, goal, conditions or muscles.
    """

    condition: str = ""
    muscle: str = ""
    goal: str = ""
    basis: str = ""
    channels: tuple[int, int] | None = None
    words: str = ""


def parse_channels(text: str) -> tuple[int, int]:
    """`2` is exactly two, `1-4` one to four.

    Raises:
        UsageError: neither.
    """
    match = re.fullmatch(r"\s*([0-9]{1,2})\s*(?:-\s*([0-9]{1,2})\s*)?", text)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high:
        raise UsageError(f"--channels {quoted(text)}: a number from 1, or a range as 1-4")
    return low, high


def finds(protocol: Protocol | Shelved, query: Query) -> bool:
    """Whether `protocol` is one of those that are looked for."""
    if query.goal and protocol.goal != query.goal:
        return False
    if query.basis and protocol.basis != query.basis:
        return False
    if query.channels and not query.channels[0] <= len(protocol.channel) <= query.channels[1]:
        return False
    if query.condition and not has_words(_condition_words(protocol), query.condition):
        return False
    if query.muscle and not any(_has_muscle(channel, query.muscle) for channel in protocol.channel):
        return False
    return not query.words or has_words(all_words(protocol), query.words)


def _has_muscle(channel: Channel | ShelvedChannel, asked: str) -> bool:
    """By the vocabulary where it knows the word: a part finds its whole and the other way round; else by words."""
    try:
        meant = find(asked).muscle
    except ValueError:
        return has_words(_muscle_words(channel), asked)
    return bool({meant.id, *meant.counts_as} & {channel.muscle, *accounts(channel.muscle)}) or has_words(
        f"{channel.name} {channel.region}", asked
    )


def _muscle_words(channel: Channel | ShelvedChannel) -> str:
    entry = muscles()[channel.muscle]
    return " ".join((entry.id, entry.name, *entry.aliases, channel.name, str(channel.region)))


def _condition_words(protocol: Protocol | Shelved) -> str:
    also = (CONDITIONS.get(condition, "") for condition in protocol.conditions)
    return " ".join((*protocol.conditions, *also, protocol.id, protocol.title))


def all_words(protocol: Protocol | Shelved) -> str:
    """What a search looks into."""
    return " ".join(
        (
            _condition_words(protocol),
            protocol.goal,
            protocol.goal_note or "",
            protocol.indication,
            protocol.basis,
            *(_muscle_words(channel) for channel in protocol.channel),
        )
    )


def has_words(place: str, text: str) -> bool:
    """Each word of `text` (or what it stands for) begins a word of `place`."""
    known = _known_words(place)
    return all(
        any(word.startswith(meant) for word in known for meant in SAME.get(asked, (asked,))) for asked in _words(text)
    )


@functools.lru_cache(maxsize=512)
def _known_words(place: str) -> frozenset[str]:
    """Of a protocol's own text: a search as it is typed asks the same places at each letter."""
    return frozenset(_words(place))


def _words(text: str) -> Iterable[str]:
    return _WORD.findall(re.sub(r"['’]s?\b", "", text.lower()))
