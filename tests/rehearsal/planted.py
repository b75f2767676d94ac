"""Bugs planted in the product by patches, each of which a campaign of worlds must find. The product has no switch for
any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import estim.drivers.sciencemode1 as lists
import estim.drivers.sciencemode34 as wire
from estim.controller import messages
from estim.controller.runner import Runner
from estim.drivers.base import BaseDriver, Got, Off
from estim.drivers.exchange import Exchange
from estim.drivers.rehastim1_pace import Pace
from estim.protocols.setup import Setup
from estim.record_lines.base import Line
from estim.records.chain import Chain
from estim.rehearsal import around
from estim.rehearsal.campaign import Story, play_story
from estim.rehearsal.plan import RehearsalPlan
from estim.safety import reports
from estim.safety.commands import ChannelOutput, SetOutput
from estim.safety.interlock import Interlock
from estim.safety.reports import OutputState
from estim.safety.rises import Rises
from estim.safety.schedule import Window
from estim.safety.units import MicroAmp, Micros
from estim.session import (
    after_stop,
    authority,
    core,
    covering,
    device,
    ending,
    engine,
    events,
    found,
    lease,
    ledger,
    levels,
    link,
    play,
    preparing,
    shown,
)
from estim.session.booking import Booking
from estim.session.player import WindowPlayer
from estim.session.run import Run
from firmware_sim.faults import DEVICE, HOST, KINDS, WIRE
from tests.support import DATA, plan
from tests.turns import turn

Patch = pytest.MonkeyPatch
WORLDS_MAX = 250
# Where a search from seed 0 found those that take more than three worlds: looked at first, so that a run of all tests
# does not search again. Where one is not found there any more, the search goes on from 0.
FOUND_AT = {
    "a pause does nothing": 23,
    "a command that was never sent is taken for obeyed": 83,
    "a stop is never repeated": 20,
    "a stop waits behind what is in flight": 47,
    "an acknowledged stop counts as off, unread": 25,
    "a device that is lost goes on being stimulated with": 48,
    "rises do not wait while a command is unanswered": 44,
    "what was authorised before a pause counts after it": 23,
    "a raise waits for no step that has not come": 17,
    "the console may go, output goes on": 9,
    "nobody checks the lease": 8,
    "the heartbeat's second is counted in milliseconds": 8,
    "a stale status is as good as a fresh one": 8,
    "after a pause it goes on at the full level": 4,
    "a fault keeps the levels of before": 3,
    "the patient's switch does nothing": 3,
}


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug.

    Attributes:
        found_by: invariants, one of which must break.
        kinds: what may go wrong in the campaign's worlds.
        model: the device that it is planted on.
    """

    name: str
    found_by: frozenset[str]
    plant: Callable[[Patch], None]
    kinds: tuple[str, ...] = KINDS
    model: str = "p24"


BUGS: list[Bug] = []


def bug(
    name: str, *found_by: str, kinds: tuple[str, ...] = KINDS, model: str = "p24"
) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Enter a bug in the list."""

    def enter(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
        BUGS.append(Bug(name, frozenset(found_by), plant, kinds, model))
        return plant

    return enter


def world_plan(model: str = "p24", level_ma: float = 20) -> RehearsalPlan:
    """What campaigns play."""
    made = plan(DATA / "worlds.toml", level_ma=level_ma)
    made.model = model
    return made


def worlds_until_found(planted: Bug, *, worlds: int = WORLDS_MAX) -> tuple[int, str]:
    """How many worlds it took, and the invariant that broke; (0, "") if none did."""
    made = world_plan(planted.model)
    known = [FOUND_AT[planted.name]] if turn() is not None and planted.name in FOUND_AT else []
    for count, seed in enumerate((*known, *range(worlds)), start=1):
        hit = planted.found_by & set(play_story(made, Story.from_seed(seed, kinds=planted.kinds)).broken)
        if hit:
            return count, min(hit)
    return 0, ""


def blind(patch: Patch) -> None:
    """An interlock that lets everything pass, so that bugs above it reach the wire."""
    patch.setattr(Interlock, "_judge", lambda *_: None)
    patch.setattr(Rises, "write", lambda *_: None)


def handle(patch: Patch, kind: type, function: Callable[..., None]) -> None:
    patch.setattr(engine, "_HANDLERS", {**engine._HANDLERS, kind: function})


def look_at_each(player: WindowPlayer, pulse: int) -> None:
    """The player's look ahead without its short cut over the plateau."""
    while pulse < player._pulses:
        amplitude = player._reachable(pulse)
        if amplitude != player.amplitude_ua:
            player._k_next, player.amplitude_next_ua = pulse, amplitude
            return
        pulse += 1
    player._k_next, player.amplitude_next_ua = player._pulses, MicroAmp(0)


