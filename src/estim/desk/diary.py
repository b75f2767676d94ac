"""A diary sheet that came back as a table, as spreadsheets of any country write it. All is checked before any counts.

Comma, semicolon or tab; with or without a byte order mark; UTF-8, UTF-16 or Windows' Latin 1; days as 2026-05-31 or
31.05.2026; whole numbers written `2,0`; column heads of the printed sheet in either language.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from estim.care.drills import drills, nearest
from estim.care.words import LANGUAGES, drill_words
from estim.safety.errors import UsageError

COLUMNS = ("day", "drill", "done", "help", "pain", "pain_next_morning", "falls", "fatigue", "skin", "note")
SCALES = ("pain", "pain_next_morning", "fatigue")  # 0 to 10
SIZE_MAX = 1 << 20  # a year of ten exercises a day is a quarter of this
# Heads that people and spreadsheets write for them.
HEADS: Mapping[str, str] = MappingProxyType({
    "date": "day", "datum": "day", "tag": "day", "exercise": "drill", "übung": "drill", "uebung": "drill",
    "erledigt": "done", "gemacht": "done", "hilfe": "help", "schmerz": "pain", "schmerz am morgen": "pain_next_morning",
    "pain next morning": "pain_next_morning", "stürze": "falls", "müdigkeit": "fatigue", "haut": "skin",
    "notiz": "note", "bemerkung": "note",
})  # fmt: skip
NO = frozenset({"", "0", "no", "n", "false", "nein", "-"})
YES = frozenset({"yes", "y", "true", "ja", "j", "x", "✓", "1"})
_GERMAN_DAY = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$")
_WHOLE = re.compile(r"^(\d{1,3})(?:[.,]0+)?$")


def read_diary(path: Path) -> list[tuple[int, datetime.date, dict[str, Any]]]:
    """Line number, day and fields of each line.

    Raises:
        UsageError: which line, which column, what stands there and what belongs there.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    if len(data) > SIZE_MAX:
        raise UsageError(f"{path}: {len(data)} bytes are no diary; at most {SIZE_MAX}")
    text = _text(data)
    if "\x00" in text:
        raise UsageError(f"{path}: not a table of text (a spreadsheet's own file? save it as CSV)")
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(";\t,", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = {given: _column(path, given) for given in reader.fieldnames or ()}
    for needed in ("day", "drill", "done"):
        if needed not in names.values():
            raise UsageError(f"{path}: line 1: there is no column {needed!r}; it has {', '.join(names) or 'none'}")
    if len(set(names.values())) < len(names):
        raise UsageError(f"{path}: line 1: two columns mean the same: {', '.join(names)}")
    made = []
    try:
        for row in reader:
            if None in row:
                raise UsageError(f"{path}: line {reader.line_num}: more fields than columns (put texts in quotes)")
            fields = {names[key]: (value or "").strip() for key, value in row.items()}
            if any(fields.values()):
                made.append((reader.line_num, *_row(path, reader.line_num, fields)))
    except csv.Error as error:
        raise UsageError(f"{path}: line {reader.line_num}: {error}") from None
    return made


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write by default


def _column(path: Path, given: str) -> str:
    name = given.strip().casefold().replace("_", " ")
    known = {column.replace("_", " "): column for column in COLUMNS} | dict(HEADS)
    if name not in known:
        raise UsageError(f"{path}: line 1: unknown column {given!r}; there are {', '.join(COLUMNS)}")
    return known[name]


def _row(path: Path, number: int, fields: Mapping[str, str]) -> tuple[datetime.date, dict[str, Any]]:
    where = f"{path}: line {number}"
    kept: dict[str, Any] = {key: value for key, value in fields.items() if value}
    kept["drill"] = _drill(where, fields["drill"])
    for key in SCALES:
        if key in kept:
            kept[key] = _scale(where, key, kept[key])
    said = fields["done"].casefold()
    # Anything else is how much was done: `3 × 10`.
    kept["done"] = said not in NO
    if kept["done"] and said not in YES:
        kept["done_words"] = fields["done"]
    kept.pop("day", None)
    return _day(where, fields["day"]), kept


def _day(where: str, text: str) -> datetime.date:
    german = _GERMAN_DAY.match(text)
    try:
        if german:
            return datetime.date(int(german[3]), int(german[2]), int(german[1]))
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{where}: day {text!r}: a date as 2026-05-31 or 31.05.2026") from None


def _drill(where: str, text: str) -> str:
    if text in drills():
        return text
    named = {
        drill_words(each, language)["name"].casefold(): each.id for each in drills().values() for language in LANGUAGES
    }
    if text.casefold() in named:
        return named[text.casefold()]
    raise UsageError(f"{where}: there is no exercise {text!r}; near: {nearest(text)}")


def _scale(where: str, key: str, text: str) -> str:
    whole = _WHOLE.match(text)
    if whole is None or int(whole[1]) > 10:
        raise UsageError(f"{where}: {key} {text!r}: a whole number, 0 to 10")
    return str(int(whole[1]))
