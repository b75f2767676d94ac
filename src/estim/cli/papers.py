"""`records report|course|export`: past sessions on paper and for other programs."""

from __future__ import annotations

import argparse
import datetime
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from estim.cli import blinding, datasets
from estim.cli.output import EXIT_REFUSED, home_of, print_json
from estim.cli.past import progress, running, session_folder
from estim.cli.secret import login
from estim.cli.speaking import legible, pass_on, say
from estim.platform.files import put_whole, trouble

if TYPE_CHECKING:
    from estim.records.anchor import Anchor
    from estim.records.home import Home
    from estim.records.summary import Read


def put(text: str, output: str | None, *, a_table: bool = False) -> int:
    """To a file, or to standard output; `a_table` as it is, for a program to read."""
    from estim.safety.errors import RecordError

    if output is None:
        (pass_on if a_table else sys.stdout.write)(text)
        return 0
    try:
        put_whole(Path(output), text.encode("utf-8"))
    except OSError as error:
        raise RecordError(f"{output}: can't be written: {trouble(error)}") from None
    return 0


def _read(home: Home, folder: Path, *, unread_too: bool = False) -> Read:
    from estim.records.in_chain import in_its_home
    from estim.records.station import trusted_keys
    from estim.records.summary import read_or_say, read_session

    keys = trusted_keys(home.root)[0]
    read = read_or_say(folder, keys=keys) if unread_too else read_session(folder, keys=keys)
    read = replace(read, summary=in_its_home(folder, read.summary, keys))
    where = "" if read.summary.verified else running(folder)
    if not where:
        return read
    # Nobody says of it that its process ended, nor when its output had.
    return replace(read, summary=replace(read.summary, reason=where, off_by_us=None))


def report(given: argparse.Namespace) -> int:
    """One session on paper. A record that can't be verified has a report too, which says so first and ends with 1."""
    from estim.records.export import unknown_is_null
    from estim.records.report import html_report, text_report
    from estim.records.sheet import sheet_html, sheet_text
    from estim.records.station import looked

    home = home_of(given)
    folder = session_folder(home, given.path)
    blinding.refuse(home, folder)
    read = _read(home, folder)
    looked(home.root, "report", sessions=1, patient=read.summary.patient, operator=login())
    if given.json:
        print_json(unknown_is_null(read.summary.to_json()))
    elif given.html:
        put(html_report(read, anchor=_anchor(home, folder)), given.output)
    elif given.pdf:
        _put_pdf(read, given.output, _anchor(home, folder))
    elif given.patient_html:
        put(sheet_html(read.summary), given.output)
    elif given.patient:
        put(legible(sheet_text(read.summary)), given.output)
    else:
        anchor = _anchor(home, folder)
        said = text_report(read.summary) + (f"\n{anchor}\n" if anchor is not None else "")
        put(legible(said), given.output)
    return _trusted([read])


def _trusted(reads: list[Read]) -> int:
    """0 where all that was put on paper verifies and could be understood; the others are named on standard error."""
    doubtful = [one.summary for one in reads if not one.summary.verified or one.summary.unreadable]
    for one in doubtful:
        why = one.unreadable if one.verified else f"NOT VERIFIED ({one.ending}): {one.reason}"
        say(f"{one.session}: {why}")
    return EXIT_REFUSED if doubtful else 0


def _anchor(home: Home, folder: Path) -> Anchor | None:
    """The home's, for each page that leaves it; None for somebody else's record, or where no key can be made."""
    from estim.records.anchor import make_anchor
    from estim.safety.errors import RecordError

    if not folder.resolve().is_relative_to(home.root.resolve()):
        return None
    try:
        return make_anchor(home.root)
    except RecordError:
        return None


def _put_pdf(read: Read, output: str | None, anchor: Anchor | None) -> int:
    from importlib.util import find_spec

    from estim.platform.extras import how_to_get
    from estim.safety.errors import RecordError, UsageError

    if find_spec("typst") is None:
        raise UsageError(f"--pdf needs typst: {how_to_get('pdf')}")
    if output is None:
        raise UsageError("--pdf: name a file with -o")
    from estim.records.pdf import pdf_report

    try:
        put_whole(Path(output), pdf_report(read, anchor=anchor))
    except OSError as error:
        raise RecordError(f"{output}: can't be written: {trouble(error)}") from None
    return 0


