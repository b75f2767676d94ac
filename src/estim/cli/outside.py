"""`records witness|cosigned|stamp`: what others, outside a home, say of how far it was."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.output import home_of, print_json
from estim.cli.speaking import print_line
from estim.platform.files import naming, put_whole, trouble, unread
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from estim.records.home import Home
    from estim.records.stamps import Stamp


def witness(given: argparse.Namespace) -> int:
    """This home, as a witness, looks at another one and signs how far it is, if it goes on from the last look."""
    from estim.records.witness import cosign

    made = cosign(home_of(given).root, Path(given.seen))
    if given.output:
        with naming(Path(given.output)), Path(given.output).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{made}\n")
    if given.json:
        print_json({"witness": made.public_key, "of": made.of, "utc": made.utc, "line": str(made)})
    elif not given.output:
        print(made)
    return 0


def cosigned(given: argparse.Namespace) -> int:
    """What a witness signed for this home is entered in its station's chain."""
    from estim.records.keys import key_id_of
    from estim.records.witness import take_in
    from estim.safety.errors import UsageError

    try:
        text = Path(given.file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{given.file}: {unread(error)}") from None
    taken = take_in(home_of(given).root, text)
    if given.json:
        print_json({"cosigned": [{"witness": one.public_key, "utc": one.utc} for one in taken]})
        return 0
    for one in taken:
        print(f"witness {key_id_of(one.public_key)} saw this home on {one.utc}: entered")
    return 0


def stamp(given: argparse.Namespace) -> int:
    """A time stamp on an anchor of now: from a server, or by hand with a request and its answer as files."""
    from estim.records import stamps

    home = home_of(given)
    if given.request is not None:
        request = stamps.begin(home.root)
        _write(Path(given.request), request)
        if given.json:
            print_json({"request": given.request})
        else:
            print(f"{given.request}: send this to the authority, then `estim records stamp --answer FILE`")
        return 0
    roots = read_roots("--roots", given.roots)
    if given.answer is not None:
        answer = _read("--answer", given.answer)
    else:
        request = stamps.begin(home.root)
        answer = stamps.ask(given.server, request)
    made, kept = stamps.finish(home.root, answer, roots)
    if given.json:
        print_json({"file": str(kept), **stamp_row(made, "")})
    else:
        print(f"{kept}: {said(made)}")
        print("Keep a copy elsewhere; `estim records verify --anchor FILE --stamp-roots ROOTS` checks it.")
    return 0


def anchors_in(home: Home, files: list[str], witnesses: list[str]) -> list[dict[str, Any]]:
    """Each anchor and witness's line of each file, and why it does not hold for this home ("" if it does).

    Args:
        witnesses: public keys; where any is named, no other witness counts, and each must have a line.
    """
    from estim.records.anchor import against, read_anchors
    from estim.records.keys import key_id_of
    from estim.safety.errors import RecordError, UsageError

    named = {key_id_of(_key(key)): key.lower() for key in witnesses}
    blank = {"utc": "", "witness": "", "checked": False, "inside": False}
    rows: list[dict[str, Any]] = []
    for name in files:
        inside = Path(name).resolve().is_relative_to(home.root.resolve())
        try:
            found = read_anchors(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"--anchor {name}: {unread(error)}") from None
        except RecordError as error:
            rows.append({"file": name, **blank, "reason": str(error)})
            continue
        for one in found:
            witness = key_id_of(one.public_key) if one.of else ""
            known = witness in named
            reason = against(home.root, one)
            if witness and named and not known:
                reason = reason or "signed by a witness that is none of those named with --witness-key"
            rows.append({
                "file": name, "utc": one.utc, "witness": witness, "checked": known and not reason, "inside": inside,
                "reason": reason,
            })  # fmt: skip
    for key in named.keys() - {row["witness"] for row in rows if row["checked"]}:
        rows.append({"file": "--witness-key", **blank, "witness": key, "reason": "no line of this witness is there"})
    return rows


def _key(text: str) -> str:
    from estim.safety.errors import UsageError

    try:
        if len(bytes.fromhex(text)) == 32:
            return text.lower()
    except ValueError:
        pass
    raise UsageError(f"--witness-key {quoted(text)}: a public key is 64 hex digits, as `key=` of the witness's line")


def say_outside(found: dict[str, Any], *, roots: str) -> None:
    """What stands outside a home, or ought to, in words."""
    for row in found["anchors"]:
        whose = (
            f"witness {row['witness']}, {row['utc']}".rstrip(", ")
            if row["witness"]
            else f"anchor of {row['utc']}"
            if row["utc"]
            else "anchor"
        )
        good = "this home continues it"
        if row["witness"] and not row["checked"]:
            good += "; anybody can sign as a witness, and this one's key is not checked (--witness-key)"
        if row["inside"]:
            good += "; it lies in the home itself, so it is nothing from outside"
        print_line(f"{row['file']}: {whose}: {row['reason'] or good}")
    for stamp in found["stamps"]:
        print_line(f"{stamp['file']}: {stamp['words']}")
    if roots and not found["stamps"]:
        print(f"--stamp-roots {roots}: no time stamp is here that could be held against them")
    for key in found["introduced_keys"]:
        day = key["utc"][:10] or "an unknown day"
        print(
            f"key {key['key']} was introduced by {key['operator']} on {day} ({key['reason']}), not by the "
            "key before it: what it signed is as good as that word; ask them, or pin the keys with --key"
        )
    if found["lost_keys"]:
        print(
            f"words about people can't be read here: {', '.join(found['lost_keys'])} of keys/people is gone, damaged "
            "or another one, and no line of the station's chain says that it was erased: put it back from the file "
            "beside a backup: `estim records keys FILE.people --operator ID --reason TEXT`"
        )


def checked(home: Home, files: list[str], roots_file: str) -> list[dict[str, object]]:
    """Each time stamp that the home keeps or that stands in these files, and why it proves nothing ("" if it does)."""
    from estim.records import stamps
    from estim.safety.errors import RecordError

    named = [Path(name) for name in files if stamps.BEGIN in _text(name)]
    paths = [*stamps.kept(home.root), *(path for path in named if path.parent != home.root / stamps.FOLDER)]
    roots = read_roots("--stamp-roots", roots_file)
    if not paths:
        return []
    rows: list[dict[str, object]] = []
    for path in paths:
        try:
            rows += [
                {"file": str(path), **stamp_row(one, reason)} for one, reason in stamps.verdicts(home.root, path, roots)
            ]
        except RecordError as error:
            rows.append({"file": str(path), **stamp_row(None, str(error))})
    return rows


def stamp_row(stamp: Stamp | None, reason: str) -> dict[str, object]:
    """One time stamp as JSON has it."""
    if stamp is None:
        return {"time": "", "authority": "", "checked": False, "clock_off_s": None, "reason": reason, "words": reason}
    return {
        "time": stamp.utc.isoformat(),
        "authority": stamp.authority,
        "checked": stamp.checked,
        "clock_off_s": round(stamp.clock_off_s, 1),
        "reason": reason,
        "words": f"{said(stamp)}: {reason}" if reason else said(stamp),
    }


def said(stamp: Stamp) -> str:
    """What a time stamp proves, in words."""
    from estim.records.stamps import CLOCK_S

    by = f" by {stamp.authority}" if stamp.authority else ""
    words = f"time stamp of {stamp.utc:%Y-%m-%d %H:%M:%S} UTC{by}"
    if not stamp.checked:
        words += "; its authority is not checked (--stamp-roots)"
    off_s = stamp.clock_off_s
    if abs(off_s) > CLOCK_S:
        words += (
            f"; the station's clock was {abs(off_s):.0f} s {'ahead' if off_s > 0 else 'behind'}, or its answer late"
        )
    return words


def read_roots(option: str, name: str) -> bytes:
    """The bytes of a file of trusted certificates; b"" where none is named.

    Raises:
        UsageError: it can't be read, or holds no certificate: then nothing would be checked, and nobody would notice.
    """
    from estim.safety.errors import UsageError

    if not name:
        return b""
    data = _read(option, name)
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise UsageError(f"{option} {name}: no certificate (PEM) is in there")
    return data


def _read(option: str, name: str) -> bytes:
    from estim.safety.errors import UsageError

    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {name}: {trouble(error)}") from None


def _text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""  # said where its anchors are read


def _write(path: Path, data: bytes) -> None:
    from estim.safety.errors import UsageError

    try:
        put_whole(path, data)
    except OSError as error:
        raise UsageError(f"--request {path}: {trouble(error)}") from None
