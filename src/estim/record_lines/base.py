"""What all kinds of line have in common. Pure.

A kind is a frozen dataclass: its fields are the keys that stand in the record, with their meaning beside the type. A
field with the default None is left out of a line that does not have it; all others stand in every line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

INTEGER_MAX = 2**53 - 1  # RFC 7493: beyond it two readers of the same JSON may read different numbers
SIGNATURE_MEANINGS = ("performed", "witnessed", "reviewed")  # 21 CFR 11.50: a signature says what it means
SCRIPTED = "scripted"  # the mark of a script, which closes a session on a simulated device and is nobody's signature


class Line:
    """One line of a record.

    Attributes:
        KIND: its name in the record.
        SINCE: the first format that has it.
        OPEN: True where a person or a front chooses the keys; then `said` holds all of them.
    """

    __slots__ = ()

    KIND: ClassVar[str]
    SINCE: ClassVar[int] = 1
    OPEN: ClassVar[bool] = False

    def to_fields(self) -> dict[str, Any]:
        """As the record has it."""
        if self.OPEN:
            return dict(getattr(self, "said"))  # noqa: B009 - only open kinds have it
        said = {}
        for name, left_out in _names(type(self)):
            value = getattr(self, name)
            if value is not None or not left_out:
                said[name] = value
        return said

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """The line that these fields are; keys of a newer format are left aside.

        Raises:
            KeyError: a field that each line of this kind has is missing.
        """
        if cls.OPEN:
            return cls(said=fields)  # type: ignore[call-arg]
        said = {name: fields[name] for name, left_out in _names(cls) if not left_out or name in fields}
        return cls(**said)


_KNOWN: dict[type[Line], tuple[tuple[str, bool], ...]] = {}


def _names(kind: type[Line]) -> tuple[tuple[str, bool], ...]:
    """(field, whether a line may be without it)."""
    found = _KNOWN.get(kind)
    if found is None:
        rows: tuple[Any, ...] = dataclasses.fields(kind)  # type: ignore[arg-type]
        found = _KNOWN[kind] = tuple((row.name, row.default is None) for row in rows)
    return found
