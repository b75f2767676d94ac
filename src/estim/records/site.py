"""Limits in force at this place: the absolute column and the site's, or the shipped default where no site file is.

A site file is opened by two people: two lead operators' keys sign it, one after the other, each over all bytes before
its own line. It says what moves, how far, why, who asks, and until when; after that day the default column is in force
again. A file of the first form (one signature, no `until`) does not hold: no real session begins until it is renewed.
"""

from __future__ import annotations

import datetime
import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from estim.platform.files import open_private, private_folder
from estim.records.home import Home
from estim.records.keys import Signer, signed_by
from estim.safety.errors import Problem, SiteFileError, UsageError
from estim.safety.limits import ABSOLUTE, DEFAULT, SIGNATURE_MARK, Limits, parse_site
from estim.safety.limits_table import BY_KEY

LEADS = "lead-keys.txt"  # public keys, hex, one a line (a name may stand before), of those who may open limits
SIGNATURES = 2
RENEW = "write it anew with `estim limits propose`, then two leads run `estim limits sign` and `estim limits install`"
NAMELESS = "a lead"
LONGEST_DAYS = 366  # a year at most: then the site asks itself again; convention
WARN_DAYS = 30


def lead_keys(home: Home) -> list[str]:
    """Keys of the clinicians who may sign a site file."""
    return list(leads(home))


def leads(home: Home) -> dict[str, str]:
    """Public key → name of those who may sign."""
    path = home.root / "keys" / LEADS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {line.split()[-1]: " ".join(line.split()[:-1]) or NAMELESS for line in lines if line.strip()}


