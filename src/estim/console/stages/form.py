"""Several short lines to type, one after another: Enter goes to the next, the last one enters all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.language import Words
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.desk.care_entries import RANGES, WORDS
from estim.safety.units import plain_number
from estim.session.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a form.

    Attributes:
        name: the field of the entry.
        title, hint: what is asked, what belongs there.
        wrong: why a text can't stand there, "" where it can; never asked of nothing.
        needed: nothing is no answer.
    """

    name: str
    title: str
    hint: str = ""
    wrong: Callable[[str], str] = lambda _text: ""
    needed: bool = False


class FormPane(Pane):
    """Rows with their values; each is judged where it stands, and all of it goes to `take` at once.

    Args:
        words: beside the rows, whatever they are about.
        take: gets what was typed, only rows with something in them.
        given: row → what stands there at first.
        left: gets what was typed where the form is left, for when it is opened again.
    """

    NAME: ClassVar[str] = "form"

    def __init__(
        self,
        console: Console,
        title: str,
        rows: Sequence[Row],
        take: Callable[[Mapping[str, str]], None],
        *,
        words: Sequence[Content | str] = (),
        given: Mapping[str, str] | None = None,
        left: Callable[[Mapping[str, str]], None] = lambda _typed: None,
    ) -> None:
        super().__init__(console)
        self._title, self._rows, self._take, self._words = title, tuple(rows), take, tuple(words)
        self._left = left
        self._values = {row.name: (given or {}).get(row.name, "") for row in rows}
        self._at = 0
        self.field = "line"

    def compose(self) -> ComposeResult:
        """Rows left, words right, the line under both."""
        yield Panel(self._title, id="form-rows")
        yield Panel(self.say("form.about"), id="form-words")
        yield Field(id="line", value=self._values[self._rows[0].name], max_length=200)

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """What stands in each; the marked one is what is typed."""
        lines: list[Content | str] = []
        for n, row in enumerate(self._rows):
            value = self._values[row.name]
            mark = "▸" if n == self._at else "✓" if value else "·"
            text = f"{mark} {row.title}: {value or '–'}"
            lines.append(Content.styled(text, "bold" if n == self._at else ""))
        panel, row = self.panel("form-rows"), self._rows[self._at]
        panel.lines(lines)
        panel.see(self._at)
        self.panel("form-words").lines(self._words)
        self.query_one("#line", Field).title(f"{row.title}  {row.hint}".strip())

    def typed(self, field: Field) -> None:
        """Into the marked row."""
        self._values[self._rows[self._at].name] = field.value.strip()

    def tab(self, step: int) -> bool:
        """From row to row."""
        self._move(step)
        return True

    def commands(self) -> Sequence[Command]:
        """Enter goes on, at the last row it enters; F8 enters from anywhere."""
        say, last = self.say, self._at == len(self._rows) - 1
        here = self._wrong(self._rows[self._at])
        first = next((why for row in self._rows if (why := self._wrong(row))), "")
        says = say("form.enters") if last else say("form.next", row=self._rows[self._at + 1].title)
        on = Command(
            keys=("enter",),
            act=self._enter if last else self._next,
            label=say("hint.save") if last else say("hint.enter-word"),
            says=says,
            refusal=first if last else here,
            kind=Kind.ACT if last else Kind.MOVE,
        )
        save = self.does("seal", self._enter, label="" if last else say("hint.save"), refusal=first)
        back = self.does("back", self._leave, label=say("hint.back"))
        return (on, *self.move(self._move), save, back)

    def _leave(self) -> None:
        self._left(self._typed_rows())
        self.console.close(self)

    def _typed_rows(self) -> Mapping[str, str]:
        return {name: value for name, value in self._values.items() if value}

    def _wrong(self, row: Row) -> str:
        """Why what stands in this row can't."""
        value = self._values[row.name]
        if not value:
            return self.say("form.needed", row=row.title) if row.needed else ""
        why = row.wrong(value)
        return f"{row.title}: {why}" if why else ""

    def _next(self) -> None:
        self._move(1)

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self._rows) - 1, self._at + step))
        field = self.query_one("#line", Field)
        field.value = self._values[self._rows[self._at].name]
        field.cursor_position = len(field.value)

    def _enter(self) -> None:
        self.console.close(self)
        self._take(self._typed_rows())


def number(text: str) -> str:
    """As it is entered: a comma, where a person writes one, is a point."""
    return text.replace(",", ".", 1)


def number_row(name: str, title: str, say: Words, *, hint: str = "", whole: bool = False) -> Row:
    """A number within the range that the entry's field has."""
    low, high, always = RANGES[name]
    key = "form.whole" if whole or always else "form.number"
    allowed = say(key, low=f"{low:g}", high=f"{high:g}")

    def wrong(text: str) -> str:
        try:
            value = plain_number(number(text))
        except ValueError:
            return allowed
        fits = low <= value <= high and (value == int(value) or not (whole or always))
        return "" if fits else allowed

    return Row(name=name, title=title, hint=f"{hint}; {allowed}" if hint else allowed, wrong=wrong)


def yes_no_row(name: str, title: str, say: Words) -> Row:
    """Yes or no, in either language."""
    words = say("form.yes-no")
    return Row(name=name, title=title, hint=words, wrong=lambda text: "" if text.casefold() in WORDS else words)
