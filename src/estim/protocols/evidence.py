"""What stands behind each number of a protocol, and what would change it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from estim.protocols.describe import dose_words, step_words
from estim.protocols.schema import Protocol
from estim.protocols.schema_course import Evidence, Sourced
from estim.protocols.sources import confirmed

CHANGES = {
    "read": "a larger or newer trial, a correction of this source",
    "recalled": "somebody who reads the number in a source and writes down where",
    "convention": "a published value, or this site's own measurements",
    "derived": "a change of the fields that it is computed from",
    "not-stated": "a source that states it",
}


def locator(item: Evidence) -> str:
    """Where a source is found."""
    return f"doi:{item.doi}" if item.doi else item.url or ""


def values(protocol: Protocol, key: str) -> list[str]:
    """What the file holds under a key of `[provenance]`, with the phase or channel it stands in."""
    *place, field = key.split(".")
    if place and place[0] == "phase":
        named = [phase for phase in protocol.phase if phase.name == ".".join(place[1:])]
        return list(_of(named, field))
    if place and place[0] == "trigger":
        return list(_of([phase.trigger for phase in protocol.phase if phase.trigger is not None], field))
    if field == "dose":
        return [dose_words(protocol.dose)]
    if field == "progression":
        return [step_words(step) for step in protocol.progression]
    found = [*_of(protocol.phase, field), *_of(protocol.channel, field), *_of(protocol.electrode, field)]
    return list(dict.fromkeys(found)) or list(_of([protocol], field))


def _of(holders: Any, field: str) -> Iterator[str]:
    for holder in holders:
        value = getattr(holder, field, None)
        if value is not None and not hasattr(value, "model_dump"):
            yield ", ".join(f"{each:g}" for each in value) if _numbers(value) else _plain(value)


def _numbers(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, int | float) for each in value)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def rows(protocol: Protocol) -> list[dict[str, Any]]:
    """One row a key of `[provenance]`: values, mark, source, place, and what would change it."""
    return [_row(protocol, key, sourced) for key, sourced in protocol.marks.items()]


def _row(protocol: Protocol, key: str, sourced: Sourced) -> dict[str, Any]:
    source = protocol.evidence[sourced.source - 1] if sourced.source is not None else None
    return {
        "key": key,
        "values": values(protocol, key),
        "mark": sourced.mark,
        "source": sourced.source,
        "citation": source.citation if source is not None else "",
        "where": sourced.where or "",
        "would_change_it": CHANGES[sourced.mark],
    }


def sources(protocol: Protocol) -> list[dict[str, Any]]:
    """The sources, numbered, each with what it found and whether it speaks for or against."""
    return [
        {
            "number": number,
            "citation": item.citation,
            "locator": locator(item),
            "kind": item.kind or "",
            "stance": item.stance or "",
            "effect": item.effect or "",
            "confirmed": confirmed(item),
        }
        for number, item in enumerate(protocol.evidence, start=1)
    ]
