"""The station's chain: everything that happens to a home beside its sessions.

Keys that sign, registers that change (operators, patients, site limits), wrong PINs, looks and exports, sessions that a
person cleared, pseudonyms that are one person. Each line also names the last lines of both chains of sessions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from estim.records.canonical import unhex
from estim.records.clocks import now_stamp
from estim.records.keys import PRIVATE, PUBLIC, Signer, key_id_of, known_keys, private_key, signed_by, station_signer
from estim.records.master import KINDS, MASTER, STATION
from estim.records.master_seen import hash_at, seen_master
from estim.records.pseudonym import normal
from estim.records.signed_chain import ChainReading, append_signed, is_head, last_of, read_chain, shaped
from estim.safety.errors import RecordError

NAME = "station's chain"
# Which keys each event's line has beside n, event, utc, boot_us, boot_id, zone, real, simulated, prev, key_id, hash,
# signature: the page on the record format is held against this table.
EVENTS: Mapping[str, str] = {
    "key": "a key signs from now on: public_key, and `before` (key id) where an older one signed until then",
    "register": "a register changed: register, sha256 of its file, change in words, operator, reason; of operators "
    "also `administrators`: id → [salt and cost of the PIN's Argon2id, the station's code over its digest], which says "
    "who may take the file as it is",
    "taken-as-it-is": "an administrator accepts a register, a chain beside the records (then also lines, head), or "
    "that one is missing: register, sha256, operator, reason",
    "kept": "a chain beside the records grew: file (in the home), lines, head",
    "rule": "the site set a rule: what (pin-days, keep-years-real, -child, -simulated), value, operator, reason",
    "sign-in-refused": "a wrong PIN or role: operator, what, reason",
    "looked": "somebody read, reported or exported: what, sessions, patient, operator, reason",
    "cleared": "what today's session says or lacks no longer keeps the patient out: session, operator, reason",
    "signed": "a person signed a sealed session: session, head, operator, name, meaning, authenticated, comment",
    "joined": "two pseudonyms are one person: patient, into, operator, reason",
    "restored": "this home was put back from a backup: from (its anchor), operator, reason",
    "archived": "sealed sessions were compressed: archive (where), sha256 of their names, sessions, operator, reason",
    "migrated": "a record of an older format: session, head, format, segments (as a seal has them), operator, reason",
    "erased": "a patient's key was destroyed: key (its id), digests (of each key that was: the first 16 hexadecimal "
    "digits of SHA-256 over `estim person's key`, a newline and its 32 bytes), operator, reason",
    "keys-back": "people's keys were put back from the file beside a backup: keys (their ids), operator, reason",
    "removed": "a session is gone whose time was over: session, kind, head, lines, until (day), operator, reason",
    "practised": "an objective of practice was met beside a simulated device: operator, objective, session",
    "cosigned": "a witness saw this chain: witness (its public key), anchor (its line)",
    "witnessed": "this station, as a witness, saw another's chains: of (that one's public key), anchor (the line)",
    "stamped": "an authority's time stamp is kept: file (in stamps/), sha256, time (the authority's), authority",
}


_SHAPES: Mapping[str, Mapping[str, type]] = {
    "key": {"public_key": str},
    "register": {"register": str, "sha256": str},
    "taken-as-it-is": {"register": str},
    "kept": {"file": str, "lines": int, "head": str},
    "rule": {"what": str, "value": int},
    "cleared": {"session": str},
    "signed": {"session": str, "head": str},
    "joined": {"patient": str, "into": str},
    "erased": {"key": str},
    "removed": {"session": str, "kind": str, "head": str, "lines": int},
    "stamped": {"file": str, "sha256": str},
}


def check_key(home: Path) -> None:
    """The station's key can sign here, or the first session may make one; nothing is made or written.

    Raises:
        RecordError: it is gone, broken, or another's than the chain names.
    """
    path, private = home / STATION, home / "keys" / PRIVATE
    if not private.exists():
        if path.exists():
            how = "`estim records new-key --operator ID --reason TEXT`"
            why = f"{private}: the station's key is gone; put it back from a backup, or make a new one: {how}"
            raise RecordError(why)
        return
    signer = private_key(home)
    if path.exists() and (known := known_keys(home)) and signer.key_id not in known:
        raise RecordError(_strange(private))


def begin_station(home: Path) -> Signer:
    """The station's key, and a chain that introduces it and every key that the home had before.

    Raises:
        RecordError: the chain can't be written, or the key that it names is gone or another one.
    """
    path = home / STATION
    check_key(home)
    signer = station_signer(home)
    with contextlib.suppress(OSError):
        home.chmod(0o700)
    if not path.exists():
        append_signed(path, signer, {"event": "key", "public_key": signer.public_hex, **_context(home)})
        for key_id, public in known_keys(home).items():
            if key_id != signer.key_id:
                append_signed(path, signer, {"event": "key", "public_key": public, **_context(home)})
    return signer


def enter_station(home: Path, event: str, **said: object) -> Mapping[str, Any]:
    """One line in the station's chain, on the disk before this returns. The first line introduces the key.

    Raises:
        RecordError: it can't be written.
        KeyError: no such event.
    """
    EVENTS[event]
    return append_signed(home / STATION, begin_station(home), {"event": event, **said, **_context(home)})


def new_key(home: Path, *, operator: str, reason: str) -> str:
    """A new key for a station whose old one is lost or known to others; gives its id. Old records stay good.

    Raises:
        RecordError: it can't be made.
    """
    private = home / "keys" / PRIVATE
    before = private_key(home) if private.exists() else None
    reading = read_station(home)
    if before is not None and reading is not None and not_ours(home, before.key_id, reading.entries):
        before = None  # a stranger's: it can vouch for nothing
    if private.exists():
        number = sum(1 for _ in private.parent.glob(f"{PRIVATE}.old*"))
        private.rename(private.with_name(f"{PRIVATE}.old{number}"))
    signer = station_signer(home)
    said = {"event": "key", "public_key": signer.public_hex, "operator": operator, "reason": reason, **_context(home)}
    if before is not None:
        said["before"] = before.key_id
    append_signed(home / STATION, before or signer, said)
    return signer.key_id


def _context(home: Path) -> dict[str, object]:
    heads = {kind: last_of(home / "records" / kind / MASTER) for kind in KINDS}
    return {**now_stamp(), **heads}


def read_station(home: Path) -> ChainReading | None:
    """The chain; None where there is none."""
    reading = read_chain(home / STATION, NAME)
    return shaped(reading, NAME, _SHAPES) if reading is not None else None


def station_lines(home: Path) -> tuple[Mapping[str, Any], ...]:
    """Its lines, for a safety question.

    Raises:
        RecordError: it was changed, or cut so that a session's chain knows more of it than there is.
    """
    reading = read_station(home)
    lines = reading.entries if reading is not None else ()
    if reading is not None and reading.first_bad is not None and not reading.torn:
        raise RecordError(f"{home / STATION}: {reading.reason}; {HOW_TO_OPEN}")
    reason = cut(home, lines)
    if reason:
        raise RecordError(f"{home / STATION}: {reason}; {HOW_TO_OPEN}")
    taken = max((entry["n"] for entry in lines if entry["event"] == "taken-as-it-is"), default=-1)
    believed = [entry for entry in lines if entry["event"] in BELIEVED and entry["n"] >= taken]
    unsigned = signed_lines(believed, trusted_keys(home)[0])
    if unsigned is not None:
        raise RecordError(f"{home / STATION}: line {unsigned} was signed by no key of this home; {HOW_TO_OPEN}")
    return lines


# Events of which one line can open a door: believed only with a signature of this home.
BELIEVED = frozenset({"register", "rule", "taken-as-it-is", "cleared", "joined", "practised", "removed"})
HOW_TO_OPEN = (
    "put the right file back from a backup, or let an administrator take what is there as it is: "
    "`estim records accept NAME --operator ID --reason TEXT`"
)


def cut(home: Path, lines: tuple[Mapping[str, Any], ...]) -> str:
    """Why the station's chain can't be whole: a chain of sessions knows more of it than there is; "" if all is well."""
    taken = max((entry["n"] for entry in lines if entry["event"] == "taken-as-it-is"), default=-1)
    for kind in KINDS:
        seen = seen_master(home / "records" / kind)
        number, head = seen.station if seen is not None else (0, "")
        if number > len(lines) and taken < 0:
            return f"{'it is gone' if not lines else 'its end was cut off'}: sessions saw {number} lines of it"
        if 0 < number <= len(lines) and lines[number - 1]["hash"] != head and number - 1 > taken:
            return f"line {number - 1} is not the one that sessions saw: it was written anew"
    return ""


def cleared(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """Sessions that a person has cleared."""
    return {str(entry["session"]) for entry in lines if entry["event"] == "cleared"}


def late_signatures(home: Path) -> dict[str, list[Mapping[str, Any]]]:
    """Head of a record → signatures that came after its seal, in order; of lines that no trusted key signed, none."""
    reading, found = read_station(home), dict[str, list[Mapping[str, Any]]]()
    keys = trusted_keys(home)[0]
    for entry in reading.entries if reading is not None else ():
        if entry["event"] == "signed" and signed_lines([entry], keys) is None:
            found.setdefault(str(entry["head"]), []).append(entry)
    return found


def looked(home: Path, what: str, *, sessions: int, patient: str, operator: str) -> None:
    """Somebody looked at records, reported or exported them. A home that can't be written is looked at all the same."""
    with contextlib.suppress(RecordError, OSError):
        enter_station(home, "looked", what=what, sessions=sessions, patient=patient, operator=operator, reason="")


