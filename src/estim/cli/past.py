"""`records list|show|verify|audit|schema|index|patients|patient`: looking at past sessions."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.output import EXIT_REFUSED, home_of, print_json

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.index import Filter
    from estim.records.verify import SessionVerdict


def progress(what: str) -> Callable[[int, int], None] | None:
    """A bar on the terminal's standard error; None where nobody looks."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, whole: int) -> None:
        bar = "#" * (30 * done // whole) if whole else ""
        print(f"\r{what} [{bar:30}] {done} of {whole}", end="\n" if done == whole else "", file=sys.stderr, flush=True)

    return tell


def listed(given: argparse.Namespace) -> int:
    """Sessions, the latest first; simulated ones never among real ones."""
    from estim.records.index import Index

    home = home_of(given)
    kinds = [kind for kind in (False, True) if not (given.simulated and not kind) and not (given.real and kind)]
    limit = given.limit if given.limit > 0 else -1
    with Index(home) as index:
        index.catch_up(progress("reading records"))
        filters = {kind: _filter(given, simulated=kind) for kind in kinds}
        found = {kind: index.sessions(wanted, limit=limit) for kind, wanted in filters.items()}
        counts = {kind: index.count(wanted) for kind, wanted in filters.items()}
    if given.json:
        rows = [{"ok": row["verified"], **row} for kind in kinds for row in found[kind]]
        print_json({"sessions": rows, "count": sum(counts.values())})
        return 0
    for kind in kinds:
        if found[kind]:
            print("Simulated sessions" if kind else "Sessions")
        for row in found[kind]:
            state = "ok " if row["verified"] else "BAD"
            done = f"{row['contractions']}/{row['contractions_planned']}" if row["contractions_planned"] else ""
            print(
                f"  {state} {row['utc'][:16].replace('T', ' '):16} {row['patient']:12} {row['ending']:10} "
                f"{row['outcome']:10} {done:>7} {row['protocol']:40} {row['session']}"
            )
        if counts[kind] > len(found[kind]):
            print(f"  ... {counts[kind] - len(found[kind])} more: --limit")
    return 0


def _filter(given: argparse.Namespace, *, simulated: bool) -> Filter:
    from estim.records.index import Filter

    until_ms = _day_ms(given.until, "--until")
    return Filter(
        simulated=simulated,
        patient=given.patient,
        protocol=given.protocol,
        operator=given.operator,
        outcome=given.outcome,
        ending=given.ending,
        text=given.text,
        from_ms=_day_ms(given.since, "--since"),
        until_ms=None if until_ms is None else until_ms + 86_400_000,
    )


def _day_ms(text: str | None, option: str) -> int | None:
    from estim.safety.errors import UsageError

    if text is None:
        return None
    try:
        day = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise UsageError(f"{option} {text!r}: a day as 2026-11-21") from None
    return int(day.timestamp() * 1_000)


def session_folder(home: Home, text: str) -> Path:
    """The session that a word names: a folder, a name, the beginning of one, or `last`.

    Raises:
        RecordError: none, or more than one.
    """
    from estim.records.segment import segments
    from estim.safety.errors import RecordError

    if segments(Path(text)):
        return Path(text)
    roots = [home.records(simulated=simulated) for simulated in (False, True)]
    folders = [folder for root in roots if root.is_dir() for folder in root.iterdir() if segments(folder)]
    if text == "last" and folders:
        return max(folders, key=lambda folder: folder.name)
    found = [folder for folder in folders if folder.name == text] or [
        folder for folder in folders if text and folder.name.startswith(text)
    ]
    if len(found) != 1:
        raise RecordError(
            f"{text}: {'no session' if not found else f'{len(found)} sessions begin so'}; see records list"
        )
    return found[0]


def show(given: argparse.Namespace) -> int:
    """One session's lines."""
    from estim.records.verify import read_record

    folder = session_folder(home_of(given), given.path)
    record = read_record(folder)
    if given.json:
        print_json({"path": str(folder), "lines": [entry._asdict() for entry in record.entries], "bad": record.reason})
        return 0
    for entry in record.entries:
        said = json.dumps(entry.fields, ensure_ascii=False)
        print(f"{entry.n:6} {entry.t_us / 1e6:10.3f} s {entry.kind:12} {said[:160]}")
    if record.reason:
        print(f"From line {record.first_bad} on the record can't be relied on: {record.reason}")
    return 0


def verify(given: argparse.Namespace) -> int:
    """0 only for records that were closed in order or honestly taken over, in a home that continues every anchor."""
    from estim.records.anchor import UNVOUCHED
    from estim.records.station import trusted_keys
    from estim.records.verify_home import verify_folder, verify_home

    home = home_of(given)
    keys = _pinned(given)
    tell = progress("verifying")
    if given.path:
        trusted = keys or trusted_keys(home.root)[0]
        verdicts = [
            one
            for path in given.path
            for one in verify_folder(Path(path), keys=trusted, progress=tell, deep=given.deep)
        ]
    else:
        verdicts = verify_home(home.root, keys=keys or None, progress=tell, deep=given.deep)
    anchors = _anchors(home, given.anchor)
    ok = bool(verdicts) and all(verdict.ok for verdict in verdicts) and not any(row["reason"] for row in anchors)
    vouched = "" if anchors else UNVOUCHED
    if given.json:
        rows = [verdict.to_json() for verdict in verdicts]
        print_json({"ok": ok, "sessions": rows, "anchors": anchors, "unvouched": vouched})
        return 0 if ok else EXIT_REFUSED
    for verdict in verdicts:
        _say_verdict(verdict)
    for row in anchors:
        print(f"{row['file']}: anchor of {row['utc']}: {row['reason'] or 'this home continues it'}")
    if not verdicts:
        print("no record found")
    elif vouched:
        print(vouched)
    return 0 if ok else EXIT_REFUSED


def _pinned(given: argparse.Namespace) -> dict[str, str]:
    from estim.safety.errors import UsageError

    try:
        return {hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]: key for key in given.key}
    except ValueError:
        raise UsageError("--key: a public key is 64 hex digits, as in keys/station-keys.txt") from None