def encode(patch: Patch, change: Callable[[SetOutput, bytes], bytes]) -> None:
    """Another encoder of Ml_update."""
    right = wire.encode_update

    def wrong(command: SetOutput, **named: Any) -> bytes:
        return change(command, right(command, **named))

    patch.setattr(wire, "encode_update", wrong)


def outputs(command: SetOutput, change: Callable[[ChannelOutput], ChannelOutput]) -> SetOutput:
    return SetOutput(channels=tuple(change(output) for output in command.channels))


def encode_other(patch: Patch, change: Callable[[ChannelOutput], ChannelOutput]) -> None:
    """The encoder is given other outputs."""
    right = wire.encode_update
    patch.setattr(wire, "encode_update", lambda command, **named: right(outputs(command, change), **named))


# -- stops ------------------------------------------------------------------------------------------------------------


@bug("a stop is not obeyed", "stop")
def _(patch: Patch) -> None:
    patch.setattr(core.Core, "stop", lambda *_args, **_named: None)


@bug("a pause does nothing", "stop")
def _(patch: Patch) -> None:
    handle(patch, events.Pause, lambda session, request: session.accept(request.id))


@bug("the patient's switch does nothing", "stop")
def _(patch: Patch) -> None:
    handle(patch, reports.PatientSwitch, lambda *_: None)


@bug("a late turn is caught up", "stop")
def _(patch: Patch) -> None:
    handle(patch, events.ClockJumped, lambda *_: None)


@bug("the console may go, output goes on", "stop")
def _(patch: Patch) -> None:
    handle(patch, events.ConsoleGone, lambda *_: None)
    handle(patch, events.Signal, lambda *_: None)


@bug("nobody checks the lease", "stop", kinds=HOST)
def _(patch: Patch) -> None:
    patch.setattr(play, "_check_lease", lambda *_: None)


@bug("the heartbeat's second is counted in milliseconds", "stop", kinds=HOST)
def _(patch: Patch) -> None:
    patch.setattr(lease, "HEARTBEAT_FRESH_US", 1_000 * lease.HEARTBEAT_FRESH_US)


@bug("a failing disk is of no matter", "stop")
def _(patch: Patch) -> None:
    handle(patch, events.RecordFailed, lambda *_: None)


@bug("off is written down and not sent", "stop", "off", "tripped")
def _(patch: Patch) -> None:
    right = core.Core.off

    def off(session: core.Core, reason: str) -> None:
        right(session, reason)
        kept = session.out.take()
        for effect in kept[1:]:
            session.out.emit(effect)

    patch.setattr(core.Core, "off", off)
    patch.setattr(link.Link, "repeat_off", lambda *_: None)
    patch.setattr(link.Link, "due_us", lambda *_: None)


@bug("a stop is never repeated", "stop")
def _(patch: Patch) -> None:
    def once(_driver: BaseDriver, off: Off, now_us: int) -> None:
        off.due_us = now_us + 30_000

    patch.setattr(BaseDriver, "_repeat_off", once)


@bug("a stop waits behind what is in flight", "stop", kinds=WIRE)
def _(patch: Patch) -> None:
    def last(exchange: Exchange, call: Any) -> list[int]:
        exchange.put(call)
        return []

    patch.setattr(Exchange, "interrupt", last)


@bug("an acknowledged stop counts as off, unread", "off", "stop", kinds=DEVICE)
def _(patch: Patch) -> None:
    right = BaseDriver._stop_acknowledged

    def believed(driver: BaseDriver, got: Got) -> None:
        right(driver, got)
        if driver.is_off_pending:
            driver._off_confirmed(got.now_us)
            got.reports.append(reports.DeviceStatus(output_on=False, level_open=False))

    patch.setattr(BaseDriver, "_stop_acknowledged", believed)


@bug("asking for off is taken for off", "off")
def _(patch: Patch) -> None:
    def rash(session: core.Core, reason: str) -> None:  # noqa: ARG001
        session.see_output(OutputState.OFF)
        session.link.off_confirmed()

    patch.setattr(core.Core, "off", rash)


@bug("a device that is lost goes on being stimulated with", "stop", kinds=WIRE)
def _(patch: Patch) -> None:
    handle(patch, reports.DeviceLost, lambda *_: None)
    patch.setattr(lease, "STATUS_FRESH_US", 10**12)


