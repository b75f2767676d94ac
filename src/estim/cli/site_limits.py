"""`estim limits propose|sign|show|key|install`: the site's own limits, opened by two people until a day."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.output import home_of, print_json
from estim.cli.secret import typed_unseen
from estim.platform.files import make_new, put_whole, trouble
from estim.platform.terminals import somebody_sits_at
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.keys import Signer


def add_parsers(limits: argparse.ArgumentParser, home: argparse.ArgumentParser) -> None:
    """The actions below `estim limits`; without one the table in force is printed."""
    actions = limits.add_subparsers(dest="action", metavar="ACTION")
    propose = actions.add_parser("propose", parents=[home], help="an unsigned site file: ready ones, or of your own")
    propose.add_argument("proposal", nargs="?", default="", metavar="ID", help="a ready proposal; none: lists them")
    propose.add_argument(
        "--set", action="append", default=[], metavar="KEY=NUMBER", help="a limit, as in `limits --json`"
    )
    propose.add_argument("--reason", default="", help="why; a ready proposal brings its own")
    propose.add_argument("--source", default="", help="what it rests on")
    propose.add_argument("--asked-by", default="", metavar="NAME", help="who asks")
    propose.add_argument("--responsible", default="", metavar="NAME", help="who answers for it")
    propose.add_argument("--until", default="", metavar="YYYY-MM-DD", help="last day on which it holds")
    propose.add_argument("-o", "--output", default="", metavar="FILE", help="where the proposal is written")
    key = actions.add_parser("key", parents=[home], help="a lead's own signing key; its passphrase is asked for")
    key.add_argument("name", metavar="NAME", help="printed name of the lead")
    key.add_argument("-o", "--output", required=True, metavar="FILE", help="the private key, kept by the lead alone")
    key.add_argument("--by", default="", metavar="ID", help="the administrator who admits this lead")
    sign = actions.add_parser("sign", parents=[home], help="one lead's signature; two different leads are needed")
    sign.add_argument("file", metavar="FILE", help="the site file")
    sign.add_argument("--key", required=True, metavar="FILE", help="the lead's private key")
    install = actions.add_parser("install", parents=[home], help="put a file with two signatures in force")
    install.add_argument("file", metavar="FILE", help="the signed site file")
    install.add_argument("--by", default="", metavar="ID", help="the operator who installs it; the PIN is asked")
    show = actions.add_parser("show", parents=[home], help="the site's file: what moves, why, who signed, until when")
    show.add_argument("file", nargs="?", default="", metavar="FILE", help="another one than the installed")


def propose(given: argparse.Namespace) -> int:
    """An unsigned file, or the list of ready ones. At a terminal what is missing is asked for."""
    from estim.cli.site_wizard import Stopped, Wanted, Wizard
    from estim.records.site import proposal, proposals
    from estim.safety.errors import UsageError

    ready, today = proposals(), datetime.date.today()
    a_person = not given.json and somebody_sits_at(sys.stdin) and somebody_sits_at(sys.stdout)
    if not given.proposal and not given.set:
        _listed(given, ready)
        if not a_person:
            return 0
    if given.proposal and given.proposal not in ready:
        raise UsageError(f"{quoted(given.proposal)}: one of {', '.join(ready)}")
    based: dict[str, Any] = ready.get(given.proposal, {})
    words = {
        "reason": given.reason or str(based.get("reason", "")),
        "source": given.source or str(based.get("source", "")),
        "asked_by": given.asked_by,
        "responsible": given.responsible,
    }
    values = dict(based.get("limits", {})) | _values(given.set)
    wanted = Wanted(values=values, words=words, until=given.until, file=given.output)
    wizard = Wizard(input, print, ready, today)
    asked = a_person and not (values and all(words.values()) and given.until and given.output)
    try:
        if asked:
            wizard.fill(wanted)
        if not wanted.file:
            raise UsageError("-o FILE: where is the proposal written?")
        text = proposal(wanted.values, **wanted.words, today=today.isoformat(), until=wanted.until)
        if asked and not wizard.agreed(text, wanted.file):
            raise Stopped
    except Stopped:
        print("nothing was written")
        return 0
    _write(Path(wanted.file), text.encode())
    if given.json:
        print_json({"file": wanted.file, "limits": wanted.values, "signatures": 0})
    else:
        print(f"{wanted.file}: signed by nobody yet; two leads sign it: estim limits sign {wanted.file} --key FILE")
    return 0


def _listed(given: argparse.Namespace, ready: dict[str, dict[str, Any]]) -> int:
    if given.json:
        print_json({"proposals": [{"id": name} | row for name, row in ready.items()]})
        return 0
    for name, row in ready.items():
        moved = ", ".join(f"{key} = {value}" for key, value in row["limits"].items())
        print(f"{name:20} {row['title']} ({moved})")
    return 0


def _values(words: list[str]) -> dict[str, int]:
    from estim.safety.errors import UsageError
    from estim.safety.units import is_whole

    found = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not is_whole(text):
            raise UsageError(
                f"--set {quoted(word)}: KEY=NUMBER, a whole number in the unit of the key, in digits alone"
            )
        found[key] = int(text)
    return found


def key(given: argparse.Namespace) -> int:
    """A lead's key, and its public half in this home."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    from estim.cli.operators import administrator
    from estim.records.keys import Signer
    from estim.records.operators import PIN_MIN
    from estim.records.site import add_lead
    from estim.safety.errors import UsageError

    home = home_of(given)
    by = administrator(home, given)
    anyone = "" if by else _without_door(home)
    phrase = typed_unseen(f"Passphrase for the key of {given.name}: ")
    if len(phrase) < PIN_MIN:
        raise UsageError(f"passphrase: at least {PIN_MIN} characters")
    if somebody_sits_at(sys.stdin) and typed_unseen("Once more: ") != phrase:  # a slip of the finger could never sign
        raise UsageError("the two passphrases differ: nothing was made")
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(phrase.encode()))
    try:
        make_new(Path(given.output), pem)
    except OSError as error:
        raise UsageError(f"{given.output}: {trouble(error)}") from None
    add_lead(home, given.name, Signer(private), operator=by)
    if given.json:
        made = {"file": given.output, "public_key": Signer(private).public_hex, "name": given.name}
        print_json(made | {"warning": anyone})
    else:
        print(f"{given.output}: the key of {given.name}; keep it where no one else reads")
        if anyone:
            print(anyone)
    return 0


