"""Tables as Parquet files, through DuckDB (extra `estim[data]`): it reads the JSON lines that are made here, writes
Parquet and answers questions by itself.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from estim.data.rows import Rows
from estim.data.tables import FRICTIONLESS, TABLES
from estim.platform.extras import how_to_get
from estim.safety.errors import UsageError

LINE_MAX = 64 * 1024 * 1024  # a row is a few hundred bytes; a header's fields some 10 kB


class Dataset:
    """Collects sessions and writes their tables. Use as a context manager; nothing is written before `write`.

    Raises:
        UsageError: DuckDB is not installed, or the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._duckdb: Any = importlib.import_module("duckdb")
        except ImportError:
            raise UsageError(f"--format parquet: {how_to_get('data')}") from None
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} is not an empty folder; -o names a new one")
        self._folder = folder
        self._stack = ExitStack()
        self._files: dict[tuple[str, bool], IO[bytes]] = {}
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Dataset:
        self._half = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="estim-data-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, rows: Rows) -> None:
        """One session."""
        for table in TABLES:
            file = self._file(table, simulated=rows.simulated)
            for row in rows.tables.get(table, ()):
                file.write(json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n")
                self.counts[table] += 1

    def _file(self, table: str, *, simulated: bool) -> IO[bytes]:
        key = (table, simulated)
        if key not in self._files:
            path = self._half / f"{table}-{simulated}.jsonl"
            self._files[key] = self._stack.enter_context(path.open("wb"))
        return self._files[key]

    def write(self, left_out: Sequence[tuple[str, str]], *, research: bool) -> None:
        """The tables, README.md and datapackage.json.

        Args:
            left_out: (session, why) of records that are not in the tables.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        both = len({simulated for _, simulated in self._files}) > 1
        paths: dict[str, list[str]] = {table: [] for table in TABLES}
        with self._duckdb.connect() as base:
            for (table, simulated), file in sorted(self._files.items()):
                file.flush()
                path = f"{table}/{'simulated' if simulated else 'real'}.parquet" if both else f"{table}.parquet"
                (self._folder / path).parent.mkdir(exist_ok=True)
                self._copy(base, table, Path(file.name), self._folder / path)
                paths[table].append(path)
        package = _package(paths, left_out, research=research)
        (self._folder / "datapackage.json").write_text(
            json.dumps(package, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n"
        )
        (self._folder / "README.md").write_text(
            _readme(paths, self.counts, left_out, research=research), "utf-8", newline="\n"
        )

    @staticmethod
    def _copy(base: Any, table: str, source: Path, to: Path) -> None:
        columns = ", ".join(f"{column.name}: '{column.type}'" for column in TABLES[table])
        how = f"format='newline_delimited', maximum_object_size={LINE_MAX}, columns={{{columns}}}"
        read = f"read_json('{_quoted(source)}', {how})"
        if source.stat().st_size == 0:
            nothing = ", ".join(f"NULL::{column.type} AS {column.name}" for column in TABLES[table])
            read = f"(SELECT {nothing}) WHERE false"
        base.execute(f"COPY (SELECT * FROM {read}) TO '{_quoted(to)}' (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _package(
    paths: Mapping[str, Sequence[str]], left_out: Sequence[tuple[str, str]], *, research: bool
) -> dict[str, Any]:
    """Frictionless: https://specs.frictionlessdata.io"""
    return {
        "name": "estim-sessions",
        "profile": "data-package",
        "de_identified": research,
        "left_out": [{"session": session, "why": why} for session, why in left_out],
        "resources": [
            {
                "name": table if len(files) == 1 else f"{table}-{Path(path).stem}",
                "path": path,
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "schema": {
                    "fields": [
                        {"name": column.name, "type": FRICTIONLESS[column.type], "description": column.says}
                        for column in TABLES[table]
                    ]
                },
            }
            for table, files in paths.items()
            for path in files
        ],
    }


def _readme(
    paths: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    left_out: Sequence[tuple[str, str]],
    *,
    research: bool,
) -> str:
    out = ["# Sessions of estim", ""]
    out.append("De-identified with a secret salt." if research else "Pseudonyms as in the records.")
    out.append("Units stand last in a column's name; whole numbers are whole (64 bits); unknown is NULL and never 0.")
    out += ["", "## Left out", ""]
    out += [f"- `{session}`: {why}" for session, why in left_out] or ["Nothing: every record was verified."]
    for table, files in paths.items():
        out += [
            "",
            f"## {table}",
            "",
            f"{', '.join(f'`{path}`' for path in files) or 'no file'}: {counts.get(table, 0)} rows.",
            "",
        ]
        out += ["| Column | Type | What it says |", "|---|---|---|"]
        out += [f"| {column.name} | {column.type} | {column.says} |" for column in TABLES[table]]
    out += ["", "## Questions", "", "```sql", *QUESTIONS, "```", ""]
    return "\n".join(out)


QUESTIONS = (
    "SELECT purpose, sum(charge_pc)::HUGEINT / 1e6 AS charge_uc, sum(pulses) FROM 'channels.parquet' GROUP BY 1;",
    "SELECT session, max(amplitude_ua), quantile_cont(ack_us, 0.99) FROM 'commands.parquet' GROUP BY 1;",
    "SELECT patient, count(*), avg(contractions / contractions_planned) FROM 'sessions.parquet' GROUP BY 1;",
)
