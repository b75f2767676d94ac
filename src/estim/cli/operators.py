"""`operators`: who may sign in at this station."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from estim.cli.output import days, home_of, print_json
from estim.cli.secret import typed_unseen

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.operators import Operator


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """Everything below `estim operators`."""
    actions = commands.add_parser("operators").add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[home], help="all operators")
    actions.add_parser("practice", parents=[home], help="which practice objectives each operator has met, and when")
    add = actions.add_parser("add", parents=[home], help="a new operator; the PIN is asked for")
    add.add_argument("id", help="pseudonym or initials, as typed at sign-in")
    add.add_argument("--name", required=True, help="printed name, for signatures")
    add.add_argument("--role", default="therapist", help="therapist, observer or auditor")
    add.add_argument("--administrator", action="store_true", help="may change operators; the first one always may")
    pin = actions.add_parser(
        "pin", parents=[home], help="a new PIN, after the old one, or with --by after an administrator's"
    )
    disable = actions.add_parser("disable", parents=[home], help="lets nobody in any more")
    for one in (pin, disable):
        one.add_argument("id", help="who")
    aged = actions.add_parser("age", parents=[home], help="after how many days a PIN must be changed")
    aged.add_argument("days", type=days, help="0: never")
    for one in (add, pin, disable, aged):
        one.add_argument("--by", default="", metavar="ID", help="the administrator who does it, whose PIN is asked for")
        one.add_argument("--reason", default="", metavar="TEXT", help="why, for the station's chain")


def listed(given: argparse.Namespace) -> int:
    """All operators, without their PINs."""
    from estim.records.operators import load_operators

    known = load_operators(home_of(given).operators).values()
    rows = [_row(one) for one in known]
    if given.json:
        print_json({"operators": rows})
        return 0
    for row in rows:
        said = ("  (administrator)" if row["administrator"] else "") + ("" if row["active"] else "  (disabled)")
        print(f"{row['id']:14} {row['role']:10} {row['name']}{said}")
    if not rows:
        print("none: whoever signs in is who they say")
    return 0


def _row(one: Operator) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "role": one.role, "active": one.active, "administrator": one.administrator}


def _changed(given: argparse.Namespace, one: Operator, words: str) -> int:
    """What was done is said: who sees nothing does it again."""
    if given.json:
        print_json(_row(one))
    else:
        print(f"{one.id} ({one.name}) {words}")
    return 0


def practice(given: argparse.Namespace) -> int:
    """Which objectives of practice each operator has met, for whoever leads them."""
    from estim.records.training import OBJECTIVES, met

    found = met(home_of(given))
    if given.json:
        print_json({"objectives": list(OBJECTIVES), "operators": {who: dict(done) for who, done in found.items()}})
        return 0
    for who, done in sorted(found.items()):
        open_ones = [one for one in OBJECTIVES if one not in done]
        print(f"{who:14} {len(done)} of {len(OBJECTIVES)}" + (f"   open: {', '.join(open_ones)}" if open_ones else ""))
        for one in OBJECTIVES:
            if one in done:
                print(f"  {done[one]}  {one}")
    if not found:
        print("nobody has met one yet: `estim console --device sim://p24`, F3")
    return 0


def add(given: argparse.Namespace) -> int:
    """A new operator."""
    from dataclasses import replace

    from estim.records.operators import Operator, hash_pin, load_operators, save_operator
    from estim.records.pseudonym import is_whole_name
    from estim.safety.errors import RecordError

    home = home_of(given)
    known = load_operators(home.operators)
    if given.id in known:
        raise RecordError(f"operator {given.id}: known already")
    if is_whole_name(given.id):
        raise RecordError(f"operator {given.id}: initials or a pseudonym, as PT1; --name takes the whole name")
    first = not known
    made = Operator(
        id=given.id, name=given.name, role=given.role, pin="$argon2id$", administrator=given.administrator or first
    )  # refused before a PIN is asked for
    by = _by(home, given, known) or given.id
    made = replace(made, pin=hash_pin(_new_pin(given.id)), pin_set=_today())
    save_operator(home.operators, made, by=by, reason=given.reason)
    if first:
        return _changed(given, made, "is the first operator here, and its administrator")
    return _changed(
        given, made, f"may sign in as {made.role}{' and is an administrator' if made.administrator else ''}"
    )


def pin(given: argparse.Namespace) -> int:
    """A new PIN."""
    from dataclasses import replace

    from estim.records.operators import ROLES, hash_pin, load_operators, save_operator
    from estim.records.reception import admit
    from estim.safety.errors import RecordError

    home = home_of(given)
    known = load_operators(home.operators)
    if given.by:  # a forgotten one: an administrator lets it be set anew
        by = _by(home, given, known)
        if given.id not in known:
            raise RecordError(f"operator {given.id}: not known here")
    else:
        by = admit(home, known, given.id, typed_unseen(f"Old PIN of {given.id}: "), tuple(ROLES), "pin").id
    changed = replace(known[given.id], pin=hash_pin(_new_pin(given.id)), pin_set=_today())
    save_operator(home.operators, changed, by=by, reason=given.reason or "a new PIN")
    return _changed(given, changed, "has a new PIN")


def age(given: argparse.Namespace) -> int:
    """After how many days a PIN must be changed: the site's own rule."""
    from estim.records.operators import load_operators
    from estim.records.reception import PIN_DAYS, PIN_DAYS_MAX
    from estim.records.station import enter_station
    from estim.safety.errors import UsageError

    home = home_of(given)
    if not 0 <= given.days <= PIN_DAYS_MAX:
        raise UsageError(f"days {given.days}: 0 (never) to {PIN_DAYS_MAX}")
    by = _by(home, given, load_operators(home.operators))
    enter_station(home.root, "rule", what=PIN_DAYS, value=given.days, operator=by, reason=given.reason)
    if given.json:
        print_json({"what": PIN_DAYS, "value": given.days, "operator": by})
        return 0
    print(f"PINs are changed every {given.days} days from now on" if given.days else "PINs do not age")
    return 0


