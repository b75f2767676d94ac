"""`limits`, `devices`, `records`: what can be looked at and checked."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from estim.cli.output import EXIT_REFUSED, home_of, print_json


def limits(given: argparse.Namespace) -> int:
    """The table in force."""
    from estim.controller.site import limits_in_force

    table = limits_in_force(home_of(given), site_file=Path(given.site) if given.site else None)
    rows = table.to_json()
    if given.json:
        print_json({"limits": rows})
        return 0
    print(f"{'rule':6}{'quantity':44}{'in force':>12} {'unit':8}{'absolute':>10}  {'layer':9}{'mark':11} source")
    for row in rows:
        word = "≤" if row["sense"] == "max" else "≥"
        print(
            f"{row['rule']:6}{row['quantity']:44}{word}{row['in_force'] / row['scale']:>11g} {row['unit']:8}"
            f"{row['absolute'] / row['scale']:>10g}  {row['layer']:9}{row['mark']:11} {row['source']}"
        )
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


def records_list(given: argparse.Namespace) -> int:
    """All sessions of this home."""
    from estim.records.verify_home import verify_home

    rows = [verdict.to_json() for verdict in verify_home(home_of(given).root)]
    if given.json:
        print_json({"sessions": rows})
    else:
        for row in rows:
            print(
                f"{'ok ' if row['ok'] else 'BAD'} {row['ending']:10} {row['outcome']:10} {row['records']:6} "
                f"{row['path']}"
            )
    return 0


def records_show(given: argparse.Namespace) -> int:
    """One session's lines."""
    from estim.records.segment import segments
    from estim.safety.errors import RecordError

    found = segments(Path(given.path))
    if not found:
        raise RecordError(f"{given.path}: there is no record.jsonl")
    entries = [json.loads(line) for path in found for line in path.read_bytes().splitlines() if line.endswith(b"}")]
    if given.json:
        print_json({"path": given.path, "lines": entries})
    else:
        for entry in entries:
            said = json.dumps(entry["fields"], ensure_ascii=False)
            print(f"{entry['n']:6} {entry['t_us'] / 1e6:10.3f} s {entry['kind']:12} {said[:160]}")
    return 0


def records_verify(given: argparse.Namespace) -> int:
    """0 only for records that were closed in order or honestly taken over."""
    from estim.records.keys import known_keys
    from estim.records.verify_home import verify_folder, verify_home

    home = home_of(given)
    keys = {hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]: key for key in given.key} or known_keys(home.root)
    if given.path:
        verdicts = [verdict for path in given.path for verdict in verify_folder(Path(path), keys=keys)]
    else:
        verdicts = verify_home(home.root)
    ok = bool(verdicts) and all(verdict.ok for verdict in verdicts)
    if given.json:
        print_json({"ok": ok, "sessions": [verdict.to_json() for verdict in verdicts]})
    else:
        for verdict in verdicts:
            bad = "" if verdict.first_bad is None else f", first bad record {verdict.first_bad}"
            state = "verified" if verdict.ok else "NOT VERIFIED"
            reason = f": {verdict.reason}" if verdict.reason else ""
            print(f"{verdict.path}: {state}, {verdict.records} records, {verdict.ending}{bad}{reason}")
        if not verdicts:
            print("no record found")
    return 0 if ok else EXIT_REFUSED
