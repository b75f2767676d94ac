"""`records verify|audit`: is a record what was written, and was what it says within the rules."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli import blinding
from estim.cli.output import EXIT_REFUSED, home_of, print_json
from estim.cli.outside import anchors_in, checked, say_outside
from estim.cli.past import is_zip, progress, records_in, running, session_folder
from estim.cli.speaking import print_line
from estim.platform.files import unread

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.verify import SessionVerdict

WHOSE_KEY = (
    "Whose key signed it, no file can prove: ask the station for its public key by another way (its printed reports "
    "name it) and give it with --key HEX."
)
OTHERS_MISSING = "Whether other sessions are missing, this one can't show: the station's home and an anchor of it can."


def verify(given: argparse.Namespace) -> int:
    """0 only for records that were closed in order or honestly taken over, in a home that continues every anchor."""
    from estim.records.in_chain import with_later_signature
    from estim.records.people_keys import lost_keys
    from estim.records.signed_chain import each_chain_once
    from estim.records.station import introduced_keys, read_station, trusted_keys
    from estim.records.verify_home import verify_folder, verify_home

    home = home_of(given)
    given.path = [_named(home, path) for path in given.path]
    keys = _pinned(given)
    tell = progress("verifying")
    jobs = os.cpu_count() or 1
    if given.path:
        trusted = keys or trusted_keys(home.root)[0]
        with ExitStack() as unpacked:
            places = [(path, _place(path, unpacked)) for path in given.path]
            verdicts = [
                replace(one, path=str(_as_given(path, place, Path(one.path))))
                for path, place in places
                for one in verify_folder(place, keys=trusted, progress=tell, deep=given.deep, jobs=jobs)
            ]
        verdicts = [_held_to(keys, verdict) for verdict in verdicts]
    else:
        verdicts = verify_home(home.root, keys=keys or None, progress=tell, deep=given.deep, jobs=jobs)
    with each_chain_once():
        verdicts = [with_later_signature(Path(one.path), one) for one in verdicts]
    verdicts = [_where_it_runs(one) if one.reason else one for one in verdicts]
    anchors = anchors_in(home, given.anchor, given.witness_key)
    wanted = not given.path or given.anchor or given.stamp_roots
    stamps = checked(home, given.anchor, given.stamp_roots) if wanted else []
    outside = any(row["reason"] for row in anchors) or any(row["reason"] for row in stamps)
    ok = bool(verdicts) and all(verdict.ok for verdict in verdicts) and not outside
    vouches = any(not row["inside"] for row in anchors) or any(row["checked"] for row in stamps)
    reading = read_station(home.root)
    rows = blinding.verdict_rows(blinding.sealed_in(home), verdicts)
    said = {
        "ok": ok,
        "sessions": rows,
        "anchors": anchors,
        "stamps": stamps,
        "introduced_keys": introduced_keys(home.root) if not given.path else [],
        "lost_keys": lost_keys(home.root, reading.entries) if reading is not None and not given.path else [],
        "unvouched": "" if vouches else _unvouched(given, home.root),
    }
    if given.json:
        print_json(said)
        return 0 if ok else EXIT_REFUSED
    for verdict, row in zip(verdicts, rows, strict=True):
        _say_verdict(verdict, row)
    say_outside(said, roots=given.stamp_roots)
    if not verdicts:
        print("no record found")
    elif not vouches:
        print(said["unvouched"])
    return 0 if ok else EXIT_REFUSED


def _held_to(keys: Mapping[str, str], verdict: SessionVerdict) -> SessionVerdict:
    """A session that was given by name, held to the keys of --key: practice is signed by whichever key, and passes
    where nobody asks whose it is.
    """
    if not keys or not verdict.ok or verdict.key_id in keys:
        return verdict
    return replace(verdict, ok=False, reason=f"signed by the key {verdict.key_id}, not by the one that --key gives")


def _unvouched(given: argparse.Namespace, home: Path) -> str:
    """What nothing outside says of this home, or of sessions that came from another one."""
    from estim.records.anchor import UNVOUCHED

    if not given.path or any(Path(path).resolve().is_relative_to(home.resolve()) for path in given.path):
        return UNVOUCHED
    return OTHERS_MISSING if given.key else f"{WHOSE_KEY} {OTHERS_MISSING}"


def _named(home: Home, path: str) -> str:
    """The path, or where there is none the session of this home that the word names (a name, or `last`)."""
    from estim.safety.errors import RecordError

    if Path(path).exists():
        return path
    try:
        return str(session_folder(home, path))
    except RecordError:
        return path


def _place(path: str, unpacked: ExitStack) -> Path:
    """The folder that a path speaks of: itself, the folder of a record's file, or what a zip file holds.

    Raises:
        RecordError: a zip file without a record.
    """
    file = Path(path)
    if is_zip(file):
        return records_in(file, unpacked)
    return file.parent if file.is_file() else file


def _as_given(given: str, place: Path, folder: Path) -> Path:
    """How a person knows this record: what came in a zip file by that file's name, not by where it was unpacked."""
    return Path(given, folder.relative_to(place)) if is_zip(Path(given)) else folder


