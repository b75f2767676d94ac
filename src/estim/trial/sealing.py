"""Allocation that nobody in the room knows: a list made by the trial's office, of which each line can be opened alone.

Each arm is sealed twice: to the office's key, for the analysis, and to the station's, so that its program can play the
arm without showing it. What that proves stands in docs/trials.md: people in the room can't see or choose; whoever can
read the station's private key and writes a program can.
"""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from estim.records.keys import Signer
from estim.safety.errors import RecordError
from estim.trial.plan import TrialFile

_KIT = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without letters that are misread
KIT_LENGTH = 6
NONCE = bytes(12)  # each key is used once


@dataclass(frozen=True, slots=True)
class Slot:
    """One allocation: its stratum, its place in it, the kit's code, the arm."""

    stratum: str
    number: int
    kit: str
    arm: str


def station_key(signer: Signer) -> X25519PrivateKey:
    """The station's key for trials, which only the holder of its signing key can make."""
    return X25519PrivateKey.from_private_bytes(signer.secret(b"estim trials"))


def allocate(file: TrialFile, seed: bytes) -> Iterator[Slot]:
    """Permuted blocks of varying size in each stratum, from the office's seed."""
    kits: set[str] = set()
    for stratum in file.cells():
        chance = random.Random(hashlib.sha256(seed + stratum.encode()).digest())  # noqa: S311 - the seed is secret and used once
        arms = [arm.id for arm in file.arm for _ in range(arm.ratio)]
        drawn: list[str] = []
        while len(drawn) < file.per_stratum:
            block = arms * (chance.choice(file.blocks) // len(arms))
            chance.shuffle(block)
            drawn += block
        for number, arm in enumerate(drawn[: file.per_stratum], start=1):
            kit = ""
            while not kit or kit in kits:
                kit = "".join(chance.choice(_KIT) for _ in range(KIT_LENGTH))
            kits.add(kit)
            yield Slot(stratum, number, kit, arm)


def new_seed() -> bytes:
    """The office's secret."""
    return secrets.token_bytes(32)


def seal(arm: str, kit: str, to: X25519PublicKey) -> str:
    """The arm, encrypted so that only the holder of `to` can read it; padded, so that its length tells nothing."""
    once = X25519PrivateKey.generate()
    public = once.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    data = arm.encode("ascii").ljust(32, b" ")
    return (public + ChaCha20Poly1305(_key(once.exchange(to), kit)).encrypt(NONCE, data, kit.encode())).hex()


def unseal(sealed: str, kit: str, key: X25519PrivateKey) -> str:
    """The arm.

    Raises:
        RecordError: sealed for somebody else, for another kit, or changed.
    """
    try:
        data = bytes.fromhex(sealed)
        shared = key.exchange(X25519PublicKey.from_public_bytes(data[:32]))
        return ChaCha20Poly1305(_key(shared, kit)).decrypt(NONCE, data[32:], kit.encode()).decode("ascii").strip()
    except (InvalidTag, ValueError):
        raise RecordError(f"kit {kit}: this allocation was sealed for another key, or was changed") from None


def _key(shared: bytes, kit: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, b"estim trial " + kit.encode()).derive(shared)
