"""A framed part of the screen: a title on its border, text inside, which scrolls where it does not fit."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static


class Panel(VerticalScroll, can_focus=False):
    """One panel; the style sheet gives it its place in the stage's grid."""

    def __init__(self, title: str = "", *, id: str, classes: str = "") -> None:  # noqa: A002
        super().__init__(id=id, classes=f"panel {classes}".strip())
        self._text = Static(classes="text")
        self._shown: object = None
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
            self._text.update(content)

    def lines(self, lines: Iterable[Content | str]) -> None:
        """Show these lines."""
        self.put(Content("\n").join([line if isinstance(line, Content) else Content(line) for line in lines]))

    @property
    def columns(self) -> int:
        """Room across."""
        return max(20, self.content_size.width or 38)

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

    def see(self, row: int) -> None:
        """Have this row of the text in sight."""
        top, height = self.scroll_offset.y, self.rows
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False)
