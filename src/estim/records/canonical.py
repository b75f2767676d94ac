"""Canonical bytes of a record line: one spelling for each value, so that a hash means something. Pure.

A subset of JCS (RFC 8785): ASCII keys, strings, booleans, null, integers below 2^53, lists and objects of these. For
this subset `orjson` with sorted keys gives the very bytes of JCS (a test proves it against `rfc8785`), at some 300 MB/s
where the standard library makes 25: that is what makes looking at each line of a record quick enough to be done.
Floats are refused: their spelling is where canonical forms go wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from estim.record_lines.base import INTEGER_MAX
from estim.safety.errors import RecordError

# What might be a number outside the subset, once each digit is written as 0 and what stands before a number as a colon:
# 16 digits in a row (2^53 has so many), a point between digits, or an exponent as `orjson` writes it, behind one digit.
_FLAT = bytes.maketrans(b"123456789,[-", b"000000000:::")
_SUSPECT = (b"0.0", b":" + b"0" * 16, b":0e")


def canonical(fields: Mapping[str, object]) -> bytes:
    """The canonical bytes of `fields`.

    Raises:
        RecordError: a value outside the subset, named by its path.
    """
    _look(fields)
    return spelled(fields)


def spelled(value: object) -> bytes:
    """The canonical bytes of what `decode` gave, which needs no second look at its types.

    Raises:
        RecordError: lists and objects nested deeper than `orjson` writes (254), which no line of a session is.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise RecordError(f"line: {error}: lists and objects are nested too deep") from None


def decode(raw: bytes, *, closer: bool = True) -> Any:
    """What a line says.

    Args:
        closer: False if `suspects` has seen that no number can be outside the subset.

    Raises:
        ValueError: not JSON.
        RecordError: a value outside the subset.
    """
    value = orjson.loads(raw)
    if closer or not raw.isascii():
        _look(value)
    return value


def suspects(data: bytes) -> set[int]:
    """Numbers of the lines (from 0) that need a closer look: all others hold integers below 2^53 alone.

    One pass over the whole at the speed of a copy, instead of a look at each value.
    """
    flat = data.translate(_FLAT)
    found: set[int] = set()
    for needle in _SUSPECT:
        line, counted = 0, 0
        at = flat.find(needle)
        while at >= 0:
            line += flat.count(b"\n", counted, at)
            counted = at
            found.add(line)
            at = flat.find(b"\n", at)
            if at >= 0:
                at = flat.find(needle, at)
    return found


def unhex(text: object, count: int) -> bytes:
    """So many bytes from lower-case hexadecimal digits: one spelling here too, as everywhere in a record.

    Raises:
        ValueError: another spelling, another length, or no text.
    """
    data = bytes.fromhex(text) if isinstance(text, str) else b""
    if len(data) != count or data.hex() != text:
        raise ValueError(f"{count} bytes as lower-case hexadecimal digits are needed")
    return data


def _look(value: object) -> None:
    try:
        if not _is_plain(value):
            _check(value, "")
    except RecursionError:
        raise RecordError("line: lists and objects are nested too deep") from None


def _is_plain(value: Any) -> bool:
    """Within the subset and of ASCII, as nearly all lines are, by a look that keeps no paths; False decides nothing."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(-INTEGER_MAX <= value <= INTEGER_MAX)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii() or not _is_plain(item):
                return False
        return True
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return kind is bool or value is None


def _check(value: object, path: str) -> None:
    if isinstance(value, str):
        if not value.isascii():
            _check_text(value, path)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise RecordError(f"{path or 'line'}: {value} is beyond 2^53, which JSON readers can't hold exactly")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise RecordError(f"{path or 'line'}: key {key!r} is not ASCII text")
            _check(item, f"{path}.{key}" if path else key)
    else:
        raise RecordError(f"{path or 'line'}: {type(value).__name__} can't stand in a record")


def _check_text(text: str, path: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RecordError(f"{path or 'line'}: text with half a surrogate pair") from None
