"""Limits in force at this place: the absolute column and the site's, or the shipped default where no site file is.

A site file is opened by two people: two lead operators' keys sign it, one after the other, each over all bytes before
its own line. It says what moves, how far, why, who asks, and until when. After that day the narrower of the file and
the shipped default is in force; where that is the file's, no real session begins until somebody decides anew: a site
that tightened a limit is not opened again by a calendar. Neither does one begin on a file that can't be believed.
"""

from __future__ import annotations

import datetime
import os
import re
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from estim.platform.files import no_device, private_folder, trouble, unread
from estim.protocols.lines import LineIndex, basic_string
from estim.records.dates import plain_day
from estim.records.guard import REGISTERS, change, check
from estim.records.home import NOWHERE, Home
from estim.records.keys import Signer, signed_by
from estim.records.lock import locked
from estim.safety.errors import Problem, RecordError, SiteFileError, UsageError, quoted
from estim.safety.limits import ABSOLUTE, DEFAULT, SIGNATURE_MARK, Limits, parse_site
from estim.safety.limits_table import BY_KEY

SIGNATURES = 2
RENEW = "write it anew with `estim limits propose`, then two leads run `estim limits sign` and `estim limits install`"
DECIDE = (
    f"{RENEW}; where the shipped limits are to hold again, take the file away and let an administrator say so: "
    "`estim records accept site --operator ID --reason TEXT`"
)
NAMELESS = "a lead"
LONGEST_DAYS = 366  # a year at most: then the site asks itself again; convention
WARN_DAYS = 30


