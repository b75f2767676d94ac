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
from estim.console.coach import cable_of
from estim.console.dialogs import WordDialog
from estim.console.draft import Stage, pad_area_cm2
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer, ConfigureFrom
from estim.protocols.schema import Channel
from estim.protocols.setup import ChannelSetup
from estim.safety.electrodes import parse_size_cm
from estim.safety.units import UA_PER_MA, MicroAmp
from estim.session.snapshot import Snapshot

REGIONS = ("thigh", "shank", "foot", "buttock", "forearm", "hand", "upper-arm", "shoulder", "upper-back", "low-back")
ANY_REGION = "any-permitted"
SKIN_CARE = (
    "Skin: wash with soap and water, dry, no lotion; clip hair, do not shave.",
    "Pads: from the middle outwards, no edge up, no overlap, one pad's width apart.",
)


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
        lines = [Content.styled("     out  muscle                   side   region      pads (cm)", "dim")]
        for index, (channel, setup) in enumerate(rows):
            lines.append(_row(channel, setup, chosen=index == self.at))
        self.query_one("#pad-table", Static).update(Content("\n").join(lines))
        channel, setup = rows[self.at]
        region = setup.region or (channel.region if channel.region != ANY_REGION else "")
        words = list(placement_lines(channel, setup, model, simulated=simulated))
        if self._asks_mvic():
            words.append(f"MVIC: {self.console.draft.mvic or 'not known'} (V: measured, estimated)")
        self.query_one("#placement", Static).update(Content("\n".join(words)))
        self.query_one("#figure", Static).update(Content("\n".join(figure(region, setup.side))))

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Keys of the chosen line."""
        rows = self._rows()
        any_region = bool(rows) and rows[self.at][0].region == ANY_REGION
        return (
            ("L/R", "side"),
            ("1-8", "output"),
            ("Z", "pad size"),
            *((("B", "region"),) if any_region else ()),
            ("C", "cap"),
            *((("V", "MVIC"),) if self._asks_mvic() else ()),
            *((("I", "leave out"),) if rows and rows[self.at][0].optional else ()),
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
        title = "Pad size in cm as printed on the bag: 7.6x12.7, or 3.2 for a round one; two different: 5x5 / 5x9"
        self.app.push_screen(WordDialog(title, "5x9"), self._sized)

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
        title = "The most this channel may ever get, in mA (from the other limb; S14). 0 takes the cap away."
        self.app.push_screen(WordDialog(title, "25"), self._capped)

    def _capped(self, word: str | None) -> None:
        if not word:
            return
        if not word.isdigit():
            self.refuse(f"cap {word!r}: give whole mA, e.g. 25")
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
        problems = missing(self._rows(), simulated=snapshot is not None and snapshot.simulated)
        if problems:
            self.show_problems([{"severity": "refuse", "message": text} for text in problems])
            return
        console = self.console
        console.send(
            ConfigureFrom(
                id=console.next_id(),
                source=console.draft.source,
                setup=console.draft.setup(simulated=snapshot is not None and snapshot.simulated),
                purpose="titration",
            ),
            self._configured,
        )

    def _configured(self, answer: Answer) -> None:
        if answer.accepted:
            self.console.go(Stage.LEVELS)
        else:
            self.show_problems(answer.problems)


def missing(rows: Sequence[tuple[Channel, ChannelSetup]], *, simulated: bool) -> tuple[str, ...]:
    """What must still be said before anything may be configured."""
    problems = []
    used: dict[int, str] = {}
    for channel, setup in rows:
        if not setup.included:
            continue
        if setup.side not in {"left", "right"}:
            problems.append(f"{channel.name}: which side? Press L or R.")
        if channel.region == ANY_REGION and setup.region is None:
            problems.append(f"{channel.name}: which region? Press B.")
        if setup.pads_cm is None and not simulated:
            problems.append(f"{channel.name}: which pads? Press Z and type their size from the bag.")
        if setup.channel in used:
            problems.append(f"output {setup.channel} is used twice: {used[setup.channel]} and {channel.name}")
        used[setup.channel] = channel.name
    return tuple(problems)


def _pads_words(channel: Channel, setup: ChannelSetup) -> str:
    if setup.pads_cm is not None:
        sizes = [" x ".join(f"{side:g}" for side in size) for size in setup.pads_cm]
        return sizes[0] if sizes[0] == sizes[1] else " / ".join(sizes)
    if channel.electrode_cm:
        return f"{' x '.join(f'{side:g}' for side in channel.electrode_cm)} as in protocol"
    return "as in protocol"


def _row(channel: Channel, setup: ChannelSetup, *, chosen: bool) -> Content:
    region = setup.region or (channel.region if channel.region != ANY_REGION else "?")
    words = (
        f" {'▶' if chosen else ' '}   {setup.channel:<4} {channel.muscle[:24]:<24} {setup.side or '?':<6} {region:<11} "
    )
    words += _pads_words(channel, setup) if setup.included else "left out today"
    return Content.styled(words, "bold" if chosen else "")


def placement_lines(channel: Channel, setup: ChannelSetup, model: str, *, simulated: bool) -> tuple[str, ...]:
    """Where the pads go, which cable, how large, how the skin is prepared."""
    size = setup.pads_cm[0] if setup.pads_cm is not None else channel.electrode_cm
    area = f"{pad_area_cm2(tuple(size)):.0f} cm² each" if size else "see the protocol"
    lines = [
        "",
        f"{channel.name}, {setup.side or 'side?'}",
        channel.placement,
        f"Cable: {cable_of(model, setup.channel)} · pads {area}",
        "",
        *SKIN_CARE,
    ]
    if setup.cap_ua is not None:
        lines.append(f"Cap for this patient: {setup.cap_ua / UA_PER_MA:g} mA")
    if simulated and setup.pads_cm is None:
        lines.append("Simulated: the protocol's pads are taken. On a person each pad is named.")
    return tuple(lines)
