"""`estim protocols evidence`: what stands behind each number, and what would change it."""

from __future__ import annotations

import argparse
import textwrap

from estim.cli.output import home_of, print_json

WIDTH = 100


def evidence(given: argparse.Namespace) -> int:
    """One protocol's numbers with their marks and places, then its sources."""
    from estim.protocols.catalogue import find
    from estim.protocols.evidence import rows, sources
    from estim.protocols.loader import load
    from estim.protocols.sources import CONFIRMED

    protocol = load(find(given.protocol, own=home_of(given).protocols))
    numbers, named = rows(protocol), sources(protocol)
    if given.json:
        print_json({"protocol": protocol.id, "basis": protocol.basis, "numbers": numbers, "sources": named})
        return 0
    print(f"{protocol.title} ({protocol.id} {protocol.version}), basis: {protocol.basis}")
    for row in numbers:
        source = f", source {row['source']}" if row["source"] else ""
        where = f", {row['where']}" if row["where"] else ""
        head = f"  {row['key']} = {'; '.join(row['values']) or '-'}: {row['mark']}{source}{where}"
        print("\n".join(textwrap.wrap(head, WIDTH, break_on_hyphens=False, subsequent_indent=" " * 6)))
        print(f"      would change it: {row['would_change_it']}")
    for item in named:
        stance = f" [{item['stance']}]" if item["stance"] else ""
        mark = CONFIRMED[item["confirmed"]]
        words = f"  {item['number']}. {item['citation']}. {item['locator']}{stance} ({mark}) {item['effect']}".rstrip()
        print("\n".join(textwrap.wrap(words, WIDTH, break_on_hyphens=False, subsequent_indent=" " * 5)))
    return 0
