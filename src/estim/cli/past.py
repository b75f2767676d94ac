"""`records list|show|verify|audit|schema|index|patients|patient`: looking at past sessions."""

from __future__ import annotations

import argparse
import atexit
import datetime
import json
import lzma
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli import blinding
from estim.cli.output import EXIT_REFUSED, fitted, home_of, print_json
from estim.cli.secret import login
from estim.cli.speaking import print_line
from estim.platform.files import trouble
from estim.protocols.unseen import in_one_line
from estim.safety.errors import brief, quoted

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.index import Filter

LEFT_OUT_MAX = 20
PART_BYTES = 8_192  # at most so much of a disk goes with each file beside what is in it: its last block, its entry


def progress(what: str) -> Callable[[int, int], None] | None:
    """A bar on the terminal's standard error; None where nobody looks."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, whole: int) -> None:
        bar = "#" * (30 * done // whole) if whole else ""
        print(f"\r{what} [{bar:30}] {done} of {whole}", end="\n" if done == whole else "", file=sys.stderr, flush=True)

    return tell


def listed(given: argparse.Namespace) -> int:
    """Sessions, the latest first; simulated ones never among real ones. Below them what should be there, or is odd."""
    from estim.records.index import Index
    from estim.records.signed_chain import each_chain_once
    from estim.records.station import late_signatures

    home = home_of(given)
    kinds = [kind for kind in (False, True) if not (given.simulated and not kind) and not (given.real and kind)]
    with each_chain_once(), Index(home) as index:
        late = late_signatures(home.root)
        index.catch_up(progress("reading records"))
        looked = {kind: blinding.search(home, index, _filter(given, simulated=kind), given.limit) for kind in kinds}
        beside = {kind: index.left_out(simulated=kind) for kind in kinds}
    count = sum(whole for _, whole in looked.values())
    if given.json:
        rows = [_row(row) for found, _ in looked.values() for row in found]
        others = [{"path": path, "reason": reason} for kind in kinds for path, reason in beside[kind]]
        print_json({"sessions": rows, "count": count, "beside": others})
        return 0
    for kind, (rows, whole) in looked.items():
        if rows:
            print("Simulated sessions" if kind else "Sessions")
        for row in rows:
            print(fitted(in_one_line(_line(row, late))))
        if whole > len(rows):
            print(f"  ... {whole - len(rows)} more: --limit")
    if not count:
        print("no session found")
    _say_beside([one for kind in kinds for one in beside[kind]])
    return 0


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    from estim.records.export import unknown_is_null

    where = "" if row["verified"] else running(Path(row["path"]))  # nobody says of it then that its process ended
    now = {"reason": where, "off_by_us": None} if where else {}
    return {"ok": row["verified"], "running": bool(where), **unknown_is_null(row), **now}


def _line(row: Mapping[str, Any], late: Container[str]) -> str:
    state = "ok " if row["verified"] else "now" if running(Path(row["path"])) else "BAD"
    signed = "signed  " if row["signed_by_person"] else "UNSIGNED"
    signed = "late sig" if signed == "UNSIGNED" and row["head"] in late else signed
    done = f"{row['contractions']}/{row['contractions_planned']}" if row["contractions_planned"] else ""
    no_day = "rehearsal" if row["simulated"] and row["records"] else "day unknown"
    when = row["utc"][:16].replace("T", " ") or no_day
    return (
        f"  {state} {signed} {when:16} {row['patient']:12} {row['ending']:10} "
        f"{row['outcome']:10} {done:>7} {row['protocol']:40} {row['session']}"
    )


def _say_beside(others: Sequence[tuple[str, str]]) -> None:
    if others:
        print("Beside these (`estim records verify` says more):")
    for path, reason in others[:LEFT_OUT_MAX]:
        print_line(f"  {path}: {reason}")
    if len(others) > LEFT_OUT_MAX:
        print(f"  ... {len(others) - LEFT_OUT_MAX} more: --json")


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
    from estim.records.dates import plain_day
    from estim.safety.errors import UsageError

    if text is None:
        return None
    try:
        day = datetime.datetime.combine(plain_day(text), datetime.time(), datetime.UTC)
    except ValueError:
        raise UsageError(f"{option} {quoted(text)}: a day as 2026-11-21") from None
    return int(day.timestamp() * 1_000)


_UNPACKED = ExitStack()
atexit.register(_UNPACKED.close)


def is_zip(path: Path) -> bool:
    """A record as it comes by mail."""
    return path.suffix.lower() == ".zip" and path.is_file()


def records_in(file: Path, unpacked: ExitStack) -> Path:
    """The folder of the one session in a zip file, or that of several; unpacked until `unpacked` is closed.

    Raises:
        RecordError: a zip file without a record, or one that would fill the disk: a stranger's may hold what it likes.
    """
    from estim.records.segment import RECORD, segments
    from estim.safety.errors import RecordError

    folder = Path(unpacked.enter_context(tempfile.TemporaryDirectory()))
    try:
        with zipfile.ZipFile(file) as packed:
            needed = sum(part.file_size + PART_BYTES for part in packed.infolist())
            free = shutil.disk_usage(folder).free
            if needed > free // 2:
                raise RecordError(
                    f"{file}: unpacked it takes {needed / 1e6:,.0f} MB, over half of the {free / 1e6:,.0f} MB free in "
                    f"{folder.parent}; unpack it elsewhere and name the folder"
                )
            packed.extractall(folder)  # names that lead out of the folder are made harmless by the library
    except OSError as error:
        raise RecordError(f"{file}: {trouble(error)}") from None
    except EOFError:
        raise RecordError(f"{file}: can't be unpacked: it ends too early") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, ValueError) as error:
        # Damaged, locked, packed oddly.
        raise RecordError(f"{file}: can't be unpacked: {error}") from None
    found = (one for one in folder.rglob(f"{RECORD}*") if one in segments(one.parent))
    records = sorted(found, key=lambda one: len(one.parts))
    if not records:
        raise RecordError(f"{file}: no {RECORD} is in there")
    homes = {one.parent.parent for one in records}
    return homes.pop() if len(homes) == 1 and len({one.parent for one in records}) > 1 else records[0].parent


def session_folder(home: Home, text: str) -> Path:
    """The session that a word names: a folder or a record's file in it, a zip file with one in it (unpacked until this
    program ends), a name, the beginning of one, or `last`.

    Raises:
        RecordError: none, or more than one.
    """
    from estim.records.segment import segments
    from estim.safety.errors import RecordError

    path = Path(text)
    if is_zip(path):
        path = records_in(path, _UNPACKED)
        if not segments(path):
            raise RecordError(f"{brief(text)}: more than one session is in there; unpack it and name one")
    if segments(path):
        return path
    if path.is_file() and path in segments(path.parent):
        return path.parent
    roots = [home.records(simulated=simulated) for simulated in (False, True)]
    folders = [folder for root in roots if root.is_dir() for folder in root.iterdir() if segments(folder)]
    if text == "last" and folders:
        return max(folders, key=lambda folder: folder.name)
    found = [folder for folder in folders if folder.name == text] or [
        folder for folder in folders if text and folder.name.startswith(text)
    ]
    if len(found) != 1:
        raise RecordError(
            f"{brief(text)}: {'no session' if not found else f'{len(found)} sessions begin so'}; see records list"
        )
    return found[0]


def running(folder: Path) -> str:
    """In words, where the session of this record still runs; "" where no process holds it."""
    from estim.records.door import still_running

    where = still_running(folder)
    if where is None:
        return ""
    return f"the session is still running: on {where.device}, since {where.since}, process {where.process}"


def show(given: argparse.Namespace) -> int:
    """One session's lines. What is not whole, to its seal, is said beside them, and ends with 1."""
    from estim.records.in_chain import at_home, in_its_chain
    from estim.records.personal import opened_lines
    from estim.records.station import looked, trusted_keys
    from estim.records.verify import judge, read_record

    home = home_of(given)
    folder = session_folder(home, given.path)
    blinding.refuse(home, folder)
    record = read_record(folder)
    entries = opened_lines(home.root, record.entries)
    looked(
        home.root,
        "show",
        sessions=1,
        patient=str(record.entries[0].fields.get("patient", "")) if record.entries else "",
        operator=login(),
    )
    alone = judge(folder, record)
    verdict = in_its_chain(folder, at_home(alone), trusted_keys(home.root)[0])
    reasons = dict.fromkeys(reason for reason in (alone.reason, verdict.reason) if reason)
    bad = running(folder) or "; ".join(reasons) if reasons else ""
    if given.json:
        print_json({"path": str(folder), "lines": [entry._asdict() for entry in entries], "bad": bad})
    else:
        for entry in entries:
            said = json.dumps(entry.fields, ensure_ascii=False)
            print_line(f"{entry.n:6} {entry.t_us / 1e6:10.3f} s {entry.kind:12} {said[:160]}")
    if bad:
        line = verdict.first_bad
        what = "The record is not whole" if line is None else f"From line {line} on the record can't be relied on"
        print(f"{what}: {bad}", file=sys.stderr)
    return EXIT_REFUSED if bad else 0


