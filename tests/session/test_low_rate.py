"""The low-rate test of the pads: its own schedule and dose, from 0 mA, and no level of any other rate comes from it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers import p24, rehamove3
from estim.drivers.rehastim2_profile import PROFILE as REHASTIM2
from estim.protocols.catalogue import load_runnable
from estim.protocols.compile import compile_titration
from estim.protocols.compile_low_rate import compile_low_rate
from estim.protocols.resolve import resolve
from estim.safety.commands import SetOutput
from estim.safety.errors import ProtocolRejected
from estim.safety.interlock import Interlock
from estim.safety.limits import ABSOLUTE, DEFAULT
from estim.safety.reports import ChannelFault
from estim.safety.schedule import PatientFacts, Schedule
from estim.safety.units import Micros
from estim.safety.verdict import clear
from estim.session import effects, events
from estim.session.state import Phase
from tests.session.desk import Desk
from tests.support import runnable

FEELS = PatientFacts(
    insensate_skin=False, lesion_t6_or_above=False, child=False, fragile_bone=False, first_ever_session=False
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def compiled(name: str, profile: Any = p24.PROFILE) -> tuple[Schedule, Schedule]:
    """The low-rate test and the titration of a library protocol's first week."""
    source, _ = load_runnable(name)
    regions = tuple(f"{c.name}=low-back" for c in source.channel if c.region == "any-permitted")
    setup = setup_from(source, SetupWords(patient="p", regions=regions), simulated=True).setup
    protocol = resolve(source, week=1, session=1, first_ever=False)
    return compile_low_rate(protocol, setup, profile), compile_titration(protocol, setup, profile)


@pytest.mark.parametrize("name", runnable())
def test_every_protocol_with_a_contraction_has_one_at_2_to_3_hz_with_its_own_pulse(name: str) -> None:
    source, _ = load_runnable(name)
    first_week = resolve(source, week=1, session=1, first_ever=False)
    played = {name for phase in first_week.phase for name in (phase.channels or [c.name for c in first_week.channel])}
    motor = {c.name for c in first_week.channel if (c.output or "motor") == "motor" and c.name in played}
    if not motor:
        with pytest.raises(ProtocolRejected, match="no twitch to see"):
            compiled(name)
        return
    low_rate, titration = compiled(name)
    assert low_rate.purpose == "low-rate"
    assert {channel.name for channel in low_rate.channels} <= motor
    widest = {w.channel: w.pulse_width_us for phase in titration.phases for w in phase.windows}
    for phase in low_rate.phases:
        (window,) = phase.windows
        assert 2_000 <= window.frequency_mhz <= 3_000
        assert window.period_us == 400_000
        assert (window.pulse_width_us, window.burst_pulses) == (widest[window.channel], 1)
    assert all(channel.level_ua == 0 for channel in low_rate.channels)
    cleared = clear(low_rate, ABSOLUTE & DEFAULT, p24.PROFILE, FEELS)
    assert all(cleared.caps_ua[channel.channel] > 0 for channel in low_rate.channels)


def test_a_device_that_is_rated_for_10_hz_and_more_says_so() -> None:
    low_rate, _ = compiled("knee-replacement-quadriceps-early", REHASTIM2)
    with pytest.raises(ProtocolRejected, match="at least 10 Hz"):
        clear(low_rate, ABSOLUTE & DEFAULT, REHASTIM2, FEELS)
    low_rate, _ = compiled("knee-replacement-quadriceps-early", rehamove3.PROFILE)
    assert clear(low_rate, ABSOLUTE & DEFAULT, rehamove3.PROFILE, FEELS).caps_ua


# -- the session -------------------------------------------------------------------------------------------------------


