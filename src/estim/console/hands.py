"""From a press to what it does: the field that is typed in, the question on top, the stage, the console itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from estim.console.command import Command, found, next_of
from estim.console.contract import Console
from estim.console.keys import ACTIONS, shown
from estim.console.pane import Field, Pane
from estim.console.presses import Arrival, Kind

_EDITS: dict[str, Callable[[Field], None]] = {
    "backspace": lambda field: field.action_delete_left(),
    "delete": lambda field: field.action_delete_right(),
    "left": lambda field: field.action_cursor_left(),
    "right": lambda field: field.action_cursor_right(),
    "home": lambda field: field.action_home(),
    "end": lambda field: field.action_end(),
    "ctrl+u": lambda field: field.action_delete_left_all(),
}


class Handled(Console, Protocol):
    """What hands need of the console beside what its panes do."""

    def on_top(self) -> Pane:
        """The question on top, or the stage."""

    def offered(self) -> Sequence[Command]:
        """What the keys do now."""

    def act(self, command: Command) -> None:
        """Do it, and draw what it did."""

    def refused(self, key: str, why: str) -> None:
        """Say why a key does nothing, for as long as that is so."""


def normal(key: str) -> str:
    """A key with and without Shift or Caps Lock is one."""
    name = key.removeprefix("shift+") if key != "shift+tab" else key
    return name.lower() if len(name) == 1 else name


class Hands:
    """One console's."""

    def __init__(self, console: Handled) -> None:
        self._console = console

    def press(self, key: str, text: str | None, arrival: Arrival) -> bool:
        """One press. True: something was done with it, or said about it."""
        pane = self._console.on_top()
        if self._types(pane, key, text, arrival):
            return True
        name = normal(key)
        if name in {"tab", "shift+tab"}:
            return pane.tab(1 if name == "tab" else -1) or self._unknown(name)
        command = found(self._console.offered(), name)
        kind = command.kind if command is not None else Kind.ACT
        why = self._console.judge.refuses(name, kind, arrival)
        if why:
            if why == "together":
                self._console.said(self._console.say("refuse.together"))
            return True
        if command is None:
            return self._unknown(name)
        if command.refusal:
            self._console.refused(name, command.refusal)
        else:
            self._console.act(command)
        return True

    def _types(self, pane: Pane, key: str, text: str | None, arrival: Arrival) -> bool:
        """Letters go into the field at once, so that what follows them finds them there."""
        if not pane.field:
            return False
        found_field = [each for each in pane.query(Field) if each.id == pane.field]
        if not found_field:
            return False
        field = found_field[0]
        if key in _EDITS:
            _EDITS[key](field)
        elif text and text.isprintable():
            field.insert_text_at_cursor(text)
        else:
            return False
        pane.typed(field)
        if arrival.together == 1:  # else the next look draws what all of them did: a picture takes 5 ms
            self._console.draw()
        return True

    def _unknown(self, name: str) -> bool:
        """A key that has nothing to do here is told which one has."""
        say = self._console.say
        following = next_of(self._console.offered())
        known = any(name in action.keys for action in ACTIONS.values())
        if not known and len(name) != 1:
            return False
        if following is None:
            self._console.said(say("refuse.nothing", key=say.key(shown(name))))
        else:
            self._console.said(
                say(
                    "refuse.first",
                    key=say.key(shown(name)),
                    first=say.key(shown(following.keys[0])),
                    says=following.says,
                )
            )
        return True
