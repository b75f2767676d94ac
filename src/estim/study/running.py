"""A study into its folder: what is done is on the disk, what is lost is run again, what is there is not."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.rehearsal import pool
from estim.safety.errors import ProtocolError, UsageError
from estim.study.cluster import on_cluster
from estim.study.plan import Run, Study, read_ran, read_study
from estim.study.report import write_report
from estim.study.work import Done, Work, do

RESULTS, TIMING, PARTS, COPY = "results.jsonl", "timing.jsonl", "parts.jsonl", "study.toml"
SYNC_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How a study is to be run.

    Attributes:
        shard: (I, N): every N-th run, from the I-th on. on: a Dask scheduler's address. records: all | broken | none.
    """

    workers: int = 1
    on: str = ""
    shard: tuple[int, int] = (1, 1)
    resume: bool = False
    records: str = "none"


def line_of(row: dict[str, Any]) -> bytes:
    """A row's canonical line: sorted keys, no spaces, the shortest digits that give a number back."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def run_study(
    study: Study, folder: Path, ask: Ask, *, progress: Callable[[int, int, int], None] | None = None
) -> dict[str, Any]:
    """Run what is not there yet; the document of `study run --json`.

    Raises:
        UsageError: the folder holds another study, or this one without --resume.
    """
    began = time.perf_counter()
    first, of = ask.shard
    have = _begin(study, folder, ask)
    mine = [run for run in study.runs() if run.number % of == first - 1]
    todo = [run for run in mine if run.number not in have]
    failed: list[dict[str, Any]] = []
    retried = 0

    def again(count: int) -> None:
        nonlocal retried
        retried += count

    with (folder / PARTS).open("ab") as parts, (folder / TIMING).open("ab") as timing:
        synced = time.monotonic()
        for count, (number, made) in enumerate(_results(todo, ask, again), start=1):
            run = todo[number]
            if isinstance(made, pool.Lost):
                failed.append({"run": run.number, "seed": run.seed, "reason": made.reason})
            else:
                have[run.number] = line_of(made.row)
                parts.write(have[run.number] + b"\n")
                took = {"run": run.number, "wall_s": round(made.wall_s, 6), "worker": made.worker}
                timing.write(line_of(took) + b"\n")
                _keep_record(folder, run, made)
            if time.monotonic() - synced > SYNC_S:
                synced = time.monotonic()
                parts.flush()
                os.fsync(parts.fileno())
            if progress is not None:
                progress(count, len(todo), len(failed))
    rows = [have[run.number] for run in mine if run.number in have]
    _write(folder, rows, study)
    if not failed:
        (folder / PARTS).unlink()
    return {
        "study": study.file.id,
        "digest": study.digest,
        "runs": len(mine),
        "done": len(rows),
        "outcomes": _outcomes(rows),
        "failed": sorted(failed, key=lambda each: each["run"]),
        "retried": retried,
        "workers": ask.workers,
        "shard": f"{first}/{of}",
        "wall_s": time.perf_counter() - began,
    }


def _results(todo: Sequence[Run], ask: Ask, again: Callable[[int], object]) -> Iterator[tuple[int, Done | pool.Lost]]:
    work = [Work(run=run, records=ask.records) for run in todo]
    if ask.on:
        return on_cluster(do, work, address=ask.on, workers=ask.workers, retried=again)
    piece = max(1, min(pool.PIECE, len(work) // (4 * max(1, ask.workers)) or 1))
    return pool.run(do, work, jobs=ask.workers, piece=piece, retried=again)


def _begin(study: Study, folder: Path, ask: Ask) -> dict[int, bytes]:
    """The rows that are there already, by their run's number."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    folder.mkdir(parents=True, exist_ok=True)
    there = folder / COPY
    if there.exists():
        other = read_ran(there)[1]
        if other != study.digest:
            raise UsageError(
                f"{folder} holds another study, digest {other[:16]}; this is {study.digest[:16]}: name another"
            )
        if not ask.resume:
            raise UsageError(f"{folder} holds this study already (digest {other[:16]}): go on with --resume")
    elif any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty and holds no study: name another folder")
    there.write_text(study.copy(), "utf-8", newline="\n")
    have: dict[int, bytes] = {}
    for name in (RESULTS, PARTS):
        if (folder / name).exists():
            for line in (folder / name).read_bytes().split(b"\n"):
                try:
                    have[int(json.loads(line)["run"])] = line
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a run that was killed
    if (folder / PARTS).exists():  # without a torn end, so that the next line begins at a line's beginning
        (folder / PARTS).write_bytes(b"".join(line + b"\n" for line in have.values()))
    return have