class Judged(Desk):
    """With the interlock behind the engine, as in the controller."""

    def __init__(self) -> None:
        self.interlock: Interlock | None = None
        super().__init__()

    def step(self, event: Any) -> tuple[effects.Effect, ...]:
        if isinstance(event, events.Raise) and self.interlock is not None:
            self.interlock.asked(event.channel, self.now_us)
        return super().step(event)

    def _serve(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Install):
            self.interlock = Interlock(effect.cleared, self.interlock)
        elif self.interlock is not None and isinstance(effect, effects.Authorise):
            self.interlock.authorise(effect.n, effect.peaks, effect.until_us, self.now_us, effect.rise)
            self.interlock.grant(effect.n, self.now_us)
        elif self.interlock is not None and isinstance(effect, effects.Send):
            self.interlock.admit(effect.command, Micros(self.now_us))
        super()._serve(effect)


def twitching(desk: Desk, steps: int = 6) -> None:
    """At `steps` mA on the first channel."""
    desk.sign_in()
    reply = desk.configure("low-rate")
    assert reply.accepted, reply.problems
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    raise_to(desk, steps)


def raise_to(desk: Desk, steps: int) -> None:
    for _ in range(2_000):
        number = desk.look().titration_channel
        view = next((view for view in desk.look().channels if view.channel == number), None)
        if view is not None and view.level_ua >= steps * 1_000:
            return
        if view is not None and not view.raise_locked:
            assert desk.ask(events.Raise, channel=number, snapshot_n=desk.look().n).accepted
        desk.let_pass(0.1)
    pytest.fail("never reached")


def logged(desk: Desk, kind: str) -> list[Any]:
    return [effect.fields for effect in desk.effects if isinstance(effect, effects.Log) and effect.kind == kind]


def said(reply: effects.Reply) -> str:
    assert not reply.accepted
    return "; ".join(problem.message for problem in reply.problems)


def amplitudes(desk: Desk) -> list[int]:
    return [
        command.channels[0].amplitude_ua if command.channels else 0
        for command in desk.sent()
        if isinstance(command, SetOutput)
    ]


def test_it_begins_at_zero_and_rises_a_step_at_a_time_at_2_5_hz() -> None:
    desk = Judged()
    twitching(desk)
    played = amplitudes(desk)
    assert played[0] == 1_000
    assert all(after - before <= 1_000 for before, after in pairwise(played))
    assert desk.last().channels[0].period_us == 400_000
    assert desk.look().purpose == "low-rate"
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    assert desk.phase is Phase.CONFIGURED


@pytest.mark.hazard("H39")
def test_a_raise_that_a_slow_disk_held_up_is_felt_before_the_next() -> None:
    """Found: a raise was granted 0.9 s late, the next one at once, and between two twitches stood both."""
    desk = Judged()
    twitching(desk)
    for _ in range(4):
        while desk.look().channels[0].raise_locked:
            desk.let_pass(0.01)
        desk.grants = False
        assert desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n).accepted
        asked = next(effect for effect in reversed(desk.effects) if isinstance(effect, effects.Authorise))
        desk.let_pass(0.9)
        desk.grants = True
        desk.step(events.Granted(n=asked.n))
        assert "too fast" in said(desk.ask(events.Raise, channel=1, snapshot_n=desk.look().n))
    desk.let_pass(1)
    played = amplitudes(desk)
    assert max(played) == 10_000
    assert all(after - before <= 1_000 for before, after in pairwise(played))


def test_every_way_back_ramps_from_zero(desk: Desk) -> None:
    twitching(desk, 20)
    assert desk.ask(events.Pause).accepted
    desk.let_pass(1)
    before = len(desk.sent())
    assert desk.ask(events.Resume).accepted
    desk.let_pass(10)
    played = [c.channels[0].amplitude_ua for c in desk.sent()[before:] if isinstance(c, SetOutput) and c.channels]
    assert played[0] <= 2_000  # L17a: at most 2 mA or a tenth of the level a pulse
    assert all(after - before <= 2_000 for before, after in pairwise(played))
    assert played[-1] == 20_000