def schema(given: argparse.Namespace) -> int:  # noqa: ARG001 - there is nothing to choose
    """What the lines of a record say, for other programs."""
    from estim.record_lines.schema import schema as made

    print_json(made())
    return 0


def index(given: argparse.Namespace) -> int:
    """Bring the index up to date, or build it again."""
    from estim.records.index import Filter, Index
    from estim.records.index_file import FILES

    home = home_of(given)
    if given.rebuild:
        for name in FILES:
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
    from estim.protocols.catalogue import find
    from estim.protocols.loader import load
    from estim.records.patients import Patient, load_patients, save_patient
    from estim.records.pseudonym import normal, of_somebody_new
    from estim.safety.errors import RecordError, UsageError

    home = home_of(given)
    path = home.patients
    known = load_patients(path)
    if given.protocol:
        given.protocol = load(find(given.protocol, own=home.protocols)).id
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
        before = replace(before, **changes) if before is not None else Patient(id=of_somebody_new(given.id), **changes)
        save_patient(path, before)
    elif before is None:
        raise RecordError(f"patient {given.id}: not in {path}")
    if given.json:
        print_json(asdict(before))
    else:
        for key, value in asdict(before).items():
            shown = [f"{name}={size}" for name, size in value.items()] if isinstance(value, dict) else value
            print(f"{key:10} {' '.join(shown) if isinstance(shown, tuple | list) else shown}")
    return 0
