"""`protocols list`: which there are, and which of them fit what is looked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from estim.cli.output import fitted, home_of, model_of, print_json

if TYPE_CHECKING:
    from estim.protocols.schema import Protocol
    from estim.protocols.search import Query
    from estim.protocols.shelf import Shelved
    from estim.records.home import Home


def listed(given: argparse.Namespace) -> int:
    """Those protocols that are looked for."""
    from estim.protocols.muscles import why_not
    from estim.protocols.search import Query, parse_channels

    home = home_of(given)
    model = model_of(given.runnable_on, "--runnable-on") if given.runnable_on else ""
    query = Query(
        condition=given.condition,
        muscle=given.muscle,
        goal=given.goal,
        basis=given.basis,
        channels=parse_channels(given.channels) if given.channels else None,
        words=" ".join(given.words),
    )
    rows, broken = _found(query, home, model)
    refusal = next(
        (found for text in (given.condition, given.muscle, query.words) if text and (found := why_not(text))), None
    )
    if given.json:
        why = {"not_treated": refusal.sentence()} if refusal is not None else {}
        print_json({"protocols": rows, "broken": broken} | why)
        return 0
    for row in rows:
        mark = "*" if row["own"] else " " if row["runnable"] else "-"
        line = f"{mark} {row['id']:46} {row['goal']:13} {row['basis']:15} {row['channels']} ch  {row['title']}"
        print(fitted(line))
    for bad in broken:
        print(f"! {bad['file']}: {bad['problems'][0]['message']} (`estim protocols check` says all)")
    print(_count(rows))
    if given.condition and not rows and refusal is None:
        print(_conditions(given.condition, home))
    if refusal is not None:
        print(refusal.sentence())
    return 0


def _conditions(asked: str, home: Home) -> str:
    """Where nothing was found: whether anything is for such a condition, and which ones there are."""
    from estim.protocols.search import Query
    from estim.safety.errors import quoted

    if _found(Query(condition=asked), home, "")[0]:
        return f"some are for {quoted(asked)}, but not with the rest of what was asked for"
    there = sorted({name for row in _found(Query(), home, "")[0] for name in row["conditions"]})
    return f"none is for {quoted(asked)}; there are some for: {', '.join(there)}"


def _found(query: Query, home: Home, model: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows that were looked for, and files that are no protocols.

    Where nobody asks for a device's grid and the home has no files of its own, the library's index is enough.
    """
    from estim.protocols.search import finds
    from estim.protocols.shelf import shelf

    if not model and not any(home.protocols.glob("*.toml")) and (shelved := shelf()) is not None:
        return [_row(protocol, own=False) for protocol in shelved if finds(protocol, query)], []
    from estim.desk.checking import plays_on
    from estim.protocols.catalogue import entries
    from estim.records.site import limits_in_force

    limits = limits_in_force(home) if model else None
    rows: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    for entry in entries(home.protocols):
        if entry.protocol is None:
            broken.append({"file": str(entry.path), "problems": [problem.to_json() for problem in entry.problems]})
            continue
        if not finds(entry.protocol, query):
            continue
        row = _row(entry.protocol, own=entry.own)
        if limits is not None:
            playing = plays_on(entry.protocol, limits, model=model)
            if playing.verdict not in {"exact", "rounded"}:
                continue
            row["plays"] = playing.verdict
        rows.append(row)
    return rows, broken


def _row(protocol: Protocol | Shelved, *, own: bool) -> dict[str, Any]:
    return {
        "id": protocol.id,
        "title": protocol.title,
        "goal": protocol.goal,
        "conditions": list(protocol.conditions),
        "muscles": list(dict.fromkeys(channel.muscle for channel in protocol.channel)),
        "basis": protocol.basis,
        "channels": len(protocol.channel),
        "runnable": protocol.runnable,
        "not_runnable_because": protocol.not_runnable_because,
        "own": own,
    }


def _count(rows: list[dict[str, Any]]) -> str:
    marks = []
    if any(row["own"] for row in rows):
        marks.append("* your own")
    if any(not row["runnable"] for row in rows):
        marks.append("- shown, not runnable")
    head = f"{len(rows)} protocol{'' if len(rows) == 1 else 's'}" if rows else "no protocol is like that"
    return head + (f" ({'; '.join(marks)})" if marks else "")
