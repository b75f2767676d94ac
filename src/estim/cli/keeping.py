"""`records anchor|accept|clear|join|new-key`: what keeps a home whole, and who opens its doors again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from estim.cli.output import home_of, print_json
from estim.cli.secret import typed_unseen
from estim.platform.files import naming

if TYPE_CHECKING:
    from estim.records.home import Home


def anchor(given: argparse.Namespace) -> int:
    """One signed line for paper, mail or another machine."""
    from estim.records.anchor import make_anchor

    made = make_anchor(home_of(given).root)
    if given.json:
        print_json({"anchor": str(made), "utc": made.utc, "key": made.public_key})
    elif given.output:
        with naming(Path(given.output)), Path(given.output).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{made}\n")
    else:
        print(made)
    return 0


def accept(given: argparse.Namespace) -> int:
    """An administrator takes a register as it is."""
    from estim.records import beside, guard
    from estim.records.administrators import REGISTER, tell_again
    from estim.records.operators import load_operators

    home = home_of(given)
    who = who_is(home, given.operator, "accept", administrator=True)
    take = beside.take if beside.is_beside(home.root, given.register) else guard.accept
    take(home.root, given.register, operator=who, reason=given.reason)
    if given.register == REGISTER:
        tell_again(home.root, load_operators(home.operators), operator=who, reason=given.reason)
    return 0


def clear(given: argparse.Namespace) -> int:
    """A session of today that is gone, cut or changed no longer keeps its patient out."""
    from estim.records.station import enter_station

    home = home_of(given)
    who = who_is(home, given.operator, "clear")
    name = Path(given.session).name
    enter_station(home.root, "cleared", session=name, operator=who, reason=given.reason)
    return 0


def join(given: argparse.Namespace) -> int:
    """Two pseudonyms are one person: facts that tighten limits and the day's minutes count for both."""
    from estim.records.patients import load_patients, merge_patients
    from estim.records.pseudonym import normal, written
    from estim.records.station import enter_station

    home = home_of(given)
    who = who_is(home, given.operator, "join")
    known = load_patients(home.patients)
    wrong = given.wrong if given.wrong in known else written(given.wrong)
    right = given.right if given.right in known else written(given.right)
    if wrong in known and right in known and wrong != right:
        merge_patients(home.patients, wrong, right, operator=who, reason=given.reason)
    if normal(wrong) != normal(right):
        enter_station(home.root, "joined", patient=wrong, into=right, operator=who, reason=given.reason)
    return 0


def sign(given: argparse.Namespace) -> int:
    """A person's signature on a session that is sealed: a linked line, for the record itself takes none any more."""
    from estim.cli.past import session_folder
    from estim.records.folders import patient_of
    from estim.records.in_chain import at_home, in_its_chain
    from estim.records.operators import MEANINGS, load_operators
    from estim.records.personal import Cover
    from estim.records.reception import admit
    from estim.records.station import enter_station, trusted_keys
    from estim.records.verify import verify_session
    from estim.safety.errors import RecordError, UsageError

    home = home_of(given)
    if given.meaning not in MEANINGS:
        raise UsageError(f"--meaning {given.meaning}: {', '.join(MEANINGS)}")
    folder = session_folder(home, given.session)
    keys = trusted_keys(home.root)[0]
    verdict = in_its_chain(folder, at_home(verify_session(folder, keys=keys)), keys)
    if not verdict.ok:
        raise RecordError(f"{folder.name}: {verdict.reason}; only a sealed record that verifies can be signed")
    known = load_operators(home.operators)
    name, authenticated = "", False
    if known:
        pin = typed_unseen(f"PIN of {given.operator}: ")
        name = admit(home, known, given.operator, pin, MEANINGS[given.meaning], "sign").name
        authenticated = True
    said = given.reason  # practice concerns nobody and stays open
    if not verdict.simulated:
        said = Cover(home.root, patient_of(folder.name)).value(said, always=True)
    enter_station(
        home.root, "signed", session=folder.name, head=verdict.head, operator=given.operator, name=name,
        meaning=given.meaning, authenticated=authenticated, comment=said,
    )  # fmt: skip
    if given.json:
        print_json({"session": folder.name, "operator": given.operator, "meaning": given.meaning, "pin": authenticated})
        return 0
    claim = "" if authenticated else " (a claim: no PIN stood behind it)"
    print(f"{folder.name}: signed by {given.operator}, {given.meaning}{claim}")
    return 0


def new_key(given: argparse.Namespace) -> int:
    """A new key for a station whose old one is lost."""
    from estim.records.administrators import tell_again
    from estim.records.operators import load_operators
    from estim.records.station import new_key as make

    home = home_of(given)
    who = who_is(home, given.operator, "new-key", administrator=True)
    made = make(home.root, operator=who, reason=given.reason)
    tell_again(home.root, load_operators(home.operators), operator=who, reason=given.reason)
    if given.json:
        print_json({"key": str(made)})
    else:
        print(made)
    return 0


def who_is(home: Home, name: str, what: str, *, administrator: bool = False) -> str:
    """The operator, by PIN where this home has operators.

    Raises:
        RecordError: not let in.
    """
    from estim.records.administrators import must_answer
    from estim.records.operators import ROLES, load_operators
    from estim.records.reception import admit, is_administrator, open_operators
    from estim.safety.errors import RecordError

    try:
        known = load_operators(home.operators)
    except RecordError:
        if what != "accept":
            raise
        if must_answer(home.root):
            open_operators(home, name, typed_unseen(f"PIN of {name}: "))
        return name  # where the chain names no administrator, nobody's PIN can be asked, and the line says so
    if not known:
        return name
    found = admit(home, known, name, typed_unseen(f"PIN of {name}: "), tuple(ROLES), what)
    if administrator and not is_administrator(known, found):
        raise RecordError(f"operator {name}: an administrator is needed for this")
    return found.id
