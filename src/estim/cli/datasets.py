"""`records export --format parquet|xdf|bids`: sessions as tables and timelines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from estim.cli.output import EXIT_REFUSED, print_json
from estim.cli.speaking import say
from estim.platform.files import put_whole, trouble
from estim.protocols.unseen import in_one_line

if TYPE_CHECKING:
    from estim.data.rows import Rekeyed, Rows
    from estim.records.home import Home
    from estim.records.summary import Read

FORMATS = ("parquet", "xdf", "bids")


def export(given: argparse.Namespace, home: Home, folders: Sequence[Path]) -> int:
    """Into the folder that -o names. What is not verified is left out and named, unless --unverified asks for it."""
    from estim.safety.errors import RecordError, UsageError

    if given.output is None:
        raise UsageError(f"--format {given.format}: name a folder with -o")
    research = _research(given)
    left_out: list[tuple[str, str]] = []
    reads = [
        (folder, read)
        for folder, read in _reads(home, folders)
        if not given.patient or read.summary.patient == given.patient
    ]
    if not reads:
        raise RecordError(nothing_there(given, home))
    kept: list[tuple[Path, Read]] = []
    for folder, read in reads:
        untrusted = not read.summary.verified and not given.unverified
        if untrusted or read.summary.unreadable:
            name = research.of("session", folder.name) if research is not None else in_one_line(folder.name)
            left_out.append((name, read.summary.unreadable or read.summary.reason or read.summary.ending))
        else:
            kept.append((folder, read))
    known = len(left_out)
    count = _write(given, kept, left_out, research)
    whole = len(kept) - (len(left_out) - known)
    for session, why in left_out:
        say(f"{session} is left out: {why}")
    if given.json:
        print_json({"sessions": whole, "left_out": [{"session": name, "why": why} for name, why in left_out],
                    "rows": count, "output": str(given.output)})  # fmt: skip
    else:
        print(f"{whole} sessions, {count} rows in {given.output}")
    return EXIT_REFUSED if left_out else 0


def nothing_there(given: argparse.Namespace, home: Home) -> str:
    """Why nothing was exported, and what the other option would find."""
    from estim.records.segment import segments

    whose = f" of {given.patient}" if given.patient else ""
    other = home.records(simulated=not given.simulated)
    count = sum(1 for folder in other.iterdir() if segments(folder)) if other.is_dir() else 0
    kind = "real" if given.simulated else "practice"
    there = f"; {count} {kind} session{' is' if count == 1 else 's are'} in this home" if count else ""
    how = " (without --simulated)" if given.simulated else " (with --simulated)"
    return f"no {'practice' if given.simulated else 'real'} session{whose} to export{there}{how if count else ''}"


def _research(given: argparse.Namespace) -> Rekeyed | None:
    from estim.data.rows import Rekeyed
    from estim.safety.errors import UsageError

    if not given.research:
        return None
    try:
        return Rekeyed(Path(given.research).read_bytes().strip())
    except OSError as error:
        raise UsageError(f"--research {given.research}: {trouble(error)}") from None


def _reads(home: Home, folders: Sequence[Path]) -> Iterator[tuple[Path, Read]]:
    from estim.cli.past import progress
    from estim.records.in_chain import in_its_home
    from estim.records.station import trusted_keys
    from estim.records.summary import read_or_say

    keys, tell = trusted_keys(home.root)[0], progress("reading records")
    for count, folder in enumerate(folders, start=1):
        read = read_or_say(folder, keys=keys)
        yield folder, replace(read, summary=in_its_home(folder, read.summary, keys))
        if tell is not None:
            tell(count, len(folders))


def _write(
    given: argparse.Namespace,
    kept: Sequence[tuple[Path, Read]],
    left_out: list[tuple[str, str]],
    research: Rekeyed | None,
) -> int:
    """Gives the number of rows; what turns out to be unfit for a table joins `left_out`."""
    from estim.data.parquet import Dataset
    from estim.safety.errors import UsageError

    made = _rows(kept, left_out, research)
    folder = Path(given.output)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"-o {folder}: {given.format} is written into a folder, and this is none")
    if given.format == "parquet":
        with Dataset(folder) as dataset:
            for rows in made:
                dataset.add(rows)
            dataset.write(left_out, research=research is not None)
            return dataset.counts.total()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return sum(_timeline(given.format, rows, folder) for rows in made)
    except OSError as error:
        raise UsageError(f"{folder}: {trouble(error)}") from None


def _timeline(form: str, rows: Rows, folder: Path) -> int:
    from estim.data.timeline import bids, xdf

    if form == "xdf":
        put_whole(folder / f"{rows.session}.xdf", xdf(rows))
    else:
        table, described = bids(rows)
        put_whole(folder / f"{rows.session}_events.tsv", table.encode("utf-8"))
        put_whole(folder / f"{rows.session}_events.json", described.encode("utf-8"))
    return sum(len(each) for each in rows.tables.values())


def _rows(
    kept: Sequence[tuple[Path, Read]], left_out: list[tuple[str, str]], research: Rekeyed | None
) -> Iterator[Rows]:
    from estim.data.rows import rows_of
    from estim.record_lines.shape import UNFIT, why
    from estim.records.export import day_of

    first: dict[str, str] = {}
    for _, read in kept:
        summary = read.summary
        first[summary.patient] = min(first.get(summary.patient, summary.utc), summary.utc)
    for folder, read in kept:
        summary = read.summary
        try:
            utc = summary.utc if research is None else day_of(first[summary.patient], summary.utc)
            rows = rows_of(folder.name, summary, read.entries, utc=utc, research=research)
        except UNFIT as error:  # another program's, or a later version's
            name = research.of("session", folder.name) if research is not None else folder.name
            left_out.append((name, f"lines can't be understood: {why(read.entries, error)}"))
            continue
        yield rows
