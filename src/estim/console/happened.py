"""What happened, in lines: from pairs of snapshots, for large terminals. The record is the controller's, not this."""

from __future__ import annotations

from collections import deque

from estim.console import present
from estim.console.language import ENGLISH, Words
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot, new_alarms
from estim.session.state import Phase

KEPT = 50


class Happened:
    """The latest things that changed, the newest first."""

    def __init__(self, say: Words = ENGLISH) -> None:
        self._say = say
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._before: Snapshot | None = None
        self._began_us: int | None = None  # of the session: its record was opened

    def observe(self, snapshot: Snapshot | None) -> None:
        """Compare with the snapshot before."""
        before, self._before = self._before, snapshot
        if before is None or snapshot is None or before.n == snapshot.n:
            return
        if self._began_us is None and snapshot.record_path:
            self._began_us = snapshot.now_us
        for text in changes(before, snapshot, self._say):
            self._lines.appendleft(f"{self._clock(snapshot)}  {text}")

    def _clock(self, snapshot: Snapshot | None) -> str:
        """Of the treatment once there is one; before it, since the session was opened."""
        if snapshot is None:
            return present.clock(0)
        if snapshot.purpose == "therapy":
            return present.clock(snapshot.elapsed_us)
        return present.clock(snapshot.now_us - (snapshot.now_us if self._began_us is None else self._began_us))

    def tell(self, text: str, snapshot: Snapshot | None) -> None:
        """Something that a person did and no snapshot shows."""
        self._lines.appendleft(f"{self._clock(snapshot)}  {text}")

    def lines(self, count: int) -> tuple[str, ...]:
        """The newest `count`."""
        return tuple(self._lines)[:count]


def changes(before: Snapshot, after: Snapshot, say: Words = ENGLISH) -> tuple[str, ...]:
    """What is different enough to be told, in a therapist's words: no phase of the engine, no number of anything."""
    found: list[str] = []
    if after.phase is not before.phase:
        found += _turned(before, after, say)
    if after.output is not before.output and after.output is OutputState.UNCERTAIN:
        found.append(say("happened.uncertain"))
    played = after.purpose == before.purpose == "therapy"
    if played and given(after) > given(before):
        key = "happened.of" if after.contractions else "happened.given"  # triggered: as many as come
        found.append(say(key, k=given(after), n=after.contractions))
    same = after.phase is before.phase and after.phase in {Phase.RUNNING, Phase.PAUSED}
    known = {view.channel: view for view in before.channels} if same else {}  # what is loaded anew is no change
    for view in after.channels:
        old = known.get(view.channel)
        if old is None or old.name != view.name:
            continue
        if old.level_ua != view.level_ua:
            key = "happened.raised" if view.level_ua > old.level_ua else "happened.lowered"
            found.append(say(key, channel=view.channel, level=present.milliamps(view.level_ua)))
        for mark in ("sensory_ua", "motor_ua", "max_tolerated_ua"):
            value = getattr(view, mark)
            if value is not None and value != getattr(old, mark):
                word = say(f"happened.mark.{mark.removesuffix('_ua').replace('_', '-')}")
                found.append(say("happened.marked", mark=word, level=present.milliamps(value), channel=view.channel))
    found += [present.alarm_line(alarm, say) for alarm in new_alarms(before.alarms, after.alarms)]
    return tuple(found)


def given(snapshot: Snapshot) -> int:
    """Contractions that were given: what ended, not what begins."""
    return snapshot.given


def _turned(before: Snapshot, after: Snapshot, say: Words) -> list[str]:
    cause = present.cause_words(after.cause, say)
    kind = "levels" if after.purpose != "therapy" else "treatment"
    match after.phase:
        case Phase.RUNNING:
            return [say(f"happened.goes-on.{kind}" if before.phase is Phase.PAUSED else f"happened.begins.{kind}")]
        case Phase.PAUSED:
            return [say("happened.paused", cause=cause)]
        case Phase.FAULT:
            return [say("happened.fault", cause=cause)]
        case Phase.CONFIGURED if before.phase is Phase.STOPPING:
            ended = "armed" if not after.contraction and before.cause == "stop-key" else kind
            if before.cause == "completed" and ended == kind:
                return [say(f"happened.ended.{kind}-done")]
            if before.cause == "end-early" and ended == "treatment":
                return [say("happened.ended.treatment-early")]
            return [say(f"happened.ended.{ended}", cause=present.cause_words(before.cause, say))]
    return []
