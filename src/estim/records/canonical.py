"""Canonical bytes of a record line: one spelling for each value, so that a hash means something. Pure.

A subset of JCS (RFC 8785): ASCII keys, strings, booleans, null, integers below 2^53, lists and objects of these. For
this
subset `json` with sorted keys and no blanks gives the very bytes of JCS (a test proves it against `rfc8785`) and is
three
times as fast. Floats are refused: their spelling is where canonical forms go wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from estim.safety.errors import RecordError

INTEGER_MAX = 2**53 - 1
Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical(fields: Mapping[str, object]) -> bytes:
    """The canonical bytes of `fields`.

    Raises:
        RecordError: a value outside the subset, named by its path.
    """
    _check(fields, "")
    return _encoder.encode(fields).encode("utf-8")


def _check(value: object, path: str) -> None:
    kind = type(value)
    if kind is str:
        if not value.isascii():  # type: ignore[attr-defined]
            _check_text(value, path)  # type: ignore[arg-type]
    elif kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:  # type: ignore[operator]
            raise RecordError(f"{path or 'line'}: {value} is beyond 2^53, which JSON readers can't hold exactly")
    elif kind is bool or value is None:
        return
    elif kind is list or kind is tuple:
        for index, item in enumerate(value):  # type: ignore[arg-type]
            _check(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise RecordError(f"{path or 'line'}: key {key!r} is not ASCII text")
            _check(item, f"{path}.{key}" if path else key)
    else:
        raise RecordError(f"{path or 'line'}: {kind.__name__} can't stand in a record")


def _check_text(text: str, path: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RecordError(f"{path or 'line'}: text with half a surrogate pair") from None
