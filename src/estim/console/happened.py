"""What happened, in lines: from pairs of snapshots, for large terminals. The record is the controller's, not this."""

from __future__ import annotations

from collections import deque

from estim.console import present
from estim.console.language import ENGLISH, Words
from estim.session.snapshot import Snapshot, new_alarms
from estim.session.state import Phase

KEPT = 50


class Happened:
    """The latest things that changed, the newest first."""

    def __init__(self, say: Words = ENGLISH) -> None:
        self._say = say
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._before: Snapshot | None = None

    def observe(self, snapshot: Snapshot | None) -> None:
        """Compare with the snapshot before."""
        before, self._before = self._before, snapshot
        if before is None or snapshot is None or before.n == snapshot.n:
            return
        for text in changes(before, snapshot, self._say):
            self._lines.appendleft(f"{present.clock(snapshot.now_us)}  {text}")

    def lines(self, count: int) -> tuple[str, ...]:
        """The newest `count`."""
        return tuple(self._lines)[:count]


def changes(before: Snapshot, after: Snapshot, say: Words = ENGLISH) -> tuple[str, ...]:
    """What is different enough to be told."""
    found: list[str] = []
    if after.phase is not before.phase:
        cause = present.cause_words(after.cause, say)
        phases = " → ".join(say.of("phase", phase.value) for phase in (before.phase, after.phase))
        found.append(phases + (f" ({cause})" if cause else ""))
    if after.output is not before.output:
        found.append(say("happened.output", state=say.of("output-state", after.output.value)))
    if after.contraction != before.contraction and after.contraction and after.purpose == before.purpose == "therapy":
        key = "progress.contraction" if after.contractions else "happened.contraction"  # triggered: as many as come
        found.append(say(key, k=after.contraction, n=after.contractions))
    played = after.phase is before.phase and after.phase in {Phase.RUNNING, Phase.PAUSED}
    known = {view.channel: view for view in before.channels} if played else {}  # what is loaded anew is no change
    for view in after.channels:
        old = known.get(view.channel)
        if old is not None and old.name == view.name and old.level_ua != view.level_ua:
            before_ma, after_ma = present.short_ma(old.level_ua), present.milliamps(view.level_ua)
            found.append(say("happened.level", channel=view.channel, before=before_ma, after=after_ma))
    found += [present.alarm_line(alarm, say) for alarm in new_alarms(before.alarms, after.alarms)]
    return tuple(found)