def test_the_twitch_is_recorded_with_its_rate_and_is_no_level(desk: Desk) -> None:
    twitching(desk)
    assert desk.ask(events.Mark, channel=1, kind="twitch").accepted
    (mark,) = logged(desk, "levels")
    assert mark == {
        "channel": 1, "mark": "twitch", "level_ua": 6_000, "frequency_mhz": 2_500, "pulse_width_us": 250,
    }  # fmt: skip
    view = desk.look().channels[0]
    assert (view.twitch_ua, view.sensory_ua, view.motor_ua, view.max_tolerated_ua) == (6_000, None, None, None)
    assert not view.found
    assert desk.ask(events.NextChannel).accepted
    desk.let_pass(0.5)
    assert desk.phase is Phase.CONFIGURED
    reply = desk.configure("therapy")
    assert not reply.accepted  # nothing was found that a therapy could play


@pytest.mark.parametrize("kind", ["sensory", "motor", "max-tolerated", "no-twitch"])
def test_no_other_mark_is_taken_at_the_low_rate(desk: Desk, kind: str) -> None:
    twitching(desk)
    reply = desk.ask(events.Mark, channel=1, kind=kind)
    assert not reply.accepted
    assert "belong to their rate" in reply.problems[0].message
    desk.ask(events.ContractionSeen, channel=1)  # lowers, marks nothing
    assert desk.look().channels[0].level_ua < 6_000
    assert not desk.look().channels[0].found


def test_a_twitch_is_marked_nowhere_else(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(3)
    assert not desk.ask(events.Mark, channel=1, kind="twitch").accepted


def test_levels_found_before_it_stay_those_of_their_rate(desk: Desk) -> None:
    desk.sign_in()
    desk.titrate(5)
    desk.let_pass(0.5)
    assert desk.configure("low-rate").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    assert desk.look().channels[0].level_ua == 0
    raise_to(desk, 12)
    assert desk.ask(events.NextChannel).accepted
    desk.let_pass(0.5)
    assert desk.configure("therapy").accepted
    view = desk.look().channels[0]
    assert (view.level_ua, view.frequency_mhz) == (5_000, 50_000)


def test_its_dose_stands_apart(desk: Desk) -> None:
    twitching(desk)
    desk.let_pass(4)
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    desk.titrate(5)
    desk.let_pass(0.5)
    low_rate, titration = logged(desk, "dose")
    assert [low_rate["purpose"], titration["purpose"]] == ["low-rate", "titration"]
    assert low_rate["channels"][0]["peak_ua"] == 6_000
    assert titration["channels"][0]["peak_ua"] == 5_000
    (row,) = low_rate["channels"]
    assert row["on_us"] == row["pulses"] * 400_000
    assert desk.engine.contractions == 0


def test_it_ends_by_itself_after_five_minutes(desk: Desk) -> None:
    twitching(desk)
    desk.let_pass(301)
    assert desk.phase is Phase.CONFIGURED
    assert not desk.last().channels


def test_between_it_and_the_levels_the_pads_are_asked_again_and_nothing_twice(desk: Desk) -> None:
    twitching(desk)
    desk.ask(events.NextChannel)
    desk.let_pass(0.5)
    assert desk.configure("titration").accepted
    assert set(desk.look().wants) == {"pads", "warnings"}
    assert desk.configure("titration").accepted
    assert set(desk.look().wants) == {"pads", "warnings"}  # unread yet; who it is and who holds the stop stands


def test_a_pad_that_came_off_takes_the_twitch_with_it(desk: Desk) -> None:
    twitching(desk)
    assert desk.ask(events.Mark, channel=1, kind="twitch").accepted
    desk.step(ChannelFault(channel=1, kind="electrode", text="open"))
    assert desk.look().channels[0].twitch_ua is None


def test_no_twitch_needs_more_than_a_level_may_have() -> None:
    """At 2.5 Hz the extensor's pads alone would allow 100 mA; at the rate of its levels they allow 90.5."""
    desk = Desk("hand-grasp-task")
    desk.sign_in()
    caps_ua = []
    for purpose in ("low-rate", "titration"):
        assert desk.configure(purpose).accepted
        cleared = desk.engine.cleared
        assert cleared is not None
        caps_ua.append(cleared.caps_ua)
    low_rate, levels = caps_ua
    assert low_rate.keys() <= levels.keys()
    assert low_rate == {channel: levels[channel] for channel in low_rate}
    assert min(low_rate.values()) < 100_000
