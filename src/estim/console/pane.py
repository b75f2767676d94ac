"""What stands between the frame's lines: a stage of the way, or a question over it; its keys, its panels.

A pane's `commands` are made from what it knows and from the last snapshot alone: they hold before it was painted and
after. Its widgets only show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.containers import Container
from textual.widgets import Input

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.keys import keys_of
from estim.console.language import Words
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.controller.interface import Answer, ConfigureFrom
from estim.safety.schedule import Purpose
from estim.session.snapshot import Snapshot


class Field(Input):
    """One line to type on. The console puts letters in by itself, in the order of the keys, so none goes astray."""

    def __init__(self, *, id: str, value: str = "", password: bool = False, max_length: int = 40) -> None:  # noqa: A002
        super().__init__(id=id, value=value, password=password, max_length=max_length, select_on_focus=False)
        self.cursor_blink = False

    def title(self, title: str) -> None:
        """Its heading; setting one draws the field anew, also where it is the same."""
        if self.border_title != title:
            self.border_title = title


class Pane(Container):
    """A stage or a question.

    Args:
        console: the application that it stands in.
    """

    NAME: ClassVar[str] = ""
    whole: ClassVar[bool] = True  # a question that needs the whole room between the lines
    passes: ClassVar[bool] = False  # keys that it does not know go to the stage under it
    asks: ClassVar[bool] = False  # a question itself: no key answers what the stage under it asks

    def __init__(self, console: Console) -> None:
        super().__init__(classes=f"pane {self.NAME}")
        self.console = console
        self.composed = False
        self.field = ""  # the id of the field that letters go to

    # -- for the console --------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """The first picture waits until the panels inside exist."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self.is_attached:
            self.composed = True
            self.focus_field()
            self.console.draw()

    def numbered(self, key: str, **fields: object) -> str:
        """A title of this stage, behind its place in the way: a stage that is added moves the numbers of all others."""
        way = [stage.value for stage in Stage]
        return f"{way.index(self.NAME) + 1}/{len(way)} {self.say(key, **fields)}"

    def show(self, snapshot: Snapshot | None) -> None:
        """Put the present state into the panels; called only once they exist."""

    def commands(self) -> Sequence[Command]:
        """What the keys do now, in the order of importance."""
        return ()

    def typed(self, field: Field) -> None:
        """A field has another text."""

    def tab(self, step: int) -> bool:
        """Go to the next field; False where there is none."""
        fields = [each.id or "" for each in self.query(Field) if each.display]
        if not fields:
            return False
        at = fields.index(self.field) if self.field in fields else -1
        self.focus_on(fields[(at + step) % len(fields)])
        return True

    def more(self) -> bool:
        """One page further in what does not fit, one panel after the other; False where nothing is to be paged."""
        long = [panel for panel in self.too_long() if not panel.follows]
        further = next((panel for panel in long if panel.scroll_offset.y < panel.max_scroll_y), None)
        for panel in long if further is None else (further,):
            panel.page()
        return bool(long)

    def too_long(self) -> list[Panel]:
        """Panels with rows out of sight."""
        return [panel for panel in self.query(Panel) if panel.display and panel.max_scroll_y > 0]

    # -- for the panes ----------------------------------------------------------------------------------------------

    @property
    def say(self) -> Words:
        """The words in which it speaks."""
        return self.console.say

    @property
    def now(self) -> Snapshot | None:
        """The latest snapshot."""
        return self.console.snapshot

    def panel(self, name: str) -> Panel:
        """One of its panels."""
        return self.query_one(f"#{name}", Panel)

    def focus_on(self, name: str) -> None:
        """Letters go to this field from now on; "" to none."""
        self.field = name
        if self.is_mounted:
            self.focus_field()

    def focus_field(self) -> None:
        """Show the cursor where letters go."""
        found = [each for each in self.query(Field) if each.id == self.field]
        if self.is_attached:
            self.screen.set_focus(found[0] if found and self.field else None)

    def value(self, name: str) -> str:
        """What stands in a field."""
        found = [each for each in self.query(Field) if each.id == name]
        return found[0].value.strip() if found else ""

    def does(
        self,
        id: str,  # noqa: A002
        act: Callable[[], None],
        *,
        label: str | None = None,
        says: str = "",
        refusal: str = "",
        kind: Kind = Kind.ACT,
    ) -> Command:
        """The command of an action of the key table; its usual word stands in the footer."""
        word = self.say(f"action.{id}.label") if label is None else label
        keys = keys_of(id, self.console.keymap)
        return Command(keys=keys, act=act, label=word, says=says, refusal=refusal, kind=kind)

    def digit(
        self,
        key: str,
        act: Callable[[], None],
        *,
        label: str = "",
        says: str = "",
        refusal: str = "",
        kind: Kind = Kind.ACT,
        answers: bool = False,
    ) -> Command:
        """The command of a key that only this pane has: a digit, a letter."""
        return Command(keys=(key,), act=act, label=label, says=says, refusal=refusal, kind=kind, answers=answers)

    def through(self, commands: Sequence[Command]) -> list[Command]:
        """What still acts of the stage under this."""
        if not self.passes:
            return []
        return [each for each in commands if not each.says and not (self.asks and each.answers)]

    def move(self, act: Callable[[int], None]) -> tuple[Command, Command]:
        """↑ ↓."""
        return (
            Command(keys=("up",), act=lambda: act(-1), label=self.say("hint.move"), kind=Kind.MOVE),
            Command(keys=("down",), act=lambda: act(1), kind=Kind.MOVE),
        )

    def configure(
        self, purpose: Purpose, then: Callable[[], Any] = lambda: None, otherwise: Callable[[], Any] = lambda: None
    ) -> None:
        """The controller judges the draft and configures it; `then` follows if it agrees, else why not is said."""
        console, draft = self.console, self.console.draft
        simulated = self.now is not None and self.now.simulated
        request = ConfigureFrom(
            id=console.next_id(), source=draft.source, setup=draft.setup(simulated=simulated), purpose=purpose
        )

        def answered(answer: Answer) -> None:
            if answer.accepted:
                then()
            else:
                otherwise()
                console.problems(answer.problems)

        console.send(request, answered)
