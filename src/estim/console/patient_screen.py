"""The patient's own screen: what to do now, in one word that fills it; nothing that is not the patient's.

It reads what any observer reads. No level, no name, no alarm's text stands here; a word that is older than a second is
never shown as now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from estim.console.bigtext import big
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.cue import Cue, cue_of
from estim.console.happened import given
from estim.console.observer import ObserverConsole
from estim.console.pane import Pane
from estim.console.present import STALE_S
from estim.console.presses import Kind
from estim.console.widgets import meter
from estim.controller.observing import ObserverClient
from estim.desk.sounds import Sounder
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

BREATH_S = 8.0  # in and out once: about 7 breaths a minute, a calm adult's (convention)
CALLING = frozenset({"try-now", "pull", "keep-trying"})


class PatientPane(Pane):
    """One word, a count-down, one bar, the breath, how much is done, whether it sounds."""

    NAME: ClassVar[str] = "patient-screen"

    def __init__(self, console: Console, watched: ObserverClient) -> None:
        super().__init__(console)
        self._watched = watched
        self.sound = True
        self._last = ""
        self._sounder = Sounder(self._bell)

    def compose(self) -> ComposeResult:
        """All of it is one picture."""
        yield Static(id="patient-word")

    def cue(self, snapshot: Snapshot | None) -> Cue:
        """The word; OFF? while nothing was heard for a second, OFF where nothing is going on."""
        if snapshot is None or self._watched.ended or self.console.silent_s > STALE_S:
            return Cue(id="unknown", word=self.say("patient-screen.unknown"), about=self.say("patient-screen.wait"))
        if snapshot.phase not in {Phase.RUNNING, Phase.ARMED}:
            return Cue(id="off", word=self.say("cue.off"), about=self.say("patient-screen.with-you"))
        return cue_of(snapshot, self.say)

    def show(self, snapshot: Snapshot | None) -> None:
        """The picture, for whatever size there is."""
        cue = self.cue(snapshot)
        columns, rows = max(20, self.app.size.width), max(8, self.app.size.height)
        word = cue.word if cue.seconds_left is None else f"{cue.word} {cue.seconds_left}"
        large = grown(word, columns - 4, rows - 8)
        lines = [*large, "", cue.about]
        if snapshot is not None and cue.id not in {"unknown", "off"}:
            lines += [self._bar(snapshot, columns), self._breath(snapshot)]
            lines.append(self._done(snapshot))
        sound = self.say("patient-screen.sound-on" if self.sound else "patient-screen.sound-off")
        lines += ["", self.say("patient-screen.stop"), sound]
        top = max(0, (rows - len(lines)) // 2)
        centred = [line.center(columns).rstrip() for line in lines]
        self.query_one("#patient-word", Static).update(Content("\n".join([""] * top + centred)))
        self._last = cue.id
        self._sounder.hear(cue.id, "audio" if self.sound else "none")

    def _bell(self) -> None:
        """Without a sound card: a terminal has one tone, so only what calls rings."""
        if self._last in CALLING:
            self.app.call_from_thread(self.app.bell)

    def _bar(self, snapshot: Snapshot, columns: int) -> str:
        room = min(60, columns - 30)
        threshold, level = snapshot.emg_threshold_uv, snapshot.emg_uv
        if threshold and level is not None:
            return f"{self.say('patient-screen.muscle')} {meter(level, 2 * threshold, room, mark=threshold)}"
        if snapshot.practice is not None:
            return f"{self.say('patient-screen.muscle')} {meter(snapshot.practice.force_percent, 100, room)}"
        return ""

    def _breath(self, snapshot: Snapshot) -> str:
        at = snapshot.now_us / 1e6 % BREATH_S / BREATH_S
        share = 2 * at if at < 0.5 else 2 - 2 * at
        word = self.say("patient-screen.in" if at < 0.5 else "patient-screen.out")
        return f"{word:>12} {'▁▂▃▄▅▆▇█'[: max(1, round(share * 8))]:<8}"

    def _done(self, snapshot: Snapshot) -> str:
        if snapshot.contractions:
            return self.say("patient-screen.done-of", k=given(snapshot), n=snapshot.contractions)
        return self.say("patient-screen.done", k=given(snapshot))

    def commands(self) -> Sequence[Command]:
        """The sound, and nothing that acts on the session."""
        return (Command(keys=("m",), act=self._mute, label="M", kind=Kind.MOVE),)

    def _mute(self) -> None:
        self.sound = not self.sound


def grown(word: str, columns: int, rows: int) -> tuple[str, ...]:
    """`word` in blocks as large as the room: each block several cells wide and high."""
    drawn = big(word, columns)
    across = max(1, *(len(row) for row in drawn))
    factor = max(1, min(columns // across, rows // max(1, len(drawn)), 4))
    return tuple("".join(letter * factor for letter in row) for row in drawn for _ in range(factor))


class PatientConsole(ObserverConsole):
    """The observer's console without its frame: what stands there is the therapist's."""

    TITLE = "estim, the patient's screen"

    def __init__(self, client: ObserverClient, **options: Any) -> None:  # those of EstimConsole
        super().__init__(client, **options)
        self.pane = PatientPane(self, client)

    def on_ready(self) -> None:
        """Nothing of the frame but the word."""
        self.screen.add_class("-patient")

    def offered(self) -> Sequence[Command]:
        """The question about the room, the sound, looking away."""
        return [*super().offered(), *self.pane.commands()]
