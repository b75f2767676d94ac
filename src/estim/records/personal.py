"""What can be erased: free text about a person lies under a key of that person alone, in records, courses and register.

Chains are made over what stands in the file, so they verify with the key and without it. Destroying the key erases the
text everywhere at once: here, in every copy, at the clinic. Currents, times and limits stay and are readable.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from estim.platform.files import make_durable, no_device, private_folder, replace_whole, sync_folder, trouble
from estim.record_lines import events, kinds
from estim.records.chain import Entry
from estim.records.lock import locked
from estim.records.pseudonym import normal
from estim.safety.errors import RecordError

FOLDER = Path("keys") / "people"
MARK = "estim-personal 1 "
ERASED = "(erased, or its key is not here)"
UNFIT = "(closed: its key was damaged, or is another one)"
KEY_BYTES, NONCE_BYTES = 32, 12  # AES-256-GCM, NIST SP 800-38D
_KEY_FILE_MAX_BYTES = 128  # also one that an editor damaged, or wrote as digits
# Kinds of line whose keys a person chooses, and keys that always hold a person's own words.
_SAID = frozenset({kinds.Note.KIND, kinds.Reason.KIND, kinds.Outcome.KIND})
_CLOSED = _SAID | {events.Signature.KIND, kinds.WarningAccepted.KIND, kinds.Bend.KIND, kinds.SetupLine.KIND}
_WORDS = frozenset({"text", "comment", "note", "condition"})
TYPED_RULES = frozenset({"pause", "left-out"})  # bends that hold a reason as somebody typed it, by their rules
_SHORT = 16  # a choice from a list, a number, a time: nothing that tells who somebody is


def key_name(patient: str) -> str:
    """The id of a person's key: 16 hexadecimal digits of SHA-256 over the pseudonym's normal form."""
    return hashlib.sha256(b"estim person\n" + normal(patient).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _path(home: Path, name: str) -> Path:
    return home / FOLDER / f"{name}.key"


def _read(home: Path, name: str) -> bytes | None:
    return _whole(_path(home, name))


def _whole(path: Path) -> bytes | None:
    try:
        data = no_device(path).read_bytes()
    except OSError:
        return None
    return data if len(data) == KEY_BYTES and any(data) else None  # zeros: one that was being destroyed


def _beside(home: Path, name: str) -> list[Path]:
    """What is kept beside a person's key: one that was damaged, or one of another time."""
    return sorted((home / FOLDER).glob(f"{name}.key.*"))


def keys_of(home: Path, name: str) -> Iterator[bytes]:
    """Every key under an id that is one; the folder is looked through only by who asks for more than the first."""
    if (key := _whole(_path(home, name))) is not None:
        yield key
    for path in _beside(home, name):
        if (key := _whole(path)) is not None:
            yield key


def all_keys(home: Path) -> dict[str, list[bytes]]:
    """Id → its keys as `keys_of` gives them, in one look at the folder of thousands."""
    found: dict[str, list[bytes]] = {}
    for path in sorted((home / FOLDER).glob("*.key*")):  # an id's own key before those beside it
        name, _, _ = path.name.partition(".")
        own = path.name == f"{name}.key" or path.name.startswith(f"{name}.key.")
        if own and re.fullmatch("[0-9a-f]{16}", name) and (key := _whole(path)) is not None:
            found.setdefault(name, []).append(key)
    return found


def files_of(home: Path, name: str) -> list[Path]:
    """All that lies under an id, also what a kill left half made, and the key itself last: while it is there, whoever
    looks finds that there is one.
    """
    own = _path(home, name)
    found = [path for path in sorted((home / FOLDER).glob(f"{name}*")) if path != own]
    return [*found, own] if os.path.lexists(own) else found


def key_digests(home: Path, patient: str) -> list[str]:
    """What a line says of the keys that are destroyed with a person."""
    found = (_whole(path) for path in reversed(files_of(home, key_name(patient))))
    return [digest_of_key(key) for key in found if key is not None]


def digest_of_key(key: bytes) -> str:
    """What a line may say of a key: 16 hexadecimal digits of SHA-256, which tell nothing of 32 random bytes."""
    return hashlib.sha256(b"estim person's key\n" + key).hexdigest()[:16]


def changing_keys(home: Path) -> contextlib.AbstractContextManager[None]:
    """Held by whoever puts a key in its place: it looks whether one is there, and nobody else puts one meanwhile."""
    return locked(home / "keys" / "people.lock")


