"""Verification of folders: every session that lies there, and the master chain that says which there should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from estim.records.beside import judge_beside
from estim.records.canonical import unhex
from estim.records.guard import chained, check, digest, file_of
from estim.records.keys import signed_by
from estim.records.master import KINDS, MASTER, STATION, read_master
from estim.records.quick import verify_quickly
from estim.records.retention import removed
from estim.records.segment import segments
from estim.records.side_by_side import side_by_side
from estim.records.signed_chain import ChainReading, each_chain_once, read_chain
from estim.records.stamps import judge_kept
from estim.records.station import NAME as STATION_NAME
from estim.records.station import judge_station, read_station, trusted_keys
from estim.records.verify import SessionVerdict, verify_session
from estim.safety.errors import RecordError

Progress = Callable[[int, int], None]


def verify_folder(
    records: Path,
    *,
    keys: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    deep: bool = False,
    jobs: int = 1,
) -> list[SessionVerdict]:
    """Judge every session under a records folder, and the master chain that says which there should be.

    Args:
        deep: look at each line of every record, not only at those whose files are not as they were sealed.
        records: such a folder, or one session's.
        progress: told (done, all) after each session.
        jobs: sessions that are looked at side by side. Hashing is left to threads; looking at each line takes processes
            of their own, which the caller's main module must bear (a script needs its `if __name__ == "__main__"`).
    """
    look = verify_session if deep else verify_quickly
    if segments(records):
        return [_in_its_chain(records, _at_home(look(records, keys=keys)), keys or {})]
    if not records.is_dir():
        return [SessionVerdict(path=str(records), reason="there is no such folder")]
    folders = [folder for folder in sorted(records.iterdir()) if folder.is_dir() and segments(folder)]
    verdicts: list[SessionVerdict] = []
    for done, verdict in enumerate(side_by_side(partial(look, keys=keys), folders, jobs, processes=deep), 1):
        verdicts.append(_at_home(verdict))
        if progress is not None:
            progress(done, len(folders))
    return _against_master(records, verdicts, keys or {})


def verify_home(
    root: Path,
    *,
    keys: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    deep: bool = False,
    jobs: int = 1,
) -> list[SessionVerdict]:
    """All sessions of a home, real and simulated, its registers and its station's chain.

    Args:
        keys: what the auditor trusts; None trusts the published keys that the station's chain vouches for.
        jobs: as for `verify_folder`.
    """
    with each_chain_once():
        verdicts = judge_beside_records(root)
        trusted = trusted_keys(root)[0] if keys is None else keys
        for kind in KINDS:
            folder = root / "records" / kind
            if folder.is_dir():
                verdicts += verify_folder(folder, keys=trusted, progress=progress, deep=deep, jobs=jobs)
        return verdicts


def judge_beside_records(root: Path) -> list[SessionVerdict]:
    """What is wrong with anything in a home but its sessions: the station's chain, registers, courses, trials, keys."""
    verdicts = [
        SessionVerdict(path=str(path), first_bad=line, reason=reason)
        for path, line, reason in (*judge_station(root), *judge_beside(root), *judge_kept(root), *_judge_torn(root))
    ]
    reading = read_station(root)
    for register in chained(reading.entries if reading is not None else ()):
        try:
            check(root, register)
        except RecordError as error:
            if not any(verdict.path == str(root / STATION) for verdict in verdicts):
                verdicts.append(SessionVerdict(path=str(root / file_of(register)), first_bad=None, reason=str(error)))
    return verdicts


def _judge_torn(root: Path) -> Iterator[tuple[Path, int | None, str]]:
    """What a power cut left of a line is kept beside its chain, as the next line names it."""
    chains = [(root / STATION, STATION_NAME), *((root / "records" / kind / MASTER, "master chain") for kind in KINDS)]
    chains += [(path, path.name) for path in (*root.glob("care/*/*.jsonl"), *root.glob("trials/*/trial.jsonl"))]
    for path, name in chains:
        reading = read_chain(path, name)
        for entry in reading.entries if reading is not None else ():
            if "torn_file" not in entry:
                continue
            kept = path.with_name(Path(str(entry["torn_file"])).name)
            if not kept.is_file() or digest(kept) != entry.get("torn_sha256"):
                reason = (
                    f"what a power cut left of a line is gone or was changed; line {entry['n']} of {path.name} saw it"
                )
                yield kept, None, reason


def _at_home(verdict: SessionVerdict) -> SessionVerdict:
    """A simulated session among the real ones, or the other way round, is no honest record: anyone can make either."""
    path = Path(verdict.path).absolute()
    among = path.parent.name
    if among in {"real", "simulated"} and verdict.session not in {"", path.name}:
        reason = f"this record was written as session {verdict.session}"
        return replace(verdict, ok=False, first_bad=verdict.first_bad or 0, reason=reason)
    if not verdict.records or among not in {"real", "simulated"} or verdict.simulated is (among == "simulated"):
        return verdict
    said = "simulated" if verdict.simulated else "real"
    return replace(verdict, ok=False, first_bad=0, reason=f"a {said} session lies among the {among} ones")


