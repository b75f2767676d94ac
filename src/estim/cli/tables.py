"""`limits`, `safety`, `devices`: what can be looked at and checked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from estim.cli.output import fitted, home_of, print_json


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
    head = f"{'rule':6}{'quantity':44}{'in force':>12} {'unit':8}{'absolute':>10}  {'layer':9}{'mark':11} source"
    print(fitted(head))
    for row in rows:
        word = "≤" if row["sense"] == "max" else "≥"
        line = (
            f"{row['rule']:6}{row['quantity']:44}{word}{row['in_force'] / row['scale']:>11g} {row['unit']:8}"
            f"{row['absolute'] / row['scale']:>10g}  {row['layer']:9}{row['mark']:11} {row['source']}"
        )
        print(fitted(line))
    if problem:
        print(fitted(problem))
    if warning:
        print(fitted(f"site file: {warning}"))
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
    from estim.drivers.discovery import list_devices, nothing_plugged

    rows = list_devices(probe=given.probe)
    _qualified(given, rows)
    if given.probe:
        _silent(rows)
    cure = "" if any(row["could_be"] for row in rows) else nothing_plugged()
    if given.json:
        print_json({"devices": rows, "cure": cure})
        return 0
    for row in rows:
        print("\n".join(_port_lines(row)))
    if cure:
        print(f"{cure}\nsim://p24 is always there")
    return 0


def _silent(rows: list[dict[str, Any]]) -> None:
    """What to look at where a port could be a stimulator's and nobody answered."""
    from estim.drivers.discovery import NOBODY_ANSWERS
    from estim.drivers.models import MODELS

    for row in rows:
        if not row["could_be"] or row["firmware"] or row["device_id"] or row["cure"]:
            continue
        unasked = [str(name) for name in row["could_be"] if not MODELS[str(name)].asked]
        row["cure"] = f"nobody answered: {NOBODY_ANSWERS}"
        if unasked:
            row["cure"] += f"; a {' or '.join(unasked)} is never asked: name it, --device {unasked[0]}:{row['address']}"


def _qualified(given: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """When each device that told who it is was last on a bench."""
    from estim.records.qualification import qualified_words

    root = home_of(given).root
    for row in rows:
        words = ""
        if row["firmware"] or row["device_id"]:  # it answered
            known = str(row["model"]), str(row["device_id"])
            words = qualified_words(root, *known, firmware=str(row["firmware"]), simulated=False) or "not qualified"
        row["qualified"] = words


def _port_lines(row: Mapping[str, Any]) -> list[str]:
    """A port as somebody in a clinic reads it: what it is, what to write, what to do where nothing is known."""
    models = [str(name) for name in row["could_be"]]
    if row["model"]:
        number = f", serial number {row['device_id']}" if row["device_id"] else ""
        if not number and row.get("usb_serial"):  # of the converter's chip, and not always that of the type plate
            number = f", USB serial number {row['usb_serial']}"
        lines = [f"{row['address']}: {row['model']}{number}"]
    elif models:
        which = " or ".join(models)
        lines = [f"{row['address']}: could be a {which}; name it: --device {models[0]}:{row['address']}"]
    else:
        lines = [f"{row['address']}: no stimulator that estim knows ({row['description'] or 'no USB id'})"]
    lines += [
        f"    {name.replace('_', ' ')}: {row[name]}"
        for name in ("firmware", "qualified", "intended_use", "note")
        if row.get(name)
    ]
    if row.get("lasting") and models:
        model = row["model"] or models[0]
        lines.append(f"    always the same, whatever the socket: --device {model}:{row['lasting']}")
    if row.get("cure"):
        lines.append(f"    do: {row['cure']}")
    return lines
