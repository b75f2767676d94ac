"""People's keys and what lies under them: which are lost, and how they come back from the file beside a backup.

Who was erased stays erased. A key whose digest the line of the erasure names never comes back; and of an id that was
erased none does that opens no word of afterwards, since a key may have been lost when its person was erased.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.platform.files import no_device, private_folder, replace_whole, trouble, unread
from estim.records.folders import patient_of
from estim.records.master import MASTER, NAME
from estim.records.personal import (
    FOLDER,
    KEY_BYTES,
    MARK,
    UNFIT,
    all_keys,
    changing_keys,
    digest_of_key,
    key_name,
    keys_of,
    opened_with,
)
from estim.records.segment import read_segment, segments
from estim.records.signed_chain import is_head, read_chain
from estim.safety.errors import RecordError

_NAMED = re.compile(MARK.encode("ascii") + rb"([0-9a-f]{16}) ([A-Za-z0-9+/=]+)")
_SHAPE = 'it says {"ID": "KEY"} or {"ID": ["KEY", ...]}, an ID of 16 and a KEY of 64 of the digits 0-9 and a-f'
Lines = Sequence[Mapping[str, Any]]
Key = tuple[str, bytes]  # its id, and itself
Words = dict[str, set[str]]  # id of a key → what is closed under it


def lost_keys(home: Path, lines: Lines) -> list[str]:
    """Ids of the keys under which words lie that are not here, or open them no more, and are not erased either: a copy
    without keys, or somebody removed, damaged or exchanged one by hand. Of sessions alone: those whose key is not here.

    Args:
        lines: the station's chain.
    """
    words = _words_beside(home, lines)
    for name, sealed in _words_of_sessions(home, lines, lambda name: next(keys_of(home, name), None) is None):
        words.setdefault(name, set()).add(sealed)
    return sorted(name for name, said in words.items() if not _opens(home, name, said))


def words_under(home: Path, names: Iterable[str], lines: Lines) -> Words:
    """Everything that is closed under these ids in a home and was not erased."""
    words, wanted = _words_beside(home, lines), frozenset(names)
    for name, sealed in _words_of_sessions(home, lines, wanted.__contains__):
        words.setdefault(name, set()).add(sealed)
    return {name: words[name] for name in wanted & words.keys()}


def words_of_erased(home: Path, names: Iterable[str], lines: Lines) -> Words:
    """What is closed under these ids and was written before their person was erased."""
    wanted = frozenset(names)
    since = words_under(home, wanted, lines)
    return {name: said - since.get(name, set()) for name, said in words_under(home, wanted, _no_erasure(lines)).items()}


def _no_erasure(lines: Lines) -> Lines:
    return [line for line in lines if line["event"] != "erased"]


def _erased(lines: Lines) -> dict[str, Mapping[str, Any]]:
    """Id → the last line with which its key was destroyed."""
    return {str(line.get("key")): line for line in lines if line["event"] == "erased"}


def _words_beside(home: Path, lines: Lines) -> Words:
    """What is closed in the register, in courses and in the station's own chain, and was written since its person was
    erased, if they were. Chains say what came after what: clocks may go back.
    """
    erased, words = _erased(lines), Words()
    changed = max((line["n"] for line in lines if line.get("register") == "patients"), default=-1)
    for name, sealed in _named_in(_bytes(home / "patients.json")):
        if name not in erased or erased[name]["n"] < changed:
            words.setdefault(name, set()).add(sealed)
    for line in lines:
        for name, sealed in _named_in(str(line.get("comment", "")).encode("utf-8")):
            if name not in erased or erased[name]["n"] < line["n"]:
                words.setdefault(name, set()).add(sealed)
    for path in sorted(home.glob("care/*/*.jsonl")):
        file = path.relative_to(home).as_posix()
        for number, raw in enumerate(_bytes(path).splitlines()):
            for name, sealed in _named_in(raw):
                if name not in erased or number >= _lines_before(erased[name], file, lines):
                    words.setdefault(name, set()).add(sealed)
    return words


def _lines_before(erasure: Mapping[str, Any], file: str, lines: Lines) -> int:
    """How many lines a course had when a person was erased."""
    said = (line for line in lines[: erasure["n"]] if line["event"] in {"kept", "taken-as-it-is"})
    return max(
        (line["lines"] for line in said if file in {line.get("file"), line.get("register")} and "lines" in line),
        default=0,
    )


def _words_of_sessions(home: Path, lines: Lines, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """What is closed in sessions of these ids, and was begun since its person was erased, if they were."""
    records, erased, asked = home / "records" / "real", _erased(lines), dict[str, bool]()
    chain: list[str] | None = None
    for folder in sorted(records.iterdir()) if records.is_dir() else ():
        name = key_name(patient_of(folder.name))
        if name not in asked:
            asked[name] = wanted(name)
        if not asked[name]:
            continue
        if name in erased:
            chain = _chain_of_sessions(records) if chain is None else chain
            seen = erased[name].get("real")
            before = int(seen[0]) if isinstance(seen, list) and is_head(seen) else len(chain)
            if folder.name in chain[:before] or folder.name not in chain[before:]:
                continue
        for path in segments(folder):
            with contextlib.suppress(OSError):  # verify says what is wrong with it
                yield from (found for found in _named_in(read_segment(path)) if found[0] == name)


def _chain_of_sessions(records: Path) -> list[str]:
    with contextlib.suppress(OSError):
        reading = read_chain(records / MASTER, NAME)
        return [str(entry.get("session")) for entry in reading.entries] if reading is not None else []
    return []


def _bytes(path: Path) -> bytes:
    with contextlib.suppress(OSError):  # who asks for the file itself says what is wrong with it
        return no_device(path).read_bytes()
    return b""


def _named_in(data: bytes) -> Iterator[tuple[str, str]]:
    return ((name.decode("ascii"), sealed.decode("ascii")) for name, sealed in _NAMED.findall(data))


def _opens(home: Path, name: str, words: Iterable[str]) -> bool:
    keys = list(keys_of(home, name))
    return all(any(opened_with(key, name, sealed) is not UNFIT for key in keys) for sealed in words)


# -- the file beside a backup -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Ids of people's keys, and what became of each.

    Attributes:
        back: opens words again.
        here: lay here already.
        erased: its person was erased here; it stays so.
        unfit: opens none of the words that lie under its id: another person's, or changed.
    """

    back: tuple[str, ...]
    here: tuple[str, ...]
    erased: tuple[str, ...]
    unfit: tuple[str, ...]