def _anchors(home: Home, files: list[str]) -> list[dict[str, str]]:
    """Each anchor of each file, and why the home does not continue it."""
    from estim.records.anchor import against, read_anchors
    from estim.safety.errors import RecordError, UsageError

    rows = []
    for name in files:
        try:
            found = read_anchors(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"--anchor {name}: {error}") from None
        except RecordError as error:
            rows.append({"file": name, "utc": "", "reason": str(error)})
            continue
        rows += [{"file": name, "utc": one.utc, "reason": against(home.root, one)} for one in found]
    return rows


def _say_verdict(verdict: SessionVerdict) -> None:
    from estim.records.report import signature_words

    bad = "" if verdict.first_bad is None else f", first bad record {verdict.first_bad}"
    state = "verified" if verdict.ok else "NOT VERIFIED"
    reason = f": {verdict.reason}" if verdict.reason else ""
    signer = ", signer unknown" if verdict.signer == "unknown" and verdict.records else ""
    print(f"{verdict.path}: {state}, {verdict.records} records, {verdict.ending}{signer}{bad}{reason}")
    if verdict.signature:
        print(f"  {signature_words(verdict.signature, by_pin=verdict.signature['authenticated'])}")
    elif verdict.records:
        print("  UNSIGNED: no person signed this session; the station sealed what it wrote")
    if not verdict.sealed and verdict.last_on_us is not None and verdict.off_by_us is not None:
        print(
            f"  last line with output {verdict.last_on_us / 1e6:.1f} s after the beginning; it had ended "
            f"{verdict.off_by_us / 1e6:.1f} s after the beginning at the latest (record's lag, device's own timer)"
        )


