"""Pads: where each lies, on which skin, with which cable; one channel after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult

from estim.console.atlas import draw_atlas
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage, pad_area_cm2
from estim.console.pad_words import channel_lines, missing, placement_lines, uses_line
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.stages.end_today import end_today
from estim.console.stages.words import WordPane, no_name
from estim.desk.outcomes import SKIN_BLOCKS_FROM, SKIN_GRADES
from estim.protocols.schema import ANY_REGION, Channel
from estim.protocols.setup import ChannelSetup
from estim.safety.electrodes import parse_size_cm
from estim.safety.units import UA_PER_MA, MicroAmp, is_whole
from estim.session.events import Confirm
from estim.session.snapshot import Snapshot

REGIONS = ("thigh", "shank", "foot", "buttock", "forearm", "hand", "upper-arm", "shoulder", "upper-back", "low-back")


class PadsPane(Pane):
    """Skin first, then Y for pads that lie as drawn; the next channel comes by itself."""

    NAME: ClassVar[str] = "pads"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.at = self._open() or 0
        self._view = 0
        self._sent = False

    def _rows(self) -> list[tuple[Channel, ChannelSetup]]:
        draft = self.console.draft
        if draft.protocol is None:
            return []
        return [(channel, draft.channels[channel.name]) for channel in draft.protocol.channel]

    def _open(self) -> int | None:
        """The first channel of which something is still to be said."""
        draft = self.console.draft
        rows = enumerate(self._rows())
        return next((n for n, (one, setup) in rows if setup.included and one.name not in draft.lie_as_drawn), None)

    @property
    def _chosen(self) -> tuple[Channel, ChannelSetup]:
        return self._rows()[self.at]

    def compose(self) -> ComposeResult:
        """Channels and atlas left, words right."""
        yield Panel(self.numbered("pads.title"), id="channels-list")
        yield Panel(self.say("pads.atlas"), id="atlas")
        yield Panel("", id="placement")

    def show(self, snapshot: Snapshot | None) -> None:
        """Draw the chosen channel."""
        rows, say, draft = self._rows(), self.say, self.console.draft
        if not rows:
            return
        channel, setup = self._chosen
        listed = self.panel("channels-list")
        listed.display = len(rows) > 1
        self.set_class(listed.display, "-several")
        listed.lines(channel_lines(rows, draft, say, at=self.at, columns=listed.columns))
        listed.see(self.at)
        words = self.panel("placement")
        side = say.of("side", setup.side) if setup.side else say("pads.side-open")
        words.title(
            self.numbered(
                "pads.channel", k=self.at + 1, n=len(rows), muscle=say.short_muscle(channel.muscle), side=side.upper()
            )
        )
        simulated = snapshot is not None and snapshot.simulated
        model = snapshot.model if snapshot is not None else ""
        lines = list(placement_lines(channel, setup, model, say, simulated=simulated))
        past = self.console.past_patient(draft.patient_id)
        lines.append(uses_line(draft.pad_labels.get(channel.name), past.pad_uses if past else {}, say))
        skin, done = draft.skin.get(channel.name), channel.name in draft.lie_as_drawn
        asked = [
            f"[{'✓' if skin else '▸'}] {say('pads.skin-now', grade=say.of('reason', skin) if skin else '?')}",
            f"[{'✓' if done else '▸' if skin else ' '}] {say('pads.lie')}",
        ]
        tight = listed.display and self.console.rows < 34  # what is asked stays in sight, whatever else is paged
        words.lines([*asked, "", *lines] if tight else [*lines, "", *asked])
        atlas = self.panel("atlas")
        atlas.lines(draw_atlas(channel, setup, model, say, columns=atlas.columns, rows=atlas.rows, view=self._view))

    def commands(self) -> Sequence[Command]:
        """What is asked of this channel first; then what can be changed."""
        say, rows = self.say, self._rows()
        back = self.does("back", self._back, label=say("hint.back"))
        if not rows:
            return (back,)
        channel, setup = self._chosen
        changes = [
            *self.move(self._move),
            self._key("z", self._pad_size, "hint.size"),
            self._key("u", self._label, "hint.label"),
            self._key("c", self._cap, "hint.cap"),
            self._key("m", self._note, "hint.note"),
            self._key("v", self._turn, "hint.view"),
            self._key("o", self._output, "hint.output"),
            *([self._key("b", self._region, "hint.region")] if channel.region == ANY_REGION else []),
            *([self._key("i", self._include, "hint.leave-out")] if channel.optional else []),
            *([self._key("e", self._mvic, "hint.mvic")] if self._asks_mvic() and not self._bad_skin() else []),
            self.digit("l", partial(self._change, side="left")),
            self.digit("r", partial(self._change, side="right")),
        ]
        return (*self._asked(channel, setup), *changes, back)

    def _key(self, key: str, act: Callable[[], None], label: str) -> Command:
        return self.digit(key, act, label=self.say(label))

    def _asked(self, channel: Channel, setup: ChannelSetup) -> Sequence[Command]:
        say, draft = self.say, self.console.draft
        simulated = self.now is not None and self.now.simulated
        if grade := self._blocked():
            reviewed = self.digit(
                "w", self._reviewed, label=say("hint.reviewed"), says=say("pads.blocked", grade=grade)
            )
            return (reviewed,)
        open_side = setup.side not in {"left", "right"}
        sizes = setup.pads_cm is None and not simulated
        if open_side:
            return (self.digit("r", partial(self._change, side="right"), says=say("plan.side.right")),)
        if sizes:
            return (self.digit("z", self._pad_size, says=say("pads.size-first")),)
        skin = draft.skin.get(channel.name)
        grades = [
            self.digit(
                str(n),
                partial(self._graded, grade),
                label=say(f"skin-short.{n}"),
                says=say("pads.skin-says") if n == 1 and not skin else "",
            )
            for n, grade in enumerate(SKIN_GRADES, start=1)
        ]
        refusal = "" if skin else say("pads.skin-first")
        if skin and self._bad_skin():
            refusal = say("pads.skin-bad", grade=say.of("reason", skin))
        lie = self.does("confirm", self._lie, label=say("pads.lie-short"), says=say("pads.lie-says"), refusal=refusal)
        done = channel.name in draft.lie_as_drawn
        if done and self._open() is None:
            refusal = say("refuse.opening") if self._sent else ""
            return (self.does("next", self._finish, says=say("pads.done"), refusal=refusal), lie, *grades)
        end = (end_today(self, says=say("pads.end-says")),) if self._bad_skin() else ()
        return (*grades, lie) if not skin else (*end, lie, *grades)

    def _bad_skin(self) -> bool:
        """Nothing is played here today: E ends, or the channel is left out."""
        skin = self.console.draft.skin.get(self._chosen[0].name)
        return bool(skin) and int(str(skin)[0]) >= SKIN_BLOCKS_FROM

    # -- what they do -----------------------------------------------------------------------------------------------

    def _move(self, step: int) -> None:
        self.at = max(0, min(len(self._rows()) - 1, self.at + step))

    def _back(self) -> None:
        self.console.go(Stage.SCREENING)

    def _change(self, **changed: Any) -> None:  # fields of ChannelSetup
        channel, setup = self._chosen
        draft = self.console.draft
        draft.place(replace(setup, **changed))
        draft.lie_as_drawn.discard(channel.name)
        if "side" in changed and not draft.side:
            draft.side = changed["side"]

    def _graded(self, grade: str) -> None:
        self.console.draft.skin[self._chosen[0].name] = grade
        if int(grade[0]) >= SKIN_BLOCKS_FROM:
            self.console.said(f"✖ {self.say('pads.skin-bad', grade=self.say.of('reason', grade))}")

    def _lie(self) -> None:
        """As drawn: on to the next channel, and after the last one to the controller."""
        self.console.draft.lie_as_drawn.add(self._chosen[0].name)
        following = self._open()
        if following is not None:
            self.at = following
        else:
            self._finish()

    def _finish(self) -> None:
        simulated = self.now is not None and self.now.simulated
        problems = missing(self._rows(), self.say, simulated=simulated)
        if problems:
            self.console.said("✖ " + "\n ✖ ".join(problems[:3]))
            return
        self._sent = True
        self.configure("titration", self._configured)
        self._sent = False

    def _configured(self) -> None:
        draft, console = self.console.draft, self.console
        worst = max(draft.skin.values(), default=SKIN_GRADES[0])
        fields: dict[str, object] = {"skin_before": worst, "skin_by_channel": dict(draft.skin)}
        fields["pads"] = dict(draft.pad_labels)
        if draft.skin_reviewed_by:
            fields["skin_reviewed_by"] = draft.skin_reviewed_by
        console.note(fields)
        console.send(Confirm(id=console.next_id(), what="pads", value="as-drawn"))
        console.go(Stage.DEVICE)

    def _turn(self) -> None:
        self._view += 1

    def _include(self) -> None:
        self._change(included=not self._chosen[1].included)

    def _region(self) -> None:
        now = self._chosen[1].region
        following = REGIONS[(REGIONS.index(now) + 1) % len(REGIONS)] if now in REGIONS else REGIONS[0]
        self._change(region=following)

    def _output(self) -> None:
        def wrong(word: str) -> str:
            return "" if is_whole(word) and 1 <= int(word) <= 8 else self.say("refuse.output", word=word)

        self.console.ask(WordPane(self.console, "ask.output", self._plugged, wrong=wrong))

    def _plugged(self, word: str) -> None:
        self._change(channel=int(word))

    def _pad_size(self) -> None:
        def wrong(word: str) -> str:
            try:
                for size in sizes_of(word):
                    pad_area_cm2(size)
            except ValueError:
                return self.say("refuse.size", word=word)
            return ""

        self.console.ask(WordPane(self.console, "ask.size", self._sized, wrong=wrong))

    def _sized(self, word: str) -> None:
        sizes = sizes_of(word)
        self._change(pads_cm=(sizes[0], sizes[-1]))

    def _cap(self) -> None:
        def wrong(word: str) -> str:
            return "" if is_whole(word) else self.say("refuse.cap", word=word)

        self.console.ask(WordPane(self.console, "ask.cap", self._capped, wrong=wrong))

    def _capped(self, word: str) -> None:
        """A hard cap for this patient, e.g. found on the other limb where skin can't feel (L28)."""
        self._change(cap_ua=MicroAmp(int(word) * UA_PER_MA) if int(word) else None)

    def _note(self) -> None:
        self.console.ask(WordPane(self.console, "ask.pad-note", self._noted))

    def _noted(self, word: str) -> None:
        self.console.note({"pad_note": word, "channel": self._chosen[0].name})

    def _label(self) -> None:
        self.console.ask(WordPane(self.console, "ask.label", self._labelled))

    def _labelled(self, word: str) -> None:
        self.console.draft.pad_labels[self._chosen[0].name] = word

    def _asks_mvic(self) -> bool:
        return any(channel.amplitude_rule == "percent-mvic" for channel, _ in self._rows())

    def _mvic(self) -> None:
        """Was the maximum voluntary contraction measured? An estimate falls back to the strongest tolerated level."""
        following = {None: "measured", "measured": "estimated", "estimated": None}
        self.console.draft.mvic = following[self.console.draft.mvic]

    def _blocked(self) -> str:
        """A burn of last time is reviewed before anything else."""
        past = self.console.past_patient(self.console.draft.patient_id)
        return past.skin_blocked if past is not None and not self.console.draft.skin_reviewed_by else ""

    def _reviewed(self) -> None:
        self.console.ask(WordPane(self.console, "ask.reviewed", self._looked_at, wrong=partial(no_name, self.say)))

    def _looked_at(self, word: str) -> None:
        self.console.draft.skin_reviewed_by = word


def sizes_of(word: str) -> list[tuple[float, ...]]:
    """Pad sizes as typed, one for both pads or one each.

    Raises:
        ValueError: no size.
    """
    return [parse_size_cm(part) for part in word.replace(",", ".").split("/")]
