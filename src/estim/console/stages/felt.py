"""What the patient feels of what flows, or flowed until just now: asked, booked at its current, answered by less."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from estim.console.comfort import ComfortClock, Felt
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.presses import Kind
from estim.console.raising import Held, RaiseLock
from estim.console.stages.why import WhyPane
from estim.session.events import Lower
from estim.session.levels import CUT_PERCENT
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Phase


class FeltPane(WhyPane):
    """A stage in which somebody feels something, and a hand lowers it."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.chosen: int | None = None
        self.comfort = ComfortClock()
        self.felt = Felt()
        self._asked_ua: dict[str, int] = {}  # what was felt as the question was put
        self.comfort_open = False
        self.raise_lock = RaiseLock()
        self._held = Held()

    @property
    def view(self) -> ChannelView | None:
        """The chosen channel."""
        snapshot = self.now
        channels = snapshot.channels if snapshot is not None else ()
        return next((view for view in channels if view.channel == self.chosen), None)

    def _cut_first(self, snapshot: Snapshot) -> Sequence[Command]:
        """With output off: a pain that was said and that nobody has answered yet comes before all that leads on."""
        over = snapshot.outcome == "completed" or self.console.draft.end_reason
        goes_on = snapshot.purpose == "therapy" or snapshot.phase is Phase.PAUSED  # what was sought begins at 0 mA
        if not goes_on or over or not self.comfort.hurts(snapshot):
            return ()
        return (self.cut_command("live.hurt-says"),)

    def _felt_in_pause(self, *, with_cut: bool) -> Sequence[Command]:
        """Many say only then what they felt: it is booked, and goes down, before it goes on."""
        cut = (self.cut_command(),) if with_cut else ()
        return (self.does("comfort", self._open_comfort), self.does("lower", self._lower, kind=Kind.FREE), *cut)

    def _comfort_commands(self) -> Sequence[Command]:
        digits = [
            self.digit(
                key,
                partial(self._note_comfort, value),
                label=self.say("comfort.scale") if value == 0 else "",
                says=self.say("comfort.press") if value == 0 else "",
            )
            for key, value in [*((str(n), n) for n in range(10)), ("t", 10)]
        ]
        lower = self.does("lower", self._lower, kind=Kind.FREE)
        return (*digits, lower, self.does("comfort", self._close_comfort, label=self.say("hint.back")))

    def _lower(self) -> None:
        self._held.other_key()
        self.raise_lock.touch()
        self.console.send(Lower(id=self.console.next_id(), channel=self.chosen, percent=0))

    def cut_command(self, says: str = "") -> Command:
        """Down by a fifth at once; `says`: the words of the next line where that comes first."""
        return self.does("cut", self._cut, says=self.say(says) if says else "", kind=Kind.FREE)

    def _cut(self, channel: int | None = None) -> None:
        """All channels, or one."""
        self._held.other_key()
        self.raise_lock.touch()
        self.console.send(Lower(id=self.console.next_id(), channel=channel, percent=CUT_PERCENT))

    def hurts_there(self, view: ChannelView) -> str:
        """Why no level that is to be played can be taken here: it was said to hurt."""
        hurt_ua = self.console.draft.hurting.at(view.channel, view.level_ua)
        return self.say("mark.hurts", level=f"{hurt_ua / 1000:.1f}") if hurt_ua else ""

    def _open_comfort(self) -> None:
        self._held.other_key()
        self.comfort_open, self._asked_ua = True, self.felt.highest_ua

    def _close_comfort(self) -> None:
        self.comfort_open = False

    def _note_comfort(self, value: int) -> None:
        self.comfort_open = False
        snapshot = self.now
        self.comfort.asked(snapshot, value)
        self.console.draft.hurting.said(value, self._asked_ua)
        self.console.draft.discomfort = max(value, self.console.draft.discomfort or 0)
        self.console.objectives.hurts(value, snapshot)
        levels = {} if snapshot is None else {str(view.channel): view.sent_ua for view in snapshot.channels}
        self.console.note({"discomfort": value, "felt_ua": self._asked_ua, "sent_ua": levels})
        self.console.happened.tell(self.say("happened.discomfort", value=value), snapshot)
