"""Signed chains that lie beside the records: courses of care, trials. The station's chain says how far each had come.

A chain by itself can't show that its end was cut off, or that it is gone; the station's chain can, and an anchor shows
that of the station's chain.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from estim.platform.files import no_device
from estim.records.folders import safe_name
from estim.records.guard import digest
from estim.records.master import KINDS
from estim.records.pseudonym import normal
from estim.records.signed_chain import ChainReading, last_of, read_chain
from estim.records.station import HOW_TO_OPEN, enter_station, read_station, signed_lines, station_lines, trusted_keys
from estim.safety.errors import RecordError

# Where they lie, in a home.
PLACES = ("care/*/*.jsonl", "trials/*/trial.jsonl")


def named(home: Path, path: Path) -> str:
    """A file as the station's chain names it."""
    return path.relative_to(home).as_posix()


def keep(home: Path, path: Path) -> None:
    """The station's chain names the last line of this chain.

    Raises:
        RecordError: the station's chain can't be written.
    """
    lines, head = last_of(path)
    enter_station(home, "kept", file=named(home, path), lines=lines, head=head)


def is_kept(home: Path, path: Path) -> bool:
    """The station's chain knows of this chain."""
    return named(home, path) in _words(_as_they_are(home))


def read_kept(home: Path, path: Path) -> tuple[Mapping[str, Any], ...]:
    """The lines of a chain, whole, each signed by a key of this home, and none missing; () where there never was one.

    Raises:
        RecordError: it was changed, cut or removed, and how an administrator opens it again.
    """
    lines, name = station_lines(home), named(home, path)
    reading = read_chain(path, path.name)
    found = _wrong(home, path, reading, _words(lines).get(name), trusted_keys(home)[0])
    if found is not None:
        how = HOW_TO_OPEN.replace("NAME", name)
        raise RecordError(f"{path}: {found[1]}; it can't be trusted: {how}")
    return reading.entries if reading is not None else ()


def chains_in(home: Path, folder: str) -> list[Path]:
    """Every such chain under a folder of the home, those that are gone too."""
    here = {path for place in PLACES for path in home.glob(place)}
    there = {home / name for name in _words(_as_they_are(home))}
    return sorted(path for path in here | there if path.is_relative_to(home / folder))


def blinded_sessions(home: Path) -> dict[str, str]:
    """Session folder → trial, of all sessions whose allocation is still sealed: lists, exports and papers show nothing
    of them that would tell an arm.

    Where a trial's chain, or the station's, was changed, cut or removed, nobody knows which sessions are of it: each
    simulated one is taken for one then (a trial has no others), so whoever breaks it opens nothing.
    """
    sealed: dict[str, str] = {}
    try:
        chains = chains_in(home, "trials")
    except (RecordError, OSError):
        chains = sorted(home.glob("trials/*/trial.jsonl"))
    for chain in chains:
        try:
            lines = read_kept(home, chain)
            opened = {normal(str(line["patient"])) for line in lines if line["event"] == "unblinded"}
            names = [
                str(line["session"])
                for line in lines
                if line["event"] == "session" and not opened & {"*", normal(str(line["patient"]))}
            ]
        except (RecordError, OSError, KeyError):
            names = [*_sessions_named(chain), *_practice(home)]
        sealed |= dict.fromkeys(names, chain.parent.name)
    return sealed


def _sessions_named(chain: Path) -> Iterator[str]:
    """Every session that a trial's chain names, whatever is wrong with it."""
    with contextlib.suppress(OSError):
        for raw in no_device(chain).read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                yield str(json.loads(raw)["session"])


