"""The frame around every stage: who is treated, what flows, what is next, which keys there are. Nothing covers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from estim.console import present
from estim.console.command import Command
from estim.console.keys import shown
from estim.console.language import Words
from estim.console.panel import hanging
from estim.session.snapshot import Alarm

STYLES = ("idle", "ready", "armed", "on", "paused", "fault", "uncertain", "off", "stale")
MAX_ALARMS_SHOWN = 2


class Line(Static):
    """One line of the frame; draws only what changed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown: object = None

    def put(self, content: Content) -> None:
        """Show this."""
        key = (content.plain, content.spans)
        if key != self._shown:
            self._shown = key
            self.update(content)

    def rows(self, lines: Sequence[Content]) -> None:
        """Show these lines; what goes on in a second row stands under its own words."""
        width = max(20, self.app.size.width)  # its own is 0 where it was not to be seen
        self.put(Content("\n").join(part for line in lines for part in hanging(line, width)))


class Strip(Line):
    """Row 1: the patient whose session is open, side, protocol, week and visit, device, simulated or real."""

    def show(self, parts: Sequence[tuple[str, int]], right: str) -> None:
        """As many parts as fit, each whole: the lowest rank goes first."""
        width = max(20, self.size.width or 80)
        kept = list(parts)
        while len(kept) > 2 and len(" · ".join(text for text, _ in kept)) + len(right) + 3 > width:
            kept.remove(min(kept, key=lambda part: part[1]))
        left = present.clip(f" {' · '.join(text for text, _ in kept)}", width - len(right) - 1)
        self.put(Content.styled(f"{left:<{width - len(right) - 1}}{right} ", "bold"))


class Banner(Line):
    """Row 2: the state in shape, word and colour, and what Space does. A click on it stops while output may be on."""

    def show(self, state: present.State, stop: str) -> None:
        """Left the state, right the stop."""
        for style in STYLES:
            self.set_class(style == state.style, f"-{style}")
        width = max(20, self.size.width or 80)
        room = width - len(stop) - 2
        line = f" {state.line}"
        if len(line) > room:
            line = f" {state.shape} {state.word}"
        self.put(Content.assemble((f"{present.clip(line, room):<{room}} ", "bold"), (f"{stop} ", "bold reverse")))

    class Clicked(Message):
        """The banner was clicked."""

    def on_click(self) -> None:
        """Tell the application."""
        self.post_message(self.Clicked())


class Said(Line):
    """What was refused, or what has just happened; nothing where there is nothing to say."""

    def show(self, text: str) -> None:
        """Show it, or take no room."""
        self.display = bool(text)
        self.rows([Content(f" {line.strip()}") for line in text.split("\n")] if text else [])


