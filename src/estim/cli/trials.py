"""`trial new|enrol|next|unblind|report`: controlled trials at one station."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.output import home_of, print_json, whole_number
from estim.platform.files import trouble
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from estim.trial.site import Site


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The parsers."""
    trial = commands.add_parser("trial")
    what = trial.add_subparsers(dest="what", required=True, metavar="WHAT")
    new = what.add_parser("new", parents=[home], help="a commented trial file; with -o seal its allocation")
    new.add_argument("file", metavar="FILE", help="is written if it is not there")
    new.add_argument("-o", "--office", metavar="DIR", help="the office's own folder, outside the room: key, list, seed")
    enrol = what.add_parser("enrol", parents=[home], help="a patient gets the next kit; once, in order, for good")
    following = what.add_parser("next", parents=[home], help="the patient's next session, without showing its arm")
    unblind = what.add_parser("unblind", parents=[home], help="in an emergency one patient, at the end the whole trial")
    report = what.add_parser("report", parents=[home], help="TIDieR and CONSORT tables, each cell with its source")
    for one in (enrol, following, unblind, report):
        one.add_argument("trial", metavar="ID", help="the trial")
    for one in (enrol, following):
        one.add_argument("--patient", required=True, help="pseudonym")
        one.add_argument("--operator", default="operator", help="who does it, a pseudonym")
    enrol.add_argument("--stratum", action="append", default=[], metavar="NAME=VALUE", help="one for each of the trial")
    following.add_argument("--level", action="append", default=[], metavar="NAME=mA", help="simulated: levels to find")
    following.add_argument("--device", default="sim://p24", help="a simulated device; see docs/trials.md for real ones")
    following.add_argument("--rehearse", action="store_true", help="in simulated time")
    following.add_argument("--seed", type=whole_number, default=0, metavar="N", help="with --rehearse")
    unblind.add_argument("--patient", default="", help="pseudonym; without it the whole trial")
    unblind.add_argument("--reason", required=True, help="why; it is written down")
    unblind.add_argument("--who", action="append", default=[], help="who asks; two of them, or the office's folder")
    unblind.add_argument("--office", metavar="DIR", help="the office's folder with its key")
    report.add_argument("-o", "--output", metavar="DIR", help="tidier.md, tidier.csv, consort.md, consort.csv")


def trial(given: argparse.Namespace) -> int:
    """One of the five."""
    return {"new": _new, "enrol": _enrol, "next": _next, "unblind": _unblind, "report": _report}[given.what](given)


def _said(given: argparse.Namespace, document: dict[str, Any], text: str) -> int:
    if given.json:
        print_json(document)
    else:
        print(text)
    return 0


def _site(given: argparse.Namespace) -> Site:
    from estim.trial.site import Site

    return Site(home_of(given), given.trial)


def _new(given: argparse.Namespace) -> int:
    from estim.platform.files import make_new, trouble
    from estim.safety.errors import UsageError
    from estim.trial.plan import TEMPLATE, read_trial
    from estim.trial.site import found

    path = Path(given.file)
    if given.office is None:
        try:
            make_new(path, TEMPLATE.encode("utf-8"), private=False)
        except FileExistsError:
            raise UsageError(f"{path} is there: seal its allocation with -o OFFICE-FOLDER") from None
        except OSError as error:
            raise UsageError(f"{path}: {trouble(error)}") from None
        return _said(given, {"file": str(path)}, f"{path}: fill it in, then: estim trial new {path} -o OFFICE-FOLDER")
    home = home_of(given)
    read = read_trial(path, own=home.protocols)
    began = found(read, home, Path(given.office))
    document = {"trial": read.file.id, "list_sha256": began["list_sha256"], "slots": began["slots"]}
    text = f"{read.file.id}: {began['slots']} allocations sealed, list {began['list_sha256']}\n"
    text += f"  {given.office} is the office's: take it out of the room"
    return _said(given, document, text)


def _enrol(given: argparse.Namespace) -> int:
    from estim.safety.errors import UsageError

    strata = {}
    for word in given.stratum:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--stratum {quoted(word)}: NAME=VALUE")
        strata[name] = value
    found = _site(given).enrol(given.patient, strata, given.operator)
    document = {"trial": given.trial, "patient": found.patient, "stratum": found.stratum, "kit": found.kit}
    return _said(given, document, f"{found.patient}: kit {found.kit} ({found.stratum})")


