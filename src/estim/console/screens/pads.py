"""Pads and channels: which output goes to which muscle and side, on which pads, and where exactly they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from estim.console.bodymap import figure
from estim.console.dialogs import ReasonDialog, WordDialog
from estim.console.draft import Stage, pad_area_cm2
from estim.console.pad_words import ANY_REGION, missing, placement_lines, row, uses_line
from estim.console.stage import StageScreen, hint
from estim.protocols.schema import Channel
from estim.protocols.setup import ChannelSetup
from estim.safety.electrodes import parse_size_cm
from estim.safety.units import UA_PER_MA, MicroAmp
from estim.session.screening_outcomes import SKIN_BLOCKS_FROM, SKIN_GRADES
from estim.session.snapshot import Snapshot

REGIONS = ("thigh", "shank", "foot", "buttock", "forearm", "hand", "upper-arm", "shoulder", "upper-back", "low-back")


class PadsScreen(StageScreen):
    """One line a channel; the place of the chosen one in words and in a figure."""

    STAGE = Stage.PADS
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("l", "side('left')", "Left", show=False),
        Binding("r", "side('right')", "Right", show=False),
        Binding("b", "region", "Region", show=False),
        Binding("z", "size", "Pad size", show=False),
        Binding("i", "include", "Leave out", show=False),
        Binding("c", "cap", "Cap", show=False),
        Binding("v", "mvic", "MVIC", show=False),
        Binding("k", "skin", "Skin", show=False),
        Binding("u", "label", "Pad uses", show=False),
        Binding("w", "reviewed", "Reviewed", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    def compose_body(self) -> ComposeResult:
        """Table, placement, figure."""
        yield Static(id="pad-table")
        with Horizontal(id="placement-row"):
            yield Static(id="placement")
            yield Static(id="figure")

    def _rows(self) -> list[tuple[Channel, ChannelSetup]]:
        draft = self.console.draft
        if draft.protocol is None:
            return []
        return [(channel, draft.channels[channel.name]) for channel in draft.protocol.channel]

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """Draw all channels."""
        rows = self._rows()
        if not rows:
            return
        model = snapshot.model if snapshot is not None else ""
        simulated = snapshot is not None and snapshot.simulated
        lines = [Content.styled(self.say("pads.head"), "dim")]
        for index, (channel, setup) in enumerate(rows):
            lines.append(row(channel, setup, self.say, chosen=index == self.at))
        self.query_one("#pad-table", Static).update(Content("\n").join(lines))
        channel, setup = rows[self.at]
        region = setup.region or (channel.region if channel.region != ANY_REGION else "")
        words = list(placement_lines(channel, setup, model, self.say, simulated=simulated))
        if self._asks_mvic():
            words.append(self.say("pads.mvic", mvic=self.say.of("mvic", self.console.draft.mvic or "unknown")))
        words += ["", self._uses(channel.name), self._skin()]
        self.query_one("#placement", Static).update(Content("\n".join(words)))
        self.query_one("#figure", Static).update(Content("\n".join(figure(region, setup.side, self.say))))

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Keys of the chosen line."""
        rows = self._rows()
        any_region = bool(rows) and rows[self.at][0].region == ANY_REGION
        return (
            ("L/R", "hint.side"),
            ("1-8", "hint.output"),
            ("Z", "hint.size"),
            ("K", "hint.skin"),
            ("U", "hint.label"),
            *((("B", "hint.region"),) if any_region else ()),
            ("C", "hint.cap"),
            *((("V", "hint.mvic"),) if self._asks_mvic() else ()),
            *((("I", "hint.leave-out"),) if rows and rows[self.at][0].optional else ()),
            hint("next"),
            hint("back"),
        )

    def on_key(self, event: events.Key) -> None:
        """A digit is the stimulator's output for the chosen channel."""
        if event.key.isdigit() and event.key != "0":
            event.stop()
            self._change(channel=int(event.key))

    def _change(self, **changed: Any) -> None:  # fields of ChannelSetup
        rows = self._rows()
        if rows:
            self.console.draft.place(replace(rows[self.at][1], **changed))
            self.show(self.console.snapshot)

    def action_move(self, step: int) -> None:
        """Choose a line."""
        self.at = max(0, min(len(self._rows()) - 1, self.at + step))
        self.show(self.console.snapshot)

    def action_side(self, side: str) -> None:
        """The patient's left or right."""
        self._change(side=side)

    def action_region(self) -> None:
        """Next region, where the protocol leaves it open."""
        rows = self._rows()
        if rows and rows[self.at][0].region == ANY_REGION:
            now = rows[self.at][1].region
            following = REGIONS[(REGIONS.index(now) + 1) % len(REGIONS)] if now in REGIONS else REGIONS[0]
            self._change(region=following)

    def action_include(self) -> None:
        """Leave an optional channel out, or take it in again."""
        rows = self._rows()
        if rows and rows[self.at][0].optional:
            self._change(included=not rows[self.at][1].included)

    def action_size(self) -> None:
        """Both pads as they lie there: read from their bag, not from the protocol."""
        self.app.push_screen(WordDialog("ask.size", "5x9"), self._sized)

    def _sized(self, word: str | None) -> None:
        if not word:
            return
        try:
            sizes = [parse_size_cm(part) for part in word.split("/")]
            for size in sizes:
                pad_area_cm2(size)
        except ValueError as error:
            self.refuse(str(error))
            return
        self.show_problems(())
        self._change(pads_cm=(sizes[0], sizes[-1]))

    def action_cap(self) -> None:
        """A hard cap for this patient, e.g. found on the other limb where skin can't feel (L28)."""
        self.app.push_screen(WordDialog("ask.cap", "25"), self._capped)

    def _capped(self, word: str | None) -> None:
        if not word:
            return
        if not word.isdigit():
            self.refuse("refuse.cap", word=word)
            return
        self.show_problems(())
        self._change(cap_ua=MicroAmp(int(word) * UA_PER_MA) if int(word) else None)

    def _asks_mvic(self) -> bool:
        return any(channel.amplitude_rule == "percent-mvic" for channel, _ in self._rows())

    def action_mvic(self) -> None:
        """Was the maximum voluntary contraction measured? An estimate falls back to the strongest tolerated level."""
        draft = self.console.draft
        following = {None: "measured", "measured": "estimated", "estimated": None}
        if self._asks_mvic():
            draft.mvic = following[draft.mvic]
            self.show(self.console.snapshot)

    def action_next(self) -> None:
        """Everything named? Then the controller compiles and clears the titration."""
        snapshot = self.console.snapshot
        simulated = snapshot is not None and snapshot.simulated
        problems = [*missing(self._rows(), self.say, simulated=simulated), *self._skin_missing()]
        if problems:
            self.show_problems([{"severity": "refuse", "message": text} for text in problems])
            return
        self.configure("titration", self._configured)

    def _configured(self) -> None:
        draft, console = self.console.draft, self.console
        fields: dict[str, object] = {"skin_before": draft.skin_before, "pads": dict(draft.pad_labels)}
        if draft.skin_reviewed_by:
            fields["skin_reviewed_by"] = draft.skin_reviewed_by
        console.note(fields)
        console.go(Stage.DEVICE)

    # -- skin and pads' age -----------------------------------------------------------------------------------------

    def _uses(self, name: str) -> str:
        label = self.console.draft.pad_labels.get(name)
        past = self.console.past_patient(self.console.draft.patient_id)
        return uses_line(label, past.pad_uses if past is not None else {}, self.say)

    def _skin(self) -> str:
        grade = self.console.draft.skin_before
        return self.say("pads.skin", grade=self.say.of("reason", grade) if grade else self.say("pads.skin-open"))

    def _blocked(self) -> str:
        past = self.console.past_patient(self.console.draft.patient_id)
        return past.skin_blocked if past is not None and not self.console.draft.skin_reviewed_by else ""

    def _skin_missing(self) -> Sequence[str]:
        """A burn of last time is reviewed first; the skin is looked at before the pads cover it."""
        draft = self.console.draft
        if grade := self._blocked():
            return (self.say("pads.blocked", grade=grade),)
        if not draft.skin_before:
            return (self.say("pads.skin-missing"),)
        if int(draft.skin_before[0]) >= SKIN_BLOCKS_FROM:
            return (self.say("pads.skin-bad", grade=self.say.of("reason", draft.skin_before)),)
        return ()

    def action_skin(self) -> None:
        """The skin under the pads, before they lie on it."""
        self.app.push_screen(ReasonDialog("ask.skin", SKIN_GRADES), self._graded)

    def _graded(self, grade: str | None) -> None:
        if grade:
            self.console.draft.skin_before = grade
            self.show_problems(())
            self.show(self.console.snapshot)

    def action_label(self) -> None:
        """What is written on this pair of pads, so that its uses can be counted."""
        self.app.push_screen(WordDialog("ask.label", "ask.label-example"), self._labelled)

    def _labelled(self, word: str | None) -> None:
        rows = self._rows()
        if word and rows:
            self.console.draft.pad_labels[rows[self.at][0].name] = word
            self.show(self.console.snapshot)

    def action_reviewed(self) -> None:
        """Who looked at the skin that was graded 2 or 3 last time."""
        if self._blocked():
            self.app.push_screen(WordDialog("ask.reviewed", "ask.reviewed-example"), self._reviewed)

    def _reviewed(self, word: str | None) -> None:
        if word:
            self.console.draft.skin_reviewed_by = word
            self.show_problems(())
