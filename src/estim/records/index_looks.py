"""What the index looks at without reading a record: folders, sizes and times of files, and where a chain ends."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from estim.platform.files import no_device
from estim.records.master import MASTER
from estim.records.segment import segments

_TAIL = 200
_LINE_MAX = 64 * 1024  # a line has some 450 bytes


def is_text(name: str) -> bool:
    """A name that a database and a document can hold: one that is not UTF-8 is no session's."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def folders_in(root: Path) -> Iterator[Path]:
    """All folders of a folder whose name may be a session's."""
    if root.is_dir():
        yield from (folder for folder in root.iterdir() if is_text(folder.name) and folder.is_dir())


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
    """Where the last whole line of a master chain ends, or what stands before `at` in it."""
    try:
        with no_device(folder / MASTER).open("rb") as file:
            size = file.seek(0, 2) if at is None else at
            if at is None:
                file.seek(max(0, size - _LINE_MAX))
                tail = file.read(min(size, _LINE_MAX))
                size -= len(tail) - (tail.rfind(b"\n") + 1)
            file.seek(max(0, size - _TAIL))
            return size, file.read(min(size, _TAIL)).decode("latin-1")
    except OSError:
        return 0, ""


def names_between(folder: Path, begin: int, end: int) -> Iterator[tuple[int, str]]:
    """Where between two places of the master chain which session is named."""
    with (folder / MASTER).open("rb") as file:
        file.seek(begin)
        while begin < end and (line := file.readline()):
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                name = json.loads(line)["session"]
                # A forged name must not lead out of the folder.
                if isinstance(name, str) and name == Path(name).name and is_text(name):
                    yield begin, name
            begin += len(line)
