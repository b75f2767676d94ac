"""Where a key stands in a TOML file, and how a text stands there.

tomllib gives no positions, and an error without its line is half an error.
"""

from __future__ import annotations

import re
from typing import Any

from estim.safety.units import is_whole

_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_INLINE = re.compile(r"""[{,]\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)""")
Path = tuple[Any, ...]


def _parts(text: str) -> list[str]:
    return [next(group for group in match.groups() if group is not None) for match in _PART.finditer(text)]


class LineIndex:
    """Lines of a file's tables and keys, by path as tomllib nests them."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}
        self._scan(text)

    def line_of(self, location: list[Any]) -> int | None:
        """The line of the key, or of the nearest table around it that the file has."""
        path = tuple(location)
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines[path]

    def line_of_key(self, key: str) -> int | None:
        """The line of a key as problems write it: `phase[0].frequency_hz`; None for a key that is not of the file."""
        location: list[Any] = []
        for part in key.split("."):
            name, _, rest = part.partition("[")
            location.append(name)
            if rest:
                index = rest.rstrip("]")
                if not is_whole(index):
                    return None
                location.append(int(index))
        return self.line_of(location) if tuple(location[:1]) in self._known() else None

    def _known(self) -> set[Path]:
        return {path[:1] for path in self._lines if path}

    def _scan(self, text: str) -> None:
        table: Path = ()
        closing = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if closing:
                if closing in line:
                    closing = ""
                continue
            header = _TABLE.match(line)
            if header and not _KEY.match(line):
                table = self._enter(_parts(header[2]), number, array=header[1] == "[[")
                self._lines.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key is None:
                continue
            path = (*table, *_parts(key[1]))
            self._lines.setdefault(path, number)
            value = line[key.end() :]
            for inner in _INLINE.finditer(value) if value.lstrip().startswith("{") else ():
                self._lines.setdefault((*path, *_parts(inner[1])), number)
            for quotes in ('"""', "'''"):
                if value.count(quotes) % 2:
                    closing = quotes

    def _enter(self, parts: list[str], number: int, *, array: bool) -> Path:
        """The path of a table header: `[[phase]]` counts, `[phase.trigger]` lies in the last `[[phase]]`."""
        path: Path = ()
        for position, part in enumerate(parts):
            path = (*path, part)
            if array and position == len(parts) - 1:
                self._counts[path] = self._counts.get(path, -1) + 1
                self._lines.setdefault(path, number)
            if path in self._counts:
                path = (*path, self._counts[path])
        return path


def basic_string(text: str) -> str:
    """A text as a TOML file holds it, quotes and all."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"' + "".join(f"\\u{ord(sign):04x}" if ord(sign) < 32 or ord(sign) == 127 else sign for sign in escaped) + '"'
    )
