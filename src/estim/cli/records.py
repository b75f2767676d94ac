"""`records`: what the commands about past sessions take, and which function serves each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from estim.cli import keeping, lifecycle, outside, papers, past, replaying, verifying
from estim.cli.output import days, whole_number

SESSION = "a session's folder, its name, the beginning of its name, or `last`"


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """Everything below `estim records`."""
    actions = commands.add_parser("records").add_subparsers(dest="action", required=True, metavar="ACTION")
    _looking(actions, home)
    _papers(actions, home)
    _patients(actions, home)
    _keeping(actions, home)
    _life(actions, home)


OUTCOMES = ("completed", "stopped", "refused", "fault", "uncertain")
ENDINGS = ("complete", "take-over", "torn", "incomplete")


def _looking(actions: Any, home: argparse.ArgumentParser) -> None:
    listed = actions.add_parser("list", parents=[home], help="sessions, the latest first")
    listed.add_argument("--patient", default="", help="pseudonym")
    listed.add_argument("--protocol", default="", help="its id")
    listed.add_argument("--operator", default="", help="who ran it")
    listed.add_argument("--outcome", default="", choices=OUTCOMES, metavar="OUTCOME", help=", ".join(OUTCOMES))
    listed.add_argument("--ending", default="", choices=ENDINGS, metavar="ENDING", help=", ".join(ENDINGS))
    listed.add_argument("--since", metavar="DAY", help="as 2026-11-21, UTC")
    listed.add_argument("--until", metavar="DAY", help="up to and with this day")
    listed.add_argument("--text", default="", help="words that occur in title, notes, alarms, ...")
    listed.add_argument("--simulated", action="store_true", help="simulated sessions alone")
    listed.add_argument("--real", action="store_true", help="real sessions alone")
    listed.add_argument("--limit", type=whole_number, default=100, metavar="N", help="at most N of each; 0 for all")

    show = actions.add_parser("show", parents=[home], help="one session's lines")
    show.add_argument("path", help=SESSION)
    verify = actions.add_parser("verify", parents=[home], help="is it what was written")
    verify.add_argument(
        "path", nargs="*", help="sessions (folders, names, `last`) or records folders; without any: all of the home"
    )
    verify.add_argument("--key", action="append", default=[], metavar="HEX", help="a public key to trust, and no other")
    verify.add_argument("--deep", action="store_true", help="look at each line, not only at the digests of the seal")
    verify.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="FILE",
        help="anchors, witnesses' lines and time stamps kept elsewhere: the home must continue each",
    )
    verify.add_argument(
        "--witness-key", action="append", default=[], metavar="HEX",
        help="a witness's public key: no other one's line counts, and one of this must be there",
    )  # fmt: skip
    verify.add_argument(
        "--stamp-roots", default="", metavar="FILE", help="certificates (PEM) of the time stamp authorities to trust"
    )
    audit = actions.add_parser("audit", parents=[home], help="was what it says within the rules")
    audit.add_argument("path", nargs="*", help="sessions; without any: all of the home")
    replay = actions.add_parser("replay", parents=[home], help="its commands on the simulator again")
    replay.add_argument("path", help=SESSION)
    replay.add_argument("--pulses", metavar="FILE", help="write every pulse that came out, as CSV")
    actions.add_parser("schema", parents=[home], help="the JSON Schema of a record's lines")
    index = actions.add_parser("index", parents=[home], help="bring the index up to date with the records")
    index.add_argument("--rebuild", action="store_true", help="throw it away and read every record")


def _papers(actions: Any, home: argparse.ArgumentParser) -> None:
    report = actions.add_parser("report", parents=[home], help="one session on paper")
    report.add_argument("path", help=SESSION)
    form = report.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="plain text (the default)")
    form.add_argument("--html", action="store_true", help="one page without scripts or links, with plots")
    form.add_argument("--pdf", action="store_true", help="the same as PDF (extra `pdf`); needs -o")
    form.add_argument("--patient", action="store_true", help="the patient's sheet, in plain words")
    form.add_argument("--patient-html", action="store_true", help="the same as a page")
    report.add_argument("-o", "--output", metavar="FILE", help="where to; else standard output")

    course = actions.add_parser("course", parents=[home], help="one patient's progress on paper")
    course.add_argument("patient", help="pseudonym")
    course.add_argument("--protocol", default="", help="its id; without it the last one's")
    course.add_argument("--simulated", action="store_true", help="of simulated sessions")
    course.add_argument("--html", action="store_true", help="one page without scripts or links, with plots")
    course.add_argument("-o", "--output", metavar="FILE", help="where to; else standard output")

    export = actions.add_parser("export", parents=[home], help="sessions for other programs")
    export.add_argument("path", nargs="*", help=f"{SESSION}; without any: all real ones of the home")
    export.add_argument(
        "--format",
        choices=("csv", "json", "fhir", "fhir-r4", "fhir-r5", "parquet", "xdf", "bids"),
        default="json",
        help="what it becomes",
    )
    export.add_argument("--separator", default=",", help="of csv: , or ; or tab")
    export.add_argument("--decimal", default=".", help="mark of csv's fractions: . or ,")
    export.add_argument("--bom", action="store_true", help="csv with a byte order mark, which some spreadsheets need")
    export.add_argument("--dictionary", action="store_true", help="what each column of csv means, instead of sessions")
    export.add_argument("--simulated", action="store_true", help="the simulated sessions of the home instead")
    export.add_argument("--patient", default="", help="of this patient alone")
    export.add_argument("--research", metavar="SALT-FILE", help="de-identified with the secret in this file (not fhir)")
    export.add_argument(
        "--unverified", action="store_true", help="parquet, xdf, bids: records that fail verification too"
    )
    export.add_argument("-o", "--output", metavar="PATH", help="a file, or a folder for parquet, xdf, bids")


def _patients(actions: Any, home: argparse.ArgumentParser) -> None:
    actions.add_parser("patients", parents=[home], help="the patients' file")
    patient = actions.add_parser("patient", parents=[home], help="show one patient, or change what is said of one")
    patient.add_argument("id", help="pseudonym, never a name")
    patient.add_argument("--condition", help="what is treated, a word of the library")
    patient.add_argument("--side", choices=("left", "right", "both"), help="the treated side")
    patient.add_argument("--flag", action="append", metavar="NAME", help="a fact that tightens limits")
    patient.add_argument("--no-flags", action="store_true", help="none of them holds any more")
    patient.add_argument("--pad", action="append", metavar="NAME=7.6x12.7", help="size of both pads in cm")
    patient.add_argument("--protocol", help="the usual protocol's id")
    patient.add_argument("--week", type=whole_number, help="week of the course, from 1")
    patient.add_argument("--note", help="a line for who comes next")


def _keeping(actions: Any, home: argparse.ArgumentParser) -> None:
    anchor = actions.add_parser("anchor", parents=[home], help="one signed line to keep elsewhere: how far the home is")
    anchor.add_argument("-o", "--output", metavar="FILE", help="put it behind the others in this file")
    _outside(actions, home)
    accept = actions.add_parser("accept", parents=[home], help="take a register as it is: opens a closed door")
    accept.add_argument("register", help="operators, patients, site, or a file of the home that verify names")
    clear = actions.add_parser("clear", parents=[home], help="a session of today that is gone, cut or changed is known")
    clear.add_argument("session", help="its name")
    sign = actions.add_parser("sign", parents=[home], help="a person's signature on a session that is sealed")
    sign.add_argument("session", help=SESSION)
    sign.add_argument("--meaning", default="performed", help="performed, witnessed or reviewed")
    join = actions.add_parser("join", parents=[home], help="two pseudonyms are one person")
    join.add_argument("wrong", help="the pseudonym that was wrong")
    join.add_argument("right", help="the one that stays")
    forget = actions.add_parser(
        "forget", parents=[home], help="erase a person: their words are unreadable from then on"
    )
    forget.add_argument("patient", help="the pseudonym")
    keys = actions.add_parser("keys", parents=[home], help="people's keys that are lost here, from beside a backup")
    keys.add_argument("file", metavar="FILE.people", help="what `records backup` put beside its file")
    fresh = actions.add_parser("new-key", parents=[home], help="a new key for a station that lost its own")
    for one in (accept, clear, sign, join, forget, keys, fresh):
        one.add_argument("--operator", default="", metavar="ID", help="who does it; the PIN is asked for")
        one.add_argument("--reason", required=True, metavar="TEXT", help="why; stands in the station's chain")


def _outside(actions: Any, home: argparse.ArgumentParser) -> None:
    witness = actions.add_parser("witness", parents=[home], help="sign how far another home is, if it goes on")
    witness.add_argument("seen", metavar="HOME", help="the other station's home folder, as this machine sees it")
    witness.add_argument("-o", "--output", metavar="FILE", help="put the line behind the others in this file")
    cosigned = actions.add_parser("cosigned", parents=[home], help="enter what a witness signed for this home")
    cosigned.add_argument("file", help="what `records witness` wrote")
    stamp = actions.add_parser("stamp", parents=[home], help="an authority's time stamp (RFC 3161) on an anchor of now")
    way = stamp.add_mutually_exclusive_group(required=True)
    way.add_argument("--server", metavar="URL", help="ask this authority; it sees a digest, nothing of a patient")
    way.add_argument("--request", metavar="FILE", help="without a network: write a request to carry there")
    way.add_argument("--answer", metavar="FILE", help="what came back for the request")
    stamp.add_argument(
        "--roots", default="", metavar="FILE", help="certificates (PEM) to trust: checked before it is kept"
    )


def _life(actions: Any, home: argparse.ArgumentParser) -> None:
    backup = actions.add_parser("backup", parents=[home], help="everything of the home in one file")
    backup.add_argument("-o", "--output", required=True, metavar="FILE", help="a new file, as home.tar.zst")
    backup.add_argument("--without-key", action="store_true", help="leave the station's private key out")
    restore = actions.add_parser("restore", parents=[home], help="a backup back into an empty home")
    restore.add_argument("file", help="what `records backup` made")
    archive = actions.add_parser("archive", parents=[home], help="compress old sealed sessions where they lie")
    archive.add_argument("--older-than", type=days, default=365, metavar="DAYS", help="365 without it")
    retention = actions.add_parser("retention", parents=[home], help="how long records are kept, and what is past it")
    retention.add_argument(
        "--keep", action="append", default=[], metavar="KIND=YEARS",
        help="the site's rule for real, child or simulated sessions; 0: for ever",
    )  # fmt: skip
    retention.add_argument("--remove", action="store_true", help="let go what is past its time; a signed line for each")
    retention.add_argument("--within", type=days, default=90, metavar="DAYS", help="list what goes by then: 90")
    migrate = actions.add_parser("migrate", parents=[home], help="link records of older formats to their digests")
    for one in (restore, archive, migrate, retention):
        one.add_argument("--operator", default="", metavar="ID", help="who does it; else who is logged in here")
        one.add_argument("--reason", default="", metavar="TEXT", help="why; stands in the station's chain")


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {
        "records_list": past.listed,
        "records_show": past.show,
        "records_verify": verifying.verify,
        "records_audit": verifying.audited,
        "records_index": past.index,
        "records_replay": replaying.replay,
        "records_schema": past.schema,
        "records_patients": past.patients,
        "records_patient": past.patient,
        "records_backup": lifecycle.backup,
        "records_restore": lifecycle.restore,
        "records_archive": lifecycle.archive,
        "records_migrate": lifecycle.migrate,
        "records_retention": lifecycle.retention,
        "records_anchor": keeping.anchor,
        "records_witness": outside.witness,
        "records_cosigned": outside.cosigned,
        "records_stamp": outside.stamp,
        "records_accept": keeping.accept,
        "records_forget": lifecycle.forget,
        "records_keys": lifecycle.keys,
        "records_clear": keeping.clear,
        "records_join": keeping.join,
        "records_sign": keeping.sign,
        "records_new-key": keeping.new_key,
        "records_report": papers.report,
        "records_course": papers.course,
        "records_export": papers.export,
    }
)