def add_lead(home: Home, name: str, signer: Signer) -> None:
    """Let this key sign site files here; who may ask for it is for the caller (`cli/site_limits`)."""
    path = home.root / "keys" / LEADS
    private_folder(path.parent)
    with open_private(path, "ab") as file:
        file.write(f"{name} {signer.public_hex}\n".encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStanding:
    """A site file as it stands.

    Attributes:
        signers: names of the leads who signed it, each once, the first first.
        until: last day on which it holds.
        warning: what must be said although it holds, or because it has run out.
        limits: None where it has run out; then the default column is in force.
    """

    responsible: str
    reason: str
    values: dict[str, int]
    signers: tuple[str, ...]
    until: str
    warning: str
    limits: Limits | None


def standing(data: bytes, known: dict[str, str], today: datetime.date) -> SiteStanding:
    """Judge a site file.

    Args:
        known: public key → name, as `leads`.

    Raises:
        SiteFileError: forged, short of a signature, unreadable, or past an absolute bound.
    """
    found: list[str] = []

    def verify(message: bytes, signature: bytes) -> bool:
        found.extend(key for key in known if signed_by(key, message, signature))
        return bool(found)

    limits = parse_site(data, verify=verify)
    document = tomllib.loads(data.partition(SIGNATURE_MARK)[0].decode("utf-8"))
    until = str(document.get("until", ""))
    body, inner, signature = data.rpartition(SIGNATURE_MARK)[0].rpartition(SIGNATURE_MARK)
    if inner:
        found.extend(key for key in known if _signed(key, body, signature) and key not in found)
    signers = tuple(known[key] for key in reversed(list(dict.fromkeys(found))))
    people = {_person(key, known) for key in found}
    if not until:
        raise SiteFileError(
            [_wrong("until", f"a file of the first form ({_leads(len(people))}, no last day): {RENEW}")]
        )
    if len(people) < SIGNATURES:
        more = "another lead signs it with `estim limits sign`"
        raise SiteFileError([_wrong("signature", f"{len(people)} of {SIGNATURES} leads have signed: {more}")])
    warning = ""
    left = (_date(until, "until") - today).days
    if left < 0:
        warning = f"ran out on {until}: the default column is in force again"
    elif left <= WARN_DAYS:
        warning = f"runs out on {until}, in {left} days"
    return SiteStanding(
        responsible=str(document["responsible"]),
        reason=str(document["reason"]),
        values={str(key): int(value) for key, value in dict(document.get("limits", {})).items()},
        signers=signers,
        until=until,
        warning=warning,
        limits=None if left < 0 else limits,
    )


def _person(key: str, known: dict[str, str]) -> str:
    """Two keys under one name are one lead; a key without a name is its own."""
    return key if known[key] == NAMELESS else " ".join(known[key].casefold().split())


def _leads(number: int) -> str:
    return "one signature" if number == 1 else f"{number} signatures"


def _signed(key: str, message: bytes, signature: bytes) -> bool:
    try:
        return signed_by(key, message, bytes.fromhex(signature.strip().decode("ascii")))
    except (ValueError, UnicodeDecodeError):
        return False


def _date(text: str, key: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise SiteFileError([_wrong(key, f"{text!r}: a date as 2027-05-31")]) from None


def _wrong(key: str, message: str, **details: Any) -> Problem:
    return Problem(severity="refuse", key=key, message=message, layer="site", rule="site", **details)


def site_limits(path: Path, known: dict[str, str], today: datetime.date | None = None) -> Limits:
    """A site file's limits; the default column where it has run out.

    Raises:
        SiteFileError: as `standing`.
    """
    found = standing(path.read_bytes(), known, today or datetime.date.today())
    return found.limits if found.limits is not None else DEFAULT


def limits_in_force(home: Home, *, site_file: Path | None = None) -> Limits:
    """Absolute & site. A site file that can't be used leaves the default column in force.

    Raises:
        SiteFileError: only for a file that was named on purpose.
    """
    path = site_file or home.site_file
    if site_file is None and not path.exists():
        return ABSOLUTE & DEFAULT
    try:
        return ABSOLUTE & site_limits(path, leads(home))
    except SiteFileError:
        if site_file is not None:
            raise
        return ABSOLUTE & DEFAULT


def site_problem(home: Home) -> str:
    """Why the site's limits do not hold although there is a file of them; "" if they do, have run out, or none is."""
    if not home.site_file.exists():
        return ""
    try:
        site_limits(home.site_file, leads(home))
    except (SiteFileError, OSError) as error:
        return f"{home.site_file}: these limits of the site do not hold, and no real session may begin: {error}"
    return ""


def site_warning(home: Home) -> str:
    """What must be said of a site file that is right: it ends soon, or has ended."""
    try:
        return standing(home.site_file.read_bytes(), leads(home), datetime.date.today()).warning
    except (SiteFileError, OSError):
        return ""


def proposals() -> dict[str, dict[str, Any]]:
    """Ready proposals by id: published doses above the default, signed by nobody."""
    folder = resources.files("estim.records").joinpath("proposals")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name[:-5]: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


def proposal(
    values: dict[str, int], *, reason: str, source: str, asked_by: str, responsible: str, today: str, until: str
) -> str:
    """The text of an unsigned site file.

    Raises:
        UsageError: nothing moves, something is missing, or the day is too far away.
        SiteFileError: a limit that there is none of, or past its absolute bound.
    """
    said = {"reason": reason, "source": source, "asked_by": asked_by, "responsible": responsible}
    for key, text in said.items():
        if not text.strip():
            raise UsageError(
                f"{key.replace('_', '-')}: a site file says who asks, who answers for it, why, and by what source"
            )
    days = (_date(until, "until") - _date(today, "date")).days
    if not 0 < days <= LONGEST_DAYS:
        raise UsageError(f"until {until}: after today, and at most {LONGEST_DAYS} days away")
    if not values:
        raise UsageError("nothing moves: give a ready proposal, or --set KEY=NUMBER")
    rows = [
        f"{key} = {json.dumps(text, ensure_ascii=False)}"
        for key, text in (said | {"date": today, "until": until}).items()
    ]
    moved = [f"{key} = {value}{_comment(key, value)}" for key, value in values.items()]
    text = "\n".join([*rows, "", "[limits]", *moved]) + "\n"
    parse_site(text.encode() + SIGNATURE_MARK + b"00\n", verify=lambda _message, _signature: True)
    return text


def _comment(key: str, value: int) -> str:
    row = BY_KEY.get(key)
    if row is None:
        return ""
    shown, usual = row.shown(value), row.shown(row.default)
    return f"  # {row.rule} {row.words}: {shown:g} {row.unit}; shipped {usual:g}"


def sign(data: bytes, signer: Signer) -> bytes:
    """The file with one signature more.

    Raises:
        SiteFileError: this key has signed it already.
    """
    rest = data
    while SIGNATURE_MARK in rest:
        rest, _, signature = rest.rpartition(SIGNATURE_MARK)
        if _signed(signer.public_hex, rest, signature):
            raise SiteFileError(
                [_wrong("signature", "this lead has signed already; the second signature is another's")]
            )
    return data + SIGNATURE_MARK + signer.sign(data).hex().encode() + b"\n"