@dataclass(slots=True)
class Cover:
    """Closes a person's free text. The key is made when there is something to close, or by `ready` before that."""

    home: Path
    patient: str
    _key: bytes | None = None

    def ready(self) -> Cover:
        """With its key in memory: nothing waits for the disk from then on.

        Raises:
            RecordError: the key can't be made.
        """
        name = key_name(self.patient)
        self._key = self._key or _read(self.home, name) or self._made(name)
        return self

    def line(self, kind: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """A record's line, its free text closed."""
        if kind in _SAID:
            return {key: self.value(value, always=key in _WORDS) for key, value in fields.items()}
        if kind == events.Signature.KIND and fields.get("comment"):
            return {**fields, "comment": self.value(fields["comment"], always=True)}
        if kind == kinds.WarningAccepted.KIND:
            return {**fields, "reason": self.value(fields["reason"], always=True)}
        if kind == kinds.Bend.KIND:
            return self._bend(fields)
        return self._setup(fields) if kind == kinds.SetupLine.KIND else fields

    def _bend(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Why it was begun early, or something was left out, stands within its sentence."""
        if said.get("rule") not in TYPED_RULES:
            return said
        return {**said, **{key: self.value(said[key], always=True) for key in ("message", "asked") if key in said}}

    def _setup(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        own, schedule = dict(said["setup"]), dict(said["schedule"])
        own |= {key: self.value(own[key], always=True) for key in ("early_reason", "left_out") if key in own}
        if "measured" in own:
            own["measured"] = [one | {"by": self.value(one.get("by", ""), always=True)} for one in own["measured"]]
        if "bends" in schedule:
            schedule["bends"] = [self._bend(one) for one in schedule["bends"]]
        return {**said, "setup": own, "schedule": schedule}

    def value(self, value: Any, *, always: bool = False) -> Any:
        """Texts closed, everything else as it is.

        Args:
            always: also a short text, as it may be a name.
        """
        if isinstance(value, Mapping):
            return {key: self.value(each, always=always or key in _WORDS) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each, always=always) for each in value]
        if not isinstance(value, str) or not value or value.startswith(MARK):
            return value
        if not always and len(value) <= _SHORT and " " not in value:
            return value
        return self._closed(value)

    def _closed(self, text: str) -> str:
        self.ready()
        key, name = self._key or b"", key_name(self.patient)
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, text.encode("utf-8"), name.encode("ascii"))
        return f"{MARK}{name} {base64.b64encode(nonce + sealed).decode('ascii')}"

    def _made(self, name: str) -> bytes:
        path = _path(self.home, name)
        try:
            private_folder(path.parent)
            with changing_keys(self.home):  # two at once would each close words under its own
                if (known := _read(self.home, name)) is not None:
                    return known
                if os.path.lexists(path):  # no key any more: kept, since somebody may yet make one of it
                    number = sum(1 for _ in path.parent.glob(f"{name}.key.damaged*"))
                    path.rename(path.with_name(f"{path.name}.damaged{number}"))
                key = os.urandom(KEY_BYTES)
                replace_whole(path, key)
        except OSError as error:
            raise RecordError(f"{path}: this person's key can't be made: {trouble(error)}") from None
        return key


def opened(home: Path | None, value: Any) -> Any:
    """Every closed text in a value opened; ERASED where its key is gone or is not kept here, UNFIT where what lies in
    its place opens nothing.
    """
    if isinstance(value, Mapping):
        return {key: opened(home, each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [opened(home, each) for each in value]
    if not isinstance(value, str) or not value.startswith(MARK):
        return value
    name, _, sealed = value.removeprefix(MARK).partition(" ")
    if home is None or not re.fullmatch("[0-9a-f]{16}", name):
        return ERASED
    found = (opened_with(key, name, sealed) for key in keys_of(home, name))
    text = next((text for text in found if text is not UNFIT), UNFIT)
    return ERASED if text is UNFIT and not files_of(home, name) else text


def opened_with(key: bytes, name: str, sealed: str) -> str:
    """What is closed under an id, with this key; UNFIT where it is not the one."""
    try:
        data = base64.b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], name.encode("ascii")).decode("utf-8")
    except (ValueError, InvalidTag):
        return UNFIT


def opened_lines(home: Path | None, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """A record's lines as a person reads them; verify looks at them as they stand."""
    return tuple(
        entry._replace(fields=opened(home, entry.fields)) if _has_closed(entry) else entry for entry in entries
    )


def _has_closed(entry: Entry) -> bool:
    return entry.kind in _CLOSED


def destroy(home: Path, patients: Iterable[str]) -> None:
    """The keys of a person's pseudonyms, overwritten and removed, and whatever lies beside them.

    Raises:
        RecordError: one can't be removed.
    """
    for name in sorted({key_name(patient) for patient in patients}):
        for path in files_of(home, name):
            try:
                _destroy(home, path, name)
            except OSError as error:
                raise RecordError(f"{path}: this key can't be destroyed: {trouble(error)}") from None


def _destroy(home: Path, path: Path, name: str) -> None:
    if path.is_file() and _is_own(home, path, name):  # overwritten, also where a link leads
        target = path.resolve()
        with target.open("r+b") as file:  # in its place: emptied first, it would be written elsewhere
            file.write(bytes(max(KEY_BYTES, target.stat().st_size)))
            file.flush()
            make_durable(file.fileno())
        target.unlink()
        sync_folder(target.parent)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _is_own(home: Path, path: Path, name: str) -> bool:
    """A link in a key's place may lead to another person's, to a record, or to what is no key at all: there the link
    alone is removed.
    """
    target = path.resolve()
    if not path.is_symlink() or target.name.startswith(name):
        return True
    return not target.is_relative_to(home.resolve()) and target.stat().st_size <= _KEY_FILE_MAX_BYTES