def leads(home: Home) -> dict[str, str]:
    """Public key → name of those who may sign: a file of lines, a name and the key in hex.

    Raises:
        RecordError: it can't be read, or is not the one that the station's chain names.
    """
    path = _leads_file(home)
    check(home.root, "leads")
    try:
        lines = no_device(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: the leads' keys can't be read: {unread(error)}") from None
    return {line.split()[-1]: " ".join(line.split()[:-1]) or NAMELESS for line in lines if line.strip()}


def add_lead(home: Home, name: str, signer: Signer, *, operator: str = "") -> None:
    """Let this key sign site files here; who may ask for it is for the caller (`cli/site_limits`).

    Raises:
        RecordError: the register is not the one that its chain names, or can't be written; the old one stands.
    """
    path = _leads_file(home)
    try:
        private_folder(path.parent)
        with locked(path.with_suffix(".lock")):
            known = leads(home) | {signer.public_hex: name}
            data = "".join(f"{said} {key}\n" for key, said in known.items()).encode()
            change(
                path, "leads", data, said=f"lead {name} may open limits", operator=operator, reason="", home=home.root
            )
    except OSError as error:
        raise RecordError(f"{path}: the leads' keys can't be written: {trouble(error)}") from None


def _leads_file(home: Home) -> Path:
    return home.root / REGISTERS["leads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStanding:
    """A site file as it stands.

    Attributes:
        signers: names of the leads who signed it, each once, the first first.
        until: last day on which it holds.
        warning: what must be said although it holds, or because it has run out.
        ran_out: its last day is over.
        narrows: the limits that it sets tighter than the shipped default.
        limits: what is in force with it; once it ran out, the tighter of file and default, each limit by itself.
    """

    responsible: str
    reason: str
    values: dict[str, int]
    signers: tuple[str, ...]
    until: str
    warning: str
    ran_out: bool
    narrows: tuple[str, ...]
    limits: Limits


def standing(data: bytes, known: dict[str, str], today: datetime.date, *, path: Path | None = None) -> SiteStanding:
    """Judge a site file.

    Args:
        known: public key → name, as `leads`.
        path: the file, to be named in what is said of it.

    Raises:
        SiteFileError: forged, short of a signature, unreadable, past an absolute bound, or of a day to come.
    """
    try:
        return _standing(data, known, today)
    except SiteFileError as error:
        raise SiteFileError([_at_its_line(each, data) for each in error.problems], path=path) from None


def _at_its_line(problem: Problem, data: bytes) -> Problem:
    text = data.decode("utf-8", "replace")
    if problem.key == "file":
        found = re.search(r"at line (\d+)", problem.message)
        return replace(problem, line=int(found[1]) if found else None)
    if problem.key == "signature":
        signed = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("# signature:")]
        return replace(problem, line=signed[-1] if signed else None)
    return replace(problem, line=LineIndex(text).line_of(problem.key.split(".")))


def _standing(data: bytes, known: dict[str, str], today: datetime.date) -> SiteStanding:
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
    began = _date(str(document["date"]), "date")
    if began > today:
        raise SiteFileError(
            [
                _wrong(
                    "date", f"{began} is a day to come, today is {today}: it does not hold yet, or this clock is wrong"
                )
            ]
        )
    left = (_date(until, "until") - today).days
    values = {str(key): int(value) for key, value in dict(document.get("limits", {})).items()}
    narrows = tuple(key for key, value in values.items() if BY_KEY[key].breaks(BY_KEY[key].default, value))
    return SiteStanding(
        responsible=str(document["responsible"]),
        reason=str(document["reason"]),
        values=values,
        signers=signers,
        until=until,
        warning=_warning(until, left, narrows),
        ran_out=left < 0,
        narrows=narrows,
        limits=limits if left >= 0 else DEFAULT & Limits({key: limits.bounds[key] for key in narrows}),
    )


def _warning(until: str, left: int, narrows: tuple[str, ...]) -> str:
    if left > WARN_DAYS:
        return ""
    if left >= 0:
        return f"runs out on {until}, in {left} days"
    if not narrows:
        return f"ran out on {until}: the default column is in force again"
    return (
        f"ran out on {until}; it set {', '.join(narrows)} tighter than the shipped default, and nobody has decided "
        f"that the default may hold"
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
        return plain_day(text)
    except ValueError:
        raise SiteFileError([_wrong(key, f"{quoted(text)}: a date as 2027-05-31")]) from None


def _wrong(key: str, message: str, **details: Any) -> Problem:
    return Problem(severity="refuse", key=key, message=message, layer="site", rule="site", **details)


def site_limits(path: Path, known: dict[str, str], today: datetime.date | None = None) -> Limits:
    """A site file's limits; where it has run out, the tighter of it and the default column.

    Raises:
        SiteFileError: as `standing`.
    """
    return standing(no_device(path).read_bytes(), known, today or datetime.date.today(), path=path).limits


def limits_in_force(home: Home, *, site_file: Path | None = None) -> Limits:
    """Absolute & site. A site file that can't be used leaves the default column in force, for practice alone: on one
    no real session begins (`site_problem`).

    Raises:
        SiteFileError, UsageError: only for a file that was named on purpose.
    """
    path = site_file or home.site_file
    if site_file is None and not path.exists():
        return ABSOLUTE & DEFAULT
    try:
        return ABSOLUTE & site_limits(path, leads(home))
    except (SiteFileError, RecordError, OSError) as error:
        if site_file is None:
            return ABSOLUTE & DEFAULT
        if isinstance(error, OSError):
            raise UsageError(f"{path}: {trouble(error)}") from None
        raise


def site_problem(home: Home) -> str:
    """Why no real session may begin: the site's file is not the one that was put in force, can't be believed, or has
    run out and was tighter than the default; "" if it holds, has run out and only opened, or there never was one.
    """
    if home is NOWHERE:
        return ""
    try:
        check(home.root, "site")
        if not os.path.lexists(home.site_file):
            return ""
        found = standing(no_device(home.site_file).read_bytes(), leads(home), datetime.date.today())
    except (SiteFileError, RecordError, OSError) as error:
        why = unread(error) if isinstance(error, OSError) else str(error)
        why = "it is a folder" if home.site_file.is_dir() else why  # Windows calls reading it forbidden
        return f"{home.site_file}: these limits of the site do not hold, and no real session may begin: {why}"
    if found.ran_out and found.narrows:
        return f"{home.site_file}: no real session may begin: this file {found.warning}; {DECIDE}"
    return ""


def site_warning(home: Home) -> str:
    """What must be said of a site file that stops nothing: it ends soon, or has ended."""
    try:
        found = standing(no_device(home.site_file).read_bytes(), leads(home), datetime.date.today())
    except (SiteFileError, RecordError, OSError):
        return ""
    return "" if found.ran_out and found.narrows else found.warning


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
    last_day(until, today)
    if not values:
        raise UsageError("nothing moves: give a ready proposal, or --set KEY=NUMBER")
    rows = [f"{key} = {basic_string(text)}" for key, text in (said | {"date": today, "until": until}).items()]
    moved = [f"{key} = {value}{_comment(key, value)}" for key, value in values.items()]
    text = "\n".join([*rows, "", "[limits]", *moved]) + "\n"
    parse_site(text.encode() + SIGNATURE_MARK + b"00\n", verify=lambda _message, _signature: True)
    return text


def last_day(until: str, today: str) -> None:
    """Whether a file may hold until this day.

    Raises:
        SiteFileError: no date.
        UsageError: not after today, or too far away.
    """
    days = (_date(until, "until") - _date(today, "date")).days
    if not 0 < days <= LONGEST_DAYS:
        raise UsageError(f"until {until}: after today, and at most {LONGEST_DAYS} days away")


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