def one_person(lines: Iterable[Mapping[str, Any]], patient: str) -> frozenset[str]:
    """Every pseudonym, in normal form, that stands for the same person as `patient`."""
    groups: dict[str, set[str]] = {}
    for entry in lines:
        if entry["event"] == "joined":
            left, right = normal(str(entry["patient"])), normal(str(entry["into"]))
            both = groups.get(left, {left}) | groups.get(right, {right})
            for name in both:
                groups[name] = both
    own = normal(patient)
    return frozenset(groups.get(own, {own}))


def trusted_keys(home: Path) -> tuple[dict[str, str], list[str]]:
    """The published keys that the chain vouches for, and the ids of those that nothing vouches for.

    A key is vouched for by the chain's first line, by a line that a vouched key signed, or by a line with which a
    person introduced it with a reason. A home without a chain of its station trusts what it published.
    """
    known = known_keys(home)
    reading = read_station(home)
    if reading is None or not reading.entries:
        return known, []
    vouched = vouched_in(reading.entries)
    return {key: public for key, public in known.items() if key in vouched}, sorted(known.keys() - vouched)


def vouched_in(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of the keys that the station's chain vouches for."""
    vouched: set[str] = set()
    for entry in lines:
        public = str(entry.get("public_key", ""))
        if entry["event"] == "key" and (not vouched or entry["key_id"] in vouched or entry.get("reason")):
            vouched.add(key_id_of(public))
    return vouched


def not_ours(home: Path, key_id: str, lines: Iterable[Mapping[str, Any]]) -> str:
    """Why nothing may be signed with the private key that lies here: the station's chain does not know it; "" if it
    does, or where there is no chain yet.
    """
    vouched = vouched_in(lines)
    return "" if not vouched or key_id in vouched else _strange(home / "keys" / PRIVATE)


def _strange(private: Path) -> str:
    return (
        f"{private}: this private key is none that the station's chain vouches for, so what it signs never verifies: "
        "put the right one back from a backup, or make a new one: `estim records new-key --operator ID --reason TEXT`"
    )


def introduced_keys(home: Path) -> list[dict[str, str]]:
    """Keys that a person introduced and no earlier key vouched for, as after a lost one: as good as that word."""
    reading, vouched, found = read_station(home), set[str](), []
    for entry in reading.entries if reading is not None else ():
        if entry["event"] != "key":
            continue
        key = key_id_of(str(entry.get("public_key", "")))
        if vouched and entry["key_id"] not in vouched:
            said = {name: str(entry.get(name, "")) for name in ("utc", "operator", "reason")}
            found.append({"key": key, **said})
        vouched.add(key)
    return found


def signed_lines(entries: Iterable[Mapping[str, Any]], keys: Mapping[str, str]) -> int | None:
    """Number of the first line that no key of `keys` signed; None if all are signed."""
    for entry in entries:
        public = keys.get(str(entry["key_id"]))
        if public is None or not signed_by(public, unhex(entry["hash"], 32), unhex(entry["signature"], 64)):
            return int(entry["n"])
    return None


def judge_station(home: Path) -> list[tuple[Path, int | None, str]]:
    """What is wrong with the station's chain, its keys, and what the chains say of each other: (file, line, why)."""
    keys, unvouched = trusted_keys(home)
    found: list[tuple[Path, int | None, str]] = [
        (
            home / "keys" / PUBLIC,
            None,
            f"the key {key} was put here by nobody that the station's chain knows: not trusted",
        )
        for key in unvouched
    ]
    reading, path = read_station(home), home / STATION
    lines = reading.entries if reading is not None else ()
    with contextlib.suppress(RecordError, OSError):  # an auditor's copy has none, or may not read it
        private = home / "keys" / PRIVATE
        if private.exists() and (strange := not_ours(home, private_key(home).key_id, lines)):
            found.append((private, None, strange.removeprefix(f"{private}: ")))
    if reading is not None and reading.first_bad is not None:
        found.append((path, reading.first_bad, reading.reason))
    unsigned = signed_lines(lines, keys)
    if unsigned is not None:
        found.append((path, unsigned, f"line {unsigned} of the {NAME} is not signed by a trusted key"))
    reason = cut(home, lines)
    if reason:
        found.append((path, len(lines), f"the {NAME}: {reason}"))
    for kind in KINDS:
        records = home / "records" / kind
        reason, line = unlike_seen(records, _last_seen(lines, kind))
        if reason:
            found.append((records / MASTER, line, reason))
    return found


def _last_seen(lines: Iterable[Mapping[str, Any]], kind: str) -> tuple[int, str]:
    """The most lines of a chain of sessions that these lines know, and the hash there."""
    found = [entry[kind] for entry in lines if is_head(entry.get(kind))]
    return max(((one[0], one[1]) for one in found), default=(0, ""))


def unlike_seen(records: Path, known: tuple[int, str]) -> tuple[str, int]:
    """Why a chain of sessions can't be the one that the station's chain saw, and from which line on; "" if it can."""
    number, head = known
    seen = seen_master(records)
    there = seen.lines if seen is not None else 0
    if number > there:
        return f"{there} lines are here, the {NAME} saw {number}: its end was cut off, or it is an older copy", there
    if seen is not None and number and hash_at(records, seen, number - 1) != head:
        return f"line {number - 1} is not the one that the {NAME} saw: written anew", number - 1
    return "", 0


def seen_by_this_station(home: Path, lines: Iterable[Mapping[str, Any]], kind: str) -> tuple[int, str]:
    """How far a chain of sessions was by the word of a trusted key, since a person last cleared the chain itself."""
    keys = trusted_keys(home)[0]
    told = sorted((entry for entry in lines if is_head(entry.get(kind))), key=lambda one: -int(one[kind][0]))
    since = max(
        (int(one["n"]) for one in lines if one["event"] == "cleared" and one.get("session") == MASTER), default=0
    )
    for entry in told:
        if entry["n"] >= since and signed_lines([entry], keys) is None:
            return int(entry[kind][0]), str(entry[kind][1])
    return 0, ""