@bug("a stale status is as good as a fresh one", "stop", kinds=(*WIRE, *DEVICE))
def _(patch: Patch) -> None:
    patch.setattr(lease, "STATUS_FRESH_US", 10**12)
    patch.setattr(Exchange, "overdue", lambda *_: None)


# -- what flows -------------------------------------------------------------------------------------------------------


@bug("twice the current (a slip of units)", "ceiling", "raise")
def _(patch: Patch) -> None:
    blind(patch)
    planned = WindowPlayer._planned
    patch.setattr(WindowPlayer, "_planned", lambda self, pulse: MicroAmp(2 * planned(self, pulse)))


@bug("the top of the ramp is one step too high", "ceiling")
def _(patch: Patch) -> None:
    blind(patch)
    target = WindowPlayer._target
    patch.setattr(WindowPlayer, "_target", lambda self: MicroAmp(target(self) + 500))


@bug("the ramp is skipped", "slew", "ramp")
def _(patch: Patch) -> None:
    blind(patch)
    patch.setattr(WindowPlayer, "_ramp_pulses", lambda *_: 1)


@bug("after a pause it goes on at the full level", "slew", "ramp")
def _(patch: Patch) -> None:
    blind(patch)
    right = WindowPlayer._ramp_pulses
    patch.setattr(
        WindowPlayer,
        "_ramp_pulses",
        lambda self, level: 1 if self.first and self.contraction > 1 else right(self, level),
    )


@bug("rises do not wait while a command is unanswered", "slew", "slope", kinds=WIRE)
def _(patch: Patch) -> None:
    blind(patch)
    right = WindowPlayer.turn
    patch.setattr(WindowPlayer, "turn", lambda self, now_us, **_: right(self, now_us))


