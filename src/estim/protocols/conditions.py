"""The conditions that protocols, plans and exercises are for: one name each, and what else people call it. Pure.

A plan's condition chooses the published change that counts, so one that nobody knows is refused there; a protocol's is
what it is searched by, so an author's own word stays and is said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from estim.safety.errors import Problem, quoted

# The name in files → what it is called as well.
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "ankle-sprain": "ankle instability",
        "athletes": "athlete sport sports training",
        "balance-older": "balance and falls older adults elderly ageing aging fall prevention",
        "bladder": "",
        "cardiorespiratory": "copd heart failure chf lung cardiac",
        "carpal-tunnel-rsi": "carpal tunnel repetitive strain injury cts",
        "cerebral-palsy": "cp",
        "chronic-pain": "",
        "critical-illness": "intensive care icu",
        "fracture-disuse": "immobilisation immobilization cast atrophy",
        "gait": "walking foot drop",
        "hand": "",
        "hip": "",
        "joint-stiffness": "",
        "knee-osteoarthritis": "",
        "knee-replacement": "tka tkr arthroplasty",
        "ligament-repair": "acl anterior cruciate reconstruction",
        "low-back-pain": "chronic lbp",
        "multiple-sclerosis": "ms",
        "muscle-weakness": "",
        "neck-pain": "cervical",
        "parkinsons": "parkinson parkinson's disease pd",
        "patellofemoral": "",
        "post-surgery": "surgery postoperative operation",
        "posture": "",
        "shoulder": "",
        "spasticity": "",
        "spinal-cord-injury": "",
        "stroke": "hemiplegia hemiparesis cva",
    }
)
OTHER = re.compile(r"other(-[a-z0-9]+)+")  # a condition that the library has nothing for, in a site's own word


def known(condition: str) -> bool:
    """One of the vocabulary, or `other-` and a site's own word."""
    return condition in CONDITIONS or OTHER.fullmatch(condition) is not None


def nearest(condition: str) -> tuple[str, ...]:
    """The three that it is most like, by name or by what they are called as well."""
    asked = condition.casefold()
    called = {name: name for name in CONDITIONS} | {
        word: name for name, also in CONDITIONS.items() for word in also.split() if len(word) > 1 and word != "and"
    }
    near = difflib.get_close_matches(asked, called, n=12, cutoff=0.0)
    return tuple(dict.fromkeys(called[word] for word in near))[:3]


def unknown_words(condition: str) -> str:
    """Why it is none, and which are near."""
    return (
        f"{quoted(condition)} is no condition of the vocabulary; near: {', '.join(nearest(condition))}; "
        "one that is not there is written other-NAME"
    )


def check_conditions(conditions: Sequence[str]) -> list[Problem]:
    """Of a protocol: a word of its author's own is said."""
    return [
        Problem(
            severity="info", key=f"conditions[{n}]", message=unknown_words(name), asked=name, rule="condition",
            allowed=", ".join(nearest(name)),
        )
        for n, name in enumerate(conditions)
        if not known(name)
    ]  # fmt: skip
