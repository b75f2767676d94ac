"""Registers are believed only as their chain has them: operators, patients, site limits, who may sign these.

A register is one file, and each change of it one line of the station's chain with the digest of the new file, who and
why. A file that is not the one that its last line names, or is gone, opens no door.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from estim.platform.files import no_device, replace_whole, trouble
from estim.records.station import HOW_TO_OPEN, enter_station, read_station, station_lines
from estim.safety.errors import RecordError

REGISTERS: Mapping[str, str] = {
    "operators": "operators.json",
    "patients": "patients.json",
    "site": "site.toml",
    "leads": "keys/lead-keys.txt",  # who may open limits
}
GONE = ""
_NEXT = ".next"


def file_of(register: str) -> str:
    """A register's file in the home; what is no register of people or limits is named by its file."""
    return REGISTERS.get(register, register)


def chained(lines: tuple[Mapping[str, Any], ...]) -> list[str]:
    """Every register that the chain names, those of every home first."""
    events = {"register", "taken-as-it-is"}
    named = {str(entry["register"]) for entry in lines if entry["event"] in events and "lines" not in entry}
    return [*REGISTERS, *sorted(named - REGISTERS.keys())]


def digest(path: Path) -> str:
    """SHA-256 of a register's file; GONE where there is none.

    Raises:
        RecordError: it can't be read.
    """
    try:
        return hashlib.sha256(no_device(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        return GONE
    except OSError as error:
        # Windows calls the reading of a folder forbidden, which would send people after rights.
        why = "it is a folder" if path.is_dir() else trouble(error)
        raise RecordError(f"{path}: this register can't be read: {why}") from None


def last_word(lines: tuple[Mapping[str, Any], ...], register: str) -> Mapping[str, Any] | None:
    """The chain's last line on a register."""
    mine = (entry for entry in reversed(lines) if entry["event"] in {"register", "taken-as-it-is"})
    return next((entry for entry in mine if entry.get("register") == register), None)


def check(home: Path, register: str) -> None:
    """The register's file is the one that its chain names. A home that never chained it has nothing to compare with.

    Raises:
        RecordError: it is another, or gone; and how an administrator opens the door again.
    """
    path = home / file_of(register)
    word = last_word(station_lines(home), register)
    if word is None:
        return
    said, found = str(word.get("sha256", GONE)), digest(path)
    if found == said:
        return
    if _finish(path, said):
        return
    what = "it is gone" if found == GONE else "it was changed by hand, or an older copy was put here"
    when = str(word.get("utc", ""))[:16].replace("T", " ")
    how = HOW_TO_OPEN.replace("NAME", register)
    raise RecordError(f"{path}: {what}; the {register} register was last changed on {when} UTC: {how}")


def _finish(path: Path, said: str) -> bool:
    """A change whose line was written and whose file was not yet in its place when the power went."""
    prepared = path.with_name(path.name + _NEXT)
    if said == GONE or digest(prepared) != said:
        return False
    prepared.replace(path)
    return True


def change(
    path: Path,
    register: str,
    data: bytes,
    *,
    said: str,
    operator: str,
    reason: str,
    home: Path | None = None,
    more: Mapping[str, object] | None = None,
) -> None:
    """Put `data` in the place of a register: first beside it, then the line, then the file.

    Args:
        home: whose chain says so; None is the folder that the file lies in.
        more: what else the line says.

    Raises:
        RecordError: the line can't be written; the old file stands.
        OSError: the file can't be written; the old file stands.
    """
    prepared = path.with_name(path.name + _NEXT)
    replace_whole(prepared, data)
    try:
        enter_station(
            home or path.parent, "register", register=register, sha256=hashlib.sha256(data).hexdigest(), change=said,
            operator=operator, reason=reason, **(more or {}),
        )  # fmt: skip
    except RecordError:
        prepared.unlink(missing_ok=True)
        raise
    replace_whole(path, data)
    prepared.unlink(missing_ok=True)


def adopt(home: Path) -> None:
    """Registers of a home that was made before they were chained: from now on they are.

    Raises:
        RecordError: the chain can't be read or written.
    """
    lines = station_lines(home)
    for register, name in REGISTERS.items():
        if last_word(lines, register) is None and (home / name).exists():
            enter_station(
                home, "register", register=register, sha256=digest(home / name), operator="",
                change="found here, and chained from now on", reason="",
            )  # fmt: skip


def accept(home: Path, register: str, *, operator: str, reason: str) -> None:
    """An administrator takes a register as it is, or its absence.

    Raises:
        RecordError: no such register, or the chain can't be written.
    """
    reading = read_station(home)
    known = chained(reading.entries if reading is not None else ())
    if register not in known:
        raise RecordError(f"{register}: no register; there are {', '.join(known)}")
    enter_station(
        home, "taken-as-it-is", register=register, sha256=digest(home / file_of(register)), operator=operator,
        reason=reason,
    )  # fmt: skip