@bug("a fall is written down and not sent", "ceiling")
def _(patch: Patch) -> None:
    blind(patch)
    right = Run.set_level

    def keep(run: Run, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        return right(run, channel, level_ua, now_us) if level_ua >= run.levels_ua[channel] else []

    patch.setattr(Run, "set_level", keep)


@bug("a raise is two steps", "raise")
def _(patch: Patch) -> None:
    blind(patch)
    right = levels.step_ua
    patch.setattr(levels, "step_ua", lambda session, channel: 2 * right(session, channel))


@bug("a held key raises at its own pace", "raise-rate")
def _(patch: Patch) -> None:
    blind(patch)
    patch.setattr(levels, "_interval_us", lambda *_: 0)


@bug("a raise counts on any screen, however old", "stale")
def _(patch: Patch) -> None:
    patch.setattr(shown, "SNAPSHOT_FRESH_US", 10**12)
    patch.setattr(shown, "REMEMBERED", 10**6)


@bug("a raise is played before its authorisation is durable", "ceiling", kinds=HOST)
def _(patch: Patch) -> None:
    blind(patch)
    right = levels.ask_raise

    def at_once(session: core.Core, channel: int) -> None:
        right(session, channel)
        levels.granted(session, session.authority.number)

    patch.setattr(levels, "ask_raise", at_once)


@bug("a fault keeps the levels of before", "raise", "raise-rate")
def _(patch: Patch) -> None:
    patch.setattr(found.FoundLevels, "lose_levels", lambda *_: None)


@bug("channels are counted from the other end by one", "channel", "shape", "ceiling")
def _(patch: Patch) -> None:
    def shift(command: SetOutput, data: bytes) -> bytes:  # noqa: ARG001
        return bytes((data[0] << 1 & 0xFF,)) + data[1:]

    encode(patch, shift)


@bug("the second phase is half a milliampere short", "balance")
def _(patch: Patch) -> None:
    def unbalanced(command: SetOutput, data: bytes) -> bytes:  # noqa: ARG001
        return data[:-2] + bytes((data[-2] ^ 0x04, data[-1])) if len(data) > 4 else data

    encode(patch, unbalanced)


@bug("twice the rate", "period", "rate")
def _(patch: Patch) -> None:
    encode_other(patch, lambda output: replace(output, period_us=Micros(output.period_us // 2)))


@bug("width and current change places", "shape", "width")
def _(patch: Patch) -> None:
    encode_other(
        patch,
        lambda output: (
            replace(
                output,
                amplitude_ua=MicroAmp(output.pulse_width_us // 5 * 500),
                pulse_width_us=Micros(max(20, output.amplitude_ua // 500)),
            )
            if output.amplitude_ua
            else output
        ),
    )


@bug("the gap between the phases is left out", "shape")
def _(patch: Patch) -> None:
    encode_other(patch, lambda output: replace(output, interphase_us=Micros(0)))


# -- rises that nobody asked for: the interlock refuses each of them, and the world says that it had to ----------------


@bug("one key asks for two raises", "tripped")
def _(patch: Patch) -> None:
    right = levels.ask_raise

    def twice(session: core.Core, channel: int) -> None:
        right(session, channel)
        right(session, channel)

    patch.setattr(levels, "ask_raise", twice)


@bug("a raise is two steps of what L15 allows", "tripped")
def _(patch: Patch) -> None:
    right = levels.step_ua
    patch.setattr(levels, "step_ua", lambda session, channel: 2 * right(session, channel))


@bug("raises follow one another at once", "tripped")
def _(patch: Patch) -> None:
    patch.setattr(levels, "_interval_us", lambda *_: 0)


@bug("a fall raises", "tripped")
def _(patch: Patch) -> None:
    right = Run.set_level

    def other_way(run: Run, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        falls = level_ua < run.levels_ua[channel]
        return right(run, channel, 2 * run.levels_ua[channel] if falls else level_ua, now_us)

    patch.setattr(Run, "set_level", other_way)


@bug("a level that was lowered comes back with the next contraction", "tripped")
def _(patch: Patch) -> None:
    right, before = Run.set_level, Run._play

    def lowered(run: Run, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        run.__dict__.setdefault("was", {})[channel] = max(run.levels_ua[channel], level_ua)
        return right(run, channel, level_ua, now_us)

    def play_again(run: Run, window: Window, onset_us: int) -> None:
        run.levels_ua.update(run.__dict__.get("was", {}))
        before(run, window, onset_us)

    patch.setattr(Run, "set_level", lowered)
    patch.setattr(Run, "_play", play_again)


@bug("an authorisation holds half as much again", "tripped")
def _(patch: Patch) -> None:
    right = covering.peaks_of
    patch.setattr(
        authority,
        "peaks_of",
        lambda *how: tuple(replace(peak, peak_ua=peak.peak_ua * 3 // 2) for peak in right(*how)),
    )


@bug("what was authorised before a pause counts after it", "tripped")
def _(patch: Patch) -> None:
    patch.setattr(authority.Authority, "end", lambda *_: None)


@bug("a therapy plays more than was found", "tripped")
def _(patch: Patch) -> None:
    right = preparing._with_found

    def more(session: core.Core, setup: Setup) -> Setup:
        made = right(session, setup)
        raised = [replace(one, level_ua=one.level_ua and MicroAmp(one.level_ua + 1_000)) for one in made.channels]
        return replace(made, channels=tuple(raised))

    patch.setattr(preparing, "_with_found", more)
    patch.setattr(after_stop, "known_ua", lambda _, scheduled: scheduled.level_ua)  # a start asks anew


@bug("the plateau dips and comes back", "tripped")
def _(patch: Patch) -> None:
    right = WindowPlayer._planned

    def dips(player: WindowPlayer, pulse: int) -> MicroAmp:
        return MicroAmp(right(player, pulse) - (500 if pulse % 40 == 39 and right(player, pulse) > 1_000 else 0))

    patch.setattr(WindowPlayer, "_planned", dips)
    patch.setattr(WindowPlayer, "_look_ahead", look_at_each)


# -- what surrounds a controller: slow disks, late turns, signals, lines of a front gone wrong --------------------


@bug("a record that is late is of no matter", "stop", kinds=("slow-disk",))
def _(patch: Patch) -> None:
    patch.setattr(lease, "RECORD_FRESH_US", 10**12)


@bug("the lease is never told what waits for the disk", "stop", kinds=("slow-disk",))
def _(patch: Patch) -> None:
    patch.setattr(lease.Lease, "record", lambda *_: None)


@bug("a raise waits for no step that has not come", "tripped", kinds=("stutter",))
def _(patch: Patch) -> None:
    patch.setattr(levels, "_flows_whole", lambda *_: True)


@bug("a signal is not heard", "stop", kinds=("signal",))
def _(patch: Patch) -> None:
    handle(patch, events.Signal, lambda *_: None)


@bug("a fall by less than nothing passes the door and raises", "tripped", kinds=("odd-lines",))
def _(patch: Patch) -> None:
    patch.setattr(messages, "RANGES", {**messages.RANGES, "percent": (-1_000, 1_000)})
    right = Run.set_level

    def either_way(run: Run, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        falls = level_ua < run.levels_ua[channel]
        return right(run, channel, 2 * run.levels_ua[channel] - level_ua if falls else level_ua, now_us)

    patch.setattr(Run, "set_level", either_way)


@bug("a device that hangs is waited for", "stop", kinds=("hang", "silence"))
def _(patch: Patch) -> None:
    handle(patch, reports.DeviceLost, lambda *_: None)
    patch.setattr(lease, "STATUS_FRESH_US", 30_000_000)


@bug("the front is there although its pipe has ended", "stop", kinds=("console-gone",))
def _(patch: Patch) -> None:
    handle(patch, events.ConsoleGone, lambda *_: None)


@bug("a turn is late only after 2.5 s", "stop", kinds=("late-turn",))
def _(patch: Patch) -> None:
    right = engine._HANDLERS[events.ClockJumped]
    handle(patch, events.ClockJumped, lambda made, jump: right(made, jump) if jump.late_us >= 2_500_000 else None)


def taken_for(patch: Patch, made: events.Request) -> None:
    """A line that is refused is taken for this."""
    right = messages.decode_request

    def read(line: bytes) -> object:
        request = right(line)
        return made if isinstance(request, messages.Refused) else request

    patch.setattr(around, "decode_request", read)


@bug("a line that nobody understands resumes", "odd-line", kinds=("odd-lines",))
def _(patch: Patch) -> None:
    taken_for(patch, events.Resume(id=7))


@bug("a line that nobody understands starts", "odd-line", kinds=("odd-lines",))
def _(patch: Patch) -> None:
    taken_for(patch, events.Start(id=7))


@bug("a pad in the air is of no matter", "stop", kinds=("lead-off",))
def _(patch: Patch) -> None:
    handle(patch, reports.ChannelFault, lambda *_: None)
    patch.setattr(device, "_check_against_plan", lambda *_, **__: None)  # which sees by itself that output is gone


# -- the record -------------------------------------------------------------------------------------------------------


@bug("each 40th line is dropped", "charge", "missing", "dose")
def _(patch: Patch) -> None:
    right, count = Runner._append, [0]

    def append(runner: Runner, line: Line, now_us: int, **named: Any) -> int | None:
        count[0] += 1
        return None if count[0] % 40 == 0 else right(runner, line, now_us, **named)

    patch.setattr(Runner, "_append", append)


@bug("the dose leaves the last pulse of each amplitude out", "dose")
def _(patch: Patch) -> None:
    right = ledger.Account.add

    def short(account: ledger.Account, booking: Booking, *how: Any) -> None:
        right(account, booking._replace(pulses=booking.pulses - 1), *how)

    patch.setattr(ledger.Account, "add", short)


@bug("the record's clock counts milliseconds", "off-in-record", "charge", "record")
def _(patch: Patch) -> None:
    right = Chain.line
    patch.setattr(Chain, "line", lambda self, kind, fields, t_us: right(self, kind, fields, t_us // 1_000))


@bug("checkpoints sign what they stand before backwards", "record")
def _(patch: Patch) -> None:
    right = Chain.checkpoint

    def early(self: Chain, sign: Any, *arguments: Any, **named: Any) -> bytes:
        return right(self, lambda message: sign(message[::-1]), *arguments, **named)

    patch.setattr(Chain, "checkpoint", early)


@bug("a note is accepted and not written", "missing")
def _(patch: Patch) -> None:
    handle(patch, events.Note, lambda session, request: session.accept(request.id))


@bug("the dose is written down at the end alone", "dose")
def _(patch: Patch) -> None:
    patch.setattr(ledger.Ledger, "log_dose", lambda *_: None)


@bug("a list goes on by itself", "list", model="rehastim1")
def _(patch: Patch) -> None:
    right = lists.encode_init
    patch.setattr(lists, "encode_init", lambda wanted: right(wanted)[:-1] + bytes((48,)))  # main time 25 ms, not 0


@bug("a list is asked for twice in its period", "period", "booked", model="rehastim1")
def _(patch: Patch) -> None:
    right = Pace.sent

    def early(pace: Pace, now_us: int) -> None:
        right(pace, now_us)
        pace.due_us = (now_us + pace.due_us) // 2

    patch.setattr(Pace, "sent", early)


@bug("a session that everybody left stays open", "closed")
def _(patch: Patch) -> None:
    patch.setattr(ending, "end_if_left", lambda _session: None)


@bug("a command that was never sent is taken for obeyed", "booked")
def _(patch: Patch) -> None:
    patch.setattr(link.Link, "superseded", lambda self, number: self._unanswered.pop(number, None))
    patch.setattr(ledger.Ledger, "leave", lambda *_: None)  # which books by itself what falls before an answer


@bug("what may come after an off is not booked", "booked")
def _(patch: Patch) -> None:
    patch.setattr(ledger.Ledger, "doubt", lambda *_: None)
