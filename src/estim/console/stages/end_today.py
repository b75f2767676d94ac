"""Ending a visit in which nothing is treated, or no more: one digit says why, then the outcome and the signature."""

from __future__ import annotations

from estim.console.command import Command
from estim.console.corrected import END_REASONS, NOT_TREATED, end_for_today
from estim.console.draft import Stage
from estim.console.pane import Pane
from estim.console.stages.reason import ask_reason

LEFT_AT = (Stage.PLAN, Stage.ASSESSMENT, Stage.SCREENING, Stage.PADS, Stage.DEVICE, Stage.LEVELS, Stage.TREAT)


def may_end(pane: Pane) -> bool:
    """A session is open, its output is off, and nobody has signed."""
    snapshot, console = pane.now, pane.console
    unsigned = snapshot is not None and bool(snapshot.record_path) and not snapshot.word_head
    return console.draft.signed_in and unsigned and console.stage in LEFT_AT and not console.gate.closed


def end_today(pane: Pane, *, says: str = "") -> Command:
    """E: the reason, then the page that is signed; going back from there leads to where it was ended."""
    console = pane.console
    draft = console.draft

    def ended(reason: str) -> None:
        draft.came_from = Stage(console.stage)
        end_for_today(console, reason)
        console.go(Stage.OUTCOME)

    def ask() -> None:
        reasons = END_REASONS if draft.therapy_began else NOT_TREATED
        ask_reason(console, console.say("ask.end-today"), reasons, ended)

    return pane.does("end", ask, label=console.say("hint.end-today"), says=says)
