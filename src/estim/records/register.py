"""A register of people: one JSON file of rows by id, replaced as a whole, changed by one process at a time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from estim.platform.files import no_device, private_folder, trouble, unread
from estim.records.guard import change, check
from estim.records.lock import locked
from estim.records.personal import ERASED, MARK, UNFIT, Cover, opened
from estim.safety.errors import RecordError

Row = TypeVar("Row", bound=Any)


@dataclass(frozen=True, slots=True)
class Register(Generic[Row]):
    """What a file of operators or of patients has in common.

    Attributes:
        one, many: words for a row and for the file, which is `{many: [row, ...]}`.
        kind: the dataclass of a row; it has an `id` and refuses what can't be.
        personal: keys of a row that lie under the key of the person in it.
        told: what else the chain's line says of the rows, by the home.
        prepare: makes what JSON can't hold out of a row's values, before `kind` takes them.
    """

    one: str
    many: str
    kind: type[Row]
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    personal: tuple[str, ...] = ()
    told: Callable[[Path, Mapping[str, Any]], Mapping[str, object]] | None = None

    def load(self, path: Path) -> dict[str, Row]:
        """All rows by id, {} where there is no file and never was one.

        Raises:
            RecordError: the file can't be read, holds what can't be, or is not the one that its chain names; it is
                left as it is.
        """
        check(path.parent, self.many)
        try:
            return {
                row["id"]: self._row(path.parent, row) for row in json.loads(no_device(path).read_bytes())[self.many]
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RecordError(f"{path}: the {self.many}' file can't be read: {unread(error)}") from None

    def _row(self, home: Path, row: Mapping[str, Any]) -> Row:
        unknown = row.keys() - {one.name for one in fields(self.kind)}
        if unknown:
            raise RecordError(f"{self.one} {row['id']}: unknown keys {', '.join(sorted(unknown))}")
        made: Row = self.kind(**self.prepare(opened(home, row) if self.personal else row))
        return made

    def _closed(self, home: Path, row: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it is written. Words that could not be opened stay as they lay: their key may be put back."""
        cover, kept = Cover(home, str(row["id"])), {}
        for key in self.personal:
            shut = row[key] in {ERASED, UNFIT} and str(before.get(key, "")).startswith(MARK)
            kept[key] = before[key] if shut else cover.value(row[key], always=True)
        return row | kept

    def _as_they_lie(self, path: Path) -> dict[str, Mapping[str, Any]]:
        """The rows with people's words closed."""
        if not self.personal or not path.is_file():
            return {}
        return {str(row["id"]): row for row in json.loads(no_device(path).read_bytes())[self.many]}

    @contextlib.contextmanager
    def changing(self, path: Path, said: str, *, operator: str = "", reason: str = "") -> Iterator[dict[str, Row]]:
        """The rows, to be changed by one process at a time. The old file stands until the new one is on the disk.

        Args:
            said: what changes, in words without anything that a person must be able to have erased.
            operator, reason: who changes it and why.

        Raises:
            RecordError: the file can't be read or written; the old one stands.
        """
        try:
            private_folder(path.parent)
            with locked(path.with_suffix(".lock")):
                known, before = self.load(path), self._as_they_lie(path)
                yield known
                rows = [self._closed(path.parent, asdict(known[name]), before.get(name, {})) for name in sorted(known)]
                data = json.dumps({self.many: rows}, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
                more = self.told(path.parent, known) if self.told is not None else None
                change(path, self.many, data, said=said, operator=operator, reason=reason, more=more)
        except OSError as error:
            raise RecordError(f"{path}: the {self.many}' file can't be written: {trouble(error)}") from None
