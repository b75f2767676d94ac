"""`operators`: who may sign in at this station."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from estim.cli.output import home_of, print_json


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """Everything below `estim operators`."""
    actions = commands.add_parser("operators", help="who may sign in at this station").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    actions.add_parser("list", parents=[home], help="all operators")
    add = actions.add_parser("add", parents=[home], help="a new operator; the PIN is asked for")
    add.add_argument("id", help="pseudonym or initials, as typed at sign-in")
    add.add_argument("--name", required=True, help="printed name, for signatures")
    add.add_argument("--role", default="therapist", help="therapist, observer or auditor")
    for action, text in (("pin", "a new PIN, after the old one"), ("disable", "lets nobody in any more")):
        actions.add_parser(action, parents=[home], help=text).add_argument(
            "id", help="pseudonym or initials, as typed at sign-in"
        )


def listed(given: argparse.Namespace) -> int:
    """All operators, without their PINs."""
    from estim.records.operators import load_operators

    known = load_operators(home_of(given).operators).values()
    rows = [{"id": one.id, "name": one.name, "role": one.role, "active": one.active} for one in known]
    if given.json:
        print_json({"operators": rows})
        return 0
    for row in rows:
        print(f"{row['id']:14} {row['role']:10} {row['name']}{'' if row['active'] else '  (disabled)'}")
    if not rows:
        print("none: whoever signs in is who they say")
    return 0


def add(given: argparse.Namespace) -> int:
    """A new operator."""
    from estim.records.operators import Operator, hash_pin, load_operators, save_operator
    from estim.safety.errors import RecordError

    path = home_of(given).operators
    if given.id in load_operators(path):
        raise RecordError(f"operator {given.id}: known already")
    Operator(id=given.id, name=given.name, role=given.role, pin="$argon2id$")  # refused before a PIN is asked for
    save_operator(path, Operator(id=given.id, name=given.name, role=given.role, pin=hash_pin(_new_pin(given.id))))
    return 0


def pin(given: argparse.Namespace) -> int:
    """A new PIN."""
    from dataclasses import replace

    from estim.records.operators import fits, hash_pin, load_operators, save_operator
    from estim.safety.errors import RecordError

    path = home_of(given).operators
    known = load_operators(path).get(given.id)
    if known is None or not fits(known, _secret(f"Old PIN of {given.id}: ")):
        raise RecordError(f"operator {given.id}: this operator with this PIN is not known here")
    save_operator(path, replace(known, pin=hash_pin(_new_pin(given.id))))
    return 0


def disable(given: argparse.Namespace) -> int:
    """Lets nobody in any more; old signatures keep their name."""
    from estim.records.operators import deactivated, load_operators, save_operator
    from estim.safety.errors import RecordError

    path = home_of(given).operators
    known = load_operators(path).get(given.id)
    if known is None:
        raise RecordError(f"operator {given.id}: not known here")
    save_operator(path, deactivated(known))
    return 0


def _secret(text: str) -> str:
    """Typed unseen at a terminal; a line of standard input where there is none."""
    return getpass.getpass(text) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _new_pin(name: str) -> str:
    from estim.safety.errors import RecordError

    first = _secret(f"New PIN of {name}: ")
    if _secret("Once more: ") != first:
        raise RecordError("the two PINs differ")
    return first


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {"operators_list": listed, "operators_add": add, "operators_pin": pin, "operators_disable": disable}
)