def people_keys(home: Path) -> dict[str, str | list[str]]:
    """Key id → key, hexadecimal, for the file beside a backup; several keys where one was lost for a time."""
    found = {name: [key.hex() for key in keys] for name, keys in all_keys(home).items()}
    return {name: keys if len(keys) > 1 else keys[0] for name, keys in found.items()}


class _Pairs(list[tuple[str, Any]]):
    """An object of a file with all that it says, also where two files were joined by hand and an id stands twice."""


def read_keys(source: Path) -> list[Key]:
    """Ids and keys from the file beside a backup, as `people_keys` gives them.

    Raises:
        RecordError: it can't be read, or holds what is no key.
    """
    try:
        said = json.loads(no_device(source).read_bytes(), object_pairs_hook=_Pairs)
        if not isinstance(said, _Pairs):
            raise TypeError
        given = [
            (name, bytes.fromhex(key)) for name, keys in said for key in ([keys] if isinstance(keys, str) else keys)
        ]
        if not all(re.fullmatch("[0-9a-f]{16}", name) and len(key) == KEY_BYTES and any(key) for name, key in given):
            raise ValueError
    except OSError as error:
        raise RecordError(f"{source}: people's keys can't be read: {trouble(error)}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"{source}: people's keys can't be read: {unread(error)}; {_SHAPE}") from None
    return list(dict.fromkeys(given))


def put_back(
    home: Path, given: Sequence[Key], lines: Lines, *, tell: Callable[[list[str]], object] | None = None
) -> PutBack:
    """Keys from the file beside a backup. What lies here stays as it is: another key of the person goes beside it, as
    words were closed under either.

    Args:
        given: as `read_keys` gives them.
        lines: the station's chain. Who was erased stays so, also by a file that is older than that.
        tell: called with the ids of what will be put back, before anything is.

    Raises:
        RecordError: one can't be written.
    """
    lie = {(name, key) for name, keys in all_keys(home).items() for key in keys}
    new = [one for one in given if one not in lie]
    erased, unfit = _never(home, new, lie, lines)
    back = [one for one in new if one not in erased and one not in unfit]
    if back and tell is not None:
        tell(sorted({name for name, _ in back}))
    for name, key in back:
        path = home / FOLDER / f"{name}.key"
        try:
            private_folder(path.parent)
            with changing_keys(home):
                place = path.with_name(f"{path.name}.{digest_of_key(key)}") if os.path.lexists(path) else path
                replace_whole(place, key)
        except OSError as error:
            raise RecordError(f"{path}: this person's key can't be put back: {trouble(error)}") from None
    for index in home.glob("index.*") if back else ():  # made anew, so that a search finds these words again
        index.unlink(missing_ok=True)
    return PutBack(
        back=tuple(name for name, _ in back),
        here=tuple(one[0] for one in given if one in lie),
        erased=tuple(one[0] for one in new if one in erased),
        unfit=tuple(one[0] for one in new if one in unfit),
    )


def _never(home: Path, new: Sequence[Key], lie: Set[Key], lines: Lines) -> tuple[set[Key], set[Key]]:
    """Of keys that are not here, those of who was erased, and those that open nothing of what lies here."""
    destroyed = {
        (str(line.get("key")), digest) for line in lines if line["event"] == "erased" for digest in digests_in(line)
    }
    gone = _erased(lines)
    words = words_under(home, {name for name, _ in new}, lines) if new else {}
    whose: dict[bytes, set[str]] = {}
    for name, key in (*new, *lie):
        whose.setdefault(key, set()).add(name)
    erased, unfit = set(), set()
    for name, key in new:
        opens = any(opened_with(key, name, sealed) is not UNFIT for sealed in words.get(name, ()))
        if (name, digest_of_key(key)) in destroyed or (name in gone and not opens):
            erased.add((name, key))
        elif not opens and (words.get(name) or len(whose[key]) > 1):
            unfit.add((name, key))
    return erased, unfit


def digests_in(line: Mapping[str, Any]) -> list[str]:
    """Of the keys that a line says were destroyed."""
    said = line.get("digests")
    return [str(one) for one in said] if isinstance(said, list) else []
