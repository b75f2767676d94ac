"""What all stages and dialogs have in common: banner above, alarms and keys below, the stop always in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from estim.console import present
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.keys import bindings
from estim.console.language import Words
from estim.console.widgets import AlarmBar, Banner, KeyLine, ProblemList, Trail
from estim.controller.interface import Answer, ConfigureFrom
from estim.safety.schedule import Purpose
from estim.session.snapshot import Snapshot

ResultT = TypeVar("ResultT")


def hint(id: str, label: str = "") -> tuple[str, str]:  # noqa: A002
    """An action and its label's key in the language files, for the footer; `named` puts today's key and word there."""
    return f"@{id}", label or f"action.{id}.label"


def named(console: Console, hints: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Hints as they are printed: keys as the site's key map has them, labels in the language chosen."""
    return [
        (console.key_names[key[1:]] if key.startswith("@") else console.say(key), console.say(label))
        for key, label in hints
    ]


def page_on(box: Widget) -> None:
    """One page further in what does not fit; from its end back to the top."""
    if box.scroll_offset.y >= box.max_scroll_y:
        box.scroll_home(animate=False)
    else:
        box.scroll_page_down(animate=False)


class Drawn(Screen[ResultT]):
    """A screen that draws snapshots, in the words chosen."""

    TESTS_STOP: ClassVar[bool] = False  # what is armed here is armed to be stopped
    composed = False  # widgets exist, so a snapshot can be drawn

    @property
    def console(self) -> Console:
        """The application, by its own type."""
        return cast("Console", self.app)

    @property
    def say(self) -> Words:
        """The words in which this screen speaks."""
        return self.console.say

    def compose_body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    def on_mount(self) -> None:
        """The first picture waits until the widgets inside exist as well."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self.is_attached:
            self.composed = True
            self.begin()

    def begin(self) -> None:
        """First picture."""
        self.show(self.console.snapshot)

    def show(self, snapshot: Snapshot | None) -> None:
        """Draw this snapshot; called up to 20 times a second."""

    def show_frame(self, snapshot: Snapshot | None) -> None:
        """What stands above and below on every screen: banner and alarms."""
        console = self.console
        takeover = console.client.takeover
        self.query_one(Banner).show(
            snapshot, takeover,
            stop_sent=console.stop_sent, testing_stop=self.TESTS_STOP, setup_us=console.setup_us,
        )  # fmt: skip
        self.query_one(AlarmBar).show(present.alarms_shown(snapshot, takeover))

    def action_acknowledge(self) -> None:
        """The topmost alarm was read."""
        self.console.acknowledge()


class StageScreen(Drawn[None]):
    """One stage of the way."""

    LONG: ClassVar[str] = "#body"  # what may be longer than the screen

    STAGE: ClassVar[Stage]
    problems: tuple[dict[str, Any], ...] = ()
    BINDINGS: ClassVar[list[Any]] = bindings("next", "back", "acknowledge", "more")

    def compose(self) -> ComposeResult:
        """Banner, trail, the stage's own body, problems, alarms, keys."""
        yield Banner(id="banner")
        yield Trail(id="trail")
        with VerticalScroll(id="body", can_focus=False):
            yield from self.compose_body()
        yield ProblemList(id="problems")
        yield AlarmBar()
        yield KeyLine(id="keys")

    def begin(self) -> None:
        """First picture: what stands still as well."""
        self.query_one(ProblemList).show(self.problems)
        self.query_one(Trail).show(self.STAGE)
        super().begin()

    def show(self, snapshot: Snapshot | None) -> None:
        """Draw this snapshot: frame, the stage's own part, footer."""
        if not self.composed:
            return
        self.show_frame(snapshot)
        self.show_stage(snapshot)
        self.show_keys(snapshot)

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """Draw the stage's own part."""

    def show_keys(self, snapshot: Snapshot | None) -> None:
        """The footer of this moment."""
        closed = self.console.gate.closed
        more = (hint("more"),) if self.query_one(self.LONG).max_scroll_y > 0 else ()
        hints = [*self.hints(snapshot), *more, hint("help")]
        if any(not alarm.acknowledged for alarm in (snapshot.alarms if snapshot is not None else ())):
            hints.insert(0, hint("acknowledge", "hint.alarm-seen"))
        stop = present.stop_hint(snapshot, closed=closed, say=self.say)
        self.query_one(KeyLine).show(stop, named(self.console, hints), closed=closed)

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """(key, label) of what can be done here now."""
        return (hint("next"), hint("back"))

    def show_problems(self, problems: Sequence[dict[str, Any]]) -> None:
        """Say why a request was refused; an empty list takes the words away."""
        self.problems = tuple(problems)
        if self.composed:
            self.query_one(ProblemList).show(self.problems)

    def refuse(self, key: str, **fields: object) -> None:
        """Say why this console does not go on."""
        self.show_problems(({"severity": "refuse", "message": self.say(key, **fields)},))

    def configure(self, purpose: Purpose, then: Callable[[], None] = lambda: None) -> None:
        """The controller judges the draft and configures it; `then` follows if it agrees, else why not is shown."""
        console = self.console
        simulated = console.snapshot is not None and console.snapshot.simulated
        request = ConfigureFrom(
            id=console.next_id(),
            source=console.draft.source,
            setup=console.draft.setup(simulated=simulated),
            purpose=purpose,
        )

        def answered(answer: Answer) -> None:
            self.show_problems(() if answer.accepted else answer.problems)
            if answer.accepted:
                then()

        console.send(request, answered)

    def action_next(self) -> None:
        """On to the next stage, if this one allows."""

    def action_back(self) -> None:
        """Back to the stage before."""
        self.console.go_back()

    def action_more(self) -> None:
        """The rest of it."""
        page_on(self.query_one(self.LONG))


class Dialog(ModalScreen[ResultT], Drawn[ResultT]):
    """A question over a stage: banner and stop stay in sight, so does what Space does."""

    BINDINGS: ClassVar[list[Any]] = [
        *bindings("acknowledge", "more"),
        Binding("ctrl+q", "app.leave", "Leave", show=False),  # the application's own keys do not reach over a dialog
    ]

    def compose(self) -> ComposeResult:
        """Banner, the box, alarms, keys."""
        yield Banner(id="banner")
        with Vertical(id="box"), VerticalScroll(id="inside", can_focus=False):
            yield from self.compose_body()
        yield AlarmBar()
        yield KeyLine(id="keys")

    def show(self, snapshot: Snapshot | None) -> None:
        """Draw this snapshot: frame and footer."""
        if not self.composed:
            return
        self.show_frame(snapshot)
        console = self.console
        closed = console.gate.closed
        stop = present.stop_hint(snapshot, closed=closed, say=self.say)
        more = (hint("more"),) if self.query_one("#inside").max_scroll_y > 0 else ()
        self.query_one(KeyLine).show(stop, named(console, [*self.hints(), *more]), closed=closed)

    def hints(self) -> Sequence[tuple[str, str]]:
        """(key, label) of what can be done here."""
        return (hint("back"),)

    def action_more(self) -> None:
        """The rest of it."""
        page_on(self.query_one("#inside"))