class NextLine(Line):
    """What to do next, always as `→ KEY what it does`."""

    def show(self, command: Command | None, wait: str, say: Words) -> None:
        """`wait` stands where no key counts just now."""
        self._key = command.keys[0] if command is not None else ""
        if command is None:
            self.rows([Content(f" {wait}")])
        else:
            self.rows([Content.assemble(" → ", (say.key(shown(command.keys[0])), "bold"), f" {command.says}")])

    _key = ""

    class Clicked(Message):
        """The line was clicked: as if its key was pressed."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def on_click(self) -> None:
        """Press what it names."""
        if self._key:
            self.post_message(self.Clicked(self._key))


class AlarmBar(Line):
    """Alarms, the loudest first. They do not blink: a mark of shape, a word and a bar of colour that stands."""

    def show(self, alarms: Sequence[Alarm], say: Words, key: str) -> None:
        """Show these; nothing at all without any."""
        self.display = bool(alarms)
        if not alarms:
            return
        for priority in present.PRIORITIES:
            self.set_class(alarms[0].priority == priority, f"-{priority}")
        most = 1 if self.app.size.height < 24 else MAX_ALARMS_SHOWN
        lines = [f" {present.alarm_line(alarm, say)}" for alarm in alarms[:most]]
        unread = next((n for n, alarm in enumerate(alarms[:most]) if not alarm.acknowledged), None)
        if key and unread is not None:  # one that is lost with its controller has nobody to hear of it
            lines[unread] += f" · {say('alarm.read', key=key)}"
        if len(alarms) > most:
            lines[-1] += f" ({say('alarm.more', count=len(alarms) - most)})"
        self.rows([Content(line) for line in lines])


class Footer(Line):
    """The keys of this moment, Space first; a click on a word does what its key does."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._places: list[tuple[int, int, int, str]] = []
        self.left_out = 0  # commands that two rows have no room for; help has them

    def show(self, stop: str, commands: Sequence[Command], say: Words, *, closed: bool) -> None:
        """In the order of importance, as many as two rows hold; one that may not act now is dim. Help is among them
        and says how many more there are.
        """
        self.set_class(closed, "-closed")
        width = max(40, self.size.width or 80)
        first: dict[str, Command] = {}
        for command in commands:
            if command.label:
                first.setdefault(say.key(shown(command.keys[0])), command)
        named = list(first.items())
        placed = _placed(named, len(stop) + 2, width)
        at = next((n for n, (_, each) in enumerate(named) if each.keys[0] == "f1"), None)
        if at is not None and len(placed) < len(named):
            others = [*named[:at], *named[at + 1 :]]
            for kept in range(len(others) - 1, -1, -1):
                more = replace(named[at][1], label=say("hint.help-more", count=len(others) - kept))
                these = [*others[: min(at, kept)], (named[at][0], more), *others[at:kept]]
                placed = _placed(these, len(stop) + 2, width)
                if len(placed) == len(these):
                    break
        self.left_out = len(named) - len(placed)
        parts: list[tuple[str, str]] = [(f" {stop} ", "bold reverse" if closed else "")]
        before = 0
        for (key, command), row, *_ in placed:
            if row != before:
                parts.append(("\n", ""))
                before = row
            word = "dim" if command.refusal else ""
            parts += [("  ", ""), (key, f"bold {word}".strip()), (f" {command.label}", word)]
        self._places = [(row, begin, end, command.keys[0]) for (_, command), row, begin, end in placed]
        self.put(Content.assemble(*parts))

    def on_click(self, event: events.Click) -> None:
        """Press what was clicked."""
        for row, begin, end, key in self._places:
            if event.y == row and begin <= event.x < end:
                self.post_message(NextLine.Clicked(key))


def _placed(
    named: Sequence[tuple[str, Command]], used: int, width: int
) -> list[tuple[tuple[str, Command], int, int, int]]:
    """(key and command, row, first column, column behind it) of those that two rows hold; `used` columns are taken."""
    row, found = 0, []
    for each in named:
        needed = len(each[0]) + len(each[1].label) + 3
        if used + needed > width:
            if row == 1:
                break
            row, used = 1, 0
        found.append((each, row, used, used + needed))
        used += needed
    return found


class Frame(Screen[None]):
    """The one screen: identity, state, the stage between, what is said, what is next, alarms, keys."""

    def __init__(self, drawn: Callable[[], None]) -> None:
        super().__init__(id="frame")
        self._drawn = drawn

    def compose(self) -> ComposeResult:
        """Siblings all, so that nothing can lie over them."""
        yield Strip(id="strip")
        yield Banner(id="banner")
        yield Container(id="body")
        yield Said(id="said")
        yield NextLine(id="next")
        yield AlarmBar(id="alarms")
        yield Footer(id="footer")

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._drawn)

    def show_under(self, top: Screen[object]) -> None:
        """What was drawn is seen also beside the list of commands: nobody lays out or paints a screen that is not on
        top, and the state of the output would stand there as it was when the list was opened.
        """
        if top is not self:
            self._refresh_layout()
            top.refresh()
