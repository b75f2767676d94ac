"""Patients under pseudonyms: what belongs to a person and not to one session. One JSON file, replaced as a whole.

No level stands here: levels are found anew each session, suggested from the last one's record at most, and never
carried to another patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from estim.records.pseudonym import WRITTEN, legible_name, normal
from estim.records.register import Register
from estim.safety.errors import RecordError, quoted

PSEUDONYM = WRITTEN
# Flags that tighten limits (L17b, L26, L28), by the names that `PatientFacts` has. Whether it is the first session
# ever is asked each time.
FLAGS = ("child", "fragile_bone", "insensate_skin", "lesion_t6_or_above")
SIDES = ("", "left", "right", "both")
TEXT_MAX = 500
WEEK_MAX = 520
SIZES_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One patient.

    Attributes:
        id: a pseudonym, never a name: records can't be erased.
        condition: in a few words, as the protocols name conditions.
        side: the treated side.
        flags: see FLAGS; they can only tighten.
        pads: channel name → size of both pads in cm, as `--pad` takes it.
        protocol, week: what is assigned; the therapist confirms the week each time, it never counts on by itself.

    Raises:
        RecordError: a value that can't be, named.
    """

    id: str
    condition: str = ""
    side: str = ""
    flags: tuple[str, ...] = ()
    pads: Mapping[str, str] = field(default_factory=dict)
    protocol: str = ""
    week: int = 1
    note: str = ""

    def __post_init__(self) -> None:
        if type(self.id) is not str or not PSEUDONYM.fullmatch(self.id):
            message = "1 to 40 letters, digits, - and _ are allowed: a pseudonym, never a name"
            raise RecordError(f"patient id {quoted(self.id)}: {message}")
        for key in ("condition", "protocol", "note"):
            value = getattr(self, key)
            if type(value) is not str or len(value) > TEXT_MAX:
                raise RecordError(f"patient {self.id}: {key} is no text of at most {TEXT_MAX} characters")
        if self.side not in SIDES:
            raise RecordError(f"patient {self.id}: side {quoted(self.side)} is none of {', '.join(SIDES[1:])}")
        for flag in self.flags:
            if flag not in FLAGS:
                raise RecordError(f"patient {self.id}: flag {quoted(flag)} is none of {', '.join(FLAGS)}")
        for name, size in self.pads.items():
            legible_name(f"patient {self.id}: pad", name)
            if not _is_size(size):
                raise RecordError(
                    f"patient {self.id}: pad {name} {quoted(size)} is no size as 7.6x12.7 or 5 (round), in cm"
                )
        if type(self.week) is not int or not 1 <= self.week <= WEEK_MAX:
            raise RecordError(f"patient {self.id}: week {quoted(self.week)} is no whole number from 1 to {WEEK_MAX}")


def _is_size(size: object) -> bool:
    if type(size) is not str:
        return False
    parts = size.split("x")
    return 1 <= len(parts) <= SIZES_MAX and all(
        re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", part) and float(part) > 0 for part in parts
    )


_REGISTER = Register(
    "patient", "patients", Patient, lambda row: {**row, "flags": tuple(row.get("flags", ()))},
    personal=("condition", "note"),
)  # fmt: skip


def load_patients(path: Path) -> dict[str, Patient]:
    """All patients, {} where there is no file yet.

    Raises:
        RecordError: the file can't be read, or holds what can't be; it is left as it is.
    """
    return _REGISTER.load(path)


def save_patient(path: Path, patient: Patient, *, operator: str = "", reason: str = "") -> None:
    """Add or replace one patient. The old file stands until the new one is wholly on the disk.

    Raises:
        RecordError: the file can't be read or written, or holds this person in another spelling; the old one stands.
    """
    with _REGISTER.changing(path, "a patient's row", operator=operator, reason=reason) as known:
        others = [one for one in known if one != patient.id and normal(one) == normal(patient.id)]
        if others and patient.id not in known:
            raise RecordError(f"patient {patient.id}: known here as {others[0]}; a person has one pseudonym")
        known[patient.id] = patient


def find_patient(known: Mapping[str, Patient], person: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """How a person is written in the register, and all facts that tighten limits under any spelling.

    Args:
        person: normal forms of every pseudonym of this person.

    Returns:
        the spelling ("" where the register does not know the person), and the flags of all rows together.
    """
    rows = [row for name, row in sorted(known.items()) if normal(name) in person]
    flags = sorted({flag for row in rows for flag in row.flags})
    return (rows[0].id if rows else ""), tuple(flags)


def spellings(known: Mapping[str, Patient]) -> tuple[tuple[str, ...], ...]:
    """Rows of the register that are one pseudonym in several spellings: a person must say that they are one."""
    groups: dict[str, list[str]] = {}
    for name in sorted(known):
        groups.setdefault(normal(name), []).append(name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def merge_patients(path: Path, wrong: str, right: str, *, operator: str, reason: str) -> None:
    """One row of two: what tightens limits is kept of both, everything else is the right one's.

    Raises:
        RecordError: the register does not know both, or can't be written.
    """
    with _REGISTER.changing(path, "two rows of one person became one", operator=operator, reason=reason) as known:
        if wrong not in known or right not in known:
            raise RecordError(f"patient {wrong if wrong not in known else right}: not in {path}")
        flags = {*known[wrong].flags, *known[right].flags}
        known[right] = replace(known[right], flags=tuple(sorted(flags)))
        del known[wrong]


def erase_rows(path: Path, names: Iterable[str], *, operator: str, reason: str) -> None:
    """Rows of a person who was erased.

    Raises:
        RecordError: the file can't be read or written; the old one stands.
    """
    with _REGISTER.changing(path, "a person was erased", operator=operator, reason=reason) as known:
        for name in names:
            del known[name]
