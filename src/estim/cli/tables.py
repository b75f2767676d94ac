"""`limits`, `safety`, `devices`: what can be looked at and checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from estim.cli.output import home_of, print_json


def limits(given: argparse.Namespace) -> int:
    """The table in force."""
    from estim.records.site import limits_in_force, site_problem, site_warning

    table = limits_in_force(home_of(given), site_file=Path(given.site) if given.site else None)
    rows = table.to_json()
    problem = "" if given.site else site_problem(home_of(given))
    warning = "" if given.site else site_warning(home_of(given))
    if given.json:
        print_json({"limits": rows, "site_problem": problem, "site_warning": warning})
        return 0
    print(f"{'rule':6}{'quantity':44}{'in force':>12} {'unit':8}{'absolute':>10}  {'layer':9}{'mark':11} source")
    for row in rows:
        word = "≤" if row["sense"] == "max" else "≥"
        print(
            f"{row['rule']:6}{row['quantity']:44}{word}{row['in_force'] / row['scale']:>11g} {row['unit']:8}"
            f"{row['absolute'] / row['scale']:>10g}  {row['layer']:9}{row['mark']:11} {row['source']}"
        )
    if problem:
        print(problem)
    if warning:
        print(f"site file: {warning}")
    return 0


def safety(given: argparse.Namespace) -> int:
    """SAFETY.md as it is in this very version: beside the code in a wheel, above it in a checkout."""
    from estim.version import ROOT, version

    places = (Path(__file__).parents[1] / "SAFETY.md", ROOT / "SAFETY.md")
    text = next(path for path in places if path.is_file()).read_text(encoding="utf-8")
    if given.json:
        print_json({"version": version(), "text": text})
    else:
        print(f"estim {version()}\n\n{text}", end="")
    return 0


def devices(given: argparse.Namespace) -> int:
    """Ports, and what could be there."""
    from estim.drivers.discovery import list_devices

    rows = list_devices(probe=given.probe)
    if given.json:
        print_json({"devices": rows})
    elif not rows:
        print("no serial port; sim://p24 is always there")
    else:
        for row in rows:
            print("  ".join(str(value) for value in row.values() if value))
    return 0
