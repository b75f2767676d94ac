"""Help: the keys of what stands under it, in their present state, then its words; where there is room for them, what
the state's row can say and the way of a visit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.keys import ACTIONS, keys_of, shown
from estim.console.language import Words
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.stages.home import way_lines
from estim.session.snapshot import Snapshot

STATES = (
    ("○", "idle"), ("◇", "ready"), ("◆", "armed"), ("▶", "on"), ("▷", "running"), ("‖", "paused"), ("■", "stop-sent"),
    ("✖", "fault"), ("▲", "uncertain"),
)  # fmt: skip


def state_lines(say: Words) -> list[str]:
    """What the second row can say, and what it means."""
    words = [(f"{shape} {say(f'state.{name}.word')}", say(f"state-means.{name}")) for shape, name in STATES]
    wide = max(len(word) for word, _ in words)
    return [f"{word:<{wide}}  {means}" for word, means in words]


def about(command: Command, say: Words, keymap: Mapping[str, tuple[str, ...]]) -> str:
    """What a key does, in more than its one word of the footer where there is more to say."""
    for name in ACTIONS:
        same = command.keys[0] in keys_of(name, keymap) and command.label == say(f"action.{name}.label")
        if same and say.has(f"action.{name}.about"):
            return say(f"action.{name}.about")
    return command.label


class HelpPane(Pane):
    """With current on it takes no letters: lowering and stopping act from under it."""

    NAME: ClassVar[str] = "help"
    passes: ClassVar[bool] = True

    def __init__(self, console: Console, offered: Sequence[Command]) -> None:
        super().__init__(console)
        self._offered = [each for each in offered if each.label]

    def compose(self) -> ComposeResult:
        """Keys left, words right."""
        yield Panel(self.say("help.title"), id="help-keys")
        yield Panel(self.say("help.words"), id="help-words")
        yield Panel(self.say("help.states"), id="help-states")
        yield Panel(self.say("home.glance-none"), id="help-way")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """One line a key; what may not act now is dim and says what comes first."""
        lines: list[Content | str] = [*self.say.lines("help.stop"), ""]
        for each in self._offered:
            keys = " ".join(dict.fromkeys(self.say.key(shown(key)) for key in each.keys))
            words = each.says or about(each, self.say, self.console.keymap)
            if each.refusal:
                lines.append(Content.styled(f"{keys:<10} {each.label}: {each.refusal}", "dim"))
            else:
                lines.append(Content.assemble((f"{keys:<10}", "bold"), f" {words}"))
        self.panel("help-keys").lines(lines)
        self.panel("help-words").lines([*self.say.lines("help.glossary"), "", self.say("help.no-alarm")])
        self.panel("help-states").lines([*state_lines(self.say), "", *self.say.lines("help.alarm-marks")])
        self.panel("help-way").lines(way_lines(self.say))

    def commands(self) -> Sequence[Command]:
        """Closes by the key that opened it, and by going back."""
        back = list(keys_of("back", self.console.keymap))
        on = self.console.gate.closed  # Escape stops then
        back.sort(key=lambda key: (key != "escape") is not on)
        keys = (*back, *keys_of("help", self.console.keymap), "enter")
        named = [self.say.key(shown(key)) for key in keys[1:] if not (on and key == "escape")]
        label = f"{' '.join(named)} {self.say('hint.close')}"
        close = Command(keys=keys, act=self._close, label=label, says=self.say("help.closes"))
        return (close,)

    def _close(self) -> None:
        self.console.close(self)
