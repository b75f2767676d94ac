"""What a person confirms before output, in words: one key each, each read (`Snapshot.wants` says which are open)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "identity": "This is {patient}: name and birth date asked and read back",
        "pads": "Pads lie as placed, cables in their channels, nothing loose",
        "skin": "Skin under every pad looked at; pads in good condition (S30)",
        "screening": "Screening is older than an hour or missing: answer it again",
        "stop-control": "Stop switch or stop word tried; say who holds it",
        "still-felt": "The patient still feels it under every pad",
        "support": "Standing is secured by harness or a person",
        "bends": "Differences between protocol and device read (below)",
        "warnings": "Warnings read (below)",
    }
)
NEEDS_A_WORD = frozenset({"stop-control", "support"})
