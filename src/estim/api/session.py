"""One session, as a script drives it. Engine, limits and record are those of the console: this file asks."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NoReturn, Self, SupportsIndex

from estim.api import finding, one, words
from estim.api.conversation import ANSWER_S, OFF_S, PERIOD_S, Conversation, Wanted, me
from estim.api.errors import AboveFound, Fault, Refused, Stale, TooFast, not_kept
from estim.api.front import Front
from estim.api.state import Result, State, result_of
from estim.controller.client import START_S
from estim.record_lines.base import SCRIPTED
from estim.safety.errors import EstimError, LinkLost, quoted
from estim.session import events, screening
from estim.session.snapshot import ChannelView
from estim.session.state import BEGUN, Phase

STATES_S = 0.25  # states come at least so often
SHORTEST_S = 0.005  # the controller's own turn: more often there is nothing new
READY_S = 15.0  # from the controller's first picture: starting two processes took 17 s on a busy machine (measured)
FRESH_S = 1.0
ROUNDING = 1e-13  # a sum of shares that is 1 but for its last binary digits is 1


class Session(Conversation):
    """A session between sign-in and seal; `api.session` and `api.rehearse` make it. A context manager.

    Attributes:
        result: how it ended; None while it is open.
        notes: what had to be said at sign-in: a clock that was set, one person in two rows.
    """

    def __init__(self, wanted: Wanted, open_front: Callable[[], Front]) -> None:
        super().__init__(wanted)
        self._open_front = open_front
        self._goals_ua: dict[str, int] = {}
        self._sent: dict[str, int] = {}  # channel → the last request of ours that its level waits for
        self._used = self._asks = False
        self._closing: weakref.finalize[..., Session] | None = None
        self.result: Result | None = None
        self.notes: tuple[str, ...] = ()

    # Opening and closing

    def __enter__(self) -> Self:
        if self._used:
            raise Refused("this session was opened before: make another one with api.session() or api.rehearse()")
        try:
            one.open_now.take(self)
            self._owner, self._used = me(), True
            self._front_made = self._opened()
            self._closing = weakref.finalize(self, one.left_behind, self._front_made, os.getpid())
            self._sign_in()
            if self.wanted.levels_ua:
                finding.scripted(self, self.wanted.levels_ua, self.wanted.motor_ua)
        except OSError as error:  # a home that can not be written to
            self._end(None)
            raise not_kept(error) from None
        except BaseException:
            self._end(None)
            raise
        return self

    def _opened(self) -> Front:
        try:
            return self._open_front()
        except LinkLost as error:
            raise Fault(str(error), "link") from None
        except EstimError as error:  # an address that is none
            raise Refused(str(error)) from None
        except OSError as error:  # a home that can't be written to
            raise not_kept(error) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._end(error)
        if error is None and self.result is not None and self.result.outcome == "uncertain":
            raise self._uncertain("the session ended")

    def _end(self, error: BaseException | None) -> None:
        """Off, confirmed where somebody is left to confirm it; sealed; the result."""
        front = self._front_made
        if self._owner[0] != os.getpid() or not one.open_now.holds(self):
            return  # a fork that leaves the block: the session is its parent's; or it was left already
        try:
            if front is None:
                return
            try:
                self._leave(front, error)
            finally:
                front.close()
                if self._closing is not None:
                    self._closing.detach()
            self.result = result_of(front.seen(self.wanted.source))
        finally:
            self._front_made = None
            one.open_now.release(self)

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        """There is no second one of it: no copy, and none in another process."""
        raise Refused("a session is one conversation with one device: it can not be copied, pickled or sent elsewhere")

    def _leave(self, front: Front, error: BaseException | None) -> None:
        snapshot = front.snapshot
        if snapshot is None or front.takeover is not None or front.fatal or not snapshot.patient_id:
            return
        if snapshot.phase in BEGUN:
            front.stop("script")
        until_s = front.now_s() + OFF_S
        while front.now_s() < until_s and front.takeover is None:
            snapshot = front.snapshot
            if snapshot is not None and snapshot.phase not in BEGUN and snapshot.output.value == "OFF":
                break
            front.beat()
            front.wait(PERIOD_S)
        if error is not None:
            said = {"text": f"the script ended with {type(error).__name__}"}
            front.send(events.Note(id=front.next_id(), kind="note", fields=said))
        if front.simulated:
            # A script is no person, whatever name it gives: its mark closes the record and is nobody's signature.
            front.send(events.Sign(id=front.next_id(), operator=self.wanted.operator, meaning=SCRIPTED))
            until_s = front.now_s() + ANSWER_S
            while front.now_s() < until_s and front.takeover is None and not self._sealed(front):
                front.beat()
                front.wait(PERIOD_S)

    @staticmethod
    def _sealed(front: Front) -> bool:
        return front.snapshot is not None and bool(front.snapshot.word_head)

    def _sign_in(self) -> None:
        front, setup = self._front, self.wanted.setup
        self.until(lambda _: True, 2 * START_S, "the controller did not begin")  # its client gives it up before
        self.until(lambda s: s.phase is Phase.READY, READY_S, "the device did not get ready")
        request = events.SignIn(id=front.next_id(), operator=self.wanted.operator, patient_id=setup.patient_id)
        self.notes = tuple(str(note["message"]) for note in self.ask(request).problems)
        for note in self.notes:
            if self.wanted.on_event is not None:
                self.wanted.on_event("note", note)
        if self.notes and not front.simulated:
            asked = "\n".join((*self.notes, "Was that seen, and shall this session go on? [yes/no] "))
            if self.person(asked).strip().lower() not in {"y", "yes"}:
                raise Refused("; ".join(self.notes))
        if front.simulated:
            answers, scripted = dict(screening.scripted_answers()), True
        else:
            answers, scripted = finding.screen(self, first_session=setup.session == 1), False
        self.ask(events.Screen(id=front.next_id(), answers=answers, scripted=scripted))

    # What a script does

    def find(self, channel: str, ask: Callable[[finding.Offer], object]) -> float:
        """Find a channel's level from 0 mA; `ask` is asked before each raise. See `finding.Offer` for its answers.

        Returns:
            The level in mA.
        """
        self.alive()
        if self._began:
            raise Refused("levels are found before the session is started")
        words.called("ask", ask)
        if self._asks:
            raise Refused(f"{channel}: find() waits for an answer of its ask: it can not look for a level in between")
        self._asks = True
        try:
            return finding.find(self, self.number(channel), channel, ask)
        finally:
            self._asks = False

    def start(self) -> None:
        """Arm and start the therapy; output begins at 0 mA about a second later."""
        self.alive()
        if self._began:
            raise Refused("this session was started already")
        missing = [view.name for view in self.snapshot.channels if view.name not in self.found_ua]
        if missing or not self.found_ua:
            raise Refused(f"no level was found for {', '.join(missing) or 'any channel'}: find() it, or give levels=")
        self.configure("therapy")
        self.arm_and_start()
        self._began = True

    def pause(self) -> None:
        """Output off, the plan's place kept; after 60 s the levels must be found again."""
        self._request(events.Pause(id=self._front.next_id()))

    def resume(self) -> None:
        """Go on from 0 mA with the contraction that was broken."""
        self._patiently(lambda number: events.Resume(id=number))

    def stop(self) -> None:
        """Off, at once; returns when the device has confirmed it. May be called at any time, also twice."""
        if self._front_made is None:
            return
        self._stopped_by_us = True
        self._front.stop("script")
        until_s = self._front.now_s() + OFF_S
        while self._front.now_s() < until_s and self._front.takeover is None:
            if self.snapshot.output.value == "OFF" and self.snapshot.phase not in BEGUN:
                return
            self.turn(PERIOD_S)
        raise self._uncertain("the stop was not confirmed")

    def trigger(self, channel: str | None = None) -> None:
        """The key of a key-triggered phase: one contraction. `channel` only says which one is meant to move."""
        if channel is not None:
            self.number(channel)
        self._request(events.PressTrigger(id=self._front.next_id()))

    def set_share(self, channel: str, share: float) -> None:
        """Ask for a share of the found level, 0 to 1. A fall is done at once; a rise goes step by step as L15 and L16
        allow, while a contraction is held and this loop goes on.

        Raises:
            AboveFound: above 1. Refused: not a number, or below 0.
        """
        self.alive()
        self.number(channel)
        found_ua = self.found_ua.get(channel)
        if found_ua is None:
            raise Refused(f"{channel}: no level was found in this session")
        part = words.number(share)
        if part is None or part < 0:
            raise Refused(f"{channel}: a share is a number from 0 to 1, not {quoted(share)}")
        if part > 1 + ROUNDING:
            raise AboveFound(channel, part * found_ua / 1000, found_ua / 1000)
        self._goals_ua[channel] = int(min(part, 1.0) * found_ua)
        self._follow()

    def lower(self, channel: str) -> None:
        """One step down. Needs nobody's permission."""
        self._goals_ua.pop(channel, None)
        self._request(events.Lower(id=self._front.next_id(), channel=self.number(channel)))

    def raise_level(self, channel: str) -> None:
        """One step up, up to the level that was found.

        Raises:
            AboveFound, TooFast, Stale, Refused.
        """
        self.alive()
        self._goals_ua.pop(channel, None)
        view = self.view(self.number(channel))
        found_ua = self.found_ua.get(channel, 0)
        if view.level_ua + 1 > found_ua or view.level_ua + self.step_ua() > found_ua:
            raise AboveFound(channel, (view.level_ua + self.step_ua()) / 1000, found_ua / 1000)
        self._raise(view)

    def note(self, text: str) -> None:
        """A sentence into the record."""
        self._request(events.Note(id=self._front.next_id(), kind="note", fields={"text": words.words("note", text)}))

    def mark(self, text: str) -> None:
        """A short mark into the record, for those who line it up with other recordings."""
        self._request(events.Note(id=self._front.next_id(), kind="note", fields={"mark": words.words("mark", text)}))

    def room(self, **message: object) -> None:
        """Something is done in a simulated room (`type="effort", percent=60, seconds=2`); refused on a real device."""
        done = words.done_in_a_room(message, self.number)
        self._request(events.RoomAction(id=self._front.next_id(), message=done))

    def hear(self, **message: object) -> None:
        """What a sensor of the script says, for phases that wait for one: `type="sensor", name="heel-off"`;
        `type="crank", deg=90`; `type="patient-switch", pressed=True`; `type="emg", t0_us, rate_hz, samples_uv`.
        A current can not be said here.
        """
        self.alive()
        self._front.hear(words.heard(message))

    # What a script sees

    @property
    def state(self) -> State:
        """The latest picture. Looking at it is no sign of life: the lease is `states`, `wait` and what is asked."""
        return self._state(0.0)

    def states(self, timeout_s: float | None = None, *, period_s: float = STATES_S) -> Iterator[State]:
        """The session's pictures, at least four a second, until it has ended (or `timeout_s` has passed).

        Raises:
            Stopped: somebody or something else stopped it. Fault, Uncertain. Refused: a period below 5 ms.
        """
        for step in self._steps(timeout_s, period_s):
            if isinstance(step, State):
                yield step
            else:
                self.turn(step)

    def _steps(self, timeout_s: float | None, period_s: float) -> Iterator[State | float]:
        """What `states` does: shows a picture, or lets so many seconds pass."""
        period_s = min(words.seconds("period_s", period_s, least=SHORTEST_S), STATES_S)
        timeout_s = None if timeout_s is None else words.seconds("timeout_s", timeout_s, least=0)
        front = self._front
        if not self._over:
            self.alive()
        until_s = None if timeout_s is None else front.now_s() + timeout_s
        due_s = front.now_s()
        while not self._ended():
            late_s = max(0.0, front.now_s() - due_s)
            yield self._state(late_s)
            due_s = max(due_s + period_s, front.now_s())
            self.alive()
            while not self._ended() and (left_s := due_s - front.now_s()) > 0:
                yield min(left_s, front.pace_s)
            if until_s is not None and front.now_s() >= until_s:
                return

    def wait(self, until: Callable[[State], object] | None = None, timeout_s: float | None = None) -> bool:
        """Go on until `until(state)` is true or the session has ended; whether it came true (or ended)."""
        words.called("until", until)
        for state in self.states(timeout_s):
            if until is not None and until(state):
                return True
        return until is None and self._over

    def _raise(self, view: ChannelView) -> None:
        """One step, on the picture that this call looks at."""
        if self._front.age_s > FRESH_S:
            raise Stale(
                f"{view.name}: the picture is {self._front.age_s:.1f} s old, a raise wants one of the last second"
            )
        if view.raise_locked:
            raise TooFast(view.name, view.raise_locked)
        self.ask(events.Raise(id=self._front.next_id(), channel=view.channel, snapshot_n=self.snapshot.n))

    def _follow(self) -> None:
        """Move each level toward its goal: down at once, up by one allowed step. Never waits for an answer."""
        if not self._goals_ua or self.snapshot.phase is not Phase.RUNNING or not self._began:
            return
        for view in self.snapshot.channels:
            goal_ua = self._goals_ua.get(view.name)
            if goal_ua is None or self._front.age_s > FRESH_S or self.snapshot.answered < self._sent.get(view.name, 0):
                continue
            number = self._front.next_id()
            if view.level_ua > goal_ua:
                percent = math.ceil(100 * (view.level_ua - goal_ua) / view.level_ua)
                self._front.send(events.Lower(id=number, channel=view.channel, percent=percent))
                self._sent[view.name] = number
            elif view.level_ua + self.step_ua() <= min(goal_ua, self.found_ua[view.name]) and not view.raise_locked:
                self._front.send(events.Raise(id=number, channel=view.channel, snapshot_n=self.snapshot.n))
                self._sent[view.name] = number