def _today() -> str:
    import datetime

    return datetime.datetime.now().astimezone().date().isoformat()


def disable(given: argparse.Namespace) -> int:
    """Lets nobody in any more; old signatures keep their name."""
    from estim.records.operators import deactivated, load_operators, save_operator
    from estim.safety.errors import RecordError

    home = home_of(given)
    known = load_operators(home.operators)
    if given.id not in known:
        raise RecordError(f"operator {given.id}: not known here")
    by = _by(home, given, known)
    gone = deactivated(known[given.id])
    save_operator(home.operators, gone, by=by, reason=given.reason)
    return _changed(given, gone, "can't sign in any more; what was signed before keeps its name")


def administrator(home: Home, given: argparse.Namespace) -> str:
    """Who asks, as `_by`, for commands of other files.

    Raises:
        RecordError: not let in, or no administrator.
    """
    from estim.records.operators import load_operators

    return _by(home, given, load_operators(home.operators))


def _by(home: Home, given: argparse.Namespace, known: Mapping[str, Operator]) -> str:
    """Who changes the register: an administrator by PIN; nobody where there is no operator yet.

    Raises:
        RecordError: not let in, or no administrator.
    """
    from estim.records.operators import ROLES
    from estim.records.reception import admit, is_administrator
    from estim.safety.errors import RecordError

    if not known:
        return ""
    may = [one.id for one in known.values() if one.active and is_administrator(known, one)]
    name = given.by or (may[0] if len(may) == 1 else "")
    if not name:
        raise RecordError(f"--by ID: an administrator is needed for this: {', '.join(may)}")
    found = admit(home, known, name, typed_unseen(f"PIN of {name}: "), tuple(ROLES), given.action)
    if not is_administrator(known, found):
        raise RecordError(f"operator {name}: an administrator is needed for this: {', '.join(may)}")
    return found.id


def _new_pin(name: str) -> str:
    from estim.safety.errors import RecordError

    first = typed_unseen(f"New PIN of {name}: ")
    if typed_unseen("Once more: ") != first:
        raise RecordError("the two PINs differ")
    return first


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {
        "operators_list": listed,
        "operators_practice": practice,
        "operators_add": add,
        "operators_pin": pin,
        "operators_disable": disable,
        "operators_age": age,
    }
)