def audited(given: argparse.Namespace) -> int:
    """0 if no line breaks a rule of the session."""
    from estim.records.audit import audit
    from estim.records.segment import segments
    from estim.records.verify import read_record

    home = home_of(given)
    if given.path:
        folders = [session_folder(home, path) for path in given.path]
    else:
        roots = [home.records(simulated=simulated) for simulated in (False, True)]
        folders = [folder for root in roots if root.is_dir() for folder in sorted(root.iterdir()) if segments(folder)]
    rows: list[dict[str, Any]] = []
    tell = progress("auditing")
    for done, folder in enumerate(folders, 1):
        record = read_record(folder)
        found = [finding.to_json() for finding in audit(record.entries)]
        rows.append({"path": str(folder), "records": len(record.entries), "findings": found, "unread": record.reason})
        if tell is not None:
            tell(done, len(folders))
    ok = all(not row["findings"] for row in rows)
    if given.json:
        print_json({"ok": ok, "sessions": rows})
        return 0 if ok else EXIT_REFUSED
    for row in rows:
        said = f"{len(row['findings'])} findings" if row["findings"] else "within the rules"
        unread = f"; only up to line {row['records']}: {row['unread']}" if row["unread"] else ""
        print(f"{row['path']}: {said}{unread}")
        for finding in row["findings"]:
            print(f"  line {finding['n']}: {finding['rule']}: {finding['message']}")
    return 0 if ok else EXIT_REFUSED


def schema(given: argparse.Namespace) -> int:  # noqa: ARG001 - there is nothing to choose
    """What the lines of a record say, for other programs."""
    from estim.record_lines.schema import schema as made

    print_json(made())
    return 0


def index(given: argparse.Namespace) -> int:
    """Bring the index up to date, or build it again."""
    from estim.records.index import Filter, Index

    home = home_of(given)
    if given.rebuild:
        for name in ("index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm"):
            (home.root / name).unlink(missing_ok=True)  # also one that is damaged
    with Index(home) as opened:
        read = opened.refresh(progress("reading records"))
        counts = {kind: opened.count(Filter(simulated=kind == "simulated")) for kind in ("real", "simulated")}
    if given.json:
        print_json({"read": read, **counts})
    else:
        print(f"{read} read; {counts['real']} sessions and {counts['simulated']} simulated ones in the index")
    return 0


def patients(given: argparse.Namespace) -> int:
    """The patients' file."""
    from estim.records.patients import load_patients, spellings

    known = load_patients(home_of(given).patients)
    twice = spellings(known)
    if given.json:
        print_json({"patients": [asdict(one) for one in known.values()], "spelled_twice": twice})
        return 0
    for one in known.values():
        said = (one.condition, one.side, one.protocol, f"week {one.week}" if one.protocol else "", " ".join(one.flags))
        print(f"{one.id:14} {', '.join(part for part in said if part)}")
    for names in twice:
        print(f"{' and '.join(names)} are one pseudonym in several spellings: join them with `estim records join`")
    return 0


def patient(given: argparse.Namespace) -> int:
    """Show one patient, or change what is said of one."""
    from estim.records.patients import Patient, load_patients, save_patient
    from estim.records.pseudonym import normal, written
    from estim.safety.errors import RecordError, UsageError

    path = home_of(given).patients
    known = load_patients(path)
    changes: dict[str, Any] = {
        key: value
        for key in ("condition", "side", "protocol", "week", "note")
        if (value := getattr(given, key)) is not None
    }
    before = known.get(given.id)
    if before is None:
        before = next((one for name, one in known.items() if normal(name) == normal(given.id)), None)
    if given.flag or given.no_flags:
        kept = () if given.no_flags or before is None else before.flags
        changes["flags"] = tuple(sorted({*kept, *(given.flag or ())}))
    if given.pad:
        if not all("=" in pad for pad in given.pad):
            raise UsageError("--pad: a channel and the size of its pads in cm, as quadriceps=7.6x12.7")
        changes["pads"] = {**(before.pads if before else {}), **dict(pad.split("=", 1) for pad in given.pad)}
    if changes:
        before = replace(before, **changes) if before is not None else Patient(id=written(given.id), **changes)
        save_patient(path, before)
    elif before is None:
        raise RecordError(f"patient {given.id}: not in {path}")
    if given.json:
        print_json(asdict(before))
    else:
        for key, value in asdict(before).items():
            print(f"{key:10} {value if not isinstance(value, tuple) else ' '.join(value)}")
    return 0
