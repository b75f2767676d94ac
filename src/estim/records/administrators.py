"""Who may open the door when the operators' file itself is not to be believed: the administrators of its last chained
line, by their PIN. Else whoever can remove the file could take its absence as it is.

The line holds each one's salt, and a code over the PIN's digest that only this station's key can make: who gets the
chain without the key (an auditor, a witness, the clinic) can try out no PIN.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from estim.records.guard import last_word
from estim.records.keys import station_signer
from estim.records.station import enter_station, read_station, station_lines

_PURPOSE = b"estim administrators\n"
_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)")
REGISTER, KEY = "operators", "administrators"
HASH_BYTES = 32  # of a PIN's digest


def told(home: Path, known: Mapping[str, Any]) -> dict[str, object]:
    """What the chain's line on the operators says of those who may open doors.

    Args:
        known: every `operators.Operator` by id.
    """
    active = [one for one in known.values() if one.active]
    chosen = [one for one in active if one.administrator] or active
    return {KEY: {one.id: [one.pin.rpartition("$")[0], _code(home, one.pin)] for one in chosen}}


def _code(home: Path, phc: str) -> str:
    return hmac.new(station_signer(home).secret(_PURPOSE), phc.encode("ascii"), hashlib.sha256).hexdigest()


def must_answer(home: Path) -> tuple[str, ...]:
    """Whose PIN opens the operators' register; () where the chain names nobody whom this key can ask: a home of before,
    or one that lost its key since.
    """
    return tuple(sorted(_named(home)))


def _named(home: Path) -> Mapping[str, list[str]]:
    reading = read_station(home)  # as it is: a chain that was cut is opened by the same way
    word = last_word(reading.entries if reading is not None else (), REGISTER) or {}
    said = word.get(KEY)
    if not isinstance(said, dict) or word.get("key_id") != station_signer(home).key_id:
        return {}
    return said


def is_pin(home: Path, name: str, pin: str) -> bool:
    """Whether it is the PIN of this administrator."""
    salted, code = _named(home).get(name, ["", ""])
    again = _again(salted, pin) if salted else ""
    return bool(again) and hmac.compare_digest(_code(home, again), code)


def _again(salted: str, pin: str) -> str:
    found = _PHC.fullmatch(salted)
    if found is None:
        return ""
    memory, passes, lanes = (int(found[part]) for part in (1, 2, 3))
    with contextlib.suppress(ValueError):
        salt = base64.b64decode(found[4] + "=" * (-len(found[4]) % 4))
        kdf = Argon2id(salt=salt, length=HASH_BYTES, iterations=passes, lanes=lanes, memory_cost=memory)
        return kdf.derive_phc_encoded(pin.encode("utf-8"))
    return ""


def tell_again(home: Path, known: Mapping[str, Any], *, operator: str, reason: str) -> None:
    """The chain names those who are administrators from now on: the file was taken as it is, or another key signs.

    Raises:
        RecordError: the chain can't be written.
    """
    word = last_word(station_lines(home), REGISTER)
    if word is None or not known:
        return
    said = {"register": REGISTER, "sha256": str(word["sha256"]), "change": "its administrators"}
    enter_station(home, "register", **said, **told(home, known), operator=operator, reason=reason)
