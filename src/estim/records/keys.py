"""The station's signing key: made on first use, readable by its owner alone, its public half published beside the
records.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from estim.platform.files import no_device, private_folder, replace_whole, trouble
from estim.records.canonical import unhex
from estim.records.lock import locked
from estim.safety.errors import RecordError

PRIVATE = "station.key"
PUBLIC = "station-keys.txt"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its id (the first 16 hex digits of the public key's SHA-256)."""

    key: Ed25519PrivateKey

    @property
    def public_hex(self) -> str:
        """The public key."""
        return self.key.public_key().public_bytes_raw().hex()

    @property
    def key_id(self) -> str:
        """Its short name in records."""
        return key_id_of(self.public_hex)

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature."""
        return self.key.sign(message)

    def secret(self, purpose: bytes) -> bytes:
        """A key for something else, which only the holder of this one can make."""
        return hashlib.sha256(purpose + _raw(self.key)).digest()


def key_id_of(public_hex: str) -> str:
    """The first 16 hexadecimal digits of SHA-256 over the public key's 32 bytes; "" for what is no key."""
    try:
        return hashlib.sha256(unhex(public_hex, 32)).hexdigest()[:16]
    except ValueError:
        return ""


def station_signer(home: Path) -> Signer:
    """The station's key under `home`, made if there is none, its public half published.

    Raises:
        RecordError: it can't be read or written.
    """
    signer = private_key(home)
    try:
        publish(home, signer)
    except OSError as error:
        raise RecordError(f"the station's key {home / 'keys' / PUBLIC} can't be used: {trouble(error)}") from None
    return signer


def private_key(home: Path) -> Signer:
    """The same, and nothing is published: whether the station's chain knows it is not asked here.

    Raises:
        RecordError: it can't be read or written.
    """
    folder = home / "keys"
    private = folder / PRIVATE
    try:
        private_folder(folder)
        if not private.exists():
            with locked(private.with_suffix(".lock")):  # of two that begin at once, both use one key
                if not private.exists():
                    replace_whole(private, _raw(Ed25519PrivateKey.generate()))  # a part of a key would be none for ever
        return Signer(Ed25519PrivateKey.from_private_bytes(no_device(private).read_bytes()))
    except OSError as error:
        raise RecordError(f"the station's key {private} can't be used: {trouble(error)}") from None
    except ValueError as error:
        raise RecordError(f"the station's key {private} can't be used: {error}") from None


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


def seeded_signer(seed: int) -> Signer:
    """A key for simulated sessions, the same for the same seed: it protects nothing and is marked as simulated."""
    return Signer(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"estim simulated %d" % seed).digest()))


def publish(home: Path, signer: Signer) -> None:
    """Add the public key to the list beside the records; old keys stay, so that old records verify."""
    listed = home / "keys" / PUBLIC
    known = _listed(listed)
    if signer.public_hex not in known:
        private_folder(listed.parent)
        with locked(listed.with_suffix(".lock")):
            known = _listed(listed)
            known += "\n" if known and not known.endswith("\n") else ""
            replace_whole(listed, f"{known}{signer.key_id} {signer.public_hex}\n".encode("ascii"))


def known_keys(home: Path) -> dict[str, str]:
    """Key id → public key of all keys that this home published.

    Raises:
        RecordError: the list can't be read, or holds what is no ASCII.
    """
    pairs = (line.split() for line in _listed(home / "keys" / PUBLIC).splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _listed(path: Path) -> str:
    try:
        return no_device(path).read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = trouble(error) if isinstance(error, OSError) else f"its byte {error.start} is no ASCII"
        allowed = "one line for each key: key id, a blank, public key, in ASCII without a byte order mark"
        raise RecordError(f"{path}: the list of public keys can't be read: {why}; allowed is {allowed}") from None


@lru_cache(maxsize=64)
def _public(public_hex: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(unhex(public_hex, 32))


def signed_by(public_hex: str, message: bytes, signature: bytes) -> bool:
    """`signature` is this key's over `message`."""
    try:
        _public(public_hex).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
