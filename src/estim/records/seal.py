"""Sealing: a session's last line is a signed checkpoint, and its head goes into the home's master chain. A session
whose
folder disappears is missed there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from estim.records.canonical import canonical
from estim.records.keys import Signer
from estim.records.segment import MASTER, append_durably, last_master, word_head


def enter_master(records: Path, session: str, head: str, signer: Signer, *, event: str, lines: int) -> None:
    """One line in the master chain: `opened` when a session begins, `sealed` when it ends, `take-over`."""
    before = last_master(records)
    entry: dict[str, object] = {
        "n": int(str(before.get("n", -1))) + 1,
        "event": event,
        "session": session,
        "head": head,
        "lines": lines,
        "prev": str(before.get("hash", "0" * 64)),
        "key_id": signer.key_id,
    }
    digest = hashlib.sha256(canonical(entry)).hexdigest()
    entry["hash"] = digest
    entry["signature"] = signer.sign(bytes.fromhex(digest)).hex()
    append_durably(records / MASTER, canonical(entry) + b"\n")


__all__ = ["enter_master", "word_head"]
