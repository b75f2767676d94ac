"""What is printed of a session: one line a change."""

from __future__ import annotations

from collections.abc import Callable

from estim.session.snapshot import Alarm, Snapshot, new_alarms


class Telling:
    """Remembers what was printed last, so that only changes are said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self._words = ""
        self._alarms: tuple[Alarm, ...] = ()

    def tell(self, snapshot: Snapshot) -> None:
        """One line a change: phase, contraction, levels, output; each new alarm."""
        levels = ", ".join(
            f"{view.name} {view.level_ua / 1000:g} mA ({view.cycle.value})" for view in snapshot.channels
        )
        where = f"{snapshot.plan_phase} {snapshot.contraction}/{snapshot.contractions}" if snapshot.plan_phase else ""
        mark = "SIMULATED " if snapshot.simulated else ""
        words = f"{mark}{snapshot.phase.value} output {snapshot.output.value} {where} {levels}".strip()
        if words != self._words:
            self._words = words
            self.say(f"{snapshot.now_us / 1e6:8.2f} s  {words}")
        for alarm in new_alarms(self._alarms, snapshot.alarms):
            self.say(f"  {'!' * {'high': 3, 'medium': 2}.get(alarm.priority, 1)} {alarm.text}")
        self._alarms = snapshot.alarms