def course(given: argparse.Namespace) -> int:
    """One patient's progress on paper."""
    from estim.records.course import course as course_of
    from estim.records.course_report import course_html, course_text
    from estim.records.index import Filter, Index
    from estim.records.past_course import plan_of
    from estim.records.station import looked
    from estim.safety.errors import RecordError

    home = home_of(given)
    with Index(home) as index:
        index.catch_up(progress("reading records"))
        wanted = Filter(simulated=given.simulated, patient=given.patient, protocol=given.protocol)
        sealed = blinding.sealed_in(home)
        sessions = [row for row in index.sessions(wanted, limit=-1) if row["session"] not in sealed]
    protocol = given.protocol or next((row["protocol"] for row in sessions if row["protocol"]), "")
    if not protocol:
        kind = "simulated " if given.simulated else ""
        raise RecordError(f"patient {given.patient}: no {kind}session with a protocol")
    looked(home.root, "course", sessions=len(sessions), patient=given.patient, operator=login())
    now_ms = int(datetime.datetime.now(datetime.UTC).timestamp() * 1_000)
    found = course_of(sessions, given.patient, protocol, plan=plan_of(protocol, own=home.protocols), now_ms=now_ms)
    if given.json:
        from dataclasses import asdict

        print_json({**asdict(found), "adherence_percent": found.adherence_percent})
        return 0
    return put(course_html(found) if given.html else legible(course_text(found)), given.output)


def export(given: argparse.Namespace) -> int:
    """Sessions for other programs."""
    from estim.records.export import de_identified, dictionary, to_csv, to_json
    from estim.records.segment import segments
    from estim.records.station import looked
    from estim.safety.errors import RecordError, UsageError

    home = home_of(given)
    if given.dictionary:
        return put(dictionary(), given.output)
    if given.path:
        folders = [session_folder(home, path) for path in given.path]
    else:
        root = home.records(simulated=given.simulated)
        folders = sorted(folder for folder in root.iterdir() if segments(folder)) if root.is_dir() else []
    folders = blinding.leave_out(home, folders)
    if given.format in datasets.FORMATS:
        return datasets.export(given, home, folders)
    reads = [_read(home, folder, unread_too=not given.path) for folder in folders]
    reads = [read for read in reads if not given.patient or read.summary.patient == given.patient]
    if not reads:
        raise RecordError(datasets.nothing_there(given, home))
    sessions = [read.summary for read in reads]
    patients = {one.patient for one in sessions}
    one = patients.pop() if len(patients) == 1 else ""
    looked(home.root, f"export {given.format}", sessions=len(sessions), patient=one, operator=login())
    if given.format in {"fhir", "fhir-r4", "fhir-r5"}:
        from estim.desk.course_fhir import courses_of
        from estim.records.fhir import bundle, to_text
        from estim.records.fhir_r4 import as_r4

        if given.research:
            raise UsageError("--research: csv and json only; a FHIR bundle is about a patient and her record")
        made = bundle(reads, _now(), courses_of(home, sessions))
        put(to_text(as_r4(made) if given.format == "fhir-r4" else made), given.output)
        return _trusted(reads)
    if given.research:
        try:
            salt = Path(given.research).read_bytes().strip()
        except OSError as error:
            raise UsageError(f"--research {given.research}: {trouble(error)}") from None
        sessions = de_identified(sessions, salt)
    if given.format == "json":
        put(to_json(sessions), given.output)
        return _trusted(reads)
    separator = "\t" if given.separator == "tab" else given.separator
    if separator not in {",", ";", "\t"} or given.decimal not in {".", ","} or separator == given.decimal:
        raise UsageError(f"--separator {given.separator} --decimal {given.decimal}: `,` `;` or `tab`, and `.` or `,`")
    put(to_csv(sessions, separator=separator, decimal=given.decimal, bom=given.bom), given.output, a_table=True)
    return _trusted(reads)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