def _keep_record(folder: Path, run: Run, made: Done) -> None:
    if made.record:
        place = folder / "records" / f"run-{run.number:07d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "record.jsonl").write_bytes(made.record)


def _write(folder: Path, rows: Iterable[bytes], study: Study) -> None:
    half = folder / (RESULTS + ".part")
    with half.open("wb") as out:
        for row in rows:
            out.write(row + b"\n")
        out.flush()
        os.fsync(out.fileno())
    half.replace(folder / RESULTS)
    write_report(folder, study)


def merge(folders: Sequence[Path], into: Path, program: str) -> dict[str, Any]:
    """Shards of one study as one; the same bytes as if it had been run whole.

    Raises:
        UsageError: no study there, several studies, or two shards that disagree on a run.
    """
    began, digests = time.perf_counter(), {}
    for folder in folders:
        if not (folder / COPY).exists() or not (folder / RESULTS).exists():
            raise UsageError(f"{folder} holds no results of a study")
        digests[folder] = read_ran(folder / COPY)[1]
        if not digests[folder]:
            raise UsageError(f"{folder / COPY} says no digest: it is not as `study run` left it")
    if len(set(digests.values())) > 1:
        raise UsageError(
            "several studies: " + ", ".join(f"{folder} {digest[:16]}" for folder, digest in digests.items())
        )
    rows: dict[int, bytes] = {}
    for folder in folders:
        for at, line in enumerate((folder / RESULTS).read_bytes().splitlines(), start=1):
            number = _number(folder, at, line)
            if rows.setdefault(number, line) != line:
                raise UsageError(f"run {number} differs between the folders: they were not run by one program")
    if into.exists() and any(into.iterdir()):
        raise UsageError(f"{into} is not empty")
    into.mkdir(parents=True, exist_ok=True)
    (into / COPY).write_text((folders[0] / COPY).read_text("utf-8"), "utf-8", newline="\n")
    try:
        study = read_study(into / COPY, program)
    except (ProtocolError, UsageError):  # its own protocols lie elsewhere: the rows are whole all the same
        study = None
    with (into / TIMING).open("wb") as timing:
        for folder in folders:
            if (folder / TIMING).exists():
                timing.write((folder / TIMING).read_bytes())
    ordered = [rows[number] for number in sorted(rows)]
    wanted = study.count() if study is not None else (max(rows) + 1 if rows else 0)
    with (into / RESULTS).open("wb") as out:
        out.writelines(row + b"\n" for row in ordered)
    write_report(into, study)
    missing = [number for number in range(wanted) if number not in rows]
    failed = [{"run": number, "reason": "in none of the folders"} for number in missing[:1000]]
    return {
        "study": read_ran(folders[0] / COPY)[0],
        "digest": digests[folders[0]],
        "runs": wanted,
        "done": len(ordered),
        "outcomes": _outcomes(ordered),
        "failed": failed,
        "missing": len(missing),
        "shards": len(folders),
        "retried": None,  # no folder says how often, nor how many workers there were
        "workers": None,
        "wall_s": time.perf_counter() - began,
    }


def _number(folder: Path, at: int, line: bytes) -> int:
    try:
        row = json.loads(line)
        str(row["outcome"])
        return int(row["run"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{folder / RESULTS}: line {at} is no result of a run: run this shard again") from None


def _outcomes(rows: Iterable[bytes]) -> dict[str, int]:
    return dict(sorted(Counter(json.loads(row)["outcome"] for row in rows).items()))
