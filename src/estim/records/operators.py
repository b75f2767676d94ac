"""Operators: who may sign in with which PIN and in which role. One JSON file, replaced as a whole.

What this proves is stated plainly in docs/records.md: that somebody knew the PIN. It supports 21 CFR Part 11, it does
not confer it. Who writes this file by hand closes the door; who has the station's key as well can be anybody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from estim.records import administrators
from estim.records.administrators import HASH_BYTES
from estim.records.pseudonym import is_whole_name
from estim.records.register import Register
from estim.safety.errors import RecordError, quoted

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
ROLES = {
    "therapist": "treats: opens and signs sessions",
    "observer": "watches; may stop",
    "auditor": "reads and verifies records; may sign a review",
}
# What a signature says (21 CFR 11.50), and who may say it.
MEANINGS = {"performed": ("therapist",), "witnessed": ("therapist", "observer"), "reviewed": ("therapist", "auditor")}
PIN_MIN, PIN_MAX = 6, 64
# RFC 9106, the second recommended option: 64 MiB, 3 passes, 4 lanes; some 0.2 s here.
MEMORY_KIB, PASSES, LANES, SALT_BYTES = 64 * 1024, 3, 4, 16
WRONG_MAX = 5
LOCKED_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator.

    Attributes:
        id: as typed at sign-in, a pseudonym or initials.
        name: printed name for signatures.
        role: one of ROLES.
        pin: Argon2id in PHC form, never the PIN.
        pin_set: day on which the PIN was set, ISO 8601; "" where it was before such days were kept.
        active: False keeps the name for old signatures and lets nobody in.
        administrator: may add, change and disable operators, and open doors that a damaged register has closed.

    Raises:
        RecordError: a value that can't be, named.
    """

    id: str
    name: str
    role: str
    pin: str
    active: bool = True
    pin_set: str = ""
    administrator: bool = False

    def __post_init__(self) -> None:
        if type(self.id) is not str or not ID.fullmatch(self.id):
            raise RecordError(f"operator id {quoted(self.id)}: 1 to 40 letters, digits, '-', '_' and '.' are allowed")
        if type(self.name) is not str or not self.name.strip() or len(self.name) > 100:
            raise RecordError(f"operator {self.id}: a printed name of 1 to 100 characters is needed for signatures")
        if self.role not in ROLES:
            raise RecordError(f"operator {self.id}: role {quoted(self.role)} is none of {', '.join(ROLES)}")
        if type(self.pin) is not str or not self.pin.startswith("$argon2id$"):
            raise RecordError(f"operator {self.id}: no PIN is set")


def hash_pin(pin: str) -> str:
    """A PIN as it is kept.

    Raises:
        RecordError: too short or too long.
    """
    if not PIN_MIN <= len(pin) <= PIN_MAX:
        raise RecordError(f"PIN: {PIN_MIN} to {PIN_MAX} characters are needed, a shorter one can be tried out")
    kdf = Argon2id(
        salt=os.urandom(SALT_BYTES), length=HASH_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return kdf.derive_phc_encoded(pin.encode("utf-8"))


def fits(operator: Operator, pin: str) -> bool:
    """Whether it is this operator's PIN."""
    try:
        Argon2id.verify_phc_encoded(pin.encode("utf-8"), operator.pin)
    except (InvalidKey, ValueError):
        return False
    return True


_REGISTER = Register("operator", "operators", Operator, told=administrators.told)


def load_operators(path: Path) -> dict[str, Operator]:
    """All operators, {} where there is no file: then a sign-in is a claim, and the record says so.

    Raises:
        RecordError: the file can't be read, or holds what can't be.
    """
    return _REGISTER.load(path)


def save_operator(path: Path, operator: Operator, *, by: str = "", reason: str = "") -> None:
    """Add or replace one operator; `by` and `reason` stand in the chain.

    Raises:
        RecordError: the file can't be read or written; the old one stands.
    """
    said = f"operator {operator.id}, {operator.role}{'' if operator.active else ', disabled'}"
    with _REGISTER.changing(path, said, operator=by, reason=reason) as known:
        known[operator.id] = operator


def deactivated(operator: Operator) -> Operator:
    """The operator, let in no more."""
    return replace(operator, active=False)


def no_stranger_by_name(name: str, known: Mapping[str, Operator]) -> None:
    """Whoever signs in has initials or a pseudonym; a register may have named its people otherwise, long ago.

    Raises:
        RecordError: a whole name that is in no register.
    """
    if is_whole_name(name) and name.strip() not in known:
        raise RecordError(
            f"operator {name.strip()}: initials or a pseudonym, as PT1; the whole name stands with a signature alone"
        )
