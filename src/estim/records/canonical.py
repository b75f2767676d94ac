"""Canonical bytes of a record line: one spelling for each value, so that a hash means something. Pure.

A subset of JCS (RFC 8785): ASCII keys, strings, booleans, null, integers below 2^53, lists and objects of these. For
this subset `json` with sorted keys and no blanks gives the very bytes of JCS (a test proves it against `rfc8785`) and
is three times as fast. Floats are refused: their spelling is where canonical forms go wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from estim.safety.errors import RecordError

INTEGER_MAX = 2**53 - 1

# 2^53 has 16 digits: only a run of so many can be a number beyond it (or part of a hash, then it is looked at).
_LONG = re.compile(rb"[0-9]{16}")
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical(fields: Mapping[str, object]) -> bytes:
    """The canonical bytes of `fields`.

    Raises:
        RecordError: a value outside the subset, named by its path.
    """
    _check(fields, "")
    return _encoder.encode(fields).encode("utf-8")


def spelled(value: object) -> bytes:
    """The canonical bytes of what `decode` gave, which needs no second look at its types.

    Raises:
        UnicodeEncodeError: text with half a surrogate pair.
    """
    return _encoder.encode(value).encode("utf-8")


def decode(raw: bytes) -> Any:
    """What a line says.

    Raises:
        ValueError, RecursionError: not JSON, or with numbers that are no integers.
        RecordError: a value outside the subset.
    """
    value = _decoder.decode(raw.decode("utf-8"))
    if not raw.isascii() or _LONG.search(raw):
        _check(value, "")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no integer")


_decoder = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)


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
