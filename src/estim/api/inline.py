"""A protocol written in a script: the same keys as a file, the same loader, compiler and verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estim.api import words
from estim.api.errors import Refused
from estim.platform.files import private_folder, replace_whole
from estim.protocols.lines import basic_string
from estim.records.home import Home
from estim.safety.errors import quoted


@dataclass(frozen=True, slots=True)
class Inline:
    """A protocol that a script wrote with `protocol`, as the text of its file; `session` and `rehearse` take it."""

    text: str

    def write(self, home: Home) -> str:
        """Into the home, by its digest: the controller reads it from there, and the record names the digest."""
        folder = home.root / "inline-protocols"
        private_folder(folder)
        path = folder / f"{hashlib.sha256(self.text.encode('utf-8')).hexdigest()[:16]}.toml"
        if not path.exists():
            replace_whole(path, self.text.encode("utf-8"))
        return str(path)


def protocol(keys: Mapping[str, Any]) -> Inline:
    """A protocol from a dictionary with a file's keys; judged where it is used.

    Raises:
        Refused: a value that no file could hold.
    """
    if not isinstance(keys, Mapping):
        raise Refused(f"protocol({quoted(keys)}): a dictionary with a protocol file's keys, such as {{'schema': 1}}")
    text = "\n".join(_table(words.plain(keys), ())) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("a text in it holds half a letter, which no file can") from None
    return Inline(text)


def _table(keys: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines, below = [], []
    for key, value in keys.items():
        here = (*path, str(key))
        if isinstance(value, Mapping):
            below += ["", f"[{'.'.join(map(_key, here))}]", *_table(value, here)]
        elif isinstance(value, Sequence) and value and all(isinstance(each, Mapping) for each in value):
            for each in value:
                below += ["", f"[[{'.'.join(map(_key, here))}]]", *_table(each, here)]
        else:
            lines.append(f"{_key(str(key))} = {_value(value, here)}")
    return lines + below


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else basic_string(key)


def _value(value: object, path: tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return basic_string(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(each, path) for each in value)}]"
    raise Refused(f"{'.'.join(path)}: {type(value).__name__} has no place in a protocol")
