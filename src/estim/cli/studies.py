"""`study new|check|run|merge`: products of protocols, levels, virtual patients, devices and seeds."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from estim.cli.output import EXIT_REFUSED, print_json, whole_number
from estim.safety.errors import quoted


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The parsers."""
    study = commands.add_parser("study")
    what = study.add_subparsers(dest="what", required=True, metavar="WHAT")
    new = what.add_parser("new", parents=[home], help="a commented study file")
    new.add_argument("file", metavar="FILE", help="is written; an existing one is left alone")
    check = what.add_parser("check", parents=[home], help="everything that is wrong with it; exit code 0 or 1")
    check.add_argument("file", nargs="+", metavar="FILE", help="the study")
    run = what.add_parser("run", parents=[home], help="run it, or the rest of it")
    run.add_argument("file", metavar="FILE", help="the study")
    run.add_argument("-o", "--output", required=True, metavar="DIR", help="results.jsonl, timing.jsonl, report.html")
    run.add_argument("--workers", type=whole_number, default=1, metavar="N", help="processes at once on this machine")
    run.add_argument("--on", default="", metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:PORT, or local")
    run.add_argument(
        "--shard", default="1/1", metavar="I/N", help="every N-th run, from the I-th on; study merge joins"
    )
    run.add_argument("--resume", action="store_true", help="go on where the folder holds this study half done")
    run.add_argument("--records", choices=("none", "broken", "all"), default="none", help="which records are kept")
    merge = what.add_parser("merge", parents=[home], help="the shards of one study as one")
    merge.add_argument("folders", nargs="+", metavar="DIR", help="what study run wrote")
    merge.add_argument("-o", "--output", required=True, metavar="DIR", help="where the whole goes")


def study(given: argparse.Namespace) -> int:
    """One of the four."""
    return {"new": _new, "check": _check, "run": _run, "merge": _merge}[given.what](given)


def _new(given: argparse.Namespace) -> int:
    from estim.platform.files import make_new, trouble
    from estim.safety.errors import UsageError
    from estim.study.plan import TEMPLATE

    path = Path(given.file)
    try:
        make_new(path, TEMPLATE.encode("utf-8"), private=False)
    except FileExistsError:
        raise UsageError(f"{path} is there already and is left alone") from None
    except OSError as error:
        raise UsageError(f"{path}: {trouble(error)}") from None
    if given.json:
        print_json({"file": str(path)})
    else:
        print(f"{path}: edit it, then: estim study run {path} -o DIR")
    return 0


def _check(given: argparse.Namespace) -> int:
    from estim.safety.errors import ProtocolError
    from estim.study.plan import read_study
    from estim.version import software

    entries: list[dict[str, Any]] = []
    for name in given.file:
        try:
            study, said = read_study(Path(name), software()), []
        except ProtocolError as error:
            study, said = None, [problem.to_json() for problem in error.problems]
        entries.append({"file": name, "ok": not said, "runs": study.count() if study else None, "problems": said})
        if not given.json:
            print(f"{name}: ok, {study.count()} runs" if study else f"{name}:")
            for problem in said:
                print(f"  line {problem['line']}: {problem['key']}: {problem['message']}")
    ok = all(entry["ok"] for entry in entries)
    if given.json:
        print_json({"ok": ok, "files": entries})
    return 0 if ok else EXIT_REFUSED


def _shard(text: str) -> tuple[int, int]:
    from estim.safety.errors import UsageError

    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard {quoted(text)}: I/N with I from 1 to N, such as 3/100")
    return int(match[1]), int(match[2])


def _run(given: argparse.Namespace) -> int:
    from estim.safety.errors import UsageError
    from estim.study.plan import read_study
    from estim.study.running import Ask, run_study
    from estim.version import software

    if not 1 <= given.workers <= 4 * (os.cpu_count() or 1) + 64:
        raise UsageError(f"--workers {given.workers}: from 1 to a few for each processor")
    study = read_study(Path(given.file), software())
    ask = Ask(workers=given.workers, on=given.on, shard=_shard(given.shard), resume=given.resume, records=given.records)
    folder = Path(given.output)
    document = run_study(study, folder, ask, progress=None if given.json else _Bar().tell)
    if given.json:
        print_json(document)
    else:
        print(f"{study.file.id}: {document['done']} of {document['runs']} runs in {document['wall_s']:.1f} s")
        print("  " + ", ".join(f"{outcome} {count}" for outcome, count in document["outcomes"].items()))
        print(f"  {folder / 'results.jsonl'}, {folder / 'report.html'}")
        _say_failed(document)
    return EXIT_REFUSED if document["failed"] else 0


def _merge(given: argparse.Namespace) -> int:
    from estim.study.running import merge
    from estim.version import software

    document = merge([Path(folder) for folder in given.folders], Path(given.output), software())
    if given.json:
        print_json(document)
    else:
        print(f"{document['done']} of {document['runs']} runs from {document['shards']} folders in {given.output}")
        _say_failed(document)
    return EXIT_REFUSED if document["failed"] else 0


def _say_failed(document: dict[str, Any]) -> None:
    for each in document["failed"][:20]:
        print(f"  FAILED run {each['run']}: {each['reason']}", file=sys.stderr)


class _Bar:
    """How far it is, and how long it will take; on standard error."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()

    def tell(self, done: int, of: int, failed: int) -> None:
        """Four times a second into a terminal, else each 10 s."""
        now, terminal = time.monotonic(), sys.stderr.isatty()
        if now - self._told < (0.25 if terminal else 10.0) and done < of:
            return
        self._told = now
        left_s = (now - self._began) / done * (of - done)
        bar = "#" * (30 * done // of)
        text = f"[{bar:<30}] {done} of {of} runs, {failed} failed, {left_s:.0f} s to go"
        print(f"\r{text}" if terminal else text, end="\n" if done == of or not terminal else "", file=sys.stderr)
