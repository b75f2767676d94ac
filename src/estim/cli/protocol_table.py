"""`estim protocols table`: which device plays which protocol, and how."""

from __future__ import annotations

import argparse
from typing import Any

from estim.cli.output import home_of, print_json


def table(given: argparse.Namespace) -> int:
    """Which device plays which protocol, and how."""
    from estim.desk.checking import plays_on
    from estim.drivers.models import MODELS
    from estim.protocols.catalogue import entries, find
    from estim.protocols.loader import load
    from estim.records.site import limits_in_force

    home = home_of(given)
    limits = limits_in_force(home)
    if given.protocols:
        chosen = [load(find(name, own=home.protocols)) for name in given.protocols]
    else:
        chosen = [entry.protocol for entry in entries(home.protocols) if entry.protocol is not None]
    rows = [
        {"id": protocol.id} | {"devices": {name: plays_on(protocol, limits, model=name).to_json() for name in MODELS}}
        for protocol in chosen
    ]
    if given.json:
        print_json({"protocols": rows})
        return 0
    print(f"{'protocol':48}" + "".join(f"{name:13}" for name in MODELS))
    for row in rows:
        devices: Any = row["devices"]
        print(f"{row['id']:48}" + "".join(f"{devices[name]['verdict']:13}" for name in MODELS))
        for words, names in _same_reasons(devices).items():
            print(f"    {', '.join(names)}: {words}")
    return 0


def _same_reasons(devices: dict[str, Any]) -> dict[str, list[str]]:
    """Reason → the devices that have it, so that each is printed once."""
    found: dict[str, list[str]] = {}
    for name, playing in devices.items():
        for reason in playing["reasons"]:
            found.setdefault(reason, []).append(name)
    return found