def _pinned(given: argparse.Namespace) -> dict[str, str]:
    from estim.safety.errors import UsageError

    try:
        return {hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]: key for key in given.key}
    except ValueError:
        raise UsageError("--key: a public key is 64 hex digits, as in keys/station-keys.txt") from None


def _say_verdict(verdict: SessionVerdict, row: Mapping[str, Any]) -> None:
    """`row` is what may be said of it: of a blinded session no count of lines, and no time of output."""
    from estim.records.report import signature_words
    from estim.records.verify import by_person

    bad = "" if verdict.first_bad is None else f", first bad record {verdict.first_bad}"
    state = "verified" if verdict.ok else "NOT VERIFIED"
    reason = ": " + "; ".join(row["reason"].splitlines()) if row["reason"] else ""
    lines = "blinded" if row["records"] is None else f"{row['records']} records"
    signer = ", signer unknown" if verdict.signer == "unknown" and verdict.records else ""
    print_line(f"{verdict.path}: {state}, {lines}, {verdict.ending}{signer}{bad}{reason}")
    if by_person(verdict.signature):
        print_line(f"  {signature_words(verdict.signature, by_pin=verdict.signature['authenticated'])}")
    elif verdict.records:
        by = "a script closed it, " if verdict.signature else ""
        sealed = "; sealed is what the station did" if verdict.sealed else ""
        print_line(f"  UNSIGNED: {by}no person signed this session{sealed}")
    if verdict.key_id:
        whose = {"station": "this station's", "simulated": "a simulated session's, which proves nothing"}
        print_line(f"  key {verdict.key_id}: {whose.get(verdict.signer, 'not one that is trusted here')}")
    if not verdict.sealed and row["last_on_us"] is not None and row["off_by_us"] is not None:
        print_line(
            f"  last line with output {row['last_on_us'] / 1e6:.1f} s after the beginning; it had ended "
            f"{row['off_by_us'] / 1e6:.1f} s after the beginning at the latest (record's lag, device's own timer)"
        )


def _where_it_runs(verdict: SessionVerdict) -> SessionVerdict:
    """Of one that still runs nobody says that its process ended, nor when its output had."""
    where = running(Path(verdict.path))
    return replace(verdict, reason=where, off_by_us=None) if where else verdict


def _audit_of(name: Path, folder: Path) -> dict[str, Any]:
    """What the lines of one session break, and why they are not all of it ("" where they are).

    Whose key sealed it is asked by `verify`; here a record has to agree with itself, to its own seal.
    """
    from estim.records.audit import audit
    from estim.records.verify import judge, read_record

    try:
        record = read_record(folder)
    except OSError as error:  # one that is damaged is one bad session, not the end of the look
        return {"path": str(name), "records": 0, "findings": [], "unread": f"it can't be read: {unread(error)}"}
    verdict = judge(folder, record)
    good = record.entries[: verdict.first_bad]
    reason = (running(folder) or verdict.reason) if verdict.reason else ""
    found = [finding.to_json() for finding in audit(good)]
    return {"path": str(name), "records": len(good), "findings": found, "unread": reason}


def audited(given: argparse.Namespace) -> int:
    """0 if each record is whole, to its seal, and no line of it breaks a rule of the session."""
    from estim.records.segment import segments

    home = home_of(given)
    if given.path:
        asked = [(path, session_folder(home, path)) for path in given.path]
        folders = [(_as_given(path, folder, folder), folder) for path, folder in asked]
    else:
        roots = [home.records(simulated=simulated) for simulated in (False, True)]
        inside = [folder for root in roots if root.is_dir() for folder in sorted(root.iterdir()) if segments(folder)]
        folders = [(folder, folder) for folder in inside]
    rows: list[dict[str, Any]] = []
    tell, sealed = progress("auditing"), blinding.sealed_in(home)
    for done, (name, folder) in enumerate(folders, 1):
        row = _audit_of(name, folder)
        rows.append(blinding.audit_row(row) if blinding.hides(sealed, folder.resolve()) else row)
        if tell is not None:
            tell(done, len(folders))
    ok = bool(rows) and not any(row["findings"] or row["unread"] for row in rows)
    if given.json:
        print_json({"ok": ok, "sessions": rows})
        return 0 if ok else EXIT_REFUSED
    for row in rows:
        said = f"{len(row['findings'])} findings" if row["findings"] else "within the rules"
        if row["unread"] and row["records"] == 0:
            print_line(f"{row['path']}: NOT JUDGED: {row['unread']}")
            continue
        upto = "" if row["records"] is None else f"the first {row['records']} lines "
        judged = f"NOT JUDGED whole, {upto}" if row["unread"] else ""
        unread = f"; then {row['unread']}" if row["unread"] else ""
        print_line(f"{row['path']}: {judged}{said}{unread}")
        for finding in row["findings"]:
            where = "" if finding["n"] is None else f"line {finding['n']}: "
            print_line(f"  {where}{finding['rule']}: {finding['message']}")
    if not rows:
        print("no record found")
    return 0 if ok else EXIT_REFUSED
