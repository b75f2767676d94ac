"""The engine under whatever order of events: a state machine that draws people, device, disk and time.

The device here is a model of two values (its level, its output); it obeys, falls silent, fails or gives old answers by
the rules' whim. What must hold after every step stands in the invariants.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase as Phases
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from estim.safety import reports
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.interlock import Interlock
from estim.safety.reports import Acknowledged, DeviceStatus, OutputState, Prepared
from estim.safety.units import Micros
from estim.session import core, effects, events
from estim.session.state import TABLE, Phase, Turn
from tests.session.desk import Desk, Watched
from tests.session.interlocked import tell

LIVE = {Phase.ARMED, Phase.RUNNING}
PLAYING = {Phase.RUNNING}
TURNS_MAX = 100  # at one time: ten commands and their answers take about thirty


class Sessions(RuleBasedStateMachine):
    """One engine, with the interlock that judges what it makes, and a device that may be dishonest."""

    def __init__(self) -> None:
        super().__init__()
        watched = Watched()
        self.desk: Desk = watched
        self.desk.answers = self.desk.grants = False  # this machine answers for them
        self.made = watched.made
        self.interlock = Interlock(None)
        self.level = False
        self.output: SetOutput | None = None
        self.deaf = False
        self.written: list[int] = []
        self.seen = 0
        self.checked = 0
        self.tripped = ""
        self.allowed_us: int | None = None  # output may flow: since a person's start or resume

    @initialize(stage=st.sampled_from(["signed in", "finding levels", "in therapy", "in therapy"]))
    def begin(self, stage: str) -> None:
        self.desk.sign_in()
        self._serve()
        if stage == "signed in":
            return
        self._run("titration")
        while self.desk.look().channels[0].level_ua < 4_000:
            if not self.desk.look().channels[0].raise_locked:
                assert self._ask(events.Raise, channel=1, snapshot_n=self.desk.look().n)
            self.becomes_durable()
            self._pass(100_000)
        if stage == "in therapy":
            assert self._ask(events.NextChannel)
            self._pass(100_000)
            self._run("therapy")
        assert self.output is not None
        assert self.output.channels

    def _run(self, purpose: str) -> None:
        self.configure(purpose)
        self.arm()
        self.start(again=False)
        for _ in range(20):
            self.becomes_durable()
            self._pass(100_000)

    # -- what the engine wants done -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Do all effects that were not yet done, as the runner does; what the device answers comes later."""
        while self.seen < len(self.desk.effects):
            effect = self.desk.effects[self.seen]
            self.seen += 1
            if isinstance(effect, effects.Send):
                self._send(effect)
            elif not tell(self, effect) and isinstance(effect, effects.Prepare) and not self.deaf:
                self.level = True
                self._step(Prepared())

    def _send(self, effect: effects.Send) -> None:
        try:
            self.interlock.admit(effect.command, self.desk.now_us)
        except InterlockTripped as error:
            self.tripped = str(error)
            return
        if self.deaf:
            return
        if isinstance(effect.command, OutputOff):
            self.output, self.level = None, False
        else:
            self.output = effect.command
        self._step(Acknowledged(seq=effect.command_n, round_trip_us=Micros(1_000)))

    def _step(self, event: Any) -> None:
        self.desk.step(event)
        self._serve()

    def _ask(self, request: type[events.Request], **fields: Any) -> bool:
        if request is events.Raise:
            self.interlock.asked(fields["channel"], self.desk.now_us)
        reply = self.desk.ask(request, **fields)
        self._serve()
        return reply.accepted

    # -- people -------------------------------------------------------------------------------------------------------

    @rule(purpose=st.sampled_from(["titration", "therapy"]))
    def configure(self, purpose: str) -> None:
        self.desk.configure(purpose)
        self._serve()

    @rule()
    def arm(self) -> None:
        for what in self.desk.look().wants:
            if what != "screening":
                self._ask(events.Confirm, what=what, value="by the machine")
        self._ask(events.Arm)

    @rule(again=st.booleans())
    def start(self, again: bool) -> None:
        if self._ask(events.Resume if again else events.Start):
            self.allowed_us = self.desk.now_us

    @rule()
    def pause(self) -> None:
        self._ask(events.Pause)

    @rule()
    def stop(self) -> None:
        assert self._ask(events.Stop)

    @rule(age_us=st.sampled_from([0, 0, 0, 2_000_000]))
    def raise_level(self, age_us: int) -> None:
        shown = self.desk.look().n
        self._pass(age_us)
        before = self._levels_ua()
        accepted = self._ask(events.Raise, channel=1, snapshot_n=shown)
        assert not (accepted and age_us)
        after = self._levels_ua()
        assert not after or not before or after == before, "a raise before it was durable"

    def _levels_ua(self) -> dict[int, int]:
        """Device channel → level, while something is played."""
        shown = self.desk.look()
        return {view.channel: view.level_ua for view in shown.channels} if shown.phase is Phase.RUNNING else {}

    @rule(percent=st.sampled_from([0, 20, 100]))
    def lower(self, percent: int) -> None:
        self._ask(events.Lower, percent=percent)

    @rule(kind=st.sampled_from(["sensory", "motor", "max-tolerated"]))
    def mark(self, kind: str) -> None:
        self._ask(events.Mark, channel=1, kind=kind)

    @rule(kind=st.sampled_from([events.NextChannel, events.SkipPhase, events.EndEarly, events.ResetFault]))
    def other(self, kind: type[events.Request]) -> None:
        fields = {} if kind is events.NextChannel else {"reason": "because"}
        self._ask(kind, **fields)

    @rule()
    def patient_switch(self) -> None:
        self._step(reports.PatientSwitch(pressed=True))

    # -- time, disk, device -------------------------------------------------------------------------------------------

    def _pass(self, for_us: int, *, beats: bool = True) -> None:
        until_us, turns, before_us = self.desk.now_us + for_us, 0, -1
        while self.desk.now_us < until_us:
            turns, before_us = turns + 1 if self.desk.now_us == before_us else 0, self.desk.now_us
            assert turns <= TURNS_MAX, "turn after turn is due, and time stands still"
            due_us = self.desk.engine.next_deadline_us()
            beat_us = self.desk.now_us + 250_000
            self.desk.now_us = min(until_us, max(self.desk.now_us, min(due_us or beat_us, beat_us)))
            if beats:
                self._step(events.Heartbeat())
            self._step(events.Tick())  # as the loop ends each turn: who was silent is judged then
            self._status()

    def _status(self) -> None:
        if not self.deaf:
            on = self.output is not None and bool(self.output.channels)
            self._step(DeviceStatus(output_on=on, level_open=self.level))

    @rule(for_us=st.sampled_from([1_000, 100_000, 700_000, 1_500_000, 4_000_000]), durable=st.booleans())
    def time_passes(self, for_us: int, durable: bool) -> None:
        if durable:
            self.becomes_durable()
        self._pass(for_us)

    @rule(seconds=st.sampled_from([65, 310]))
    def a_long_time_passes(self, seconds: int) -> None:
        self._pass(seconds * 1_000_000)

    @rule()
    def becomes_durable(self) -> None:
        written, self.written = self.written, []
        for number in written:
            self.interlock.grant(number, self.desk.now_us)
            self._step(events.Granted(n=number))

    @rule()
    def console_falls_silent(self) -> None:
        self._pass(1_500_000, beats=False)
        assert self.desk.phase not in LIVE

    @rule()
    def record_fails(self) -> None:
        self._step(events.RecordFailed(reason="full"))
        assert self.desk.phase not in LIVE

    @rule()
    def clock_jumps(self) -> None:
        self._step(events.ClockJumped(late_us=400_000))
        assert self.desk.phase not in LIVE

    @rule()
    def goes_deaf_and_hears_again(self) -> None:
        self.deaf = True
        self._pass(1_500_000)
        assert self.desk.phase not in LIVE
        self.deaf = False
        self.output, self.level = None, False  # its own timer
        self._pass(1_000_000)

    @rule()
    def loses_its_level(self) -> None:
        self.output, self.level = None, False
        self._status()

    @precondition(lambda self: self.desk.phase is Phase.DISCONNECTED)
    @rule()
    def identified(self) -> None:
        self.output, self.level = None, False
        self._step(reports.Identified(model="p24", device_id="SIM0000001", firmware="1"))

    @rule(kind=st.sampled_from(["electrode", "low-current"]))
    def channel_fails(self, kind: Any) -> None:
        self.output = None
        self._step(reports.ChannelFault(channel=1, kind=kind, text="a pad"))

    @rule(number=st.integers(-2, 2))
    def an_old_answer_comes(self, number: int) -> None:
        seq = max(0, self.desk.command_n + number)
        self._step(Acknowledged(seq=seq, round_trip_us=Micros(1_000)))
        self._step(events.Granted(n=seq))
        self._step(Prepared() if number == 2 else reports.Superseded(seq=seq))

    # -- what holds ---------------------------------------------------------------------------------------------------

    @invariant()
    def the_interlock_never_trips(self) -> None:
        assert not self.tripped

    @invariant()
    def every_turn_is_in_the_table(self) -> None:
        for before, turn, after in self.made[self.checked :]:
            assert TABLE[before, turn] is after
            if after in PLAYING and before not in PLAYING:
                assert turn in {Turn.START, Turn.RESUME}
        self.checked = len(self.made)

    @invariant()
    def off_is_believed_only_if_it_is(self) -> None:
        if self.desk.engine.output is OutputState.OFF:
            assert self.output is None or not self.output.channels

    @invariant()
    def output_flows_in_a_run_alone(self) -> None:
        if self.output is not None and self.output.channels and not self.deaf:
            assert self.desk.phase in PLAYING
            assert self.allowed_us is not None

    @invariant()
    def nothing_is_above_what_was_granted(self) -> None:
        levels_ua = self._levels_ua()
        if self.output is not None and levels_ua:
            for output in self.output.channels:
                assert output.amplitude_ua <= levels_ua[output.channel]

    @invariant()
    def uncertain_is_not_left(self) -> None:
        if self.desk.engine.output is OutputState.UNCERTAIN:
            assert self.desk.phase in {Phase.DISCONNECTED, Phase.STOPPING, Phase.FAULT, Phase.PAUSED}


DRAWN = settings(max_examples=100, stateful_step_count=30, derandomize=True)
Sessions.TestCase.settings = DRAWN
TestSessions = Sessions.TestCase


def no_off(session: core.Core, _reason: str) -> None:
    session.see_output(OutputState.OFF)


def fault_goes_on(session: core.Core, cause: str, _text: str) -> None:
    session.standing.cause = cause


@pytest.mark.parametrize(("name", "wrong"), [("off", no_off), ("fail", fault_goes_on)])
def test_the_machine_finds_a_planted_bug(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any) -> None:
    monkeypatch.setattr(core.Core, name, wrong)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Sessions, settings=settings(DRAWN, phases=[Phases.generate], print_blob=False))