def _without_door(home: Home) -> str:
    """What must be said of a lead whom nobody admitted: this home has no operators yet.

    Raises:
        UsageError: it has a lead already; two keys from one unknown hand are one person's signature.
    """
    from estim.records.site import leads
    from estim.safety.errors import UsageError

    first = "the first operator is its administrator: `estim operators add ID --name NAME`"
    if leads(home):
        raise UsageError(
            f"this home has a lead and no operators: an administrator must admit the second, or one person could sign "
            f"twice; {first}, then `estim limits key` again with --by ID"
        )
    return f"nobody admitted this lead: without operators anyone here could have made this key; {first}"


def sign(given: argparse.Namespace) -> int:
    """One signature more."""
    from estim.records.site import sign as signed

    path = Path(given.file)
    data = signed(_read(path), _signer(given.key))
    _write(path, data)
    number = data.count(b"\n# signature: ")
    if given.json:
        print_json({"file": given.file, "signatures": number})
    else:
        print(f"{given.file}: {number} of 2 signatures")
    return 0


def _signer(file: str) -> Signer:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from estim.records.keys import Signer
    from estim.safety.errors import UsageError

    phrase = typed_unseen("Passphrase: ")
    try:
        private = load_pem_private_key(_read(Path(file)), phrase.encode())
    except (ValueError, TypeError):
        raise UsageError(f"{file}: no key, or another passphrase") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(f"{file}: no Ed25519 key")
    return Signer(private)


def install(given: argparse.Namespace) -> int:
    """Judge the file and put it in force; the station's chain holds its digest."""
    from estim.records.guard import change
    from estim.records.site import leads, standing
    from estim.safety.errors import RecordError, SiteFileError

    home, data = home_of(given), _read(Path(given.file))
    found = standing(data, leads(home), datetime.date.today(), path=Path(given.file))
    if found.ran_out:
        raise SiteFileError([_problem(found.warning)])
    by = _installer(home, given.by) or found.responsible
    said = f"site limits {', '.join(found.values)} until {found.until}"
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        change(home.site_file, "site", data, said=said, operator=by, reason=found.reason)
    except OSError as error:
        raise RecordError(f"{home.site_file}: can't be written: {trouble(error)}") from None
    if given.json:
        print_json({"installed": str(home.site_file), "until": found.until, "signers": list(found.signers)})
    else:
        print(f"{home.site_file}: in force until {found.until}, signed by {' and '.join(found.signers)}")
    return 0


def _installer(home: Home, name: str) -> str:
    """Who puts it in force: by PIN where this home has operators.

    Raises:
        RecordError: nobody is named, or not let in.
    """
    from estim.cli.keeping import who_is
    from estim.records.operators import load_operators
    from estim.safety.errors import RecordError

    if not name and load_operators(home.operators):
        raise RecordError("--by ID: which operator puts these limits in force? The PIN is asked")
    return who_is(home, name, "install")


def _problem(message: str) -> Any:
    from estim.safety.errors import Problem

    return Problem(severity="refuse", key="until", message=message, layer="site", rule="site")


def show(given: argparse.Namespace) -> int:
    """What moves, why, who signed, until when."""
    from estim.records.site import leads, standing

    home = home_of(given)
    path = Path(given.file) if given.file else home.site_file
    if not given.file and not path.exists():
        print_json({"site": None}) if given.json else print("no site file: the shipped default column is in force")
        return 0
    found = standing(_read(path), leads(home), datetime.date.today())
    if given.json:
        print_json(
            {
                "site": str(path),
                "responsible": found.responsible,
                "reason": found.reason,
                "limits": found.values,
                "signers": list(found.signers),
                "until": found.until,
                "warning": found.warning,
                "in_force": not found.ran_out,
            }
        )
        return 0
    print(f"{path}: {found.responsible}: {found.reason}")
    for name, value in found.values.items():
        print(f"  {name} = {value}")
    print(f"  signed by {' and '.join(found.signers)}; until {found.until}")
    if found.warning:
        print(f"  {found.warning}")
    return 0


def _read(path: Path) -> bytes:
    from estim.safety.errors import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {trouble(error)}") from None


def _write(path: Path, data: bytes) -> None:
    from estim.safety.errors import UsageError

    try:
        put_whole(path, data)
    except OSError as error:
        raise UsageError(f"{path}: {trouble(error)}") from None


COMMANDS = {
    "limits_propose": propose,
    "limits_key": key,
    "limits_sign": sign,
    "limits_install": install,
    "limits_show": show,
}
