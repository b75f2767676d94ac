"""A word that somebody asks for → the places of the handbook that tell of it. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

_HEADING = re.compile(r"^(#{1,6}) +(.+?)(?: +\{#([\w-]+)\})? *$")
_BAR = re.compile(r"(?<!\\)\|")
SHOWN_MAX = 12  # of a search's finds; more is a page to read


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it, or one row of a table.

    Attributes:
        page: path below the handbook's root.
        title: the heading without signs. anchor: as the site has it, without `#`.
        text: Markdown.
    """

    page: PurePosixPath
    title: str
    anchor: str
    text: str

    @property
    def address(self) -> str:
        """`reference/limits.md#l5`."""
        return f"{self.page}#{self.anchor}"


class Book:
    """All pages, taken apart once."""

    def __init__(self, pages: Mapping[PurePosixPath, str]) -> None:
        self._headings: list[Section] = []
        self._rows: list[Section] = []
        for page in sorted(pages, key=lambda path: path.parts[0] == "reference"):  # what a person wrote comes first
            headings, rows = _of_page(page, pages[page].splitlines())
            self._headings += headings
            self._rows += rows
        self._titles = {place: plain(place.title) for place in (*self._headings, *self._rows)}
        self._names = {place: _names(place) for place in self._titles}

    def find(self, topic: str, *, also: str = "") -> tuple[list[Section], list[Section]]:
        """(what is told of exactly this, what comes near): the first is to be shown, the second to be listed.

        Args:
            also: a second name of the same thing.
        """
        asked = {plain(topic), plain(also), topic.strip().lower()} - {""}
        told = [place for place in self._headings if asked & self._names[place]]
        if not told:
            told = [place for place in self._headings if asked & {str(place.page).lower(), place.page.stem.lower()}][:1]
        rows = [row for row in self._rows if asked & self._names[row] and not _stands_in(row, told)]
        exact = [*told, *_merged(rows)]
        near = [place for place, title in self._titles.items() if _speaks_of(title, topic)]
        if not exact and not near:
            near = [place for place in self._headings if _speaks_of(plain(place.text), topic)]
        shown = {place.address for place in exact}
        listed = {place.address: place for place in near if place.address not in shown and not _stands_in(place, told)}
        return exact, list(listed.values())[:SHOWN_MAX]

    def nearest(self, topic: str) -> list[str]:
        """Three topics that are written like this one."""
        titles = list(dict.fromkeys(self._titles.values()))
        return difflib.get_close_matches(plain(topic), titles, n=3, cutoff=0.5)


def plain(text: str) -> str:
    """Small letters, without Markdown's signs; words apart by one blank."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[`*{}#“”\"]", "", text).replace("\\|", "|").lower().split())


def anchor_of(heading: str) -> str:
    """The anchor that the site's builder makes of a heading."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", plain(heading)).strip())


def _speaks_of(text: str, topic: str) -> bool:
    """A word of the text begins with each of the topic's: `freq` finds `frequency`, `nope` no `unopened`."""
    return all(re.search(rf"(?<![^\W_]){re.escape(word)}", text) for word in plain(topic).split())


def _names(place: Section) -> set[str]:
    """All by which a place may be asked for: `estim run` also as `run`, `frequency, rate` also as `rate`."""
    title = plain(place.title)
    parts = {part.strip().split(" ")[0] if part.strip().startswith("-") else part.strip() for part in title.split(",")}
    codes = set(re.findall(r"`([^`]+)`", place.title))
    return {title, place.anchor, place.address.lower(), title.removeprefix("estim ")} | parts | codes


def _stands_in(place: Section, told: list[Section]) -> bool:
    """It is part of what is shown anyway."""
    return any(place.page == whole.page and place.text.splitlines()[-1] in whole.text for whole in told)


def _merged(rows: Iterable[Section]) -> list[Section]:
    """Rows of one table as one piece, its head once."""
    made: dict[str, Section] = {}
    for row in rows:
        before = made.get(row.address)
        if before is None or before.text.splitlines()[0] != row.text.splitlines()[0]:
            made[row.address if before is None else f"{row.address} {len(made)}"] = row
        else:
            made[row.address] = replace(before, text=f"{before.text}\n{row.text.splitlines()[-1]}")
    return list(made.values())


def _of_page(page: PurePosixPath, lines: list[str]) -> tuple[list[Section], list[Section]]:
    starts = list(_starts(lines))
    headings: list[Section] = []
    rows: list[Section] = []
    for number, (at, level, title, anchor) in enumerate(starts):
        end = next((later for later, depth, *_ in starts[number + 1 :] if depth <= level), len(lines))
        headings.append(Section(page, title, anchor, "\n".join(lines[at:end]).strip()))
        own_end = starts[number + 1][0] if number + 1 < len(starts) else len(lines)
        rows += _rows(page, anchor, lines[at:own_end])
    return headings, rows


def _starts(lines: Iterable[str]) -> Iterable[tuple[int, int, str, str]]:
    fenced = False
    for at, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and (match := _HEADING.match(line)):
            title = match[2]
            yield at, len(match[1]), title, match[3] or anchor_of(title)


def _rows(page: PurePosixPath, anchor: str, lines: list[str]) -> Iterable[Section]:
    for at, line in enumerate(lines):
        if not line.startswith("|") or at < 2 or re.fullmatch(r"[|\s:-]+", line):
            continue
        top = next(up for up in range(at, -1, -1) if up == 0 or not lines[up - 1].startswith("|"))
        if at - top < 2:
            continue
        first = _BAR.split(line.strip("| "))[0].strip()
        if first:
            yield Section(page, first, anchor, "\n".join((lines[top], lines[top + 1], line)))
