"""What is printed of a session: one line a change."""

from __future__ import annotations

from collections.abc import Callable

from estim.desk.cue_word import LINE_WORDS, cue_word
from estim.desk.drill_session import repetition_words
from estim.desk.sounds import Sounder
from estim.session.snapshot import Alarm, Snapshot, new_alarms


class Telling:
    """Remembers what was printed last, so that only changes are said; sounds where the protocol asks for it."""

    def __init__(self, say: Callable[[str], None], sounder: Sounder | None = None, drill: str = "") -> None:
        self.say = say
        self._sounder = sounder
        self._drill = drill
        self._repetition = 0
        self._words = ""
        self._alarms: tuple[Alarm, ...] = ()

    def tell(self, snapshot: Snapshot) -> None:
        """One line a change: phase, contraction, levels, output; each new alarm."""
        levels = ", ".join(
            f"{view.name} {view.level_ua / 1000:g} mA ({view.cycle.value})" for view in snapshot.channels
        )
        where = f"{snapshot.plan_phase} {snapshot.contraction}/{snapshot.contractions}" if snapshot.plan_phase else ""
        mark = "SIMULATED " if snapshot.simulated else ""
        key = cue_word(snapshot)
        cue = f"[{LINE_WORDS[key]}] " if LINE_WORDS.get(key) else ""
        if self._sounder is not None:
            self._sounder.hear(key, snapshot.cue_signal)
        words = f"{mark}{snapshot.phase.value} output {snapshot.output.value} {cue}{where} {levels}".strip()
        if words != self._words:
            self._words = words
            self.say(f"{snapshot.now_us / 1e6:8.2f} s  {words}")
        if self._drill and snapshot.purpose == "therapy" and snapshot.contraction > self._repetition:
            self._repetition = snapshot.contraction
            self.say(repetition_words(self._drill, snapshot.contraction, snapshot.contractions, snapshot.effort))
        for alarm in new_alarms(self._alarms, snapshot.alarms):
            self.say(f"  {'!' * {'high': 3, 'medium': 2}.get(alarm.priority, 1)} {alarm.text}")
        self._alarms = snapshot.alarms
