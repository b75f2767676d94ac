"""The tamper campaign: every way to change a record that we know of, and whether each is found, at its line."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estim.records.canonical import canonical
from estim.records.chain import GENESIS, Chain
from estim.records.keys import known_keys, seeded_signer
from estim.records.master import enter_master
from estim.records.verify_home import verify_folder


@dataclass(slots=True)
class Row:
    """One way.

    Attributes:
        missed: what was changed and not found.
        elsewhere: found, but the first bad line was not the one that was changed.
    """

    tried: int = 0
    missed: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """A changed record: what was done, its bytes, and the first line that is not as it was (None: named otherwise)."""

    way: str
    said: str
    data: bytes
    line: int | None


def changes(data: bytes, *, step: int = 1) -> Iterator[Change]:
    """All changes of one record; `step` tries only each so-manieth byte."""
    lines = data.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    number = 0
    for position in range(0, len(data), step):
        while position >= starts[number + 1]:
            number += 1
        changed = bytearray(data)
        changed[position] ^= 1 << (position // step) % 8
        yield Change("a byte changed", f"byte {position}", bytes(changed), number)
    number = 0
    for length in range(0, len(data), step):
        while length >= starts[number + 1]:
            number += 1
        yield Change("cut off after a byte", f"{length} bytes left", data[:length], number)
    for number in range(len(lines)):
        rest = [*lines[:number], *lines[number + 1 :]]
        yield Change("a line removed", f"line {number}", b"".join(rest), number)
        twice = [*lines[: number + 1], *lines[number:]]
        yield Change("a line doubled", f"line {number}", b"".join(twice), number + 1)
        yield Change("cut off after a line", f"{number} lines left", b"".join(lines[:number]), number)
        for other in {number + 1, len(lines) - 1} - {number, len(lines)}:
            swapped = list(lines)
            swapped[number], swapped[other] = swapped[other], swapped[number]
            yield Change("two lines swapped", f"lines {number} and {other}", b"".join(swapped), number)
        yield Change(
            "a line inserted",
            f"at {number}",
            b"".join([*lines[:number], _foreign(lines, number), *lines[number:]]),
            None,
        )
    yield from _rewritten(lines)


def _foreign(lines: list[bytes], number: int) -> bytes:
    """A line that follows its neighbour as it should."""
    simulated = json.loads(lines[0])["simulated"]
    before: dict[str, Any] = json.loads(lines[number - 1]) if number else {"hash": GENESIS, "t_us": 0}
    chain = Chain(simulated=simulated, first_n=number, prev=before["hash"])
    return chain.line("note", {"text": "inserted"}, before["t_us"])


def _rewritten(lines: list[bytes]) -> Iterator[Change]:
    """The whole chain made anew with one line changed: without the key, and with another key."""
    entries = [json.loads(line) for line in lines]
    for changed in range(len(entries)):
        for way in ("chained anew, signatures kept", "chained anew with another key"):
            chain = Chain(simulated=entries[0]["simulated"])
            signer = seeded_signer(99)
            made: list[bytes] = []
            for number, entry in enumerate(entries):
                fields = {**entry["fields"], "forged": True} if number == changed else entry["fields"]
                if way.endswith("key") and "signature" in fields:
                    said = {k: v for k, v in fields.items() if k not in {"signature", "key_id", "public_key"}}
                    said["public_key"] = signer.public_hex
                    made.append(chain.checkpoint(signer.sign, signer.key_id, entry["t_us"], said, kind=entry["kind"]))
                else:
                    made.append(chain.line(entry["kind"], fields, entry["t_us"]))
            yield Change(way, f"line {changed}", b"".join(made), None)


def campaign(folder: Path, *, step: int = 1) -> dict[str, Row]:
    """Change the one record of a home, beside its master chain and with the home's keys; put it back at the end."""
    path = folder / "record.jsonl"
    good = path.read_bytes()
    keys = known_keys(folder.parents[2])
    table: dict[str, Row] = {}
    for change in changes(good, step=step):
        row = table.setdefault(change.way, Row())
        row.tried += 1
        path.write_bytes(change.data)
        verdicts = [verdict for verdict in verify_folder(folder.parent, keys=keys) if not verdict.ok]
        if not verdicts:
            row.missed.append(change.said)
        elif change.line is not None and not any(verdict.first_bad == change.line for verdict in verdicts):
            row.elsewhere.append(f"{change.said}: line {verdicts[-1].first_bad}")
    path.write_bytes(good)
    return table


def master_campaign(folder: Path, *, step: int = 1) -> dict[str, Row]:
    """The master chain changed, and whole sessions removed, copied and put in another's place."""
    records = folder.parent
    keys = known_keys(records.parents[1])
    master = records / "master.jsonl"
    good = master.read_bytes()
    table: dict[str, Row] = {}

    def judge(way: str, said: str) -> None:
        row = table.setdefault(way, Row())
        row.tried += 1
        if all(verdict.ok for verdict in verify_folder(records, keys=keys)):
            row.missed.append(said)

    for position in range(0, len(good), step):
        changed = bytearray(good)
        changed[position] ^= 1 << (position // step) % 8
        master.write_bytes(bytes(changed))
        judge("master: a byte changed", f"byte {position}")
    lines = good.splitlines(keepends=True)
    for number in range(len(lines)):
        master.write_bytes(b"".join([*lines[:number], *lines[number + 1 :]]))
        judge("master: a line removed", f"line {number}")
        master.write_bytes(b"".join(lines[:number]))
        judge("master: its end cut off", f"{number} lines left")
        master.write_bytes(_master_anew(lines, without=number))
        judge("master: chained anew without a line, no key", f"line {number}")
    master.unlink()
    judge("master: removed", "")
    for entry in (json.loads(line) for line in lines):
        enter_master(records, entry["session"], entry["head"], seeded_signer(99), event=entry["event"], lines=1)
    judge("master: made anew with another key", "")
    master.write_bytes(good)
    for other in sorted(one for one in records.iterdir() if one.is_dir()):
        kept = records.parent / "kept"
        other.rename(kept)
        judge("a session removed", other.name)
        shutil.copytree(folder if kept.exists() and other != folder else kept, other)
        if other != folder:
            judge("a session in another's place", other.name)
        shutil.rmtree(other)
        kept.rename(other)
        shutil.copytree(other, records / "copy")
        judge("a session copied", other.name)
        shutil.rmtree(records / "copy")
    return table


def _master_anew(lines: list[bytes], *, without: int) -> bytes:
    prev, made = GENESIS, b""
    for number, line in enumerate(line for at, line in enumerate(lines) if at != without):
        entry = {k: v for k, v in json.loads(line).items() if k not in {"hash", "signature"}} | {
            "n": number,
            "prev": prev,
        }
        prev = hashlib.sha256(canonical(entry)).hexdigest()
        whole = {**entry, "hash": prev, "signature": json.loads(line)["signature"]}
        made += canonical(whole) + b"\n"
    return made


def show(table: dict[str, Row]) -> str:
    """The table in Markdown."""
    head = "| Change | Tried | Found | Named at its line |\n|---|---:|---:|---:|\n"
    rows = [
        f"| {way} | {row.tried} | {row.tried - len(row.missed)} | {row.tried - len(row.missed) - len(row.elsewhere)} |"
        for way, row in table.items()
    ]
    return head + "\n".join(rows)
