"""People in a world: what a therapist and a patient do beside the script, as data drawn from a seed.

A whim is one act at one time, so that a failing world can be reduced to the few that matter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from estim.controller.interface import Answer
from estim.desk.script import ScriptedTherapist
from estim.safety.reports import PatientSwitch
from estim.session import events
from estim.session.effects import Reply
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

# Chosen evenly; what ends a session stands here less often than its share of accidents.
KINDS = (
    "lower", "cut", "zero", "raise", "stale-raise", "hold-raise", "mark", "pause", "resume", "pause-resume",
    "stop", "stop-again", "stop-and-restart", "patient-switch", "walk-away", "late-answers", "end-early", "skip-phase",
    "acknowledge", "note", "arm", "start", "sign", "reset",
)  # fmt: skip
REACTIONS = ("stop", "stop-again", "pause", "pause-resume", "patient-switch", "cut", "zero", "stop-and-restart")
SEES_TROUBLE = 0.4  # share of troubles that meet a reaction
SOON_US = 600_000
HELD_KEY_US = 33_000  # auto-repeat, 30 a second
STALE_US = 1_500_000  # a screen older than 1 s counts for nothing
RESET_AGAIN_US = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Whim:
    """One act.

    Attributes:
        kind: one of `KINDS`.
        for_us: how long a key is held or nobody is there.
    """

    at_us: int
    kind: str
    for_us: int = 0


def whims_from_seed(seed: int, *, until_us: int, troubles_us: tuple[int, ...] = ()) -> tuple[Whim, ...]:
    """None to six acts somewhere before `until_us`, earliest first.

    Args:
        troubles_us: when something else goes wrong: a person who notices often stops or lowers right then.
    """
    chance = random.Random(seed ^ 0x5EED)
    drawn = [
        Whim(
            at_us=chance.randrange(3_000_000, until_us),
            kind=chance.choice(KINDS),
            for_us=chance.randrange(300_000, 12_000_000),
        )
        for _ in range(chance.choice((0, 1, 2, 3, 4, 6)))
    ]
    for at_us in troubles_us:
        if chance.random() < SEES_TROUBLE:
            soon_us = at_us + chance.randrange(0, SOON_US)
            drawn.append(
                Whim(at_us=soon_us, kind=chance.choice(REACTIONS), for_us=chance.randrange(300_000, 3_000_000))
            )
    return tuple(sorted(drawn, key=lambda whim: whim.at_us))


@dataclass(slots=True, kw_only=True)
class MoodyTherapist(ScriptedTherapist):
    """The script, and whims. Stubborn ones reset a fault and begin again from zero.

    Attributes:
        acts: requests of whims, with the times at which their keys are pressed; who plays the world takes them.
    """

    whims: tuple[Whim, ...] = ()
    stubborn: bool = False
    acts: list[tuple[int, events.Event]] = field(default_factory=list)
    _next_whim: int = 0
    _away_until_us: int = 0
    _slow_until_us: int = 0
    _reset_us: int = 0
    _old: tuple[int, int] = (0, 0)  # a snapshot that is remembered too long: time, number
    _resetting: bool = False
    _hurried: bool = False  # tries the old levels first; they do not count any more

    def next_act_us(self) -> int | None:
        """When a key is pressed next, or a whim comes."""
        times = [at_us for at_us, _ in self.acts]
        if self._next_whim < len(self.whims):
            times.append(self.whims[self._next_whim].at_us)
        return min(times, default=None)

    def pressed(self, snapshot: Snapshot, now_us: int) -> Iterator[tuple[int, events.Event]]:
        """Keys that are pressed by `now_us`, each with its time."""
        while self._next_whim < len(self.whims) and self.whims[self._next_whim].at_us <= now_us:
            whim = self.whims[self._next_whim]
            self._next_whim += 1
            self.acts += self._acts_of(whim, snapshot)
        due = sorted((act for act in self.acts if act[0] <= now_us), key=lambda act: act[0])
        self.acts = [act for act in self.acts if act[0] > now_us]
        yield from due

    def act(self, snapshot: Snapshot) -> list[events.Request]:
        """The script, unless nobody is there or everything is answered late."""
        now_us = snapshot.now_us
        if now_us - self._old[0] > 2 * STALE_US:
            self._old = (now_us, snapshot.n)
        if now_us < self._away_until_us:
            return []
        if now_us < self._slow_until_us and now_us % 3_000_000 > 300_000:
            return []
        lost = snapshot.phase is Phase.DISCONNECTED and bool(snapshot.patient_id)
        if self.stubborn and (snapshot.phase is Phase.FAULT or lost or self._resetting):
            return self._begin_again(snapshot)
        return ScriptedTherapist.act(self, snapshot)

    def _begin_again(self, snapshot: Snapshot) -> list[events.Request]:
        """Reset with a reason; then everything from finding levels on."""
        if snapshot.phase in {Phase.FAULT, Phase.DISCONNECTED}:
            self._resetting = True
            if snapshot.now_us < self._reset_us:
                return []
            self._reset_us = snapshot.now_us + RESET_AGAIN_US
            seen = [events.Acknowledge(id=self.next_id(), code=alarm.code) for alarm in snapshot.alarms]
            return [*seen, events.ResetFault(id=self.next_id(), reason="it is looked after")]
        if snapshot.phase is Phase.READY:
            self._resetting = False
            self._hurried = self._therapy
            self.restart(found=self._therapy)
            if self._therapy:
                request = self._configure("therapy")
                self._waiting = request.id
                return [request]
        return []

    def replied(self, reply: Reply | Answer) -> None:
        """An answer came; old levels that are refused are found again."""
        if self._hurried and reply.id == self._waiting:
            self._hurried = False
            if not reply.accepted:
                self.restart(found=False)
                return
        ScriptedTherapist.replied(self, reply)

    def restart(self, *, found: bool) -> None:
        """Go on with the script from arming (levels found) or from finding levels."""
        self.done, self.outcome, self._waiting = False, "", 0
        self._therapy = found and self._therapy
        self._stage = "arm" if self._therapy else "titrate"
        if not self._therapy:
            self._marked.clear()

    def _acts_of(self, whim: Whim, snapshot: Snapshot) -> list[tuple[int, events.Event]]:
        at_us = whim.at_us
        if whim.kind == "walk-away":
            self._away_until_us = at_us + 4 * whim.for_us
            return []
        if whim.kind == "late-answers":
            self._slow_until_us = at_us + 3 * whim.for_us
            return []
        if whim.kind == "hold-raise" and snapshot.channels:
            channel = snapshot.channels[0].channel
            return [
                (at, events.Raise(id=self.next_id(), channel=channel, snapshot_n=snapshot.n))
                for at in range(at_us, at_us + min(whim.for_us, 2_000_000), HELD_KEY_US)
            ]
        if whim.kind == "pause-resume":
            return [
                (at_us, events.Pause(id=self.next_id())),
                (at_us + whim.for_us // 4, events.Resume(id=self.next_id())),
                (at_us + whim.for_us // 4 + 300_000, events.Resume(id=self.next_id())),
            ]
        if whim.kind == "pause":  # and somebody comes back to it
            return [
                (at_us, events.Pause(id=self.next_id())),
                (at_us + 3 * whim.for_us, events.Resume(id=self.next_id())),
            ]
        if whim.kind in {"stop", "stop-again", "stop-and-restart"}:
            return self._stops(whim)
        return [(at_us, event) for event in self._event(whim, snapshot)]

    def _stops(self, whim: Whim) -> list[tuple[int, events.Event]]:
        stops: list[tuple[int, events.Event]] = [(whim.at_us, events.Stop(id=self.next_id()))]
        if whim.kind == "stop-again":
            stops += [(whim.at_us + 40_000 * n, events.Stop(id=self.next_id())) for n in (1, 2)]
        if whim.kind == "stop-and-restart" and self._stage in {"run", "raise"}:
            self.restart(found=self._therapy)
            self._away_until_us = whim.at_us + min(whim.for_us, 3_000_000)
        else:
            self.halt()
        return stops

    def _event(self, whim: Whim, snapshot: Snapshot) -> list[events.Event]:
        """What needs no more than one key."""
        number = self.next_id()
        if whim.kind == "patient-switch":
            self.halt()
            return [PatientSwitch(pressed=True), PatientSwitch(pressed=False)]
        plain: dict[str, events.Event] = {
            "cut": events.Lower(id=number, percent=20),
            "zero": events.Lower(id=number, percent=100),
            "resume": events.Resume(id=number),
            "end-early": events.EndEarly(id=number, reason="enough for today"),
            "skip-phase": events.SkipPhase(id=number, reason="not needed"),
            "note": events.Note(id=number, kind="note", fields={"text": "all is well"}),
            "arm": events.Arm(id=number),
            "start": events.Start(id=number),
            "sign": events.Sign(id=number, operator="script"),
            "reset": events.ResetFault(id=number, reason="for no reason"),
        }
        if whim.kind in plain:
            return [plain[whim.kind]]
        if whim.kind == "acknowledge":
            return [events.Acknowledge(id=self.next_id(), code=alarm.code) for alarm in snapshot.alarms]
        if not snapshot.channels:
            return []
        channel = snapshot.channels[0].channel
        if whim.kind == "lower":
            return [events.Lower(id=number, channel=channel)]
        if whim.kind == "mark":
            return [events.Mark(id=number, channel=channel, kind="motor")]
        seen = self._old[1] if whim.kind == "stale-raise" else snapshot.n
        return [events.Raise(id=number, channel=channel, snapshot_n=seen)]
