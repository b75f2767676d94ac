"""The library at a glance: what a list and a search need of each file, without reading 47 of them through the schema.

`library/index.json` is made by `python -m tools.library_index` and holds each file's digest: where one differs, or a
file is there or gone, the index says nothing and every file is read as ever. A test holds both equal. Pure but for
reading these files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.protocols import library

INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class ShelvedChannel:
    """One channel, as a search looks at it."""

    name: str
    muscle: str
    region: str


@dataclass(frozen=True, slots=True)
class Shelved:
    """One protocol, as a list shows it and a search looks at it; the fields are those of `schema.Protocol`."""

    id: str
    title: str
    goal: str
    goal_note: str | None
    indication: str
    basis: str
    conditions: tuple[str, ...]
    channel: tuple[ShelvedChannel, ...]
    runnable: bool
    not_runnable_because: str


def shelf() -> tuple[Shelved, ...] | None:
    """All of the library, in order; None where the index is not of these very files."""
    try:
        folder = Path(library.__file__).parent
        kept = json.loads((folder / INDEX).read_bytes())
        if tuple(kept) != library.names():
            return None
        for name, entry in kept.items():
            if hashlib.sha256((folder / f"{name}.toml").read_bytes()).hexdigest() != entry["sha256"]:
                return None
        return tuple(_shelved(entry) for entry in kept.values())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _shelved(entry: dict[str, Any]) -> Shelved:
    said = {key: value for key, value in entry.items() if key not in {"sha256", "conditions", "channel"}}
    return Shelved(
        **said,
        conditions=tuple(entry["conditions"]),
        channel=tuple(ShelvedChannel(*channel) for channel in entry["channel"]),
    )
