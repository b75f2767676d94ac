"""A framed part of the screen: a title on its border, text inside, which scrolls where it does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

# What a line begins with and what its continuation stays clear of: room, a mark or a number, a time, a column's word.
_MARK = r"(?:[▸✓·!✖≠→?]|!!!?|\[.\]|\d+:\d\d|\d+)"
_HEAD = re.compile(rf"\s*(?:{_MARK}\s+){{0,2}}(?:[\w,]{{1,10}}(?: [\w,]{{1,6}})? \s+)?")


def hanging(line: Content, columns: int) -> list[Content]:
    """`line` in rows of at most `columns`, broken between words; what goes on stands under the words, not the mark."""
    text = line.plain
    if cell_len(text) <= columns:
        return [line]
    head = _HEAD.match(text)
    indent = min(len(head.group()) if head is not None else 0, columns // 3)
    rows, begin, room = [], 0, columns
    while cell_len(text[begin:]) > room:
        end = begin + room
        space = text.rfind(" ", begin + 1 + (indent if not begin else 0), end + 1)
        end = space if space > begin else end
        rows.append((begin, end))
        begin, room = end + (space == end), columns - indent
    rows.append((begin, len(text)))
    first, *others = rows
    return [line[first[0] : first[1]], *(Content(" " * indent) + line[a:b] for a, b in others if text[a:b].strip())]


def choice_rows(choices: Sequence[str], columns: int) -> list[str]:
    """The choices of a question, as many in a row as fit; none is broken."""
    rows: list[str] = []
    for each in choices:
        if rows and cell_len(rows[-1]) + 3 + cell_len(each) <= columns:
            rows[-1] += f"   {each}"
        else:
            rows.append(each)
    return rows


class Panel(VerticalScroll, can_focus=False):
    """One panel; the style sheet gives it its place in the stage's grid."""

    def __init__(self, title: str = "", *, id: str, classes: str = "") -> None:  # noqa: A002
        super().__init__(id=id, classes=f"panel {classes}".strip())
        self._text = Static(classes="text")
        self._shown: object = None
        self.follows = False  # a list that keeps its mark in sight: arrows move it, paging it would be undone
        self.border_title = title

    def compose(self) -> ComposeResult:
        """The text."""
        yield self._text

    def title(self, title: str) -> None:
        """Its heading."""
        if self.border_title != title:
            self.border_title = title

    def put(self, content: Content | str) -> None:
        """Show this; draws only what changed."""
        content = Content(content) if isinstance(content, str) else content
        key = (content.plain, content.spans)
        if key != self._shown:
            self._shown = key
            self._text.update(content, layout=not self._same_room(content.plain.split("\n")))

    def _same_room(self, rows: Sequence[str]) -> bool:
        """It takes as many rows as what stands there, and none is broken: nothing has to be laid out anew."""
        wide, high = self._text.size
        grows = self.styles.height is not None and self.styles.height.is_auto  # its neighbours' room depends on it
        return not grows and high == len(rows) and all(cell_len(row) <= wide for row in rows)

    def lines(self, lines: Iterable[Content | str]) -> None:
        """Show these lines; one that is wider than the panel goes on under its own words."""
        self.follows = False
        found = [part for line in lines for part in self._parts(line)]
        self.put(Content("\n").join(found))

    def _parts(self, line: Content | str) -> list[Content]:
        content = line if isinstance(line, Content) else Content(line)
        if not self.content_size.width or "\n" in content.plain:
            return [content]
        return hanging(content, self.columns)

    def newest(self, lines: Iterable[Content | str]) -> None:
        """As many of them, from the first, as there is room for: what follows is older, nobody scrolls for it."""
        found: list[Content] = []
        for line in lines:
            parts = self._parts(line)
            if found and len(found) + len(parts) > self.rows:
                break
            found += parts
        self.put(Content("\n").join(found))

    def rows_of(self, lines: Iterable[Content | str]) -> int:
        """How many rows they take here."""
        return sum(len(self._parts(line)) for line in lines)

    @property
    def columns(self) -> int:
        """Room across."""
        return max(20, self.scrollable_content_region.width or 38)

    @property
    def rows(self) -> int:
        """Room down."""
        return max(1, self.content_size.height or 8)

    def page(self) -> None:
        """One page further; from the end back to the top."""
        if self.scroll_offset.y >= self.max_scroll_y:
            self.scroll_home(animate=False)
        else:
            self.scroll_page_down(animate=False)

    def see(self, row: int, last: int | None = None) -> None:
        """Have this row of the text in sight, and those to `last` where there is room for them."""
        self.follows = True
        top, height, last = self.scroll_offset.y, self.rows, row if last is None else max(row, last)
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif last >= top + height:
            self.scroll_to(y=min(row, last - height + 1), animate=False)
