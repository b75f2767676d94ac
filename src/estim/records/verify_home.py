"""Verification of folders: every session that lies there, and the master chain that says which there should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from estim.records.beside import judge_beside
from estim.records.erasing import not_erased
from estim.records.guard import chained, check, digest, file_of
from estim.records.in_chain import at_home, gone, held_to, in_its_chain, latest, let_go, master_signed
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
        return [in_its_chain(records, at_home(look(records, keys=keys)), keys or {})]
    if not records.is_dir():
        return [SessionVerdict(path=str(records), reason="there is no such folder")]
    folders = [folder for folder in sorted(records.iterdir()) if folder.is_dir() and segments(folder)]
    verdicts: list[SessionVerdict] = []
    for done, verdict in enumerate(side_by_side(partial(look, keys=keys), folders, jobs, processes=deep), 1):
        verdicts.append(at_home(verdict))
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
    lines = reading.entries if reading is not None else ()
    verdicts += [
        SessionVerdict(path=str(path), first_bad=line, reason=reason) for path, line, reason in not_erased(root, lines)
    ]
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
    ended = removed(records.parent.parent) if records.name in KINDS else {}
    entries, unsigned = _signed_part(records, master, here, keys)
    if unsigned is not None:
        reason = f"line {unsigned} of the master chain is not signed by a trusted key"
        found.append(SessionVerdict(path=path, first_bad=unsigned, reason=reason))
    seen = latest(entries)
    sound = not found  # that a session which it names is gone makes the chain no worse a witness of those that are here
    for session, entry in seen.items():
        if session not in here and not let_go(entry, ended.get(session), records.name):
            found.append(SessionVerdict(path=str(records / session), reason=gone(entry)))
    unsealed = [name for name, v in here.items() if v.sealed and name in seen and seen[name]["event"] != "sealed"]
    if unsealed and not found:
        reason = (
            f"{', '.join(unsealed[:3])} {'is' if len(unsealed) == 1 else 'are'} sealed, which the master chain does "
            "not know: its end was cut off, or the station stopped in that moment"
        )
        found.append(SessionVerdict(path=path, first_bad=len(entries), reason=reason))
        sound = False
    return [*found, *(held_to(verdict, seen.get(Path(verdict.path).name), lambda: sound) for verdict in verdicts)]


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