def _levels(words: Iterable[str]) -> dict[str, float]:
    from estim.safety.errors import UsageError
    from estim.safety.units import plain_number

    levels: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name in levels:
            raise UsageError(f"--level {name} is given twice")
        try:
            levels[name] = plain_number(value)
        except ValueError:
            raise UsageError(
                f"--level {quoted(word)}: NAME=mA, a number in digits, with at most one point between them"
            ) from None
    return levels


def _next(given: argparse.Namespace) -> int:
    """The arm's protocol is played and not named. Stop, lead-off and alarms are as in any session."""
    from estim import api
    from estim.safety.errors import UsageError

    site = _site(given)
    known = site.of(given.patient)
    if not given.device.startswith("sim://"):
        raise UsageError("a real device: its therapist finds levels by hand and sees the output; see docs/trials.md")
    done = sum(1 for line in site.sessions(known.patient))
    levels = _levels(given.level)
    opened = api.rehearse if given.rehearse else api.session
    more = {"seed": given.seed} if given.rehearse else {}
    protocol = site.arm(known).protocol
    try:
        with opened(protocol, patient=known.patient, device=given.device, operator=given.operator, levels=levels,
                    home=str(site.home.root), session=done + 1, **more) as session:  # fmt: skip
            session.start()
            session.wait()
    except api.Refused as refused:
        raise UsageError(
            f"kit {known.kit}: refused; what was refused would name the arm ({len(refused.problems)} reasons)"
        ) from None
    result = session.result
    outcome, record = (result.outcome, result.record) if result is not None else ("fault", None)
    name = record.name if record is not None else ""
    saw = [role for role in ("patient", "operator", "assessor") if role not in site.trial.file.blinded]
    site.write("session", patient=known.patient, kit=known.kit, session=name, number=done + 1, outcome=outcome, saw=saw)
    document = {"trial": given.trial, "patient": known.patient, "kit": known.kit, "number": done + 1, "session": name,
                "outcome": outcome, "record_verified": bool(result and result.verified)}  # fmt: skip
    _said(given, document, f"{known.patient}, kit {known.kit}, session {done + 1}: {outcome}")
    return result.exit_code if result is not None else 3


def _unblind(given: argparse.Namespace) -> int:
    """Recorded before it is shown; never a condition for stopping anything."""
    from estim.safety.errors import UsageError
    from estim.trial.site import office_key

    site = _site(given)
    key = office_key(Path(given.office)) if given.office else None
    who = sorted(set(given.who))
    if key is None and (not given.patient or len(who) < 2):
        raise UsageError("two people (--who A --who B) open one patient's kit; the whole trial opens with --office DIR")
    if not given.reason.strip():
        raise UsageError("--reason: why it is opened stands in the trial's chain")
    wanted = [site.of(given.patient)] if given.patient else list(site.enrolled.values())
    arms = {each.patient: site.arm(each, key).id for each in wanted}
    site.write("unblinded", patient=given.patient or "*", reason=given.reason, who=who, office=key is not None)
    text = "\n".join(f"{patient}: {arm}" for patient, arm in arms.items())
    return _said(given, {"trial": given.trial, "arms": arms}, text)


def _report(given: argparse.Namespace) -> int:
    from estim.platform.files import put_whole
    from estim.safety.errors import UsageError
    from estim.trial.report import consort, markdown, table, tidier

    site = _site(given)
    tables = {"tidier": ("TIDieR", tidier(site)), "consort": ("CONSORT", consort(site))}
    if given.output is not None:
        folder = Path(given.output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, (title, rows) in tables.items():
                put_whole(folder / f"{name}.md", markdown(title, rows).encode("utf-8"))
                put_whole(folder / f"{name}.csv", table(rows).encode("utf-8"))
        except OSError as error:
            raise UsageError(f"{folder}: {trouble(error)}") from None
    document = {
        name: [dict(zip(("item", "what", "from"), row, strict=True)) for row in rows]
        for name, (_, rows) in tables.items()
    }
    return _said(given, document, "\n".join(markdown(title, rows) for title, rows in tables.values()))
