"""A diary sheet that came back as a table, as spreadsheets of any country write it. All is checked before any counts.

Comma, semicolon or tab, also named by a line `sep=;`; with or without a byte order mark; UTF-8, UTF-16, Windows' Latin
1; empty lines and columns around the table; days as 2026-05-31, 31.05.2026, 31.5.26, also with midnight behind; whole
numbers written `2,0`; column heads of the printed sheet in either language. 03/04/2026 is refused: it is two days.
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
from estim.care.words import LANGUAGES, drill_words, word
from estim.platform.files import trouble
from estim.records.dates import plain_day
from estim.safety.errors import UsageError, quoted
from estim.safety.units import is_whole

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
# The columns of the sheet that goes home with the leaflet, in its order.
PRINTED = ("day", "drill", "done", "pain", "pain_next_morning", "falls", "fatigue", "note")
NO = frozenset({"", "0", "no", "n", "false", "nein", "-"})
YES = frozenset({"yes", "y", "true", "ja", "j", "x", "✓", "1"})
_GERMAN_DAY = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})$", re.ASCII)
_MIDNIGHT = re.compile(r"[ T]00?:00(:00(\.0+)?)?$")
_SEPARATOR = re.compile(r"^\"?sep=(.)\"?$", re.IGNORECASE)
_SLASHES = re.compile(r"^\d{1,4}/\d{1,2}/\d{1,4}$", re.ASCII)
_WHOLE = re.compile(r"^(\d{1,3})(?:[.,]0+)?$", re.ASCII)


def read_diary(path: Path) -> list[tuple[int, datetime.date, dict[str, Any]]]:
    """Line number, day and fields of each line.

    Raises:
        UsageError: which line, which column, what stands there and what belongs there.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {trouble(error)}") from None
    if len(data) > SIZE_MAX:
        raise UsageError(f"{path}: {len(data)} bytes are no diary; at most {SIZE_MAX}")
    text = _text(data)
    if "\x00" in text:
        raise UsageError(f"{path}: not a table of text (a spreadsheet's own file? save it as CSV)")
    lines = text.splitlines()
    before = 0  # lines above the columns' names: empty ones, and the one that names the separator
    delimiter = ""
    while before < len(lines) and (not lines[before].strip(" \t;,") or _SEPARATOR.match(lines[before].strip())):
        named = _SEPARATOR.match(lines[before].strip())
        delimiter = named[1] if named else delimiter
        before += 1
    head = lines[before] if before < len(lines) else ""
    delimiter = delimiter or max(";\t,", key=head.count)
    reader = csv.DictReader(io.StringIO("\n".join(lines[before:]), newline=""), delimiter=delimiter)
    names = {given: _column(path, before + 1, given) for given in reader.fieldnames or () if given.strip()}
    for needed in ("day", "drill", "done"):
        if needed not in names.values():
            there = ", ".join(names) or "none"
            raise UsageError(f"{path}: line {before + 1}: there is no column {quoted(needed)}; it has {there}")
    if len(set(names.values())) < sum(bool(given.strip()) for given in reader.fieldnames or ()):
        raise UsageError(f"{path}: line {before + 1}: two columns mean the same: {', '.join(reader.fieldnames or ())}")
    made = []
    try:
        for row in reader:
            number = before + reader.line_num
            nameless = [
                *(row.get(None) or ()),
                *(value for key, value in row.items() if key is not None and not key.strip()),
            ]
            if any((value or "").strip() for value in nameless):
                raise UsageError(f"{path}: line {number}: more fields than columns (put texts in quotes)")
            fields = {names[key]: (value or "").strip() for key, value in row.items() if key in names}
            if any(fields.values()):
                made.append((number, *_row(path, number, fields)))
    except csv.Error as error:
        raise UsageError(f"{path}: line {before + reader.line_num}: {error}") from None
    if not made:
        raise UsageError(f"{path}: there is no line below the columns' names; a day without exercise is a line with no")
    return made


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write by default


def _column(path: Path, line: int, given: str) -> str:
    name = given.strip().casefold().replace("_", " ")
    known = {column.replace("_", " "): column for column in COLUMNS} | dict(HEADS) | printed_heads()
    if name not in known:
        words = "the first line that is not empty names the columns"
        raise UsageError(f"{path}: line {line}: unknown column {quoted(given)}; {words}: {', '.join(COLUMNS)}")
    return known[name]


def printed_heads() -> dict[str, str]:
    """What stands above the columns of the printed sheet, in each language, to the column that it is."""
    sheets = (word("diary-heads", language).casefold().split("|") for language in LANGUAGES)
    return {head: column for heads in sheets for head, column in zip(heads, PRINTED, strict=True)}


def typed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """One line that a person typed, as a sheet's line becomes it.

    Raises:
        UsageError: what is missing, or what stands there and what belongs there.
    """
    said = {True: "yes", False: "no"}
    texts = {key: said[value] if isinstance(value, bool) else str(value).strip() for key, value in fields.items()}
    for needed in ("drill", "done"):
        if not texts.get(needed):
            raise UsageError(f"a line of the diary needs {needed}=…; its day is --day")
    return _kept("diary", texts)


def told(value: object) -> bool:
    """Whether a column says that there was something: a number other than 0, or words; not `no`."""
    return value is not None and str(value).strip().casefold() not in NO


def _row(path: Path, number: int, fields: Mapping[str, str]) -> tuple[datetime.date, dict[str, Any]]:
    where = f"{path}: line {number}"
    kept = _kept(where, fields)
    kept.pop("day", None)
    try:
        return day_of(fields["day"]), kept
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _kept(where: str, fields: Mapping[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: value for key, value in fields.items() if value}
    kept["drill"] = _drill(where, fields["drill"])
    for key in SCALES:
        if key in kept:
            kept[key] = _scale(where, key, kept[key])
    kept["done"] = told(fields["done"])  # anything but a no or a yes is how much was done: `3 × 10`
    if kept["done"] and fields["done"].casefold() not in YES:
        kept["done_words"] = fields["done"]
    return kept


def day_of(text: str) -> datetime.date:
    """A day as people and spreadsheets write it.

    Raises:
        UsageError: it is none, or two.
    """
    text = _MIDNIGHT.sub("", text)  # what a spreadsheet makes of a day
    german = _GERMAN_DAY.match(text)
    try:
        if german:
            year = int(german[3])
            return datetime.date(year + 2000 if year < 100 else year, int(german[2]), int(german[1]))
        return plain_day(text)
    except ValueError:
        why = ", which of the two is the month nobody can tell" if _SLASHES.match(text) else ""
        if is_whole(text) and len(text) == 5:
            why = ", a spreadsheet's own number: show the column as a date before saving"
        raise UsageError(f"day {quoted(text)}{why}: a date as 2026-05-31 or 31.05.2026") from None


def _drill(where: str, text: str) -> str:
    if text.casefold() in drills():
        return text.casefold()
    named = {
        drill_words(each, language)["name"].casefold(): each.id for each in drills().values() for language in LANGUAGES
    }
    if text.casefold() in named:
        return named[text.casefold()]
    raise UsageError(f"{where}: there is no exercise {quoted(text)}; near: {nearest(text)}")


def _scale(where: str, key: str, text: str) -> str:
    whole = _WHOLE.match(text)
    if whole is None or int(whole[1]) > 10:
        raise UsageError(f"{where}: {key} {quoted(text)}: a whole number, 0 to 10")
    return str(int(whole[1]))
