"""The list of commands over a session (F10): what it lists, and which key closes it, since letters type into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.app import SystemCommand
from textual.command import CommandList, CommandPalette
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widgets.option_list import Option

from estim.console import present
from estim.console.command import Command
from estim.console.keys import keys_of
from estim.console.language import Words
from estim.console.presses import Kind
from estim.console.stages.help import about
from estim.console.stopping_app import StoppingApp


class Listed(CommandPalette):
    """A list of commands that says in the screen's language where nothing is called so; Textual's is English.

    Args:
        nothing: those words.
        more: as `CommandPalette` has it.
    """

    def __init__(self, nothing: str, **more: Any) -> None:
        super().__init__(**more)
        self._nothing = nothing

    def _start_no_matches_countdown(self, search_value: str) -> None:
        """At once: what is listed here is known without waiting."""
        if search_value:
            self.query_one(CommandList).add_option(Option(self._nothing, disabled=True, id=self._NO_MATCHES))
        self._list_visible = bool(search_value)


class ListingApp(StoppingApp):
    """A console with its list of commands."""

    say: Words
    keymap: dict[str, tuple[str, ...]]

    def beneath(self) -> Sequence[Command]:
        """What the keys do where no list lies over the session."""
        raise NotImplementedError

    def offered(self) -> Sequence[Command]:
        """What the keys do now; under the list what closes it is the only one."""
        return [self._close()] if self._lists() else self.beneath()

    def _close(self) -> Command:
        say, keys = self.say, (*keys_of("commands", self.keymap), "f7")
        act, label, says = self.close_lists, say("commands.close"), say("commands.close-says")
        return Command(keys=keys, act=act, label=label, says=says, kind=Kind.MOVE)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """The palette: what may be done now, each with its key; themes."""
        for command in self.beneath():
            if command.label and not command.refusal:
                words = command.says or about(command, self.say, self.keymap)
                keys = self.say.key(present.shown_keys(command.keys))
                yield SystemCommand(f"{keys}  {command.label}", words, command.act)
        yield SystemCommand(self.say("commands.theme"), self.say("commands.theme-about"), self.action_change_theme)

    def open_palette(self) -> None:
        """All commands by name."""
        if not self._lists():
            say = self.say
            nothing, asks = say("commands.nothing"), say("commands.search")
            self.push_screen(Listed(nothing, placeholder=asks, id="--command-palette"))

    def search_themes(self) -> None:
        """All colours by name."""
        nothing, asks = self.say("commands.nothing"), self.say("commands.search-themes")
        self.push_screen(Listed(nothing, providers=[ThemeProvider], placeholder=asks))

    def _lists(self) -> bool:
        return any(isinstance(screen, CommandPalette) for screen in self.screen_stack)

    def close_lists(self) -> None:
        """Nothing lies over the frame any more."""
        while len(self.screen_stack) > 1:
            self.workers.cancel_node(self.screen)  # a search on its way would look for the list that is gone
            self.pop_screen()

    def pressed_over(self, key: str) -> bool:
        """The list closes by the key that opened it, also while Escape is a stop."""
        closes = self._lists() and key in self._close().keys
        if closes:
            self.close_lists()
            self.draw()
        return closes
