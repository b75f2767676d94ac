"""The table of all kinds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from estim.record_lines import events, kinds
from estim.record_lines.base import Line

# Of what the lines say; one that a reader does not know is not guessed at. 3: the seal signs the digests of the files.
# 2 was never written by a release; readers take it as 1.
FORMAT = 3

KINDS: Mapping[str, type[Line]] = MappingProxyType(
    {
        kind.KIND: kind
        for module in (kinds, events)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Line) and hasattr(kind, "KIND")
    }
)


def line_of(kind: str, fields: Mapping[str, Any]) -> Line | None:
    """The line that was read; None for a kind that this version does not know.

    Raises:
        KeyError: a field that each line of this kind has is missing.
    """
    known = KINDS.get(kind)
    return None if known is None else known.of(fields)