def _against_master(records: Path, verdicts: list[SessionVerdict], keys: Mapping[str, str]) -> list[SessionVerdict]:
    """The verdicts, corrected by what the master chain saw; before them what is wrong with the chain itself."""
    master = read_master(records)
    path = str(records / MASTER)
    if master is None:
        if not any(verdict.sealed for verdict in verdicts):
            return verdicts
        return [SessionVerdict(path=path, reason="sealed sessions are here, their master chain is not"), *verdicts]
    found: list[SessionVerdict] = []
    if master.first_bad is not None:
        ending = "torn" if master.torn else "incomplete"
        found.append(SessionVerdict(path=path, first_bad=master.first_bad, reason=master.reason, ending=ending))
    here = {Path(verdict.path).name: verdict for verdict in verdicts}
    let_go = removed(records.parent.parent) if records.name in KINDS else {}
    entries, unsigned = _signed_part(records, master, here, keys)
    if unsigned is not None:
        reason = f"line {unsigned} of the master chain is not signed by a trusted key"
        found.append(SessionVerdict(path=path, first_bad=unsigned, reason=reason))
    seen = latest(entries)
    sound = not found  # that a session which it names is gone makes the chain no worse a witness of those that are here
    for session, entry in seen.items():
        if session not in here and not _let_go(entry, let_go.get(session), records.name):
            reason = f"the master chain saw this session {entry['event']}, it is gone"
            found.append(SessionVerdict(path=str(records / session), reason=reason))
    unsealed = [name for name, v in here.items() if v.sealed and name in seen and seen[name]["event"] != "sealed"]
    if unsealed and not found:
        reason = (
            f"{', '.join(unsealed[:3])} {'is' if len(unsealed) == 1 else 'are'} sealed, which the master chain does "
            "not know: its end was cut off, or the station stopped in that moment"
        )
        found.append(SessionVerdict(path=path, first_bad=len(entries), reason=reason))
        sound = False
    return [*found, *(_seen_by_master(verdict, seen, whole=sound) for verdict in verdicts)]


def _in_its_chain(folder: Path, verdict: SessionVerdict, keys: Mapping[str, str]) -> SessionVerdict:
    """One session by itself, held to what the chain that it lies beside saw of it, where it lies in a home."""
    records = folder.absolute().parent
    master = read_master(records) if records.name in KINDS else None
    if master is None:
        return verdict
    strict = records.name != "simulated"
    of_it = (entry for entry in master.entries if entry["session"] == folder.absolute().name)
    seen = latest(tuple(entry for entry in of_it if master_signed(entry, keys, strict=strict)))
    return _seen_by_master(verdict, seen, whole=master.first_bad is None)


def _let_go(entry: Mapping[str, Any], line: Mapping[str, Any] | None, kind: str) -> bool:
    """Whether the site removed this session at the end of its time, and this very one."""
    if line is None or line["kind"] != kind:
        return False
    return entry["event"] != "sealed" or (line["head"], line["lines"]) == (entry["head"], entry["lines"])


def _signed_part(
    records: Path, master: ChainReading, here: Mapping[str, SessionVerdict], keys: Mapping[str, str]
) -> tuple[tuple[Mapping[str, Any], ...], int | None]:
    """The lines up to the first that no trusted key signed, and that line's number."""
    for entry in master.entries:
        verdict = here.get(entry["session"])
        # Rehearsals sign with a key made from their seed: only real sessions are held to the station's.
        strict = records.name != "simulated" and not (verdict is not None and verdict.simulated)
        if not master_signed(entry, keys, strict=strict):
            return master.entries[: entry["n"]], entry["n"]
    return master.entries, None


def master_signed(entry: Mapping[str, Any], keys: Mapping[str, str], *, strict: bool) -> bool:
    """Whether a trusted key signed this line; a key that is not known is let pass only where nothing is held to it."""
    public = keys.get(entry["key_id"])
    if public is None:
        return not (strict and keys)
    try:
        return signed_by(public, unhex(entry["hash"], 32), unhex(entry["signature"], 64))
    except ValueError:
        return False


def latest(entries: tuple[Mapping[str, Any], ...]) -> dict[str, Mapping[str, Any]]:
    """What the chain last said of each session; a seal is never taken back."""
    seen: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        known = seen.get(entry["session"])
        if known is None or known["event"] != "sealed":
            seen[entry["session"]] = entry
    return seen


def _seen_by_master(verdict: SessionVerdict, seen: Mapping[str, Mapping[str, Any]], *, whole: bool) -> SessionVerdict:
    entry = seen.get(Path(verdict.path).name)
    if entry is None:
        # An empty record is one that the station was just beginning; a chain that is bad itself may have named more.
        if not verdict.records or not whole:
            return verdict
        reason = "the master chain does not name this session: it was put here, or copied from elsewhere"
        reason = reason if verdict.ok else f"{verdict.reason}; {reason}"
        return replace(verdict, ok=False, first_bad=verdict.first_bad or 0, reason=reason)
    if entry["event"] != "sealed" or entry["head"] == verdict.head:
        return verdict
    reason = "this is not the record that the master chain saw sealed"
    if verdict.records < entry["lines"] and (verdict.first_bad is None or verdict.ending == "torn"):
        reason = f"the master chain saw it sealed with {entry['lines']} lines: its end was cut off"
    first_bad = verdict.first_bad
    if first_bad is not None:
        reason = f"{verdict.reason}; {reason}"
    return replace(verdict, ok=False, first_bad=verdict.records if first_bad is None else first_bad, reason=reason)
