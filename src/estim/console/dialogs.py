"""The few dialogs: coded reasons (no free text while hands are on a limb), a word in writing, leaving, help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from estim.console.keys import ACTIONS, bindings, shown
from estim.console.stage import Dialog, StageScreen, hint
from estim.records.qr import qr_lines
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot

# Codes, as they stand in the record; their words are `reason.<code>`.
STOP_REASONS = (
    "patient-asked", "pain", "wrong-contraction", "skin", "electrode", "unwell", "mistake", "other",
)  # fmt: skip
SKIP_REASONS = ("fatigue", "discomfort", "short-of-time", "not-needed", "other")
END_REASONS = ("goal-reached", "fatigue", "short-of-time", "patient-asked", "discomfort", "other")
WARN_REASONS = ("needed-tolerated", "as-published", "tried-before", "other")
RESET_REASONS = ("cable-back", "pad-replaced", "device-restarted", "cause-gone", "other")


class ReasonDialog(Dialog[str]):
    """One key gives one coded reason; F7 leaves without."""

    BINDINGS: ClassVar[list[Any]] = [("f7", "cancel", "Back")]

    def __init__(self, title: str, reasons: Sequence[str], *, group: str = "reason", **fields: object) -> None:
        super().__init__()
        self._title = title
        self._reasons = tuple(reasons)
        self._group = group
        self._fields = fields

    def compose_body(self) -> ComposeResult:
        """The reasons with their digits."""
        yield Static(Content.styled(self.say(self._title, **self._fields), "bold"))
        lines = "\n".join(
            f"  {number}  {self.say.of(self._group, reason)}" for number, reason in enumerate(self._reasons, start=1)
        )
        yield Static(Content(lines), id="reasons")

    def hints(self) -> Sequence[tuple[str, str]]:
        """Digits and the way back."""
        return ((f"1-{len(self._reasons)}", "hint.choose"), ("F7", "hint.back"))

    def on_key(self, event: events.Key) -> None:
        """A digit chooses."""
        if event.character and event.character.isdigit() and 1 <= int(event.character) <= len(self._reasons):
            event.stop()
            self.dismiss(self._reasons[int(event.character) - 1])

    def action_cancel(self) -> None:
        """Leave without a reason."""
        self.dismiss("")


class WordDialog(Dialog[str]):
    """A short text, while output is off."""

    BINDINGS: ClassVar[list[Any]] = [("f7", "cancel", "Back")]

    def __init__(self, title: str, placeholder: str = "") -> None:
        super().__init__()
        self._title = title
        self._placeholder = placeholder

    def compose_body(self) -> ComposeResult:
        """The question and a line to answer on."""
        yield Static(Content.styled(self.say(self._title), "bold"))
        yield Input(placeholder=self.say(self._placeholder), id="word", max_length=200)

    def hints(self) -> Sequence[tuple[str, str]]:
        """Take it or leave it."""
        return (("ENTER", "hint.enter-word"), ("F7", "hint.back"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the text if there is any."""
        if event.value.strip():
            self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """Leave without an answer."""
        self.dismiss("")


class QrDialog(Dialog[None]):
    """The record's head as a QR code, and its words beside it."""

    BINDINGS: ClassVar[list[Any]] = [("f7", "close", "Back"), ("enter", "close", "Back"), *bindings("qr")]

    def __init__(self, head: str, words: Sequence[str]) -> None:
        super().__init__()
        self._head = head
        self._words = "\n".join(words)

    def compose_body(self) -> ComposeResult:
        """Both side by side: 37 columns and the rest of 80."""
        with Horizontal(id="qr-row"):
            yield Static(qr_content(self._head), id="qr")
            yield Static(Content(self._words), id="qr-words")

    def hints(self) -> Sequence[tuple[str, str]]:
        """The way back."""
        return (hint("back", "hint.close"),)

    def action_close(self) -> None:
        """Back to the signature."""
        self.dismiss()

    def action_qr(self) -> None:
        """The same key closes."""
        self.dismiss()


def qr_content(head: str) -> Content:
    """The code dark on light in every theme: its own black and white, never the theme's."""
    return Content("\n").join(Content.styled(line, "#ffffff on #000000") for line in qr_lines(head))


class LeaveDialog(Dialog[bool]):
    """Leaving: off first, and only when the device itself says so."""

    BINDINGS: ClassVar[list[Any]] = [("f7", "stay", "Stay"), ("q", "leave_now", "Leave")]

    def compose_body(self) -> ComposeResult:
        """What happens."""
        yield Static(id="leaving")

    def show(self, snapshot: Snapshot | None) -> None:
        """Say whether the device is off yet."""
        super().show(snapshot)
        if not self.composed:
            return
        lines = [self.say("leave.waiting")]
        if self._proved_off(snapshot):
            lines = list(self.say.lines("leave.off"))
            if snapshot is not None and snapshot.record_path and not snapshot.word_head:
                lines.append(self.say("leave.unsigned"))
        elif snapshot is not None:
            lines += ["", self.say("leave.pull", safe=self.say.heard(snapshot.make_safe))]
        self.query_one("#leaving", Static).update(Content("\n".join(lines)))

    def _proved_off(self, snapshot: Snapshot | None) -> bool:
        if (takeover := self.console.client.takeover) is not None:
            return takeover.output == OutputState.OFF
        return snapshot is not None and snapshot.output is OutputState.OFF and not self.console.gate.closed

    def hints(self) -> Sequence[tuple[str, str]]:
        """Leave or stay."""
        return (("Q", "hint.leave"), ("F7", "hint.stay"))

    def action_stay(self) -> None:
        """Go on here."""
        self.dismiss(False)  # noqa: FBT003  # the dialog's answer

    def action_leave_now(self) -> None:
        """Leave, if the output is proved off."""
        if self._proved_off(self.console.snapshot):
            self.dismiss(True)  # noqa: FBT003


class HelpDialog(Dialog[None]):
    """All keys in their groups."""

    BINDINGS: ClassVar[list[Any]] = [("f7", "close", "Back"), ("enter", "close", "Back"), *bindings("help")]

    def compose_body(self) -> ComposeResult:
        """The table of keys."""
        say, names = self.say, self.console.key_names
        lines = [*say.lines("help.stop"), *self._about_stage()]
        group = ""
        for action in ACTIONS.values():
            if action.group != group:
                group = action.group
                lines.append(f"\n{say(f'help.group.{group}')}")
            more = [shown(key) for key in action.keys if shown(key) != names[action.id]]
            keys = (
                " ".join((names[action.id], *more)) if names[action.id] == shown(action.keys[0]) else names[action.id]
            )
            lines.append(f"  {keys:<7} {say(f'action.{action.id}.about')}")
        lines.append(f"\n{say('help.no-alarm')}")
        yield Static(Content("\n".join(lines)))

    def _about_stage(self) -> Sequence[str]:
        """What is done in the stage below this dialog."""
        for screen in reversed(self.app.screen_stack):
            if isinstance(screen, StageScreen):
                name = screen.STAGE.value.lower()
                return ("", self.say(f"stage.{name}").upper(), *self.say.lines(f"help.stage.{name}"))
        return ()

    def hints(self) -> Sequence[tuple[str, str]]:
        """The way back."""
        return (hint("back", "hint.close"),)

    def action_close(self) -> None:
        """Back to the stage."""
        self.dismiss()

    def action_help(self) -> None:
        """The same key closes."""
        self.dismiss()
