"""What the library's sources are, in the same fields each, and whether a citation was found so again. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from estim.protocols.schema_course import Evidence

# `confirmed` → what a reader is told.
CONFIRMED: Mapping[str, str] = MappingProxyType(
    {
        "whole": "citation confirmed",
        "partly": "the paper is confirmed, not its whole citation",
        "no": "citation not confirmed",
    }
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_FIRST = re.compile(r" [A-Z]{1,4}(?:[ ,.]|$)|\. |, | (?=\d{4};)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source; "" where it has no such thing, or nobody has found it.

    Attributes:
        key: DOI, address, or first author and year.
        journal: or `guideline`, `web page`.
        confirmed: whole | partly | no.
    """

    key: str
    authors: str
    journal: str
    year: str
    volume: str
    pages: str
    confirmed: str


@cache
def sources() -> Mapping[str, Source]:
    """All sources of the library by key."""
    text = resources.files("estim.protocols").joinpath("sources.toml").read_text(encoding="utf-8")
    return MappingProxyType({row["key"]: Source(**row) for row in tomllib.loads(text)["source"]})


def key_of(item: Evidence) -> str:
    """By what a citation is found: its DOI, its address, or first author and year."""
    year = _YEAR.search(item.citation)
    return item.doi or item.url or f"{_FIRST.split(item.citation)[0]} {year[0] if year else ''}".strip()


def confirmed(item: Evidence) -> str:
    """`whole`, `partly` or `no`; a file of one's own cites what nobody here has looked up."""
    found = sources().get(key_of(item))
    return found.confirmed if found is not None else "no"
