"""What the index looks at without reading a record: folders, sizes and times of files, and where a chain ends."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from estim.records.master import MASTER
from estim.records.segment import segments

_TAIL = 200


def folders_in(root: Path) -> Iterator[Path]:
    """All folders of a folder."""
    if root.is_dir():
        yield from (folder for folder in root.iterdir() if folder.is_dir())


def bytes_of(folder: Path) -> int:
    """Bytes of all segments; 0 where there is no record. Whoever changes a record within its size meets `verify`."""
    try:
        return sum(path.stat().st_size for path in segments(folder))
    except OSError:
        return 0


def look_of(folder: Path) -> str:
    """What tells that a record's files were touched since: sizes and times, of which nobody can set the change's."""
    try:
        looks = [path.stat() for path in segments(folder)]
    except OSError:
        return ""
    return " ".join(f"{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}" for one in looks)


def mark_of(folder: Path, at: int | None = None) -> tuple[int, str]:
    """Where a master chain ends, or what stands before `at` in it."""
    try:
        with (folder / MASTER).open("rb") as file:
            size = file.seek(0, 2) if at is None else at
            file.seek(max(0, size - _TAIL))
            return size, file.read(min(size, _TAIL)).decode("latin-1")
    except OSError:
        return 0, ""


def names_between(folder: Path, begin: int, end: int) -> set[str]:
    """The sessions that the master chain names between two places."""
    with (folder / MASTER).open("rb") as file:
        file.seek(begin)
        data = file.read(end - begin)
    names: set[str] = set()
    for line in data.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            name = json.loads(line)["session"]
            if isinstance(name, str) and name == Path(name).name:  # a forged name must not lead out of the folder
                names.add(name)
    return names