def _practice(home: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield from (path.name for path in (home / "records" / KINDS[1]).iterdir() if path.is_dir())


def judge_beside(home: Path) -> list[tuple[Path, int | None, str]]:
    """What is wrong with each of these chains: (file, line, why)."""
    words = _words(_as_they_are(home))
    keys = trusted_keys(home)[0]
    found = []
    for path in chains_in(home, "."):
        wrong = _wrong(home, path, read_chain(path, path.name), words.get(named(home, path)), keys)
        if wrong is not None:
            found.append((path, *wrong))
    return found


def _as_they_are(home: Path) -> tuple[Mapping[str, Any], ...]:
    """The station's good lines; what is wrong with the rest is said of that chain itself."""
    reading = read_station(home)
    return reading.entries if reading is not None else ()


def _words(lines: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """File → the last that the station's chain says of it."""
    words: dict[str, Mapping[str, Any]] = {}
    for entry in lines:
        if entry["event"] == "kept":
            words[str(entry["file"])] = entry
        elif entry["event"] == "taken-as-it-is" and "lines" in entry:
            words[str(entry["register"])] = entry
    return words


def _wrong(
    home: Path,
    path: Path,
    reading: ChainReading | None,
    word: Mapping[str, Any] | None,
    keys: Mapping[str, str],
) -> tuple[int | None, str] | None:
    """The first line that is wrong, and why; None if nothing is."""
    seen = int(word["lines"]) if word is not None else 0
    taken = seen if word is not None and word["event"] == "taken-as-it-is" else 0  # who signed these was asked then
    if reading is None:
        return (None, f"it is gone; the station's chain saw {seen} lines of it") if seen else None
    if reading.first_bad is not None and not reading.torn:
        return reading.first_bad, reading.reason
    if len(reading.entries) < seen:
        return len(reading.entries), f"its end was cut off: the station's chain saw {seen} lines of it"
    if seen and word is not None and reading.entries[seen - 1]["hash"] != word["head"]:
        return seen - 1, f"line {seen - 1} is not the one that the station's chain saw: it was written anew"
    unsigned = signed_lines(reading.entries[taken:], keys)
    if unsigned is not None:
        return unsigned, f"line {unsigned} was signed by no key of this home"
    return _elsewhere(home, path, reading.entries[taken:]) or _parts(path, reading)


def _parts(path: Path, reading: ChainReading) -> tuple[int, str] | None:
    """A trial's files are those that its chain began with."""
    began = reading.entries[0] if reading.entries else {}
    for key, name in (("list_sha256", "sealed.json"), ("trial_sha256", "trial.toml")):
        if key in began and digest(path.with_name(name)) != began[key]:
            return 0, f"{name} is not the one that it began with"
    return None


def take(home: Path, name: str, *, operator: str, reason: str) -> None:
    """An administrator takes such a chain as it is. One that was changed is set aside, whole, and begins anew.

    Raises:
        RecordError: the station's chain can't be written.
    """
    path = home / name
    reading = read_chain(path, path.name)
    if reading is not None and reading.first_bad is not None and not reading.torn:
        number = sum(1 for _ in path.parent.glob(f"{path.stem}.aside.*"))
        path.replace(path.with_name(f"{path.stem}.aside.{number}"))
    lines, head = last_of(path)
    enter_station(
        home, "taken-as-it-is", register=name, lines=lines, head=head, sha256=digest(path), operator=operator,
        reason=reason,
    )  # fmt: skip


def is_beside(home: Path, name: str) -> bool:
    """Whether the name is that of such a chain, here or only in the station's chain."""
    return name in _words(_as_they_are(home)) or any((home / name) in home.glob(place) for place in PLACES)


def _elsewhere(home: Path, path: Path, entries: tuple[Mapping[str, Any], ...]) -> tuple[int, str] | None:
    """A course under another patient's name, or practice among what was done with people."""
    if path.parent.parent != home / "care":
        return None
    for entry in entries:
        name = str(entry.get("patient", ""))
        if safe_name(normal(name)) != path.stem or entry.get("simulated") is not (path.parent.name == KINDS[1]):
            return int(entry["n"]), f"line {entry['n']} was written in the course of {name}, in another place"
    return None
